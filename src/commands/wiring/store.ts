/** The database: its option, and what the options and the environment name. */
import { tmpdir } from 'node:os'
import { usage } from '../../base/errors.js'
import { DAY, formatDate } from '../../base/time.js'
import { named, quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { flag, integer, option } from '../../cli/options.js'
import type { Target } from '../../store/connect.js'
import { parseDsn } from '../../store/dsn.js'
import type { EmbeddedOptions } from '../../store/place.js'
import type { PostgresStore } from '../../store/postgres.js'
import type { Holding } from '../../store/store.js'
import { secretFor } from './secrets.js'

export const store = {
  dsn: option<string | undefined>(
    'URL',
    'database: a URL or key=value words, without a password',
    { defaultText: 'the embedded one' },
    (value) => {
      parseDsn(value)
      return value
    },
  ),
  schema: option<string>('NAME', 'schema of the tables', { fallback: 'public' }, (value) => {
    // PostgreSQL cuts longer names short, and keeps names that begin with pg_ to itself.
    if (value !== '' && Buffer.byteLength(value) <= 63 && !/^pg_|\0/.test(value)) return value
    throw usage('expected the name of a schema', { got: quote(value) })
  }),
  'lock-timeout': integer('SECONDS', 'how long to wait for what another session holds; 0 waits for ever', {
    fallback: 30,
    min: 0,
    max: 2_000_000,
  }),
  'allow-cleartext': flag('let the password go in clear text to a server that asks for it so'),
}

export const storeExits = {
  69: 'the database cannot be reached, or went away',
  75: 'another session of the database is in the way',
  77: 'the database refuses the password, is read-only, or wants the password in clear text',
  78: 'a mistake in configuration or environment, or tables that are not those of jules',
}

export const storeEnvironment = {
  'TIMESCALEDB_HOST, TIMESCALEDB_PORT, TIMESCALEDB_DATABASE, TIMESCALEDB_USER':
    'the database, where --dsn does not say it; PGHOST, PGPORT, PGDATABASE and PGUSER after them',
  'PGSERVICE, PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY, PGAPPNAME, PGCONNECT_TIMEOUT, PGOPTIONS':
    'as for psql; with TIMESCALEDB_ in place of PG they count for jules alone, and first',
  TIMESCALEDB_PASSWORD:
    'the password of the database; then PGPASSWORD, the service, ~/.pgpass and the vault are asked',
}

/** What of the store the options of a command name. */
export interface StoreFlags {
  readonly dsn?: string | undefined
  readonly schema: string
  readonly 'lock-timeout': number
  readonly 'allow-cleartext': boolean
}

/** The database that the options and the environment name; the embedded one otherwise. */
export function storeTarget(context: Context, flags: StoreFlags): Target {
  return {
    dsn: flags.dsn,
    schema: flags.schema,
    lockTimeoutS: flags['lock-timeout'],
    allowCleartext: flags['allow-cleartext'],
    home: context.paths.home,
    warn: (words) => context.ui.warn(words),
    env: context.env,
    secret: (name) => secretFor(context, name),
    embedded: embeddedOptions(context),
  }
}

/** What tells one store from another, for people: where its tables are. No password. */
export async function storeName(context: Context, flags: StoreFlags): Promise<string> {
  const { endpointOf } = await import('../../store/endpoint.js')
  const endpoint = await endpointOf(storeTarget(context, flags))
  const place =
    endpoint === null
      ? embeddedOptions(context).directory
      : `${endpoint.host}:${endpoint.port}/${endpoint.dbname}`
  return `${place} ${flags.schema}`
}

export interface SessionOptions {
  /**
   * Whether a signal ends the session at once. Where one statement changes rows it is waited for instead: the server may
   * finish it all the same, and nobody would be told.
   */
  readonly cut?: boolean
}

/** Opens the store for `work` and closes it after it, well or not. */
export async function withStore<T>(
  context: Context,
  flags: StoreFlags,
  work: (store: PostgresStore) => Promise<T>,
  { cut = true }: SessionOptions = {},
): Promise<T> {
  const { PostgresStore } = await import('../../store/postgres.js')
  const opened = await PostgresStore.open(storeTarget(context, flags))
  const stop = () => opened.abort()
  if (cut) context.signal.addEventListener('abort', stop, { once: true })
  try {
    // The signal may have come while the session was being opened.
    if (cut) context.signal.throwIfAborted()
    return await work(opened)
  } catch (error) {
    // A session cut by a signal fails in some way or other; the reason is the signal.
    if (cut) context.signal.throwIfAborted()
    throw error
  } finally {
    context.signal.removeEventListener('abort', stop)
    await opened.close()
  }
}

/** Where the embedded server lives, and what it may touch. */
export function embeddedOptions(context: Context): EmbeddedOptions {
  return {
    directory: `${context.paths.data}/pg`,
    runtimeDirectory: context.paths.runtime ?? tmpdir(),
    uid: context.uid,
    hasAccount: context.hasAccount,
    platform: context.platform,
    arch: context.arch,
    searchPath: context.env('PATH') || '/usr/local/bin:/usr/bin:/bin',
    signal: context.signal,
    note: (words) => context.ui.note(words),
    clock: context.clock,
    kill: context.kill,
  }
}

/** `NVDA 1m mock: 390 rows 2025-08-01 to 2025-08-01` */
function holdingWords({ symbol, interval, source, rows, firstMs, lastMs }: Holding): string {
  // PostgreSQL has times without end.
  const [first, last] = [firstMs, lastMs].map((ms) =>
    Number.isFinite(ms) ? formatDate(Math.floor(ms / DAY)) : ms < 0 ? '-infinity' : 'infinity',
  )
  const from = source === null ? 'unknown source' : named(source)
  return `${named(symbol)} ${named(interval)} ${from}: ${rows} rows ${first} to ${last}`
}

/** The first few; a store may hold thousands of symbols. */
export function holdingsWords(holdings: readonly Holding[]): string {
  const words = holdings.slice(0, HOLDINGS).map(holdingWords)
  const more = holdings.length - words.length
  return [...words, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}
const HOLDINGS = 12
