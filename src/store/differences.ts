/**
 * Compares a table that is there already with the one that jules makes, column by column: what differs, what it stops, and the
 * statement that mends it.
 */
import { Failure } from '../base/errors.js'
import { isCastable } from './casts.js'
import type { Catalog, FoundColumn, FoundTable } from './catalog.js'
import {
  BARS,
  type Column,
  columnSql,
  identifier,
  keySql,
  MIGRATIONS_TABLE,
  TABLES,
  type Table,
} from './tables.js'

export interface Difference {
  readonly words: string
  /** SQL that mends it, or null where none can. */
  readonly remedy: string | null
  /** What cannot be done as it is: nothing, where a cast is exact or the rows decide. */
  readonly stops: 'all' | 'writing' | 'nothing'
}

/** What has rows and is no table. */
const KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
}

/** What takes the name and has no rows. */
const NAMESAKES: Readonly<Record<string, string>> = {
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a type',
  T: 'a type',
}

/** The way out that is always there. */
export const APART = '--schema NAME keeps tables of jules apart from others'

/** What the tables of the schema have otherwise than jules's own. */
export function differencesIn(
  catalog: Catalog,
  schema: string,
  tables: readonly Table[] = [...TABLES, MIGRATIONS_TABLE],
): Difference[] {
  return tables.flatMap((table) => {
    const found = catalog.get(table.name)
    return found === undefined ? [] : compare(table, found, `${plainly(schema)}.${table.name}`)
  })
}

/** Throws 78 where a difference stops the work, with the first few named. */
export function refuseDifferent(
  differences: readonly Difference[],
  work: 'reading' | 'writing',
  hint = `"jules db init" names every difference and how to mend it; ${APART}`,
): void {
  const stopping = differences.filter(({ stops }) => stops === 'all' || stops === work)
  if (stopping.length === 0) return
  const more = stopping.length > 4 ? `; and ${stopping.length - 4} more` : ''
  const words = stopping.slice(0, 4).map((difference) => difference.words)
  throw new Failure('config', `the tables that are there are not jules's: ${words.join('; ')}${more}`, {
    hint,
  })
}

/** Throws 77 where the role may not write bars: told before the first of them is read. */
export function refuseUngranted(catalog: Catalog, schema: string): void {
  const found = catalog.get(BARS.name)
  if (found === undefined || found.lacking.length === 0) return
  const { role, lacking } = found
  throw new Failure('denied', `the role ${role} has no right to ${lacking.join(', ')} on ${BARS.name}`, {
    hint: `as its owner: GRANT ${lacking.join(', ')} ON ${plainly(schema)}.${BARS.name} TO ${identifier(role)}`,
  })
}

function compare(table: Table, found: FoundTable, path: string): Difference[] {
  const differences: Difference[] = []
  const kind = KINDS[found.kind]
  const say = (words: string, stops: Difference['stops'], remedy: string | null) =>
    differences.push({
      words: `${table.name} ${words}`,
      stops,
      // What is no table is made of others: its owner knows how.
      remedy: remedy === null || kind !== undefined ? null : `${remedy};`,
    })
  const namesake = NAMESAKES[found.kind]
  if (namesake !== undefined) {
    say(`is ${namesake}, not a table`, 'all', null)
    return differences
  }
  const alter = (change: string) => `ALTER TABLE ${path} ${change}`
  if (kind !== undefined) say(`is ${kind}, not a table`, 'writing', null)
  if (found.rules) say('has rules, which change what is written', 'writing', null)
  if (found.children)
    say('has tables that inherit from it, of whose rows its key knows nothing', 'writing', null)
  if (found.rowSecurity) say('has policies for its rows: what they hide is not seen', 'nothing', null)
  if (found.triggers && found.owner !== null)
    say(
      `belongs to the role ${found.owner}, whose triggers run with the rights of ${found.role}`,
      'nothing',
      null,
    )
  if (found.unlogged) say('is unlogged: a crash of the server empties it', 'nothing', alter('SET LOGGED'))
  const renamed = new Map(
    table.columns.map((column): [string, FoundColumn | undefined] => [column.name, otherName(column, found)]),
  )
  for (const column of table.columns) {
    const there = found.columns.find(({ name }) => name === column.name)
    const name = identifier(column.name)
    const other = renamed.get(column.name)
    if (other !== undefined) {
      say(
        `has no column ${column.name} but ${other.name}`,
        'all',
        alter(`RENAME COLUMN ${identifier(other.name)} TO ${name}`),
      )
    }
    const compared = there ?? other
    if (compared !== undefined) {
      for (const { words, stops, change } of compareColumn(table, column, compared)) {
        // The columns of a view say nothing of nulls.
        if (kind !== undefined && words === MAY_BE_NULL) continue
        say(`${compared.name} ${words}`, stops, change === null ? null : alter(change))
      }
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
    if ([...renamed.values()].includes(column) || table.columns.some(({ name }) => name === column.name))
      continue
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
  if (kind === undefined && !found.keys.some(({ columns, immediate }) => immediate && isKey(columns))) {
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

/** The column that stands for a missing one: the same name in other letters, or another usual name of the time. */
function otherName({ name: own }: Column, { columns }: FoundTable): FoundColumn | undefined {
  if (columns.some(({ name }) => name === own)) return undefined
  const same = columns.find(({ name }) => name.toLowerCase() === own)
  if (same !== undefined || own !== 'time') return same
  return columns.find(
    ({ name, type }) => /^(timestamp|datetime|date|ts)$/i.test(name) && /^(timestamp|date)/.test(type),
  )
}

const MAY_BE_NULL = 'may be null'

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
    const zone = column.type.startsWith('timestamp') ? zoneOf(found.type) : null
    const taken = zone === null ? '' : ` (the statement takes it for the time of ${zone})`
    changes.push({
      words: `is ${found.type}, not ${column.type}${exact ? ': values that it cannot hold exactly are refused' : taken}`,
      // Nobody reads what the database computes.
      stops: exact ? 'nothing' : column.computed === undefined ? 'all' : 'writing',
      // A list is no single value.
      change: found.type.endsWith('[]') ? null : type,
    })
  } else if (width < (column.longest ?? Infinity)) {
    changes.push({ words: `is ${found.type}: longer values are refused`, stops: 'nothing', change: type })
  }
  if (found.generated) changes.push({ words: 'is generated', stops: 'writing', change: null })
  if (column.required && !found.required && column.computed === undefined) {
    changes.push({ words: MAY_BE_NULL, stops: 'nothing', change: `${alter} SET NOT NULL` })
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

/** Whose wall time a type without a zone is taken for: the dates of bars are those of New York; or null. */
function zoneOf(found: string): string | null {
  if (/^timestamp.* without/.test(found)) return 'UTC'
  return found === 'date' ? 'America/New_York' : null
}

/** Types say themselves how they are read as text, but for wall times and amounts of money. */
function usingFor({ name, type }: Column, { type: found }: FoundColumn): string {
  const column = identifier(name)
  const zone = type === 'timestamp with time zone' ? zoneOf(found) : null
  if (zone !== null) return ` USING ${column}::timestamp AT TIME ZONE '${zone}'`
  if (type === 'text') return ` USING ${column}::text`
  return ` USING ${column}::${found === 'money' ? 'numeric' : 'text'}::${type}`
}

const plainly = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : identifier(name))
