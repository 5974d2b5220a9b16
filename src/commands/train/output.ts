/** What `train` says on standard output: the records of the run, or at its end a few lines for people. */
import type { TrainedRun } from '../../agent/run/course.js'
import { speed } from '../../agent/run/metrics.js'
import type { Listener, Scores } from '../../agent/run/world.js'
import { dollars, shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { inLine } from '../../cli/ui.js'
import { BlockWriter, ReaderGone } from '../../stream/sink.js'

export class TrainingOutput {
  readonly #context: Context
  readonly #table: boolean
  readonly #score: (value: number) => string
  /** Null before the run begins, and once the reader has gone: the run itself is not for the reader alone, and goes on. */
  #out: BlockWriter | null = null

  /** Scores are dollars, but for those of a benchmark task. */
  constructor(context: Context, { table, task }: { readonly table: boolean; readonly task: boolean }) {
    this.#context = context
    this.#table = table
    this.#score = task ? plainly : dollars
  }

  /** Opens standard output and the line of progress. */
  listen = (): Listener => {
    const progress = this.#context.ui.progress('steps')
    this.#out = new BlockWriter(this.#context.stdout())
    return {
      record: async (line) => {
        if (!this.#table) await this.#say(line)
      },
      progress: (done, total, scores) => progress.update(done, total, this.#words(scores)),
      end: () => progress.end(),
    }
  }

  /** `bars` are the words of a command line that name the bars again: an operand, or what selects them in the store. */
  async ended(trained: TrainedRun, bars: readonly string[]): Promise<void> {
    const { end, step, path } = trained
    if (end === 'stopped')
      this.#context.ui.note(`stopped at step ${step}; go on with: jules train --resume ${shellWord(path)}`)
    else if (this.#table) await this.#say(tableOf(trained, bars))
  }

  #words({ last, best }: Scores): string | undefined {
    if (best === null) return undefined
    // Short, as 80 columns must hold it. One that goes on does not know the last score before its own first one.
    return `${last === null ? '' : `val ${this.#score(last)}, `}best ${this.#score(best)}`
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

const plainly = (value: number): string => value.toFixed(2)

function tableOf(
  { end, run, path, step, best, rivals, trial, data, test, steps, seconds }: TrainedRun,
  bars: readonly string[],
): string {
  const early = end === 'early-stop' ? ', stopped early' : ''
  const lines: [string, string][] = [
    ['run', `${run}${trial === null ? '' : `, trial ${trial} on these bars`}`],
    [
      'trained',
      `${step} steps, ${steps} of them in ${seconds.toFixed(1)} s (${speed(steps, seconds)}/s)${early}`,
    ],
  ]
  if (best !== null) {
    const what =
      data === null ? plainly(best.reward) : `${dollars(best.reward)} on ${data.validation.join(' to ')}`
    lines.push(['best', `${what}, at step ${best.step}`])
  }
  if (data !== null) lines.push(['sources', data.sources.join(', ')])
  lines.push(['folder', path])
  if (test !== null) {
    const command = ['jules', 'backtest', '--policy', `model:${path}`, '--from', test.from, ...bars].map(
      shellWord,
    )
    // Bars that came through a pipe are nowhere to be found again.
    const piped = bars.includes('-')
    lines.push(['next', `${piped ? 'pipe the same bars into: ' : ''}${command.join(' ')}`])
  }
  if (data !== null && !(best !== null && best.reward > 0)) {
    const most = best === null ? '' : `: the best came to ${dollars(best.reward)} in validation`
    lines.push(['verdict', `no model that was evaluated beat doing nothing${most}`])
  }
  if (rivals !== null) {
    const all: [string, number][] = [['the model', best?.reward ?? Number.NaN], ...Object.entries(rivals)]
    const words = all
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => `${name} ${dollars(value)}`)
    const left =
      test === null
        ? 'no session is left for testing'
        : test.sessions === 1
          ? `the session of ${test.from} is untouched`
          : `the ${test.sessions} sessions from ${test.from} on are untouched`
    lines.push(['against', `${words.join(', ')} in validation; ${left}`])
  }
  return lines.map(([name, words]) => `${name.padEnd(8)} ${inLine(words)}\n`).join('')
}
