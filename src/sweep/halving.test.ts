import { expect, test } from 'vitest'
import { halved, rungsOf } from './halving.js'
import { idOf, planTasks } from './task.js'

test('rungs of 27 configurations by 3, as in table 1 of Li et al.', () => {
  // n_i = floor(27 / 3^i), r_i = R / 3^(3 - i), R = 81: Hyperband, bracket s = 3.
  expect(rungsOf(27, { eta: 3, rungs: null, steps: 81, least: 1 })).toEqual([
    { steps: 3, keep: 27 },
    { steps: 9, keep: 9 },
    { steps: 27, keep: 3 },
    { steps: 81, keep: 1 },
  ])
})

test('a thousand by ten have four rungs, and fewer may be asked for', () => {
  expect(rungsOf(1000, { eta: 10, rungs: null, steps: 1e6, least: 1000 })).toHaveLength(4)
  expect(rungsOf(1000, { eta: 10, rungs: 2, steps: 1e6, least: 2048 })).toEqual([
    { steps: 1e5, keep: 1000 },
    { steps: 1e6, keep: 100 },
  ])
  expect(rungsOf(1, { eta: 2, rungs: null, steps: 10, least: 2048 })).toEqual([{ steps: 10, keep: 1 }])
})

const configurations = [1, 2, 3, 4].map((seed) => ({ argv: ['train', '--seed', String(seed)], inputs: [] }))
const options = { eta: 2, rungs: null, steps: 4096, least: 1024, version: 'jules 1' }

test('a task of a rung needs all of the rung before, and follows its own configuration', () => {
  const tasks = planTasks(halved(configurations, options), { version: 'jules 1' })
  expect(tasks).toHaveLength(12)
  const rung = (n: number) => tasks.filter(({ halving }) => halving?.rung === n)
  expect(rung(0).map(({ argv }) => argv)).toEqual(
    [1, 2, 3, 4].map((seed) => ['train', '--steps', '1024', '--seed', String(seed)]),
  )
  expect(rung(0).every(({ needs, halving }) => needs.length === 0 && halving?.after === null)).toBe(true)
  for (const [n, keep, steps] of [
    [1, 2, '2048'],
    [2, 1, '4096'],
  ] as const) {
    const before = rung(n - 1).map(({ id }) => id)
    expect(rung(n).map(({ needs }) => needs)).toEqual(Array(4).fill(before))
    expect(rung(n).map(({ halving }) => halving?.after)).toEqual(before)
    expect(rung(n).map(({ halving, argv }) => [halving?.keep, argv[2]])).toEqual(Array(4).fill([keep, steps]))
  }
})

test('the last rung is the plain training of as many steps', () => {
  const last = halved(configurations, options)[8]!
  const plain = { argv: ['train', '--steps', '4096', '--seed', '1'], inputs: [] }
  expect(idOf(last, 'jules 1')).toBe(idOf(plain, 'jules 1'))
})

test('a rung of less than a rollout is left out, or refused where it is asked for', () => {
  const larger = { ...options, least: 2048 }
  expect(rungsOf(4, larger)).toEqual([
    { steps: 2048, keep: 4 },
    { steps: 4096, keep: 2 },
  ])
  expect(() => halved(configurations, { ...larger, rungs: 3 })).toThrow(
    'the first of 3 rungs has 1024 steps, less than a rollout of 2048',
  )
})
