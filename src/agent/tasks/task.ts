/** What a trainer needs of something that can be learned. */
import type { Rng } from '../../base/rng.js'

/** What an action brought. */
interface StepResult {
  readonly reward: number
  /** The episode has ended by its own rules. */
  readonly terminated: boolean
  /** It was cut off: the value of the last observation still counts. */
  readonly truncated: boolean
}

/** One environment; observations are written at an offset of the caller's array. */
export interface Episode {
  /** The action in force, which the hold prior favours; -1 where there is no such thing. */
  readonly held: number
  reset(out: Float32Array, offset: number): void
  step(action: number, out: Float32Array, offset: number): StepResult
  /** Everything that it needs to go on, its random numbers apart. */
  save(): readonly number[]
  restore(numbers: readonly number[]): void
}

/** Something to learn: environments of one kind, as many as are asked for. */
export interface Task {
  readonly name: string
  readonly inputs: number
  readonly actions: number
  /** 1 for each action that may be chosen. */
  readonly mask: Uint8Array
  /** `lane` is the number of the environment among those side by side, 0 where it is not given. */
  start(rng: Rng, lane?: number): Episode
}
