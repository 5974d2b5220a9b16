/** A run that is stopped between two decisions, written out as text, and taken up by another one, which knows nothing else. */
import { describe, expect, test } from 'vitest'
import { day, numbersAt, rules, started, stoppedAtEveryBar, WARMUP } from '../../test/support/live-run.js'
import { stream } from '../base/rng.js'
import { BUY_BOTH, HOLD_BOTH } from '../env/actions.js'
import { FEATURE_SETS, FeatureTable, featureSet } from '../env/features.js'
import { Market } from '../market/market.js'
import { CANCEL, FILL, newReport } from '../portfolio/orders.js'
import { flat, randomPolicy, replay, smaCross } from './policies.js'
import type { Policy } from './policy.js'
import { type SavedRun, TradingRun } from './run.js'

/** Trades on all it sees. */
const observing = (): Policy => ({
  name: 'observing',
  observes: true,
  act: ({ observation, held }) => {
    const sum = observation.reduce((a, b) => a + Math.sin(b), 0)
    return Math.abs(sum) > 1 ? Math.floor(Math.abs(sum * 1000)) % 9 : held
  },
})

const POLICIES: [string, () => Policy, string][] = [
  ['one that observes, intraday', observing, FEATURE_SETS[0]!.name],
  ['one that observes, classic', observing, FEATURE_SETS[1]!.name],
  ['sma-cross', smaCross, 'intraday'],
  ['random', () => randomPolicy(stream(1, 'random-policy')), 'intraday'],
  [
    'replay',
    () =>
      replay(
        'test',
        Array.from({ length: day.length }, (_, i) => (i * 7) % 9),
      ),
    'intraday',
  ],
]

test.each(POLICIES)(
  'stopped at every bar and taken up from its text, it writes the same bytes: %s',
  (_name, make, set) => {
    expect(stoppedAtEveryBar(make, set)).toBeGreaterThan(day.length)
  },
)

describe('a saved run', () => {
  test('is small, whatever came before', () => {
    const whole = started({
      market: day.slice(0, day.length),
      policy: smaCross(),
      set: 'intraday',
      saved: null,
    })
    expect(JSON.stringify(whole.run.save()).length).toBeLessThan(20_000)
  })

  test('knows its open orders, and books a late fill once', () => {
    const market = day.slice(0, WARMUP)
    const policy: Policy = { ...flat, act: () => BUY_BOTH }
    const { run } = started({ market, policy, set: 'intraday', saved: null })
    const { transition, state } = run
    transition.decide(state, WARMUP - 1, run.act(WARMUP - 1))
    const order = transition.outcome.order[0]!
    const fill = { ...newReport(), kind: FILL, order, execution: 'a', shares: 2, price: 180 }
    transition.apply(state, fill)
    const saved: SavedRun = JSON.parse(JSON.stringify(run.save()))
    const other = started({ market: Market.from(saved.bars), policy, set: 'intraday', saved })
    const { state: taken, transition: next } = other.run
    expect(taken.orders.length).toBe(2)
    next.apply(taken, fill)
    expect([taken.account.position[0], taken.account.cash]).toEqual([2, 5000 - 360])
    next.apply(taken, { ...newReport(), kind: CANCEL, order })
    expect(taken.orders.save().orders[0]![2]).not.toBe(state.orders.save().orders[0]![2])
  })

  test('is refused by another set of features, and where numbers are missing', () => {
    const { run } = started({
      market: day.slice(0, WARMUP),
      policy: smaCross(),
      set: 'intraday',
      saved: null,
    })
    const saved = run.save()
    const market = Market.from(saved.bars)
    expect(() => new FeatureTable(market, featureSet('classic')!, saved.features)).toThrow(
      'features intraday were saved, not classic',
    )
    const short = { ...saved, state: { ...saved.state, numbers: saved.state.numbers.slice(1) } }
    const other = new TradingRun({ market, features: null, rules, policy: smaCross(), longOnly: false })
    expect(() => other.restore(short)).toThrow('too few numbers')
    expect(() =>
      other.restore({ ...saved, state: { ...saved.state, numbers: [...saved.state.numbers, 1] } }),
    ).toThrow('too many numbers')
  })

  test('is not made in the middle of a market whose end is known', () => {
    const market = day.slice(0, WARMUP)
    const { run } = started({ market, policy: smaCross(), set: 'intraday', saved: null })
    market.append(day.time[WARMUP]!, numbersAt(day, WARMUP))
    expect(() => run.save()).toThrow(RangeError)
  })
})

test('a policy cannot read a bar that has not ended', () => {
  const peeking: Policy = {
    name: 'peeking',
    observes: false,
    act: ({ view, t }) => (view.close(0, t + 1) > 0 ? HOLD_BOTH : BUY_BOTH),
  }
  const run = new TradingRun({ market: day, features: null, rules, policy: peeking, longOnly: false })
  expect(() => run.act(100)).toThrow('bar 101 is not among the 101 that have ended')
})
