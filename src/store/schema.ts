/**
 * The tables and their history. Each migration runs once, in order, in one transaction with its line in
 * `jules_migrations`; racing processes queue on an advisory lock.
 */
import type { Client } from 'pg'
import { Failure, systemCode } from '../base/errors.js'
import { createSql, FIRST_TABLES, identifier, MIGRATIONS_TABLE, RUN_TABLES } from './tables.js'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'bars, records of runs, quality reports, imports',
    sql: FIRST_TABLES.map(createSql).join('\n'),
  },
  {
    version: 2,
    name: 'orders, risk events, states and summaries of runs',
    sql: RUN_TABLES.map(createSql).join('\n'),
  },
]

const LATEST = MIGRATIONS.at(-1)!.version

/** Any number of one's own; it keeps two processes from migrating at once. */
export const MIGRATION_LOCK = 7_531_902_468

/** The version of the store's tables, 0 when there are none. */
export async function schemaVersion(client: Client): Promise<number> {
  const { rows } = await client.query("SELECT to_regclass('jules_migrations') IS NOT NULL AS there")
  if (rows[0]?.there !== true) return 0
  const found = await client.query('SELECT coalesce(max(version), 0) AS version FROM jules_migrations')
  const version = Number(found.rows[0]?.version)
  if (version > LATEST) {
    throw new Failure('unavailable', `the store has schema version ${version}, this jules knows ${LATEST}`, {
      hint: 'update jules',
    })
  }
  return version
}

/**
 * Brings the tables to the latest version; returns the versions applied. Needs no right to CREATE when there is nothing to do.
 * With `lacking` a table has been dropped since it was made, and all are made anew that are not there.
 */
export async function migrate(
  client: Client,
  schema: string,
  { lacking }: { readonly lacking: boolean },
): Promise<number[]> {
  if (!lacking && (await schemaVersion(client)) === LATEST) return []
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    const { rows } = await client.query('SELECT to_regnamespace($1) IS NULL AS missing', [identifier(schema)])
    if (rows[0]?.missing === true) await client.query(`CREATE SCHEMA ${identifier(schema)}`)
    await client.query(createSql(MIGRATIONS_TABLE))
    const current = lacking ? 0 : await schemaVersion(client)
    const due = MIGRATIONS.filter(({ version }) => version > current)
    for (const { version, name, sql } of due) {
      await client.query(sql)
      await client.query(
        'INSERT INTO jules_migrations (version, name) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING',
        [version, name],
      )
    }
    await client.query('COMMIT')
    return due.map(({ version }) => version)
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    // 42501: insufficient_privilege.
    if (systemCode(error) === '42501') {
      const words = error instanceof Error ? error.message : ''
      throw new Failure('denied', `cannot make the tables: ${words}`, {
        hint: `run "jules db init" once as a role that may create tables, or GRANT CREATE ON SCHEMA ${identifier(schema)}`,
        cause: error,
      })
    }
    throw error
  }
}
