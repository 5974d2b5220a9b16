/**
 * Hyper-parameters of a run and where they start from: one set for trading, two for the benchmark tasks. The reasons for
 * the numbers of trading are in jules-training(7).
 */
import type { NetworkShape } from '../network/network.js'

/** What determines the weights besides the network, the data and the environment's rules. */
export interface PpoSettings {
  /** Environment steps of the run, over which the schedules fall. */
  readonly steps: number
  /** Environments side by side. */
  readonly envs: number
  /** Steps of each environment in a rollout. */
  readonly rolloutSteps: number
  /** Environment steps in a minibatch: batch / bptt sequences. */
  readonly batch: number
  /** Steps that gradients go back: the length of a sequence, a divisor of `rolloutSteps`. */
  readonly bptt: number
  /** Passes over a rollout. */
  readonly epochs: number
  /** Discount of a step. */
  readonly gamma: number
  /** The lambda of generalised advantages. */
  readonly lambda: number
  /** The epsilon of the probability ratio. */
  readonly clip: Schedule
  /** The clip range shrinks with the deviation of the advantages below this part of the returns'; 0 for never. */
  readonly clipSpread: number
  /** Adam's step. */
  readonly rate: Schedule
  /** Weight of the entropy. */
  readonly entropy: Schedule
  /** Weight of the value loss. */
  readonly valueCoefficient: number
  /** Largest global norm of a gradient. */
  readonly maxNorm: number
  /** Stops the epochs of an update whose approximate KL passes 1.5 times this. */
  readonly targetKl: number | null
  /** Added to the logit of the action in force, in rollout, update and inference. */
  readonly holdPrior: number
  readonly normaliseObservations: boolean
  readonly normaliseRewards: boolean
  /** Orthogonal first weights, else uniform ones. */
  readonly orthogonal: boolean
  readonly seed: number
}

/** From the first value to the second, linearly over the run. */
export type Schedule = readonly [number, number]

/** The value when a part of the run, 0 to 1, is done. */
export const scheduled = ([from, to]: Schedule, done: number): number => from + (to - from) * done

/** The same, with the network. */
export interface TrainingSettings
  extends PpoSettings,
    Pick<NetworkShape, 'hidden' | 'lstm' | 'layers' | 'net' | 'activation'> {
  /** Part of the steps, the first ones, in which each of two symbols is traded alone, by a network half as wide. */
  readonly alone: number
}

/**
 * One of these decides whether anything is learnt: without the hold prior the agent learns not to trade. Another one, normalised
 * rewards, is what lets the value teach the LSTM of the policy: in dollars it pulls it along. The others were varied one by one;
 * jules-training(7) has the results.
 */
export const TRADING: TrainingSettings = {
  steps: 200_000,
  envs: 16,
  rolloutSteps: 128,
  batch: 512,
  bptt: 32,
  epochs: 5,
  gamma: 0.95,
  lambda: 0.9,
  clip: [0.2, 0.2],
  clipSpread: 0,
  rate: [1e-3, 1e-4],
  entropy: [0.05, 0],
  valueCoefficient: 0.5,
  maxNorm: 0.5,
  targetKl: null,
  holdPrior: 4,
  normaliseObservations: false,
  normaliseRewards: true,
  orthogonal: true,
  seed: 1,
  hidden: 64,
  lstm: 'joint',
  layers: 1,
  net: [],
  activation: 'tanh',
  alone: 0.5,
}

/** Of the RL Baselines3 Zoo for CartPole without velocities: both rates fall to 0, everything is normalised. */
const ZOO: TrainingSettings = {
  ...TRADING,
  steps: 100_000,
  envs: 8,
  rolloutSteps: 32,
  batch: 256,
  epochs: 20,
  gamma: 0.98,
  lambda: 0.8,
  clip: [0.2, 0],
  // Without it the policy of an episode that is always survived wanders until it falls.
  clipSpread: 0.03,
  rate: [1e-3, 0],
  entropy: [0, 0],
  holdPrior: 0,
  normaliseObservations: true,
  normaliseRewards: true,
  orthogonal: false,
  lstm: 'separate',
  net: [64],
  activation: 'relu',
  alone: 0,
}

/** Discount, lambda, clip and epochs of Stable-Baselines3; rate and entropy are larger. Whole rollouts are one sequence, as there. */
const PLAIN: TrainingSettings = {
  ...TRADING,
  steps: 100_000,
  rolloutSteps: 64,
  bptt: 64,
  batch: 256,
  epochs: 10,
  gamma: 0.99,
  lambda: 0.95,
  rate: [1e-3, 1e-3],
  entropy: [0.01, 0.01],
  holdPrior: 0,
  normaliseRewards: false,
  lstm: 'separate',
  net: [64],
  alone: 0,
}

/** Defaults of the benchmark tasks, by name. */
export const TASK_SETTINGS: Readonly<Record<string, TrainingSettings>> = {
  'cartpole-novel': ZOO,
  tmaze10: PLAIN,
  recall2: { ...PLAIN, steps: 200_000 },
}
