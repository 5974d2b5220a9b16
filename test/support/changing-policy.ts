/** A policy that takes another of the nine actions now and then, and holds it in between. */
import { stream } from '../../src/base/rng.js'
import type { Policy } from '../../src/trading/policy.js'

/** Changes its action with this probability at each decision, always in the same way. */
export function changing(probability: number): Policy {
  const rng = stream(3, 'actions')
  let action = 4
  return {
    name: 'changing',
    observes: false,
    act: () => {
      if (rng.uniform() < probability) action = rng.int(9)
      return action
    },
  }
}
