import { expect, test } from 'vitest'
import { adviceOf, type Measured } from './advice.js'

const [SMALL, LARGE] = [
  { envs: 16, batch: 512 },
  { envs: 256, batch: 8192 },
]

const row = (engine: string, hidden: number, stepsPerSecond: number, load = SMALL): Measured => ({
  engine,
  gpu: engine.startsWith('--gpu'),
  hidden,
  load,
  speed: { stepsPerSecond, minibatchMs: 1, policyUs: 1 },
})

test('without a GPU nothing is said of one, and the fastest engine of each width is', () => {
  expect(
    adviceOf([row('one', 64, 10), row('two', 64, 20), row('one', 32, 9), row('two', 32, 8)], {}),
  ).toEqual({
    use: { 32: 'one', 64: 'two' },
    launches: {},
    gpu: 'not measured: there is none to be had here',
  })
})

test('a GPU pays from the width on from which it always wins, for each load', () => {
  const rows = [
    // A single win of noise at 32 is none.
    ...[row('cpu', 32, 10), row('cpu', 64, 10), row('cpu', 256, 1)],
    ...[row('--gpu', 32, 11), row('--gpu', 64, 5), row('--gpu', 256, 5)],
    ...[row('cpu', 32, 10, LARGE), row('cpu', 64, 10, LARGE), row('cpu', 256, 1, LARGE)],
    ...[row('--gpu', 32, 8, LARGE), row('--gpu', 64, 20, LARGE), row('--gpu', 256, 20, LARGE)],
  ]
  expect(adviceOf(rows, { '--gpu': 6.123 })).toEqual({
    use: { 32: '--gpu', 64: 'cpu', 256: '--gpu' },
    launches: { '--gpu': 6.123 },
    gpu: 'faster from a width of 256 with 16 environments and minibatches of 512 steps, from a width of 64 with 256 environments and minibatches of 8192 steps; the launches of a minibatch alone cost 6.1 ms with --gpu',
  })
})

test('a GPU that never wins is said to be slower', () => {
  const rows = [row('cpu', 32, 10), row('--gpu', 32, 2)]
  expect(adviceOf(rows, {}).gpu).toBe('slower than the CPU in all that was measured')
})
