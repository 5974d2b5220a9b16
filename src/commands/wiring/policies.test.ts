/** What decides, and so stands in the name of a run. */
import { expect, test } from 'vitest'
import type { Context } from '../../cli/context.js'
import { intervalMs } from '../../market/bar.js'
import { livePatience, type PolicyChoice, preparedPolicy } from './policies.js'

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

test.each([
  ['5s', undefined, 2.5],
  ['5s', 4.9, 4.9],
  ['5s', 5, null],
  ['1m', undefined, 10],
  ['1m', 59, 59],
  ['1m', 60, null],
  ['1h', undefined, 10],
] as const)('with live bars of %s and --exec-timeout %s a program has %s s', (interval, given, seconds) => {
  const patience = () => livePatience(given, intervalMs(interval))
  if (seconds === null) expect(patience).toThrow(expect.objectContaining({ code: 64 }))
  else expect(patience()).toBe(seconds)
})
