/**
 * TimescaleDB is detected, never assumed. Each step beyond the hypertable is optional and reported: the Apache edition lacks
 * compression, and a managed server may forbid policies.
 */
import { Failure, messageOf } from '../base/errors.js'

/** The one thing asked of a connection, so that the statements run on any server that speaks SQL. */
export interface Queryable {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>
}

export interface TimescaleStep {
  readonly step: string
  readonly done: boolean
  /** Why not, when not. */
  readonly reason?: string
}

/** The installed version, or null. */
export async function timescaleVersion(db: Queryable): Promise<string | null> {
  const { rows } = await db.query("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
  const version = rows[0]?.extversion
  return typeof version === 'string' ? version : null
}

/** CREATE EXTENSION, for a connection that is thrown away: without shared_preload_libraries the server ends it. */
export async function createTimescale(db: Queryable): Promise<void> {
  try {
    await db.query('CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public')
  } catch (error) {
    const words = messageOf(error)
    throw new Failure('unavailable', `cannot create the TimescaleDB extension: ${words}`, {
      hint: 'install TimescaleDB on the server and add it to shared_preload_libraries',
      cause: error,
    })
  }
}

/** Whether market_data is a hypertable already. */
export async function isHypertable(db: Queryable): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
       WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = to_regclass('market_data')) AS there`,
  )
  return rows[0]?.there === true
}

/** The extension's functions stand in a schema of its own, which is not on the search path. */
async function schemaOf(db: Queryable): Promise<string> {
  const { rows } = await db.query(
    "SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = 'timescaledb'",
  )
  return String(rows[0]?.schema)
}

const hypertable = (at: string): string =>
  `SELECT ${at}.create_hypertable('market_data', ${at}.by_range('time', INTERVAL '1 month'),
  if_not_exists => true, migrate_data => true)`

/** Compression by segments of one symbol and interval: what every reader selects by. */
const OPTIONAL: readonly { step: string; sql: (at: string) => string }[] = [
  {
    step: 'compression',
    sql: () => `ALTER TABLE market_data SET (timescaledb.compress,
      timescaledb.compress_segmentby = 'symbol, "interval"', timescaledb.compress_orderby = '"time"')`,
  },
  {
    step: 'compression policy',
    sql: (at) =>
      `SELECT ${at}.add_compression_policy('market_data', INTERVAL '3 months', if_not_exists => true)`,
  },
]

/** Turns market_data into a hypertable, then compression where the licence has it. */
export async function useTimescale(db: Queryable): Promise<TimescaleStep[]> {
  const at = await schemaOf(db)
  await db.query(hypertable(at))
  const steps: TimescaleStep[] = [{ step: 'hypertable', done: true }]
  const { rows } = await db.query("SELECT current_setting('timescaledb.license', true) AS license")
  const license = rows[0]?.license
  for (const { step, sql } of OPTIONAL) {
    if (license !== 'timescale') {
      steps.push({ step, done: false, reason: `the licence is ${String(license ?? 'unknown')}` })
      continue
    }
    try {
      await db.query(sql(at))
      steps.push({ step, done: true })
    } catch (error) {
      steps.push({ step, done: false, reason: messageOf(error) })
    }
  }
  return steps
}
