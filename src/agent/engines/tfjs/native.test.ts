/** What a minibatch asks of TensorFlow, counted at a binding that does no arithmetic. */
import { expect, test } from 'vitest'
import { stream } from '../../../base/rng.js'
import { layoutOf } from '../../network/network.js'
import type { Experience, LossSettings } from '../engine.js'
import { type Binding, NativeOps } from './native.js'
import { cut, tablesOf } from './pieces.js'
import { Program } from './program.js'

/** Counts, and holds that nothing is used before it is there or after it is gone. */
class Counting implements Binding {
  readonly TF_FLOAT = 1
  readonly TF_INT32 = 3
  readonly TF_INT64 = 9
  readonly TF_BOOL = 10
  readonly TF_ATTR_TYPE = 0
  readonly TF_ATTR_INT = 1
  readonly TF_ATTR_FLOAT = 2
  readonly TF_ATTR_BOOL = 3
  readonly alive = new Set<number>()
  operations: string[] = []
  uploads = 0
  readings = 0
  #last = 0

  createTensor(): number {
    this.uploads++
    return this.#made()
  }

  deleteTensor(id: number): void {
    if (!this.alive.delete(id)) throw new Error(`${id} is freed twice`)
  }

  tensorDataSync(id: number): Float32Array {
    expect(this.alive.has(id)).toBe(true)
    this.readings++
    return new Float32Array(1)
  }

  executeOp(name: string, _attributes: unknown, inputs: readonly number[], outputs: number) {
    if (!inputs.every((id) => this.alive.has(id))) throw new Error(`${name} is given what is not there`)
    this.operations.push(name)
    return Array.from({ length: outputs }, () => ({ id: this.#made() }))
  }

  #made(): number {
    this.alive.add(++this.#last)
    return this.#last
  }
}

test('170 operations and two uploads a minibatch, nothing read, nothing left', () => {
  const layout = layoutOf({
    inputs: 26,
    hidden: 64,
    actions: 9,
    lstm: 'separate',
    layers: 1,
    net: [],
    activation: 'tanh',
  })
  const rng = stream(5, 'native')
  const rows = 2 * 32 * 16
  const numbers = (count: number) => Float32Array.from({ length: count }, () => rng.normal())
  const experience: Experience = {
    steps: 32,
    lanes: 16,
    blocks: 2,
    observations: numbers(26 * rows),
    episodeStarts: Uint8Array.from({ length: rows }, (_, r) => (r === 100 ? 1 : 0)),
    valid: new Uint8Array(rows).fill(1),
    actions: new Int32Array(rows),
    held: new Int32Array(rows),
    oldLogProbs: numbers(rows),
    advantages: numbers(rows),
    returns: numbers(rows),
    hidden: numbers(2 * 2 * 16 * 64),
    cell: numbers(2 * 2 * 16 * 64),
  }
  const loss: LossSettings = {
    clip: 0.2,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    normaliseAdvantage: true,
    holdPrior: 4,
    allowed: new Uint8Array(9).fill(1),
  }
  const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm: 0.5, corrected: 1, root: 1 }
  const binding = new Counting()
  const program = new Program(new NativeOps(binding), layout)
  const minibatch = (from: number) => {
    const chosen = Array.from({ length: 16 }, (_, s) => from + s)
    program.gradient(cut(experience, chosen, loss), loss)
    program.adamStep(adam)
  }
  const update = () => {
    program.load(tablesOf(experience, layout))
    // With an episode's start and without: sizes differ.
    for (const from of [0, 16]) minibatch(from)
    program.readFigures()
    program.readNorms()
  }
  update()
  const alive = binding.alive.size
  binding.operations = []
  binding.uploads = 0
  binding.readings = 0
  update()
  expect(binding.operations.filter((name) => name.startsWith('BlockLSTM')).length).toBe(2 * 4)
  // Two are for reading, once an update.
  expect((binding.operations.length - 2) / 2).toBeLessThan(170)
  // And two tables.
  expect([(binding.uploads - 2) / 2, binding.readings]).toEqual([2, 2])
  expect(binding.alive.size).toBe(alive)
  program.dispose()
  expect(binding.alive.size).toBe(0)
})
