/** From options and environment to a PostgreSQL session, and from its errors to words. */
import type { Client, ClientConfig } from 'pg'
import { type ExitName, Failure, systemCode, systemFailure } from '../base/errors.js'
import { PASSWORD, parseDsn } from './dsn.js'
import { createDatabase, ensureServer } from './embedded.js'
import type { EmbeddedOptions } from './place.js'

export interface Target {
  readonly dsn: string | undefined
  readonly env: (name: string) => string | undefined
  /** Late and only when the server asks for it. */
  readonly secret: (name: string) => Promise<string>
  readonly embedded: EmbeddedOptions
}

export interface Session {
  readonly client: Client
  /** Where it leads, for messages; no password. */
  readonly name: string
  readonly embedded: boolean
}

/**
 * A connected session: to the server that the target names, else to the embedded one, which is started. Throws 69 where it
 * cannot be reached, 77 where it refuses.
 */
export async function openSession(target: Target): Promise<Session> {
  const external = externalConfig(target)
  if (external !== null) return { ...(await connect(external)), embedded: false }
  const server = await ensureServer(target.embedded)
  const config = {
    host: server.socketDirectory,
    port: 5432,
    user: server.user,
    database: server.database,
    password: '',
    ssl: false,
  }
  try {
    return { ...(await connect(config)), embedded: true }
  } catch (error) {
    // 3D000: the cluster is new and its database is not made yet.
    if (!(error instanceof Failure) || systemCode(error.cause) !== '3D000') throw error
    await createDatabase(server)
    return { ...(await connect(config)), embedded: true }
  }
}

/** `--dsn`, then TIMESCALEDB_*, then PG*; null means the embedded server. */
function externalConfig({ dsn, env, secret }: Pick<Target, 'dsn' | 'env' | 'secret'>): ClientConfig | null {
  const given = (name: string) => env(`TIMESCALEDB_${name}`) || env(`PG${name}`) || undefined
  const password = async () => env('PGPASSWORD') || (await secret(PASSWORD))
  if (dsn !== undefined) {
    const url = parseDsn(dsn)
    const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname)
    return {
      connectionString: dsn,
      ...(host === '' ? { host: given('HOST') ?? 'localhost' } : {}),
      ...(url.pathname.length > 1 ? {} : { database: given('DATABASE') ?? 'trading_data' }),
      ...(url.username === '' && given('USER') !== undefined ? { user: given('USER') } : {}),
      password,
    }
  }
  const host = given('HOST')
  if (host === undefined) return null
  const user = given('USER')
  return {
    host,
    port: Number(given('PORT') ?? 5432),
    database: given('DATABASE') ?? 'trading_data',
    ...(user === undefined ? {} : { user }),
    password,
  }
}

async function connect(config: ClientConfig): Promise<{ client: Client; name: string }> {
  const { Client } = (await import('pg')).default
  // The client reports a refused password as an ended connection; the reason is kept here.
  let refusal: unknown
  const { password } = config
  const asked = async () => {
    try {
      return typeof password === 'function' ? await password() : (password ?? '')
    } catch (error) {
      refusal = error
      throw error
    }
  }
  const client = new Client({
    ...config,
    application_name: 'jules',
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
  })
  // Set here because a connection string, which never holds a password, would put its empty one over ours.
  Object.assign(client, { password: asked })
  const name = `${client.user ?? ''}@${client.host}:${client.port}/${client.database ?? ''}`
  // Without a listener an ended session would end the process; whoever queries next gets the error anyway.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(
      "SET TIME ZONE 'UTC'; SET client_min_messages = warning; SET standard_conforming_strings = on",
    )
  } catch (error) {
    await client.end().catch(() => {})
    throw refusal ?? databaseFailure(error, `cannot connect to ${name}`)
  }
  return { client, name }
}

/** SQLSTATE (manual, appendix A) -> exit status. The longest prefix counts. */
const STATES: readonly [string, ExitName, string?][] = [
  ['08', 'unavailable', 'start the database or pass --dsn'],
  ['28', 'denied', `set the password: jules vault set ${PASSWORD}`],
  ['3D000', 'unavailable', 'create the database, or name another in --dsn'],
  ['42501', 'denied'],
  ['25006', 'denied'],
  ['40', 'tryAgain'],
  ['53100', 'io', 'free some space on the database server'],
  ['53', 'tryAgain'],
  ['55P03', 'tryAgain'],
  ['57', 'unavailable'],
  ['58', 'io'],
  ['22', 'data'],
]

/** Words and status for an error of the database; a Failure passes as it is, a bug stays one. */
export function databaseFailure(error: unknown, doing: string): unknown {
  if (error instanceof Failure) return error
  const code = systemCode(error)
  const words = error instanceof Error ? error.message : String(error)
  // Five characters could be EPIPE as well; only the server's own errors have a severity.
  if (code !== undefined && error instanceof Error && 'severity' in error) {
    const state = STATES.filter(([prefix]) => code.startsWith(prefix)).sort(
      (a, b) => b[0].length - a[0].length,
    )[0]
    if (state === undefined) return error
    return new Failure(state[1], `${doing}: ${words}`, {
      cause: error,
      ...(state[2] === undefined ? {} : { hint: state[2] }),
    })
  }
  if (
    /Connection terminated|connection.*(closed|ended|not queryable)|timeout exp|Client has encountered/i.test(
      words,
    )
  ) {
    return new Failure('unavailable', `${doing}: the database ended the connection`, { cause: error })
  }
  if (code !== undefined) {
    const failure = systemFailure(error, doing)
    const message = failure instanceof Failure ? failure.message : `${doing}: ${words}`
    return new Failure('unavailable', message, { cause: error, hint: 'start the database or pass --dsn' })
  }
  return error
}
