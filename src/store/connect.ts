/** From options and environment to a PostgreSQL session. */
import type { Client, ClientConfig } from 'pg'
import { Failure, systemCode } from '../base/errors.js'
import { createDatabase, ensureServer } from './embedded.js'
import { type Endpoint, endpointOf, type Named } from './endpoint.js'
import { databaseFailure } from './failures.js'
import type { EmbeddedOptions } from './place.js'
import { identifier } from './tables.js'
import { type Try, tlsTries, tlsTrouble } from './tls.js'
import { causeOf, connectionOf, guard, isOfLogin, unknownLogin } from './wire.js'

export interface Target extends Named {
  /** Where the tables are. */
  readonly schema: string
  readonly embedded: EmbeddedOptions
  /** Seconds to wait for what another session holds; 0 waits for ever. */
  readonly lockTimeoutS: number
  /** Whether a password may go in clear text over a network. */
  readonly allowCleartext: boolean
}

export interface Session {
  readonly client: Client
  /** Where it leads, for messages; no password. */
  readonly name: string
  readonly embedded: boolean
  /** Where the tables are: the whole search path, whatever the role's or the database's own. */
  readonly schema: string
  /** Whether TLS carries it. */
  readonly tls: boolean
}

/**
 * A connected session: to the server that the target names, else to the embedded one, which is started. Throws 69 where it
 * cannot be reached, 77 where it refuses, 78 where it is named wrong.
 */
export async function openSession(target: Target): Promise<Session> {
  const endpoint = await endpointOf(target)
  if (endpoint !== null) return { ...(await reach(endpoint, target)), embedded: false, schema: target.schema }
  const server = await ensureServer(target.embedded)
  const config = {
    host: server.socketDirectory,
    port: 5432,
    user: server.user,
    database: server.database,
    password: '',
    ssl: false,
  }
  const attached = { embedded: true, schema: target.schema }
  try {
    return { ...(await connect(config, target)), ...attached }
  } catch (error) {
    // 3D000: the cluster is new and its database is not made yet.
    if (!(error instanceof Failure) || systemCode(error.cause) !== '3D000') throw error
    await createDatabase(server)
    return { ...(await connect(config, target)), ...attached }
  }
}

type Connected = Pick<Session, 'client' | 'name' | 'tls'>

/** Seconds until a server that does not answer is given up. */
const PATIENCE = '15'

/** Each way that sslmode allows, until one is not refused for the sake of TLS. */
async function reach(endpoint: Endpoint, target: Target): Promise<Connected> {
  const { host, port, user, dbname: database, given } = endpoint
  const tries = await tlsTries(endpoint, target.home)
  for (const [i, ssl] of tries.entries()) {
    try {
      return await connect(
        {
          host,
          port,
          user,
          database,
          password: endpoint.password,
          ssl,
          options: given.options ?? '',
          application_name: given.application_name ?? 'jules',
          connectionTimeoutMillis: Number(given.connect_timeout ?? PATIENCE) * 1000,
        },
        target,
      )
    } catch (error) {
      if (i === tries.length - 1 || !isAboutTls(error, ssl)) throw withHint(error, tries)
    }
  }
  throw new Error('no way to connect was tried')
}

/** 28000: the server takes such a user with TLS alone, or without it alone. */
function isAboutTls(error: unknown, ssl: Try): boolean {
  const cause = error instanceof Failure ? error.cause : error
  return systemCode(cause) === '28000' || (ssl !== false && tlsTrouble(cause) !== null)
}

/** A refusal by pg_hba.conf gets the way out that was not tried: what the file says nobody outside can see. */
function withHint(error: unknown, tries: readonly Try[]): unknown {
  if (!(error instanceof Failure) || systemCode(error.cause) !== '28000') return error
  const plain = tries.includes(false)
  const hint = !/pg_hba\.conf/.test(error.message)
    ? 'name the role with user=NAME in --dsn'
    : !plain
      ? 'the server may take this user without TLS alone: sslmode=prefer'
      : tries.length === 1
        ? 'the server may take this user with TLS alone: sslmode=require'
        : 'its pg_hba.conf has no line for this user, database and address, with TLS or without'
  return new Failure(error.kind, error.message, { cause: error.cause, hint })
}

/**
 * What a session is to jules, whatever role, database or PGOPTIONS say: no statement or transaction is cut for taking long, a
 * wait for a lock is. Tables of the session's own never stand for those of the schema; notices are for other programs. Times
 * and names of types come in the one way that they are read, and texts of a database that knows no encoding as their bytes: a
 * conversion would end the statement at the first that is no UTF-8, without its place.
 */
const preparation = (schema: string, lockTimeoutS: number) => `
  SET statement_timeout = 0; SET lock_timeout = ${Math.round(lockTimeoutS * 1000)};
  SET search_path TO ${identifier(schema)}, pg_temp;
  SET DateStyle = 'ISO, MDY'; SET quote_all_identifiers = off;
  SELECT pg_catalog.set_config('client_encoding', CASE pg_catalog.current_setting('server_encoding')
    WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false);
  SET TIME ZONE 'UTC'; SET client_min_messages = error; SET standard_conforming_strings = on; SET extra_float_digits = 3;
  SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')`

async function connect(
  config: ClientConfig,
  { schema, lockTimeoutS, allowCleartext, embedded: { signal } }: Target,
): Promise<Connected> {
  const { Client } = (await import('pg')).default
  // The client reports a refused password as an ended connection; the reason is kept here.
  let refusal: unknown
  let clearText = false
  const { password, connectionTimeoutMillis = 0 } = config
  const tls = Boolean(config.ssl)
  const asked = async () => {
    try {
      if (clearText && !tls && !allowCleartext && !isLocal(client)) throw refusedClearText(name)
      return typeof password === 'function' ? await password() : (password ?? '')
    } catch (error) {
      refusal = error
      throw error
    }
  }
  const client: Client = new Client({
    ...config,
    password: asked,
    client_encoding: 'UTF8',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  })
  guard(client)
  // Before pg's own listener, which asks for the password.
  connectionOf(client).on('authenticationCleartextPassword', () => {
    clearText = true
  })
  const name = `${client.user ?? ''}@${client.host}:${client.port}/${client.database ?? ''}`
  // Without a listener an ended session would end the process; whoever queries next gets the error anyway.
  client.on('error', () => {})
  const cut = () => abandon(client)
  signal.addEventListener('abort', cut, { once: true })
  // Of a server that lets a session in and then says no more: pg's own timer has ended by then.
  let late = false
  const giveUp = () => {
    late = true
    cut()
  }
  const timer = connectionTimeoutMillis > 0 ? setTimeout(giveUp, connectionTimeoutMillis) : undefined
  try {
    signal.throwIfAborted()
    await client.connect()
    await client.query(preparation(schema, lockTimeoutS))
  } catch (error) {
    // A server that has not kept to the protocol need not answer a good-bye.
    abandon(client)
    signal.throwIfAborted()
    if (late) throw silent(name, connectionTimeoutMillis)
    throw refusal ?? connectionFailure(causeOf(error, client), name)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cut)
  }
  return { client, name, tls }
}

const silent = (name: string, ms: number) =>
  new Failure('unavailable', `cannot connect to ${name}: no answer within ${ms / 1000} s`, {
    hint: 'start the database, or wait longer with connect_timeout=SECONDS in --dsn',
  })

/** When a silent session is asked whether the other end still lives. */
const KEEP_ALIVE_MS = 60_000

/** Whether nobody but this machine sees what is sent: a Unix socket, or the address that answers is its own. */
function isLocal(client: Client): boolean {
  if (client.host.startsWith('/')) return true
  return /^(::ffff:)?127\.|^::1$/.test(connectionOf(client).stream.remoteAddress ?? '')
}

const refusedClearText = (name: string) =>
  new Failure(
    'denied',
    `cannot connect to ${name}: the server asks for the password in clear text, and the connection has no TLS`,
    {
      hint: 'sslmode=require in --dsn encrypts it; --allow-cleartext sends it all the same',
    },
  )

function connectionFailure(error: unknown, name: string): unknown {
  const trouble = tlsTrouble(error)
  if (systemCode(error) === '08P01' && error instanceof Error) {
    // Of poolers, which hand on few parameters.
    return new Failure('config', `cannot connect to ${name}: ${error.message.slice(0, 200)}`, {
      cause: error,
      hint: 'a pooler takes few parameters: leave options out of --dsn and PGOPTIONS, or name the server behind it',
    })
  }
  if (trouble === null)
    return databaseFailure(isOfLogin(error) ? unknownLogin(error) : error, `cannot connect to ${name}`)
  const { words, hint } = trouble
  return new Failure('unavailable', `cannot connect to ${name}: ${words}`, { cause: error, hint })
}

/** Ends a session without waiting for what is under way. */
export function abandon(client: Client): void {
  // end() would wait for the running statement.
  connectionOf(client).stream.destroy()
}
