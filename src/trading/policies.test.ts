import { describe, expect, test } from 'vitest'
import { firstOf, randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { actionOf, HOLD_BOTH } from '../env/actions.js'
import type { Market } from '../market/market.js'
import { MarketView } from '../market/view.js'
import { NO_LIMITS } from '../risk/limits.js'
import { Backtest } from './backtest.js'
import { buyHold, flat, randomPolicy, replay, smaCross } from './policies.js'
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

describe('of one symbol', () => {
  const rules = { ...DEFAULT_RULES, limits: NO_LIMITS }
  const run = (policy: Policy, bars: Market, longOnly = false) => {
    const backtest = new Backtest({ market: bars, features: null, rules, policy, longOnly, warmup: 50 })
    while (!backtest.advance(1000));
    return backtest.ledger
  }
  const one = firstOf(market)

  test.each([
    ['flat', () => flat],
    ['buy-hold', () => buyHold],
    ['sma-cross', smaCross],
  ] as [string, () => Policy][])('%s trades as it trades the first of two', (_name, make) => {
    for (const longOnly of [false, true]) {
      const [pair, single] = [run(make(), market, longOnly), run(make(), one, longOnly)]
      expect(single.position[0]).toEqual(pair.position[0])
      expect(single.position[1].every((shares) => shares === 0)).toBe(true)
    }
  })

  test('random takes each of the three actions, and a replay none of the others', () => {
    const { action, position } = run(randomPolicy(stream(1, 'random-policy')), one)
    const counts = [1, 4, 7].map((id) => action.filter((taken) => taken === id).length)
    expect(counts.reduce((sum, n) => sum + n)).toBe(action.length)
    // A third of 729 each: the deviation of a count is 13.
    for (const n of counts) expect(Math.abs(n - action.length / 3)).toBeLessThan(60)
    expect(position[1].every((shares) => shares === 0)).toBe(true)
    expect(() => run(replay('a', [7, 6]), one)).toThrow('action 6 trades a second symbol, and there is one')
    expect(() => run(replay('a', [7, 1]), one, true)).toThrow('action 1 is a short, and --long-only is given')
  })
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
