/**
 * The tables and their history. Each migration runs once, in order, in one transaction with its line in
 * `jules_migrations`; racing processes queue on an advisory lock.
 */
import type { Client } from 'pg'
import { Failure, systemCode } from '../base/errors.js'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'bars, records of runs, quality reports, imports',
    sql: `
      CREATE TABLE IF NOT EXISTS market_data (
        symbol text NOT NULL,
        "interval" text NOT NULL,
        "time" timestamptz NOT NULL,
        open float8 NOT NULL,
        high float8 NOT NULL,
        low float8 NOT NULL,
        close float8 NOT NULL,
        volume float8,
        vwap float8,
        trades float8,
        adjusted text,
        session text,
        source text,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (symbol, "interval", "time")
      );
      CREATE TABLE IF NOT EXISTS runs (
        run text PRIMARY KEY,
        first_seen timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE IF NOT EXISTS fills (
        run text NOT NULL,
        "time" timestamptz NOT NULL,
        symbol text NOT NULL,
        side text NOT NULL,
        qty float8 NOT NULL,
        price float8 NOT NULL,
        commission float8,
        slippage float8,
        ref text NOT NULL DEFAULT '',
        exec text NOT NULL DEFAULT '',
        PRIMARY KEY (run, "time", symbol, ref, exec)
      );
      CREATE TABLE IF NOT EXISTS equity (
        run text NOT NULL,
        "time" timestamptz NOT NULL,
        cash float8,
        positions jsonb,
        marks jsonb,
        equity float8 NOT NULL,
        pnl_day float8,
        pnl_total float8,
        drawdown float8,
        PRIMARY KEY (run, "time")
      );
      CREATE TABLE IF NOT EXISTS data_quality_reports (
        "date" date NOT NULL,
        ruleset text NOT NULL,
        symbol text NOT NULL DEFAULT '',
        "check" text NOT NULL,
        severity text,
        "from" timestamptz NOT NULL DEFAULT '-infinity',
        "to" timestamptz,
        count float8,
        observed jsonb,
        expected jsonb,
        samples jsonb,
        fix text,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY ("date", ruleset, symbol, "check", "from")
      );
      CREATE TABLE IF NOT EXISTS imports (
        id text PRIMARY KEY,
        rows bigint NOT NULL,
        digest text NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
      );`,
  },
]

const LATEST = MIGRATIONS.at(-1)!.version

/** Any number of one's own; it keeps two processes from migrating at once. */
const MIGRATION_LOCK = 7_531_902_468

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

/** Brings the tables to the latest version; returns the versions applied. Needs no right to CREATE when there is nothing to do. */
export async function migrate(client: Client): Promise<number[]> {
  if ((await schemaVersion(client)) === LATEST) return []
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await client.query(`CREATE TABLE IF NOT EXISTS jules_migrations (
      version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
    const current = await schemaVersion(client)
    const due = MIGRATIONS.filter(({ version }) => version > current)
    for (const { version, name, sql } of due) {
      await client.query(sql)
      await client.query('INSERT INTO jules_migrations (version, name) VALUES ($1, $2)', [version, name])
    }
    await client.query('COMMIT')
    return due.map(({ version }) => version)
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    // 42501: insufficient_privilege.
    if (systemCode(error) === '42501') {
      const words = error instanceof Error ? error.message : ''
      throw new Failure('denied', `cannot make the tables: ${words}`, {
        hint: 'run "jules db init" once as a role that may create tables, or GRANT CREATE ON SCHEMA public',
        cause: error,
      })
    }
    throw error
  }
}
