/** The contract of every source of history over HTTP, against a server that plays the vendor. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { bench, day, everyDay, KEY, NOW } from '../../../test/support/feed-bench.js'
import { type FaultKind, formulaMarket } from '../../../test/support/feed-server.js'
import { DAY, formatTime, HOUR, newYorkMidnight } from '../../base/time.js'
import type { Bar } from '../bar.js'
import { HTTP_SOURCES } from './keys.js'

/** What the market holds, without what not every vendor has. */
const prices = ({ time, open, high, low, close, volume, session }: Bar) => ({
  ...{ time, open, high, low, close, volume, session },
})

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

describe.each(HTTP_SOURCES)('%s', (name) => {
  test('gives the bars of the dates that are wished, by time, with what belongs to them', async () => {
    const { ask, server, secrets, source } = await bench(name, everyDay)
    const bars = await ask({ fromDay: day('2025-07-29'), toDay: day('2025-07-31') })
    const market = formulaMarket()(
      'NVDA',
      '1m',
      newYorkMidnight(day('2025-07-29')),
      newYorkMidnight(day('2025-08-01')) - 1,
    )
    expect(bars.map(({ time, close }) => [time, close])).toEqual(
      market.map(({ time, close }) => [formatTime(time), close]),
    )
    expect(bars.filter(({ session }) => session === 'rth')).toHaveLength(3 * 390)
    expect(
      new Set(bars.map(({ source, adjusted, interval }) => `${source} ${adjusted} ${interval}`)),
    ).toEqual(new Set([`${name} ${source.adjusted} 1m`]))
    expect(server.calls).toHaveLength(1)
    expect(secrets).toHaveLength(name === 'alpaca' ? 2 : 1)
  })

  test('gives the regular session alone where that is enough', async () => {
    const { ask } = await bench(name)
    const bars = await ask({ session: 'rth' })
    expect(bars).toHaveLength(390)
    expect([bars[0]!.time, bars.at(-1)!.time]).toEqual(['2025-07-30T13:30:00Z', '2025-07-30T19:59:00Z'])
  })

  test('has the intervals that it names, and refuses others (64)', async () => {
    const { ask, failure } = await bench(name, everyDay)
    const counts = { '1m': 390, '5m': 78, '15m': 26, '30m': 13 } as const
    for (const [interval, count] of Object.entries(counts))
      expect(await ask({ interval: interval as Bar['interval'], session: 'rth' })).toHaveLength(count)
    expect((await ask({ interval: '1h' })).map(({ time }) => time.slice(11, 16))).toContain('14:00')
    expect(await failure({ interval: '5s' })).toMatchObject({ kind: 'usage' })
    if (name === 'alphavantage')
      expect((await failure({ interval: '1d' })).message).toMatch(/no bars of 1d: 1m, 5m/)
    else
      expect((await ask({ interval: '1d', fromDay: day('2025-07-28') })).map(({ time }) => time)).toEqual([
        ...['2025-07-28T04:00:00Z', '2025-07-29T04:00:00Z', '2025-07-30T04:00:00Z'],
      ])
  })

  test('keeps the weeks in which the clocks change', async () => {
    const { ask } = await bench(name, { ...everyDay, nowMs: newYorkMidnight(day('2025-12-20')) })
    const bars = await ask({
      fromDay: day('2025-10-31'),
      toDay: day('2025-11-03'),
      session: 'rth',
      interval: '30m',
    })
    expect(bars).toHaveLength(26)
    expect(bars.map(({ time }) => time.slice(11, 16))).toContain('14:30')
  })

  test('asks nothing twice: a stopped fetch goes on where it was', async () => {
    const { ask, another, server, secrets, directory } = await bench(name, { ...everyDay, pageBars: 300 })
    const wish = { fromDay: day('2025-05-05'), toDay: day('2025-07-30'), interval: '30m' } as const
    const all = await ask(wish)
    const calls = server.calls.length
    expect(calls).toBeGreaterThan(2)
    expect(await ask(wish, another())).toEqual(all)
    expect(server.calls).toHaveLength(calls)
    // Of the last pages there is nothing left, as if the command had ended before them.
    const files = filesIn(join(directory, 'cache')).sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    expect(files).toHaveLength(calls)
    for (const file of files.slice(-2)) rmSync(file)
    const asked = secrets.length
    expect(await ask(wish, another())).toEqual(all)
    expect(server.calls).toHaveLength(calls + 2)
    expect(secrets.length).toBe(asked + (name === 'alpaca' ? 2 : 1))
    expect(files.map((file) => statSync(file).mode & 0o777).every((mode) => mode === 0o600)).toBe(true)
    expect(statSync(join(directory, 'cache', 'feeds', name)).mode & 0o777).toBe(0o700)
  })

  test('keeps no answer about days that may still change, none with --no-cache, and reads none with --refresh', async () => {
    const { ask, another, server, directory } = await bench(name)
    const recent = { fromDay: day('2025-08-18'), toDay: day('2025-08-18'), interval: '30m' } as const
    await ask(recent)
    await ask(recent)
    expect(server.calls).toHaveLength(2)
    await ask({}, another({ use: 'off' }))
    expect(readdirSync(directory)).toEqual(['state'])
    await ask({}, another({ use: 'refresh' }))
    await ask({}, another({ use: 'refresh' }))
    expect(server.calls).toHaveLength(5)
    await ask()
    expect(server.calls).toHaveLength(5)
  })

  test('asks anew where the cache is damaged, and mends it', async () => {
    const { ask, another, server, directory } = await bench(name)
    const bars = await ask()
    const [file] = filesIn(join(directory, 'cache'))
    for (const text of ['', '{"half', '{}', readFileSync(file!, 'utf8').replaceAll('NVDA', 'MSFT')]) {
      const calls = server.calls.length
      writeFileSync(file!, text)
      expect(await ask({}, another())).toEqual(bars)
      expect(await ask({}, another())).toEqual(bars)
      expect(server.calls).toHaveLength(calls + 1)
    }
  })

  test('goes on without a cache that cannot be written, and says so once', async () => {
    const { ask, said, directory } = await bench(name)
    writeFileSync(join(directory, 'cache'), 'a file')
    expect(await ask({ fromDay: day('2025-06-30') })).not.toHaveLength(0)
    expect(said.filter((words) => words.startsWith('answers are not kept'))).toHaveLength(1)
  })

  test('leaves out a row that is no bar, and says which', async () => {
    const { ask, bad } = await bench(name, { faults: [{ kind: 'bad-row' }] })
    const bars = await ask({ session: 'rth', interval: '30m' })
    expect(bad).toHaveLength(1)
    expect(bad[0]).toMatch(new RegExp(`^${name}: NVDA: high: .* is below low`))
    expect(bars.length).toBeGreaterThanOrEqual(12)
  })

  test('leaves out bars that have not ended', async () => {
    const { ask } = await bench(name, { nowMs: newYorkMidnight(day('2025-07-30')) + 12.01 * HOUR })
    expect((await ask({ session: 'rth' })).at(-1)!.time).toBe('2025-07-30T15:59:00Z')
    expect((await ask({ session: 'rth', interval: '30m' })).at(-1)!.time).toBe('2025-07-30T15:30:00Z')
  })

  const FAILURES: readonly (readonly [fault: FaultKind, kind: string, words: RegExp])[] = [
    ['truncated', 'data', /cut, or no JSON/],
    ['html', 'data', /HTML or XML page/],
    ['deep', 'data', /nested too deep/],
    ['empty-object', 'data', /^(?!.*bars of undefined)/],
    ['other-symbol', 'data', /asked for NVDA, got bars of "OTHER"/],
    ['404', 'data', /status 404/],
    ['401', 'denied', /refuses the key/],
    ['403', 'denied', /status 403/],
    ['premium-text', 'denied', /./],
    ['redirect', 'unavailable', /redirected to localhost:\d+/],
  ]
  test.each(FAILURES)('fails at once where the answer is %s: %s', async (kind, expected, words) => {
    const { failure, server, directory } = await bench(name, { faults: [{ kind, times: 9 }] })
    const error = await failure()
    expect(error).toMatchObject({ kind: expected, where: name })
    expect(error.message).toMatch(words)
    expect(server.calls).toHaveLength(1)
    expect(filesIn(directory).some((file) => file.includes('cache'))).toBe(false)
  })

  test.each(['500', 'reset', 'cut-off', 'silent', 'slow-body'] as const)(
    'asks again after %s, three times in all, with growing waits',
    async (kind) => {
      const web = { idleMs: 100 }
      const once = await bench(name, { faults: [{ kind }], web })
      expect(await once.ask({ session: 'rth' })).toHaveLength(390)
      const ever = await bench(name, { faults: [{ kind, times: 9 }], web, quota: [`${name}=none`] })
      expect(await ever.failure()).toMatchObject({ kind: 'unavailable' })
      expect(ever.server.calls).toHaveLength(3)
      expect(ever.waits).toEqual([1000, 2000])
    },
  )

  test('says that nobody answers where that is so', async () => {
    const { failure, server } = await bench(name, { quota: [`${name}=none`] })
    await server.close()
    expect(await failure()).toMatchObject({ kind: 'unavailable', message: 'connection refused, 3 times' })
  })

  test('names once the bar that is in no session because it begins before one', async () => {
    const { ask, said } = await bench(name)
    for (let i = 0; i < 2; i++) await ask({ interval: '1h' })
    expect(said.filter((words) => words.includes('begins before the session'))).toHaveLength(1)
  })

  test('reads packed answers, and none without an end', async () => {
    const packed = await bench(name, { faults: [{ kind: 'gzip' }] })
    expect(await packed.ask({ session: 'rth' })).toHaveLength(390)
    for (const kind of ['for-ever', 'gzip-bomb'] as const) {
      const endless = await bench(name, { faults: [{ kind }], web: { bytes: 1 << 20 } })
      expect((await endless.failure()).message).toMatch(/more than 1048576 bytes/)
    }
    const late = await bench(name, { faults: [{ kind: 'slow-body', times: 9 }], web: { wholeMs: 40 } })
    expect((await late.failure()).message).toMatch(/no whole answer within 0.04 s/)
  })

  test('waits as long as a limit asks for, and gives up where that is too long', async () => {
    const soon = await bench(name, { faults: [{ kind: '429-after', value: '7' }] })
    expect(await soon.ask({ session: 'rth' })).toHaveLength(390)
    expect(soon.waits).toEqual([7000])
    expect(soon.said.join()).toMatch(/waiting 7 s/)
    const date = new Date(NOW + 9000).toUTCString()
    const dated = await bench(name, { faults: [{ kind: '429-after', value: date }] })
    await dated.ask()
    expect(dated.waits).toEqual([9000])
    const late = await bench(name, { faults: [{ kind: '429-after', value: '3600' }] })
    expect(await late.failure()).toMatchObject({ kind: 'tryAgain', untilMs: NOW + HOUR })
    expect(late.server.calls).toHaveLength(1)
    // Nobody is locked out for years.
    const never = await bench(name, { faults: [{ kind: '429-after', value: '999999999' }] })
    expect((await never.failure()).untilMs).toBeLessThanOrEqual(NOW + DAY)
  })

  test('gives up after three limits in a row without a word of when', async () => {
    const { failure, server } = await bench(name, {
      faults: [{ kind: '429', times: 9 }],
      quota: [`${name}=100/minute`],
    })
    const error = await failure()
    expect(error).toMatchObject({ kind: 'tryAgain' })
    expect(error.untilMs).toBeGreaterThan(NOW)
    expect(server.calls).toHaveLength(3)
  })

  test('ends with the reason of an aborted signal', async () => {
    const { ask, stop, server } = await bench(name, { faults: [{ kind: 'silent' }] })
    const asked = ask()
    await expect.poll(() => server.calls.length).toBe(1)
    stop.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })

  test('gives the same bars again where one stands twice', async () => {
    const { ask } = await bench(name, { faults: [{ kind: 'duplicate-bar' }] })
    const bars = await ask({ session: 'rth', interval: '30m' })
    expect(bars.length).toBeGreaterThanOrEqual(13)
    const times = bars.map(({ time }) => time)
    expect(times).toEqual([...times].sort())
  })

  const ECHOES: readonly FaultKind[] = [
    ...([
      'ok',
      'limit-text',
      'premium-text',
      'bad-key-text',
      '401',
      '403',
      '404',
      '500',
      'html',
      'redirect',
    ] as const),
    ...(['429', '429-after', 'truncated', 'reset', 'foreign-next', 'cut-off'] as const),
  ]
  test.each(ECHOES)('never lets go of the key: %s', async (kind) => {
    const { ask, said, bad, directory } = await bench(name, {
      faults: [
        {
          kind,
          times: 9,
          ...(kind === 'redirect' ? { value: `http://${encodeURIComponent(KEY)}.example/?${KEY}` } : {}),
        },
      ],
      pageBars: 100,
      patienceMs: 0,
    })
    let error: unknown
    await ask().catch((thrown: unknown) => {
      error = thrown
    })
    const files = filesIn(directory)
    const all = [
      ...[...said, ...bad, ...files, ...files.map((file) => readFileSync(file, 'utf8'))],
      ...[
        inspect(error, { depth: 10, showHidden: true }),
        JSON.stringify(error) ?? '',
        String((error as Error)?.stack),
      ],
    ].join('\n')
    // The first half is as bad as all of it.
    for (const form of [
      KEY,
      encodeURIComponent(KEY),
      JSON.stringify(KEY).slice(1, -1),
      Buffer.from(KEY).toString('base64'),
    ])
      for (const part of [form, form.slice(0, 7)]) expect(all.toLowerCase()).not.toContain(part.toLowerCase())
  })

  test('refuses a key that no header could hold, without repeating it', async () => {
    for (const key of ['secretword\n', 'secret word', 'secretwörd']) {
      const { failure, server } = await bench(name, { key })
      const error = await failure()
      expect(error).toMatchObject({ kind: 'denied' })
      expect(inspect(error)).not.toContain('secretw')
      expect(server.calls).toEqual([])
    }
  })

  test('an answer that repeats the key is not kept', async () => {
    const { ask, another, server, directory } = await bench(name)
    const bars = await ask()
    const [file] = filesIn(join(directory, 'cache'))
    const body = readFileSync(file!, 'utf8').replace('{', `{"note":${JSON.stringify(KEY)},`)
    rmSync(file!)
    server.faults.push({ kind: 'body', value: body })
    expect(await ask({}, another())).toEqual(bars)
    expect(filesIn(join(directory, 'cache'))).toEqual([])
  })
})

test('all sources give the same bars of the same market', async () => {
  const given = []
  for (const name of HTTP_SOURCES) {
    const { ask } = await bench(name, { ...everyDay, pageBars: 250 })
    given.push((await ask({ fromDay: day('2025-07-01'), toDay: day('2025-07-03') })).map(prices))
  }
  expect(given[0]).toHaveLength(2 * 450 + 270)
  expect(given[1]).toEqual(given[0])
  expect(given[2]).toEqual(given[0])
})
