/** What the trainer asks of whoever does the arithmetic. Every engine passes one contract suite against `reference`. */
import type { Layout } from '../network/network.js'

/**
 * What was seen, to learn from: blocks of `steps` steps, of `lanes` environments side by side. Row (block steps + step) lanes +
 * lane is a step of an environment. Sequence q is the `steps` steps of lane q mod lanes in block floor(q / lanes); it starts from
 * the state that is stored for it.
 */
export interface Experience {
  readonly steps: number
  readonly lanes: number
  readonly blocks: number
  /** [rows, inputs] */
  readonly observations: Float32Array | Float64Array
  /** 1 where an episode begins: the state is zero before that step. */
  readonly episodeStarts: Uint8Array
  /** 0 where a sequence is padded: no part in any mean. */
  readonly valid: Uint8Array
  /** The actions taken, and their log probabilities then, with prior and mask. */
  readonly actions: Int32Array
  readonly oldLogProbs: Float32Array | Float64Array
  readonly advantages: Float32Array | Float64Array
  /** What the values shall be. */
  readonly returns: Float32Array | Float64Array
  /** [blocks, cells, lanes, hidden] each: the state before the first step of each sequence. */
  readonly hidden: Float32Array | Float64Array
  readonly cell: Float32Array | Float64Array
  /** The action in force at each step, whose logit is raised by the hold prior; null without one. */
  readonly held: Int32Array | null
}

/** Weights and limits of the objective, see `Engine.gradient`. */
export interface LossSettings {
  /** epsilon */
  readonly clip: number
  /** c1 */
  readonly valueCoefficient: number
  /** c2 */
  readonly entropyCoefficient: number
  /** To mean 0 and deviation 1 over the valid steps of the minibatch. */
  readonly normaliseAdvantage: boolean
  /** Added to the logit of the action in force. */
  readonly holdPrior: number
  /** 1 for each action that may be chosen. */
  readonly allowed: Uint8Array
}

/** Means over the valid steps of a minibatch. */
export interface LossFigures {
  /** policyLoss + c1 valueLoss - c2 entropy */
  readonly loss: number
  readonly policyLoss: number
  /** (V - R)^2, without its weight. */
  readonly valueLoss: number
  /** In nats. */
  readonly entropy: number
  /** mean((ratio - 1) - log ratio), Schulman's k3 estimator. */
  readonly approxKl: number
  /** Part of the steps whose ratio is further than epsilon from 1. */
  readonly clipFraction: number
}

/** Adam (Kingma and Ba, 2015, algorithm 1), after the gradient was cut to a norm. */
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
  /** [count]: 1 where an episode begins, and the state counts as zero. */
  readonly episodeStarts: Uint8Array
  /** [cells, count, hidden] each, replaced by the next state. */
  readonly hidden: Float32Array | Float64Array
  readonly cell: Float32Array | Float64Array
  /** Out: [count, actions], without prior and mask. */
  readonly logits: Float32Array | Float64Array
  /** Out: [count]; null where only the policy is asked: the states of the value's stack mean nothing then. */
  readonly values: Float32Array | Float64Array | null
}

/** Name of the CPU engine on a machine without fused multiply-add, where results differ in their last bits. */
export const UNFUSED = 'cpu-unfused'

/**
 * The arithmetic of one network: parameters, gradient and moments are flat, [layout.size], in the order of `Layout`. What it
 * reads out is a copy. A device may still be at work when a call returns; reading waits for it, so a trainer reads rarely.
 */
export interface Engine {
  /** What the bits of a run depend on beside its settings: `cpu`, `cpu-unfused`, `reference`, `tfjs BACKEND`. */
  readonly name: string
  readonly layout: Layout
  readParameters(): Float64Array | Float32Array
  writeParameters(values: ArrayLike<number>): void
  /** Fills `logits` and `values`, and moves `hidden` and `cell` on. */
  policyStep(step: PolicyStep): void
  /** What the next minibatches are taken from. It must not change before the last of them; figures that nobody read are gone. */
  load(experience: Experience): void
  /**
   * The objective of PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017, arXiv:1707.06347, eq. 7 and 9), with
   * its sign turned so that it is minimised:
   *
   *     L = E[ -min(r A, clip(r, 1 - epsilon, 1 + epsilon) A) + c1 (V - R)^2 - c2 S ]
   *     r = exp(log pi(a | s) - log pi_old(a | s))
   *
   * E is the mean over the valid steps. A is an advantage by GAE (Schulman et al., 2016, arXiv:1506.02438, eq. 11 to 16;
   * ppo/gae.ts), less the mean of all and over their deviation (n - 1) + 1e-8 where it is normalised. R is the return, A + V
   * of the rollout; V is not clipped. S is the entropy of pi, which is the softmax of the logits of the allowed actions, with
   * the hold prior added to that of the action in force.
   *
   * pi and V come from LSTMs (Hochreiter and Schmidhuber, 1997, with a forget gate) that run over the steps from the stored
   * state; the gradient goes back through time to the first step of the sequence or the episode, and no further: a stored
   * state is a constant. The minibatch is the sequences `chosen` of what was loaded; its gradient waits for `adamStep`.
   */
  gradient(chosen: readonly number[], settings: LossSettings): void
  readGradient(): Float64Array | Float32Array
  /** Clips the gradient to the norm and moves the parameters. */
  adamStep(settings: AdamSettings): void
  /** Figures of each minibatch, and the norm before clipping of each step of Adam, since they were read last or loaded anew. */
  readFigures(): LossFigures[]
  readNorms(): number[]
  /** First and second moment and the number of steps, for checkpoints. */
  readMoments(): { first: Float64Array | Float32Array; second: Float64Array | Float32Array; steps: number }
  writeMoments(moments: { first: ArrayLike<number>; second: ArrayLike<number>; steps: number }): void
  dispose(): void
}
