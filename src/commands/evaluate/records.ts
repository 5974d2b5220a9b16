/** `--records`: what a run proves that has ended already, a backtest or a paper run, from the records that it wrote. */
import { badData, Failure } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { file, under, type Values } from '../../cli/options.js'
import { simpleReturns, tStatistic } from '../../evaluate/metrics.js'
import { seriesFigures } from '../../evaluate/series-figures.js'
import { newYorkDay } from '../../market/calendar.js'
import { isObject } from '../../stream/json.js'
import { lineBlocks } from '../../stream/lines.js'
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
  const marks = new Map<string, number>()
  let [summary, run, capital, drawdown]: [
    Record<string, unknown> | null,
    string | null,
    number | null,
    number,
  ] = [null, null, null, 0]
  for await (const { text, line } of linesOf(source)) {
    context.signal.throwIfAborted()
    if (text.trim() === '') continue
    const where = `${name}:${line}`
    const record = recordIn(text, where)
    const { type, run: own } = record
    if (type !== 'equity' && type !== 'summary') continue
    if (typeof own === 'string') {
      if (run !== null && run !== own)
        throw badData(`records of two runs: ${run} and ${own}`, {
          where,
          hint: 'evaluate one after the other',
        })
      run = own
    }
    if (type === 'summary') {
      summary = record
      continue
    }
    const { time, equity, drawdown: fallen, pnl_total: total } = record
    const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN
    if (!Number.isFinite(timeMs) || typeof equity !== 'number' || !Number.isFinite(equity))
      throw badData('an equity record needs a time and an equity', { where })
    capital ??= typeof total === 'number' ? equity - total : equity
    if (typeof fallen === 'number' && fallen > drawdown) drawdown = fallen
    // An equity stands at the end of a bar, the last one at the close.
    marks.set(formatDate(newYorkDay(timeMs - 1)), equity)
  }
  if (summary === null && marks.size === 0)
    throw new Failure('noInput', 'holds no equity and no summary records', { where: name })
  return { ...figuresOf(options, { capital, marks, drawdown }), ...known(summary), input: name }
}

async function* linesOf(source: Source): AsyncGenerator<{ readonly text: string; readonly line: number }> {
  const at = { line: 1 }
  const { name } = source
  for await (const block of lineBlocks(source.chunks(), { name, at, maxLine: MOST_LINE })) {
    const lines = block.toString('utf8').split('\n')
    if (lines.at(-1) === '') lines.pop()
    for (const text of lines) yield { text, line: at.line++ }
  }
}

/** A summary with all its notes. */
const MOST_LINE = 1 << 24

/** What the run says of itself goes before what its equity tells. */
const known = (summary: Record<string, unknown> | null): Record<string, unknown> =>
  summary === null
    ? { type: 'summary', command: 'records' }
    : Object.fromEntries(Object.entries(summary).filter(([, value]) => value !== null))

function figuresOf(
  options: Values<typeof returnsOptions>,
  run: {
    readonly capital: number | null
    readonly marks: ReadonlyMap<string, number>
    readonly drawdown: number
  },
): Record<string, unknown> {
  const { capital, marks, drawdown } = run
  if (capital === null) return {}
  const equity = Float64Array.from([capital, ...marks.values()])
  const t = tStatistic(
    Float64Array.from({ length: equity.length - 1 }, (_, i) => equity[i + 1]! - equity[i]!),
  )
  const { n, reasons, ...figures } = seriesFigures(simpleReturns(equity), {
    periods: options.periods,
    trials: options.trials ?? null,
    trialSharpeStd: options['trial-sharpe-std'] ?? null,
    trialCorrelation: options['trial-correlation'] ?? null,
  })
  return {
    ...figures,
    sessions: n,
    pnl: equity.at(-1)! - capital,
    t_sessions: t.value,
    // Of the equity after each decision.
    max_drawdown: drawdown === 0 ? 0 : -drawdown,
    reasons: t.value === null ? { ...reasons, t_sessions: t.reason } : reasons,
  }
}

function recordIn(text: string, where: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badData('is not JSON', { where })
  }
  if (isObject(value)) return value
  throw badData('expected a record', { where })
}
