/**
 * Who may read the pages. A page of somebody else can make a browser ask this server: by its name, bound to 127.0.0.1 for the
 * occasion (DNS rebinding), or across sites. The Host header must be a name of this server, and what is asked across sites is
 * refused. Beyond 127.0.0.1 a token is needed: in the address once, then in a cookie that no script can read.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface GuardOptions {
  /** Null where everybody who reaches the server may read. */
  readonly token: string | null
  /** Further names in the Host header, with a port or for all of them. */
  readonly hosts: readonly string[]
}

/** Addresses that this machine alone reaches. */
export const LOOPBACK = /^(127(\.\d{1,3}){3}|::1)$/

/** Whether the Host header is a name of the address that the connection came to. */
export function isOwnHost({ headers, socket }: IncomingMessage, hosts: readonly string[]): boolean {
  const host = headers.host?.toLowerCase() ?? ''
  const { localPort, localAddress = '' } = socket
  const address = localAddress.replace(/^::ffff:/, '')
  const names = [address.includes(':') ? `[${address}]` : address]
  if (LOOPBACK.test(address)) names.push('localhost')
  // A port that is the scheme's own is left out.
  const own = names.flatMap((name) => (localPort === 80 ? [name, `${name}:80`] : [`${name}:${localPort}`]))
  const bare = host.replace(/:\d{1,5}$/, '')
  return own.includes(host) || hosts.some((name) => [host, bare].includes(name.toLowerCase()))
}

/** Whether a page of another site asks for something that is no visit of a person. */
export const isForeign = ({ headers }: IncomingMessage): boolean =>
  headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate'

/** The same length, whatever it is of: comparing takes the same time for any guess. */
const digest = (text: string): Buffer => createHmac('sha256', 'jules-dash').update(text).digest()
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/** One server's token. */
export class TokenGuard {
  readonly #token: string
  /** What the cookie holds tells nobody the token. */
  readonly #cookie: string

  constructor(token: string) {
    this.#token = token
    this.#cookie = createHmac('sha256', token).update('jules-dash cookie').digest('hex')
  }

  /** Whether the token is in the address. */
  isInAddress(url: URL): boolean {
    return isSame(url.searchParams.get('token') ?? '', this.#token)
  }

  /** Whether the cookie, or an Authorization header, is right. */
  isKnown({ headers, socket }: IncomingMessage): boolean {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    if (bearer !== undefined) return isSame(bearer, this.#token)
    const name = cookieName(socket.localPort)
    const values = (headers.cookie ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${name}=`))
    return values.some((pair) => isSame(pair.slice(name.length + 1), this.#cookie))
  }

  /** The header that sets the cookie, until the browser is closed. */
  cookieFor({ socket }: IncomingMessage): string {
    return `${cookieName(socket.localPort)}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`
  }
}

/** Cookies are those of a host, whatever the port. */
const cookieName = (port: number | undefined): string => `jules_dash_${port}`
