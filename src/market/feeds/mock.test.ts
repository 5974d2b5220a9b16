import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { DAY, MINUTE, parseDate } from '../../base/time.js'
import {
  type Bar,
  type BarBatch,
  barAt,
  copyRow,
  type Interval,
  intervalMs,
  Names,
  newBatch,
} from '../bar.js'
import { sessionOfBar, sessions, sessionsEndingAt, type TradingSession } from '../calendar.js'
import { type MockOptions, mockBars } from './mock.js'
import { DEFECTS } from './mock-defects.js'

const day = (date: string): number => parseDate(date)!
const usual = sessionsEndingAt(day('2025-08-01'), 20)
const many = sessionsEndingAt(day('2025-08-01'), 400)

const base = { symbols: ['NVDA', 'MSFT'], interval: '1m', sessions: usual, seed: 1, regime: 'noise' } as const

function all(options: Partial<MockOptions> = {}): BarBatch {
  const pieces: BarBatch[] = []
  for (const block of mockBars({ ...base, ...options })) {
    if (block.kind === 'other') throw new Error(`no bars: ${block.records[0]?.text}`)
    const piece = block.batch
    const copy = newBatch(piece.length, piece.names)
    for (let i = 0; i < piece.length; i++) copyRow(piece, i, copy)
    pieces.push(copy)
  }
  const rows = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const out = newBatch(rows, pieces[0]?.names ?? new Names())
  for (const piece of pieces) for (let i = 0; i < piece.length; i++) copyRow(piece, i, out)
  return out
}

const bars = (options: Partial<MockOptions> = {}): Bar[] => {
  const batch = all(options)
  return Array.from({ length: batch.length }, (_, i) => barAt(batch, i))
}

const NUMBERS = ['time', 'open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const

function digest(batch: BarBatch): string {
  const hash = createHash('sha256')
  for (const name of NUMBERS) hash.update(new Uint8Array(batch[name].slice(0, batch.length).buffer))
  return hash.digest('hex')
}

/** Log close in bps by session and minute, for one symbol. */
function closes(symbol: string, options: Partial<MockOptions>): Float64Array[] {
  const batch = all({ ...options, symbols: [symbol] })
  const out: Float64Array[] = []
  let at = 0
  for (const { openMs, closeMs } of options.sessions ?? usual) {
    const steps = (closeMs - openMs) / MINUTE
    out.push(batch.close.slice(at, at + steps).map((price) => 10_000 * Math.log(price)))
    at += steps
  }
  return out
}

/** One-minute moves within the sessions, in bps, with the minute each ends in. */
function moves(
  symbol: string,
  options: Partial<MockOptions>,
): { move: number; minute: number; of: number }[] {
  return closes(symbol, options).flatMap((path) =>
    Array.from(path.subarray(1), (level, i) => ({ move: level - path[i]!, minute: i + 1, of: path.length })),
  )
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

describe('the same seed gives the same bytes', () => {
  test('which are pinned', () => {
    expect(digest(all())).toMatchInlineSnapshot(
      `"66d29eab4c18d5799b86992aca0307aaf40908de1cdb3831f73123d291668bae"`,
    )
    expect(digest(all({ regime: 'mean-revert', interval: '5m' }))).toMatchInlineSnapshot(
      `"20b750cc2c239f113a60bbc228d241f1faf04065f2e34b38dc0d7103e42dda2f"`,
    )
    expect(digest(all({ regime: 'trend', interval: '1s', sessions: usual.slice(-1) }))).toMatchInlineSnapshot(
      `"e3291c04184c6a942c7f50c7d95d63ab897fc8ce97c1694e1779a6e3831feb06"`,
    )
  })

  test('and another seed others', () => {
    expect(digest(all({ seed: 2 }))).not.toBe(digest(all()))
  })

  test('whatever range a day is asked for in', () => {
    const late = bars({ sessions: usual.slice(-2) })
    expect(bars().slice(-late.length)).toEqual(late)
    const early = sessions(day('2025-06-30'), day('2025-07-11'))
    for (const one of [early[0]!, early[2]!, early.at(-1)!]) {
      const alone = bars({ sessions: [one], regime: 'mean-revert' })
      const within = bars({ sessions: early, regime: 'mean-revert' })
      expect(within.filter((bar) => Math.floor(Date.parse(bar.time) / DAY) === one.day)).toEqual(alone)
    }
    // Going back and forth does not change it either.
    const jumping = [usual[5]!, usual[1]!, usual[5]!]
    const rows = bars({ sessions: jumping })
    expect(rows.slice(0, 780)).toEqual(rows.slice(-780))
  })

  test('whatever other symbols are asked for', () => {
    const both = bars({ symbols: ['AMD', 'NVDA', 'MSFT'] })
    for (const symbol of ['NVDA', 'AMD']) {
      expect(both.filter((bar) => bar.symbol === symbol)).toEqual(bars({ symbols: [symbol] }))
    }
  })
})

describe('every bar', () => {
  const batch = all({ sessions: many.slice(0, 60) })

  test('has prices on the tick, in order, and whole volumes', () => {
    for (let i = 0; i < batch.length; i++) {
      const [open, high, low, close] = [batch.open[i]!, batch.high[i]!, batch.low[i]!, batch.close[i]!]
      for (const price of [open, high, low, close]) expect(Math.round(price * 100) / 100).toBe(price)
      const vwap = batch.vwap[i]!
      expect(Math.round(vwap * 10_000) / 10_000).toBe(vwap)
      const right =
        low > 0 &&
        low <= Math.min(open, close, vwap) &&
        high >= Math.max(open, close, vwap) &&
        Number.isInteger(batch.volume[i]) &&
        batch.volume[i]! > 0 &&
        Number.isInteger(batch.trades[i]) &&
        batch.trades[i]! > 0
      expect(right, JSON.stringify(barAt(batch, i))).toBe(true)
    }
  })

  test('is marked as what it is', () => {
    expect(barAt(batch, 0)).toMatchObject({
      adjusted: 'splits',
      session: 'rth',
      source: 'mock',
      interval: '1m',
    })
  })

  test('opens within a tick of the close before it, and not always on it', () => {
    const steps = new Map<number, number>()
    for (let i = 2; i < 780; i++) {
      const step = Math.round(100 * (batch.open[i]! - batch.close[i - 2]!))
      steps.set(step, (steps.get(step) ?? 0) + 1)
    }
    expect([...steps.keys()].sort((a, b) => a - b)).toEqual([-1, 0, 1])
    expect(steps.get(0)! / 778).toBeGreaterThan(0.4)
    expect(steps.get(0)! / 778).toBeLessThan(0.6)
  })

  test('lies near what the stocks cost in summer 2025', () => {
    const [nvda, msft] = [bars({ sessions: [usual[0]!] })[0]!, bars({ sessions: [usual[0]!] })[1]!]
    expect([nvda.symbol, Math.abs(nvda.close - 178) < 5]).toEqual(['NVDA', true])
    expect([msft.symbol, Math.abs(msft.close - 520) < 15]).toEqual(['MSFT', true])
  })
})

describe('sessions', () => {
  const times = (options: Partial<MockOptions>) => bars(options).map((bar) => bar.time)

  test('rows come by time, then in the order of the symbols', () => {
    const rows = bars({ symbols: ['MSFT', 'NVDA'], sessions: usual.slice(0, 1) })
    expect(rows.length).toBe(780)
    expect(rows.slice(0, 4).map((bar) => `${bar.time} ${bar.symbol}`)).toEqual([
      '2025-07-07T13:30:00Z MSFT',
      '2025-07-07T13:30:00Z NVDA',
      '2025-07-07T13:31:00Z MSFT',
      '2025-07-07T13:31:00Z NVDA',
    ])
    expect(rows.at(-1)!.time).toBe('2025-07-07T19:59:00Z')
  })

  test('half days end at 13:00 New York, and the offset follows daylight saving', () => {
    const one = (date: string, interval: Interval = '1m') =>
      times({ symbols: ['NVDA'], sessions: sessions(day(date), day(date)), interval })
    expect(one('2025-07-04')).toEqual([])
    expect([one('2025-07-03').length, one('2025-07-03').at(-1)]).toEqual([210, '2025-07-03T16:59:00Z'])
    expect([one('2025-11-28')[0], one('2025-11-28').at(-1)]).toEqual([
      '2025-11-28T14:30:00Z',
      '2025-11-28T17:59:00Z',
    ])
    expect([one('2025-03-07')[0], one('2025-03-10')[0]]).toEqual([
      '2025-03-07T14:30:00Z',
      '2025-03-10T13:30:00Z',
    ])
    expect([one('2025-10-31')[0], one('2025-11-03')[0]]).toEqual([
      '2025-10-31T13:30:00Z',
      '2025-11-03T14:30:00Z',
    ])
    expect([one('2025-11-28', '1h').length, one('2025-11-26', '1h').length]).toEqual([4, 7])
    expect(one('2025-07-30', '1d')).toEqual(['2025-07-30T04:00:00Z'])
    expect(one('2025-01-15', '1d')).toEqual(['2025-01-15T05:00:00Z'])
  })

  test('a year has the sessions and the bars of the calendar', () => {
    const year: TradingSession[] = sessions(day('2024-01-01'), day('2024-12-31'))
    const batch = all({ symbols: ['NVDA'], sessions: year })
    // 2024: 252 sessions, three of them half days.
    expect([year.length, batch.length]).toEqual([252, 249 * 390 + 3 * 210])
    for (let i = 0; i < batch.length; i++) expect(sessionOfBar(batch.time[i]!, MINUTE)).toBe('rth')
  })
})

describe('longer bars are made of the one-minute path', () => {
  for (const interval of ['5m', '15m', '30m', '1h', '1d'] as const) {
    test(`${interval}`, () => {
      const some = sessions(day('2025-06-30'), day('2025-07-07'))
      const fine = bars({ sessions: some })
      const groups = new Map<string, Bar[]>()
      for (const bar of fine) {
        const ms = Date.parse(bar.time)
        const open = some.find((session) => ms >= session.openMs && ms < session.closeMs)!.openMs
        const slot =
          interval === '1d'
            ? open
            : open + Math.floor((ms - open) / intervalMs(interval)) * intervalMs(interval)
        const key = `${slot} ${bar.symbol}`
        groups.set(key, [...(groups.get(key) ?? []), bar])
      }
      const expected = [...groups.entries()].map(([, group]) => {
        const volume = group.reduce((sum, bar) => sum + bar.volume!, 0)
        return {
          symbol: group[0]!.symbol,
          open: group[0]!.open,
          high: Math.max(...group.map((bar) => bar.high)),
          low: Math.min(...group.map((bar) => bar.low)),
          close: group.at(-1)!.close,
          volume,
          trades: group.reduce((sum, bar) => sum + bar.trades!, 0),
        }
      })
      const coarse = bars({ sessions: some, interval })
      expect(
        coarse.map(({ symbol, open, high, low, close, volume, trades }) => ({
          symbol,
          open,
          high,
          low,
          close,
          volume,
          trades,
        })),
      ).toEqual(expected)
      // The parts' vwaps are rounded to 4 decimals, so the whole may differ by that much.
      const groupList = [...groups.values()]
      for (const [i, bar] of coarse.entries()) {
        const turnover = groupList[i]!.reduce((sum, part) => sum + part.vwap! * part.volume!, 0)
        expect(Math.abs(bar.vwap! - turnover / bar.volume!)).toBeLessThan(1.01e-4)
      }
    })
  }
})

describe('noise', () => {
  const [nvda, msft] = [moves('NVDA', { sessions: many }), moves('MSFT', { sessions: many })]
  // 8 bps a minute squared, and a jump of 40 bps once in 1,950 minutes.
  const variance = 64 + 1600 / 1950

  test('moves 8 bps a minute', () => {
    // The fourth moment of the moves, U and jumps included, gives the standard error.
    const squares = nvda.map(({ move }) => move * move)
    const m2 = mean(squares)
    const error = Math.sqrt((mean(squares.map((x) => x * x)) - m2 * m2) / squares.length)
    // The first minute, whose share of the variance is above the mean, is the overnight bar and not in the sample.
    const share = mean(nvda.map(({ minute, of }) => shape(minute, of)))
    expect(Math.abs(m2 - (64 * share + variance - 64))).toBeLessThan(4 * error)
    expect(error).toBeLessThan(1)
  })

  test('has no memory: autocorrelations within 4 standard errors', () => {
    for (const symbol of [nvda, msft]) {
      for (const lag of [1, 2, 5, 10, 30]) {
        let [sum, square] = [0, 0]
        let n = 0
        for (let i = lag; i < symbol.length; i++) {
          if (symbol[i]!.minute <= lag) continue
          const product = symbol[i]!.move * symbol[i - lag]!.move
          sum += product
          square += product * product
          n++
        }
        expect(Math.abs(sum / Math.sqrt(square)), `lag ${lag} of ${n}`).toBeLessThan(4)
      }
    }
  })

  test('has no drift', () => {
    for (const symbol of [nvda, msft]) {
      const total = symbol.reduce((sum, { move }) => sum + move, 0)
      expect(Math.abs(total) / Math.sqrt(variance * symbol.length)).toBeLessThan(4)
    }
  })

  test('is shared to .3 by two symbols', () => {
    let [xy, xx, yy] = [0, 0, 0]
    for (let i = 0; i < nvda.length; i++) {
      const [x, y] = [nvda[i]!.move, msft[i]!.move]
      xy += x * y
      xx += x * x
      yy += y * y
    }
    expect(xy / Math.sqrt(xx * yy)).toBeGreaterThan((0.3 * 64) / variance - 0.015)
    expect(xy / Math.sqrt(xx * yy)).toBeLessThan((0.3 * 64) / variance + 0.015)
  })

  test('is largest at the open and the close, as is the volume', () => {
    const sum = (from: number, to: number) =>
      mean(
        nvda
          .filter(({ minute, of }) => of === 390 && minute >= from && minute < to)
          .map(({ move }) => move ** 2),
      )
    const jumps = variance - 64
    for (const [from, to] of [
      [1, 31],
      [180, 210],
      [360, 390],
    ] as const) {
      let expected = 0
      for (let minute = from; minute < to; minute++) expected += shape(minute, 390) / (to - from)
      expect(Math.abs(sum(from, to) / (64 * expected + jumps) - 1)).toBeLessThan(0.08)
    }
    expect(sum(1, 31)).toBeGreaterThan(3 * sum(180, 210))
    const batch = all({ symbols: ['NVDA'] })
    const volume = (minute: number) =>
      mean(Array.from({ length: usual.length }, (_, k) => batch.volume[k * 390 + minute]!))
    expect(volume(0)).toBeGreaterThan(2 * volume(195))
    expect(volume(389)).toBeGreaterThan(2 * volume(195))
    const daily = batch.volume.reduce((total, each) => total + each, 0) / usual.length
    expect(Math.abs(daily / 180e6 - 1)).toBeLessThan(0.05)
  })

  test('gaps 60 bps overnight', () => {
    const paths = closes('MSFT', { sessions: many })
    const batch = all({ symbols: ['MSFT'], sessions: many, interval: '1d' })
    const gaps = paths.slice(1).map((_, k) => 10_000 * Math.log(batch.open[k + 1]! / batch.close[k]!))
    // 399 gaps: the standard error of their variance is 7 %.
    expect(Math.abs(mean(gaps.map((gap) => gap * gap)) / 3600 - 1)).toBeLessThan(4 * 0.071)
    expect(Math.abs(mean(gaps))).toBeLessThan((4 * 60) / Math.sqrt(399))
  })

  test('takes other strengths', () => {
    const twice = moves('MSFT', { sessions: usual, noiseBps: 16 })
    expect(Math.abs(mean(twice.map(({ move }) => move * move)) / 256 - 1)).toBeLessThan(0.1)
  })
})

/** The mean-one variance of a minute: (0.7 + 0.9 x^2)^2 with x from -1 at the open to 1 at the close. */
function shape(minute: number, of: number): number {
  const at = (i: number) => (0.7 + 0.9 * ((2 * (i + 0.5)) / of - 1) ** 2) ** 2
  let sum = 0
  for (let i = 0; i < of; i++) sum += at(i)
  return (at(minute) * of) / sum
}

describe('planted signals', () => {
  test('mean-revert: half-life 10 minutes, standard deviation 25 bps', () => {
    // E (x[t+k] - x[t])^2 = 2 * 25^2 * (1 - 2^(-k/10)), plus jumps; the random walk is switched off.
    const paths = closes('MSFT', { sessions: many, regime: 'mean-revert', noiseBps: 0 })
    for (const k of [1, 5, 10, 20, 60]) {
      const squares: number[] = []
      for (const path of paths)
        for (let i = k; i < path.length; i++) squares.push((path[i]! - path[i - k]!) ** 2)
      const expected = 2 * 625 * (1 - 2 ** (-k / 10)) + (k * 1600) / 1950
      expect(Math.abs(mean(squares) / expected - 1), `after ${k} minutes`).toBeLessThan(0.04)
    }
    // Stationary from the open on: deviations of the first minute are as wide.
    const first = paths.map((path) => path[0]! - mean(Array.from(path)))
    expect(Math.abs(mean(first.map((x) => x * x)) / 625 - 1)).toBeLessThan(0.35)
  })

  test('mean-revert: the random walk beneath moves 5 bps a minute', () => {
    const squares = moves('MSFT', { sessions: many, regime: 'mean-revert' }).map(({ move }) => move * move)
    const expected = 25 + 2 * 625 * (1 - 2 ** -0.1) + 1600 / 1950
    expect(Math.abs(mean(squares) / expected - 1)).toBeLessThan(0.03)
  })

  test('mean-revert: half-life and width are adjustable', () => {
    const paths = closes('MSFT', {
      regime: 'mean-revert',
      noiseBps: 0,
      revertBps: 50,
      revertHalfLifeMinutes: 2,
    })
    const squares = paths.flatMap((path) => Array.from(path.subarray(2), (x, i) => (x - path[i]!) ** 2))
    expect(Math.abs(mean(squares) / (2 * 2500 * 0.5) - 1)).toBeLessThan(0.08)
  })

  test('trend: -1.5, 0 or 1.5 bps a minute, redrawn once an hour', () => {
    const paths = closes('MSFT', { sessions: many, regime: 'trend', noiseBps: 0 })
    // E d[t] d[t+k] = 1.5^2 * 2/3 * (1 - 1/60)^k.
    for (const k of [5, 30, 90]) {
      const products: number[] = []
      for (const path of paths) {
        for (let i = k + 1; i < path.length; i++) {
          products.push((path[i]! - path[i - 1]!) * (path[i - k]! - path[i - k - 1]!))
        }
      }
      expect(Math.abs(mean(products) - 1.5 * (59 / 60) ** k), `lag ${k}`).toBeLessThan(0.12)
    }
    // Nearly every move is one of the three, to the rounding of a tick.
    const found = paths.flatMap((path) => Array.from(path.subarray(1), (x, i) => x - path[i]!))
    const near = (d: number) => found.filter((move) => Math.abs(move - d) < 0.4).length / found.length
    for (const d of [-1.5, 0, 1.5]) expect(Math.abs(near(d) - 1 / 3), `${d}`).toBeLessThan(0.05)
    expect(near(-1.5) + near(0) + near(1.5)).toBeGreaterThan(0.998)
  })

  test('trend: drift and length are adjustable', () => {
    const still = closes('MSFT', { regime: 'trend', noiseBps: 0, trendBps: 0 })
    const quiet = still.flatMap((path) => Array.from(path.subarray(1), (x, i) => x - path[i]!))
    expect(quiet.filter((move) => Math.abs(move) < 1e-9).length / quiet.length).toBeGreaterThan(0.998)
  })

  test('the random walk beneath is that of noise', () => {
    const [plain, planted] = [moves('MSFT', {}), moves('MSFT', { regime: 'trend' })]
    const drift = planted.map(({ move }, i) => move - plain[i]!.move)
    expect(Math.max(...drift.map(Math.abs))).toBeLessThan(1.5 + 0.5)
  })
})

test('seconds follow their own path, with the same variance a minute', () => {
  const batch = all({ symbols: ['MSFT'], interval: '5s', sessions: many.slice(0, 20) })
  const squares: number[] = []
  for (let i = 12; i < batch.length; i += 12) {
    if (batch.time[i]! - batch.time[i - 12]! !== MINUTE) continue
    squares.push((10_000 * Math.log(batch.close[i]! / batch.close[i - 12]!)) ** 2)
  }
  expect(squares.length).toBeGreaterThan(7000)
  expect(Math.abs(mean(squares) / 64.8 - 1)).toBeLessThan(0.1)
  const seconds = all({ interval: '1s', sessions: usual.slice(0, 1) })
  expect(seconds.length).toBe(2 * 23_400)
})

describe('gaps', () => {
  test('leave out bars with the probability given and change no other', () => {
    const [whole, holed] = [
      bars({ sessions: many.slice(0, 30) }),
      bars({ sessions: many.slice(0, 30), gaps: 0.05 }),
    ]
    const kept = new Set(whole.map((bar) => JSON.stringify(bar)))
    expect(holed.every((bar) => kept.has(JSON.stringify(bar)))).toBe(true)
    const lost = (whole.length - holed.length) / whole.length
    expect(Math.abs(lost - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / whole.length))
  })

  test('probability 1 leaves nothing', () => {
    expect(bars({ gaps: 1 })).toEqual([])
  })
})

describe('defects', () => {
  const told: { kind: string; symbol: string; time: string }[] = []
  const rows: (Bar | Record<string, unknown>)[] = []
  for (const block of mockBars({
    ...base,
    sessions: usual.slice(0, 3),
    defects: true,
    onDefect: (kind, symbol, time) => told.push({ kind, symbol, time }),
  })) {
    if (block.kind === 'other') rows.push(...block.records.map(({ text }) => JSON.parse(text)))
    else for (let i = 0; i < block.batch.length; i++) rows.push(barAt(block.batch, i))
  }
  const clean = new Map(
    bars({ sessions: usual.slice(0, 3) }).map((bar) => [`${bar.time} ${bar.symbol}`, bar]),
  )
  const at = (kind: string) => told.filter((each) => each.kind === kind)
  const rowsAt = (time: string, symbol: string) =>
    rows.filter((row) => row.time === time && row.symbol === symbol)

  test('are one of each kind a session, and are told', () => {
    expect(told.map(({ kind }) => kind).sort()).toEqual([...DEFECTS, ...DEFECTS, ...DEFECTS].sort())
  })

  test('duplicates and conflicts', () => {
    for (const { time, symbol } of at('duplicate')) {
      const [a, b] = rowsAt(time, symbol)
      expect(b).toEqual(a)
    }
    for (const { time, symbol } of at('conflict')) {
      const [a, b] = rowsAt(time, symbol)
      expect(b).toEqual({ ...a, volume: (a!.volume as number) + 100 })
    }
  })

  test('two times swapped', () => {
    let backward = 0
    const last = new Map<unknown, number>()
    for (const row of rows) {
      const ms = Date.parse(row.time as string)
      if (
        ms < (last.get(row.symbol) ?? 0) &&
        row.session === 'rth' &&
        rowsAt(row.time as string, row.symbol as string).length === 1
      )
        backward++
      if (row.session === 'rth') last.set(row.symbol, ms)
    }
    expect(backward).toBe(3)
  })

  test('a missing stretch of 15 bars', () => {
    for (const { time, symbol } of at('missing')) {
      const from = Date.parse(time)
      const there = (k: number) =>
        rows.some((row) => row.symbol === symbol && Date.parse(row.time as string) === from + k * MINUTE)
      for (let k = 0; k < 15; k++) expect(there(k)).toBe(false)
    }
  })

  test('no volume, a frozen price, a spike', () => {
    for (const { time, symbol } of at('zero-volume'))
      expect(rowsAt(time, symbol)[0]).toMatchObject({ volume: 0, trades: 0 })
    for (const { time, symbol } of at('stale')) {
      for (let k = 0; k < 10; k++) {
        const row = rowsAt(
          new Date(Date.parse(time) + k * MINUTE).toISOString().replace('.000', ''),
          symbol,
        )[0]!
        const price = clean.get(`${time} ${symbol}`)!.open
        expect([row.open, row.high, row.low, row.close, row.vwap]).toEqual([
          price,
          price,
          price,
          price,
          price,
        ])
      }
    }
    for (const { time, symbol } of at('spike')) {
      const was = clean.get(`${time} ${symbol}`)!
      expect(rowsAt(time, symbol)[0]).toEqual({ ...was, high: Math.round(was.high * 120) / 100 })
    }
  })

  test('a bar an hour after the close', () => {
    const outside = rows.filter((row) => row.session === 'eth')
    expect(outside.length).toBe(3)
    for (const row of outside) expect(row.time).toMatch(/T20:59:00Z$/)
  })

  test('records that no bar can hold', () => {
    for (const { time, symbol } of at('high-below-low')) {
      const row = rowsAt(time, symbol)[0] as Bar
      expect(row.high).toBeLessThan(row.low)
    }
    for (const { time, symbol } of at('negative-price'))
      expect((rowsAt(time, symbol)[0] as Bar).low).toBeLessThan(0)
    for (const { time, symbol } of at('null-price')) expect(rowsAt(time, symbol)[0]!.close).toBeNull()
  })

  test('a session of one daily bar gets what fits', () => {
    const out = [...mockBars({ ...base, interval: '1d', sessions: usual.slice(0, 1), defects: true })]
    expect(out.length).toBeGreaterThan(0)
  })
})
