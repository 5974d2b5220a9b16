/** What sslmode asks for, in the terms of Node: libpq's table (PostgreSQL manual, "SSL Support"), one try after the other. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { isSslMode, type SslMode } from './dsn.js'
import type { Endpoint } from './endpoint.js'

/** One way to try: without TLS, or with it under these conditions. */
export type Try = false | ConnectionOptions

/** The ways to try, in order; the next one only after a refusal that is about TLS. */
export async function tlsTries({ host, given }: Endpoint, home: string): Promise<Try[]> {
  const mode = modeOf(given.sslmode, given.sslrootcert)
  // A socket on this machine has no TLS, whatever the mode.
  if (host.startsWith('/') || mode === 'disable') return [false]
  const tls = await options(host, mode, given, home)
  if (mode === 'allow') return [false, tls]
  return mode === 'prefer' ? [tls, false] : [tls]
}

function modeOf(given: string | undefined, rootcert: string | undefined): SslMode {
  const mode = given !== undefined && isSslMode(given) ? given : undefined
  if (rootcert !== 'system') return mode ?? 'prefer'
  if (mode !== undefined && mode !== 'verify-full') {
    throw new Failure('config', `sslrootcert=system needs sslmode=verify-full, not ${mode}`)
  }
  return 'verify-full'
}

async function options(
  host: string,
  mode: SslMode,
  { sslrootcert, sslcert, sslkey }: Endpoint['given'],
  home: string,
): Promise<ConnectionOptions> {
  const standard = (name: string) => join(home, '.postgresql', name)
  const verifies = mode === 'verify-ca' || mode === 'verify-full'
  const system = sslrootcert === 'system'
  const ca = system ? null : await read(sslrootcert, standard('root.crt'), 'sslrootcert')
  if (verifies && !system && ca === null) {
    throw new Failure('config', `sslmode=${mode} needs the certificate that the server's is signed with`, {
      hint: `name it with sslrootcert=FILE, put it at ${standard('root.crt')}, or trust the usual authorities with sslrootcert=system`,
    })
  }
  const cert = await read(sslcert, standard('postgresql.crt'), 'sslcert')
  const keyPath = sslkey ?? standard('postgresql.key')
  const key = cert === null ? null : await read(sslkey, keyPath, 'sslkey')
  if (key !== null) await checkPrivate(keyPath)
  return {
    // With a root certificate at hand every mode verifies, as libpq does; without one TLS is against listeners alone.
    rejectUnauthorized: system || ca !== null,
    checkServerIdentity: (_servername, certificate) =>
      mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  }
}

/** The file that was named, which must be there, or the usual one, which may be. */
async function read(
  named: string | undefined,
  usual: string,
  parameter: 'sslrootcert' | 'sslcert' | 'sslkey',
): Promise<Buffer | null> {
  const path = named ?? usual
  let text: Buffer
  try {
    text = await readFile(path)
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
    if (named === undefined && missing) return null
    throw systemFailure(error, `${parameter}: ${path}`)
  }
  // Node passes over a file without one, and the fault would look like the server's.
  const what = parameter === 'sslkey' ? 'private key' : 'certificate'
  if (new RegExp(`^-----BEGIN [A-Z0-9 ]*${what.toUpperCase()}-----`, 'm').test(text.toString('latin1')))
    return text
  throw new Failure('config', `${parameter}: ${path}: holds no ${what}`, { hint: 'expected a file of PEM' })
}

async function checkPrivate(path: string): Promise<void> {
  const { mode, uid } = await stat(path)
  // As libpq: a key of root may be readable by its group.
  if ((mode & (uid === 0 ? 0o037 : 0o077)) === 0) return
  throw new Failure('denied', `sslkey: ${path}: others may read it`, { hint: 'chmod 600 mends it' })
}

/** Words where the failure of a connection is about TLS, else null. */
export function tlsTrouble(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if (/server does not support SSL/.test(error.message)) return 'the server does not speak TLS'
  const handshake = /establishing an SSL connection|before secure TLS connection/.test(error.message)
  const certificate =
    /^(ERR_(SSL|TLS|OSSL)|EPROTO)|CERT|LEAF_SIGNATURE|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH|INVALID_PURPOSE/
  if (!handshake && !certificate.test(systemCode(error) ?? '')) return null
  return `no TLS with the server: ${error.message.replace(/\.$/, '')}`
}
