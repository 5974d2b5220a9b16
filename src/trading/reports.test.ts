/** The transition under a broker that does what brokers do: late, in parts, twice, wrongly, or not at all. */
import { describe, expect, test } from 'vitest'
import { ChanceBroker } from '../../test/support/chance-broker.js'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf, BUY_BOTH, HOLD_BOTH, type Target } from '../env/actions.js'
import { Market } from '../market/market.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { CANCEL, CORRECT, FILL, isOpen, LOSE, newReport, REJECT, type Report } from '../portfolio/orders.js'
import { BUYS, SELLS } from '../risk/guard.js'
import { DEFAULT_LIMITS } from '../risk/limits.js'
import { RULES } from '../risk/rules.js'
import { Ledger } from './ledger.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'

const FREE = { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 } as const
const free: Rules = { ...DEFAULT_RULES, costs: FREE }
const LONG_FIRST = actionOf(1, 0)
const SHORT_FIRST = actionOf(-1, 0)

/** Minutes from 13:30 UTC: the first symbol opens at one and closes at the other price, the second stays at 500. */
function market(prices: readonly [open: number, close: number][]): Market {
  const made = new Market(['NVDA', 'MSFT'], '1m')
  for (const [i, [open, close]] of prices.entries()) {
    const time = Date.parse('2025-07-30T13:30:00Z') + i * 60_000
    made.append(time, [open, Math.max(open, close), Math.min(open, close), close, 9, 500, 500, 500, 500, 9])
  }
  return made
}

const still = (bars: number): [number, number][] => Array.from({ length: bars }, () => [100, 100])

/** A run whose reports are made by hand, between a decision and the mark after it. */
function byHand(bars: Market, rules: Rules = free) {
  const lines: string[] = []
  const types = new Set(RECORD_TYPES)
  const writer = new RecordWriter({ run: 'r', market: bars, rules, types, write: (line) => lines.push(line) })
  const transition = new Transition(bars, rules, writer)
  const state = new TradingState(rules.capital)
  let t = 0
  const report = (kind: number, more: Partial<Report> = {}) =>
    transition.apply(state, { ...newReport(), order: transition.outcome.order[0]!, kind, ...more })
  return {
    state,
    transition,
    report,
    /** A decision, what the broker says, and the mark. */
    tick: (action: number, broker: () => void = () => {}) => {
      transition.decide(state, t, action)
      const { ordered, cancels, rule } = transition.outcome
      const sent = { ordered: ordered[0]!, cancels: cancels[0]!, rule: RULES[rule[0]!]!.name }
      transition.begin(state, t + 1)
      broker()
      transition.settle(state, t)
      t++
      return { ...sent, filled: transition.outcome.filled[0]!, pnl: transition.outcome.pnl[0]! }
    },
    records: (type: string) => lines.map((line) => JSON.parse(line)).filter((record) => record.type === type),
  }
}

describe('executions', () => {
  test('two of one order count both, in shares, in profit and in records', () => {
    const run = byHand(
      market([
        [100, 100],
        [101, 103],
      ]),
    )
    const tick = run.tick(LONG_FIRST, () => {
      run.report(FILL, { execution: 1, shares: 4, price: 101 })
      run.report(FILL, { execution: 2, shares: 6, price: 101 })
    })
    expect(tick).toMatchObject({ ordered: 10, filled: 10, pnl: 20 })
    expect([run.state.equity, run.state.trades]).toEqual([5020, 1])
    expect(run.records('fill').map(({ qty, exec }) => [qty, exec.slice(-2)])).toEqual([
      [4, '.1'],
      [6, '.2'],
    ])
  })

  test('a bar without a report has no fill', () => {
    const run = byHand(market(still(4)))
    run.tick(LONG_FIRST, () => run.report(FILL, { execution: 1, shares: 10, price: 100 }))
    expect(run.tick(LONG_FIRST)).toMatchObject({ ordered: 0, filled: 0, pnl: 0 })
  })

  test('a late fill after a cancel is booked, and the next decision closes it', () => {
    const run = byHand(market(still(5)))
    let order = 0
    run.tick(LONG_FIRST, () => {
      order = run.transition.outcome.order[0]!
    })
    expect(run.tick(HOLD_BOTH, () => run.report(CANCEL, { order }))).toMatchObject({ ordered: 0, cancels: 1 })
    run.tick(HOLD_BOTH, () => run.report(FILL, { order, execution: 'late', shares: 10, price: 100 }))
    expect(run.state.account.position[0]).toBe(10)
    expect(run.tick(HOLD_BOTH)).toMatchObject({ ordered: -10 })
  })

  test('a commission that comes later than its fill changes the cash alone', () => {
    const run = byHand(market(still(3)))
    run.tick(LONG_FIRST, () => {
      run.report(FILL, { execution: 'a', shares: 10, price: 100 })
      run.report(CORRECT, { execution: 'a', shares: 10, price: 100, fees: 0.35 })
    })
    const { account, trades } = run.state
    expect([account.cash, account.position[0], account.fees, account.turnover, trades]).toEqual([
      3999.65, 10, 0.35, 1000, 1,
    ])
  })
})

describe('an open order', () => {
  test('for the same wish is waited for', () => {
    const run = byHand(market(still(4)))
    run.tick(LONG_FIRST)
    expect(run.tick(LONG_FIRST)).toMatchObject({ ordered: 0, cancels: 0, rule: 'allow' })
  })

  test('is known when the wish flips: it is cancelled, and the other side waits for its end', () => {
    const run = byHand(market(still(5)))
    let order = 0
    run.tick(LONG_FIRST, () => {
      order = run.transition.outcome.order[0]!
    })
    expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: 0, cancels: 1 })
    expect(run.tick(SHORT_FIRST, () => run.report(CANCEL, { order }))).toMatchObject({
      ordered: 0,
      cancels: 1,
    })
    expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: -10, cancels: 0 })
  })

  test('does not keep what is held from being sold, and no more than that', () => {
    const run = byHand(market(still(5)), {
      ...free,
      limits: { ...DEFAULT_LIMITS, maxPosition: 2000 },
      maxPosition: 2000,
    })
    run.tick(LONG_FIRST, () => run.report(FILL, { execution: 1, shares: 5, price: 100 }))
    expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: -5, cancels: 1 })
    // Both are open: nothing more is needed to be flat.
    expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: 0, cancels: 1 })
  })

  test('of unknown outcome counts as open', () => {
    const run = byHand(market(still(4)))
    run.tick(LONG_FIRST, () => run.report(LOSE))
    expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: 0, cancels: 1 })
  })
})

describe('a rejected order', () => {
  test('ends its target, is not sent again, and makes one risk record', () => {
    const run = byHand(market(still(8)))
    const ordered = [0, 1, 2, 3, 4].map(() =>
      run.tick(LONG_FIRST, () => run.transition.outcome.ordered[0] !== 0 && run.report(REJECT)),
    )
    expect(ordered.map((tick) => [tick.ordered, tick.rule])).toEqual([
      [10, 'allow'],
      ...Array(4).fill([0, 'order-rejected']),
    ])
    expect(run.records('order').map(({ reason }) => reason)).toEqual(['target'])
    expect(run.records('risk').map(({ rule, action, detail }) => [rule, action, detail])).toEqual([
      ['order-rejected', 'deny', { symbol: 'NVDA', wanted: 10, allowed: 0, value: 1000, limit: null }],
    ])
    expect([run.state.target[0], run.state.trades]).toEqual([0, 0])
    // Another wish, and then this one again.
    expect(run.tick(HOLD_BOTH).ordered).toBe(0)
    expect(run.tick(LONG_FIRST)).toMatchObject({ ordered: 10, rule: 'allow' })
  })

  test('uses up a trade of the day, so that a wish that comes and goes ends too', () => {
    const rules = { ...free, limits: { ...DEFAULT_LIMITS, tradesPerDay: 6 } }
    const run = byHand(market(still(30)), rules)
    for (let n = 0; n < 14; n++) {
      run.tick(LONG_FIRST, () => run.transition.outcome.ordered[0] !== 0 && run.report(REJECT))
      run.tick(HOLD_BOTH)
    }
    expect(run.records('order').length).toBe(5)
    expect(run.records('risk').at(-1)).toMatchObject({
      rule: 'trades-per-day',
      detail: { value: 5, limit: 6 },
    })
  })

  test('that would close is sent again at each decision: no rule locks a position in', () => {
    const run = byHand(market(still(6)))
    run.tick(LONG_FIRST, () => run.report(FILL, { execution: 1, shares: 10, price: 100 }))
    for (let n = 0; n < 3; n++) expect(run.tick(HOLD_BOTH, () => run.report(REJECT)).ordered).toBe(-10)
    expect(run.records('risk').length).toBe(1)
    expect(
      run.tick(HOLD_BOTH, () => run.report(FILL, { execution: 2, shares: -10, price: 100 })).filled,
    ).toBe(-10)
    expect(run.state.account.position[0]).toBe(0)
  })

  test('may be asked for again on the next day', () => {
    const bars = market(still(2))
    const morning = Date.parse('2025-07-31T13:30:00Z')
    for (let i = 0; i < 3; i++)
      bars.append(morning + i * 60_000, [100, 100, 100, 100, 9, 500, 500, 500, 500, 9])
    const run = byHand(bars)
    run.tick(LONG_FIRST, () => run.report(REJECT))
    expect(run.tick(LONG_FIRST).ordered).toBe(0)
    expect(run.tick(LONG_FIRST).ordered).toBe(10)
  })
})

describe('a cancel and a fill that cross', () => {
  test('are as many trades as there were changes of side', () => {
    const run = byHand(market(still(6)))
    let first = 0
    run.tick(LONG_FIRST, () => {
      first = run.transition.outcome.order[0]!
    })
    // The wish flips; the order that was to be cancelled is filled after all.
    run.tick(SHORT_FIRST, () => run.report(FILL, { order: first, execution: 1, shares: 10, price: 100 }))
    expect([run.state.trades, run.state.changing[0]]).toEqual([1, 1])
    run.tick(SHORT_FIRST, () => run.report(FILL, { execution: 2, shares: -20, price: 100 }))
    expect([run.state.trades, run.state.tradesToday]).toEqual([2, 2])
    expect(run.records('order').map(({ qty }) => qty)).toEqual([10, 20])
  })

  test('a way out is asked to be cancelled on its own side alone', () => {
    const run = byHand(market(still(5)))
    run.tick(LONG_FIRST, () => run.report(FILL, { execution: 1, shares: 4, price: 100 }))
    expect(run.tick(HOLD_BOTH)).toMatchObject({ ordered: -4, cancels: BUYS })
    expect(run.tick(HOLD_BOTH)).toMatchObject({ ordered: 0, cancels: BUYS })
    expect(run.tick(LONG_FIRST)).toMatchObject({ ordered: 0, cancels: SELLS })
  })
})

test('a rejection that comes late is about its own order, not about the wish since', () => {
  const run = byHand(market(still(8)))
  let first = 0
  run.tick(LONG_FIRST, () => {
    first = run.transition.outcome.order[0]!
  })
  run.tick(SHORT_FIRST, () => run.report(REJECT, { order: first }))
  expect(run.tick(SHORT_FIRST)).toMatchObject({ ordered: -10, rule: 'allow' })
  expect(run.records('risk').map(({ rule, detail }) => [rule, detail.wanted])).toEqual([
    ['order-rejected', 10],
  ])
})

test('a way out that a limit asks for and the broker rejects is told once, and asked for again', () => {
  const run = byHand(market([...still(2), [100, 94], ...still(6).map(() => [94, 94] as [number, number])]))
  run.tick(LONG_FIRST, () => run.report(FILL, { execution: 1, shares: 10, price: 100 }))
  run.tick(LONG_FIRST)
  for (let n = 0; n < 4; n++)
    expect(run.tick(LONG_FIRST, () => run.report(REJECT))).toMatchObject({
      ordered: -10,
      rule: 'max-day-loss',
    })
  expect(run.records('risk').map(({ rule }) => rule)).toEqual(['max-day-loss', 'order-rejected'])
})

test('a report between two steps belongs to the next one', () => {
  const run = byHand(
    market([
      [100, 100],
      [100, 100],
      [100, 102],
      [102, 102],
    ]),
  )
  run.tick(LONG_FIRST)
  const order = run.transition.outcome.order[0]!
  run.report(FILL, { order, execution: 1, shares: 10, price: 100, fees: 0.35 })
  expect(run.tick(LONG_FIRST)).toMatchObject({ filled: 10, pnl: 20 })
  expect(run.transition.outcome.fees[0]).toBe(0.35)
})

test('a correction leaves the ledger as if it had been so from the beginning', () => {
  const bars = market(still(5))
  const rows = [false, true].map((corrected) => {
    const ledger = new Ledger(0, 4)
    const transition = new Transition(bars, free, ledger)
    const state = new TradingState(5000)
    const step = (t: number, action: number, reports: readonly Partial<Report>[]) => {
      transition.decide(state, t, action)
      for (const report of reports)
        transition.apply(state, {
          ...newReport(),
          kind: FILL,
          order: transition.outcome.order[0]!,
          ...report,
        })
      transition.settle(state, t)
    }
    const right = { execution: 'b', shares: -10, price: 102, fees: 0.35 }
    step(0, LONG_FIRST, [{ execution: 'a', shares: 10, price: 100 }])
    step(
      1,
      HOLD_BOTH,
      corrected
        ? [
            { ...right, price: 101, fees: 0 },
            { ...right, kind: CORRECT },
          ]
        : [right],
    )
    expect(state.account.cash).toBeCloseTo(5000 + 20 - 0.35, 9)
    const { events } = ledger
    return Array.from({ length: events.length }, (_, row) => [0, 1, 2, 3].map((n) => events.number(row, n)))
  })
  expect(rows[1]).toEqual(rows[0])
})

test('cash + positions = equity to 1e-9, and the guard keeps its promise, whatever the broker does', () => {
  let [sent, rejected, refusedAfterLoss] = [0, 0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const bars = randomMarket({ sessions: 2, seed, gaps: 0.05, bps: 25 }).slice(0, 500)
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: 15, maxLoss: 40 }
    const rules = { ...DEFAULT_RULES, limits }
    const transition = new Transition(bars, rules)
    const state = new TradingState(rules.capital)
    const rng = stream(seed, 'broker')
    const broker = new ChanceBroker(rng)
    const { outcome } = transition
    let action = HOLD_BOTH
    for (let t = 0; t + 1 < bars.length; t++) {
      const lost =
        state.dayStart - state.equity >= 15 || state.peak - state.equity >= 40 || state.stopped === 1
      const held = [...state.account.position]
      if (rng.int(4) === 0) action = actionOf((rng.int(3) - 1) as Target, (rng.int(3) - 1) as Target)
      transition.decide(state, t, action)
      for (const k of [0, 1]) {
        const order = outcome.ordered[k]!
        if (order === 0) continue
        const id = outcome.order[k]!
        broker.send(id, k, order)
        sent++
        const worst = held[k]! + order + broker.open(k, order, id)
        const reduces = held[k]! * order < 0 && held[k]! * worst >= 0
        if (lost && !reduces)
          throw new Error(`seed ${seed}, bar ${t}: ${order} after a loss limit, ${held[k]} held`)
        if (lost) refusedAfterLoss++
        const notional = Math.abs(worst) * bars.close[k]![t]!
        if (!reduces && notional > 1000 * (1 + 1e-9))
          throw new Error(`seed ${seed}, bar ${t}: ${order} makes ${notional} dollars, ${held[k]} held`)
      }
      transition.begin(state, t + 1)
      for (let n = rng.int(5); n > 0; n--) {
        const report = broker.next((k) => bars.open[k]![t + 1]!, bars.time[t + 1]!)
        if (report === null) continue
        if (report.kind === REJECT) rejected++
        transition.apply(state, report)
      }
      transition.settle(state, t)
      const { position, cash } = broker.account(rules.capital)
      const equity = cash + position[0]! * bars.close[0][t + 1]! + position[1]! * bars.close[1][t + 1]!
      expect([...state.account.position]).toEqual(position)
      if (Math.abs(state.equity - equity) > 1e-9 * 5000)
        throw new Error(`seed ${seed}, bar ${t}: equity ${state.equity}, by the executions ${equity}`)
      if (outcome.terminated) break
    }
  }
  // The walk met what it is about.
  expect(sent).toBeGreaterThan(1000)
  expect(rejected).toBeGreaterThan(30)
  expect(refusedAfterLoss).toBeGreaterThan(10)
})

test('a simulated broker leaves no order open, also where it fills a part', () => {
  const bars = randomMarket({ sessions: 1, seed: 4 })
  const transition = new Transition(bars, {
    ...DEFAULT_RULES,
    costs: { ...DEFAULT_COSTS, participation: 0.001 },
  })
  const state = new TradingState(5000)
  let [parts, sent] = [0, 0]
  for (let t = 0; t < 100; t++) {
    const { ordered, filled } = transition.step(state, t, t % 7 < 4 ? BUY_BOTH : HOLD_BOTH)
    if (ordered[0] !== 0) sent++
    if (ordered[0] !== 0 && filled[0] !== ordered[0]) parts++
    if (ordered[0] !== 0 || ordered[1] !== 0) expect(isOpen(state.orders.change.after)).toBe(false)
    expect(state.orders.length).toBe(0)
  }
  expect(sent).toBeGreaterThan(parts)
  expect(parts).toBeGreaterThan(10)
})

test('an order whose bar does not come within two minutes expires, and is sent again', () => {
  const bars = market(still(2))
  const start = Date.parse('2025-07-30T13:30:00Z')
  for (const minute of [5, 6, 9, 10])
    bars.append(start + minute * 60_000, [100, 100, 100, 100, 9, 500, 500, 500, 500, 9])
  const transition = new Transition(bars, free)
  const state = new TradingState(5000)
  // 13:32 to 13:35 is too long; 13:37 to 13:39 is not.
  const ticks = [HOLD_BOTH, LONG_FIRST, LONG_FIRST, SHORT_FIRST, HOLD_BOTH].map((action, t) => {
    const { ordered, filled, completes } = transition.step(state, t, action)
    return [ordered[0], filled[0], completes[0]]
  })
  expect(ticks).toEqual([
    [0, 0, 1],
    [10, 0, 0],
    [10, 10, 1],
    [-20, -20, 0],
    [10, 10, 0],
  ])
  expect(state.trades).toBe(3)
})
