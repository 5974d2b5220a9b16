/** A trained policy at work: one observation in, the likeliest action out, the LSTM state carried on. */

import type { Engine } from '../engines/engine.js'
import { ActionDistribution } from '../network/distribution.js'
import type { RunningMoments } from '../network/normaliser.js'

export interface ActorOptions {
  readonly normaliser: RunningMoments | null
  /** 1 for each action that may be chosen. */
  readonly mask: Uint8Array
  readonly holdPrior: number
}

export class Actor {
  readonly #engine: Engine
  readonly #normaliser: RunningMoments | null
  readonly #distribution: ActionDistribution
  readonly #seen: Float32Array
  readonly #starts = Uint8Array.of(1)
  readonly #hidden: Float32Array
  readonly #cell: Float32Array
  readonly #logits: Float32Array

  constructor(engine: Engine, { normaliser, mask, holdPrior }: ActorOptions) {
    const { shape, cells } = engine.layout
    this.#engine = engine
    this.#normaliser = normaliser
    this.#distribution = new ActionDistribution({ allowed: mask, holdPrior })
    this.#seen = new Float32Array(shape.inputs)
    this.#hidden = new Float32Array(cells * shape.hidden)
    this.#cell = new Float32Array(cells * shape.hidden)
    this.#logits = new Float32Array(shape.actions)
  }

  /** Forgets: the next observation starts an episode. */
  reset(): void {
    this.#starts[0] = 1
  }

  /** The action for an observation while `held` is in force. */
  act(observation: ArrayLike<number>, held: number): number {
    const seen = this.#seen
    for (let n = 0; n < seen.length; n++) seen[n] = observation[n]!
    this.#normaliser?.apply(seen, 1)
    this.#engine.policyStep({
      count: 1,
      observations: seen,
      episodeStarts: this.#starts,
      hidden: this.#hidden,
      cell: this.#cell,
      logits: this.#logits,
      values: null,
    })
    this.#starts[0] = 0
    return this.#distribution.mode(this.#logits, 0, held)
  }
}
