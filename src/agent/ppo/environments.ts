/**
 * The environments of a rollout side by side, and all that lasts from one of their steps to the next: what is observed, the
 * LSTM state, the sums of the episodes, the scales of observations and rewards. Arrays are by environment: [envs, ...].
 */
import { Failure } from '../../base/errors.js'
import { type Rng, stream } from '../../base/rng.js'
import type { Engine } from '../engines/engine.js'
import { RunningMoments } from '../network/normaliser.js'
import type { Episode, Task } from '../tasks/task.js'
import type { PpoSettings } from './settings.js'
import { fill, momentsOf, type PpoState, restoreMoments, type StateTensor, tensorOf } from './state.js'

/** Episodes of which the mean is told. */
const RECENT = 100

interface Finished {
  readonly reward: number
  readonly length: number
}

/** As many environments as the settings say, of one task, under one engine. */
export class Environments {
  /** Random numbers of each environment. */
  readonly rngs: readonly Rng[]
  /** [envs]: 1 where the next observation is the first of an episode. */
  readonly starts: Uint8Array
  /** [cells, envs, hidden] each: the LSTM state before the next step. */
  readonly hidden: Float32Array
  readonly cell: Float32Array
  readonly #engine: Engine
  readonly #gamma: number
  readonly #episodes: readonly Episode[]
  /** [envs, inputs], as the environments give them. */
  readonly #current: Float32Array
  readonly #observations: RunningMoments | null
  /** Of the discounted returns; null where nothing asks for them. */
  readonly #returns: RunningMoments | null
  readonly #normalisesRewards: boolean
  /** [envs] each: of the episode so far, its return discounted from the end, its reward, its steps. */
  readonly #discounted: Float64Array
  readonly #reward: Float64Array
  readonly #length: Float64Array
  #finished: Finished[] = []

  /** Starts an episode in each. `phase` counts the stretches of a run, each with random numbers of its own. */
  constructor(engine: Engine, task: Task, settings: PpoSettings, phase: number) {
    const { envs, seed, gamma, normaliseObservations, normaliseRewards, clipSpread } = settings
    const { inputs, hidden } = engine.layout.shape
    const states = engine.layout.cells * envs * hidden
    this.#engine = engine
    this.#gamma = gamma
    this.rngs = Array.from({ length: envs }, (_, e) => stream(seed, 'env', phase, e))
    this.#episodes = this.rngs.map((rng, e) => task.start(rng, e))
    this.#observations = normaliseObservations ? new RunningMoments(inputs) : null
    this.#returns = normaliseRewards || clipSpread > 0 ? new RunningMoments(1) : null
    this.#normalisesRewards = normaliseRewards
    this.#current = new Float32Array(envs * inputs)
    this.starts = new Uint8Array(envs).fill(1)
    this.hidden = new Float32Array(states)
    this.cell = new Float32Array(states)
    this.#discounted = new Float64Array(envs)
    this.#reward = new Float64Array(envs)
    this.#length = new Float64Array(envs)
    for (const [e, episode] of this.#episodes.entries()) episode.reset(this.#current, e * inputs)
  }

  /** Of the observations; null where they are taken as they are. */
  get normaliser(): RunningMoments | null {
    return this.#observations
  }

  /** Goes on with what an earlier phase knows of the scale of observations and returns. */
  adopt(earlier: Environments): void {
    restoreMoments(this.#observations, momentsOf(earlier.#observations))
    restoreMoments(this.#returns, momentsOf(earlier.#returns))
  }

  /** Writes what is observed to `out`, [envs, inputs]; the normaliser takes it in before it is applied. */
  observe(out: Float32Array): void {
    const envs = this.#episodes.length
    out.set(this.#current)
    this.#observations?.update(out, envs)
    this.#observations?.apply(out, envs)
  }

  /** Logits [envs, actions] and values [envs] for observations [envs, inputs]; the LSTM state moves on. */
  policyStep(observations: Float32Array, logits: Float32Array, values: Float32Array): void {
    const { starts: episodeStarts, hidden, cell } = this
    const count = this.#episodes.length
    this.#engine.policyStep({ count, observations, episodeStarts, hidden, cell, logits, values })
  }

  /** The action in force in environment `e`, which the hold prior favours. */
  held(e: number): number {
    return this.#episodes[e]!.held
  }

  /**
   * Takes an action in environment `e`, where a new episode begins if it ends this one; returns the reward to learn from, its
   * last value included where it was cut off. Throws 65 for a reward that is not finite, which names the `step` of the run.
   */
  step(e: number, action: number, step: number): number {
    const at = e * this.#engine.layout.shape.inputs
    const { reward, terminated, truncated } = this.#episodes[e]!.step(action, this.#current, at)
    if (!Number.isFinite(reward))
      throw new Failure('data', `the reward at step ${step} is ${reward}`, { fields: { step } })
    this.#reward[e]! += reward
    this.#length[e]!++
    this.starts[e] = 0
    let learnt = this.#scaled(e, reward)
    if (!terminated && !truncated) return learnt
    this.#finished.push({ reward: this.#reward[e]!, length: this.#length[e]! })
    if (this.#finished.length >= 2 * RECENT) this.#finished = this.#finished.slice(-RECENT)
    if (truncated) learnt += this.#gamma * this.#valueOf(e)
    this.#reward[e] = 0
    this.#length[e] = 0
    this.#discounted[e] = 0
    this.starts[e] = 1
    this.#episodes[e]!.reset(this.#current, at)
    return learnt
  }

  /**
   * The reward to learn from: where rewards are normalised it is over the deviation of the discounted return, as VecNormalize of
   * Stable-Baselines3 does.
   */
  #scaled(e: number, reward: number): number {
    if (this.#returns === null) return reward
    this.#discounted[e] = this.#gamma * this.#discounted[e]! + reward
    this.#returns.update([this.#discounted[e]!], 1)
    return this.#normalisesRewards ? this.#returns.scale(reward) : reward
  }

  /** Deviation of the discounted returns, in the unit of the rewards that are learnt from; NaN where none are watched. */
  get returnDeviation(): number {
    if (this.#normalisesRewards) return 1
    return this.#returns === null ? Number.NaN : Math.sqrt(this.#returns.variance[0]!)
  }

  /** [envs]: values of the observations that come next. The states stay as they are, for the next rollout needs them. */
  lastValues(): Float32Array {
    const envs = this.#episodes.length
    const seen = this.#current.slice()
    this.#observations?.apply(seen, envs)
    return this.#values(seen, this.starts, this.hidden.slice(), this.cell.slice())
  }

  /** Value of the last observation of environment `e`, whose state goes on from its last step. */
  #valueOf(e: number): number {
    const { shape, cells } = this.#engine.layout
    const { hidden: width, inputs } = shape
    const envs = this.#episodes.length
    const seen = this.#current.slice(e * inputs, (e + 1) * inputs)
    this.#observations?.apply(seen, 1)
    const state = (all: Float32Array) => {
      const own = new Float32Array(cells * width)
      for (let c = 0; c < cells; c++) {
        const from = (c * envs + e) * width
        own.set(all.subarray(from, from + width), c * width)
      }
      return own
    }
    return this.#values(seen, new Uint8Array(1), state(this.hidden), state(this.cell))[0]!
  }

  /** Of observations under states that are used up. */
  #values(
    observations: Float32Array,
    episodeStarts: Uint8Array,
    hidden: Float32Array,
    cell: Float32Array,
  ): Float32Array {
    const count = episodeStarts.length
    const values = new Float32Array(count)
    const logits = new Float32Array(count * this.#engine.layout.shape.actions)
    this.#engine.policyStep({ count, observations, episodeStarts, hidden, cell, logits, values })
    return values
  }

  /** Means over the last 100 episodes, of rewards as they came; null before the first ends. */
  recent(): { readonly meanReward: number | null; readonly meanLength: number | null } {
    const recent = this.#finished.slice(-RECENT)
    const mean = (pick: (one: Finished) => number) =>
      recent.length === 0 ? null : recent.reduce((sum, one) => sum + pick(one), 0) / recent.length
    return { meanReward: mean(({ reward }) => reward), meanLength: mean(({ length }) => length) }
  }

  /** A copy of everything but the random numbers, in the order of a checkpoint. */
  save(): [string, StateTensor][] {
    const episodes = this.#episodes.map((episode) => episode.save())
    return [
      ['env.observation', this.#current.slice()],
      ['env.start', this.starts.slice()],
      ['env.hidden', this.hidden.slice()],
      ['env.cell', this.cell.slice()],
      ['env.discounted', this.#discounted.slice()],
      ['env.reward', this.#reward.slice()],
      ['env.length', this.#length.slice()],
      ['env.state', Float64Array.from(episodes.flatMap((numbers) => [numbers.length, ...numbers]))],
      ['finished', Float64Array.from(this.#finished.flatMap(({ reward, length }) => [reward, length]))],
      ['normaliser.observations', momentsOf(this.#observations)],
      ['normaliser.returns', momentsOf(this.#returns)],
    ]
  }

  /** Throws RangeError where the state is one of other settings. */
  restore(state: PpoState): void {
    fill(state, 'env.observation', this.#current)
    fill(state, 'env.start', this.starts)
    fill(state, 'env.hidden', this.hidden)
    fill(state, 'env.cell', this.cell)
    fill(state, 'env.discounted', this.#discounted)
    fill(state, 'env.reward', this.#reward)
    fill(state, 'env.length', this.#length)
    const all = tensorOf(state, 'env.state')
    let at = 0
    for (const episode of this.#episodes) {
      const length = all[at]!
      episode.restore([...all.subarray(at + 1, at + 1 + length)])
      at += 1 + length
    }
    const finished = tensorOf(state, 'finished')
    this.#finished = Array.from({ length: finished.length / 2 }, (_, i) => ({
      reward: finished[2 * i]!,
      length: finished[2 * i + 1]!,
    }))
    restoreMoments(this.#observations, tensorOf(state, 'normaliser.observations'))
    restoreMoments(this.#returns, tensorOf(state, 'normaliser.returns'))
  }
}
