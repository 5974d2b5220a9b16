/** A summary record for people: at most 80 columns, the verdict first. */
import { dollars as inDollars, shellWord } from '../../base/words.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { costWords } from '../../evaluate/cost-words.js'
import {
  count,
  dollars,
  FIGURES,
  type FigureKey,
  nameOf,
  notGiven,
  percent,
  wrapped,
} from '../../evaluate/shown.js'
import type { Verdict } from '../../evaluate/verdict.js'
import { fallsOf } from '../../report/courses.js'
import { curveLines } from '../../report/formats/text.js'
import type { JsonObject } from '../../stream/json.js'
import type { Next } from './next.js'

const WIDTH = 80

/** A name, what is shown, and the number that colours it. */
type Row = readonly [name: string, shown: string, value?: unknown]

/** In two columns. */
const KEYS = [
  'pnl',
  'total_return',
  'annual_return',
  'volatility',
  'sharpe',
  'sortino',
  't_sessions',
  'sharpe_bar',
  'sortino_bar',
  'max_drawdown',
  'max_drawdown_dollars',
  'max_drawdown_bars',
  'calmar',
  'var95',
  'cvar95',
  'trades',
  'hit_rate',
  'profit_factor',
  'holding_minutes',
  'exposure',
  'turnover',
  'cost',
  'break_even_bps',
] as const satisfies readonly FigureKey[]

/** Results, which are red where they are losses and green where they are gains. */
const RESULTS: ReadonlySet<string> = new Set(['pnl', 'total_return', 'annual_return'])

interface Summary {
  readonly [key: string]: unknown
  readonly pnl: number
  readonly trades: number
  readonly sessions: number
  readonly t_sessions: number | null
  readonly trials: number | null
  readonly reasons: Readonly<Record<string, string>>
  readonly notes: readonly string[]
  readonly verdict: Verdict
}

export interface TableSettings {
  readonly paint: Paint
  /** The reader's terminal shows more than ASCII. */
  readonly unicode: boolean
  /** Letters a line of the curve. */
  readonly width: number
  readonly next: Next
  /** Equity after each decision, the capital first. */
  readonly equity: ArrayLike<number>
}

export function summaryTable(
  summary: Summary,
  { paint, unicode, width, next, equity }: TableSettings,
): string {
  const { verdict } = summary
  const coloured = (text: string, value: unknown): string =>
    typeof value !== 'number' || value === 0 ? text : value > 0 ? paint.green(text) : paint.red(text)
  const cell = ([name, shown, value]: Row): string =>
    `${name.padEnd(20)}${coloured(shown.padStart(18), value)}`
  const rows = KEYS.filter((key) => summary[key] !== null).map((key): Row => {
    const [name, show] = FIGURES[key]
    return [name, show(summary[key]), RESULTS.has(key) ? summary[key] : undefined]
  })
  const half = Math.ceil(rows.length / 2)
  const columns = rows.slice(0, half).map((row, i) => {
    const other = rows[half + i]
    return other === undefined ? cell(row) : `${cell(row)}    ${cell(other)}`
  })
  const atCost = Object.entries(summary.pnl_at_cost as Record<string, number>)
  const held = Object.entries(summary.baselines as Record<string, number | null>).filter(
    ([, value]) => value !== null,
  )
  const lines = [
    ...wrapped(sentenceOf(summary)).map((line) => paint.bold(line)),
    ...verdict.reasons.flatMap((reason) => wrapped(`  ${reason}`, '    ')),
    ...nextLines(next).map(inLine),
    '',
    ...headOf(summary).flatMap((line) => wrapped(inLine(line))),
    '',
    ...curveLines({ equity, drawdown: fallsOf(equity) }, { width, unicode }),
    '',
    ...columns,
    '',
    'net result at a multiple of the costs',
    atCost.map(([multiple]) => multiple.padStart(COST_WIDTH)).join(''),
    atCost.map(([, value]) => coloured(dollars(value).padStart(COST_WIDTH), value)).join(''),
    '',
    'held against',
    ...held.map(([name, value]) => `  ${name.padEnd(20)}${coloured(dollars(value).padStart(12), value)}`),
  ]
  const random = summary.random as { count: number; p50: number; percentile: number } | null
  if (random !== null) {
    lines.push(
      `  ${`${count(random.count)} random`.padEnd(20)}${coloured(dollars(random.p50).padStart(12), random.p50)} in the middle; this run beats ${percent(random.percentile)}`,
    )
  }
  const refused = Object.entries(summary.risk as Record<string, number>)
  const words = [
    ...(refused.length > 0 ? [`guard: ${refused.map(([rule, n]) => `${rule} ${n}`).join(', ')}`] : []),
    ...notGiven(summary.reasons, nameOf),
    // What decides the verdict stands under it already.
    ...summary.notes.filter((note) => !verdict.reasons.includes(note)).map((note) => `note: ${note}`),
  ]
  if (words.length > 0) lines.push('', ...words.flatMap((line) => wrapped(line)))
  return `${lines.join('\n')}\n`
}

const COST_WIDTH = 15

/** Did it earn net of costs, on how much evidence, and can that be believed: one line of 80 columns, or hardly more. */
function sentenceOf({ pnl, trades, sessions, t_sessions: t, trials, verdict }: Summary): string {
  const result =
    trades === 0
      ? 'Nothing was traded'
      : pnl > 0
        ? `Earned ${inDollars(pnl)} net`
        : pnl < 0
          ? `Lost ${inDollars(-pnl)} net`
          : 'Earned nothing net'
  const evidence = [
    ...(t === null ? [] : [`t ${t.toFixed(2)}`]),
    `${count(sessions)} session${sessions === 1 ? '' : 's'}`,
    ...(trials === null ? [] : [`${count(trials)} trial${trials === 1 ? '' : 's'}`]),
  ]
  const believed = verdict.believable
    ? 'it can be believed'
    : verdict.earned
      ? 'it cannot be believed'
      : 'nothing speaks for it'
  return `${result} (${evidence.join(', ')}); ${believed}:`
}

/** The words, and a command of its own on lines that the shell joins again. */
function nextLines({ words, command }: Next): string[] {
  if (command === null) return wrapped(`next: ${words}`)
  const lines: string[] = []
  let line = ' '
  for (const word of command.map(shellWord)) {
    if (line.length + word.length + 3 > WIDTH && line.trim() !== '') {
      lines.push(`${line} \\`)
      line = '   '
    }
    line += ` ${word}`
  }
  return [...wrapped(`next: ${words}`), ...lines, line]
}

function headOf(summary: Summary): string[] {
  const charged = costWords(summary.costs as JsonObject)
  const symbols = (summary.symbols as string[]).join(' and ')
  const sources = (summary.sources as string[]).join(', ')
  return [
    `${summary.policy} on ${symbols}, ${summary.interval} bars of ${summary.input} (${sources})`,
    `${summary.from} to ${summary.to}: ${count(summary.sessions)} sessions, ${count(summary.decisions)} decisions, fills at the ${summary.fill === 'open' ? 'next open' : 'decision close'}`,
    `capital ${dollars(summary.capital)}, ${charged.join(', ')}`,
  ]
}
