/** What the environments gave in one rollout, by step and environment, and the minibatches of sequences cut from it. */
import type { Rng } from '../../base/rng.js'
import type { Minibatch } from '../engines/engine.js'
import type { Layout } from '../network/network.js'

/** `bptt` divides `rolloutSteps`: a block of so many steps is one sequence of each environment. */
export interface RolloutShape {
  readonly envs: number
  readonly rolloutSteps: number
  readonly bptt: number
}

/** All [rolloutSteps, envs, ...], written anew each time; row t envs + e is step t of environment e. */
export class Rollout {
  readonly shape: RolloutShape
  /** Environment steps. */
  readonly count: number
  /** [rolloutSteps, envs, inputs], normalised */
  readonly observations: Float32Array
  /** 1 where the step is the first of an episode. */
  readonly starts: Uint8Array
  readonly actions: Int32Array
  /** The action in force before each step. */
  readonly held: Int32Array
  /** Of the actions taken, with prior and mask. */
  readonly logProbs: Float32Array
  /** To learn from: scaled, and with the last value where an episode was cut off. */
  readonly rewards: Float64Array
  readonly values: Float32Array
  readonly advantages: Float32Array
  readonly returns: Float32Array
  /** [rolloutSteps / bptt, cells, envs, hidden]: the state before each sequence. */
  readonly hidden: Float32Array
  readonly cell: Float32Array
  readonly #layout: Layout
  readonly #batches = new Map<number, Writable>()

  constructor(layout: Layout, shape: RolloutShape) {
    const { envs, rolloutSteps, bptt } = shape
    const count = envs * rolloutSteps
    const states = (rolloutSteps / bptt) * layout.cells * envs * layout.shape.hidden
    this.shape = shape
    this.count = count
    this.#layout = layout
    this.observations = new Float32Array(count * layout.shape.inputs)
    this.starts = new Uint8Array(count)
    this.actions = new Int32Array(count)
    this.held = new Int32Array(count)
    this.logProbs = new Float32Array(count)
    this.rewards = new Float64Array(count)
    this.values = new Float32Array(count)
    this.advantages = new Float32Array(count)
    this.returns = new Float32Array(count)
    this.hidden = new Float32Array(states)
    this.cell = new Float32Array(states)
  }

  /** Sequences of `bptt` steps of one environment. */
  get sequences(): number {
    return this.count / this.shape.bptt
  }

  /** Keeps the state, [cells, envs, hidden] each, that the sequences of a block start from. */
  keepState(
    block: number,
    { hidden, cell }: { readonly hidden: Float32Array; readonly cell: Float32Array },
  ): void {
    this.hidden.set(hidden, block * hidden.length)
    this.cell.set(cell, block * cell.length)
  }

  /** Some sequences as a minibatch, overwritten by the next. Sequence s is steps [bptt floor(s / envs), ...) of environment s mod envs. */
  gather(chosen: readonly number[]): Minibatch {
    const { envs, bptt } = this.shape
    const { shape, cells } = this.#layout
    const { inputs, hidden: width } = shape
    const sequences = chosen.length
    let batch = this.#batches.get(sequences)
    if (batch === undefined) {
      batch = newMinibatch(this.#layout, bptt, sequences)
      this.#batches.set(sequences, batch)
    }
    const { observations, starts, actions, held, logProbs, advantages, returns } = this
    const seen = batch.observations
    for (const [s, sequence] of chosen.entries()) {
      const env = sequence % envs
      const block = Math.floor(sequence / envs)
      for (let t = 0; t < bptt; t++) {
        const row = (block * bptt + t) * envs + env
        const at = t * sequences + s
        for (let n = 0, from = row * inputs, out = at * inputs; n < inputs; n++)
          seen[out + n] = observations[from + n]!
        batch.episodeStarts[at] = starts[row]!
        batch.actions[at] = actions[row]!
        batch.held[at] = held[row]!
        batch.oldLogProbs[at] = logProbs[row]!
        batch.advantages[at] = advantages[row]!
        batch.returns[at] = returns[row]!
      }
      for (let c = 0; c < cells; c++) {
        const from = ((block * cells + c) * envs + env) * width
        batch.hidden.set(this.hidden.subarray(from, from + width), (c * sequences + s) * width)
        batch.cell.set(this.cell.subarray(from, from + width), (c * sequences + s) * width)
      }
    }
    return batch
  }
}

/** Fisher and Yates, in place. */
export function shuffle(list: number[], rng: Rng): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = rng.int(i + 1)
    const kept = list[i]!
    list[i] = list[j]!
    list[j] = kept
  }
}

type Writable = ReturnType<typeof newMinibatch>

function newMinibatch({ shape, cells }: Layout, steps: number, sequences: number) {
  const rows = steps * sequences
  return {
    steps,
    sequences,
    observations: new Float32Array(rows * shape.inputs),
    episodeStarts: new Uint8Array(rows),
    valid: new Uint8Array(rows).fill(1),
    actions: new Int32Array(rows),
    held: new Int32Array(rows),
    oldLogProbs: new Float32Array(rows),
    advantages: new Float32Array(rows),
    returns: new Float32Array(rows),
    hidden: new Float32Array(cells * sequences * shape.hidden),
    cell: new Float32Array(cells * sequences * shape.hidden),
  }
}
