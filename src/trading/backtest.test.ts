import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf, BUY_BOTH, HOLD_BOTH } from '../env/actions.js'
import { FEATURE_SETS, FeatureTable } from '../env/features.js'
import type { Market } from '../market/market.js'
import { Backtest } from './backtest.js'
import { withNoiseAfter } from './check-env.js'
import { buyHold, randomPolicy, smaCross } from './policies.js'
import type { Policy } from './policy.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES } from './rules.js'
import { TradingEnv } from './trading-env.js'

const market = randomMarket({ sessions: 3, seed: 21, gaps: 0.02 })

/** A policy that trades on what it sees, as a learned one does. */
const observing = (): Policy => ({
  name: 'observing',
  observes: true,
  act: ({ observation, held }) =>
    observation[0]! > 1 ? BUY_BOTH : observation[13]! < -1 ? actionOf(-1, -1) : held,
})

function run(bars: Market, policy: Policy) {
  const features = policy.observes ? new FeatureTable(bars, FEATURE_SETS[0]!) : null
  const lines: string[] = []
  const listener = new RecordWriter({
    run: 'r',
    market: bars,
    rules: DEFAULT_RULES,
    types: new Set(RECORD_TYPES),
    write: (line) => lines.push(line),
  })
  const options = {
    market: bars,
    features,
    rules: DEFAULT_RULES,
    policy,
    longOnly: false,
    warmup: 50,
    listener,
  }
  const backtest = new Backtest(options)
  while (!backtest.advance(100));
  return { ledger: backtest.ledger, lines }
}

describe('no policy sees the future', () => {
  const policies: [string, () => Policy][] = [
    ['buy-hold', () => buyHold],
    ['random', () => randomPolicy(stream(1, 'random-policy'))],
    ['sma-cross', smaCross],
    ['one that observes', observing],
  ]
  test.each(policies)('%s', (_name, make) => {
    for (const cut of [60, 200, 388, 389, 390, 700]) {
      const other = withNoiseAfter(market, cut, stream(cut, 'noise'))
      const known = [market, other].map((bars) => {
        const { lines } = run(bars, make())
        // Up to the decision at the cut: its orders and refusals, no fill of them.
        const end = bars.endOf(cut)
        return lines.filter((line) => {
          const { type, time } = JSON.parse(line)
          return Date.parse(time) < end || (Date.parse(time) === end && type !== 'fill')
        })
      })
      expect(known[0]!.length).toBeGreaterThan(5)
      expect(known[1]).toEqual(known[0])
    }
  })
})

test('backtest and environment take the same way', () => {
  const { ledger } = run(market, observing())
  const features = new FeatureTable(market, FEATURE_SETS[0]!)
  const env = new TradingEnv({ market, features, rules: DEFAULT_RULES, episodeSteps: Infinity })
  env.reset(50)
  const equity: number[] = []
  for (let i = 0; i < ledger.length; i++) {
    env.step(ledger.action[i]!)
    equity.push(env.state.equity)
  }
  expect(equity).toEqual([...ledger.equity.subarray(0, ledger.length)])
  expect(env.truncated || env.terminated).toBe(true)
})

test('a policy is told the start of the episode once, and what it may choose', () => {
  const starts: boolean[] = []
  const policy: Policy = {
    name: 'test',
    observes: true,
    act: ({ start, mask, observation }) => {
      starts.push(start)
      expect([mask.length, observation.length]).toEqual([9, 26])
      return HOLD_BOTH
    },
  }
  run(market.slice(0, 60), policy)
  expect(starts).toEqual([true, ...Array(8).fill(false)])
})
