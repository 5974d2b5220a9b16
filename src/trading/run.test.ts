/** A run that is stopped between two decisions, written out as text, and taken up by another one, which knows nothing else. */
import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { BUY_BOTH, HOLD_BOTH } from '../env/actions.js'
import { FEATURE_SETS, FeatureTable, featureSet } from '../env/features.js'
import { Market } from '../market/market.js'
import { CANCEL, FILL, newReport } from '../portfolio/orders.js'
import { DEFAULT_LIMITS } from '../risk/limits.js'
import { flat, type Policy, randomPolicy, replay, smaCross } from './policies.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import { type SavedRun, TradingRun } from './run.js'

/** The day to be stopped in, after one that only warms up. */
const day = randomMarket({ sessions: 2, seed: 9, gaps: 0.02, bps: 25 })
const WARMUP = 50

const rules: Rules = { ...DEFAULT_RULES, limits: { ...DEFAULT_LIMITS, maxDayLoss: 20, maxLoss: 1e6 } }

/** Trades on all it sees. */
const observing = (): Policy => ({
  name: 'observing',
  observes: true,
  act: ({ observation, held }) => {
    const sum = observation.reduce((a, b) => a + Math.sin(b), 0)
    return Math.abs(sum) > 1 ? Math.floor(Math.abs(sum * 1000)) % 9 : held
  },
})

interface Parts {
  readonly market: Market
  readonly policy: Policy
  readonly set: string
  readonly saved: SavedRun | null
}

function started({ market, policy, set, saved }: Parts) {
  const features = new FeatureTable(market, featureSet(set)!, saved?.features ?? null)
  let lines: string[] = []
  const write = (line: string) => lines.push(line)
  const listener = new RecordWriter({ run: 'r', market, rules, types: new Set(RECORD_TYPES), write })
  const run = new TradingRun({ market, features, rules, policy, longOnly: false, listener })
  if (saved !== null) run.restore(saved)
  return {
    run,
    /** Decides, lets the next bar come, and settles: the lines of that. */
    step: (time: number, numbers: ArrayLike<number>): string[] => {
      lines = []
      const t = market.length - 1
      const { transition, state } = run
      transition.decide(state, t, run.act(t))
      market.append(time, numbers)
      features.update()
      transition.begin(state, t + 1)
      transition.execute(state, t)
      transition.settle(state, t)
      return lines
    },
  }
}

const numbersAt = ({ open, high, low, close, volume }: Market, i: number): number[] =>
  [0, 1].flatMap((k) => [open, high, low, close, volume].map((column) => column[k]![i]!))

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
    const whole = started({ market: day.slice(0, WARMUP), policy: make(), set, saved: null })
    let text = JSON.stringify(whole.run.save())
    let written = 0
    for (let i = WARMUP; i < day.length; i++) {
      const expected = whole.step(day.time[i]!, numbersAt(day, i))
      const saved: SavedRun = JSON.parse(text)
      const other = started({ market: Market.from(saved.bars), policy: make(), set, saved })
      expect(other.step(day.time[i]!, numbersAt(day, i))).toEqual(expected)
      text = JSON.stringify(other.run.save())
      // The state of the one that was never stopped is the same to the bit.
      expect(text === JSON.stringify(whole.run.save()), `bar ${i}`).toBe(true)
      written += expected.length
    }
    expect(written).toBeGreaterThan(day.length)
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
