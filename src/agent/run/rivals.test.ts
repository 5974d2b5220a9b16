import { describe, expect, test } from 'vitest'
import { firstOf, randomMarket } from '../../../test/support/random-market.js'
import { RANDOM_BARS, shortPlan } from '../../../test/support/training-world.js'
import { stream } from '../../base/rng.js'
import { featureSet } from '../../env/features.js'
import { Backtest } from '../../trading/backtest.js'
import { buyHold, randomPolicy, smaCross } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { setupOf } from './setup.js'

const set = featureSet('intraday')!

describe('what the simple policies earn in validation', () => {
  const pair = randomMarket({ sessions: 8, seed: 3, bps: 6 })
  test.each([
    ['two symbols', pair, false],
    ['two symbols, long only', pair, true],
    ['one symbol', firstOf(pair), false],
  ])('is what they earn from its first bar on, of %s', (_title, market, longOnly) => {
    const subject = { ...RANDOM_BARS, bars: { ...RANDOM_BARS.bars, market }, features: set }
    const rivals = setupOf({ ...shortPlan(''), subject, longOnly }).rivals!()
    // 70 % of 8 sessions train, 15 % validate: the seventh.
    const [from, to] = [market.sessions[6]!.first, market.sessions[7]!.first]
    const stretch = market.slice(0, to)
    const of = (policy: Policy): number => {
      const rules = DEFAULT_RULES
      const run = new Backtest({ market: stretch, features: null, rules, policy, longOnly, warmup: from })
      while (!run.advance(100));
      expect(run.ledger.length).toBe(to - from - 1)
      if (market.isSingle) expect(run.ledger.position[1].every((shares) => shares === 0)).toBe(true)
      expect(run.state.trades).toBeGreaterThan(0)
      return run.state.equity - rules.capital
    }
    const random = Array.from({ length: 10 }, (_, n) => of(randomPolicy(stream(n + 1, 'random-policy'))))
    expect(rivals).toEqual({
      'sma-cross': of(smaCross()),
      'buy-hold': of(buyHold),
      random: expect.closeTo(random.reduce((sum, one) => sum + one) / 10, 9),
    })
  })

  test('is not asked of a task that has no prices', () => {
    const subject = { kind: 'benchmark', task: 'recall2' } as const
    expect(setupOf({ ...shortPlan(''), subject }).rivals).toBeNull()
  })
})
