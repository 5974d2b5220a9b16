import { describe, expect, test } from 'vitest'
import { HOUR, MINUTE, newYorkMidnight, parseDate } from '../../base/time.js'
import { ADJUSTMENTS, type Adjusted, type Bar, barAt, INTERVALS, newBatch, SESSIONS } from '../bar.js'
import { sessionOfBar, sessions } from '../calendar.js'
import type { OtherRecord } from '../reading.js'
import { type FailoverOptions, failover, gapWords } from './failover.js'
import type { Wanted } from './feed.js'
import { FeedFailure, type HistorySource, type HistoryWish } from './history.js'

const day = (date: string): number => parseDate(date)!
const at = (time: string): number => Date.parse(time)

interface Row {
  readonly time: number
  readonly close: number
  readonly volume: number
}

interface SourceOptions {
  readonly adjusted?: Adjusted
  /** What the source has of the true rows. */
  readonly alter?: (rows: Row[], symbol: string) => Row[]
  /** Throws instead of an answer, or after the rows. */
  readonly fails?: (wish: HistoryWish, call: number) => FeedFailure | null
}

/** A price that is the same in every source: it goes up and down over the day, and from day to day. */
const priceOf = (symbol: string, time: number): number => {
  const minute = time / MINUTE
  const base = symbol === 'NVDA' ? 170 : 500
  return Math.round(100 * base * (1 + 0.02 * Math.sin(minute / 37) + 0.03 * Math.sin(minute / 9000))) / 100
}

function source(name: string, { adjusted = 'splits', alter = (rows) => rows, fails }: SourceOptions = {}) {
  const wishes: HistoryWish[] = []
  const made: HistorySource & { readonly wishes: HistoryWish[] } = {
    name,
    adjusted,
    wishes,
    bars: async function* (wish, { names }) {
      wishes.push(wish)
      const failure = fails?.(wish, wishes.length) ?? null
      if (failure !== null) throw failure
      const rows: Row[] = []
      for (const { day, openMs, closeMs } of sessions(wish.fromDay - 1, wish.toDay)) {
        const [from, to] =
          wish.session === 'rth' ? [openMs, closeMs] : [newYorkMidnight(day) + 4 * HOUR, closeMs + HOUR]
        for (let time = from; time < to; time += MINUTE) {
          rows.push({ time, close: priceOf(wish.symbol, time), volume: 100 })
        }
      }
      const [from, to] = [newYorkMidnight(wish.fromDay), newYorkMidnight(wish.toDay + 1)]
      const asked = alter(rows, wish.symbol).filter(({ time }) => time >= from && time < to)
      const batch = newBatch(asked.length, names)
      for (const { time, close, volume } of asked) {
        const i = batch.length++
        batch.symbol[i] = names.id(wish.symbol)
        batch.source[i] = names.id(name)
        batch.interval[i] = INTERVALS.indexOf('1m')
        batch.adjusted[i] = ADJUSTMENTS.indexOf(adjusted)
        batch.session[i] = SESSIONS.indexOf(sessionOfBar(time, MINUTE))
        batch.time[i] = time
        batch.open[i] = close
        batch.close[i] = close
        batch.high[i] = close
        batch.low[i] = close
        batch.volume[i] = volume
        batch.vwap[i] = Number.NaN
        batch.trades[i] = Number.NaN
      }
      if (batch.length > 0) yield batch
    },
  }
  return made
}

const without =
  (from: string, to: string, only?: string) =>
  (rows: Row[], symbol: string): Row[] =>
    rows.filter(({ time }) => time < at(from) || time > at(to) || (only !== undefined && only !== symbol))

async function run(
  sources: readonly HistorySource[],
  wanted: Partial<Wanted> = {},
  options: Partial<FailoverOptions> & { readonly now?: string } = {},
) {
  const said: string[] = []
  const quarantined: Bar[] = []
  const feed = failover({
    sources,
    wait: async () => {},
    random: () => 0.5,
    onQuarantined: (batch) =>
      void quarantined.push(...Array.from({ length: batch.length }, (_, i) => barAt(batch, i))),
    ...options,
  })
  const bars: Bar[] = []
  const records: OtherRecord[] = []
  const order: string[] = []
  const world = {
    signal: new AbortController().signal,
    clock: () => at(options.now ?? '2025-12-01T00:00:00Z'),
    note: (words: string) => void said.push(words),
    warn: (words: string) => void said.push(words),
    detail: (words: string) => void said.push(words),
  }
  const all = { symbols: ['NVDA', 'MSFT'], interval: '1m', session: 'rth', ...wanted } as const
  const dates = { fromDay: day('2025-07-28'), toDay: day('2025-07-30') }
  for await (const block of feed.bars({ ...dates, ...all }, world)) {
    if (block.kind === 'other') {
      records.push(...block.records)
      order.push(...block.records.map(({ object }) => `> ${object.to}`))
      continue
    }
    for (let i = 0; i < block.batch.length; i++) {
      bars.push(barAt(block.batch, i))
      order.push(bars.at(-1)!.time)
    }
  }
  return {
    bars,
    records: records.map(({ object }) => object),
    outcome: feed.outcome,
    said,
    order,
    quarantined,
  }
}

const limited = (untilMs: number | null = null) =>
  new FeedFailure('tryAgain', '25 calls a day are used up', { untilMs })
const down = () => new FeedFailure('unavailable', 'does not answer')

describe('one source', () => {
  test('gives bars by time, then in the order of the symbols, over the end of a month', async () => {
    const { bars, outcome } = await run([source('alpaca')], {
      symbols: ['MSFT', 'NVDA'],
      fromDay: day('2025-07-31'),
      toDay: day('2025-08-01'),
    })
    expect(bars).toHaveLength(4 * 390)
    expect(bars.slice(0, 3).map(({ symbol, time }) => `${symbol} ${time}`)).toEqual([
      'MSFT 2025-07-31T13:30:00Z',
      'NVDA 2025-07-31T13:30:00Z',
      'MSFT 2025-07-31T13:31:00Z',
    ])
    expect(bars.map(({ time }) => time)).toEqual(bars.map(({ time }) => time).sort())
    expect(bars[0]).toMatchObject({ source: 'alpaca', adjusted: 'splits', session: 'rth' })
    expect(outcome.gaps).toEqual([])
  })

  test('what it lacks is a gap, by range', async () => {
    const lacking = without('2025-07-29T14:00:00Z', '2025-07-29T14:04:00Z', 'NVDA')
    const { outcome } = await run([source('alpaca', { alter: lacking })])
    expect(outcome.gaps).toMatchObject([
      { symbol: 'NVDA', count: 5, whole: false, fromMs: at('2025-07-29T14:00:00Z') },
    ])
    expect(gapWords(outcome.gaps)).toBe('NVDA 5 bars: 2025-07-29T14:00:00Z to 2025-07-29T14:04:00Z (5)')
  })

  test('gives all hours where they are wanted, without a gap in those that are not regular', async () => {
    const { bars, outcome } = await run([source('alpaca')], { session: undefined, symbols: ['NVDA'] })
    expect(new Set(bars.map(({ session }) => session))).toEqual(new Set(['rth', 'eth']))
    expect(outcome.gaps).toEqual([])
  })

  test('a bar that has not ended is none yet, and no gap', async () => {
    const { bars, outcome } = await run(
      [source('alpaca')],
      { symbols: ['NVDA'] },
      { now: '2025-07-30T14:00:30Z' },
    )
    expect(bars.at(-1)?.time).toBe('2025-07-30T13:59:00Z')
    expect(outcome.gaps).toEqual([])
  })

  test('of equal starts the last one stands; equal rows are dropped, other values are counted', async () => {
    const twice = (rows: Row[]) => {
      const [first, second] = rows.filter(({ time }) => time >= at('2025-07-29T13:30:00Z'))
      return [...rows, { ...first! }, { ...second!, close: 1 }, { ...second!, close: 2 }]
    }
    const { bars, outcome, said } = await run([source('alpaca', { alter: twice })], { symbols: ['NVDA'] })
    expect(outcome.corrected).toBe(2)
    expect(said.join('\n')).toMatch(/1 bars came twice[\s\S]*2 bars were corrected/)
    expect(bars).toHaveLength(3 * 390)
    expect(bars.find(({ time }) => time === '2025-07-29T13:31:00Z')?.close).toBe(2)
  })

  test('a row that shares time with another bar is left out, counted and told', async () => {
    const odd = (rows: Row[]) => [...rows, { time: at('2025-07-29T14:00:20Z'), close: 170, volume: 1 }]
    const { bars, outcome, said } = await run([source('alpaca', { alter: odd })], { symbols: ['NVDA'] })
    expect(bars).toHaveLength(3 * 390)
    expect(outcome.bad).toBe(1)
    expect(said).toEqual([expect.stringMatching(/^alpaca: NVDA 2025-07-29T14:00:20Z: .*left out$/)])
  })

  test('only the spans that are asked for are fetched and judged', async () => {
    const alpaca = source('alpaca')
    const spans = [
      { symbol: 'NVDA', fromMs: at('2025-07-29T14:00:00Z'), toMs: at('2025-07-29T14:02:00Z') },
      { symbol: 'NVDA', fromMs: at('2025-08-01T19:59:00Z'), toMs: at('2025-08-01T19:59:00Z') },
    ]
    const { bars, outcome } = await run([alpaca], { toDay: day('2025-08-01') }, { spans: () => spans })
    expect(bars.map(({ time }) => time.slice(8, 16))).toEqual([
      '29T14:00',
      '29T14:01',
      '29T14:02',
      '01T19:59',
    ])
    expect(alpaca.wishes.map(({ fromDay, toDay }) => toDay - fromDay)).toEqual([0, 0])
    expect(outcome.gaps).toEqual([])
  })
})

describe('several sources', () => {
  const hole = without('2025-07-29T14:00:00Z', '2025-07-29T14:14:00Z', 'NVDA')

  test('a gap is filled from the next one, each bar says whose it is, and each change is a record', async () => {
    const polygon = source('polygon')
    const { bars, records, outcome, order } = await run([source('alpaca', { alter: hole }), polygon])
    expect(bars).toHaveLength(2 * 3 * 390)
    const filled = bars.filter(({ source: from }) => from === 'polygon')
    expect(filled).toHaveLength(15)
    expect(filled.every(({ symbol, time }) => symbol === 'NVDA' && /T14:(0\d|1[0-4])/.test(time))).toBe(true)
    expect(records).toEqual([
      {
        type: 'feed_switch',
        time: '2025-07-29T14:00:00Z',
        symbol: 'NVDA',
        from: 'alpaca',
        to: 'polygon',
        reason: 'alpaca has no bars',
      },
      {
        type: 'feed_switch',
        time: '2025-07-29T14:15:00Z',
        symbol: 'NVDA',
        from: 'polygon',
        to: 'alpaca',
        reason: 'alpaca has bars again',
      },
    ])
    expect(order[order.indexOf('> polygon') + 1]).toBe('2025-07-29T14:00:00Z')
    expect(outcome).toMatchObject({ gaps: [], switches: 2, disagreements: new Set() })
    expect(Object.fromEntries(outcome.bars)).toEqual({ alpaca: 2 * 3 * 390 - 15, polygon: 15 })
    // Only the day of the gap, and only its symbol.
    expect(polygon.wishes).toMatchObject([
      { symbol: 'NVDA', fromDay: day('2025-07-29'), toDay: day('2025-07-29') },
    ])
  })

  test('for a whole session a neighbour is asked for too, to compare by', async () => {
    const noDay = without('2025-07-29T00:00:00Z', '2025-07-29T23:59:00Z', 'MSFT')
    const polygon = source('polygon')
    const { bars } = await run([source('alpaca', { alter: noDay }), polygon])
    expect(polygon.wishes).toMatchObject([{ fromDay: day('2025-07-28'), toDay: day('2025-07-29') }])
    expect(bars.filter(({ source: from }) => from === 'polygon')).toHaveLength(390)
    const first = without('2025-07-28T00:00:00Z', '2025-07-28T23:59:00Z', 'MSFT')
    const other = source('polygon')
    await run([source('alpaca', { alter: first }), other])
    expect(other.wishes).toMatchObject([{ fromDay: day('2025-07-28'), toDay: day('2025-07-29') }])
  })

  test('the first source alone is asked where it has everything', async () => {
    const polygon = source('polygon')
    await run([source('alpaca'), polygon])
    expect(polygon.wishes).toEqual([])
  })

  test('a minute that two sources lack was not traded; a session that both lack is a gap', async () => {
    const minute = without('2025-07-29T14:00:00Z', '2025-07-29T14:00:00Z')
    const quiet = await run([source('alpaca', { alter: minute }), source('polygon', { alter: minute })])
    expect(quiet.outcome).toMatchObject({ untraded: 2, gaps: [] })
    const session = without('2025-07-29T00:00:00Z', '2025-07-29T23:59:00Z')
    const lost = await run([source('alpaca', { alter: session }), source('polygon', { alter: session })])
    expect(lost.outcome.gaps).toMatchObject([
      { symbol: 'NVDA', count: 390, whole: true },
      { symbol: 'MSFT', count: 390, whole: true },
    ])
  })

  test.each<[string, (rows: Row[]) => Row[], RegExp, number]>([
    [
      'drift',
      (rows) => rows.map((row, i) => ({ ...row, close: row.close + (i % 2 ? 0.4 : -0.4) })),
      /closes of polygon lie 0\.400 dollars from those of alpaca/,
      15,
    ],
    [
      'a ratio',
      (rows) => rows.map((row) => ({ ...row, close: row.close / 10 })),
      /polygon are 0\.1 times those of alpaca.*adjusted for something else/,
      0,
    ],
    [
      'an hour',
      (rows) => rows.map((row) => ({ ...row, time: row.time + HOUR })),
      /polygon lie 60 minutes after .*time zone/,
      0,
    ],
    [
      'a bar',
      (rows) => rows.map((row) => ({ ...row, time: row.time + MINUTE })),
      /polygon lie 1 minutes after .*end of a bar/,
      0,
    ],
    [
      'a bar before',
      (rows) => rows.map((row) => ({ ...row, time: row.time - MINUTE })),
      /polygon lie 1 minutes before/,
      0,
    ],
  ])('%s between sources is named, and only a drift fills gaps', async (_, alter, words, filled) => {
    const { bars, outcome, said } = await run([
      source('alpaca', { alter: hole }),
      source('polygon', { alter }),
    ])
    expect([...outcome.disagreements].join()).toMatch(words)
    expect(said.join('\n')).toMatch(words)
    expect(bars.filter(({ source: from }) => from === 'polygon')).toHaveLength(filled)
    expect(outcome.gaps).toHaveLength(filled === 0 ? 1 : 0)
  })

  test('cents between sources are no drift', async () => {
    const alter = (rows: Row[]) =>
      rows.map((row, i) => ({ ...row, close: row.close + (i % 2 ? 0.01 : -0.01) }))
    const { outcome } = await run([source('alpaca', { alter: hole }), source('polygon', { alter })])
    expect(outcome.disagreements.size).toBe(0)
  })

  test('sources that adjust for different things are refused, unless they may be mixed', async () => {
    const both = [source('alpaca'), source('alphavantage', { adjusted: 'splits+dividends' })]
    await expect(run(both)).rejects.toMatchObject({
      kind: 'usage',
      hint: expect.stringContaining('--allow-adjustment-mix'),
    })
    const { bars } = await run(both, {}, { allowMix: true })
    expect(bars).toHaveLength(2 * 3 * 390)
  })
})

describe('sources that fail', () => {
  test('a limit: the next source goes on, until the limit is over', async () => {
    const alpaca = source('alpaca', {
      fails: (_, call) => (call === 1 ? limited(at('2099-01-01T00:00:00Z')) : null),
    })
    const { bars, records, outcome } = await run([alpaca, source('polygon')])
    expect(alpaca.wishes).toHaveLength(1)
    expect(new Set(bars.map(({ source: from }) => from))).toEqual(new Set(['polygon']))
    expect(records[0]).toMatchObject({ from: 'alpaca', to: 'polygon', reason: '25 calls a day are used up' })
    expect(outcome.sources.get('alpaca')).toMatchObject({
      hasAnswered: false,
      wasLimited: true,
      hasFailed: false,
    })
    const again = source('alpaca', {
      fails: (_, call) => (call === 1 ? limited(at('2025-01-01T00:00:00Z')) : null),
    })
    await run([again, source('polygon')])
    expect(again.wishes).toHaveLength(2)
  })

  test('a key that is refused: the source is not asked again in this run', async () => {
    const alpaca = source('alpaca', { fails: () => new FeedFailure('denied', 'refuses the key') })
    const { outcome } = await run([alpaca, source('polygon')])
    expect(alpaca.wishes).toHaveLength(1)
    expect(outcome.sources.get('alpaca')).toMatchObject({ hasFailed: true, last: { kind: 'denied' } })
    expect(outcome.gaps).toEqual([])
  })

  test('no answer: the source is left alone after three in a row', async () => {
    const alpaca = source('alpaca', { fails: down })
    await run([alpaca, source('polygon')], {
      fromDay: day('2025-01-06'),
      toDay: day('2025-06-30'),
      symbols: ['NVDA'],
    })
    expect(alpaca.wishes).toHaveLength(3)
    const now = source('alpaca', { fails: (_, call) => (call % 3 === 0 ? null : down()) })
    await run([now, source('polygon')], {
      fromDay: day('2025-01-06'),
      toDay: day('2025-06-30'),
      symbols: ['NVDA'],
    })
    expect(now.wishes).toHaveLength(6)
  })

  test('what came before the failure stands, and the rest is filled', async () => {
    const real = source('alpaca', { alter: without('2025-07-30T00:00:00Z', '2025-07-30T23:59:00Z') })
    const torn: HistorySource = {
      ...real,
      bars: async function* (wish, world) {
        yield* real.bars(wish, world)
        throw down()
      },
    }
    const { bars } = await run([torn, source('polygon')])
    const count = (name: string) => bars.filter(({ source: from }) => from === name).length
    expect([count('alpaca'), count('polygon')]).toEqual([2 * 2 * 390, 2 * 390])
  })

  test('nobody answers: all is a gap, and why is known', async () => {
    const { bars, outcome } = await run([
      source('alpaca', { fails: down }),
      source('polygon', { fails: () => limited() }),
    ])
    expect(bars).toEqual([])
    expect(outcome.gaps.map(({ count }) => count)).toEqual([390, 390, 390, 390, 390, 390])
    expect([...outcome.sources.values()].map(({ hasAnswered }) => hasAnswered)).toEqual([false, false])
  })

  test('a fault of the program is no failure of a source', async () => {
    const broken: HistorySource = {
      ...source('alpaca'),
      // biome-ignore lint/correctness/useYield: it fails before it has any
      bars: async function* () {
        throw new TypeError('x is not a function')
      },
    }
    await expect(run([broken, source('polygon')])).rejects.toThrow(TypeError)
  })
})

describe('a night that looks like a split', () => {
  const raw = (rows: Row[], symbol: string): Row[] =>
    symbol === 'NVDA'
      ? rows.map((row) =>
          row.time < at('2025-07-29T00:00:00Z') ? { ...row, close: Math.round(row.close * 10) } : row,
        )
      : rows

  test('is kept out and told, and fills nothing', async () => {
    const { bars, outcome, quarantined, said } = await run([source('alpaca', { alter: raw })])
    expect(bars.filter(({ symbol }) => symbol === 'NVDA')).toHaveLength(390)
    expect(bars.filter(({ symbol }) => symbol === 'MSFT')).toHaveLength(3 * 390)
    expect(quarantined).toHaveLength(2 * 390)
    expect(outcome.quarantined).toBe(2 * 390)
    expect(outcome.gaps.map(({ symbol, count }) => `${symbol} ${count}`)).toEqual(['NVDA 390', 'NVDA 390'])
    expect(said.join('\n')).toMatch(/NVDA opens on 2025-07-29 at .* 10-for-1 split/)
  })

  test('is found against the last bar that is known before', async () => {
    const before = new Map([['NVDA', { timeMs: at('2025-07-25T19:59:00Z'), close: 1700 }]])
    const { quarantined } = await run([source('alpaca')], { symbols: ['NVDA'] }, { before })
    expect(quarantined).toHaveLength(3 * 390)
  })

  test('another source whose prices go on takes its place', async () => {
    const jump = (rows: Row[], symbol: string): Row[] =>
      symbol === 'NVDA'
        ? rows.map((row) => (row.time > at('2025-07-30T00:00:00Z') ? { ...row, close: row.close / 10 } : row))
        : rows
    const { bars, outcome, quarantined } = await run([source('alpaca', { alter: jump }), source('polygon')])
    expect(quarantined.every(({ source: from }) => from === 'alpaca')).toBe(true)
    expect(bars.filter(({ source: from }) => from === 'polygon')).toHaveLength(390)
    expect(outcome.gaps).toEqual([])
  })

  test('a bad night of the market is none', async () => {
    const fall = (rows: Row[]) =>
      rows.map((row) => (row.time > at('2025-07-30T00:00:00Z') ? { ...row, close: row.close * 0.72 } : row))
    const { quarantined } = await run([source('alpaca', { alter: fall })])
    expect(quarantined).toEqual([])
  })
})
