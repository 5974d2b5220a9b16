/** What a run writes after each rollout: a line of metrics.ndjson, scalars for TensorBoard under Stable-Baselines3's tags. */
import type { Iteration } from '../ppo/training.js'
import { type Appender, FILES, type RunFolder } from './folder.js'
import { fileVersion, scalars, sessionStart } from './tensorboard.js'
import type { TrainingWorld } from './world.js'

/** Whose metrics, and from where on. */
export interface MetricStart {
  readonly folder: RunFolder
  readonly run: string
  /** Step at which this process takes the run up; lines of later steps are dropped. */
  readonly from: number
}

/** The two files of metrics of a run, while one process works on it. */
export class MetricLog {
  readonly #run: string
  readonly #clock: TrainingWorld['clock']
  readonly #metrics: Appender
  readonly #events: Appender
  readonly #startedMs: number
  #iterations = 0
  #steps = 0

  /** Goes on with the lines that are there, and opens a file of events of its own. */
  static async open({ clock, lock }: TrainingWorld, { folder, run, from }: MetricStart): Promise<MetricLog> {
    const metrics = await folder.appendLines(FILES.metrics, (line) => stepOf(line) <= from)
    const seconds = clock() / 1000
    const events = await folder.append(`events.out.tfevents.${Math.floor(seconds)}.${lock.self.pid}.jules`)
    await events.write(fileVersion(seconds))
    await events.write(sessionStart(seconds, from + 1))
    return new MetricLog(run, clock, metrics, events)
  }

  private constructor(run: string, clock: TrainingWorld['clock'], metrics: Appender, events: Appender) {
    this.#run = run
    this.#clock = clock
    this.#metrics = metrics
    this.#events = events
    this.#startedMs = clock()
  }

  /** Environment steps of this process. */
  get steps(): number {
    return this.#steps
  }

  /** Since it was opened. */
  get seconds(): number {
    return (this.#clock() - this.#startedMs) / 1000
  }

  /** Writes the figures of an iteration; returns the metric record, JSON with its newline. */
  async add({ progress, step, steps, phase, score }: Iteration): Promise<string> {
    this.#iterations++
    this.#steps += steps
    const { seconds } = this
    const { figures } = progress
    const values: Record<string, number | null> = {
      'rollout/ep_rew_mean': progress.meanReward,
      'rollout/ep_len_mean': progress.meanLength,
      'eval/mean_reward': score?.reward ?? null,
      'eval/mean_ep_length': score?.length ?? null,
      'train/loss': progress.lastLoss,
      'train/policy_gradient_loss': figures.policyLoss,
      'train/value_loss': figures.valueLoss,
      'train/entropy_loss': -figures.entropy,
      'train/approx_kl': progress.lastApproxKl,
      'train/clip_fraction': figures.clipFraction,
      'train/loss_mean': figures.loss,
      'train/approx_kl_mean': figures.approxKl,
      'train/explained_variance': progress.explainedVariance,
      'train/grad_norm': progress.gradientNorm,
      'train/learning_rate': progress.rate,
      'train/clip_range': progress.clip,
      'train/ent_coef': progress.entropyCoefficient,
      'train/n_updates': progress.updates,
      'time/fps': speed(this.#steps, seconds),
      'time/iterations': this.#iterations,
      'time/time_elapsed': seconds,
      'time/total_timesteps': step,
    }
    const line = `${JSON.stringify({ type: 'metric', run: this.#run, step, phase, ...values })}\n`
    await this.#metrics.write(line)
    const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null)
    await this.#events.write(scalars(this.#clock() / 1000, step, Object.fromEntries(known)))
    return line
  }

  /** Closes both files. */
  async close(): Promise<void> {
    await this.#metrics.close()
    await this.#events.close()
  }
}

/** Whole steps a second; of less than a millisecond, those of one. */
export const speed = (steps: number, seconds: number): number => Math.round(steps / Math.max(1e-3, seconds))

/** Infinite where the line is no record with a step. */
function stepOf(line: string): number {
  try {
    const { step } = JSON.parse(line) as { step?: unknown }
    return typeof step === 'number' ? step : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
