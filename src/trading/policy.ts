/** Who decides: what a policy sees, and what is asked of it. */
import type { MarketView } from '../market/view.js'

/** What a policy may look at; overwritten for each decision. */
export interface Decision {
  /** The newest bar that has ended. */
  t: number
  /** The bars up to it: what comes later cannot be read. */
  readonly view: MarketView
  /** float32[26]; filled only for a policy that observes. */
  readonly observation: Float32Array
  /** The first decision of an episode: a recurrent policy forgets what came before. */
  start: boolean
  /** The action that keeps the targets in force. */
  held: number
  /** 1 for each action that may be chosen. */
  readonly mask: Uint8Array
}

/** What a model chose an action from, by action. */
export interface Thought {
  /** Of the network, NaN where it has none; the prior is added to that of the action in force. */
  readonly logits: readonly number[]
  /** 1 for each action that may be chosen. */
  readonly mask: readonly number[]
  readonly held: number
  readonly holdPrior: number
  /** With prior and mask. */
  readonly probabilities: readonly number[]
  /** What it expects of the rewards to come; null where it was not asked. */
  readonly value: number | null
}

/** A policy is deterministic: the same decisions, in the same order, get the same actions. Chance comes in as a seeded stream. */
export interface Policy {
  readonly name: string
  /** What decides, where the name says where it is from: two policies of one identity decide alike. Default: the name. */
  readonly identity?: string
  /** It decides outside of this process: what it said before cannot be asked for again. */
  readonly isForeign?: true
  /** Whether it looks at the observation; where none does, features are not computed. */
  readonly observes: boolean
  /** The action for a decision. Called once for each, in order. */
  act(decision: Decision): number
  /** What the last action was chosen from; absent for a policy that has no more to say than its action. */
  thought?(): Thought
  /** Called when the run has ended after `decisions`; throws if that does not fit. */
  ended?(decisions: number): void
  /** Everything that decides later actions, exact in JSON; absent where nothing does. `bars` have ended. */
  save?(bars: number): readonly number[]
  /** Goes on where `save` was called. `bars` are held now: the last LOOKBACK of those that had ended, or all. */
  restore?(numbers: readonly number[], bars: number): void
}

/** The same policy in one run of several: the end of that one is not told to it. */
export const goingOn = (policy: Policy): Policy => ({ ...policy, ended: () => {} })
