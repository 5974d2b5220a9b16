/** What the environments gave in one rollout, by step and environment: the experience that an update learns from. */
import type { Rng } from '../../base/rng.js'
import type { Experience } from '../engines/engine.js'
import type { Layout } from '../network/network.js'

/** `bptt` divides `rolloutSteps`: a block of so many steps is one sequence of each environment. */
export interface RolloutShape {
  readonly envs: number
  readonly rolloutSteps: number
  readonly bptt: number
}

/** All [rolloutSteps, envs, ...], written anew each time; row t envs + e is step t of environment e. */
export class Rollout implements Experience {
  readonly steps: number
  readonly lanes: number
  readonly blocks: number
  /** Environment steps. */
  readonly count: number
  /** [rolloutSteps, envs, inputs], normalised */
  readonly observations: Float32Array
  /** 1 where the step is the first of an episode. */
  readonly episodeStarts: Uint8Array
  readonly valid: Uint8Array
  readonly actions: Int32Array
  /** The action in force before each step. */
  readonly held: Int32Array
  /** Of the actions taken, with prior and mask. */
  readonly oldLogProbs: Float32Array
  /** To learn from: scaled, and with the last value where an episode was cut off. */
  readonly rewards: Float64Array
  readonly values: Float32Array
  readonly advantages: Float32Array
  readonly returns: Float32Array
  /** [rolloutSteps / bptt, cells, envs, hidden]: the state before each sequence. */
  readonly hidden: Float32Array
  readonly cell: Float32Array

  constructor(layout: Layout, { envs, rolloutSteps, bptt }: RolloutShape) {
    const count = envs * rolloutSteps
    this.steps = bptt
    this.lanes = envs
    this.blocks = rolloutSteps / bptt
    const states = this.blocks * layout.cells * envs * layout.shape.hidden
    this.count = count
    this.observations = new Float32Array(count * layout.shape.inputs)
    this.episodeStarts = new Uint8Array(count)
    this.valid = new Uint8Array(count).fill(1)
    this.actions = new Int32Array(count)
    this.held = new Int32Array(count)
    this.oldLogProbs = new Float32Array(count)
    this.rewards = new Float64Array(count)
    this.values = new Float32Array(count)
    this.advantages = new Float32Array(count)
    this.returns = new Float32Array(count)
    this.hidden = new Float32Array(states)
    this.cell = new Float32Array(states)
  }

  /** Sequences of `bptt` steps of one environment. */
  get sequences(): number {
    return this.blocks * this.lanes
  }

  /** Keeps the state, [cells, envs, hidden] each, that the sequences of a block start from. */
  keepState(
    block: number,
    { hidden, cell }: { readonly hidden: Float32Array; readonly cell: Float32Array },
  ): void {
    this.hidden.set(hidden, block * hidden.length)
    this.cell.set(cell, block * cell.length)
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
