/** The sources over HTTP as a command makes them: addresses, keys, files. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { place, WISH } from '../../../test/support/feed-bench.js'
import { startFeedServer } from '../../../test/support/feed-server.js'
import type { Context } from '../../cli/context.js'
import { Names } from '../../market/bar.js'
import type { HistorySource, HistoryWorld } from '../../market/feeds/history.js'
import { type FeedChoice, feedOptions, historySources } from './feeds.js'

const CHOSEN: FeedChoice = {
  'alpaca-url': feedOptions['alpaca-url'].fallback,
  'alphavantage-url': feedOptions['alphavantage-url'].fallback,
  'polygon-url': feedOptions['polygon-url'].fallback,
  quota: undefined,
  'no-cache': false,
  refresh: false,
}

const KEYS = { ALPACA_API_KEY_ID: 'id-1', ALPACA_API_SECRET_KEY: 'secret-1', POLYGON_API_KEY: 'polygon-1' }

function context(home: string, keys: Readonly<Record<string, string>>, asked: string[] = []): Context {
  const known: Partial<Context> = {
    signal: new AbortController().signal,
    clock: Date.now,
    pid: process.pid,
    kill: (pid, signal) => process.kill(pid, signal),
    env: (name) => {
      asked.push(name)
      return keys[name]
    },
    paths: {
      ...{ home, config: home, data: home, runtime: undefined },
      ...{ state: join(home, 'state'), cache: join(home, 'cache') },
    },
  }
  return known as Context
}

async function count(source: HistorySource): Promise<number> {
  const world: HistoryWorld = {
    ...{ signal: new AbortController().signal, clock: Date.now, names: new Names(), random: () => 0.5 },
    ...{ note: () => {}, warn: () => {}, detail: () => {}, onBad: () => {} },
    wait: async () => {},
  }
  let bars = 0
  for await (const batch of source.bars({ ...WISH, session: 'rth' }, world)) bars += batch.length
  return bars
}

test('keys are asked for before a request that is sent, once; a fetch from the cache needs none', async () => {
  const server = await startFeedServer({ keys: { alpaca: 'id-1:secret-1', polygon: 'polygon-1' } })
  onTestFinished(() => server.close())
  const home = place()
  const chosen = { ...CHOSEN, 'alpaca-url': server.url, 'polygon-url': server.url }
  const asked: string[] = []
  const sources = historySources(context(home, KEYS, asked), chosen)
  const [alpaca, polygon] = [sources('alpaca'), sources('polygon')]
  expect(asked).toEqual([])
  for (let i = 0; i < 2; i++) expect(await count(alpaca)).toBe(390)
  expect(asked).toEqual(['ALPACA_API_KEY_ID', 'ALPACA_API_SECRET_KEY'])
  expect(await count(polygon)).toBe(390)
  const cached = historySources(context(home, {}), chosen)
  expect(await count(cached('alpaca'))).toBe(390)
  expect(server.calls).toHaveLength(2)
  expect(existsSync(join(home, 'state', 'feed-quotas.json'))).toBe(true)
  expect(existsSync(join(home, 'cache', 'feeds', 'polygon'))).toBe(true)
})

test('the real addresses are encrypted ones', () => {
  const sources = historySources(context('/nowhere', {}), CHOSEN)
  for (const name of ['alpaca', 'alphavantage', 'polygon'] as const) expect(sources(name).name).toBe(name)
})

test('options that cannot be are refused', () => {
  const made = (more: Partial<FeedChoice>) => historySources(context('/nowhere', {}), { ...CHOSEN, ...more })
  expect(() => made({ refresh: true, 'no-cache': true })).toThrow(/exclude each other/)
  expect(() => made({ quota: ['ib=5/day'] })).toThrow(/expected SOURCE=N/)
  expect(() => made({ 'polygon-url': 'http://a.example' })('polygon')).toThrow(
    /^--polygon-url: a key would go/,
  )
  expect(() => feedOptions.quota.parse('alpaca=1/week')).toThrow(/expected SOURCE=N/)
})
