/** One contract for every engine: the same numbers as the reference, to the precision of float32. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  ADDON,
  BUILT,
  NATIVE,
  NEEDS_ADDON,
  NEEDS_NATIVE,
  nativeEngine,
  TFJS,
} from '../../../test/support/engines.js'
import { stream } from '../../base/rng.js'
import { type Layout, layoutOf, type NetworkShape } from '../network/network.js'
import { type CpuOptions, cpuEngine } from './cpu/engine.js'
import type { Engine, Experience, LossSettings } from './engine.js'
import { ReferenceEngine } from './reference.js'
import { tfjsEngine } from './tfjs/engine.js'

const SHAPES: [NetworkShape, number, number][] = [
  [{ inputs: 26, hidden: 64, actions: 9, lstm: 'separate', layers: 1, net: [], activation: 'tanh' }, 20, 12],
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

const ENGINES: [string, Create, typeof SHAPES?][] = [
  ['cpu', (layout) => cpuEngine(layout, BUILT)],
  ['cpu, two threads', (layout) => cpuEngine(layout, { ...BUILT, threads: 2 })],
  // Plain JavaScript takes seconds for the wide ones.
  ['tfjs cpu', (layout) => tfjsEngine(layout, 'cpu', TFJS), SHAPES.filter(([{ hidden }]) => hidden < 64)],
  ['tfjs wasm', (layout) => tfjsEngine(layout, 'wasm', TFJS)],
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
  const rows = 2 * steps * sequences
  const allowed = Uint8Array.from({ length: shape.actions }, (_, a) => (a === 1 && shape.actions > 3 ? 0 : 1))
  const choose = () => {
    let action = rng.int(shape.actions)
    while (allowed[action] === 0) action = rng.int(shape.actions)
    return action
  }
  const batch: Experience = {
    steps,
    lanes: sequences,
    blocks: 2,
    observations: numbers(rows * shape.inputs),
    episodeStarts: Uint8Array.from({ length: rows }, () => (rng.uniform() < 0.1 ? 1 : 0)),
    valid: Uint8Array.from({ length: rows }, (_, r) =>
      rows > 40 && r % sequences === 1 && r > rows / 4 ? 0 : 1,
    ),
    actions: Int32Array.from({ length: rows }, choose),
    oldLogProbs: numbers(rows, 0.2).map((x) => x - Math.log(shape.actions)),
    advantages: numbers(rows, 3),
    returns: numbers(rows),
    hidden: numbers(2 * layout.cells * sequences * shape.hidden, 0.5),
    cell: numbers(2 * layout.cells * sequences * shape.hidden, 0.8),
    held: shape.actions === 9 ? Int32Array.from({ length: rows }, choose) : null,
  }
  const settings: LossSettings = {
    clip: 0.2,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    normaliseAdvantage: rows > 2,
    holdPrior: 4,
    allowed,
  }
  // Half of the sequences, of both blocks, in no order.
  const chosen = Array.from({ length: sequences }, (_, s) => (7 * s + 3) % (2 * sequences))
  const parameters = numbers(layout.size, 1 / Math.sqrt(shape.hidden))
  return { layout, batch, chosen, settings, parameters }
}

/** What a policy gives in three steps that carry the state on. */
function played(engine: Engine, batch: Experience): number[] {
  const { lanes } = batch
  const { inputs, actions } = engine.layout.shape
  // The state of the first block.
  const half = batch.hidden.length / 2
  const [hidden, cell] = [batch.hidden.slice(0, half), batch.cell.slice(0, half)]
  const logits = new Float32Array(lanes * actions)
  const values = new Float32Array(lanes)
  return Array.from({ length: 3 }, (_, t) => {
    const row = Math.min(t, batch.steps - 1) * lanes
    const observations = batch.observations.subarray(row * inputs, (row + lanes) * inputs)
    const episodeStarts = batch.episodeStarts.subarray(row, row + lanes)
    engine.policyStep({ count: lanes, observations, episodeStarts, hidden, cell, logits, values })
    return [...logits, ...values, ...hidden, ...cell]
  }).flat()
}

type Create = (layout: Layout) => Promise<Engine>

const contract = (create: Create, shapes = SHAPES) =>
  test.each(shapes)('%o, %i steps of %i sequences', async (shape, steps, sequences) => {
    const { layout, batch, chosen, settings, parameters } = problem(shape, steps, sequences)
    const reference = new ReferenceEngine(layout)
    const engine = await create(layout)
    const both = [reference, engine]
    for (const one of both) {
      one.writeParameters(parameters)
      one.load(batch)
    }
    const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm: 0.5 }
    for (let round = 0; round < 2; round++) {
      expect(relative(played(engine, batch), played(reference, batch))).toBeLessThan(1e-6)
      for (const one of both) one.gradient(chosen, settings)
      const [expected, found] = [reference.readFigures(), engine.readFigures()]
      expect([found.length, engine.readFigures()]).toEqual([1, []])
      for (const name of ['loss', 'policyLoss', 'valueLoss', 'entropy', 'approxKl'] as const) {
        expect(Math.abs(found[0]![name] - expected[0]![name]), name).toBeLessThan(
          2e-5 * Math.max(1, Math.abs(expected[0]![name])),
        )
      }
      expect(found[0]!.clipFraction).toBeCloseTo(expected[0]!.clipFraction, 5)
      expect(relative(engine.readGradient(), reference.readGradient())).toBeLessThan(2e-6)
      for (const one of both) one.adamStep(adam)
      expect(Math.abs(engine.readNorms()[0]! / reference.readNorms()[0]! - 1)).toBeLessThan(1e-5)
      expect(engine.readNorms()).toEqual([])
      expect(relative(engine.readParameters(), reference.readParameters())).toBeLessThan(1e-6)
      // From here both go on from the same point, so that errors do not add up.
      reference.writeParameters(engine.readParameters())
      reference.writeMoments(engine.readMoments())
    }
    // Figures wait to be read, in their order; what is loaded anew has none.
    for (const valueCoefficient of [0.5, 2]) engine.gradient(chosen, { ...settings, valueCoefficient })
    for (const _ of [1, 2]) engine.adamStep(adam)
    const waiting = engine.readFigures()
    expect([waiting.length, engine.readNorms().length]).toEqual([2, 2])
    for (const [k, valueCoefficient] of [0.5, 2].entries()) {
      const { loss, policyLoss, valueLoss, entropy } = waiting[k]!
      expect(loss).toBeCloseTo(policyLoss + valueCoefficient * valueLoss - 0.01 * entropy, 5)
    }
    engine.gradient(chosen, settings)
    engine.adamStep(adam)
    engine.load(batch)
    expect([engine.readFigures(), engine.readNorms()]).toEqual([[], []])
    engine.dispose()
  })

describe.each(ENGINES)('%s', (_name, ...given) => contract(...given))

describe.skipIf(NATIVE === undefined)(`TensorFlow${NEEDS_NATIVE}`, () => contract(nativeEngine))

describe.skipIf(ADDON === null)(`cpu with native kernels${NEEDS_ADDON}`, () => {
  contract((layout) => cpuEngine(layout, { ...BUILT, native: ADDON, threads: 2 }))

  // Widths that leave tiles of every size over, and blocks of every depth.
  const shapes: typeof SHAPES = [
    ...SHAPES,
    [{ inputs: 26, hidden: 200, actions: 9, lstm: 'joint', layers: 1, net: [40], activation: 'tanh' }, 12, 6],
  ]
  test.each(shapes)('%o, %i steps of %i sequences: the bits of WebAssembly', async (shape, ...size) => {
    const { layout, batch, chosen, settings, parameters } = problem(shape, ...size)
    const numbers = async (options: CpuOptions) => {
      const engine = await cpuEngine(layout, { ...BUILT, ...options })
      engine.writeParameters(parameters)
      engine.load(batch)
      const hash = createHash('sha256')
      const take = (values: ArrayLike<number>) => hash.update(Float64Array.from(values))
      for (let round = 0; round < 2; round++) {
        take(played(engine, batch))
        engine.gradient(chosen, settings)
        take(engine.readGradient())
        engine.adamStep({ rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm: 0.5 })
        take(engine.readParameters())
        hash.update(JSON.stringify([engine.readFigures(), engine.readNorms()]))
      }
      engine.dispose()
      return hash.digest('hex')
    }
    const expected = await numbers({})
    for (const threads of [1, 3]) expect(await numbers({ native: ADDON, threads })).toBe(expected)
  })
})

test('native kernels that are not built, or for another machine', async () => {
  const layout = layoutOf(SHAPES[3]![0])
  const absent = new URL('file:///nowhere/kernels.node')
  await expect(cpuEngine(layout, { ...BUILT, native: absent })).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'the native kernels are not built',
    hint: 'npm run build:native',
  })
  await expect(cpuEngine(layout, { ...BUILT, native: BUILT.kernels })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('the native kernels cannot be loaded: '),
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
