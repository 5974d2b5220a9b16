/** `--returns`: the figures of any series of returns. */

import { sha256 } from '../../base/digest.js'
import { badData, usage } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import type { Context } from '../../cli/context.js'
import { file, integer, real, under, type Values } from '../../cli/options.js'
import { inLine, painter } from '../../cli/ui.js'
import { RESAMPLES } from '../../evaluate/bootstrap.js'
import { parseReturns } from '../../evaluate/return-rows.js'
import { seriesWork } from '../../evaluate/series-figures.js'
import { byReason, percent, plain, type Show } from '../../evaluate/shown.js'
import { decodeUtf8 } from '../../stream/json.js'
import { BlockWriter } from '../../stream/sink.js'
import type { Source } from '../../stream/source.js'
import { type Gate, judge } from '../wiring/gate.js'
import { openInput } from '../wiring/input.js'
import { isTable } from '../wiring/output.js'

export const returnsOptions = under('Returns', {
  returns: file('figures of a series of returns: FILE, or - for standard input'),
  periods: integer('N', 'periods a year', { fallback: 252, min: 1, max: 31_536_000 }),
  trials: integer('N', 'trials that the series is the best of, itself among them', {
    min: 1,
    max: 1_000_000_000,
  }),
  'trial-sharpe-std': real('S', 'spread of their Sharpe ratios of one period, not annual', { min: 0 }),
  'trial-correlation': real('R', 'mean correlation of their returns', { min: -1, max: 1 }),
})

export const returnsWords: readonly string[] = [
  'With --returns the figures of a series of returns, one summary record: what it earned a year, what that risked, and what it proves. Each is defined in jules-metrics(7), with its source.',
  'FILE has one return a line: a number, or an object as {"time":"2025-07-30","return":0.0012}; or it is a JSON array of these, or CSV with a column return and, if it likes, one called time or date. Returns are simple ones, fractions of what was there before, net of all costs: 0.01 is one percent. Times must rise. A row that is no finite number is no period, and is refused with its line.',
  'psr is the probability that the true Sharpe ratio is above 0. The best of many trials is good by chance alone: with --trials and --trial-sharpe-std, the standard deviation of their Sharpe ratios, dsr is that probability with the search taken into account. Where that spread is not known, dsr_null_var takes the one of trials without skill. Sharpe ratios in these formulas are of one period; only sharpe is annual.',
]

/** Reads the series and writes its summary. */
export async function evaluateReturns(
  context: Context,
  options: Values<typeof returnsOptions> & {
    readonly returns: string
    readonly format: 'ndjson' | 'table' | undefined
  },
  gate: Gate | null,
): Promise<void> {
  const { trials = null, periods } = options
  const std = options['trial-sharpe-std'] ?? null
  const correlation = options['trial-correlation'] ?? null
  for (const name of ['trial-sharpe-std', 'trial-correlation'] as const)
    if (options[name] !== undefined && trials === null) throw usage(`--${name} needs --trials`)
  const source = await openInput(context, options.returns)
  const { returns, from, to } = parseReturns(await textOf(context, source), source.name)
  const work = seriesWork(returns, {
    periods,
    trials,
    trialSharpeStd: std,
    trialCorrelation: correlation,
  })
  const figures = await endOf(context, work)
  const settings = { periods, trials, std, correlation, from, to }
  const summary = {
    type: 'summary',
    // What decides, and no path.
    run: `ev-${sha256(JSON.stringify([settings, [...returns]])).slice(0, 12)}`,
    command: 'evaluate',
    input: source.name,
    from,
    to,
    ...figures,
  }
  const table = isTable(context, options.format)
  const out = new BlockWriter(context.stdout())
  const paint = await painter(context.color)
  await out.text(table ? tableOf(summary, paint.bold) : `${JSON.stringify(summary)}\n`)
  if (gate !== null) await out.text(judge(context, gate, summary, table ? paint : null))
  await out.drain()
}

/** What work comes to; of a long series it says how far it is, and an interruption ends it. */
async function endOf<T>(context: Context, work: Generator<number, T>): Promise<T> {
  const pause = pauses(context.signal)
  const progress = context.ui.progress('resamples')
  for (;;) {
    const { done, value } = work.next()
    if (done === true) {
      progress.end()
      return value
    }
    if (await pause()) context.signal.throwIfAborted()
    progress.update(Math.floor(RESAMPLES * value), RESAMPLES)
  }
}

/** More returns than this are not those of a strategy. */
const MOST_BYTES = 1 << 28

async function textOf(context: Context, source: Source): Promise<string> {
  if (source.format === 'parquet')
    throw badData('expected returns as text: numbers, NDJSON, a JSON array, or CSV', { where: source.name })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source.chunks()) {
    context.signal.throwIfAborted()
    size += chunk.length
    if (size > MOST_BYTES) throw badData(`larger than ${MOST_BYTES} bytes`, { where: source.name })
    chunks.push(Buffer.from(chunk))
  }
  const text = decodeUtf8(Buffer.concat(chunks))
  if (text === null) throw badData('is not valid UTF-8', { where: source.name })
  return text
}

type Row = readonly [key: string, name: string, show: Show]
const ROWS: readonly Row[] = [
  ['n', 'periods', plain(0)],
  ['total_return', 'total return', percent],
  ['annual_return', 'annual return', percent],
  ['volatility', 'volatility, a year', percent],
  ['sharpe', 'Sharpe, a year', plain(2)],
  ['sharpe_period', 'Sharpe, a period', plain(4)],
  ['sortino', 'Sortino, a year', plain(2)],
  ['calmar', 'Calmar', plain(2)],
  ['max_drawdown', 'largest drawdown', percent],
  ['max_drawdown_periods', 'longest, in periods', plain(0)],
  ['var95_hist', 'VaR 95, a period', percent],
  ['cvar95_hist', 'CVaR 95, a period', percent],
  ['skew', 'skew', plain(3)],
  ['kurtosis', 'kurtosis (normal: 3)', plain(3)],
  ['hit_rate', 'hit rate', percent],
  ['profit_factor', 'profit factor', plain(2)],
  ['psr', 'PSR', plain(4)],
  ['psr_h0', 'PSR under the null', plain(4)],
  ['trials', 'trials', plain(0)],
  ['sharpe_expected_max', 'Sharpe of the luckiest', plain(4)],
  ['dsr', 'DSR', plain(4)],
  ['dsr_null_var', 'DSR, null variance', plain(4)],
  ['dsr_neff', 'DSR, effective trials', plain(4)],
  ['min_trl', 'periods needed, 95 %', plain(0)],
]
const INTERVALS: readonly Row[] = [
  ['sharpe_ci95', 'Sharpe, a year', plain(2)],
  ['mean_ci95', 'mean of a period', percent],
]

interface Summary {
  readonly [key: string]: unknown
  readonly input: string
  readonly from: string | null
  readonly to: string | null
  readonly block: number | null
  readonly resamples: number
  readonly reasons: Readonly<Record<string, string>>
}

function tableOf(summary: Summary, bold: (text: string) => string): string {
  const { input, from, to, block, resamples, reasons } = summary
  const span = from === null || to === null ? '' : `, ${from} to ${to}`
  const shown = ROWS.flatMap(([key, name, show]) => {
    const value = summary[key]
    return typeof value === 'number' ? [`${name.padEnd(24)}${show(value).padStart(14)}`] : []
  })
  const intervals = INTERVALS.flatMap(([key, name, show]) => {
    const value = summary[key] as readonly [number, number] | null
    return value === null ? [] : [`  ${name.padEnd(22)}${show(value[0]).padStart(14)} to ${show(value[1])}`]
  })
  const words = [...byReason(reasons)].flatMap(([reason, keys]) => [`  ${reason}:`, ...listed(keys)])
  const lines = [
    bold(inLine(`${input}${span}`)),
    '',
    ...shown,
    ...(intervals.length === 0
      ? []
      : ['', `95 % of ${resamples} resamples, blocks of ${block?.toFixed(1)}`, ...intervals]),
    ...(words.length === 0 ? [] : ['', 'not given', ...words]),
  ]
  return `${lines.join('\n')}\n`
}

/** Words with commas, in lines of 80 columns. */
function listed(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const longer = `${lines.at(-1)}, ${word}`
    if (lines.length > 0 && longer.length < 80) lines[lines.length - 1] = longer
    else {
      if (lines.length > 0) lines[lines.length - 1] += ','
      lines.push(`    ${word}`)
    }
  }
  return lines
}
