/** A trained policy at work: one observation in, the likeliest action out, the LSTM state carried on. */
import type { Thought } from '../../trading/policy.js'
import type { Engine } from '../engines/engine.js'
import { ActionDistribution } from '../network/distribution.js'
import type { RunningMoments } from '../network/normaliser.js'

export interface ActorOptions {
  /** Of the observations, used as it is; null where they are taken as they are. */
  readonly normaliser: RunningMoments | null
  /** 1 for each action that may be chosen. */
  readonly mask: Uint8Array
  /** Added to the logit of the action in force. */
  readonly holdPrior: number
  /** Whether the value is asked for too, which `thought` then tells. Neither changes what is chosen. */
  readonly values?: boolean
}

/** One policy over one run of observations. Many may share an engine: the LSTM state is the actor's own. */
export class Actor {
  readonly #engine: Engine
  readonly #normaliser: RunningMoments | null
  readonly #distribution: ActionDistribution
  readonly #seen: Float32Array
  readonly #starts = Uint8Array.of(1)
  /** [cells, hidden] each: the state after the last observation. */
  readonly #hidden: Float32Array
  readonly #cell: Float32Array
  readonly #logits: Float32Array
  readonly #value: Float32Array | null
  readonly #options: ActorOptions
  #held = -1

  constructor(engine: Engine, options: ActorOptions) {
    const { normaliser, mask, holdPrior, values = false } = options
    this.#options = options
    this.#value = values ? new Float32Array(1) : null
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

  /** The likeliest allowed action for an observation, [inputs], while `held` is in force; -1 for none. */
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
      values: this.#value,
    })
    this.#starts[0] = 0
    this.#held = held
    return this.#distribution.mode(this.#logits, 0, held)
  }

  /** What the last action was chosen from. */
  thought(): Thought {
    const { mask, holdPrior } = this.#options
    return {
      logits: [...this.#logits],
      mask: [...mask],
      held: this.#held,
      holdPrior,
      probabilities: this.#distribution.probabilities(this.#logits, 0, this.#held),
      value: this.#value?.[0] ?? null,
    }
  }

  /**
   * All that the next action depends on besides parameters and options: 1 where an episode begins, else 0, then hidden and cell
   * state, [cells, hidden] each, every number as the 32 bits of its float. JSON keeps whole numbers exactly, while of floats it
   * would lose the sign of zero.
   */
  save(): readonly number[] {
    return [this.#starts[0]!, ...bitsOf(this.#hidden), ...bitsOf(this.#cell)]
  }

  /** Goes on from a saved state of an actor of the same network. Throws RangeError where it is not one; nothing has changed then. */
  restore(numbers: readonly number[]): void {
    const size = this.#hidden.length
    const [start, ...state] = numbers
    if (state.length !== 2 * size)
      throw new RangeError(`the state has ${state.length} numbers, not ${2 * size}`)
    if ((start !== 0 && start !== 1) || state.some((word) => word !== word >>> 0))
      throw new RangeError('the state holds a number that is none of its own')
    this.#starts[0] = start
    bitsOf(this.#hidden).set(state.slice(0, size))
    bitsOf(this.#cell).set(state.slice(size))
  }
}

/** The same memory as words. */
const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length)
