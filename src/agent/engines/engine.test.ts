/** One contract for every engine: the same numbers as the reference, to the precision of float32. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { BUILT, TFJS_WORKER } from '../../../test/support/engines.js'
import { stream } from '../../base/rng.js'
import { type Layout, layoutOf, type NetworkShape } from '../network/network.js'
import { cpuEngine } from './cpu/engine.js'
import type { Engine, LossSettings, Minibatch } from './engine.js'
import { ReferenceEngine } from './reference.js'
import { tfjsEngine } from './tfjs/engine.js'

const ENGINES: [string, (layout: Layout) => Promise<Engine>][] = [
  ['cpu', (layout) => cpuEngine(layout, BUILT)],
  ['cpu, two threads', (layout) => cpuEngine(layout, { ...BUILT, threads: 2 })],
  ['tfjs cpu', (layout) => tfjsEngine(layout, 'cpu', TFJS_WORKER)],
  ['tfjs wasm', (layout) => tfjsEngine(layout, 'wasm', TFJS_WORKER)],
]

const SHAPES: [NetworkShape, number, number][] = [
  [{ inputs: 26, hidden: 64, actions: 9, lstm: 'separate', layers: 1, net: [], activation: 'tanh' }, 32, 16],
  [{ inputs: 26, hidden: 64, actions: 9, lstm: 'shared', layers: 1, net: [], activation: 'tanh' }, 16, 5],
  [
    { inputs: 4, hidden: 64, actions: 2, lstm: 'separate', layers: 1, net: [64, 64], activation: 'relu' },
    8,
    7,
  ],
  [{ inputs: 3, hidden: 8, actions: 3, lstm: 'separate', layers: 1, net: [16], activation: 'tanh' }, 9, 3],
  [{ inputs: 10, hidden: 16, actions: 9, lstm: 'separate', layers: 2, net: [8], activation: 'tanh' }, 7, 9],
  [{ inputs: 26, hidden: 24, actions: 9, lstm: 'shared', layers: 3, net: [], activation: 'tanh' }, 6, 8],
  [{ inputs: 13, hidden: 32, actions: 3, lstm: 'shared', layers: 1, net: [24, 8], activation: 'tanh' }, 1, 1],
  [{ inputs: 26, hidden: 16, actions: 9, lstm: 'joint', layers: 2, net: [8], activation: 'relu' }, 7, 6],
]

function relative(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length)
  let [error, size] = [0, 0]
  for (let i = 0; i < found.length; i++) {
    error += (found[i]! - expected[i]!) ** 2
    size += expected[i]! ** 2
  }
  return Math.sqrt(error / size)
}

/** Numbers that float32 holds exactly, so that engines differ only by their arithmetic. */
function problem(shape: NetworkShape, steps: number, sequences: number) {
  const rng = stream(21, shape.lstm, shape.inputs, shape.hidden, steps)
  const layout = layoutOf(shape)
  const numbers = (count: number, scale = 1) =>
    Float32Array.from({ length: count }, () => scale * rng.normal())
  const rows = steps * sequences
  const allowed = Uint8Array.from({ length: shape.actions }, (_, a) => (a === 1 && shape.actions > 3 ? 0 : 1))
  const choose = () => {
    let action = rng.int(shape.actions)
    while (allowed[action] === 0) action = rng.int(shape.actions)
    return action
  }
  const batch: Minibatch = {
    steps,
    sequences,
    observations: numbers(rows * shape.inputs),
    episodeStarts: Uint8Array.from({ length: rows }, () => (rng.uniform() < 0.1 ? 1 : 0)),
    valid: Uint8Array.from({ length: rows }, (_, r) =>
      rows > 20 && r % sequences === 1 && r > rows / 2 ? 0 : 1,
    ),
    actions: Int32Array.from({ length: rows }, choose),
    oldLogProbs: numbers(rows, 0.2).map((x) => x - Math.log(shape.actions)),
    advantages: numbers(rows, 3),
    returns: numbers(rows),
    hidden: numbers(layout.cells * sequences * shape.hidden, 0.5),
    cell: numbers(layout.cells * sequences * shape.hidden, 0.8),
    held: shape.actions === 9 ? Int32Array.from({ length: rows }, choose) : null,
  }
  const settings: LossSettings = {
    clip: 0.2,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    normaliseAdvantage: rows > 1,
    holdPrior: 4,
    allowed,
  }
  return { layout, batch, settings, parameters: numbers(layout.size, 1 / Math.sqrt(shape.hidden)) }
}

describe.each(ENGINES)('%s', (_name, create) => {
  test.each(SHAPES)('%o, %i steps of %i sequences: loss, gradient, Adam', async (shape, steps, sequences) => {
    const { layout, batch, settings, parameters } = problem(shape, steps, sequences)
    const reference = new ReferenceEngine(layout)
    const engine = await create(layout)
    for (const one of [reference, engine]) one.writeParameters(parameters)
    const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm: 0.5 }
    for (let round = 0; round < 3; round++) {
      const expected = reference.gradMinibatch(batch, settings)
      const found = engine.gradMinibatch(batch, settings)
      for (const name of ['loss', 'policyLoss', 'valueLoss', 'entropy', 'approxKl'] as const) {
        expect(Math.abs(found[name] - expected[name]), name).toBeLessThan(
          2e-5 * Math.max(1, Math.abs(expected[name])),
        )
      }
      expect(found.clipFraction).toBeCloseTo(expected.clipFraction, 5)
      expect(relative(engine.readGradient(), reference.readGradient())).toBeLessThan(2e-6)
      expect(Math.abs(engine.adamStep(adam) / reference.adamStep(adam) - 1)).toBeLessThan(1e-5)
      expect(relative(engine.readParameters(), reference.readParameters())).toBeLessThan(1e-6)
      // From here both go on from the same point, so that errors do not add up.
      reference.writeParameters(engine.readParameters())
      reference.writeMoments(engine.readMoments())
    }
  })

  test.each(SHAPES)('%o: policy steps carry the state', async (shape, _steps, sequences) => {
    const { layout, batch, parameters } = problem(shape, 3, sequences)
    const reference = new ReferenceEngine(layout)
    const engine = await create(layout)
    const outputs = [reference, engine].map((one) => {
      one.writeParameters(parameters)
      const [hidden, cell] = [Float32Array.from(batch.hidden), Float32Array.from(batch.cell)]
      const logits = new Float32Array(sequences * shape.actions)
      const values = new Float32Array(sequences)
      const all: number[] = []
      for (let t = 0; t < 3; t++) {
        const from = t * sequences
        const observations = batch.observations.subarray(
          from * shape.inputs,
          (from + sequences) * shape.inputs,
        )
        const episodeStarts = batch.episodeStarts.subarray(from, from + sequences)
        one.policyStep({ count: sequences, observations, episodeStarts, hidden, cell, logits, values })
        all.push(...logits, ...values, ...hidden, ...cell)
      }
      return all
    })
    expect(relative(outputs[1]!, outputs[0]!)).toBeLessThan(1e-6)
  })
})

test('a CPU engine that cannot reserve its memory says so', () => {
  // 1.5 GB of address space are enough for Node, and too few for 1 GiB more.
  const run = `import { cpuEngine } from './dist/agent/engines/cpu/engine.js'
import { layoutOf } from './dist/agent/network/network.js'
const shape = { inputs: 4, hidden: 8, actions: 2, lstm: 'shared', layers: 1, net: [], activation: 'tanh' }
await cpuEngine(layoutOf(shape)).catch((error) => console.log(error.kind, error.message))`
  const { stdout } = spawnSync('bash', ['-c', 'ulimit -v 1500000; node --input-type=module -e "$0"', run], {
    encoding: 'utf8',
  })
  expect(stdout).toBe('unavailable the cpu engine cannot reserve its memory\n')
})
