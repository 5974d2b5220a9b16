import { describe, expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { actionOf, BUY_BOTH, HOLD_BOTH } from '../env/actions.js'
import { Market } from '../market/market.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../risk/limits.js'
import { Backtest } from './backtest.js'
import { replay } from './policies.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'

const FREE = { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 } as const
const free: Rules = { ...DEFAULT_RULES, costs: FREE }
const LONG_FIRST = actionOf(1, 0)
const OPEN = Date.parse('2025-07-30T13:30:00Z')
const NEXT_OPEN = OPEN + 86_400_000

type Price = number | null
/** A minute of the session of 2025-07-30, or, from 1440 on, of the next: price of each symbol, null where it is halted. */
type Minute = readonly [minute: number, nvda: Price, msft: Price]

/** Each bar opens and closes at its price. */
function market(minutes: readonly Minute[]): Market {
  const made = new Market(['NVDA', 'MSFT'], '1m')
  for (const [minute, nvda, msft] of minutes) {
    const time = OPEN + minute * 60_000
    const bar = (price: number) => [price, price, price, price, 1000]
    if (nvda !== null && msft !== null) made.append(time, [...bar(nvda), ...bar(msft)])
    else if (nvda !== null) made.alone[0].append(time, bar(nvda))
    else if (msft !== null) made.alone[1].append(time, bar(msft))
  }
  return made
}

const span = (from: number, to: number, nvda: Price, msft: Price): Minute[] =>
  Array.from({ length: to - from }, (_, i) => [from + i, nvda, msft] as const)

/** Records of a run of these actions, `time` without its date where it is the first one. */
function records(bars: Market, actions: readonly number[], rules: Rules = free) {
  const lines: Record<string, unknown>[] = []
  const types = new Set(RECORD_TYPES)
  const write = (line: string) => lines.push(JSON.parse(line.replaceAll('2025-07-30T', '')))
  const listener = new RecordWriter({ run: 'r', market: bars, rules, types, write })
  const policy = replay('test', actions)
  const run = new Backtest({
    market: bars,
    features: null,
    rules,
    policy,
    longOnly: false,
    warmup: 0,
    listener,
  })
  while (!run.advance(100));
  return { lines, run }
}

const events = (lines: readonly Record<string, unknown>[]) =>
  lines
    .filter(({ type }) => type === 'order' || type === 'fill')
    .map(({ type, time, symbol, side, qty, price }) =>
      [type, time, symbol, side, qty, price].filter((word) => word !== undefined).join(' '),
    )

describe('while the partner is halted', () => {
  test('a position is closed before the close on its own bars, and not slept over the night', () => {
    // MSFT has its last bar at minute 301; NVDA trades on to the close.
    const bars = market([
      ...span(300, 302, 100, 500),
      ...span(302, 390, 100, null),
      ...span(1440, 1443, 120, 500),
    ])
    const { lines, run } = records(bars, [LONG_FIRST, LONG_FIRST, ...Array(2).fill(HOLD_BOTH)])
    expect(events(lines)).toEqual([
      'order 18:31:00Z NVDA buy 10',
      'fill 18:31:00Z NVDA buy 10 100',
      // As with both symbols: decided at 15:55 in New York.
      'order 19:55:00Z NVDA sell 10',
      'fill 19:55:00Z NVDA sell 10 100',
    ])
    expect(run.state.equity).toBe(5000)
    const order = lines.filter(({ type }) => type === 'order').at(-1)!
    expect(order.reason).toBe('session-end')
    const risk = lines.find(({ type }) => type === 'risk')!
    expect([risk.time, risk.rule, risk.action]).toEqual(['19:55:00Z', 'session-end', 'flatten'])
  })

  test('the same at the end of the data', () => {
    const bars = market([...span(300, 303, 100, 500), ...span(303, 390, 101, null)])
    const { lines, run } = records(bars, [LONG_FIRST, LONG_FIRST])
    expect(events(lines).slice(2)).toEqual([
      'order 19:55:00Z NVDA sell 10',
      'fill 19:55:00Z NVDA sell 10 101',
    ])
    // One more equity record says what the ledger ends with.
    const equity = lines.filter(({ type }) => type === 'equity')
    expect(equity.at(-1)).toMatchObject({
      time: '20:00:00Z',
      equity: 5010,
      positions: { NVDA: 0, MSFT: 0 },
      marks: { NVDA: 101, MSFT: 500 },
    })
    expect([run.ledger.length, run.ledger.equity[1], run.state.equity]).toEqual([2, 5010, 5010])
  })

  test("the day's loss limit is reached at its marks, and only its way out is ordered", () => {
    const bars = market([
      ...span(0, 2, 100, 500),
      [2, 94, null],
      [3, 93, null],
      [4, 90, null],
      ...span(5, 8, 90, 500),
    ])
    const { lines } = records(bars, Array(4).fill(LONG_FIRST))
    expect(events(lines)).toEqual([
      'order 13:31:00Z NVDA buy 10',
      'fill 13:31:00Z NVDA buy 10 100',
      'order 13:33:00Z NVDA sell 10',
      'fill 13:33:00Z NVDA sell 10 93',
    ])
    expect(lines.filter(({ type }) => type === 'risk').map(({ time, detail }) => [time, detail])).toEqual([
      ['13:33:00Z', { symbol: 'NVDA', wanted: 10, allowed: 0, value: 60, limit: 50 }],
      ['13:36:00Z', { value: 70, limit: 50, overshoot: 20 }],
    ])
  })

  test('the limit from the peak ends the run, and a part of the peak does', () => {
    const bars = market([...span(0, 2, 100, 500), [2, 88, null], [3, 88, null], ...span(4, 8, 100, 500)])
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: 1e9 }
    const loss = records(bars, Array(5).fill(LONG_FIRST), { ...free, limits }).run
    expect([loss.ending, loss.ledger.length, loss.state.equity]).toEqual(['max-loss', 2, 4880])
    const part = records(bars, Array(5).fill(LONG_FIRST), { ...free, limits: NO_LIMITS, maxDrawdown: 0.02 })
    expect([part.run.ending, part.run.ledger.length]).toEqual(['max-drawdown', 2])
    expect(part.lines.find(({ type }) => type === 'risk')!.detail).toMatchObject({ value: 120 / 5000 })
  })

  test('the other symbol is not touched: it has no bar to be sold at', () => {
    const bars = market([
      ...span(380, 382, 100, 500),
      ...span(382, 390, 90, null),
      ...span(1440, 1444, 90, 500),
    ])
    const { lines, run } = records(
      bars,
      [BUY_BOTH, BUY_BOTH, HOLD_BOTH, HOLD_BOTH, HOLD_BOTH].slice(0, bars.length - 1),
      {
        ...free,
        limits: { ...DEFAULT_LIMITS, noEntryBeforeCloseMs: 0 },
      },
    )
    const told = events(lines)
    expect(told.filter((line) => line.includes('NVDA sell'))).toEqual([
      'order 19:53:00Z NVDA sell 10',
      'fill 19:53:00Z NVDA sell 10 90',
    ])
    // MSFT is held over the night, for want of a bar, and closed in the morning.
    expect(told.filter((line) => line.includes('MSFT sell'))).toEqual([
      'order 2025-07-31T13:31:00Z MSFT sell 2',
      'fill 2025-07-31T13:31:00Z MSFT sell 2 500',
    ])
    expect(run.state.account.position).toEqual(new Float64Array(2))
  })
})

describe('an order', () => {
  test('is filled at the next bar of its own symbol', () => {
    const bars = market([[0, 100, 500], [1, 101, null], ...span(2, 4, 102, 500)])
    expect(events(records(bars, [LONG_FIRST, LONG_FIRST]).lines)).toEqual([
      'order 13:31:00Z NVDA buy 10',
      'fill 13:31:00Z NVDA buy 10 101',
    ])
  })

  test.each([
    [2, true],
    [3, true],
    [4, false],
    [19, false],
  ])('whose symbol has its next bar at minute %i is filled: %s', (minute, filled) => {
    // Decided at minute 1; the other symbol goes on.
    const halt = span(1, minute, null, 500)
    const bars = market([[0, 100, 500], ...halt, ...span(minute, minute + 3, 100, 500)])
    const { lines } = records(bars, [LONG_FIRST, HOLD_BOTH, HOLD_BOTH])
    const told = events(lines)
    expect(told.some((line) => line.startsWith('fill'))).toBe(filled)
  })
})

test('money is conserved, rewards add up, and training sees what a backtest sees', () => {
  const rng = stream(5, 'halts')
  const price = [100, 500]
  const minutes: Minute[] = []
  for (const day of [0, 1440]) {
    let halted = -1
    for (let minute = 0; minute < 390; minute++) {
      if (rng.uniform() < 0.03) halted = rng.int(3) - 1
      for (let k = 0; k < 2; k++) price[k] = price[k]! * (1 + 0.003 * rng.normal())
      minutes.push([day + minute, halted === 0 ? null : price[0]!, halted === 1 ? null : price[1]!])
    }
  }
  const bars = market(minutes)
  expect(Math.min(bars.alone[0].length, bars.alone[1].length)).toBeGreaterThan(20)
  for (const fill of ['open', 'close'] as const) {
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: 30, maxLoss: 1e9 }
    const transition = new Transition(bars, { ...DEFAULT_RULES, fill, limits })
    const state = new TradingState(5000)
    let rewards = 0
    for (let t = 0; t + 1 < bars.length; t++) {
      const before = state.equity
      const { pnl, fees, slippage, reward } = transition.step(state, t, rng.int(9))
      rewards += reward
      const costs = fees[0]! + fees[1]! + slippage[0]! + slippage[1]!
      expect(Math.abs(state.equity - before - (pnl[0]! + pnl[1]! - costs)), `${fill} ${t}`).toBeLessThan(1e-8)
      const { account } = state
      const held = account.position[0]! * bars.close[0][t + 1]! + account.position[1]! * bars.close[1][t + 1]!
      expect(Math.abs(account.cash + held - state.equity)).toBeLessThan(1e-8)
    }
    expect(Number.isFinite(rewards)).toBe(true)
  }
})

test('a market without such bars is not touched by them', () => {
  const bars = market([...span(0, 60, 100, 500)])
  const other = market([...span(0, 60, 100, 500)])
  // After the end of the session: nothing is held.
  other.alone[0].append(NEXT_OPEN, [1, 1, 1, 1, 1])
  const actions = Array.from({ length: 59 }, (_, i) => (i % 10 === 9 ? HOLD_BOTH : i % 9))
  const lines = (one: Market) => records(one, [...actions.slice(0, 58), HOLD_BOTH]).lines.slice(0, 150)
  expect(lines(other)).toEqual(lines(bars))
})
