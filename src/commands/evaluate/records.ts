/** `--records`: what a run proves that has ended already, a backtest or a paper run, from the records that it wrote. */
import { Failure } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { file, under, type Values } from '../../cli/options.js'
import { RunRecords } from '../../evaluate/run-records.js'
import { lineBlocks, MOST_RECORD } from '../../stream/lines.js'
import type { Source } from '../../stream/source.js'
import { openInput } from '../wiring/input.js'
import type { returnsOptions } from './returns.js'

export const recordsOptions = under('Returns', {
  records: file('figures of a run: the records of backtest or paper, FILE or -'),
})

export const recordsWords: readonly string[] = [
  '--records reads the records of a backtest or of a paper run: the summary that the run wrote, with the figures of its sessions added, which come from its equity records. Records of several runs are refused. So a paper run can be held against a gate, uptime included: jules paper ... | tee day.ndjson, then jules evaluate --records day.ndjson --gate demo.',
]

/** The summary of the run in a file, with the figures of its sessions. Throws 65 for records of several runs, or of none. */
export async function summaryOfRecords(
  context: Context,
  path: string,
  options: Values<typeof returnsOptions>,
): Promise<Readonly<Record<string, unknown>>> {
  const source = await openInput(context, path)
  const { name } = source
  const records = new RunRecords()
  for await (const { text, line, isEnded } of linesOf(source)) {
    context.signal.throwIfAborted()
    if (text.trim() !== '') records.take(text, `${name}:${line}`, isEnded)
  }
  const summary = records.summary({
    periods: options.periods,
    trials: options.trials ?? null,
    trialSharpeStd: options['trial-sharpe-std'] ?? null,
    trialCorrelation: options['trial-correlation'] ?? null,
  })
  if (summary === null)
    throw new Failure('noInput', 'holds no equity and no summary records', { where: name })
  return { ...summary, input: name }
}

interface Line {
  readonly text: string
  readonly line: number
  readonly isEnded: boolean
}

async function* linesOf(source: Source): AsyncGenerator<Line> {
  const at = { line: 1 }
  const { name } = source
  for await (const block of lineBlocks(source.chunks(), { name, at, maxLine: MOST_RECORD })) {
    const lines = block.toString('utf8').split('\n')
    const isWhole = lines.at(-1) === ''
    if (isWhole) lines.pop()
    for (const [k, text] of lines.entries())
      yield { text, line: at.line++, isEnded: isWhole || k < lines.length - 1 }
  }
}
