/**
 * The vendors over HTTP as one server on loopback: it answers the paths of Alpaca, Polygon and Alpha Vantage in their shapes,
 * with the bars of one market, in pages, and with faults where a test asks for them. Its `url` is the base URL of all three:
 * in a test that starts a command, `--alpaca-url`, `--polygon-url` and `--alphavantage-url`, with any text as keys, or the
 * ones in `keys`, which the server then insists on.
 *
 * A market is a function from symbol and interval to bars by time: `formulaMarket()`, `marketOfBars(bars)` for bars that a
 * test has, such as those of the generator, or one of its own that leaves bars out or changes them: `changed(market, change)`.
 * Each source may have a market of its own: `markets: { polygon: ... }`.
 *
 * A fault is one entry in `faults`: each request takes the first one that is for its source, and `ok` lets it pass. A fault
 * with `times: Infinity` stays. What was asked stands in `calls`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import {
  DAY,
  formatTime,
  MINUTE,
  newYork,
  newYorkDay,
  newYorkMidnight,
  parseDate,
} from '../../src/base/time.js'
import { type Bar, type Interval, intervalMs } from '../../src/market/bar.js'
import { sessionAt, sessions } from '../../src/market/calendar.js'
import type { HttpSource } from '../../src/market/feeds/keys.js'

/** One bar of a market; `time` is its start, epoch milliseconds. */
export interface MarketBar {
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  readonly vwap: number
  readonly trades: number
}

/** The bars that start within `fromMs` to `toMs`, both included, by time. */
export type FeedMarket = (
  symbol: string,
  interval: Interval,
  fromMs: number,
  toMs: number,
) => readonly MarketBar[]

/**
 * Any symbol, any session of the calendar: minutes from a formula, longer bars made of them on the grid of the clock. So many
 * minutes before the open and after the close have bars too; all prices are multiplied by `scale`.
 */
export function formulaMarket({ before = 30, after = 30, scale = 1 } = {}): FeedMarket {
  const minutes = (symbol: string, fromMs: number, toMs: number): MarketBar[] => {
    const found: MarketBar[] = []
    const base = 50 + ([...symbol].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 200)
    for (const { openMs, closeMs } of sessions(newYorkDay(fromMs), newYorkDay(toMs))) {
      for (let time = openMs - before * MINUTE; time < closeMs + after * MINUTE; time += MINUTE) {
        if (time < fromMs || time > toMs) continue
        const n = time / MINUTE
        const cents = (value: number) => Math.round(value * scale * 100) / 100
        const open = cents(base + 5 * Math.sin(n / 997))
        const close = cents(base + 5 * Math.sin((n + 1) / 997))
        const high = cents(Math.max(open, close) / scale + (n % 7) / 100)
        const low = cents(Math.min(open, close) / scale - (n % 5) / 100)
        found.push({
          time,
          open,
          high,
          low,
          close,
          volume: 1000 + (n % 900),
          vwap: close,
          trades: 10 + (n % 50),
        })
      }
    }
    return found
  }
  return (symbol, interval, fromMs, toMs) => {
    const length = intervalMs(interval)
    if (length < MINUTE) return []
    if (length === MINUTE) return minutes(symbol, fromMs, toMs)
    const start = (time: number) =>
      length === DAY ? newYorkMidnight(newYorkDay(time)) : Math.floor(time / length) * length
    const last = length === DAY ? newYorkMidnight(newYorkDay(toMs) + 1) - 1 : start(toMs) + length - 1
    const whole = minutes(symbol, start(fromMs), last).filter(
      // Bars of a day are those of the session.
      ({ time }) => length < DAY || isRegular(time),
    )
    const groups = new Map<number, MarketBar[]>()
    for (const bar of whole) {
      const group = groups.get(start(bar.time))
      if (group === undefined) groups.set(start(bar.time), [bar])
      else group.push(bar)
    }
    return [...groups]
      .map(([time, bars]) => ({
        time,
        open: bars[0]!.open,
        high: Math.max(...bars.map(({ high }) => high)),
        low: Math.min(...bars.map(({ low }) => low)),
        close: bars.at(-1)!.close,
        volume: bars.reduce((sum, { volume }) => sum + volume, 0),
        vwap: bars.at(-1)!.close,
        trades: bars.reduce((sum, { trades }) => sum + trades, 0),
      }))
      .filter(({ time }) => time >= fromMs && time <= toMs)
  }
}

function isRegular(time: number): boolean {
  const session = sessionAt(time)
  return session !== null && time >= session.openMs && time < session.closeMs
}

/** The bars that a test has, and no others. */
export function marketOfBars(bars: readonly Bar[]): FeedMarket {
  return (symbol, interval, fromMs, toMs) =>
    bars
      .filter((bar) => bar.symbol === symbol && bar.interval === interval)
      .map((bar) => ({
        ...bar,
        time: Date.parse(bar.time),
        volume: bar.volume ?? 0,
        vwap: bar.vwap ?? bar.close,
        trades: bar.trades ?? 0,
      }))
      .filter(({ time }) => time >= fromMs && time <= toMs)
      .sort((a, b) => a.time - b.time)
}

/** A market with each bar as `change` makes it: none, another, or several. */
export const changed =
  (market: FeedMarket, change: (bar: MarketBar, symbol: string) => readonly MarketBar[]): FeedMarket =>
  (symbol, interval, fromMs, toMs) =>
    market(symbol, interval, fromMs, toMs).flatMap((bar) => change(bar, symbol))

/** What goes wrong with one request. */
export type FaultKind =
  | 'ok'
  /** The body is cut in the middle; its length says so. */
  | 'truncated'
  /** The connection ends in the middle of the body. */
  | 'cut-off'
  /** Nothing comes after the head. */
  | 'slow-body'
  /** Nothing comes at all. */
  | 'silent'
  | 'gzip'
  /** A gigabyte of blanks, packed. */
  | 'gzip-bomb'
  | '429'
  /** With `value` as Retry-After. */
  | '429-after'
  /** Status 200, a text of a limit in the vendor's shape that repeats the key. */
  | 'limit-text'
  | 'premium-text'
  | 'bad-key-text'
  | 'html'
  | 'empty-results'
  | 'empty-object'
  | 'deep'
  /** `value` instead of the body. */
  | 'body'
  /** The next page is on another host; `value` is the whole address, else one on this server under another name. */
  | 'foreign-next'
  /** Status 302 to `value`, else to this server under another name. */
  | 'redirect'
  | 'endless-pages'
  | 'for-ever'
  | 'duplicate-bar'
  /** The last bar of a page stands at the start of the next one again, with a close that is a cent higher. */
  | 'changed-bar'
  | 'bad-row'
  | 'other-symbol'
  | 'unadjusted'
  | '401'
  | '403'
  /** Alpaca's words about the last 15 minutes, while `end` is later than 15 minutes before `now`. */
  | 'recent-sip'
  | '404'
  | '500'
  | 'reset'

export interface Fault {
  readonly kind: FaultKind
  /** For requests of this source alone. */
  readonly source?: HttpSource
  readonly value?: string
  /** Default: once. */
  times?: number
}

export interface FeedCall {
  readonly source: HttpSource | 'other'
  readonly url: string
  readonly host: string
  /** Header names of keys, and their values. */
  readonly key: string
}

export interface FeedServerOptions {
  readonly market?: FeedMarket
  readonly markets?: Readonly<Partial<Record<HttpSource, FeedMarket>>>
  readonly faults?: readonly Fault[]
  /** Bars a page; default: what is asked for. */
  readonly pageBars?: number
  /** The only keys that are taken: of Alpaca the id and the secret with a colon between. */
  readonly keys?: Readonly<Partial<Record<HttpSource, string>>>
  /** Of Alpha Vantage: stamps are the end of the bar. */
  readonly endStamps?: boolean
  /** Serves https with this certificate and key, which nobody trusts. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
  /** For what depends on the time; default: the time. */
  readonly now?: () => number
}

export interface FeedServer {
  /** The base URL of all three vendors, without a slash at its end. */
  readonly url: string
  readonly calls: FeedCall[]
  readonly faults: Fault[]
  close(): Promise<void>
}

/** Starts the server; close it. */
export async function startFeedServer(options: FeedServerOptions = {}): Promise<FeedServer> {
  const calls: FeedCall[] = []
  const faults: Fault[] = [...(options.faults ?? [])].map((fault) => ({ ...fault }))
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url!, 'http://localhost')
    const source = sourceOf(url)
    const key = keyIn(request, url)
    calls.push({ source, url: request.url!, host: request.headers.host ?? '', key })
    const at = faults.findIndex((fault) => fault.source === undefined || fault.source === source)
    const fault = faults[at]
    if (fault !== undefined) {
      fault.times = (fault.times ?? 1) - 1
      if (fault.times <= 0) faults.splice(at, 1)
    }
    if (source === 'other') response.writeHead(404).end()
    else
      answer({
        source,
        request,
        response,
        url,
        key,
        fault,
        options,
        port: (server.address() as AddressInfo).port,
      })
  }
  const server = options.tls === undefined ? createServer(serve) : createSecureServer(options.tls, serve)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    calls,
    faults,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

function sourceOf({ pathname }: URL): FeedCall['source'] {
  if (/^\/v2\/stocks\/[^/]+\/bars$/.test(pathname)) return 'alpaca'
  if (/^\/v2\/aggs\/ticker\//.test(pathname)) return 'polygon'
  return pathname === '/query' ? 'alphavantage' : 'other'
}

function keyIn({ headers }: IncomingMessage, url: URL): string {
  const id = headers['apca-api-key-id']
  if (id !== undefined) return `${id}:${headers['apca-api-secret-key']}`
  return headers.authorization?.replace(/^Bearer /, '') ?? url.searchParams.get('apikey') ?? ''
}

interface Request {
  readonly source: HttpSource
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly key: string
  readonly fault: Fault | undefined
  readonly options: FeedServerOptions
  readonly port: number
}

function answer(asked: Request): unknown {
  const { source, response, key, fault, options, port, url, request } = asked
  const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
  const right = options.keys?.[source]
  if (right !== undefined && key !== right) return refuseKey(asked, send)
  switch (fault?.kind) {
    case 'truncated': {
      const text = JSON.stringify(pageOf(asked))
      return send(200, text.slice(0, text.length / 2))
    }
    case 'cut-off': {
      const text = JSON.stringify(pageOf(asked))
      response.writeHead(200, { 'content-length': String(text.length) })
      response.write(text.slice(0, text.length / 2), () => response.destroy())
      return
    }
    case 'slow-body':
      response.writeHead(200)
      response.write('{')
      return
    case 'silent':
      return
    case 'reset':
      request.socket.resetAndDestroy()
      return
    case 'gzip': {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(JSON.stringify(pageOf(asked))))
      return
    }
    case 'gzip-bomb': {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      // Members of a packed file may stand one after another.
      const member = gzipSync(Buffer.alloc(32 << 20, ' '))
      for (let i = 0; i < 32; i++) response.write(member)
      response.end()
      return
    }
    case 'for-ever': {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', more)
      return more()
    }
    case '429':
      return send(429, '')
    case '429-after':
      return send(429, { message: 'too many requests' }, { 'retry-after': fault.value ?? '1' })
    case 'limit-text':
      return send(200, limitText(source, key))
    case 'premium-text':
      if (source !== 'alphavantage') return send(403, { message: `${key} is not entitled to this data` })
      return send(200, {
        Information: `Thank you for using Alpha Vantage, ${key}! This is a premium endpoint. You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/?apikey=${encodeURIComponent(key)} to instantly unlock all premium endpoints`,
      })
    case 'bad-key-text':
    case '401':
      return refuseKey(asked, send)
    case '403':
      return send(403, { message: `forbidden: ${key}`, status: 'NOT_AUTHORIZED' })
    case '404':
      return send(404, { message: `no such thing: ${key}` })
    case '500':
      return send(500, `<html>${key}</html>`)
    case 'html':
      return send(200, `<!doctype html><html><body>Sign in, ${key}</body></html>`)
    case 'empty-object':
      return send(200, {})
    case 'deep':
      return send(200, `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`)
    case 'body':
      return send(200, fault.value ?? '')
    case 'redirect': {
      const to = fault.value ?? `http://localhost:${port}${url.pathname}${url.search}`
      response.writeHead(302, { location: to }).end()
      return
    }
    case 'recent-sip': {
      const end = Date.parse(url.searchParams.get('end') ?? '')
      if (end <= (options.now ?? Date.now)() - 15 * MINUTE) break
      // Until it is asked for less.
      return send(403, { message: 'subscription does not permit querying recent SIP data' })
    }
  }
  send(200, pageOf(asked))
}

function refuseKey({ source, key }: Request, send: (status: number, body: unknown) => unknown): unknown {
  if (source === 'alpaca') return send(401, { message: `unauthorized: ${key}` })
  if (source === 'polygon') return send(401, { status: 'ERROR', error: `Unknown API Key ${key}` })
  send(200, {
    'Error Message': `the parameter apikey ${key} is invalid or missing. Please claim your free API key on (https://www.alphavantage.co/support/#api-key).`,
  })
}

function limitText(source: HttpSource, key: string): unknown {
  if (source === 'alpaca') return { message: `too many requests for ${key}` }
  if (source === 'polygon')
    return { status: 'ERROR', error: `You've exceeded the maximum requests per minute, ${key}` }
  return {
    Information: `We have detected your API key as ${key} and our standard API rate limit is 25 requests per day. Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly remove all daily rate limits, or spread out your requests (1 request per second).`,
  }
}

const INTERVALS: Readonly<Record<string, Interval>> = {
  ...{ '1Min': '1m', '5Min': '5m', '15Min': '15m', '30Min': '30m', '1Hour': '1h', '1Day': '1d' },
  ...{
    '1/minute': '1m',
    '5/minute': '5m',
    '15/minute': '15m',
    '30/minute': '30m',
    '1/hour': '1h',
    '1/day': '1d',
  },
  ...{ '1min': '1m', '5min': '5m', '15min': '15m', '30min': '30m', '60min': '1h' },
}

interface Page {
  readonly bars: readonly MarketBar[]
  /** Where the next page begins, or null. */
  readonly next: number | null
}

/** The bars from `at` on, as many as a page has. */
function cutPage(
  { source, fault, options }: Request,
  all: readonly MarketBar[],
  at: number,
  most: number,
): Page {
  if (fault?.kind === 'empty-results') return { bars: [], next: null }
  const size = Math.min(source === 'alphavantage' ? most : (options.pageBars ?? most), most)
  const end = at + size
  let bars = all.slice(at, end)
  const last = all[at - 1]
  if (fault?.kind === 'changed-bar' && last !== undefined)
    bars = [{ ...last, close: last.close + 0.01, high: last.high + 0.01 }, ...bars]
  if (fault?.kind === 'duplicate-bar' && bars.length > 0) bars = [bars[0]!, ...bars]
  if (fault?.kind === 'bad-row' && bars.length > 0)
    bars = [{ ...bars[0]!, high: bars[0]!.low - 1 }, ...bars.slice(1)]
  return { bars, next: fault?.kind === 'endless-pages' ? 0 : end < all.length ? end : null }
}

function pageOf(asked: Request): unknown {
  const { source } = asked
  return source === 'alpaca' ? alpacaPage(asked) : source === 'polygon' ? polygonPage(asked) : seriesOf(asked)
}

const marketOf = ({ options, source }: Request): FeedMarket =>
  options.markets?.[source] ?? options.market ?? formulaMarket()

const named = (asked: Request, symbol: string): string =>
  asked.fault?.kind === 'other-symbol' ? 'OTHER' : symbol

function alpacaPage(asked: Request): unknown {
  const { url } = asked
  const symbol = decodeURIComponent(url.pathname.split('/')[3]!)
  const query = (name: string) => url.searchParams.get(name) ?? ''
  const interval = INTERVALS[query('timeframe')]!
  const all = marketOf(asked)(symbol, interval, Date.parse(query('start')), Date.parse(query('end')))
  const at = Number(Buffer.from(query('page_token'), 'base64').toString() || 0)
  const { bars, next } = cutPage(asked, all, at, Number(query('limit')))
  return {
    bars: bars.length === 0 ? null : bars.map(shortBar((time) => formatTime(time))),
    symbol: named(asked, symbol),
    next_page_token: next === null ? null : Buffer.from(String(next)).toString('base64'),
  }
}

const shortBar =
  (stamp: (time: number) => unknown) =>
  ({ time, open, high, low, close, volume, vwap, trades }: MarketBar) => ({
    ...{ t: stamp(time), o: open, h: high, l: low, c: close, v: volume, n: trades, vw: vwap },
  })

function polygonPage(asked: Request): unknown {
  const { url, fault, port } = asked
  const [, , , , ticker = '', , multiplier, span, from = '', to = ''] = url.pathname.split('/')
  const symbol = decodeURIComponent(ticker)
  const interval = INTERVALS[`${multiplier}/${span}`]!
  const endMs = newYorkMidnight(parseDate(to)! + 1) - 1
  // A next page begins at a stamp where the first one has a date.
  const all = marketOf(asked)(symbol, interval, newYorkMidnight(parseDate(from)!), endMs)
  const at = Number(Buffer.from(url.searchParams.get('cursor') ?? '', 'base64').toString() || 0)
  const { bars, next } = cutPage(asked, all, at, Number(url.searchParams.get('limit') ?? 50_000))
  const cursor = Buffer.from(String(next)).toString('base64')
  const path = `${url.pathname}?cursor=${encodeURIComponent(cursor)}`
  const foreign = fault?.value ?? `http://localhost:${port}${path}`
  return {
    ticker: named(asked, symbol),
    queryCount: bars.length,
    resultsCount: bars.length,
    adjusted: fault?.kind !== 'unadjusted',
    status: 'OK',
    ...(bars.length === 0 ? {} : { results: bars.map(shortBar((time) => time)) }),
    ...(fault?.kind === 'foreign-next'
      ? { next_url: foreign }
      : next === null
        ? {}
        : { next_url: `http://127.0.0.1:${port}${path}` }),
  }
}

/** New York wall time without an offset. */
const wallTime = (time: number): string =>
  formatTime(time + newYork.offsetAt(time))
    .replace('T', ' ')
    .replace('Z', '')

function seriesOf(asked: Request): unknown {
  const { url, options } = asked
  const query = (name: string) => url.searchParams.get(name) ?? ''
  const symbol = query('symbol')
  const interval = INTERVALS[query('interval')]!
  const first = parseDate(`${query('month')}-01`)!
  const next = parseDate(`${new Date((first + 32) * DAY).toISOString().slice(0, 7)}-01`)!
  const all = marketOf(asked)(symbol, interval, newYorkMidnight(first), newYorkMidnight(next) - 1).filter(
    ({ time }) => query('extended_hours') !== 'false' || isRegular(time),
  )
  const { bars } = cutPage(asked, all, 0, Number.POSITIVE_INFINITY)
  const shift = options.endStamps ? intervalMs(interval) : 0
  return {
    'Meta Data': {
      '1. Information': `Intraday (${query('interval')}) open, high, low, close prices and volume`,
      '2. Symbol': named(asked, symbol),
      '3. Last Refreshed': '2025-07-30 19:59:00',
      '4. Interval': query('interval'),
      '5. Output Size': 'Full size',
      '6. Time Zone': 'US/Eastern',
    },
    [`Time Series (${query('interval')})`]: Object.fromEntries(
      [...bars].reverse().map(({ time, open, high, low, close, volume }) => [
        wallTime(time + shift),
        {
          '1. open': open.toFixed(4),
          '2. high': high.toFixed(4),
          '3. low': low.toFixed(4),
          '4. close': close.toFixed(4),
          '5. volume': String(volume),
        },
      ]),
    ),
  }
}
