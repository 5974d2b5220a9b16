/** Stores records other than bars, in their tables, by upsert through jsonb_to_recordset. */
import type { Client } from 'pg'
import { badData } from '../base/errors.js'
import { parseTime } from '../base/stamp.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { BadRecord, type Problem } from '../market/problem.js'
import type { OtherRecord } from '../market/reading.js'
import { isObject, type JsonObject } from '../stream/json.js'
import type { Catalog } from './catalog.js'
import { type Column, identifier, keySql, RECORD_TABLES, type Table } from './tables.js'

/** The columns that a record has values for. */
const filled = (table: Table | undefined): Column[] =>
  (table?.columns ?? []).filter(({ computed }) => computed === undefined)

/** What a record has for a column. */
const heldIn = ({ name, at = [name] }: Column, object: JsonObject): unknown =>
  at.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), object)

export const isStored = (type: string): boolean => Object.hasOwn(RECORD_TABLES, type)

/** What is wrong with a record of a stored type, or null. */
export function checkRecord({ type, object }: OtherRecord): Problem | null {
  const table = Object.hasOwn(RECORD_TABLES, type) ? RECORD_TABLES[type] : undefined
  for (const column of filled(table)) {
    const { type: kind, required, fallback, at = [column.name] } = column
    const name = at.join('.')
    const value = heldIn(column, object)
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
  catalog: Catalog,
  records: readonly OtherRecord[],
): Promise<{ written: number; unchanged: number }> {
  let written = 0
  let unchanged = 0
  for (const kind of kindsOf(records)) {
    const { table, objects } = kind
    const { name: into, key } = table
    if (key.includes('run')) await refuseOtherRuns(client, kind)
    const { names, values, of, rows } = wordsOf(table)
    const { rowCount } = await client.query(
      `INSERT INTO ${into} AS t (${names})
       SELECT ${names} FROM ${rows}
       ON CONFLICT (${keySql(table)})
       DO UPDATE SET ${values.map((name) => `${name} = excluded.${name}`).join(', ')}
       WHERE (${of('t')}) IS DISTINCT FROM (${of('excluded')})`,
      [JSON.stringify(objects)],
    )
    written += rowCount ?? 0
    unchanged += objects.length - (rowCount ?? 0)
    if (catalog.get(into)?.triggers) await refuseChanged(client, kind, `a trigger of ${into}`)
    const runs = [...new Set(objects.map(({ run }) => run))].filter((run) => typeof run === 'string')
    await client.query('INSERT INTO runs (run) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [runs])
    if (catalog.get('runs')?.triggers) await refuseLostRuns(client, runs)
  }
  return { written, unchanged }
}

/** What a set of records stands for: all reports of these dates and rule sets. */
export interface Reports {
  readonly dates: readonly string[]
  readonly rulesets: readonly string[]
}

/**
 * Puts the records in the place of all reports of their dates and rule sets: those that are not among them go, and those that are
 * there stay as they are. One transaction is around it.
 */
export async function replaceReports(
  client: Client,
  catalog: Catalog,
  { dates, rulesets, records }: Reports & { readonly records: readonly OtherRecord[] },
): Promise<void> {
  const table = RECORD_TABLES.quality!
  const objects = latest(records, table.key, filled(table))
  await client.query(
    `DELETE FROM ${table.name} AS t WHERE t.date = ANY ($2::date[]) AND t.ruleset = ANY ($3::text[])
       AND NOT EXISTS (SELECT 1 FROM ${wordsOf(table).rows} WHERE (${keyOf(table, 'r')}) = (${keyOf(table, 't')}))`,
    [JSON.stringify(objects), dates, rulesets],
  )
  await storeRecords(client, catalog, records)
}

/** Throws 65 where the tables do not hold the records as they are; returns how many were looked at. */
export async function verifyRecords(client: Client, records: readonly OtherRecord[]): Promise<number> {
  let count = 0
  for (const kind of kindsOf(records)) {
    await refuseChanged(client, kind, 'the database')
    count += kind.objects.length
  }
  return count
}

interface Kind {
  readonly type: string
  readonly table: Table
  readonly objects: readonly JsonObject[]
}

function kindsOf(records: readonly OtherRecord[]): Kind[] {
  const kinds = Object.entries(RECORD_TABLES).map(([type, table]) => ({
    type,
    table,
    objects: latest(
      records.filter((record) => record.type === type),
      table.key,
      filled(table),
    ),
  }))
  return kinds.filter(({ objects }) => objects.length > 0)
}

/** Pieces of statements about a table: its columns, those beside the key, and the records of parameter 1 as its rows `r`. */
function wordsOf(table: Table) {
  const columns = filled(table)
  const beside = columns.filter(({ name }) => !table.key.includes(name))
  const values = beside.map(({ name }) => identifier(name))
  const fixed = beside.filter(({ measured }) => !measured).map(({ name }) => identifier(name))
  const listed = (names: readonly string[]) => (alias: string) =>
    names.map((name) => `${alias}.${name}`).join(', ')
  return {
    names: columns.map(({ name }) => identifier(name)).join(', '),
    values,
    of: listed(values),
    /** What a run gives the same each time. */
    fixed,
    ofFixed: listed(fixed),
    rows: `jsonb_to_recordset($1) AS r (${columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ')})`,
  }
}

/** Throws 65 where a record of a run is there and differs: a run gives the same records each time, so this is another of its name. */
async function refuseOtherRuns(client: Client, { type, table, objects }: Kind): Promise<void> {
  const { fixed, ofFixed, rows: given } = wordsOf(table)
  if (fixed.length === 0) return
  const { rows } = await client.query(
    `SELECT t.run, t."time" FROM ${given} JOIN ${table.name} AS t USING (${keySql(table)})
     WHERE (${table.repeated ?? 'true'}) AND (${ofFixed('t')}) IS DISTINCT FROM (${ofFixed('r')}) ORDER BY t."time" LIMIT 1`,
    [JSON.stringify(objects)],
  )
  const [found] = rows
  if (found === undefined) return
  throw badData(
    `the store has another run ${quote(found.run)}: its ${type} record of ${formatTime(found.time.getTime())} differs`,
    { hint: 'give this run a name of its own, such as jules backtest --run NAME' },
  )
}

/** Throws 65 where a record does not stand in its table as it was given. */
async function refuseChanged(client: Client, { type, table, objects }: Kind, who: string): Promise<void> {
  const { of, rows: given } = wordsOf(table)
  const there = identifier(table.key[0]!)
  const { rows } = await client.query(
    `SELECT concat_ws(' ', ${table.key.map((name) => `r.${identifier(name)}`).join(', ')}) AS key, t.${there} IS NULL AS dropped
     FROM ${given} LEFT JOIN ${table.name} AS t ON (${keyOf(table, 'r')}) = (${keyOf(table, 't')})
     WHERE t.${there} IS NULL OR (${of('t')}) IS DISTINCT FROM (${of('r')}) LIMIT 1`,
    [JSON.stringify(objects)],
  )
  const [found] = rows
  if (found === undefined) return
  throw badData(`${who} ${found.dropped ? 'leaves out' : 'changes'} the ${type} record ${quote(found.key)}`)
}

async function refuseLostRuns(client: Client, names: readonly unknown[]): Promise<void> {
  const { rows } = await client.query(
    'SELECT unnest($1::text[]) AS run EXCEPT SELECT run FROM runs LIMIT 1',
    [names],
  )
  if (rows[0] !== undefined) throw badData(`a trigger of runs leaves out the run ${quote(rows[0].run)}`)
}

const keyOf = ({ key }: Table, alias: string): string =>
  key.map((name) => `${alias}.${identifier(name)}`).join(', ')

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
      columns.map((column) => [column.name, heldIn(column, record.object) ?? column.fallback ?? null]),
    )
    byKey.set(JSON.stringify(key.map((name) => row[name])), row)
  }
  return [...byKey.values()]
}
