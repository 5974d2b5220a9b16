/**
 * Recurrent PPO (Schulman et al., 2017; sb3-contrib's RecurrentPPO): collect, advantages, update. The state is zeroed at
 * the start of an episode in rollout and update alike; every sequence of an update starts from the state stored when it
 * was collected, and gradients are cut there.
 */
import { exp, log } from '../base/math.js'
import { type Rng, stream } from '../base/rng.js'
import type { Engine, LossFigures, LossSettings, Minibatch } from './engine.js'
import { generalisedAdvantages } from './gae.js'
import { initialParameters } from './initial.js'
import { RunningMoments } from './normaliser.js'
import type { Episode, Task } from './tasks.js'

export interface PpoSettings {
  readonly steps: number
  readonly envs: number
  readonly rolloutSteps: number
  /** Environment steps in a minibatch: batch / bptt sequences. */
  readonly batch: number
  readonly bptt: number
  readonly epochs: number
  readonly gamma: number
  readonly lambda: number
  /** From the first value to the second over the run. */
  readonly clip: readonly [number, number]
  readonly rate: readonly [number, number]
  readonly entropy: readonly [number, number]
  readonly valueCoefficient: number
  readonly maxNorm: number
  readonly normaliseObservations: boolean
  readonly normaliseRewards: boolean
  readonly orthogonal: boolean
  readonly seed: number
}

/** What is said after each rollout and its update. */
export interface PpoProgress {
  readonly step: number
  readonly figures: LossFigures
  /** Of the last 100 episodes, unnormalised; null before the first ends. */
  readonly meanReward: number | null
  readonly meanLength: number | null
}

const RECENT = 100
const CUT = 10

export class Ppo {
  readonly engine: Engine
  readonly #settings: PpoSettings
  readonly #episodes: Episode[]
  readonly #choice: Rng
  readonly #shuffle: Rng
  readonly #observations: RunningMoments | null
  readonly #returns: RunningMoments | null
  readonly #allowed: Uint8Array
  /** State of the environments: current observation (raw), whether it starts an episode, LSTM state. */
  readonly #current: Float32Array
  readonly #starts: Uint8Array
  readonly #hidden: Float32Array
  readonly #cell: Float32Array
  readonly #discounted: Float64Array
  readonly #episodeReward: Float64Array
  readonly #episodeLength: Int32Array
  readonly #finished: { reward: number; length: number }[] = []
  step = 0

  constructor(engine: Engine, task: Task, settings: PpoSettings) {
    const { envs, seed } = settings
    const { inputs, hidden, actions } = engine.layout.shape
    const states = engine.layout.lstms.length * envs * hidden
    this.engine = engine
    this.#settings = settings
    this.#choice = stream(seed, 'actions')
    this.#shuffle = stream(seed, 'minibatches')
    this.#episodes = Array.from({ length: envs }, (_, e) => task.start(stream(seed, 'env', e)))
    this.#observations = settings.normaliseObservations ? new RunningMoments(inputs) : null
    this.#returns = settings.normaliseRewards ? new RunningMoments(1) : null
    this.#allowed = new Uint8Array(actions).fill(1)
    this.#current = new Float32Array(envs * inputs)
    this.#starts = new Uint8Array(envs).fill(1)
    this.#hidden = new Float32Array(states)
    this.#cell = new Float32Array(states)
    this.#discounted = new Float64Array(envs)
    this.#episodeReward = new Float64Array(envs)
    this.#episodeLength = new Int32Array(envs)
    engine.writeParameters(initialParameters(engine.layout, stream(seed, 'parameters'), settings))
    for (const [e, episode] of this.#episodes.entries()) episode.reset(this.#current, e * inputs)
  }

  /** One rollout and its update. */
  advance(): PpoProgress {
    const done = Math.min(1, this.step / this.#settings.steps)
    const rollout = this.#collect()
    const figures = this.#update(rollout, done)
    this.step += rollout.count
    const recent = this.#finished.slice(-RECENT)
    const average = (pick: (one: { reward: number; length: number }) => number) =>
      recent.length === 0 ? null : recent.reduce((sum, one) => sum + pick(one), 0) / recent.length
    return {
      step: this.step,
      figures,
      meanReward: average(({ reward }) => reward),
      meanLength: average(({ length }) => length),
    }
  }

  #collect(): Rollout {
    const { envs, rolloutSteps, bptt, gamma, lambda } = this.#settings
    const { inputs, actions } = this.engine.layout.shape
    const rollout = newRollout(this.engine, this.#settings)
    const logits = new Float32Array(envs * actions)
    const values = new Float32Array(envs)
    const last = new Float32Array(inputs)
    for (let t = 0; t < rolloutSteps; t++) {
      const row = t * envs
      if (t % bptt === 0) {
        rollout.hidden.set(this.#hidden, (t / bptt) * this.#hidden.length)
        rollout.cell.set(this.#cell, (t / bptt) * this.#cell.length)
      }
      const seen = rollout.observations.subarray(row * inputs, (row + envs) * inputs)
      seen.set(this.#current)
      this.#observations?.update(seen, envs)
      this.#observations?.apply(seen, envs, CUT)
      rollout.starts.set(this.#starts, row)
      this.#policy(seen, this.#starts, this.#hidden, this.#cell, logits, values)
      rollout.values.set(values, row)
      for (let e = 0; e < envs; e++) {
        const { action, logProb } = this.#sample(logits, e)
        rollout.actions[row + e] = action
        rollout.logProbs[row + e] = logProb
        const result = this.#episodes[e]!.step(action, this.#current, e * inputs)
        this.#episodeReward[e]! += result.reward
        this.#episodeLength[e]!++
        rollout.rewards[row + e] = this.#scaled(e, result.reward, gamma)
        this.#starts[e] = 0
        if (!result.terminated && !result.truncated) continue
        this.#finished.push({ reward: this.#episodeReward[e]!, length: this.#episodeLength[e]! })
        if (this.#finished.length > 2 * RECENT) this.#finished.splice(0, RECENT)
        if (result.truncated) {
          last.set(this.#current.subarray(e * inputs, (e + 1) * inputs))
          rollout.rewards[row + e]! += gamma * this.#valueOf(last, e)
        }
        this.#episodeReward[e] = 0
        this.#episodeLength[e] = 0
        this.#discounted[e] = 0
        this.#starts[e] = 1
        this.#episodes[e]!.reset(this.#current, e * inputs)
      }
    }
    // The value after the last step, with states that the next rollout will still need as they are.
    const after = this.#current.slice()
    this.#observations?.apply(after, envs, CUT)
    this.#policy(after, this.#starts, this.#hidden.slice(), this.#cell.slice(), logits, values)
    generalisedAdvantages(
      {
        steps: rolloutSteps,
        envs,
        rewards: rollout.rewards,
        values: rollout.values,
        episodeStarts: rollout.starts,
        lastValues: values,
        lastDones: this.#starts,
        gamma,
        lambda,
      },
      rollout.advantages,
      rollout.returns,
    )
    return rollout
  }

  #update(rollout: Rollout, done: number): LossFigures {
    const { epochs, batch, bptt, rate, clip, entropy, valueCoefficient, maxNorm, envs, rolloutSteps } =
      this.#settings
    const at = ([from, to]: readonly [number, number]) => from + (to - from) * done
    const settings: LossSettings = {
      clip: at(clip),
      valueCoefficient,
      entropyCoefficient: at(entropy),
      normaliseAdvantage: true,
      holdPrior: 0,
      allowed: this.#allowed,
    }
    const segments = Array.from({ length: (rolloutSteps / bptt) * envs }, (_, i) => i)
    const each = Math.max(1, Math.floor(batch / bptt))
    let figures: LossFigures | null = null
    for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(segments, this.#shuffle)
      for (let from = 0; from < segments.length; from += each) {
        const minibatch = gather(rollout, segments.slice(from, from + each), this.engine, this.#settings)
        figures = this.engine.gradMinibatch(minibatch, settings)
        this.engine.adamStep({ rate: at(rate), beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm })
      }
    }
    return figures!
  }

  #policy(
    observations: Float32Array,
    episodeStarts: Uint8Array,
    hidden: Float32Array,
    cell: Float32Array,
    logits: Float32Array,
    values: Float32Array,
  ): void {
    this.engine.policyStep({
      count: episodeStarts.length,
      observations,
      episodeStarts,
      hidden,
      cell,
      logits,
      values,
    })
  }

  /** Value of a last observation of environment `e`, whose state goes on from its last step. */
  #valueOf(observation: Float32Array, e: number): number {
    const { hidden: width, actions } = this.engine.layout.shape
    const { envs } = this.#settings
    const seen = observation.slice()
    this.#observations?.apply(seen, 1, CUT)
    const state = (all: Float32Array) =>
      Float32Array.from(
        this.engine.layout.lstms.flatMap((_, k) => [
          ...all.subarray((k * envs + e) * width, (k * envs + e + 1) * width),
        ]),
      )
    const values = new Float32Array(1)
    this.#policy(
      seen,
      new Uint8Array(1),
      state(this.#hidden),
      state(this.#cell),
      new Float32Array(actions),
      values,
    )
    return values[0]!
  }

  #sample(logits: Float32Array, e: number): { action: number; logProb: number } {
    const { actions } = this.engine.layout.shape
    const from = e * actions
    let most = Number.NEGATIVE_INFINITY
    for (let a = 0; a < actions; a++) most = Math.max(most, logits[from + a]!)
    let sum = 0
    for (let a = 0; a < actions; a++) sum += exp(logits[from + a]! - most)
    let left = this.#choice.uniform() * sum
    let action = actions - 1
    for (let a = 0; a < actions; a++) {
      left -= exp(logits[from + a]! - most)
      if (left < 0) {
        action = a
        break
      }
    }
    return { action, logProb: logits[from + action]! - most - log(sum) }
  }

  /** Rewards over the deviation of the discounted return, as VecNormalize does. */
  #scaled(e: number, reward: number, gamma: number): number {
    if (this.#returns === null) return reward
    this.#discounted[e] = gamma * this.#discounted[e]! + reward
    this.#returns.update([this.#discounted[e]!], 1)
    return Math.max(-CUT, Math.min(CUT, reward / Math.sqrt(this.#returns.variance[0]! + 1e-8)))
  }
}

interface Rollout {
  readonly count: number
  readonly observations: Float32Array
  readonly starts: Uint8Array
  readonly actions: Int32Array
  readonly logProbs: Float32Array
  readonly rewards: Float64Array
  readonly values: Float32Array
  readonly advantages: Float32Array
  readonly returns: Float32Array
  /** [rollout / bptt, lstms, envs, hidden]: the state before each segment. */
  readonly hidden: Float32Array
  readonly cell: Float32Array
}

function newRollout({ layout }: Engine, { envs, rolloutSteps, bptt }: PpoSettings): Rollout {
  const { inputs, hidden } = layout.shape
  const count = envs * rolloutSteps
  const states = (rolloutSteps / bptt) * layout.lstms.length * envs * hidden
  return {
    count,
    observations: new Float32Array(count * inputs),
    starts: new Uint8Array(count),
    actions: new Int32Array(count),
    logProbs: new Float32Array(count),
    rewards: new Float64Array(count),
    values: new Float32Array(count),
    advantages: new Float32Array(count),
    returns: new Float32Array(count),
    hidden: new Float32Array(states),
    cell: new Float32Array(states),
  }
}

function shuffle(list: number[], rng: Rng): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = rng.int(i + 1)
    const kept = list[i]!
    list[i] = list[j]!
    list[j] = kept
  }
}

/** The sequences of some segments; segment s is steps [bptt floor(s / envs), ...) of environment s mod envs. */
function gather(
  rollout: Rollout,
  segments: readonly number[],
  { layout }: Engine,
  { envs, bptt }: PpoSettings,
): Minibatch {
  const { inputs, hidden: width } = layout.shape
  const sequences = segments.length
  const rows = bptt * sequences
  const batch = {
    steps: bptt,
    sequences,
    observations: new Float32Array(rows * inputs),
    episodeStarts: new Uint8Array(rows),
    valid: new Uint8Array(rows).fill(1),
    actions: new Int32Array(rows),
    oldLogProbs: new Float32Array(rows),
    advantages: new Float32Array(rows),
    returns: new Float32Array(rows),
    hidden: new Float32Array(layout.lstms.length * sequences * width),
    cell: new Float32Array(layout.lstms.length * sequences * width),
    held: null,
  }
  for (const [s, segment] of segments.entries()) {
    const env = segment % envs
    const block = Math.floor(segment / envs)
    for (let t = 0; t < bptt; t++) {
      const from = (block * bptt + t) * envs + env
      const to = t * sequences + s
      batch.observations.set(rollout.observations.subarray(from * inputs, (from + 1) * inputs), to * inputs)
      batch.episodeStarts[to] = rollout.starts[from]!
      batch.actions[to] = rollout.actions[from]!
      batch.oldLogProbs[to] = rollout.logProbs[from]!
      batch.advantages[to] = rollout.advantages[from]!
      batch.returns[to] = rollout.returns[from]!
    }
    for (let k = 0; k < layout.lstms.length; k++) {
      const from = ((block * layout.lstms.length + k) * envs + env) * width
      batch.hidden.set(rollout.hidden.subarray(from, from + width), (k * sequences + s) * width)
      batch.cell.set(rollout.cell.subarray(from, from + width), (k * sequences + s) * width)
    }
  }
  return batch
}
