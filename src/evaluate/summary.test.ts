import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf } from '../env/actions.js'
import type { Market } from '../market/market.js'
import { NO_LIMITS } from '../risk/limits.js'
import { Backtest } from '../trading/backtest.js'
import { FILL } from '../trading/ledger.js'
import { buyHold, flat, randomPolicy, replay, smaCross } from '../trading/policies.js'
import type { Policy } from '../trading/policy.js'
import { DEFAULT_RULES, type Rules } from '../trading/rules.js'
import { buyAndHold, percentileOf, randomPolicies } from './baselines.js'
import { roundTrips } from './round-trips.js'
import { sessionEquity, summarise } from './summary.js'

function backtest(
  market: Market,
  policy: Policy,
  rules: Rules = DEFAULT_RULES,
  warmup = 50,
  trials: number | null = null,
) {
  const run = new Backtest({ market, features: null, rules, policy, longOnly: false, warmup })
  while (!run.advance(1000));
  const { ledger, state } = run
  const summary = summarise({ market, ledger, rules, state, ending: run.ending!, longOnly: false, trials })
  return { ledger, state, summary }
}

const market = randomMarket({ sessions: 30, seed: 9, bps: 4 })
const wide: Rules = {
  ...DEFAULT_RULES,
  limits: { ...DEFAULT_RULES.limits, maxDayLoss: 1e6, maxLoss: 1e6 },
}

describe('the summary', () => {
  const { ledger, state, summary } = backtest(market, smaCross(), wide)

  test('P&L at a multiple of the costs is a line through gross and net', () => {
    const { pnl, cost, pnl_at_cost: at } = summary
    expect(at['1x']).toBeCloseTo(pnl, 9)
    expect(at['0x']! - at['1x']!).toBeCloseTo(cost, 9)
    expect(at['0x']! - at['5x']!).toBeCloseTo(5 * cost, 9)
    expect(Object.keys(at)).toEqual(['0x', '0.5x', '1x', '2x', '5x'])
  })

  test('the break-even charge on traded value takes all of the gross result', () => {
    const gross = summary.pnl + summary.cost
    expect((summary.break_even_bps! / 1e4) * state.account.turnover).toBeCloseTo(gross, 9)
  })

  test('round trips add up to the net result', () => {
    const trips = roundTrips(market, ledger, 'open')
    const open = trips.filter((trip) => trip.open)
    expect(open).toEqual([])
    expect(trips.reduce((sum, { pnl }) => sum + pnl, 0)).toBeCloseTo(summary.pnl, 6)
    // Session ends close positions, so that no trip lasts a night.
    expect(trips.every(({ entry, exit }) => market.session[entry] === market.session[exit])).toBe(true)
  })

  test('the equity of sessions ends with the last equity and counts each session once', () => {
    const values = sessionEquity(market, ledger, 5000)
    expect([values.length, values[0], values.at(-1)]).toEqual([31, 5000, state.equity])
  })

  test('trades are executed changes of a target', () => {
    let changes = 0
    const held = [0, 0]
    for (let row = 0; row < ledger.events.length; row++) {
      if (ledger.events.kind[row] !== FILL) continue
      const k = ledger.events.symbol[row]!
      const after = held[k]! + ledger.events.number(row, 0)
      if (Math.sign(after) !== Math.sign(held[k]!)) changes++
      held[k] = after
    }
    expect(summary.trades).toBe(changes)
  })
})

describe('figures that a sample cannot support', () => {
  test('give null and say why', () => {
    const { summary } = backtest(market.slice(0, 800), flat)
    expect([summary.sharpe, summary.hit_rate, summary.random]).toEqual([null, null, null])
    expect(summary.reasons).toMatchObject({
      sharpe: '3 returns, fewer than 20',
      hit_rate: 'there were no trades with a result',
      random: 'there were no trades',
    })
    expect(summary.notes).toEqual([
      'no trades: the policy never asked for a position',
      'no evidence of skill: there were no trades',
    ])
  })

  test('nothing is annualised from a few sessions, in bars neither', () => {
    const rules = { ...DEFAULT_RULES, limits: NO_LIMITS }
    const { summary } = backtest(market.slice(0, 800), buyHold, rules)
    const years = ['annual_return', 'volatility', 'sharpe', 'sortino', 'sharpe_bar', 'sortino_bar', 'calmar']
    for (const name of years) {
      expect([name, (summary as Record<string, unknown>)[name]]).toEqual([name, null])
      expect(summary.reasons[name]).toMatch(/^3 (returns|sessions), fewer than 20$/)
    }
  })

  test('equity below 0 has no returns', () => {
    const rules = { ...DEFAULT_RULES, capital: 1, maxPosition: 1e6, limits: NO_LIMITS }
    const { summary } = backtest(market, smaCross(), rules)
    expect(summary.max_drawdown).toBeGreaterThan(1)
    for (const name of ['annual_return', 'sharpe', 'sortino_bar', 'var95', 'cvar95']) {
      expect([name, (summary as Record<string, unknown>)[name]]).toEqual([name, null])
      expect(summary.reasons[name]).toMatch(/equity fell to 0/)
    }
    // Each number that is null has its reason, and no other has one.
    const absent = Object.entries({ ...summary, ...summary.baselines }).filter(([, value]) => value === null)
    expect(absent.map(([name]) => name).sort()).toEqual(Object.keys(summary.reasons).sort())
  })

  test('no trades because no order was filled', () => {
    const costs = { ...DEFAULT_RULES.costs, participation: 1e-9 }
    const { summary } = backtest(market.slice(0, 800), buyHold, { ...DEFAULT_RULES, costs })
    expect(summary.notes[0]).toMatch(/^no trades: no order was filled/)
  })

  test('constant returns have no Sharpe ratio', () => {
    expect(backtest(market, flat).summary.reasons).toMatchObject({ sharpe: 'the returns are constant' })
  })

  test('no trades because a share costs too much', () => {
    const { summary } = backtest(market, buyHold, { ...DEFAULT_RULES, maxPosition: 100 })
    expect(summary.notes).toEqual([
      'no trades: every wish was refused (size-zero)',
      'a share costs more than the 100 dollars of a position: size 0',
      'no evidence of skill: there were no trades',
    ])
  })
})

describe('round trips', () => {
  test('a flip closes one and opens the next, fees shared by shares', () => {
    const small = market.slice(0, 20)
    const [long, short, none] = [actionOf(1, 0), actionOf(-1, 0), actionOf(0, 0)]
    const actions = [long, long, short, none, ...Array<number>(15).fill(none)]
    const { ledger } = backtest(small, replay('test', actions), { ...wide, limits: NO_LIMITS }, 0)
    const trips = roundTrips(small, ledger, 'open')
    expect(trips.map(({ direction, entry, exit }) => [direction, entry, exit])).toEqual([
      [1, 1, 3],
      [-1, 3, 4],
    ])
    const [first] = trips
    const shares = first!.shares
    const bps = 1 / 1e4
    const [bought, sold] = [small.open[0][1]! * (1 + bps), small.open[0][3]! * (1 - bps)]
    const flipShares = shares + Math.floor(1000 / small.close[0][2]!)
    expect(first!.pnl).toBeCloseTo(shares * (sold - bought) - 0.35 - (0.35 * shares) / flipShares, 9)
  })

  test('what is still held is valued at the last close', () => {
    const small = market.slice(0, 20)
    const { ledger, summary } = backtest(small, buyHold, { ...wide, limits: NO_LIMITS }, 0)
    const trips = roundTrips(small, ledger, 'open')
    expect(trips.map(({ open }) => open)).toEqual([true, true])
    expect(trips.reduce((sum, { pnl }) => sum + pnl, 0)).toBeCloseTo(summary.pnl, 9)
    expect(summary.notes).toEqual([
      'NVDA and MSFT still held at the end, valued at the last close',
      'no evidence of skill: 1 session, fewer than 20',
    ])
  })
})

describe('baselines', () => {
  test('buy and hold is what the policy earns without limits', () => {
    const rules = { ...DEFAULT_RULES, limits: NO_LIMITS }
    const { ledger, summary } = backtest(market, buyHold, rules)
    const [first, second] = [0, 1].map((symbol) => buyAndHold(market, ledger, rules, symbol).value!)
    expect(first! + second!).toBeCloseTo(summary.pnl, 6)
    expect(summary.baselines['buy-hold 50/50']).toBeCloseTo((first! + second!) / 2, 9)
  })

  test('the moving average is what its policy earns from the same bar on, whatever ran and however it ended', () => {
    for (const rules of [DEFAULT_RULES, { ...DEFAULT_RULES, fill: 'close', maxPosition: 300 }] as const) {
      const { pnl, baselines } = backtest(market, smaCross(), rules, 70).summary
      expect(baselines['sma-cross']).toBe(pnl)
      expect(pnl).not.toBe(0)
      for (const policy of [flat, randomPolicy(stream(1, 'random-policy'))])
        expect(backtest(market, policy, rules, 70).summary.baselines['sma-cross']).toBe(pnl)
    }
  })

  test('a share that costs more than a position is not held, and that is said', () => {
    const { summary } = backtest(market, buyHold, { ...DEFAULT_RULES, maxPosition: 300 })
    expect(summary.baselines).toMatchObject({ 'buy-hold MSFT': null, 'buy-hold 50/50': null })
    expect(summary.baselines['buy-hold NVDA']).not.toBeNull()
    expect(summary.reasons['buy-hold 50/50']).toBe('a share costs more than 300 dollars')
  })

  test('a random run stands in the middle of random policies', () => {
    let total = 0
    for (let seed = 0; seed < 12; seed++) {
      const bars = randomMarket({ sessions: 6, seed: 50 + seed, bps: 4 })
      const { summary } = backtest(bars, randomPolicy(stream(seed, 'random-policy')), wide)
      total += summary.random!.percentile
    }
    // Mean of 12 uniform numbers: standard error 0.083.
    expect(Math.abs(total / 12 - 0.5)).toBeLessThan(0.25)
  })

  test('moving a trip around its session leaves prices that add up', () => {
    const small = market.slice(0, 390)
    const actions = [
      ...Array<number>(10).fill(4),
      ...Array<number>(20).fill(7),
      ...Array<number>(359).fill(4),
    ]
    const { ledger } = backtest(small, replay('test', actions), wide, 0)
    const trips = roundTrips(small, ledger, 'open')
    const { sorted } = randomPolicies(small, trips, { ledger, rules: wide, longOnly: true, costs: 0 })
    const span = trips[0]!.exit - trips[0]!.entry
    const open = small.open[0]
    const possible = new Set<string>()
    for (let start = 1; start < 390; start++) {
      const end = start + span
      const around =
        end > 389 ? open[end - 389]! - open[1]! + (open[389]! - open[start]!) : open[end]! - open[start]!
      possible.add((trips[0]!.shares * around).toFixed(6))
    }
    expect([...sorted].filter((x) => !possible.has(x.toFixed(6)))).toEqual([])
    expect(new Set(sorted).size).toBeGreaterThan(200)
  })

  test('the percentile counts ties by half', () => {
    expect(percentileOf(Float64Array.of(1, 2, 2, 3), 2)).toBe(0.5)
  })
})

test('there is evidence of skill only where t of the sessions is above its threshold', () => {
  const said = (summary: { t_sessions: number | null; notes: readonly string[] }) => [
    summary.t_sessions,
    summary.notes.filter((note) => note.includes('skill')),
  ]
  const { summary } = backtest(market, randomPolicy(stream(1, 'skill')), wide)
  const [t, notes] = said(summary)
  expect(t).toBeLessThan(2)
  const words = `no evidence of skill: t ${(t as number).toFixed(2)} over 30 sessions is not above 2.05`
  expect(notes).toEqual([words])
  // A policy that knows the next bar has all the evidence there is.
  const next = (k: number, at: number) => (market.close[k]![at + 1]! > market.open[k]![at + 1]! ? 1 : -1)
  const clairvoyant = {
    name: 'clairvoyant',
    observes: false,
    act: ({ t: at }: { t: number }) => 4 + 3 * next(0, at) + next(1, at),
  }
  const free: Rules = {
    ...wide,
    costs: { ...wide.costs, commission: 'none', halfSpreadBps: 0 },
    limits: { ...wide.limits, tradesPerDay: 1000 },
  }
  const [sure, none] = said(backtest(market, clairvoyant, free).summary)
  expect(sure).toBeGreaterThan(2)
  expect(none).toEqual([])
})
