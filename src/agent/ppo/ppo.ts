/**
 * Recurrent PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017, algorithm 1; sb3-contrib's RecurrentPPO):
 * collect, advantages, update. The objective stands at `Engine.gradient`. The state is zeroed at the start of an episode
 * in rollout and update alike; every sequence of an update starts from the state stored when it was collected, and gradients
 * are cut there.
 */
import { standardDeviation } from '../../base/moments.js'
import { type Rng, stream } from '../../base/rng.js'
import type { Engine, LossFigures } from '../engines/engine.js'
import { ActionDistribution } from '../network/distribution.js'
import { initialParameters } from '../network/initial.js'
import type { RunningMoments } from '../network/normaliser.js'
import type { Task } from '../tasks/task.js'
import { Diverged, diverged } from './diverged.js'
import { Environments } from './environments.js'
import { generalisedAdvantages } from './gae.js'
import { explainedVariance, MeanFigures, type PpoProgress, type UpdateFigures } from './progress.js'
import { Rollout, shuffle } from './rollout.js'
import { type PpoSettings, scheduled } from './settings.js'
import { type PpoState, restoreLearner, saveLearner } from './state.js'

/** One learner over the environments of a task: it owns the engine's parameters and moments. */
export class Ppo {
  readonly engine: Engine
  readonly settings: PpoSettings
  readonly #allowed: Uint8Array
  readonly #distribution: ActionDistribution
  readonly #environments: Environments
  readonly #rollout: Rollout
  readonly #choice: Rng
  readonly #shuffle: Rng
  readonly #rngs: readonly Rng[]
  /** Environment steps, and epochs, so far. */
  step = 0
  updates = 0

  /** Writes fresh parameters. `phase` counts the stretches of a run, each with random numbers of its own. */
  constructor(engine: Engine, task: Task, settings: PpoSettings, phase = 0) {
    const { seed, holdPrior } = settings
    this.engine = engine
    this.settings = settings
    this.#allowed = task.mask
    this.#distribution = new ActionDistribution({ allowed: task.mask, holdPrior })
    this.#environments = new Environments(engine, task, settings, phase)
    this.#rollout = new Rollout(engine.layout, settings)
    this.#choice = stream(seed, 'actions', phase)
    this.#shuffle = stream(seed, 'minibatches', phase)
    this.#rngs = [this.#choice, this.#shuffle, ...this.#environments.rngs]
    engine.writeParameters(initialParameters(engine.layout, stream(seed, 'parameters'), settings))
  }

  /** Of the observations; null where they are taken as they are. */
  get normaliser(): RunningMoments | null {
    return this.#environments.normaliser
  }

  /**
   * One rollout and its update. Yields now and then, so that the caller can listen to signals; left half-way it can only be
   * restored. Throws Diverged where numbers are no longer finite, 65 for such a reward.
   */
  *iterate(): Generator<void, PpoProgress> {
    const done = Math.min(1, this.step / this.settings.steps)
    yield* this.#collect()
    this.#advantages()
    const update = yield* this.#update(done)
    this.step += this.#rollout.count
    const { step, updates } = this
    const variance = explainedVariance(this.#rollout)
    return { ...update, step, updates, explainedVariance: variance, ...this.#environments.recent() }
  }

  /** `iterate` without a pause. */
  advance(): PpoProgress {
    const run = this.iterate()
    for (;;) {
      const { done, value } = run.next()
      if (done === true) return value
    }
  }

  /** Runs the policy of the moment for a rollout; its numbers are [rolloutSteps, envs, ...]. */
  *#collect(): Generator<void, void> {
    const { envs, rolloutSteps, bptt } = this.settings
    const { inputs, actions } = this.engine.layout.shape
    const environments = this.#environments
    const rollout = this.#rollout
    const logits = new Float32Array(envs * actions)
    const values = new Float32Array(envs)
    for (let t = 0; t < rolloutSteps; t++) {
      const row = t * envs
      if (t % bptt === 0) {
        rollout.keepState(t / bptt, environments)
        yield
      }
      const observations = rollout.observations.subarray(row * inputs, (row + envs) * inputs)
      environments.observe(observations)
      rollout.episodeStarts.set(environments.starts, row)
      environments.policyStep(observations, logits, values)
      if (!values.every(Number.isFinite) || !logits.every(Number.isFinite))
        throw diverged(this.engine, this.step)
      rollout.values.set(values, row)
      for (let e = 0; e < envs; e++) {
        const held = environments.held(e)
        const action = this.#distribution.sample(logits, e * actions, held, this.#choice)
        rollout.actions[row + e] = action
        rollout.held[row + e] = held
        rollout.oldLogProbs[row + e] = this.#distribution.logProb
        rollout.rewards[row + e] = environments.step(e, action, this.step)
      }
    }
  }

  /** Generalised advantages of the rollout, and the returns that the values shall learn: advantage + value. */
  #advantages(): void {
    const { envs, rolloutSteps: steps, gamma, lambda } = this.settings
    const { rewards, values, episodeStarts, advantages, returns } = this.#rollout
    const lastValues = this.#environments.lastValues()
    const lastDones = this.#environments.starts
    const input = { steps, envs, rewards, values, episodeStarts, lastValues, lastDones, gamma, lambda }
    generalisedAdvantages(input, advantages, returns)
  }

  /**
   * How far the rollout may move the policy, as a part of the clip range: 1 where its advantages deviate by `clipSpread` of the
   * returns or more, less in proportion below. A minibatch brings advantages to a deviation of 1 whatever they are: where a policy
   * has little left to gain, the errors of the value would move it as far as any lesson did, and it wanders off.
   */
  #worth(): number {
    const { clipSpread } = this.settings
    if (clipSpread === 0) return 1
    const spread = standardDeviation(this.#rollout.advantages) / this.#environments.returnDeviation
    return Math.min(1, spread / clipSpread)
  }

  /** Epochs of minibatches of sequences, each with a step of Adam; `done` is the part of the run that is over. */
  *#update(done: number): Generator<void, UpdateFigures> {
    const { epochs, batch, bptt, valueCoefficient, maxNorm, targetKl, holdPrior } = this.settings
    const rate = scheduled(this.settings.rate, done)
    const clip = scheduled(this.settings.clip, done) * this.#worth()
    const entropyCoefficient = scheduled(this.settings.entropy, done)
    const prior = { holdPrior, allowed: this.#allowed }
    const loss = { clip, valueCoefficient, entropyCoefficient, normaliseAdvantage: true, ...prior }
    const adam = { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm }
    const rollout = this.#rollout
    const order = Array.from({ length: rollout.sequences }, (_, i) => i)
    const each = Math.max(1, Math.floor(batch / bptt))
    const mean = new MeanFigures(Math.ceil(order.length / each))
    this.engine.load(rollout)
    training: for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, this.#shuffle)
      for (let from = 0; from < order.length; from += each) {
        this.engine.gradient(order.slice(from, from + each), loss)
        // Reading makes a device wait, so without a target all figures are read at the end.
        if (targetKl !== null && this.#read(mean).approxKl > 1.5 * targetKl) break training
        this.engine.adamStep(adam)
        yield
      }
      this.updates++
    }
    if (targetKl === null) this.#read(mean)
    const norms = this.engine.readNorms()
    // A finite loss can have a gradient that is not: it must not reach a checkpoint.
    if (!norms.every(Number.isFinite)) throw new Diverged('the gradient is not finite', this.step)
    mean.addNorms(norms)
    return { figures: mean.figures, ...mean.last, gradientNorm: mean.norm, rate, clip, entropyCoefficient }
  }

  /** Takes in the figures that were not read yet, and returns the last of them. */
  #read(mean: MeanFigures): LossFigures {
    const all = this.engine.readFigures()
    if (!all.every(({ loss }) => Number.isFinite(loss)))
      throw new Diverged('the loss is not finite', this.step)
    for (const figures of all) mean.add(figures)
    return all.at(-1)!
  }

  /** Goes on with what an earlier phase knows of the scale of observations and returns. */
  adopt(earlier: Ppo): void {
    this.#environments.adopt(earlier.#environments)
    this.updates = earlier.updates
  }

  /** A copy of everything that the next iteration depends on. */
  save(): PpoState {
    return new Map([...saveLearner(this.engine, this.#rngs, this), ...this.#environments.save()])
  }

  /** Goes back to a saved state of a run with the same settings. Throws RangeError where it does not fit. */
  restore(state: PpoState): void {
    const { step, updates } = restoreLearner(this.engine, this.#rngs, state)
    this.step = step
    this.updates = updates
    this.#environments.restore(state)
  }
}
