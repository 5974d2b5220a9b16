/** What the trainer asks of whoever does the arithmetic. Every engine passes one contract suite against `reference`. */
import type { Layout } from '../network/network.js'

/** Sequences that start from a stored state. All matrices are [steps, sequences, ...], by step. */
export interface Minibatch {
  readonly steps: number
  readonly sequences: number
  /** [steps, sequences, inputs] */
  readonly observations: Float32Array | Float64Array
  /** 1 where an episode begins: the state is zero before that step. */
  readonly episodeStarts: Uint8Array
  /** 0 where a sequence is padded: no part in any mean. */
  readonly valid: Uint8Array
  readonly actions: Int32Array
  readonly oldLogProbs: Float32Array | Float64Array
  readonly advantages: Float32Array | Float64Array
  readonly returns: Float32Array | Float64Array
  /** [cells, sequences, hidden] each: the state before the first step. */
  readonly hidden: Float32Array | Float64Array
  readonly cell: Float32Array | Float64Array
  /** The action in force at each step, whose logit is raised by the hold prior; null without one. */
  readonly held: Int32Array | null
}

export interface LossSettings {
  readonly clip: number
  readonly valueCoefficient: number
  readonly entropyCoefficient: number
  readonly normaliseAdvantage: boolean
  /** Added to the logit of the action in force. */
  readonly holdPrior: number
  /** 1 for each action that may be chosen. */
  readonly allowed: Uint8Array
}

/** Means over the valid steps of a minibatch. */
export interface LossFigures {
  readonly loss: number
  readonly policyLoss: number
  readonly valueLoss: number
  readonly entropy: number
  /** mean((ratio - 1) - log ratio), Schulman's k3 estimator. */
  readonly approxKl: number
  readonly clipFraction: number
}

export interface AdamSettings {
  readonly rate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Largest global norm of the gradient. */
  readonly maxNorm: number
}

/** One step of `count` environments: observations in, logits and values out, the state moved on. */
export interface PolicyStep {
  readonly count: number
  /** [count, inputs] */
  readonly observations: Float32Array | Float64Array
  readonly episodeStarts: Uint8Array
  /** [cells, count, hidden] each, replaced by the next state. */
  readonly hidden: Float32Array | Float64Array
  readonly cell: Float32Array | Float64Array
  /** Out: [count, actions], without prior and mask. */
  readonly logits: Float32Array | Float64Array
  /** Out: [count]; null where only the policy is asked, whose stack alone is then moved on. */
  readonly values: Float32Array | Float64Array | null
}

/** Name of the CPU engine on a machine without fused multiply-add, where results differ in their last bits. */
export const UNFUSED = 'cpu-unfused'

export interface Engine {
  /** What the bits of a run depend on beside its settings. */
  readonly name: string
  readonly layout: Layout
  readParameters(): Float64Array | Float32Array
  writeParameters(values: ArrayLike<number>): void
  policyStep(step: PolicyStep): void
  /** Loss of a minibatch; its gradient waits for `adamStep`. */
  gradMinibatch(batch: Minibatch, settings: LossSettings): LossFigures
  readGradient(): Float64Array | Float32Array
  /** Clips the gradient to the norm, moves the parameters; returns the norm before clipping. */
  adamStep(settings: AdamSettings): number
  /** First and second moment and the number of steps, for checkpoints. */
  readMoments(): { first: Float64Array | Float32Array; second: Float64Array | Float32Array; steps: number }
  writeMoments(moments: { first: ArrayLike<number>; second: ArrayLike<number>; steps: number }): void
  dispose(): void
}
