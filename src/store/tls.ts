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

/** What is wrong with TLS, and what helps. */
export interface TlsTrouble {
  readonly words: string
  readonly hint: string
}

const TRUST =
  'sslrootcert=FILE names the certificate of the authority that signed it; sslrootcert=system trusts the usual ones'

const ANOTHER =
  'the port may be that of another service, or of a proxy without TLS: sslmode=disable asks for none'

/** Node's code of a failed handshake (OpenSSL's X509_V_ERR and alerts), and the way out of each. */
const WAYS_OUT: readonly (readonly [code: RegExp, hint: string])[] = [
  [
    /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
    'the certificate of the server is signed by itself: save it in a file that its owner vouches for, and name that with sslrootcert=FILE',
  ],
  [
    /^SELF_SIGNED_CERT_IN_CHAIN$/,
    'the authority of the server is one of its own: sslrootcert=FILE names the certificate of that authority',
  ],
  [/^(UNABLE_TO_|CERT_UNTRUSTED|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE)/, TRUST],
  [/^CERT_HAS_EXPIRED$/, 'the server needs a new certificate; date says whether the clock here is right'],
  [/^CERT_NOT_YET_VALID$/, 'the certificate is for later: date says whether the clock here is right'],
  [/^(CERT_REVOKED|CRL_)/, 'the server needs a new certificate'],
  [/KEY_VALUES_MISMATCH/, 'sslkey is not the key of sslcert: name the two that belong together'],
  [
    /CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE/,
    'the server wants a certificate that it knows from this side, named with sslcert=FILE and sslkey=FILE, or speaks no TLS of these days',
  ],
  [/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH|UNKNOWN_PROTOCOL/, ANOTHER],
  [
    /PROTOCOL|VERSION|NO_CIPHERS|TOO_SMALL|INSUFFICIENT_SECURITY/,
    'the server speaks no TLS of these days: 1.2 is the oldest that is safe',
  ],
]

/** Words and a way out where the failure of a connection is about TLS, else null. */
export function tlsTrouble(error: unknown): TlsTrouble | null {
  if (!(error instanceof Error) || error instanceof Failure) return null
  if (/server does not support SSL/.test(error.message)) {
    return {
      words: 'the server does not speak TLS',
      hint: 'sslmode=prefer goes on without it, on a network that nobody else listens to',
    }
  }
  const code = systemCode(error) ?? ''
  const handshake = /establishing an SSL connection|before secure TLS connection/.test(error.message)
  const certificate =
    /^(ERR_(SSL|TLS|OSSL)|EPROTO)|CERT|LEAF_SIGNATURE|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH|INVALID_PURPOSE/
  if (!handshake && !certificate.test(code)) return null
  // Of OpenSSL's own lines the reason alone says something: `...:SSL routines:ssl3_get_record:wrong version number:...`.
  const reason = /SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1]
  const words = `no TLS with the server: ${reason ?? error.message.replace(/\.$/, '')}`
  if (handshake) return { words, hint: ANOTHER }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = namesOf(error)
    const host = names.length === 0 ? 'a name that it has' : names.join(' or ')
    return {
      words,
      hint: `the certificate is for ${host}: name the host so, or leave its name unchecked with sslmode=verify-ca`,
    }
  }
  // A failed write has the code of the system.
  const told = code === 'EPROTO' ? (reason ?? '').toUpperCase().replaceAll(' ', '_') : code
  const [, hint = /CERT|SIGNATURE/.test(told) ? TRUST : ANOTHER] =
    WAYS_OUT.find(([pattern]) => pattern.test(told)) ?? []
  return { words, hint }
}

/** The names that a certificate is for, the first few. */
function namesOf(error: Error): string[] {
  const { cert } = error as { cert?: { subjectaltname?: string; subject?: { CN?: string | string[] } } }
  const listed = [...(cert?.subjectaltname ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(
    ([, name]) => name!,
  )
  const common = [cert?.subject?.CN ?? []].flat()
  return (listed.length > 0 ? listed : common).slice(0, 3)
}
