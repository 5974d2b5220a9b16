/** What a training run says: metric records, TensorBoard events, progress, and the words at the end. */

import type { DataSpan } from '../../agent/model/model.js'
import type { Best, Iteration } from '../../agent/ppo/training.js'
import { type Appender, FILES, type RunFolder } from '../../agent/run/folder.js'
import { fileVersion, scalars, sessionStart } from '../../agent/run/tensorboard.js'
import { sha256 } from '../../base/digest.js'
import { shellWord } from '../../base/shell.js'
import type { Context } from '../../cli/context.js'
import type { Progress } from '../../cli/ui.js'
import { BlockWriter, ReaderGone } from '../../stream/sink.js'
import type { Setup } from './setup.js'

interface Opening {
  readonly folder: RunFolder
  readonly run: string
  /** Step at which this process takes the run up. */
  readonly from: number
  readonly table: boolean
}

export interface Ending {
  readonly path: string
  /** The last policy file. */
  readonly bytes: Uint8Array
  readonly step: number
  readonly best: Best | null
  readonly trial: number | null
  readonly bars: readonly string[]
  readonly data: DataSpan | null
  readonly test: Setup['test']
  readonly early: boolean
}

export class TrainingOutput {
  readonly #context: Context
  readonly #opening: Opening
  readonly #metrics: Appender
  readonly #events: Appender
  readonly #progress: Progress
  readonly #startedMs: number
  /** Null once the reader has gone: the run itself is not for the reader alone, and goes on. */
  #out: BlockWriter | null
  #iterations = 0
  #done = 0

  static async open(context: Context, opening: Opening): Promise<TrainingOutput> {
    const { folder, from } = opening
    const metrics = await folder.appendLines(FILES.metrics, (line) => stepOf(line) <= from)
    const seconds = context.clock() / 1000
    const events = await folder.append(`events.out.tfevents.${Math.floor(seconds)}.${context.pid}.jules`)
    await events.write(fileVersion(seconds))
    await events.write(sessionStart(seconds, from + 1))
    return new TrainingOutput(context, opening, metrics, events)
  }

  constructor(context: Context, opening: Opening, metrics: Appender, events: Appender) {
    this.#context = context
    this.#opening = opening
    this.#metrics = metrics
    this.#events = events
    this.#progress = context.ui.progress('steps')
    this.#startedMs = context.clock()
    this.#out = new BlockWriter(context.stdout())
  }

  async iteration(iteration: Iteration, total: number): Promise<void> {
    const { run, table, from } = this.#opening
    const { progress, step, steps, phase, score } = iteration
    this.#iterations++
    this.#done += steps
    const seconds = (this.#context.clock() - this.#startedMs) / 1000
    const { figures } = progress
    const values: Record<string, number | null> = {
      'rollout/ep_rew_mean': progress.meanReward,
      'rollout/ep_len_mean': progress.meanLength,
      'eval/mean_reward': score?.reward ?? null,
      'eval/mean_ep_length': score?.length ?? null,
      'train/loss': figures.loss,
      'train/policy_gradient_loss': figures.policyLoss,
      'train/value_loss': figures.valueLoss,
      'train/entropy_loss': -figures.entropy,
      'train/approx_kl': figures.approxKl,
      'train/clip_fraction': figures.clipFraction,
      'train/explained_variance': progress.explainedVariance,
      'train/grad_norm': progress.gradientNorm,
      'train/learning_rate': progress.rate,
      'train/clip_range': progress.clip,
      'train/ent_coef': progress.entropyCoefficient,
      'train/n_updates': progress.updates,
      'time/fps': Math.round(this.#done / Math.max(1e-3, seconds)),
      'time/iterations': this.#iterations,
      'time/time_elapsed': seconds,
      'time/total_timesteps': step,
    }
    const line = `${JSON.stringify({ type: 'metric', run, step, phase, ...values })}\n`
    await this.#metrics.write(line)
    const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null)
    await this.#events.write(scalars(this.#context.clock() / 1000, step, Object.fromEntries(known)))
    if (!table) await this.#say(line)
    this.#progress.update(step - from, total - from)
  }

  /** Ends the progress line and the files. */
  async close(): Promise<void> {
    this.#progress.end()
    await this.#metrics.close()
    await this.#events.close()
  }

  async done(ending: Ending): Promise<void> {
    const { run, table } = this.#opening
    const { path, bytes, step, best, trial, data, early } = ending
    if (table) {
      await this.#say(this.#words(ending))
      return
    }
    const record = {
      type: 'model',
      run,
      path,
      sha256: sha256(bytes),
      steps: step,
      best,
      trial,
      early_stop: early,
      sources: data?.sources ?? null,
    }
    await this.#say(`${JSON.stringify(record)}\n`)
  }

  #words({ path, step, best, trial, bars, data, test, early }: Ending): string {
    const seconds = (this.#context.clock() - this.#startedMs) / 1000
    const lines: [string, string][] = [
      ['run', `${this.#opening.run}${trial === null ? '' : `, trial ${trial} on these bars`}`],
      [
        'trained',
        `${step} steps, ${this.#done} of them in ${seconds.toFixed(1)} s (${Math.round(this.#done / Math.max(1e-3, seconds))}/s)${early ? ', stopped early' : ''}`,
      ],
    ]
    if (best !== null) {
      const what =
        data === null
          ? best.reward.toFixed(2)
          : `${best.reward < 0 ? '-' : ''}$${Math.abs(best.reward).toFixed(2)} on ${data.validation.join(' to ')}`
      lines.push(['best', `${what}, at step ${best.step}`])
    }
    if (data !== null) lines.push(['sources', data.sources.join(', ')])
    lines.push(['folder', path])
    if (test !== null) {
      const command = ['jules', 'backtest', '--policy', `model:${path}`, '--from', test.from, ...bars].map(
        shellWord,
      )
      lines.push(['next', command.join(' ')])
    }
    return lines.map(([name, words]) => `${name.padEnd(8)} ${words}\n`).join('')
  }

  async #say(words: string): Promise<void> {
    if (this.#out === null) return
    try {
      await this.#out.text(words)
      await this.#out.drain()
    } catch (error) {
      if (!(error instanceof ReaderGone)) throw error
      this.#out = null
    }
  }
}

function stepOf(line: string): number {
  try {
    const { step } = JSON.parse(line) as { step?: unknown }
    return typeof step === 'number' ? step : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
