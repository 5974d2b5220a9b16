/** A source of history over HTTP with a server that plays its vendor, a clock that waits move on, and a place for its files. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { disk } from '../../src/base/disk.js'
import type { LockWorld } from '../../src/base/lock.js'
import { HOUR, newYorkMidnight, parseDate } from '../../src/base/time.js'
import { type Bar, barAt, Names } from '../../src/market/bar.js'
import { alpaca } from '../../src/market/feeds/alpaca.js'
import { alphaVantage } from '../../src/market/feeds/alpha-vantage.js'
import { bodyCache, type CacheUse } from '../../src/market/feeds/cache.js'
import type { ClientWorld } from '../../src/market/feeds/client.js'
import type { FeedFailure, HistorySource, HistoryWish, HistoryWorld } from '../../src/market/feeds/history.js'
import type { HttpSource } from '../../src/market/feeds/keys.js'
import { polygon } from '../../src/market/feeds/polygon.js'
import { limitsOf, QuotaFile } from '../../src/market/feeds/quota.js'
import { vendorUrl, WEB_LIMITS, type WebLimits } from '../../src/market/feeds/web.js'
import {
  type FeedMarket,
  type FeedServer,
  type FeedServerOptions,
  formulaMarket,
  startFeedServer,
} from './feed-server.js'

export const day = (date: string): number => parseDate(date)!
const SOURCES = { alpaca, alphavantage: alphaVantage, polygon }

/** A day in the middle of a month, long settled at the time of the tests. */
export const WISH: HistoryWish = {
  symbol: 'NVDA',
  interval: '1m',
  fromDay: day('2025-07-30'),
  toDay: day('2025-07-30'),
  session: undefined,
}
export const NOW = newYorkMidnight(day('2025-08-20')) + 12 * HOUR

/** Signs that URLs, JSON and pages each write in another way. */
export const KEY = 'ca+n/a=r%y"'

/** A whole month for each question would take longer than all else. */
const oneDay: FeedMarket = (symbol, interval, fromMs, toMs) =>
  formulaMarket()(
    symbol,
    interval,
    Math.max(fromMs, newYorkMidnight(WISH.fromDay)),
    Math.min(toMs, newYorkMidnight(WISH.toDay + 1) - 1),
  )
export const everyDay = { market: formulaMarket() }

export interface BenchOptions extends FeedServerOptions {
  readonly quota?: readonly string[]
  readonly use?: CacheUse
  readonly web?: Partial<WebLimits>
  readonly patienceMs?: number
  readonly key?: string
  readonly directory?: string
  readonly nowMs?: number
}

export interface Bench {
  readonly server: FeedServer
  readonly source: HistorySource
  readonly world: HistoryWorld
  readonly said: string[]
  readonly bad: string[]
  readonly waits: number[]
  readonly secrets: string[]
  readonly directory: string
  readonly clock: { ms: number }
  readonly stop: AbortController
  /** Another command at the same place. */
  another(options?: { readonly use?: CacheUse; readonly key?: string }): HistorySource
  ask(wish?: Partial<HistoryWish>, source?: HistorySource): Promise<Bar[]>
  failure(wish?: Partial<HistoryWish>): Promise<FeedFailure>
}

/** Locks of this process, which lives. */
export function lockWorld(signal: AbortSignal): LockWorld {
  return {
    ...{ disk, signal, clock: Date.now },
    token: () => randomBytes(16).toString('hex'),
    self: { pid: process.pid, host: 'here', start: '' },
    isAlive: () => true,
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  }
}

/** A directory that is gone after the test. */
export function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'jules-sources-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** One source, and all that it says, waits and leaves behind. */
export async function bench(name: HttpSource, options: BenchOptions = {}): Promise<Bench> {
  const clock = { ms: options.nowMs ?? NOW }
  const server = await startFeedServer({ now: () => clock.ms, market: oneDay, ...options })
  onTestFinished(() => server.close())
  const directory = options.directory ?? place()
  const stop = new AbortController()
  const [said, bad, waits, secrets]: [string[], string[], number[], string[]] = [[], [], [], []]
  const say = (words: string) => void said.push(words)
  const world: HistoryWorld = {
    signal: stop.signal,
    clock: () => clock.ms,
    ...{ note: say, warn: say, detail: say },
    names: new Names(),
    wait: async (ms) => {
      stop.signal.throwIfAborted()
      waits.push(ms)
      clock.ms += ms
    },
    random: () => 0.5,
    onBad: (words) => void bad.push(words),
  }
  const lock = lockWorld(stop.signal)
  const another: Bench['another'] = ({ use = options.use ?? 'use', key = options.key ?? KEY } = {}) => {
    const client: ClientWorld = {
      fetch,
      secret: async (secret) => {
        secrets.push(secret)
        return key
      },
      cache: bodyCache(lock, join(directory, 'cache', 'feeds'), use),
      quota: new QuotaFile(lock, join(directory, 'state', 'feed-quotas.json')),
      web: { ...WEB_LIMITS, ...options.web },
      ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    }
    return SOURCES[name](client, vendorUrl(server.url, `${name}-url`), limitsOf(options.quota ?? [])[name])
  }
  const source = another()
  const ask: Bench['ask'] = async (wish = {}, from = source) => {
    const bars: Bar[] = []
    for await (const batch of from.bars({ ...WISH, ...wish }, world))
      for (let i = 0; i < batch.length; i++) bars.push(barAt(batch, i))
    return bars
  }
  const failure: Bench['failure'] = (wish) =>
    ask(wish).then(
      () => expect.unreachable('no failure'),
      (error: FeedFailure) => error,
    )
  return { server, source, world, said, bad, waits, secrets, directory, clock, stop, another, ask, failure }
}
