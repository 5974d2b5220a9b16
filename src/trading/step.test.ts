import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf, BUY_BOTH, HOLD_BOTH, type Target } from '../env/actions.js'
import { Market } from '../market/market.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { FILL, newReport } from '../portfolio/orders.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../risk/limits.js'
import { RULES } from '../risk/rules.js'
import { Ledger } from './ledger.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'

const FREE = { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 } as const
const free: Rules = { ...DEFAULT_RULES, costs: FREE }
const LONG_FIRST = actionOf(1, 0)
const SHORT_FIRST = actionOf(-1, 0)

/** Minutes from 13:30 UTC on 2025-07-30: [open, close] of the first symbol; the second stays at 500. */
function market(prices: readonly [number, number][], { volume = 1000, startMinute = 0 } = {}): Market {
  const made = new Market(['NVDA', 'MSFT'], '1m')
  for (const [i, [open, close]] of prices.entries()) {
    const [high, low] = [Math.max(open, close), Math.min(open, close)]
    const time = Date.parse('2025-07-30T13:30:00Z') + (startMinute + i) * 60_000
    made.append(time, [open, high, low, close, volume, 500, 500, 500, 500, volume])
  }
  return made
}

const still = (bars: number, price = 180): [number, number][] =>
  Array.from({ length: bars }, () => [price, price])

function run(bars: Market, rules: Rules, actions: readonly number[]) {
  const transition = new Transition(bars, rules)
  const state = new TradingState(rules.capital)
  const steps = actions.map((action, t) => {
    const outcome = transition.step(state, t, action)
    return {
      ordered: [...outcome.ordered],
      filled: [...outcome.filled],
      price: outcome.price[0]!,
      fees: outcome.fees[0]!,
      rule: RULES[outcome.rule[0]!]!.name,
      reward: outcome.reward,
      position: state.account.position[0]!,
      equity: state.equity,
      terminated: outcome.terminated,
    }
  })
  return { state, steps }
}

describe('timing', () => {
  const jump = market([
    [100, 100],
    [100, 110],
    [111, 111],
    [111, 120],
  ])

  test('a decision earns from the next open on, and nothing of what came before', () => {
    const { steps } = run(jump, free, [HOLD_BOTH, LONG_FIRST, LONG_FIRST])
    // 9 shares of 110 bought at 111 after the rise to 110: the rise is not earned, 111 -> 111 -> 120 is.
    expect(steps.map(({ reward }) => reward)).toEqual([0, 0, 9 * 9])
  })

  test('with fills at the close the next move is earned, still not the last', () => {
    const { steps } = run(jump, { ...free, fill: 'close' }, [HOLD_BOTH, LONG_FIRST, LONG_FIRST])
    expect(steps.map(({ reward }) => reward)).toEqual([0, 9, 81])
  })

  test('the old position earns up to the open at which it is sold', () => {
    const { steps } = run(jump, free, [LONG_FIRST, HOLD_BOTH, HOLD_BOTH])
    expect(steps.map(({ reward }) => reward)).toEqual([100, 10, 0])
  })
})

describe('sizing', () => {
  test('whole shares below the largest position, fixed when the target changes', () => {
    const bars = market([
      [180, 180],
      [180, 90],
      [90, 90],
      [90, 90],
    ])
    const { steps } = run(bars, { ...free, limits: NO_LIMITS }, [LONG_FIRST, LONG_FIRST, SHORT_FIRST])
    // floor(1000 / 180) = 5, kept though 11 would fit at 90; the flip sells 5 + floor(1000 / 90).
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([5, 0, -16])
  })

  test('parts of a share, a fixed count, and a share that costs too much', () => {
    const bars = market(still(2, 1500))
    const first = (rules: Partial<Rules>) => run(bars, { ...free, ...rules }, [LONG_FIRST]).steps[0]!
    expect(first({ fractional: true }).ordered[0]).toBeCloseTo(2 / 3, 12)
    expect(first({ shares: 3, limits: NO_LIMITS }).ordered[0]).toBe(3)
    expect([first({}).ordered[0], first({}).rule]).toEqual([0, 'size-zero'])
    expect([first({ shares: 3 }).ordered[0], first({ shares: 3 }).rule]).toEqual([0, 'max-position'])
  })

  test('a fixed count is clipped to the position limit', () => {
    const { ordered, rule } = run(market(still(2)), { ...free, shares: 9 }, [SHORT_FIRST]).steps[0]!
    expect([ordered[0], rule]).toEqual([-5, 'max-position'])
  })
})

describe('costs', () => {
  test('fees and the half spread on both legs; a flip pays for all its shares once', () => {
    const bars = market(still(4, 100))
    const { steps, state } = run(bars, DEFAULT_RULES, [LONG_FIRST, SHORT_FIRST, HOLD_BOTH])
    expect(steps.map(({ filled }) => filled[0])).toEqual([10, -20, 10])
    expect(steps.map(({ price }) => price)).toEqual([100.01, 99.99, 100.01])
    expect(steps.map(({ fees }) => fees)).toEqual([0.35, 0.35, 0.35])
    expect(state.equity).toBeCloseTo(5000 - 3 * 0.35 - 40 * 0.01, 9)
    expect(state.trades).toBe(3)
  })
})

describe('partial fills', () => {
  const thin = market(still(6, 100), { volume: 40 })
  const rules: Rules = { ...free, costs: { ...FREE, participation: 0.1 } }

  test('the rest is ordered again, and the trade is counted once', () => {
    const { steps, state } = run(thin, rules, [LONG_FIRST, LONG_FIRST, LONG_FIRST, LONG_FIRST])
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([10, 6, 2, 0])
    expect(steps.map(({ position }) => position)).toEqual([4, 8, 10, 10])
    expect(state.trades).toBe(1)
  })

  test('impact follows the square root of the part of the volume', () => {
    const { steps } = run(thin, { ...free, costs: { ...FREE, impactBps: 100 } }, [LONG_FIRST])
    expect(steps[0]!.price).toBeCloseTo(100 * (1 + 0.01 * Math.sqrt(10 / 40)), 12)
  })

  test('a bar without volume fills nothing', () => {
    const { steps, state } = run(market(still(3), { volume: 0 }), rules, [LONG_FIRST, HOLD_BOTH])
    expect([steps[0]!.filled[0], steps[1]!.ordered[0], state.trades]).toEqual([0, 0, 0])
  })

  test('an unknown volume is an error', () => {
    expect(() => run(market(still(3), { volume: Number.NaN }), rules, [LONG_FIRST])).toThrow(
      'NVDA 2025-07-30T13:31:00Z: the volume is unknown',
    )
  })
})

describe('limits', () => {
  test("the day's loss: flat at the next open, nothing new that day", () => {
    const bars = market([
      [100, 100],
      [100, 94],
      [94, 94],
      [94, 94],
      [94, 94],
    ])
    const { steps } = run(bars, free, [LONG_FIRST, LONG_FIRST, LONG_FIRST, SHORT_FIRST])
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([10, -10, 0, 0])
    expect(steps.map(({ rule }) => rule)).toEqual(['allow', 'max-day-loss', 'max-day-loss', 'max-day-loss'])
  })

  test('the drawdown from the peak: flat, then the end', () => {
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: Number.POSITIVE_INFINITY }
    const bars = market([
      [100, 100],
      [100, 105],
      [105, 95],
      [95, 95],
      [95, 95],
    ])
    const { steps } = run(bars, { ...free, limits }, [LONG_FIRST, LONG_FIRST, LONG_FIRST])
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([10, 0, -10])
    expect(steps.map(({ terminated }) => terminated)).toEqual([false, false, true])
  })

  test('no entry in the last 10 minutes, flat 5 minutes before the close', () => {
    // The session closes at 20:00 UTC, minute 390.
    const bars = market(still(10), { startMinute: 378 })
    const { steps } = run(bars, free, [LONG_FIRST, SHORT_FIRST, ...Array<number>(6).fill(LONG_FIRST)])
    // Decisions at minutes 379, 380, ...: the flip at 380 comes too late to open a new side.
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([5, -5, 0, 0, 0, 0, 0, 0])
    const held = run(bars, free, Array<number>(8).fill(LONG_FIRST)).steps
    expect(held.map(({ ordered }) => ordered[0])).toEqual([5, 0, 0, 0, 0, 0, -5, 0])
    expect(held[6]!.rule).toBe('session-end')
  })

  test('trades a day', () => {
    const limits = { ...DEFAULT_LIMITS, tradesPerDay: 2 }
    const { steps } = run(market(still(6)), { ...free, limits }, [LONG_FIRST, HOLD_BOTH, LONG_FIRST])
    expect(steps.map(({ rule }) => rule)).toEqual(['allow', 'allow', 'trades-per-day'])
    // Two symbols at once with room for one and its way out.
    const both = run(market(still(3)), { ...free, limits: { ...limits, tradesPerDay: 3 } }, [BUY_BOTH])
    expect(both.steps[0]!.ordered).toEqual([5, 0])
    // A flip would leave no trade to close the new side: only the old one is closed.
    const flip = run(market(still(4)), { ...free, limits }, [LONG_FIRST, SHORT_FIRST, SHORT_FIRST])
    expect(flip.steps.map(({ ordered }) => ordered[0])).toEqual([5, -5, 0])
    expect(flip.state.tradesToday).toBe(2)
  })

  test('a day holds at most its trades, whatever is wished for', () => {
    for (let seed = 0; seed < 10; seed++) {
      const bars = randomMarket({ sessions: 2, seed, gaps: 0.05 })
      const rules = { ...free, costs: { ...FREE, participation: 0.005 } }
      const transition = new Transition(bars, { ...rules, limits: { ...DEFAULT_LIMITS, maxDayLoss: 1e9 } })
      const state = new TradingState(5000)
      const rng = stream(seed, 'wishes')
      let most = 0
      for (let t = 0; t + 1 < bars.length; t++) {
        transition.step(state, t, rng.int(9))
        most = Math.max(most, state.tradesToday)
      }
      // With two left, one position can still be opened and closed; with one left, none.
      expect([49, 50]).toContain(most)
    }
  })

  test('orders a minute, of both symbols together; the way out is always open', () => {
    const limits = { ...DEFAULT_LIMITS, ordersPerMinute: 1 }
    const { steps } = run(market(still(4)), { ...free, limits }, [BUY_BOTH, HOLD_BOTH])
    expect(steps.map(({ ordered }) => ordered)).toEqual([
      [5, 0],
      [-5, 0],
    ])
    const transition = new Transition(market(still(2)), { ...free, limits })
    transition.decide(new TradingState(5000), 0, BUY_BOTH)
    expect([...transition.outcome.rule].map((rule) => RULES[rule]!.name)).toEqual([
      'allow',
      'orders-per-minute',
    ])
  })

  test('old data opens nothing, and still closes', () => {
    // What a rule looked at is for listeners.
    const transition = new Transition(market(still(3)), free, new Ledger(0, 1))
    const state = new TradingState(5000)
    const decide = (action: number, ageMs: number) => {
      transition.decide(state, 0, action, [ageMs, ageMs])
      return [
        transition.outcome.ordered[0],
        RULES[transition.outcome.rule[0]!]!.name,
        transition.outcome.value[0],
      ]
    }
    expect(decide(LONG_FIRST, 120_001)).toEqual([0, 'stale-data', 120_001])
    expect(decide(LONG_FIRST, 120_000).slice(0, 2)).toEqual([5, 'allow'])
    transition.execute(state, 0)
    expect(decide(SHORT_FIRST, 600_000)).toEqual([-5, 'stale-data', 600_000])
    state.orders.clear()
    expect(decide(HOLD_BOTH, 600_000).slice(0, 2)).toEqual([-5, 'allow'])
  })

  test('a half day ends at its own close', () => {
    // 2025-07-03 closes at 17:00 UTC.
    const bars = new Market(['NVDA', 'MSFT'], '1m')
    for (let i = 0; i < 12; i++) {
      const time = Date.parse('2025-07-03T16:48:00Z') + i * 60_000
      bars.append(time, [180, 180, 180, 180, 1, 500, 500, 500, 500, 1])
    }
    const { steps } = run(bars, free, Array<number>(11).fill(LONG_FIRST))
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([5, 0, 0, 0, 0, 0, -5, 0, 0, 0, 0])
    const late = run(bars, free, [HOLD_BOTH, ...Array<number>(3).fill(LONG_FIRST)]).steps
    expect(late.map(({ rule }) => rule)).toEqual([
      'allow',
      'no-entry-before-close',
      'no-entry-before-close',
      'no-entry-before-close',
    ])
  })

  test.each([
    ['5m', 19 * 60 + 40, [3, 0, -3]],
    ['15m', 19 * 60 + 15, [3, -3]],
    ['30m', 19 * 60, [0]],
  ] as const)('bars of %s are flat in time', (interval, startMinute, ordered) => {
    const bars = new Market(['NVDA', 'MSFT'], interval)
    for (let i = 0; i < ordered.length + 1; i++) {
      const time = Date.parse('2025-07-30T00:00:00Z') + startMinute * 60_000 + i * bars.intervalMs
      bars.append(time, [300, 300, 300, 300, 1, 500, 500, 500, 500, 1])
    }
    const { steps } = run(bars, free, Array<number>(ordered.length).fill(LONG_FIRST))
    expect(steps.map((step) => step.ordered[0])).toEqual(ordered)
  })

  test('an order that finds no more bars in its session expires', () => {
    const bars = market(still(2), { startMinute: 300 })
    const morning = Date.parse('2025-07-31T13:30:00Z')
    for (let i = 0; i < 4; i++) {
      bars.append(morning + i * 60_000, [190, 190, 190, 190, 10, 500, 500, 500, 500, 10])
    }
    const wishes = [HOLD_BOTH, LONG_FIRST, HOLD_BOTH, HOLD_BOTH]
    const { steps, state } = run(bars, free, wishes)
    expect(steps.map(({ ordered, filled }) => [ordered[0], filled[0]])).toEqual([
      [0, 0],
      [5, 0],
      [0, 0],
      [0, 0],
    ])
    expect([state.equity, state.trades]).toEqual([5000, 0])
    // Positions that may stay overnight are also opened then.
    const kept = run(bars, { ...free, limits: { ...DEFAULT_LIMITS, flatBeforeCloseMs: null } }, wishes)
    expect(kept.steps[1]!.filled[0]).toBe(5)
  })

  test('a position that could not be closed before a night is closed in the morning', () => {
    const bars = market(still(3), { startMinute: 300 })
    const morning = Date.parse('2025-07-31T13:30:00Z')
    for (let i = 0; i < 4; i++) {
      bars.append(morning + i * 60_000, [190, 190, 190, 190, 10, 500, 500, 500, 500, 10])
    }
    const { steps } = run(bars, free, Array<number>(6).fill(LONG_FIRST))
    expect(steps.map(({ ordered }) => ordered[0])).toEqual([5, 0, 0, -5, 5, 0])
    expect(steps[3]!.rule).toBe('held-overnight')
    // The gap of $10 a share is in the equity and not in the reward.
    expect([steps[2]!.reward, steps[2]!.equity]).toEqual([0, 5050])
    const kept = run(bars, { ...free, limits: NO_LIMITS }, Array<number>(6).fill(LONG_FIRST))
    expect(kept.steps[2]!.reward).toBe(50)
  })

  test('keep their promise under random wishes, random fills and holes in the data', () => {
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: 10, maxLoss: 60 }
    for (let seed = 0; seed < 20; seed++) {
      const bars = randomMarket({ sessions: 2, seed, gaps: 0.1, bps: 30 })
      const transition = new Transition(bars, { ...DEFAULT_RULES, limits })
      const state = new TradingState(5000)
      const rng = stream(seed, 'fills')
      let stopped = false
      for (let t = 0; t + 1 < bars.length; t++) {
        if (t > 0 && bars.session[t] !== bars.session[t - 1]) stopped = false
        stopped ||= state.dayStart - state.equity >= 10 || state.peak - state.equity >= 60
        const before = [...state.account.position]
        const action = actionOf((rng.int(3) - 1) as Target, (rng.int(3) - 1) as Target)
        transition.decide(state, t, action)
        transition.begin(state, t + 1)
        for (let k = 0; k < 2; k++) {
          const ordered = transition.outcome.ordered[k]!
          if (ordered === 0) continue
          const after = before[k]! + ordered
          const reduces = before[k]! * after >= 0 && Math.abs(after) < Math.abs(before[k]!)
          if (stopped) expect(reduces).toBe(true)
          if (!reduces) expect(Math.abs(after) * bars.close[k]![t]!).toBeLessThanOrEqual(1000)
          // A broker that fills any part at any price near the bar.
          const shares = Math.sign(ordered) * rng.int(Math.abs(ordered) + 1)
          const price = bars.open[k]![t + 1]! * (1 + 0.001 * rng.normal())
          if (shares === 0) continue
          const order = transition.outcome.order[k]!
          transition.apply(state, {
            ...newReport(),
            kind: FILL,
            order,
            execution: 1,
            shares,
            price,
            fees: 0.35,
          })
        }
        state.orders.clear()
        transition.settle(state, t)
        if (transition.outcome.terminated) break
      }
    }
  })
})

describe('the cheat of trading on moves already seen', () => {
  test('earns nothing on a driftless series, where a leaking environment would pay it', () => {
    const cost = { ...free, limits: NO_LIMITS, capital: 1e6 }
    const results: number[] = []
    let leaked = 0
    for (let seed = 0; seed < 30; seed++) {
      const bars = randomMarket({ sessions: 2, seed: 100 + seed })
      const transition = new Transition(bars, cost)
      const state = new TradingState(1e6)
      for (let t = 1; t + 1 < bars.length; t++) {
        const sign = (k: number) => Math.sign(bars.close[k]![t]! - bars.close[k]![t - 1]!) as Target
        transition.step(state, t, actionOf(sign(0), sign(1)))
        leaked += Math.abs(bars.close[0][t]! - bars.close[0][t - 1]!)
      }
      results.push(state.equity - 1e6)
    }
    const mean = results.reduce((a, b) => a + b) / results.length
    const deviation = Math.sqrt(results.reduce((a, b) => a + (b - mean) ** 2, 0) / (results.length - 1))
    const t = mean / (deviation / Math.sqrt(results.length))
    expect(Math.abs(t)).toBeLessThan(3)
    expect(leaked / results.length).toBeGreaterThan(20 * Math.abs(mean))
  })
})

describe('bars of clock hours', () => {
  /** One session: 09:30 to 10:00, then full hours to the close. */
  function hours(): Market {
    const bars = new Market(['NVDA', 'MSFT'], '1h')
    for (const [i, time] of ['13:30', '14:00', '15:00', '16:00', '17:00', '18:00', '19:00'].entries()) {
      const bar = [100 + i, 101 + i, 99 + i, 100 + i, 1000]
      bars.append(Date.parse(`2025-07-30T${time}:00Z`), [...bar, 500, 500, 500, 500, 1000])
    }
    return bars
  }

  test('an order of 10:00 is filled at the bar of 10:00, and all is closed before the close', () => {
    const told: string[] = []
    const clock = (timeMs: number) => new Date(timeMs).toISOString().slice(11, 16)
    const transition = new Transition(hours(), free, {
      refused: () => {},
      ordered: (timeMs, k, { ordered }) => void told.push(`order ${clock(timeMs)} ${ordered[k]}`),
      reported: ({ timeMs, shares, price }) => void told.push(`fill ${clock(timeMs)} ${shares} ${price}`),
      settled: () => {},
      marked: () => {},
    })
    const state = new TradingState(5000)
    for (let t = 0; t < 6; t++) transition.step(state, t, LONG_FIRST)
    expect(told).toEqual(['order 14:00 10', 'fill 14:00 10 101', 'order 19:00 -10', 'fill 19:00 -10 106'])
    expect([...state.account.position]).toEqual([0, 0])
  })
})

describe('what is out of range', () => {
  const bars = market(still(3))
  test.each([
    ['a bar before the first', -1, HOLD_BOTH],
    ['the last bar, which has no next one', 2, HOLD_BOTH],
    ['half a bar', 0.5, HOLD_BOTH],
    ['no bar at all', Number.NaN, HOLD_BOTH],
    ['an action that is none', 0, -1],
    ['the argmax of nothing', 0, Number.NaN],
    ['a tenth action', 0, 9],
  ])('%s is refused, and nothing is traded', (_title, t, action) => {
    const state = new TradingState(5000)
    expect(() => new Transition(bars, free).step(state, t, action)).toThrow(RangeError)
    expect([state.account.cash, ...state.account.position, state.orders.length]).toEqual([5000, 0, 0, 0])
  })
})

describe('the leverage limit', () => {
  const rules = (maxLeverage: number | null): Rules => ({
    ...free,
    capital: 2000,
    maxPosition: 1500,
    limits: { ...DEFAULT_LIMITS, maxPosition: 1500, maxLeverage },
  })

  test('refuses the entry that would take both positions above it', () => {
    // 8 shares of 180 are 1440 dollars, 3 of 500 are 1500.
    const transition = new Transition(market(still(3)), rules(1))
    const state = new TradingState(2000)
    transition.step(state, 0, BUY_BOTH)
    expect([...state.account.position]).toEqual([8, 0])
    expect([...transition.outcome.rule].map((rule) => RULES[rule]!.name)).toEqual(['allow', 'max-leverage'])
    // The way out stays open.
    transition.step(state, 1, HOLD_BOTH)
    expect([...state.account.position]).toEqual([0, 0])
  })

  test('holds nothing back below it, and without a number nothing at all', () => {
    for (const most of [1.5, null]) {
      const state = new TradingState(2000)
      new Transition(market(still(3)), rules(most)).step(state, 0, BUY_BOTH)
      expect([...state.account.position], String(most)).toEqual([8, 3])
    }
  })
})

test('parts of a share leave no dust: ten tenths are a share', () => {
  // In doubles ten times 0.1 is not 1: 1.1e-16 of a share would be ordered on every bar after the tenth.
  const bars = market(
    Array.from({ length: 60 }, (): [number, number] => [100, 100]),
    { volume: 1 },
  )
  const limits = { ...NO_LIMITS, flatBeforeCloseMs: null }
  const rules = { ...free, fractional: true, shares: 1, limits, costs: { ...FREE, participation: 0.1 } }
  const { steps } = run(
    bars,
    rules,
    Array.from({ length: 59 }, (_, i) => (i < 30 ? LONG_FIRST : HOLD_BOTH)),
  )
  const filled = steps.map((step, i) => (step.filled[0] === 0 ? -1 : i)).filter((i) => i >= 0)
  const tenth = (_: unknown, i: number) => i
  expect(filled).toEqual([
    ...Array.from({ length: 10 }, tenth),
    ...Array.from({ length: 10 }, (_, i) => 30 + i),
  ])
  expect(steps.filter(({ ordered }) => ordered[0] !== 0 && Math.abs(ordered[0]!) < 0.01)).toEqual([])
  expect(steps.at(-1)?.position).toBe(0)
})
