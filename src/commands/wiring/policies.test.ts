/** What decides, and so stands in the name of a run. */
import { expect, test } from 'vitest'
import type { Context } from '../../cli/context.js'
import { type PolicyChoice, preparedPolicy } from './policies.js'

test.each([
  ['flat', true],
  ['buy-hold', true],
  ['sma-cross', true],
  ['random', false],
] as const)('%s is the same under another seed: %j', async (kind, same) => {
  const identity = async (seed: number) => {
    const policy = await preparedPolicy({} as Context, { kind } as PolicyChoice, {
      ...{ seed, features: 'intraday', 'exec-timeout': 10 },
    })
    return policy?.identity ?? policy?.name
  }
  expect((await identity(1)) === (await identity(2))).toBe(same)
})
