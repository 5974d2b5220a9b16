import { expect, test } from 'vitest'
import { randomMarket } from '../../../test/support/random-market.js'
import { stream } from '../../base/rng.js'
import { actionOf, type Target } from '../../env/actions.js'
import { FeatureTable, featureSet } from '../../env/features.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { TradingEnv } from '../../trading/trading-env.js'
import { SINGLE_INPUTS, tradingTask } from './trading.js'

const market = randomMarket({ sessions: 3, seed: 4, bps: 6 })
const options = {
  market,
  features: new FeatureTable(market, featureSet('intraday')!),
  rules: DEFAULT_RULES,
  longOnly: false,
  warmup: 60,
}

test.each([
  ['each', 0, 0],
  ['each', 1, 1],
  ['each', 2, 0],
  ['each', 5, 1],
  ['first', 1, 0],
] as const)(
  '%s alone, environment %i: symbol %i, as the pair with the other one flat',
  (symbols, lane, k) => {
    const task = tradingTask({ ...options, symbols })
    expect([task.inputs, task.actions, [...task.mask]]).toEqual([13, 3, [1, 1, 1]])
    const rng = stream(1, 'start')
    const episode = task.start(stream(1, 'start'), lane)
    const pair = new TradingEnv({ ...options, episodeSteps: 1000 })
    const seen = new Float32Array(SINGLE_INPUTS + 2)
    const full = new Float32Array(2 * SINGLE_INPUTS)
    const look = () => {
      pair.observe(full)
      expect([...seen.subarray(1, 14)]).toEqual([
        ...full.subarray(k * SINGLE_INPUTS, (k + 1) * SINGLE_INPUTS),
      ])
    }
    episode.reset(seen, 1)
    pair.reset(options.warmup + rng.int(Math.max(1, market.length - 1 - options.warmup - 1000)))
    look()
    let traded = 0
    for (let n = 0; n < 200; n++) {
      const action = (n * 7 + (n >> 3)) % 3
      const target = (action - 1) as Target
      const { reward } = episode.step(action, seen, 1)
      expect(pair.step(k === 0 ? actionOf(target, 0) : actionOf(0, target)).reward).toBe(reward)
      if (reward !== 0) traded++
      look()
      if (pair.terminated || pair.truncated) break
    }
    expect(traded).toBeGreaterThan(20)
    // The numbers around are left alone.
    expect([seen[0], seen[14]]).toEqual([0, 0])
  },
)

test('no episode goes across a cut: the one before it is cut off there, and the next begins after it', () => {
  const days = market.sessions.map(({ day }) => day)
  const holed = market.without((day) => day === days[1])
  const [cut] = holed.cuts as [number]
  const features = new FeatureTable(holed, featureSet('intraday')!)
  const task = tradingTask({ ...options, market: holed, features, symbols: 'both', episodeSteps: 100 })
  const out = new Float32Array(task.inputs)
  const episode = task.start(stream(9, 'start'), 0)
  const spans = Array.from({ length: 300 }, () => {
    episode.reset(out, 0)
    const from = episode.save()[0]!
    for (;;) {
      const { terminated, truncated } = episode.step(4, out, 0)
      if (terminated || truncated) return [from, episode.save()[0]!] as const
    }
  })
  // The last decision of an episode stands at bar `to - 1` and earns the move to `to`.
  expect(spans.filter(([from, to]) => from < cut && to >= cut)).toEqual([])
  expect(spans.some(([, to]) => to === cut - 1)).toBe(true)
  expect(spans.some(([from]) => from >= cut)).toBe(true)
})
