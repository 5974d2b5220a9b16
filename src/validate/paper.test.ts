import { describe, expect, test } from 'vitest'
import { MINUTE, parseDate } from '../base/time.js'
import { sessionOn } from '../market/calendar.js'
import {
  type EquityMark,
  type Fill,
  ledgerFound,
  lossFound,
  type PaperRun,
  type RunState,
  uptimeFound,
  uptimeOf,
} from './paper.js'

const DAY = parseDate('2025-07-30')!
const { openMs, closeMs } = sessionOn(DAY)!
const end = (bar: number) => openMs + bar * MINUTE

const fill = (bar: number, shares: number, price: number, more: Partial<Fill> = {}): Fill => ({
  ...{ timeMs: end(bar), symbol: 'NVDA', shares, price, commission: 0.35, exec: `e${bar}` },
  ...more,
})
const mark = (
  bar: number,
  cash: number,
  held: number,
  price: number,
  more: Partial<EquityMark> = {},
): EquityMark => ({
  ...{ timeMs: end(bar), cash, equity: cash + held * price, pnlDay: cash + held * price - 5000 },
  ...{ positions: { NVDA: held, MSFT: 0 }, marks: { NVDA: price, MSFT: 500 } },
  ...more,
})
const state = (bar: number, more: Partial<RunState> = {}): RunState => ({
  ...{ timeMs: end(bar), isReady: true, dataAgeMs: 200 },
  ...more,
})

/** Five shares bought after the first mark and sold after the third: 5000 - 5 x 170 - .35 + 5 x 171 - .35. */
const FILLS = [fill(1, 5, 170), fill(3, -5, 171)]
const EQUITY = [
  mark(1, 5000, 0, 170),
  mark(2, 4149.65, 5, 170.5),
  mark(3, 4149.65, 5, 171),
  mark(4, 5004.3, 0, 171),
]
const STATES = Array.from({ length: 389 }, (_, i) => state(i + 1))
const run = (more: Partial<PaperRun> = {}): PaperRun => ({
  ...{
    run: 'r1',
    interval: '1m',
    fills: FILLS,
    equity: EQUITY,
    states: STATES,
    endedMs: null,
    journalled: FILLS,
  },
  ...more,
})
const day = (...runs: PaperRun[]) => ({ day: DAY, runs, staleMs: 2 * MINUTE })

describe('the ledger', () => {
  test('of a run whose books follow from its fills is right', () => {
    expect(ledgerFound(day(run()))).toEqual([])
    expect(ledgerFound(day(run({ journalled: null })))).toEqual([])
  })

  test.each<[string, Partial<PaperRun>, RegExp]>([
    [
      'equity that is not cash and shares',
      { equity: [...EQUITY.slice(0, 3), mark(4, 5004.3, 0, 171, { equity: 5010 })] },
      /cash and shares are worth \$5,004\.30, equity says \$5,010\.00/,
    ],
    [
      'cash that a fill does not explain',
      { equity: [...EQUITY.slice(0, 3), mark(4, 5014.3, 0, 171)] },
      /the fills leave \$5,004\.30 of cash, the books \$5,014\.30/,
    ],
    [
      'shares that no fill explains',
      { fills: FILLS.slice(0, 1), journalled: null },
      /the fills leave 5 NVDA, the books 0/,
    ],
    [
      'a fill that the journal has not',
      { journalled: FILLS.slice(0, 1) },
      /NVDA e3 does not stand in the journal/,
    ],
    [
      'a fill that the journal has alone',
      { journalled: [...FILLS, fill(9, 1, 170)] },
      /NVDA e9 stands in the journal alone/,
    ],
    [
      'another price in the journal',
      { journalled: [FILLS[0]!, fill(3, -5, 170.99)] },
      /NVDA e3: -5 at 171, the journal has -5 at 170\.99/,
    ],
    [
      'another commission in the journal',
      { journalled: [FILLS[0]!, fill(3, -5, 171, { commission: 1 })] },
      /commission 0\.35, the journal has 1/,
    ],
  ])('%s is found', (_, more, words) => {
    const [found, ...rest] = ledgerFound(day(run(more)))
    expect(rest).toEqual([])
    expect(found?.samples.join()).toMatch(words)
    expect(found?.words).toContain(found?.samples[0])
    expect(found?.samples.join()).toContain('r1 2025-07-30T13:')
  })

  test('fills of other days are not asked for', () => {
    const before = fill(0, 3, 100, { timeMs: openMs - 86_400_000, exec: 'old' })
    expect(ledgerFound(day(run({ fills: [before, ...FILLS] })))).toEqual([])
  })

  test('runs of a date are one finding', () => {
    const bad = { equity: [...EQUITY.slice(0, 3), mark(4, 5014.3, 0, 171)] }
    expect(ledgerFound(day(run(bad), run({ ...bad, run: 'r2' })))).toMatchObject([{ count: 2 }])
  })
})

describe('the loss of a day', () => {
  test('is found from the mark on at which it reaches the limit', () => {
    const low = mark(5, 4949, 0, 171)
    expect(lossFound(day(run({ equity: [...EQUITY, low] })), 50)).toMatchObject([
      { observed: -51, expected: -50 },
    ])
    expect(lossFound(day(run({ equity: [...EQUITY, mark(5, 4951, 0, 171)] })), 50)).toEqual([])
    expect(lossFound(day(run({ equity: [] })), 50)).toEqual([])
  })
})

describe('uptime', () => {
  const of = (states: readonly RunState[], more: Partial<PaperRun> = {}) =>
    uptimeOf(run({ states, ...more }), day())

  test('is the part of the bars at whose end the run was ready with fresh data', () => {
    expect(of(STATES)).toBe(1)
    expect(of(STATES.filter((_, i) => i % 2 === 0))).toBeCloseTo(195 / 389, 9)
    expect(of(STATES.map((one, i) => (i < 100 ? one : { ...one, isReady: false })))).toBeCloseTo(100 / 389, 9)
    expect(of(STATES.map((one, i) => (i < 100 ? one : { ...one, dataAgeMs: 121_000 })))).toBeCloseTo(
      100 / 389,
      9,
    )
    expect(of(STATES.map((one, i) => (i < 100 ? one : { ...one, dataAgeMs: null })))).toBeCloseTo(
      100 / 389,
      9,
    )
  })

  test('begins with the run, and at the open on the days after', () => {
    expect(of(STATES.slice(100))).toBe(1)
    const yesterday = state(0, { timeMs: closeMs - 86_400_000 })
    expect(of([yesterday, ...STATES.slice(100)])).toBeCloseTo(289 / 389, 9)
  })

  test('ends where the run says that it ended, and goes on to the close where it does not', () => {
    expect(of(STATES.slice(0, 200), { endedMs: end(200) })).toBe(1)
    expect(of(STATES.slice(0, 200))).toBeCloseTo(200 / 389, 9)
  })

  test('of less than the threshold is a finding', () => {
    const short = STATES.filter((_, i) => i >= 4)
    const late = [state(0, { timeMs: openMs - 86_400_000 }), ...short]
    expect(uptimeFound(day(run({ states: late })), 0.99)).toMatchObject([
      { observed: 385 / 389, expected: 0.99 },
    ])
    expect(uptimeFound(day(run()), 0.99)).toEqual([])
    expect(uptimeFound(day(run({ states: [] })), 0.99)).toEqual([])
  })
})
