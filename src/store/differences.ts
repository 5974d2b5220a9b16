/**
 * Compares a table that is there already with the one that jules makes, column by column: what differs, what it stops, and the
 * statement that mends it.
 */
import { Failure } from '../base/errors.js'
import { isCastable } from './casts.js'
import type { Catalog, FoundColumn, FoundTable } from './catalog.js'
import { BARS, type Column, columnSql, identifier, keySql, TABLES, type Table } from './tables.js'

export interface Difference {
  readonly words: string
  /** SQL that mends it, or null where none can. */
  readonly remedy: string | null
  /** What cannot be done as it is: nothing, where a cast is exact or the rows decide. */
  readonly stops: 'all' | 'writing' | 'nothing'
}

const KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
}

/** What the tables of the schema have otherwise than jules's own. */
export function differencesIn(
  catalog: Catalog,
  schema: string,
  tables: readonly Table[] = TABLES,
): Difference[] {
  return tables.flatMap((table) => {
    const found = catalog.get(table.name)
    return found === undefined ? [] : compare(table, found, `${plainly(schema)}.${table.name}`)
  })
}

/** Throws 78 where a difference stops the work, with the first few named. */
export function refuseDifferent(differences: readonly Difference[], work: 'reading' | 'writing'): void {
  const stopping = differences.filter(({ stops }) => stops === 'all' || stops === work)
  if (stopping.length === 0) return
  const more = stopping.length > 4 ? `; and ${stopping.length - 4} more` : ''
  const words = stopping.slice(0, 4).map((difference) => difference.words)
  throw new Failure('config', `the tables that are there are not jules's: ${words.join('; ')}${more}`, {
    hint: '"jules db init" names every difference and how to mend it; --schema NAME keeps tables of jules apart from others',
  })
}

function compare(table: Table, found: FoundTable, path: string): Difference[] {
  const differences: Difference[] = []
  const say = (words: string, stops: Difference['stops'], remedy: string | null) =>
    differences.push({
      words: `${table.name} ${words}`,
      stops,
      remedy: remedy === null ? null : `${remedy};`,
    })
  const alter = (change: string) => `ALTER TABLE ${path} ${change}`
  const kind = KINDS[found.kind]
  if (kind !== undefined) say(`is ${kind}, not a table`, 'writing', null)
  const renamed = renamedTime(table, found)
  for (const column of table.columns) {
    const there = found.columns.find(({ name }) => name === column.name)
    const name = identifier(column.name)
    if (there !== undefined) {
      for (const { words, stops, change } of compareColumn(table, column, there))
        say(`${column.name} ${words}`, stops, change === null ? null : alter(change))
    } else if (column.name === 'time' && renamed !== undefined) {
      say(
        `has no column time but ${renamed.name}`,
        'all',
        alter(`RENAME COLUMN ${identifier(renamed.name)} TO "time"`),
      )
      for (const { words, stops, change } of compareColumn(table, column, renamed))
        say(`${renamed.name} ${words}`, stops, change === null ? null : alter(change))
    } else if (table === BARS && column.name === 'interval') {
      // A table without lengths holds bars of one; which one only its owner knows.
      say(
        `has no column ${column.name} (the statement takes its bars for bars of one minute)`,
        'all',
        alter(`ADD COLUMN ${name} text NOT NULL DEFAULT '1m'`),
      )
    } else {
      say(
        `has no column ${column.name}`,
        column.computed === undefined ? 'all' : 'writing',
        alter(`ADD COLUMN ${columnSql(column)}`),
      )
    }
  }
  for (const column of found.columns) {
    if (column === renamed || table.columns.some(({ name }) => name === column.name)) continue
    if (!column.required || column.default) continue
    say(
      `${column.name} is NOT NULL without a default, and no column that jules fills`,
      'writing',
      // A column of the primary key is never null.
      found.keys.some(({ primary, columns }) => primary && columns.includes(column.name))
        ? null
        : alter(`ALTER COLUMN ${identifier(column.name)} DROP NOT NULL`),
    )
  }
  const isKey = (columns: readonly string[]) =>
    columns.length === table.key.length && table.key.every((name) => columns.includes(name))
  if (kind === undefined && !found.keys.some(({ columns }) => isKey(columns))) {
    const taken = found.keys.some(({ primary }) => primary)
    say(
      `has no unique key (${table.key.join(', ')})`,
      'writing',
      taken
        ? `CREATE UNIQUE INDEX ON ${path} (${keySql(table)})`
        : alter(`ADD PRIMARY KEY (${keySql(table)})`),
    )
  }
  return differences
}

/** The column that stands for the missing time of a bar under another usual name. */
function renamedTime(table: Table, { columns }: FoundTable): FoundColumn | undefined {
  if (columns.some(({ name }) => name === 'time')) return undefined
  if (!table.columns.some(({ name }) => name === 'time')) return undefined
  return columns.find(
    ({ name, type }) => /^(timestamp|datetime|date|ts)$/i.test(name) && /^(timestamp|date)/.test(type),
  )
}

interface Change {
  readonly words: string
  readonly stops: Difference['stops']
  /** What follows ALTER TABLE name. */
  readonly change: string | null
}

function compareColumn(table: Table, column: Column, found: FoundColumn): Change[] {
  const changes: Change[] = []
  const alter = `ALTER COLUMN ${identifier(column.name)}`
  const type = `${alter} TYPE ${column.type}${usingFor(column, found)}`
  const width = Number(/^character varying\((\d+)\)$/.exec(found.type)?.[1] ?? Infinity)
  if (!isSame(column, found.type)) {
    const exact = table === BARS && isCastable(column, found.type)
    changes.push({
      words: `is ${found.type}, not ${column.type}${exact ? ': values that it cannot hold exactly are refused' : ''}`,
      stops: exact ? 'nothing' : 'all',
      change: type,
    })
  } else if (width < (column.longest ?? Infinity)) {
    changes.push({ words: `is ${found.type}: longer values are refused`, stops: 'nothing', change: type })
  }
  if (found.generated) changes.push({ words: 'is generated', stops: 'writing', change: null })
  if (column.required && !found.required && column.computed === undefined) {
    changes.push({ words: 'may be null', stops: 'nothing', change: `${alter} SET NOT NULL` })
  }
  if (!column.required && found.required) {
    changes.push({
      words: 'is NOT NULL: rows without it are refused',
      stops: 'nothing',
      change: `${alter} DROP NOT NULL`,
    })
  }
  if (column.computed !== undefined && found.required && !found.default) {
    changes.push({
      words: 'has no default',
      stops: 'writing',
      change: `${alter} SET DEFAULT ${column.computed}`,
    })
  }
  return changes
}

/** Types that travel in binary as jules's own and keep every value that jules writes, or say that they cannot. */
function isSame({ type }: Column, found: string): boolean {
  if (type === 'text') return /^(text|character varying(\(\d+\))?)$/.test(found)
  if (type === 'timestamp with time zone') return /^timestamp(\([3-6]\))? with time zone$/.test(found)
  return type === found
}

/** A wall time without a zone is taken for UTC; other types say themselves how they are read as text. */
function usingFor({ name, type }: Column, { type: found }: FoundColumn): string {
  const column = identifier(name)
  if (type === 'timestamp with time zone' && /^timestamp.* without/.test(found)) {
    return ` USING ${column} AT TIME ZONE 'UTC'`
  }
  return ` USING ${column}::text::${type}`
}

const plainly = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : identifier(name))
