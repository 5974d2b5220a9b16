/**
 * Recurrent PPO (Schulman et al., 2017; sb3-contrib's RecurrentPPO): collect, advantages, update. The state is zeroed at
 * the start of an episode in rollout and update alike; every sequence of an update starts from the state stored when it
 * was collected, and gradients are cut there.
 */
import { Failure } from '../../base/errors.js'
import { type Rng, stream } from '../../base/rng.js'
import type { Engine, LossFigures } from '../engines/engine.js'
import { ActionDistribution } from '../network/distribution.js'
import { initialParameters } from '../network/initial.js'
import { RunningMoments } from '../network/normaliser.js'
import type { Episode, Task } from '../tasks/task.js'
import { generalisedAdvantages } from './gae.js'
import { Rollout } from './rollout.js'

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
  readonly clip: Schedule
  readonly rate: Schedule
  readonly entropy: Schedule
  readonly valueCoefficient: number
  readonly maxNorm: number
  /** Stops the epochs of an update whose approximate KL passes 1.5 times this. */
  readonly targetKl: number | null
  readonly holdPrior: number
  readonly normaliseObservations: boolean
  readonly normaliseRewards: boolean
  readonly orthogonal: boolean
  readonly seed: number
}

/** From the first value to the second, linearly over the run. */
export type Schedule = readonly [number, number]

export const scheduled = ([from, to]: Schedule, done: number): number => from + (to - from) * done

/** What is said after each rollout and its update; means over the update's minibatches. */
export interface PpoProgress {
  readonly step: number
  readonly updates: number
  readonly figures: LossFigures
  readonly gradientNorm: number
  readonly explainedVariance: number | null
  readonly rate: number
  readonly clip: number
  readonly entropyCoefficient: number
  /** Of the last 100 episodes, unnormalised; null before the first ends. */
  readonly meanReward: number | null
  readonly meanLength: number | null
}

export type StateTensor = Float32Array | Float64Array | Uint32Array | Uint8Array | Int32Array
/** Everything that the next step depends on, by name. */
export type PpoState = ReadonlyMap<string, StateTensor>

/** The run has left the realm of numbers: exit 1, and the last checkpoint stands. */
export class Diverged extends Failure {
  constructor(what: string, step: number) {
    super('no', `diverged at step ${step}: ${what}`, {
      hint: 'try a smaller --lr or --max-grad-norm',
      fields: { step },
    })
  }
}

const RECENT = 100

export class Ppo {
  readonly engine: Engine
  readonly settings: PpoSettings
  readonly #task: Task
  readonly #episodes: readonly Episode[]
  readonly #rngs: readonly Rng[]
  readonly #choice: Rng
  readonly #shuffle: Rng
  readonly #observations: RunningMoments | null
  readonly #returns: RunningMoments | null
  readonly #distribution: ActionDistribution
  readonly #rollout: Rollout
  /** State of the environments: current observation (raw), whether it starts an episode, LSTM state. */
  readonly #current: Float32Array
  readonly #starts: Uint8Array
  readonly #hidden: Float32Array
  readonly #cell: Float32Array
  readonly #discounted: Float64Array
  readonly #episodeReward: Float64Array
  readonly #episodeLength: Float64Array
  #finished: { reward: number; length: number }[] = []
  step = 0
  updates = 0

  /** Writes fresh parameters. `phase` counts the stretches of a run, each with random numbers of its own. */
  constructor(engine: Engine, task: Task, settings: PpoSettings, phase = 0) {
    const { envs, seed } = settings
    const { inputs, hidden } = engine.layout.shape
    const states = engine.layout.cells * envs * hidden
    this.engine = engine
    this.settings = settings
    this.#task = task
    this.#choice = stream(seed, 'actions', phase)
    this.#shuffle = stream(seed, 'minibatches', phase)
    this.#rngs = Array.from({ length: envs }, (_, e) => stream(seed, 'env', phase, e))
    this.#episodes = this.#rngs.map((rng) => task.start(rng))
    this.#observations = settings.normaliseObservations ? new RunningMoments(inputs) : null
    this.#returns = settings.normaliseRewards ? new RunningMoments(1) : null
    this.#distribution = new ActionDistribution({ allowed: task.mask, holdPrior: settings.holdPrior })
    this.#rollout = new Rollout(engine.layout, settings)
    this.#current = new Float32Array(envs * inputs)
    this.#starts = new Uint8Array(envs).fill(1)
    this.#hidden = new Float32Array(states)
    this.#cell = new Float32Array(states)
    this.#discounted = new Float64Array(envs)
    this.#episodeReward = new Float64Array(envs)
    this.#episodeLength = new Float64Array(envs)
    engine.writeParameters(initialParameters(engine.layout, stream(seed, 'parameters'), settings))
    for (const [e, episode] of this.#episodes.entries()) episode.reset(this.#current, e * inputs)
  }

  /** Of the observations; null where they are taken as they are. */
  get normaliser(): RunningMoments | null {
    return this.#observations
  }

  /** One rollout and its update. Yields now and then, so that the caller can listen to signals. */
  *iterate(): Generator<void, PpoProgress> {
    const done = Math.min(1, this.step / this.settings.steps)
    yield* this.#collect()
    const update = yield* this.#update(done)
    this.step += this.#rollout.count
    const recent = this.#finished.slice(-RECENT)
    const average = (pick: (one: { reward: number; length: number }) => number) =>
      recent.length === 0 ? null : recent.reduce((sum, one) => sum + pick(one), 0) / recent.length
    return {
      ...update,
      step: this.step,
      updates: this.updates,
      explainedVariance: explainedVariance(this.#rollout),
      meanReward: average(({ reward }) => reward),
      meanLength: average(({ length }) => length),
    }
  }

  /** Goes on with what an earlier phase knows of the scale of observations and returns. */
  adopt(earlier: Ppo): void {
    restoreMoments(this.#observations, momentsOf(earlier.#observations))
    restoreMoments(this.#returns, momentsOf(earlier.#returns))
    this.updates = earlier.updates
  }

  /** `iterate` without a pause. */
  advance(): PpoProgress {
    const run = this.iterate()
    for (;;) {
      const { done, value } = run.next()
      if (done === true) return value
    }
  }

  *#collect(): Generator<void, void> {
    const { envs, rolloutSteps, bptt, gamma, lambda } = this.settings
    const { inputs, actions } = this.engine.layout.shape
    const rollout = this.#rollout
    const logits = new Float32Array(envs * actions)
    const values = new Float32Array(envs)
    for (let t = 0; t < rolloutSteps; t++) {
      const row = t * envs
      if (t % bptt === 0) {
        rollout.hidden.set(this.#hidden, (t / bptt) * this.#hidden.length)
        rollout.cell.set(this.#cell, (t / bptt) * this.#cell.length)
        yield
      }
      const seen = rollout.observations.subarray(row * inputs, (row + envs) * inputs)
      seen.set(this.#current)
      this.#observations?.update(seen, envs)
      this.#observations?.apply(seen, envs)
      rollout.starts.set(this.#starts, row)
      this.engine.policyStep({
        count: envs,
        observations: seen,
        episodeStarts: this.#starts,
        hidden: this.#hidden,
        cell: this.#cell,
        logits,
        values,
      })
      if (!values.every(Number.isFinite) || !logits.every(Number.isFinite)) throw this.#diverged()
      rollout.values.set(values, row)
      for (let e = 0; e < envs; e++) {
        const episode = this.#episodes[e]!
        const { held } = episode
        const action = this.#distribution.sample(logits, e * actions, held, this.#choice)
        rollout.actions[row + e] = action
        rollout.held[row + e] = held
        rollout.logProbs[row + e] = this.#distribution.logProb
        rollout.rewards[row + e] = this.#step(e, action)
      }
    }
    // The value after the last step, with states that the next rollout will still need as they are.
    const after = this.#current.slice()
    this.#observations?.apply(after, envs)
    this.engine.policyStep({
      count: envs,
      observations: after,
      episodeStarts: this.#starts,
      hidden: this.#hidden.slice(),
      cell: this.#cell.slice(),
      logits,
      values,
    })
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
  }

  /** Takes an action in environment `e`; returns the reward to learn from, its last value included where it was cut off. */
  #step(e: number, action: number): number {
    const { gamma } = this.settings
    const { inputs } = this.engine.layout.shape
    const { reward, terminated, truncated } = this.#episodes[e]!.step(action, this.#current, e * inputs)
    if (!Number.isFinite(reward)) {
      throw new Failure('data', `the reward at step ${this.step} is ${reward}`, {
        fields: { step: this.step },
      })
    }
    this.#episodeReward[e]! += reward
    this.#episodeLength[e]!++
    this.#starts[e] = 0
    let learnt = this.#scaled(e, reward, gamma)
    if (!terminated && !truncated) return learnt
    this.#finished.push({ reward: this.#episodeReward[e]!, length: this.#episodeLength[e]! })
    if (this.#finished.length >= 2 * RECENT) this.#finished = this.#finished.slice(-RECENT)
    if (truncated) learnt += gamma * this.#valueOf(e)
    this.#episodeReward[e] = 0
    this.#episodeLength[e] = 0
    this.#discounted[e] = 0
    this.#starts[e] = 1
    this.#episodes[e]!.reset(this.#current, e * inputs)
    return learnt
  }

  *#update(done: number): Generator<void, UpdateFigures> {
    const { epochs, batch, bptt, valueCoefficient, maxNorm, targetKl, holdPrior } = this.settings
    const rate = scheduled(this.settings.rate, done)
    const clip = scheduled(this.settings.clip, done)
    const entropyCoefficient = scheduled(this.settings.entropy, done)
    const rollout = this.#rollout
    const order = Array.from({ length: rollout.sequences }, (_, i) => i)
    const each = Math.max(1, Math.floor(batch / bptt))
    const mean = new MeanFigures()
    const settings = {
      clip,
      valueCoefficient,
      entropyCoefficient,
      normaliseAdvantage: true,
      holdPrior,
      allowed: this.#task.mask,
    }
    training: for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, this.#shuffle)
      for (let from = 0; from < order.length; from += each) {
        const figures = this.engine.gradMinibatch(rollout.gather(order.slice(from, from + each)), settings)
        if (!Number.isFinite(figures.loss)) throw this.#diverged()
        const tooFar = targetKl !== null && figures.approxKl > 1.5 * targetKl
        const adam = { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm }
        const norm = tooFar ? null : this.engine.adamStep(adam)
        // A finite loss can have a gradient that is not: it must not reach a checkpoint.
        if (norm !== null && !Number.isFinite(norm)) throw this.#diverged()
        mean.add(figures, norm)
        if (tooFar) break training
        yield
      }
      this.updates++
    }
    return { figures: mean.figures, gradientNorm: mean.norm, rate, clip, entropyCoefficient }
  }

  /** Value of the last observation of environment `e`, whose state goes on from its last step. */
  #valueOf(e: number): number {
    const { shape, cells } = this.engine.layout
    const { hidden: width, inputs, actions } = shape
    const { envs } = this.settings
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
    const values = new Float32Array(1)
    this.engine.policyStep({
      count: 1,
      observations: seen,
      episodeStarts: new Uint8Array(1),
      hidden: state(this.#hidden),
      cell: state(this.#cell),
      logits: new Float32Array(actions),
      values,
    })
    return values[0]!
  }

  /** Rewards over the deviation of the discounted return, as VecNormalize does. */
  #scaled(e: number, reward: number, gamma: number): number {
    if (this.#returns === null) return reward
    this.#discounted[e] = gamma * this.#discounted[e]! + reward
    this.#returns.update([this.#discounted[e]!], 1)
    return this.#returns.scale(reward)
  }

  /** Names the first tensor of the network that holds something else than numbers. */
  #diverged(): Diverged {
    const parameters = this.engine.readParameters()
    for (const { name, offset, size } of this.engine.layout.tensors) {
      if (!parameters.subarray(offset, offset + size).every(Number.isFinite))
        return new Diverged(`${name} is not finite`, this.step)
    }
    return new Diverged('the loss is not finite', this.step)
  }

  /** A copy of everything that the next iteration depends on. */
  save(): PpoState {
    const { first, second, steps } = this.engine.readMoments()
    const episodes = this.#episodes.map((episode) => episode.save())
    return new Map<string, StateTensor>([
      ['parameters', Float32Array.from(this.engine.readParameters())],
      ['adam.first', Float32Array.from(first)],
      ['adam.second', Float32Array.from(second)],
      ['counters', Float64Array.of(this.step, this.updates, steps)],
      [
        'rng',
        Uint32Array.from([this.#choice, this.#shuffle, ...this.#rngs].flatMap((rng) => rng.state.words)),
      ],
      ['env.observation', this.#current.slice()],
      ['env.start', this.#starts.slice()],
      ['env.hidden', this.#hidden.slice()],
      ['env.cell', this.#cell.slice()],
      ['env.discounted', this.#discounted.slice()],
      ['env.reward', this.#episodeReward.slice()],
      ['env.length', this.#episodeLength.slice()],
      ['env.state', Float64Array.from(episodes.flatMap((numbers) => [numbers.length, ...numbers]))],
      ['finished', Float64Array.from(this.#finished.flatMap(({ reward, length }) => [reward, length]))],
      ['normaliser.observations', momentsOf(this.#observations)],
      ['normaliser.returns', momentsOf(this.#returns)],
    ])
  }

  /** Goes back to a saved state of a run with the same settings. Throws RangeError where it does not fit. */
  restore(state: PpoState): void {
    const numbers = (name: string): StateTensor => {
      const found = state.get(name)
      if (found === undefined) throw new RangeError(`${name} is missing`)
      return found
    }
    const fill = (name: string, to: StateTensor) => {
      const from = numbers(name)
      if (from.length !== to.length) throw new RangeError(`${name} has another size`)
      to.set(from)
    }
    const [step = 0, updates = 0, steps = 0] = numbers('counters')
    const parameters = new Float32Array(this.engine.layout.size)
    const first = parameters.slice()
    const second = parameters.slice()
    fill('parameters', parameters)
    fill('adam.first', first)
    fill('adam.second', second)
    this.engine.writeParameters(parameters)
    this.engine.writeMoments({ first, second, steps })
    this.step = step
    this.updates = updates
    const rngs = [this.#choice, this.#shuffle, ...this.#rngs]
    const words = numbers('rng')
    if (words.length !== 4 * rngs.length) throw new RangeError('rng has another size')
    for (const [i, rng] of rngs.entries()) {
      const [a = 0, b = 0, c = 0, d = 0] = words.subarray(4 * i, 4 * i + 4)
      rng.state = { words: [a, b, c, d] }
    }
    fill('env.observation', this.#current)
    fill('env.start', this.#starts)
    fill('env.hidden', this.#hidden)
    fill('env.cell', this.#cell)
    fill('env.discounted', this.#discounted)
    fill('env.reward', this.#episodeReward)
    fill('env.length', this.#episodeLength)
    const all = numbers('env.state')
    let at = 0
    for (const episode of this.#episodes) {
      const length = all[at]!
      episode.restore([...all.subarray(at + 1, at + 1 + length)])
      at += 1 + length
    }
    const finished = numbers('finished')
    this.#finished = Array.from({ length: finished.length / 2 }, (_, i) => ({
      reward: finished[2 * i]!,
      length: finished[2 * i + 1]!,
    }))
    restoreMoments(this.#observations, numbers('normaliser.observations'))
    restoreMoments(this.#returns, numbers('normaliser.returns'))
  }
}

type UpdateFigures = Pick<PpoProgress, 'figures' | 'gradientNorm' | 'rate' | 'clip' | 'entropyCoefficient'>

const momentsOf = (from: RunningMoments | null): Float64Array =>
  from === null ? new Float64Array(0) : Float64Array.of(from.count, ...from.mean, ...from.variance)

function restoreMoments(to: RunningMoments | null, from: StateTensor): void {
  const size = to === null ? 0 : 1 + 2 * to.mean.length
  if (from.length !== size) throw new RangeError('the normaliser has another size')
  if (to === null) return
  to.count = from[0]!
  to.mean.set(from.subarray(1, 1 + to.mean.length))
  to.variance.set(from.subarray(1 + to.mean.length))
}

function shuffle(list: number[], rng: Rng): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = rng.int(i + 1)
    const kept = list[i]!
    list[i] = list[j]!
    list[j] = kept
  }
}

/** Means over the minibatches of an update. */
class MeanFigures {
  #count = 0
  #norms = 0
  #steps = 0
  readonly #sums = { loss: 0, policyLoss: 0, valueLoss: 0, entropy: 0, approxKl: 0, clipFraction: 0 }

  add(figures: LossFigures, norm: number | null): void {
    this.#count++
    for (const name of Object.keys(this.#sums) as (keyof LossFigures)[]) this.#sums[name] += figures[name]
    if (norm === null) return
    this.#steps++
    this.#norms += norm
  }

  get figures(): LossFigures {
    const { loss, policyLoss, valueLoss, entropy, approxKl, clipFraction } = this.#sums
    const mean = (sum: number) => sum / this.#count
    return {
      loss: mean(loss),
      policyLoss: mean(policyLoss),
      valueLoss: mean(valueLoss),
      entropy: mean(entropy),
      approxKl: mean(approxKl),
      clipFraction: mean(clipFraction),
    }
  }

  get norm(): number {
    return this.#steps === 0 ? 0 : this.#norms / this.#steps
  }
}

/** 1 - Var(returns - values) / Var(returns); null where the returns do not vary. */
function explainedVariance({ returns, values }: Rollout): number | null {
  const variance = (at: (i: number) => number): number => {
    let [mean, squares] = [0, 0]
    for (let i = 0; i < returns.length; i++) mean += at(i) / returns.length
    for (let i = 0; i < returns.length; i++) squares += (at(i) - mean) * (at(i) - mean)
    return squares
  }
  const all = variance((i) => returns[i]!)
  return all === 0 ? null : 1 - variance((i) => returns[i]! - values[i]!) / all
}
