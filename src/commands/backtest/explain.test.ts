import { expect, test } from 'vitest'
import { randomMarket } from '../../../test/support/random-market.js'
import { FEATURE_SETS, FeatureTable } from '../../env/features.js'
import type { Policy } from '../../trading/policy.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { explained } from './explain.js'

test.each(FEATURE_SETS.map((set) => [set.name, set] as const))(
  '%s: the inputs are those that the policy had at the decision',
  (_name, set) => {
    const market = randomMarket({ sessions: 2 })
    const features = new FeatureTable(market, set)
    for (const at of [60, 200, 500]) {
      let seen: readonly number[] = []
      const policy: Policy = {
        name: 'keeps what it sees',
        observes: true,
        act: ({ t, observation }) => {
          if (t === at) seen = [...observation]
          return (t >> 4) % 9
        },
      }
      const asked = {
        run: 'r',
        set,
        market,
        features,
        rules: DEFAULT_RULES,
        policy,
        longOnly: false,
        warmup: 50,
      }
      expect(Object.values(explained(market.endOf(at), asked).inputs)).toEqual(seen)
    }
  },
)
