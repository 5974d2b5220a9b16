/** What only one of the vendors over HTTP does. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { tlsFile } from '../../../test/support/fake-postgres.js'
import { bench, day, everyDay, KEY, NOW, WISH } from '../../../test/support/feed-bench.js'
import { type FeedMarket, formulaMarket, startFeedServer } from '../../../test/support/feed-server.js'
import { DAY, HOUR, MINUTE, newYorkMidnight } from '../../base/time.js'
import { vendorUrl } from './web.js'

describe('addresses', () => {
  test.each([
    'https://a.example',
    'http://127.0.0.1:1',
    'http://localhost',
    'http://[::1]:9',
    'https://a.example/x',
  ])('%s is taken', (url) =>
    expect(vendorUrl(url, 'polygon-url').href).toBe(url.endsWith('/') ? url : `${url}/`),
  )

  test.each([
    ['http://a.example', /a key would go to a.example unencrypted/],
    ['http://127.0.0.1.example', /unencrypted/],
    ['ftp://a.example', /expected https/],
    ['a.example', /expected a URL/],
    ['https://u:hunter2@a.example', /a user or a password/],
    ['https://a.example/?k=hunter2', /without \? and #/],
  ])('%s is refused (78), and not repeated', (url, words) => {
    let error: unknown
    try {
      vendorUrl(url, 'polygon-url')
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ kind: 'config', message: expect.stringMatching(words) })
    expect(String(error)).not.toContain('hunter2')
  })

  test.each([
    ['self', /its certificate is signed by itself \(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
    ['expired', /its certificate .* \([A-Z_]+\)/],
  ])('a server with the certificate %s is not spoken to', async (name, words) => {
    const tls = { cert: readFileSync(tlsFile(`${name}.crt`)), key: readFileSync(tlsFile('self.key')) }
    const { failure, server } = await bench('alphavantage', { tls })
    const error = await failure()
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(words) })
    expect(server.calls).toEqual([])
  })
})

test.each([
  ['alphavantage', 'redirect'],
  ['polygon', 'foreign-next'],
] as const)('%s: a key in the name of another host is not shown: %s', async (name, kind) => {
  const key = 'AbCdEf123456'
  const { failure } = await bench(name, { key, faults: [{ kind, value: `http://x-${key}.example/` }] })
  const { message } = await failure()
  expect(message).toMatch(/another host|next_url/)
  expect(message.toLowerCase()).not.toContain(key.toLowerCase())
})

describe('alpaca', () => {
  test('asks up to 16 minutes ago where the plan does not hold the last 15, once and for all symbols', async () => {
    const nowMs = newYorkMidnight(WISH.fromDay) + 12 * HOUR + 5 * MINUTE
    const { ask, server, said } = await bench('alpaca', {
      ...everyDay,
      nowMs,
      faults: [{ kind: 'recent-sip', times: Number.POSITIVE_INFINITY }],
    })
    expect((await ask({ session: 'rth' })).at(-1)!.time).toBe('2025-07-30T15:48:00Z')
    expect((await ask({ session: 'rth', interval: '5m' })).at(-1)!.time).toBe('2025-07-30T15:40:00Z')
    await ask({ symbol: 'MSFT' })
    expect(server.calls).toHaveLength(4)
    expect(said.filter((words) => words.includes('last 15 minutes'))).toHaveLength(1)
    // Nothing is that old yet.
    expect(await ask({ fromDay: day('2025-07-31'), toDay: day('2025-07-31') })).toEqual([])
    expect(server.calls).toHaveLength(4)
  })

  test('never names a feed, and has the key in headers alone', async () => {
    const { ask, server } = await bench('alpaca', { keys: { alpaca: `${KEY}:${KEY}` } })
    await ask()
    expect(server.calls[0]!.url).not.toMatch(/feed|key|ca%2B/i)
    expect(server.calls[0]!.url).toContain('start=2025-07-30T04%3A00%3A00Z&end=2025-07-31T03%3A59%3A59Z')
  })
})

describe('polygon', () => {
  test('takes a next page from the same host alone', async () => {
    const other = await startFeedServer()
    for (const value of [
      `${other.url}/v2/aggs/x`,
      'http://user@elsewhere.example/v2',
      'https://127.0.0.1/v2',
      'http://127.0.0.1:1/v2',
      'file:///etc/passwd',
      'nothing',
    ]) {
      const { ask, failure, server } = await bench('polygon', { faults: [{ kind: 'foreign-next', value }] })
      const error = await failure()
      expect(error).toMatchObject({ kind: 'data', message: expect.stringMatching(/^next_url/) })
      expect(server.calls).toHaveLength(1)
      // It is not kept: the vendor may mend it.
      expect(await ask({ session: 'rth' })).toHaveLength(390)
    }
    expect(other.calls).toEqual([])
    await other.close()
  })

  test('refuses a connection that is not encrypted any more', async () => {
    const { server, failure } = await bench('polygon')
    const value = server.url.replace('http:', 'https:')
    server.faults.push({ kind: 'foreign-next', value })
    expect((await failure()).message).toBe('next_url leads to https, not http: no key goes there')
  })

  test('refuses bars that are not adjusted', async () => {
    const { failure } = await bench('polygon', { faults: [{ kind: 'unadjusted' }] })
    expect((await failure()).message).toBe('adjusted: asked for true, got false')
  })

  test('paces every page', async () => {
    const { ask, waits, server, said } = await bench('polygon', { pageBars: 50 })
    expect(await ask({ session: 'rth' })).toHaveLength(390)
    expect(server.calls).toHaveLength(9)
    expect(waits).toEqual([MINUTE])
    expect(said).toContain('polygon: 5 calls a minute are used up: waiting 60 s')
  })
})

describe.each(['alpaca', 'polygon'] as const)('pages of %s', (name) => {
  test('that lead back are refused', async () => {
    const { ask, failure, server } = await bench(name, {
      pageBars: 100,
      faults: [{ kind: 'endless-pages', times: 99 }],
    })
    expect(await failure()).toMatchObject({ kind: 'data', message: 'a page that leads to a page before it' })
    expect(server.calls).toHaveLength(2)
    server.faults.length = 0
    // The page that led back is not kept.
    expect(new Set((await ask({ session: 'rth' })).map(({ time }) => time)).size).toBe(390)
  })

  test('without an end are refused', async () => {
    const { failure } = await bench(name, { pageBars: 1, quota: [`${name}=none`] })
    expect((await failure()).message).toBe('more than 100 pages, without an end')
  })

  test('that change a bar give both, the later one second', async () => {
    const { ask, server } = await bench(name, {
      pageBars: 7,
      faults: [{ kind: 'ok' }, { kind: 'changed-bar' }],
    })
    const bars = await ask({ interval: '30m', session: 'rth' })
    expect(server.calls.length).toBeGreaterThan(1)
    expect(bars).toHaveLength(14)
    const twice = bars.filter(({ time }, i) => time === bars[i + 1]?.time || time === bars[i - 1]?.time)
    expect(twice).toHaveLength(2)
    expect(twice[1]!.close).toBeCloseTo(twice[0]!.close + 0.01, 6)
  })

  test('of no bars are none', async () => {
    const { ask, server } = await bench(name, { faults: [{ kind: 'empty-results' }] })
    expect(await ask()).toEqual([])
    expect(server.calls).toHaveLength(1)
  })
})

describe('alpha vantage', () => {
  test.each([
    ['regular hours and an early close', 'rth', day('2025-07-02'), day('2025-07-03')],
    ['all hours', undefined, day('2025-07-02'), day('2025-07-02')],
  ] as const)(
    'stamps at the end of the bar are put at its start: %s',
    async (_name, session, fromDay, toDay) => {
      const market: FeedMarket = (symbol, interval, fromMs, toMs) =>
        formulaMarket({ before: 330, after: 240 })(
          symbol,
          interval,
          Math.max(fromMs, newYorkMidnight(fromDay)),
          Math.min(toMs, newYorkMidnight(toDay + 1) - 1),
        )
      for (const interval of ['1m', '30m', '1h'] as const) {
        const wish = { fromDay, toDay, session, interval }
        const shifted = await bench('alphavantage', { market, endStamps: true })
        const plain = await bench('alphavantage', { market })
        const bars = await plain.ask(wish)
        expect(bars.length).toBeGreaterThan(8)
        expect(await shifted.ask(wish)).toEqual(bars)
        expect(shifted.said.join()).toMatch(/stamps are the end of the bar/)
        expect(plain.said.join()).not.toMatch(/stamps are the end of the bar/)
      }
    },
  )

  test('both limits in one text: the counts decide', async () => {
    const soon = await bench('alphavantage', { faults: [{ kind: 'limit-text' }] })
    expect(await soon.ask({ session: 'rth' })).toHaveLength(390)
    expect(soon.waits).toEqual([1000])
    const over = await bench('alphavantage', { faults: [{ kind: 'limit-text', times: 9 }] })
    expect(await over.failure()).toMatchObject({
      kind: 'tryAgain',
      untilMs: newYorkMidnight(day('2025-08-21')),
    })
    expect(over.server.calls).toHaveLength(2)
    // What the server said holds for the next command.
    await expect(over.ask({}, over.another())).rejects.toMatchObject({ kind: 'tryAgain' })
    expect(over.server.calls).toHaveLength(2)
    over.clock.ms = NOW + DAY
    over.server.faults.length = 0
    expect(await over.ask({ session: 'rth' }, over.another())).toHaveLength(390)
  })

  test('a limit in other words is a limit too', async () => {
    const words =
      'Thank you for using Alpha Vantage! Please visit https://www.alphavantage.co/premium/ if you would like to have a higher API call volume.'
    const value = JSON.stringify({ Note: words })
    const { ask } = await bench('alphavantage', { faults: [{ kind: 'body', value }] })
    expect(await ask({ session: 'rth' })).toHaveLength(390)
  })

  test('25 months a day: the rest comes the day after, from where it stopped', async () => {
    const wish = { fromDay: day('2023-05-01'), toDay: day('2025-06-30'), session: 'rth' } as const
    const { ask, failure, server, clock, another } = await bench('alphavantage')
    expect(await failure(wish)).toMatchObject({
      kind: 'tryAgain',
      message: expect.stringMatching(/^25 calls a day/),
    })
    expect(server.calls).toHaveLength(25)
    clock.ms += DAY
    await ask(wish, another())
    expect(server.calls).toHaveLength(26)
  })
})
