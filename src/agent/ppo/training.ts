/**
 * A training run from its first step to its last: rollouts and updates, validation at fixed step counts, checkpoints. Files
 * and words are the caller's; so is the time, and the decision to stop.
 */

import type { Engine } from '../engines/engine.js'
import { Actor } from '../model/actor.js'
import type { RunningMoments } from '../network/normaliser.js'
import type { Task } from '../tasks/task.js'
import { Ppo } from './ppo.js'
import type { PpoProgress } from './progress.js'
import type { PpoSettings } from './settings.js'
import { momentsOf, type PpoState, restoreMoments, type StateTensor, tensorOf } from './state.js'
import type { Evaluate, Score } from './validation.js'

/** A stretch of a run with a task and settings of its own; `settings.steps` is its length. */
export interface Phase {
  readonly name: string
  readonly task: Task
  readonly settings: PpoSettings
  /** Where another network learns than that of the run; it begins fresh, and the run takes its weights over. */
  readonly own?: OwnNetwork
}

/** A network of a phase, on an engine of its own. */
export interface OwnNetwork {
  readonly engine: Engine
  /** Its parameters as parameters of the run's network. */
  readonly widened: (parameters: ArrayLike<number>) => Float32Array
}

/** All that a run is made of. The engine is its alone while it lasts. */
export interface TrainingOptions {
  readonly engine: Engine
  readonly phases: readonly Phase[]
  readonly evaluate: Evaluate
  /** Environment steps between two evaluations, and between two checkpoints. */
  readonly evaluateEvery: number
  readonly checkpointEvery: number
  /** Evaluations without a new best after which the run ends; null for never. */
  readonly earlyStop: number | null
  /** What to start from instead of fresh parameters. */
  readonly initial: Start | null
}

/** What another model knows. */
export interface Start {
  readonly parameters: Float32Array
  /** Of the observations, where they are normalised: what the parameters know them by. */
  readonly normaliser: RunningMoments | null
}

/** The score of the model that is kept, and the step of its parameters. */
export interface Best {
  readonly reward: number
  readonly step: number
}

/** Said after each iteration. */
export interface Iteration {
  readonly progress: PpoProgress
  readonly step: number
  readonly phase: string
  /** Steps of this iteration. */
  readonly steps: number
  readonly score: Score | null
  /** The model that was scored is the one to keep. */
  readonly best: boolean
}

/** What the caller does on the way. The run waits for each; what one throws ends it. */
export interface TrainingHooks {
  /** Called every now and then; true stops the run. */
  readonly pause: () => Promise<boolean>
  readonly iteration: (iteration: Iteration) => Promise<void>
  readonly checkpoint: (state: PpoState) => Promise<void>
}

/** All steps done; no new best for too long; or a pause said to stop. */
export type TrainingEnd = 'steps' | 'early-stop' | 'stopped'

/**
 * The phases of a run on one engine, one after the other. Until `run` it stands at step 0 with fresh or given parameters, or
 * where it was restored.
 */
export class Training {
  readonly options: TrainingOptions
  readonly total: number
  #phase = 0
  #ppo: Ppo
  #best: Best | null = null
  /** The highest score so far, and how many evaluations came after it. */
  #highest = { reward: Number.NEGATIVE_INFINITY, error: 0 }
  #stale = 0

  constructor(options: TrainingOptions) {
    this.options = options
    this.total = options.phases.reduce((sum, { settings }) => sum + rounded(settings), 0)
    this.#ppo = this.#begin(0)
    const { initial } = options
    if (initial === null) return
    options.engine.writeParameters(initial.parameters)
    if (initial.normaliser !== null) restoreMoments(this.#ppo.normaliser, momentsOf(initial.normaliser))
  }

  /** Environment steps over all phases. */
  get step(): number {
    return this.#before(this.#phase) + this.#ppo.step
  }

  /** Null before the first score that is a number. */
  get best(): Best | null {
    return this.#best
  }

  /** Of the run's network, as it stands: a copy. */
  get parameters(): ArrayLike<number> {
    const { own } = this.#current
    return own === undefined ? this.options.engine.readParameters() : own.widened(own.engine.readParameters())
  }

  get #current(): Phase {
    return this.options.phases[this.#phase]!
  }

  /** Of the phase at hand; null where observations are taken as they are. */
  get normaliser(): RunningMoments | null {
    return this.#ppo.normaliser
  }

  /**
   * Trains on from where it stands. A run that is stopped goes back to the beginning of its iteration and gives that state to
   * `checkpoint`; gone on with from there, it ends with the bits it would have had. Throws as `Ppo.iterate` does.
   */
  async run({ pause, iteration, checkpoint }: TrainingHooks): Promise<TrainingEnd> {
    // A phase that was added to a run that had ended.
    if (this.step < this.total && this.#isPhaseDone) this.#next()
    while (this.step < this.total) {
      // A run that ended early and is taken up again has nothing left to do.
      if (this.endsEarly) return 'early-stop'
      const saved = this.save()
      const done = await unlessStopped(this.#iterate(), pause)
      if (done === null) {
        // Half an iteration cannot be stored: the run goes on from its beginning.
        this.restore(saved)
        await checkpoint(saved)
        return 'stopped'
      }
      await iteration(done)
      const last = done.step >= this.total
      if (!last && this.#isPhaseDone) this.#next()
      const { checkpointEvery } = this.options
      if (last || this.endsEarly || passes(done, checkpointEvery)) await checkpoint(this.save())
      if (!last && this.endsEarly) return 'early-stop'
    }
    return 'steps'
  }

  /** There was no new best for too long. */
  get endsEarly(): boolean {
    const { earlyStop } = this.options
    return earlyStop !== null && this.#stale >= earlyStop
  }

  /** All phases but the last are done, and nothing of that one. */
  get isAtLastPhase(): boolean {
    return this.step === this.#before(this.options.phases.length - 1)
  }

  get #isPhaseDone(): boolean {
    return this.#ppo.step >= rounded(this.#current.settings)
  }

  /** A rollout, its update and, where one is due, an evaluation. Yields now and then. */
  *#iterate(): Generator<void, Iteration> {
    const from = this.step
    const progress = yield* this.#ppo.iterate()
    const { step } = this
    const phase = this.#current.name
    const due = step >= this.total || passes({ step, steps: step - from }, this.options.evaluateEvery)
    const score = due ? yield* this.#evaluate() : null
    const best = score !== null && this.#isBest(score, step)
    return { progress, step, phase, steps: step - from, score, best }
  }

  /** Score of the parameters as they are now. */
  #evaluate(): Generator<void, Score> {
    const { engine, phases, evaluate } = this.options
    const { own, settings } = this.#current
    // The engine of the run is idle until then.
    if (own !== undefined) engine.writeParameters(this.parameters)
    const { mask } = phases.at(-1)!.task
    return evaluate(
      new Actor(engine, { normaliser: this.#ppo.normaliser, mask, holdPrior: settings.holdPrior }),
    )
  }

  /** A copy of everything that the rest of the run depends on, the options apart. */
  save(): Map<string, StateTensor> {
    const { reward = Number.NaN, step = -1 } = this.#best ?? {}
    return new Map<string, StateTensor>([
      ...this.#ppo.save(),
      ['training', Float64Array.of(this.#phase, reward, step, this.#stale)],
      ['highest', Float64Array.of(this.#highest.reward, this.#highest.error)],
    ])
  }

  /** Throws RangeError where the state is not one of this run. */
  restore(state: PpoState): void {
    const [phase = -1, reward = 0, step = -1, stale = 0] = state.get('training') ?? []
    if (this.options.phases[phase] === undefined) throw new RangeError('training has no such phase')
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#ppo = this.#begin(phase)
    }
    this.#ppo.restore(state)
    const [highest = 0, error = 0] = tensorOf(state, 'highest')
    this.#highest = { reward: highest, error }
    this.#best = step < 0 ? null : { reward, step }
    this.#stale = stale
  }

  /**
   * The latest model whose score is within a standard error of the highest: what lies nearer cannot be told apart, the highest of
   * many scores is high by chance too, and the later one has learnt from more (the rule of one standard error of Breiman et al.,
   * "Classification and Regression Trees", 1984, section 3.4.3). A score that is no number is none.
   */
  #isBest({ reward, error }: Score, step: number): boolean {
    const isHighest = reward > this.#highest.reward
    if (isHighest) this.#highest = { reward, error }
    this.#stale = isHighest ? 0 : this.#stale + 1
    if (!(reward >= this.#highest.reward - this.#highest.error)) return false
    this.#best = { reward, step }
    return true
  }

  #begin(phase: number): Ppo {
    const { task, settings, own } = this.options.phases[phase]!
    return new Ppo(own?.engine ?? this.options.engine, task, settings, phase)
  }

  /** The next phase goes on with the weights there are, in a fresh environment; in the same network with its moments too. */
  #next(): void {
    const { parameters } = this
    const earlier = this.#ppo
    const { own } = this.#current
    this.#phase++
    this.#ppo = this.#begin(this.#phase)
    this.#ppo.engine.writeParameters(parameters)
    // What another network earned has another scale.
    if (own === undefined) this.#ppo.adopt(earlier)
    else this.#ppo.updates = earlier.updates
  }

  /** Steps before a phase. */
  #before(phase: number): number {
    return this.options.phases.slice(0, phase).reduce((sum, { settings }) => sum + rounded(settings), 0)
  }
}

/** Whether an iteration went over a multiple of `every`. */
const passes = ({ step, steps }: Pick<Iteration, 'step' | 'steps'>, every: number): boolean =>
  Math.floor(step / every) > Math.floor((step - steps) / every)

/** Result of some work; null where a pause said to stop. */
async function unlessStopped<T>(work: Generator<void, T>, pause: TrainingHooks['pause']): Promise<T | null> {
  for (;;) {
    if (await pause()) return null
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** Steps of a phase in whole rollouts. */
const rounded = ({ steps, envs, rolloutSteps }: PpoSettings): number =>
  Math.ceil(steps / (envs * rolloutSteps)) * envs * rolloutSteps
