/** Stores records other than bars, in their tables, by upsert through jsonb_to_recordset. */
import type { Client } from 'pg'
import { badData } from '../base/errors.js'
import { parseTime } from '../base/stamp.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { BadRecord, type Problem } from '../market/problem.js'
import type { OtherRecord } from '../market/reading.js'
import type { JsonObject } from '../stream/json.js'
import { type Column, RECORD_TABLES, type Table } from './tables.js'

/** The columns that a record has values for. */
const filled = (table: Table | undefined): Column[] =>
  (table?.columns ?? []).filter(({ computed }) => computed === undefined)

export const isStored = (type: string): boolean => Object.hasOwn(RECORD_TABLES, type)

/** What is wrong with a record of a stored type, or null. */
export function checkRecord({ type, object }: OtherRecord): Problem | null {
  const table = Object.hasOwn(RECORD_TABLES, type) ? RECORD_TABLES[type] : undefined
  for (const { name, type: kind, required, fallback } of filled(table)) {
    const value = object[name]
    if (value === undefined || value === null) {
      if (required && fallback === undefined)
        return { field: name, rule: 'missing', words: 'is missing', value }
    } else if (kind === 'double precision' && (typeof value !== 'number' || !Number.isFinite(value))) {
      return { field: name, rule: 'not-a-number', words: `expected a number, got ${quote(value)}`, value }
    } else if (kind === 'text' && (typeof value !== 'string' || value.includes('\u0000'))) {
      return { field: name, rule: 'not-text', words: `expected a string, got ${quote(value)}`, value }
    } else if (kind === 'timestamp with time zone' || kind === 'date') {
      const problem = checkTime(name, kind === 'date', value)
      if (problem !== null) return problem
    }
  }
  return null
}

function checkTime(field: string, isDate: boolean, value: unknown): Problem | null {
  if (typeof value !== 'string') {
    return { field, rule: 'not-a-time', words: `expected a time, got ${quote(value)}`, value }
  }
  const parsed = parseTime(isDate ? `${value}T00:00:00Z` : value, null)
  return 'error' in parsed ? { field, rule: parsed.rule, words: parsed.error, value } : null
}

/** Upserts the records that have a table, the last of equal keys; others are passed over. One transaction is around it. */
export async function storeRecords(
  client: Client,
  records: readonly OtherRecord[],
): Promise<{ written: number; unchanged: number }> {
  let written = 0
  let unchanged = 0
  for (const [type, table] of Object.entries(RECORD_TABLES)) {
    const { name: into, key } = table
    const columns = filled(table)
    const objects = latest(
      records.filter((record) => record.type === type),
      key,
      columns,
    )
    if (objects.length === 0) continue
    if (key.includes('run')) await refuseOtherRuns(client, type, table, objects)
    const names = columns.map(({ name }) => `"${name}"`).join(', ')
    const values = columns.filter(({ name }) => !key.includes(name))
    const of = (alias: string) => values.map(({ name }) => `${alias}."${name}"`).join(', ')
    const { rowCount } = await client.query(
      `INSERT INTO ${into} AS t (${names})
       SELECT ${names} FROM jsonb_to_recordset($1) AS r (${columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')})
       ON CONFLICT (${key.map((name) => `"${name}"`).join(', ')})
       DO UPDATE SET ${values.map(({ name }) => `"${name}" = excluded."${name}"`).join(', ')}
       WHERE (${of('t')}) IS DISTINCT FROM (${of('excluded')})`,
      [JSON.stringify(objects)],
    )
    written += rowCount ?? 0
    unchanged += objects.length - (rowCount ?? 0)
    const runs = [...new Set(objects.map(({ run }) => run))].filter((run) => typeof run === 'string')
    await client.query('INSERT INTO runs (run) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [runs])
  }
  return { written, unchanged }
}

/** Throws 65 where a record of a run is there and differs: a run gives the same records each time, so this is another of its name. */
async function refuseOtherRuns(
  client: Client,
  type: string,
  table: Table,
  objects: readonly JsonObject[],
): Promise<void> {
  const { name: from, key } = table
  const columns = filled(table)
  const values = columns.filter(({ name }) => !key.includes(name))
  const of = (alias: string) => values.map(({ name }) => `${alias}."${name}"`).join(', ')
  const { rows } = await client.query(
    `SELECT t.run, t."time" FROM jsonb_to_recordset($1) AS r (${columns.map(({ name, type: kind }) => `"${name}" ${kind}`).join(', ')})
     JOIN ${from} AS t USING (${key.map((name) => `"${name}"`).join(', ')})
     WHERE (${of('t')}) IS DISTINCT FROM (${of('r')}) ORDER BY t."time" LIMIT 1`,
    [JSON.stringify(objects)],
  )
  const [found] = rows
  if (found === undefined) return
  throw badData(
    `the store has another run ${quote(found.run)}: its ${type} record of ${formatTime(found.time.getTime())} differs`,
    { hint: 'give this run a name of its own, such as jules backtest --run NAME' },
  )
}

/** ON CONFLICT may not meet one key twice in a statement: the last record of a key stands. */
function latest(
  records: readonly OtherRecord[],
  key: readonly string[],
  columns: readonly Column[],
): JsonObject[] {
  const byKey = new Map<string, JsonObject>()
  for (const record of records) {
    const problem = checkRecord(record)
    if (problem !== null) throw new BadRecord(problem, { where: `line ${record.line}` })
    const row = Object.fromEntries(
      columns.map(({ name, fallback }) => [name, record.object[name] ?? fallback ?? null]),
    )
    byKey.set(JSON.stringify(key.map((name) => row[name])), row)
  }
  return [...byKey.values()]
}
