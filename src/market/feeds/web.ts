/**
 * One GET of a vendor's answer, with an end to everything: to waiting, to its size, to where a key may go. A redirect is refused.
 * Whatever comes from outside is taken apart for the key here, before anybody else sees it, and no error of the network is
 * passed on: the words for it are made here.
 */
import { Failure, systemCode } from '../../base/errors.js'
import { decodeUtf8 } from '../../stream/json.js'
import { redactor } from '../../stream/redact.js'
import { FeedFailure } from './history.js'

export interface WebLimits {
  /** Without a sign of life, the first one included. */
  readonly idleMs: number
  /** From the request to the last byte. */
  readonly wholeMs: number
  /** Of the body, unpacked. */
  readonly bytes: number
}

export const WEB_LIMITS: WebLimits = { idleMs: 15_000, wholeMs: 60_000, bytes: 64 << 20 }

export interface WebRequest {
  /** Where the vendor is asked: stands in front of failures. */
  readonly name: string
  /** The option that says so. */
  readonly option: string
  /** With the key, where that travels in it. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly hide: Hide
  readonly signal: AbortSignal
}

export interface WebAnswer {
  readonly status: number
  /** Without the key. */
  readonly text: string
  /** Whether the key stood in it. */
  readonly echoed: boolean
  readonly retryAfter: string | null
}

/** A text from outside without the key. */
export type Hide = (bytes: Buffer) => Buffer

/** Takes keys out of texts, in every form that servers echo them in, by the name of the variable. */
export function hideKeys(keys: ReadonlyMap<string, string>): Hide {
  const values = new Map<string, Buffer>()
  for (const [name, key] of keys) {
    // In the form of a URL once more, as in a URL inside of a URL, and in that of a page.
    for (const form of [key, encodeURIComponent(key), encodeURI(key), pageForm(key)])
      if (![...values.values()].some((known) => known.equals(Buffer.from(form))))
        values.set(values.has(name) ? `${name}:${values.size}` : name, Buffer.from(form))
  }
  return (bytes) => {
    const filter = redactor(values)
    return Buffer.concat([filter.push(bytes), filter.end()])
  }
}

const pageForm = (key: string): string =>
  key.replace(
    /[&<>"']/g,
    (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? '&#39;',
  )

/** No answer came, or half of one: another try may get it. */
export class Unanswered extends Error {}

/** Where a vendor is asked. Throws 78: a key goes over a connection that others can read to this machine alone. */
export function vendorUrl(text: string, option: string): URL {
  const refused = (words: string) => new Failure('config', `--${option}: ${words}`)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refused('expected a URL such as https://example.org')
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('expected https: before the host')
  if (url.username !== '' || url.password !== '')
    throw refused('a URL with a user or a password is not taken')
  if (url.search !== '' || url.hash !== '') throw refused('expected a URL without ? and #')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw refused(`a key would go to ${url.hostname} unencrypted: expected https:`)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)

/** The host of a redirect, where no part of the key can be in it. */
function hostOf(address: string, base: URL, hide: Hide): string {
  try {
    // As it was written: in a host all letters become small ones.
    const written = Buffer.from(/^[a-z][a-z0-9+.-]*:[\\/]*([^\\/?#]*)/i.exec(address)?.[1] ?? '')
    return hide(written).equals(written) ? new URL(address, base).host.slice(0, 100) : 'another host'
  } catch {
    return 'another host'
  }
}

/** Throws `Unanswered`, `FeedFailure`, or the signal's reason. */
export async function getText(
  fetch: typeof globalThis.fetch,
  request: WebRequest,
  limits: WebLimits,
): Promise<WebAnswer> {
  const { name, option, url, headers, hide, signal } = request
  signal.throwIfAborted()
  const stop = new AbortController()
  let late: string | null = null
  const after = (ms: number, words: string) =>
    setTimeout(() => {
      late = words
      stop.abort()
    }, ms)
  const silent = () => after(limits.idleMs, `no sign of life for ${seconds(limits.idleMs)}`)
  const whole = after(limits.wholeMs, `no whole answer within ${seconds(limits.wholeMs)}`)
  let idle = silent()
  const abort = () => stop.abort()
  signal.addEventListener('abort', abort)
  const parts: Uint8Array[] = []
  let response: Response
  try {
    response = await fetch(url, { headers, redirect: 'manual', signal: stop.signal })
    if (response.status >= 300 && response.status < 400) {
      const to = hostOf(response.headers.get('location') ?? '', url, hide)
      throw new FeedFailure('unavailable', `is redirected to ${to}: no key follows there`, {
        where: name,
        hint: `if that is where it is now, say so with --${option}`,
      })
    }
    let length = 0
    for await (const part of response.body ?? []) {
      clearTimeout(idle)
      idle = silent()
      length += part.length
      if (length > limits.bytes)
        throw new FeedFailure('data', `an answer of more than ${limits.bytes} bytes`, { where: name })
      parts.push(part)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof FeedFailure) throw error
    if (late !== null) throw new Unanswered(late)
    throw networkFailure(error, name)
  } finally {
    clearTimeout(idle)
    clearTimeout(whole)
    signal.removeEventListener('abort', abort)
    // A body that is not wanted any more would keep its connection.
    stop.abort()
  }
  const bytes = Buffer.concat(parts)
  const hidden = hide(bytes)
  const text = decodeUtf8(hidden)
  if (text === null) throw new FeedFailure('data', 'an answer that is not UTF-8', { where: name })
  return {
    status: response.status,
    text: text.replace(/^\ufeff/, ''),
    echoed: !hidden.equals(bytes),
    retryAfter: response.headers.get('retry-after'),
  }
}

const seconds = (ms: number): string => `${ms / 1000} s`

/** What another try cannot mend: whom the certificate says the other end is. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'was revoked',
  CERT_UNTRUSTED: 'is not trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'leads to one that is signed by itself',
  UNABLE_TO_GET_ISSUER_CERT: 'leads to no authority that is known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'leads to no authority that is known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'leads to no authority that is known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is that of another host',
}

const CONNECTIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  UND_ERR_SOCKET: 'the connection ended in the middle',
  EPIPE: 'the connection ended in the middle',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name lookup failed',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no network',
}

/** Made of the code alone: the text of an error may hold the URL, and with it the key. */
function networkFailure(error: unknown, name: string): FeedFailure | Unanswered {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = systemCode(at) ?? firstCode(at)
    if (code === undefined) continue
    const certificate = Object.hasOwn(CERTIFICATES, code) ? CERTIFICATES[code] : undefined
    if (certificate !== undefined) {
      return new FeedFailure('unavailable', `its certificate ${certificate} (${code})`, {
        where: name,
        hint: 'look at the clock of this machine and at what stands between it and the vendor',
      })
    }
    if (/^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/.test(code)) {
      return new FeedFailure('unavailable', `no encrypted connection (${code})`, { where: name })
    }
    if (Object.hasOwn(CONNECTIONS, code)) return new Unanswered(CONNECTIONS[code])
    if (/^Z_[A-Z_]+$/.test(code)) return new Unanswered(`a packed answer that is damaged (${code})`)
    if (/^HPE_[A-Z_]+$/.test(code)) return new Unanswered(`an answer that is not HTTP (${code})`)
    if (/^[A-Z][A-Z_0-9]+$/.test(code)) return new Unanswered(`the connection failed (${code})`)
  }
  return new Unanswered('the connection failed')
}

/** Of several addresses that were tried together. */
const firstCode = (error: Error): string | undefined =>
  error instanceof AggregateError ? systemCode(error.errors[0]) : undefined
