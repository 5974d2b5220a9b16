import { expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf, HOLD_BOTH } from '../env/actions.js'
import { MarketView } from '../market/view.js'
import { NO_LIMITS } from '../risk/limits.js'
import { Backtest } from './backtest.js'
import { randomPolicy, smaCross } from './policies.js'
import type { Policy } from './policy.js'
import { DEFAULT_RULES } from './rules.js'

const market = randomMarket({ sessions: 2, seed: 3 })

test.each([
  ['sma-cross', smaCross],
  ['random', () => randomPolicy(stream(1, 'random-policy'))],
] as [string, () => Policy][])('%s sells nothing short where that is masked', (_name, make) => {
  const lowest = [false, true].map((longOnly) => {
    const rules = { ...DEFAULT_RULES, limits: NO_LIMITS }
    const policy = make()
    const run = new Backtest({ market, features: null, rules, policy, longOnly, warmup: 50 })
    while (!run.advance(1000));
    return Math.min(...run.ledger.position[0], ...run.ledger.position[1])
  })
  expect(lowest[0]).toBeLessThan(0)
  expect(lowest[1]).toBe(0)
})

test('sma-cross is long while the mean of 20 closes is above that of 60', () => {
  const policy = smaCross()
  const mask = new Uint8Array(9).fill(1)
  const end = new Int32Array(1)
  const view = new MarketView(market, end)
  const decision = { t: 0, view, observation: new Float32Array(26), start: true, held: HOLD_BOTH, mask }
  const mean = (k: 0 | 1, t: number, bars: number) =>
    market.close[k].subarray(t + 1 - bars, t + 1).reduce((sum, x) => sum + x, 0) / bars
  for (let t = 0; t < 500; t++) {
    decision.t = t
    end[0] = t + 1
    const action = policy.act(decision)
    const side = (k: 0 | 1) => (t < 59 ? 0 : mean(k, t, 20) > mean(k, t, 60) ? 1 : -1)
    expect([t, action]).toEqual([t, actionOf(side(0), side(1))])
  }
})
