/** A trainer's state as tensors by name, and how its parts are put into it and taken out. */
import type { Rng } from '../../base/rng.js'
import type { Engine } from '../engines/engine.js'
import type { RunningMoments } from '../network/normaliser.js'

/** Flat; a checkpoint keeps type and length. */
export type StateTensor = Float32Array | Float64Array | Uint32Array | Uint8Array | Int32Array

/** Everything that the next step depends on. The names and their order are those of the checkpoints. */
export type PpoState = ReadonlyMap<string, StateTensor>

/** Throws RangeError where there is no tensor of this name. */
export function tensorOf(state: PpoState, name: string): StateTensor {
  const found = state.get(name)
  if (found === undefined) throw new RangeError(`${name} is missing`)
  return found
}

/** Copies a tensor over an array, which it returns. Throws RangeError where the sizes differ. */
export function fill<T extends StateTensor>(state: PpoState, name: string, to: T): T {
  const from = tensorOf(state, name)
  if (from.length !== to.length) throw new RangeError(`${name} has another size`)
  to.set(from)
  return to
}

/** Environment steps and epochs so far. */
export interface Counters {
  readonly step: number
  readonly updates: number
}

/** Parameters, Adam's moments, counters and random numbers, in the order of a checkpoint. */
export function saveLearner(
  engine: Engine,
  rngs: readonly Rng[],
  { step, updates }: Counters,
): [string, StateTensor][] {
  const { first, second, steps } = engine.readMoments()
  return [
    ['parameters', Float32Array.from(engine.readParameters())],
    ['adam.first', Float32Array.from(first)],
    ['adam.second', Float32Array.from(second)],
    ['counters', Float64Array.of(step, updates, steps)],
    ['rng', Uint32Array.from(rngs.flatMap((rng) => rng.state.words))],
  ]
}

/** Gives engine and generators what was saved, and returns the counters. Throws RangeError where it does not fit. */
export function restoreLearner(engine: Engine, rngs: readonly Rng[], state: PpoState): Counters {
  const [step = 0, updates = 0, steps = 0] = tensorOf(state, 'counters')
  const { size } = engine.layout
  const parameters = fill(state, 'parameters', new Float32Array(size))
  const first = fill(state, 'adam.first', new Float32Array(size))
  const second = fill(state, 'adam.second', new Float32Array(size))
  engine.writeParameters(parameters)
  engine.writeMoments({ first, second, steps })
  // Four words a generator.
  const words = fill(state, 'rng', new Uint32Array(4 * rngs.length))
  for (const [i, rng] of rngs.entries()) {
    const [a = 0, b = 0, c = 0, d = 0] = words.subarray(4 * i, 4 * i + 4)
    rng.state = { words: [a, b, c, d] }
  }
  return { step, updates }
}

/** Count, means and variances; empty where nothing is normalised. */
export const momentsOf = (from: RunningMoments | null): Float64Array =>
  from === null ? new Float64Array(0) : Float64Array.of(from.count, ...from.mean, ...from.variance)

/** Throws RangeError where one side is normalised and the other is not, or has other columns. */
export function restoreMoments(to: RunningMoments | null, from: StateTensor): void {
  const size = to === null ? 0 : 1 + 2 * to.mean.length
  if (from.length !== size) throw new RangeError('the normaliser has another size')
  if (to === null) return
  to.count = from[0]!
  to.mean.set(from.subarray(1, 1 + to.mean.length))
  to.variance.set(from.subarray(1 + to.mean.length))
}
