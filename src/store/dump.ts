/**
 * The tables of jules in files that every version of PostgreSQL reads: COPY in text, each file whole or not there, and of each
 * table a count and a sum over its rows, so that what comes back can be held against what went.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { badData, systemFailure } from '../base/errors.js'
import { quote } from '../base/words.js'
import { BarCasts } from './casts.js'
import { readCatalog } from './catalog.js'
import { differencesIn } from './differences.js'
import { migrate } from './schema.js'
import { BARS, identifier, MIGRATIONS_TABLE, TABLES, type Table } from './tables.js'

/** A table in a file. */
export interface Dumped {
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
  readonly file: string
  readonly rows: number
  /** Over the rows in any order: the same where each row is. */
  readonly sum: string
}

/** What another name and another version could change of a text. */
const SETTINGS = `SET TIME ZONE 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 3; SET bytea_output = 'hex';
  SET client_encoding = 'UTF8'; SET quote_all_identifiers = off; SET statement_timeout = 0; SET search_path = pg_catalog`

const path = ({ schema, table }: Pick<Dumped, 'schema' | 'table'>) =>
  `${identifier(schema)}.${identifier(table)}`

/** Writes each table of jules in every schema that has some. Throws 65 for one that is not of jules's making. */
export async function dumpTables(client: Client, directory: string): Promise<Dumped[]> {
  await client.query(SETTINGS)
  const dumped: Dumped[] = []
  for (const schema of await schemasOf(client)) {
    await refuseOthers(client, schema)
    for (const table of [MIGRATIONS_TABLE, ...TABLES]) {
      const columns = await columnsOf(client, schema, table)
      if (columns.length === 0) continue
      const file = `${String(dumped.length + 1).padStart(4, '0')}.copy`
      await dumpTable(client, { schema, table: table.name, columns, to: join(directory, file) })
      dumped.push({
        ...{ schema, table: table.name, columns, file },
        ...(await sumOf(client, { schema, table: table.name, columns })),
      })
    }
  }
  return dumped
}

/** What files of columns would lose, or another type change: told before anything is made. */
async function refuseOthers(client: Client, schema: string): Promise<void> {
  const catalog = await readCatalog(client, schema)
  const other = differencesIn(catalog, schema).find(({ stops }) => stops !== 'nothing')
  // Whose rows are in other tables, which no file has.
  const parted = [...catalog].find(([, { kind }]) => kind !== 'r')
  const exact = new BarCasts(catalog.get(BARS.name)).none
    ? undefined
    : `${BARS.name} has columns of exact numbers`
  const words = other?.words ?? (parted === undefined ? exact : `${parted[0]} is a table of partitions`)
  if (words !== undefined) throw badData(`schema ${quote(schema)}: ${words}`, { hint: BY_HAND })
}

const BY_HAND = 'make it as jules has it, or move the cluster with pg_dump and psql of PostgreSQL'

/** Databases, and what in this one is not of jules's making, by name: they are not moved. */
export async function others(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     ORDER BY 1, 2`,
  )
  const schemas = await schemasOf(client)
  const own = [MIGRATIONS_TABLE, ...TABLES].map(({ name }) => name)
  const tables = rows
    .filter(({ schema, name }) => !schemas.includes(schema) || !own.includes(name))
    .map(({ schema, name }) => `${schema}.${name}`)
  const { rows: more } = await client.query<{ name: string }>(
    `SELECT 'database ' || datname AS name FROM pg_database
       WHERE NOT datistemplate AND datname NOT IN ('postgres', current_database())
     UNION ALL SELECT 'trigger ' || t.tgname || ' of ' || n.nspname || '.' || c.relname FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal
     ORDER BY 1`,
  )
  return [...tables, ...more.map(({ name }) => name)]
}

/** Makes the tables and fills them from the files: all of it or nothing. Throws 65 where anything came out otherwise. */
export async function restoreTables(
  client: Client,
  dumped: readonly Dumped[],
  directory: string,
): Promise<void> {
  const { from } = (await import('pg-copy-streams')).default
  for (const schema of new Set(dumped.map((one) => one.schema))) {
    await client.query(`SET search_path = ${identifier(schema)}`)
    await migrate(client, schema, { lacking: false })
  }
  await client.query(SETTINGS)
  await client.query('BEGIN')
  for (const one of dumped) {
    const columns = one.columns.map(identifier).join(', ')
    await client.query(`DELETE FROM ${path(one)}`)
    const stream = client.query(from(`COPY ${path(one)} (${columns}) FROM STDIN`))
    await pipeline(createReadStream(join(directory, one.file)), stream)
    const { rows, sum } = await sumOf(client, one)
    if (rows === one.rows && sum === one.sum) continue
    throw badData(
      `${one.schema}.${one.table} came out with ${rows} rows and the sum ${sum}, not ${one.rows} and ${one.sum}`,
    )
  }
  await client.query('COMMIT')
}

async function schemasOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND c.relkind = 'r' ORDER BY 1`,
    [MIGRATIONS_TABLE.name],
  )
  return rows.map(({ schema }) => schema)
}

async function columnsOf(client: Client, schema: string, { name, columns }: Table): Promise<string[]> {
  const { rows } = await client.query<{ column: string }>(
    `SELECT a.attname AS column FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname`,
    [schema, name],
  )
  const found = rows.map(({ column }) => column)
  const other = found.find((column) => !columns.some((own) => own.name === column))
  if (other === undefined) return found
  throw badData(`${schema}.${name} has the column ${quote(other)}, which is none of jules's`, {
    hint: BY_HAND,
  })
}

interface Whole {
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
}

async function dumpTable(
  client: Client,
  { to: file, ...table }: Whole & { readonly to: string },
): Promise<void> {
  const { to } = (await import('pg-copy-streams')).default
  const temporary = `${file}.tmp`
  const columns = table.columns.map(identifier).join(', ')
  const stream = client.query(to(`COPY ${path(table)} (${columns}) TO STDOUT`))
  await pipeline(stream, createWriteStream(temporary, { mode: 0o600 })).catch((error) => {
    throw systemFailure(error, temporary)
  })
  const handle = await open(temporary, 'r+')
  await handle.sync()
  await handle.close()
  await rename(temporary, file)
}

/** 60 bits of the md5 of each row as text, added up: hashes of PostgreSQL's own may change with its version. */
async function sumOf(client: Client, table: Whole): Promise<Pick<Dumped, 'rows' | 'sum'>> {
  const row = `ROW(${table.columns.map(identifier).join(', ')})::text`
  const { rows } = await client.query<{ rows: number; sum: string }>(
    `SELECT count(*)::float8 AS rows, coalesce(sum(('x' || left(md5(${row}), 15))::bit(60)::bigint::numeric), 0)::text AS sum
     FROM ${path(table)}`,
  )
  return rows[0]!
}
