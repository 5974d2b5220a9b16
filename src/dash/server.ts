/** The pages over HTTP: reading only, on 127.0.0.1 unless told otherwise. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { follow } from './client.js'
import { gaugesOf, healthOf } from './gauges.js'
import { type GuardOptions, isForeign, isOwnHost, LOOPBACK, TokenGuard } from './guard.js'
import { type Shown, Site } from './site.js'

export interface ServerOptions extends Shown, GuardOptions {
  readonly address: string
  /** 0 takes one that is free. */
  readonly port: number
  /** Bytes of memory of the process. */
  readonly memory: () => number
  /** Between two signs of life to readers of events. */
  readonly beatMs?: number
}

/** A server that runs. */
export interface DashServer {
  /** With the token in it, where one is needed. */
  readonly url: string
  readonly port: number
  /** Browsers that follow events. */
  clients(): number
  /** Ends every connection at once. */
  close(): Promise<void>
}

const LOCAL = '127.0.0.1'
/** Every address of the machine, of which this one is as good as any. */
const ANY = ['0.0.0.0', '::']
const MOST_CLIENTS = 48
const MOST_URL = 2048
/** Runs that a page is asked for at once. */
const MOST_ASKED = 8
/** A connection that has gone without a word is noticed by writing. */
const BEAT_MS = 15_000
/** Signs of life that one who reads nothing misses until its place is given to others. It comes back, and is told what it lacks. */
const MOST_MISSED = 4

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Opens the server. Throws 69 where the port is taken or the address is none of this machine. */
export async function startServer(options: ServerOptions): Promise<DashServer> {
  const site = new Site(options)
  const { dashboard, token, beatMs = BEAT_MS } = options
  const guard = token === null ? null : new TokenGuard(token)
  /** With the signs of life that each has missed. */
  const clients = new Map<ServerResponse, number>()
  const server = createServer({ maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 10_000 })
  server.maxConnections = 256
  server.keepAliveTimeout = 5000

  const send = (request: IncomingMessage, response: ServerResponse, answer: Answer) => {
    const { status = 200, type = 'text/plain; charset=utf-8', text, headers = {} } = answer
    const body = Buffer.from(text)
    response.writeHead(status, {
      ...HEADERS,
      'content-security-policy': site.policy,
      'content-type': type,
      'content-length': body.length,
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  const events = (request: IncomingMessage, response: ServerResponse, url: URL) => {
    if (clients.size >= MOST_CLIENTS)
      return send(request, response, {
        status: 503,
        text: `${MOST_CLIENTS} pages are open already\n`,
        headers: { 'retry-after': '5' },
      })
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream; charset=utf-8' })
    if (request.method === 'HEAD') return response.end()
    const given = request.headers['last-event-id'] ?? url.searchParams.get('after')
    const stop = follow(response, dashboard.events, typeof given === 'string' ? given : null)
    clients.set(response, 0)
    response.on('drain', () => clients.has(response) && clients.set(response, 0))
    response.on('close', () => {
      stop()
      clients.delete(response)
    })
  }

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const refuse = (status: number, text: string, headers = {}) =>
      send(request, response, { status, text: text === '' ? '' : `${text}\n`, headers })
    if (!isOwnHost(request, hosts)) return refuse(421, 'this server has another name')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(405, 'pages are read only', { allow: 'GET, HEAD', connection: 'close' })
    if (isForeign(request)) return refuse(403, 'not for pages of other sites')
    const url = urlOf(request)
    if (url === null) return refuse(400, 'no address')
    if (guard !== null && url.searchParams.has('token')) {
      if (!guard.isInAddress(url)) return refuse(401, 'another token')
      url.searchParams.delete('token')
      return refuse(303, '', {
        location: `${url.pathname}${url.search}`,
        'set-cookie': guard.cookieFor(request),
      })
    }
    if (guard?.isKnown(request) === false)
      return refuse(401, 'open the address with its token once', { 'www-authenticate': 'Bearer' })
    const { pathname } = url
    if (pathname === '/events') return events(request, response, url)
    if (pathname === '/healthz') {
      const health = healthOf(dashboard)
      const type = 'application/json'
      return send(request, response, {
        status: health.ok ? 200 : 503,
        type,
        text: `${JSON.stringify(health)}\n`,
      })
    }
    if (pathname === '/metrics') {
      const facts = { clients: clients.size, memory: options.memory() }
      const type = 'text/plain; version=0.0.4; charset=utf-8'
      return send(request, response, { type, text: gaugesOf(dashboard, facts) })
    }
    // Browsers ask for one on their own.
    if (pathname === '/favicon.ico') return refuse(204, '')
    const file = site.file(pathname)
    if (file !== null) {
      const headers = { 'cache-control': 'private, max-age=31536000, immutable' }
      return send(request, response, { ...file, headers })
    }
    const asked = url.searchParams.getAll('run').slice(0, MOST_ASKED)
    const page = site.page(pathname, asked)
    if (page === null) return refuse(404, 'no such page')
    send(request, response, { type: 'text/html; charset=utf-8', text: page })
  }

  server.on('request', (request, response) => {
    // A body is not read; what comes of it ends with the connection.
    request.resume()
    answer(request, response)
  })
  server.on('clientError', (_, socket) => {
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  const { port, address } = await listen(server, options)
  // The name that it was told to listen on is one of its own.
  const isNamed = /^[a-z]/i.test(options.address) && !options.address.includes(':')
  const hosts = isNamed
    ? [...options.hosts, port === 80 ? options.address : `${options.address}:${port}`]
    : options.hosts
  const beat = setInterval(() => {
    for (const [client, missed] of clients) {
      if (client.writableLength === 0) client.write(': \n\n')
      else if (missed < MOST_MISSED) clients.set(client, missed + 1)
      else client.destroy()
    }
  }, beatMs)
  beat.unref()
  const bound = isNamed ? options.address : ANY.includes(address) ? LOCAL : address
  const host = bound.includes(':') ? `[${bound}]` : bound
  return {
    url: `http://${host}:${port}/${token === null ? '' : `?token=${encodeURIComponent(token)}`}`,
    port,
    clients: () => clients.size,
    close: () => {
      clearInterval(beat)
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

interface Answer {
  readonly status?: number
  readonly type?: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The path is one of this server: `//name` would be another one in a redirection. */
function urlOf({ url = '' }: IncomingMessage): URL | null {
  if (url.length > MOST_URL || !url.startsWith('/')) return null
  try {
    const parsed = new URL(`http://dash${url}`)
    return parsed.pathname.startsWith('//') ? null : parsed
  } catch {
    return null
  }
}

/** Where it came to listen. */
function listen(
  server: Server,
  { port, address }: ServerOptions,
): Promise<{ readonly port: number; readonly address: string }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = systemCode(error)
      const hint = 'name another with --port; 0 takes a free one'
      if (code === 'EADDRINUSE') reject(new Failure('unavailable', `port ${port} is taken`, { hint }))
      else if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
        reject(new Failure('unavailable', 'is no address of this machine', { where: address }))
      else reject(systemFailure(error, `${address}:${port}`, true))
    })
    server.listen(port, address, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound : { port, address })
    })
  })
}

/** Whether an address is one that this machine alone reaches. */
export const isLocalAddress = (address: string): boolean =>
  LOOPBACK.test(address) || address.toLowerCase() === 'localhost'
