/** Windows and their summary for people: at most 80 columns. */
import { dollars as inDollars } from '../../base/words.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { count, dollars, FIGURES, type FigureKey, notGiven, plain, wrapped } from '../../evaluate/shown.js'
import type { EvaluationSummary, WindowResult } from './record.js'

const row = (cells: readonly [string, string, string, string, string, string, string]): string => {
  const [window, train, test, sessions, pnl, ratio, trades] = cells
  return `${window.padStart(4)}  ${train.padEnd(10)}  ${test.padEnd(24)}${sessions.padStart(5)}${pnl.padStart(12)}${ratio.padStart(8)}${trades.padStart(8)}`
}

export const windowsHead = (paint: Paint): string =>
  `${paint.bold(row(['#', 'TRAIN FROM', 'TEST', 'DAYS', 'NET', 'SHARPE', 'TRADES']))}\n`

export function windowLine(record: WindowResult['record'], paint: Paint): string {
  const { window, train_from, test_from, test_to, sessions, pnl, sharpe, trades, notes } = record
  const line = row([
    String(window),
    train_from ?? '-',
    `${test_from} to ${test_to}`,
    String(sessions),
    dollars(pnl),
    plain(2)(sharpe),
    count(trades),
  ])
  const coloured = pnl > 0 ? paint.green(line) : pnl < 0 ? paint.red(line) : line
  return [coloured, ...notes.map((note) => `      ${inLine(note)}`)].map((one) => `${one}\n`).join('')
}

const KEYS = [
  'pnl',
  'total_return',
  'sharpe',
  'sortino',
  't_sessions',
  'max_drawdown',
  'max_drawdown_dollars',
  'windows_positive',
  'trades',
  'cost',
  'psr',
  'trials',
  'dsr',
  'dsr_null_var',
  'dsr_neff',
  'pbo',
  'p_random',
  'min_trl',
] as const satisfies readonly (FigureKey & keyof EvaluationSummary)[]

export function evaluationTable(summary: EvaluationSummary, paint: Paint): string {
  const { verdict, input, sources, symbols, interval, from, to, sessions, windows, policy, reasons, notes } =
    summary
  const shown = KEYS.filter((key) => summary[key] !== null)
  const half = Math.ceil(shown.length / 2)
  const cell = (key: (typeof KEYS)[number]): string => {
    const [name, show] = FIGURES[key]
    return `${name.padEnd(22)}${show(summary[key]).padStart(15)}`
  }
  const columns = shown.slice(0, half).map((one, i) => {
    const other = shown[half + i]
    return other === undefined ? cell(one) : `${cell(one)}   ${cell(other)}`
  })
  const atCost = Object.entries(summary.pnl_at_cost)
  const held = Object.entries(summary.baselines)
  const head = `${verdict.earned ? 'Earned' : summary.pnl < 0 ? 'Lost' : 'Earned'} ${inDollars(Math.abs(summary.pnl))} net out of sample; ${verdict.believable ? 'it can be believed' : verdict.earned ? 'it cannot be believed' : 'nothing speaks for it'}:`
  const absent = notGiven(reasons).flatMap((line) => wrapped(line))
  const lines = [
    '',
    paint.bold(head),
    ...verdict.reasons.flatMap((reason) => wrapped(`  ${reason}`, '    ')),
    '',
    ...wrapped(
      inLine(`${policy} on ${symbols.join(' and ')}, ${interval} bars of ${input} (${sources.join(', ')})`),
    ),
    `${from} to ${to}: ${count(sessions)} sessions in ${count(windows)} ${windows === 1 ? 'window' : 'windows'}`,
    '',
    ...columns,
    '',
    'net result at a multiple of the costs',
    atCost.map(([multiple]) => multiple.padStart(15)).join(''),
    atCost.map(([, value]) => dollars(value).padStart(15)).join(''),
    '',
    'held against',
    ...held.map(([name, value]) => `  ${name.padEnd(20)}${dollars(value).padStart(12)}`),
    ...(absent.length === 0 ? [] : ['', ...absent]),
    ...notes
      .filter((note) => !verdict.reasons.includes(note))
      .flatMap((note) => wrapped(`note: ${inLine(note)}`)),
  ]
  return `${lines.join('\n')}\n`
}
