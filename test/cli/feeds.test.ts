/** `jules fetch --source` against vendors on loopback: what is written, said, and how it ends. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fetch } from '../../src/commands/fetch/fetch.js'
import type { Bar } from '../../src/market/bar.js'
import { sessions } from '../../src/market/calendar.js'
import { called } from '../support/called.js'
import {
  changed,
  type FeedMarket,
  type FeedServerOptions,
  formulaMarket,
  startFeedServer,
} from '../support/feed-server.js'

import { bars as generated } from '../support/mock-feed.js'
import { mockTape, testSim } from '../support/sim.js'

const KEYS = {
  ALPACA_API_KEY_ID: 'id',
  ALPACA_API_SECRET_KEY: 'secret',
  ALPHAVANTAGE_API_KEY: 'av',
  POLYGON_API_KEY: 'poly',
}
const DAY = ['--from', '2025-07-30', '--to', '2025-07-30']
const market = formulaMarket()
const at = (time: string) => Date.parse(time)

/** Without the bars that start within these times. */
const lacking = (from: string, to: string, only = 'NVDA'): FeedMarket =>
  changed(market, (bar, symbol) =>
    symbol === only && bar.time >= at(from) && bar.time <= at(to) ? [] : [bar],
  )

async function world(options: FeedServerOptions = {}, env: Record<string, string> = KEYS) {
  const server = await startFeedServer({ market, ...options })
  const home = mkdtempSync(join(tmpdir(), 'jules-feeds-'))
  onTestFinished(async () => {
    await server.close()
    rmSync(home, { recursive: true })
  })
  const urls = ['alpaca', 'alphavantage', 'polygon'].flatMap((name) => [`--${name}-url`, server.url])
  const run = async (...args: string[]) => {
    const result = await called(fetch, 'fetch', [...urls, ...args], {
      env,
      home,
      clock: () => at('2025-12-01T00:00:00Z'),
    })
    const lines = result.stdout.split('\n').filter((line) => line !== '')
    const records = result.stdout.startsWith('{') ? lines.map((line) => JSON.parse(line)) : []
    const bars: Bar[] = records.filter(({ type }) => type === 'bar')
    return { ...result, lines, bars, others: records.filter(({ type }) => type !== 'bar') }
  }
  return { run, server, home }
}

const count = (bars: readonly Bar[], source: string): number =>
  bars.filter((bar) => bar.source === source).length

describe('jules fetch --source ib', () => {
  test('writes the history of a gateway, and fills what another source lacks', async () => {
    const sim = await testSim({
      tape: mockTape({ from: '2025-07-30', to: '2025-08-01' }),
      nowMs: at('2025-08-01T19:00:00Z'),
    })
    onTestFinished(() => sim.close())
    const { run } = await world({ market: lacking('2025-07-30T00:00:00Z', '2025-07-31T00:00:00Z', 'MSFT') })
    const gateway = ['--gateway', `127.0.0.1:${sim.port}`]
    const { status, bars } = await run('--source', 'ib', ...gateway, ...DAY)
    const truth = generated({ sessions: sessions(20299, 20299) })
    expect([status, bars.length]).toEqual([0, 780])
    const numbers = (list: readonly Bar[]) =>
      list.map(({ symbol, time, open, high, low, close, volume }) => [
        symbol,
        time,
        open,
        high,
        low,
        close,
        volume,
      ])
    expect(numbers(bars)).toEqual(numbers(truth))
    expect(bars[0]).toMatchObject({ source: 'ib', adjusted: 'splits', session: 'rth' })
    const both = await run('--source', 'alpaca,ib', ...gateway, ...DAY)
    expect([both.status, count(both.bars, 'alpaca'), count(both.bars, 'ib')]).toEqual([0, 390, 390])
  })

  test('where nobody listens it is no answer', async () => {
    const { run } = await world()
    const { status, stderr } = await run('--source', 'ib', '--gateway', '127.0.0.1:1', ...DAY)
    expect([status, stderr]).toEqual([69, expect.stringContaining('127.0.0.1:1')])
  })

  test('an account that is not one of paper is refused', async () => {
    const sim = await testSim({ tape: mockTape({ from: '2025-07-30' }), accounts: ['U1234567'] })
    onTestFinished(() => sim.close())
    const { run } = await world()
    expect((await run('--source', 'ib', '--gateway', `127.0.0.1:${sim.port}`, ...DAY)).status).toBe(77)
  })
})

describe('jules fetch --source', () => {
  test('writes the bars of a vendor, and says how many', async () => {
    const { run } = await world()
    const { status, bars, stderr } = await run('--source', 'alpaca', ...DAY)
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'jules fetch: 780 bars (alpaca 780)\n' })
    expect(bars[0]).toMatchObject({
      symbol: 'NVDA',
      time: '2025-07-30T13:30:00Z',
      session: 'rth',
      adjusted: 'splits',
      source: 'alpaca',
    })
    expect(new Set(bars.map(({ symbol }) => symbol))).toEqual(new Set(['NVDA', 'MSFT']))
  })

  test('massive is another name of polygon, and all hours are had where they are asked for', async () => {
    const { run } = await world()
    const { status, bars } = await run('--source', 'massive', '--session', 'all', '--symbols', 'NVDA', ...DAY)
    expect(status).toBe(0)
    expect(count(bars, 'polygon')).toBe(390 + 60)
  })

  test('hours begin at the open and then at full hours', async () => {
    const { run } = await world()
    const { status, bars } = await run('--source', 'polygon', '--interval', '1h', '--symbols', 'NVDA', ...DAY)
    expect(status).toBe(0)
    const starts = ['13:30', '14:00', '15:00', '16:00', '17:00', '18:00', '19:00']
    expect(bars.map(({ time }) => time.slice(11, 16))).toEqual(starts)
  })

  test('fills a gap from the next source, and says so in the stream and to people', async () => {
    const { run } = await world({
      markets: { alpaca: lacking('2025-07-30T14:00:00Z', '2025-07-30T14:14:00Z') },
    })
    const { status, bars, others, stderr } = await run('--source', 'alpaca,polygon', ...DAY)
    expect(status).toBe(0)
    expect([count(bars, 'alpaca'), count(bars, 'polygon')]).toEqual([765, 15])
    expect(others.map(({ type, from, to }) => [type, from, to])).toEqual([
      ['feed_switch', 'alpaca', 'polygon'],
      ['feed_switch', 'polygon', 'alpaca'],
    ])
    expect(stderr).toContain(
      'NVDA: bars from 2025-07-30T14:00:00Z on are those of polygon: alpaca has no bars',
    )
    expect(stderr).toContain('780 bars (alpaca 765, polygon 15)')
  })

  test('formats that hold bars alone hold them all the same', async () => {
    const { run } = await world({
      markets: { alpaca: lacking('2025-07-30T14:00:00Z', '2025-07-30T14:14:00Z') },
    })
    const { status, lines } = await run('--source', 'alpaca,polygon', '-f', 'csv', ...DAY)
    expect(status).toBe(0)
    expect(lines).toHaveLength(781)
  })

  test('gaps that remain are named, and end in 1 with what there is', async () => {
    const { run, home } = await world({ market: lacking('2025-07-30T14:00:00Z', '2025-07-30T14:14:00Z') })
    const out = join(home, 'bars.ndjson')
    const { status, stderr } = await run('--source', 'alpaca', '-o', out, ...DAY)
    expect(status).toBe(1)
    expect(stderr).toContain(
      'warning: bars are missing: NVDA 15 bars: 2025-07-30T14:00:00Z to 2025-07-30T14:14:00Z (15)',
    )
    expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(765)
  })

  test('--strict ends in 1 where a source was switched', async () => {
    const { run } = await world({
      markets: { alpaca: lacking('2025-07-30T14:00:00Z', '2025-07-30T14:14:00Z') },
    })
    expect((await run('--source', 'alpaca,polygon', '--strict', ...DAY)).status).toBe(1)
    expect((await run('--source', 'polygon', '--strict', ...DAY)).status).toBe(0)
  })

  test.each<[string, FeedServerOptions, number, RegExp]>([
    [
      'no source answers: 69',
      {
        faults: [
          { kind: '401', source: 'alpaca', times: 99 },
          { kind: 'html', source: 'polygon', times: 99 },
        ],
      },
      69,
      /alpaca: .*polygon: /,
    ],
    ['the key is refused: 77', { faults: [{ kind: '401', times: 99 }] }, 77, /alpaca/],
    ['a limit alone: 75', { faults: [{ kind: '429-after', value: '86400', times: 99 }] }, 75, /alpaca/],
  ])('%s, and no file appears', async (_, options, code, words) => {
    const { run, home } = await world(options)
    const out = join(home, 'bars.ndjson')
    const { status, stderr } = await run('--source', 'alpaca,polygon', '-o', out, ...DAY)
    expect({ status, stderr }).toEqual({ status: code, stderr: expect.stringMatching(words) })
    expect(existsSync(out)).toBe(false)
  })

  test('a limit within the data ends in 75, and the same command goes on where it stopped', async () => {
    const limited = { kind: '429-after', value: '86400', source: 'alpaca', times: 1 } as const
    const { run, server, home } = await world({
      faults: [{ kind: 'ok', source: 'alpaca', times: 1 }, limited],
    })
    const out = join(home, 'bars.ndjson')
    const first = await run('--source', 'alpaca', '-o', out, ...DAY)
    expect(first.status).toBe(75)
    expect(existsSync(out)).toBe(false)
    const asked = server.calls.length
    rmSync(join(home, 'feed-quotas.json'))
    const again = await run('--source', 'alpaca', '-o', out, ...DAY)
    expect(again.status).toBe(0)
    expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(780)
    // The first symbol came from the answers that were kept.
    expect(server.calls.length - asked).toBe(1)
  })

  test('a key that is not there is that of one source: the next one is asked', async () => {
    const { run } = await world({}, { POLYGON_API_KEY: 'poly' })
    const { status, bars, stderr } = await run('--source', 'alpaca,polygon', ...DAY)
    expect(status).toBe(0)
    expect(count(bars, 'polygon')).toBe(780)
    expect(stderr).toMatch(/alpaca: .*ALPACA_API_KEY_ID/)
    const alone = await run('--source', 'alpaca', ...DAY)
    expect(alone.status).toBe(77)
    expect(alone.stderr).toContain('jules vault set ALPACA_API_KEY_ID')
  })

  test('--repair fetches the bars of its spans and no others', async () => {
    const { run } = await world()
    const span = 'NVDA:2025-07-30T13:31:00Z..2025-07-30T13:33:00Z,MSFT:2025-07-29'
    const { status, bars } = await run('--source', 'alpaca', '--repair', span)
    expect(status).toBe(0)
    expect(bars).toHaveLength(393)
    expect(bars.filter(({ symbol }) => symbol === 'NVDA').map(({ time }) => time.slice(11, 16))).toEqual([
      '13:31',
      '13:32',
      '13:33',
    ])
  })

  test('--repair of times at which nobody trades is 66: no later try finds a bar there', async () => {
    const { run } = await world()
    for (const span of ['NVDA:2025-08-02..2025-08-03', 'NVDA:2025-07-30T03:00:00Z..2025-07-30T03:30:00Z']) {
      const { status, stderr } = await run('--source', 'alpaca', '--repair', span)
      expect([status, stderr]).toEqual([66, 'jules fetch: no bar is to be expected in these spans\n'])
    }
    expect((await run('--source', 'alpaca', '--repair', 'NVDA:2025-12-01')).status).toBe(75)
  })

  test('one bar is told as one', async () => {
    const { run } = await world()
    const { stderr } = await run('--source', 'alpaca', '--repair', 'NVDA:2025-07-30T13:31:00Z')
    expect(stderr).toBe('jules fetch: 1 bar (alpaca 1)\n')
  })

  test.each([
    ['quarantine', ['--source', 'alpaca']],
    ['defects-out', ['--mock', '--days', '1', '--defects', 'wick']],
  ])('-o and --%s are two files', async (option, args) => {
    const { home } = await world()
    const file = join(home, 'one.ndjson')
    const { status, stderr } = await called(fetch, 'fetch', [...args, '-o', file, `--${option}`, file], {
      home,
    })
    expect([status, stderr]).toEqual([64, `jules fetch: ${file}: --output and --${option} name one file\n`])
    expect(existsSync(file)).toBe(false)
  })

  test('the other side of a split goes to the quarantine', async () => {
    const split = changed(market, (bar, symbol) => {
      const by = symbol === 'NVDA' && bar.time >= at('2025-07-30T00:00:00Z') ? 0.1 : 1
      return [
        {
          ...bar,
          open: bar.open * by,
          high: bar.high * by,
          low: bar.low * by,
          close: bar.close * by,
          vwap: bar.vwap * by,
        },
      ]
    })
    const { run, home } = await world({ market: split })
    const file = join(home, 'quarantine.ndjson')
    const dates = ['--from', '2025-07-29', '--to', '2025-07-30']
    const { status, bars, stderr } = await run('--source', 'alpaca', '--quarantine', file, ...dates)
    expect(status).toBe(1)
    expect(bars).toHaveLength(780 + 390)
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(390)
    expect(stderr).toMatch(/NVDA opens on 2025-07-30 .*10-for-1 split/)
  })

  test('sources that adjust for different things are refused', async () => {
    const { run } = await world()
    const { status, stderr } = await run('--source', 'alpaca,alphavantage', ...DAY)
    expect(status).toBe(64)
    expect(stderr).toContain('--allow-adjustment-mix')
  })

  test('a day whose bars have not ended is no success', async () => {
    const { run } = await world()
    const { status, stderr } = await run('--source', 'alpaca', '--from', '2025-12-01', '--to', '2025-12-01')
    expect({ status, stderr }).toEqual({
      status: 75,
      stderr: 'jules fetch: no bar of these dates has ended yet\n',
    })
  })

  test.each([
    [['--source', 'alpaca', '--mock'], '--mock and --source exclude each other'],
    [['--source', 'alpaca', 'bars.csv'], '--source and FILE exclude each other'],
    [['--source', 'alpaca', '--seed', '3'], '--seed needs --mock'],
    [['--mock', '--session', 'all'], '--session needs --source'],
    [['--source', 'yahoo'], 'alphavantage'],
    [['--source', 'alpaca', '--tz', 'UTC'], '--tz is for files'],
    [
      ['--source', 'alpaca', '--repair', 'NVDA:2025-07-30', '--from', '2025-07-30'],
      '--repair and dates exclude each other',
    ],
    [['--source', 'alpaca', '--repair', 'NVDA'], 'SYMBOL:FROM..TO'],
    [['--source', 'alpaca', '--repair', 'NVDA:2025-07-30..2025-07-29'], 'before the end'],
    [['--source', 'alpaca', '--follow', '--to', '2025-07-30'], '--follow and --to'],
    [['--source', 'ib'], '--source ib needs --gateway'],
    [['--source', 'alpaca', '--gateway', '127.0.0.1:4002'], '--gateway needs --source ib'],
    [['--source', 'alpaca', '--interval', '5s', ...DAY], '5s'],
    [['--source', 'alpaca', '--no-cache', '--refresh'], 'exclude each other'],
  ])('%j is 64', async (args, words) => {
    const { run } = await world()
    const { status, stderr } = await run(...args)
    expect({ status, stderr }).toEqual({ status: 64, stderr: expect.stringContaining(words) })
  })
})
