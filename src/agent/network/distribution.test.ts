import { describe, expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { ActionDistribution } from './distribution.js'

describe('a logit that is not finite is no choice', () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  test.each(values.flatMap((value) => [0, 1, 2].map((at) => [value, at] as const)))(
    '%d at %i',
    (value, at) => {
      // The last action is masked: its logit counts too, for the model is broken.
      const distribution = new ActionDistribution({ allowed: Uint8Array.of(1, 1, 0), holdPrior: 4 })
      const logits = Float32Array.of(0.5, 1, 0.25)
      logits[at] = value
      const refused = expect.objectContaining({
        code: 70,
        message: `the policy gives action ${at} a logit of ${value}: nothing is traded on it`,
      })
      expect(() => distribution.mode(logits, 0, -1)).toThrow(refused)
      expect(() => distribution.sample(logits, 0, 1, stream(1, 'choice'))).toThrow(refused)
    },
  )

  test('others are chosen from as before', () => {
    const distribution = new ActionDistribution({ allowed: Uint8Array.of(1, 1, 0), holdPrior: 4 })
    const logits = Float32Array.of(0.5, 1, 9)
    expect([distribution.mode(logits, 0, -1), distribution.mode(logits, 0, 0)]).toEqual([1, 0])
  })
})
