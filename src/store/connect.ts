/** From options and environment to a PostgreSQL session. */
import type { Client, ClientConfig } from 'pg'
import { Failure, systemCode } from '../base/errors.js'
import { createDatabase, ensureServer } from './embedded.js'
import { type Endpoint, endpointOf, type Named } from './endpoint.js'
import { databaseFailure } from './failures.js'
import type { EmbeddedOptions } from './place.js'
import { identifier } from './tables.js'
import { type Try, tlsTries, tlsTrouble } from './tls.js'

export interface Target extends Named {
  /** Where the tables are. */
  readonly schema: string
  readonly embedded: EmbeddedOptions
}

export interface Session {
  readonly client: Client
  /** Where it leads, for messages; no password. */
  readonly name: string
  readonly embedded: boolean
  /** Where the tables are: the whole search path, whatever the role's or the database's own. */
  readonly schema: string
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

type Connected = Pick<Session, 'client' | 'name'>

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
      if (i === tries.length - 1 || !isAboutTls(error, ssl)) throw error
    }
  }
  throw new Error('no way to connect was tried')
}

/** 28000: the server takes such a user with TLS alone, or without it alone. */
function isAboutTls(error: unknown, ssl: Try): boolean {
  const cause = error instanceof Failure ? error.cause : error
  return systemCode(cause) === '28000' || (ssl !== false && tlsTrouble(cause) !== null)
}

async function connect(config: ClientConfig, { schema, embedded: { signal } }: Target): Promise<Connected> {
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
  const client = new Client({ ...config, password: asked, client_encoding: 'UTF8', keepAlive: true })
  const name = `${client.user ?? ''}@${client.host}:${client.port}/${client.database ?? ''}`
  // Without a listener an ended session would end the process; whoever queries next gets the error anyway.
  client.on('error', () => {})
  const cut = () => abandon(client)
  signal.addEventListener('abort', cut, { once: true })
  try {
    signal.throwIfAborted()
    await client.connect()
    await client.query(
      `SET TIME ZONE 'UTC'; SET client_min_messages = warning; SET standard_conforming_strings = on;
       SET extra_float_digits = 3; SET search_path TO ${identifier(schema)}`,
    )
  } catch (error) {
    await client.end().catch(() => {})
    signal.throwIfAborted()
    throw refusal ?? connectionFailure(error, name)
  } finally {
    signal.removeEventListener('abort', cut)
  }
  return { client, name }
}

function connectionFailure(error: unknown, name: string): unknown {
  const trouble = tlsTrouble(error)
  if (trouble === null) return databaseFailure(error, `cannot connect to ${name}`)
  return new Failure('unavailable', `cannot connect to ${name}: ${trouble}`, {
    cause: error,
    hint: 'sslmode says whether to use TLS, and sslrootcert names the certificate to trust',
  })
}

/** Ends a session without waiting for what is under way. */
export function abandon(client: Client): void {
  // pg has no public way to cut the socket; end() would wait for the running statement.
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}
