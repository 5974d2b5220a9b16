/** Figures of a summary as people read them, in lines of 80 columns; a dash where there is none. */
import { grouped, dollars as inDollars, percent as inPercent } from '../base/words.js'

const WIDTH = 80

/** How a figure is shown. */
export type Show = (value: unknown) => string

const shown =
  (words: (value: number) => string): Show =>
  (value) =>
    typeof value === 'number' ? words(value) : '-'

export const dollars = shown(inDollars)
/** A count, which a mean of several may make a fraction. */
export const count = shown((value) => grouped(value, Number.isInteger(value) ? 0 : 1))
export const percent = shown((value) => inPercent(value))
export const plain = (digits: number): Show => shown((value) => fixed(value, digits))

/** Figures of a summary by their keys in jules-metrics(7): a name of 21 letters at most, and how the value is shown. */
export const FIGURES = {
  pnl: ['net result', dollars],
  equity: ['equity at the end', dollars],
  total_return: ['total return', percent],
  annual_return: ['annual return', percent],
  volatility: ['volatility, a year', percent],
  sharpe: ['Sharpe, sessions', plain(2)],
  sortino: ['Sortino, sessions', plain(2)],
  t_sessions: ['t of the sessions', plain(2)],
  sharpe_bar: ['Sharpe, bars', plain(2)],
  sortino_bar: ['Sortino, bars', plain(2)],
  // Summaries have either sign.
  max_drawdown: ['largest drawdown', shown((value) => percent(Math.abs(value)))],
  max_drawdown_dollars: ['largest fall, $', dollars],
  max_drawdown_bars: ['longest, in bars', count],
  calmar: ['Calmar', plain(2)],
  var95: ['VaR 95, a session', percent],
  cvar95: ['CVaR 95, a session', percent],
  trades: ['trades', count],
  round_trips: ['round trips', count],
  hit_rate: ['hit rate', percent],
  profit_factor: ['profit factor', plain(2)],
  holding_minutes: ['holding, minutes', plain(1)],
  exposure: ['exposure', percent],
  turnover: ['turnover', dollars],
  cost: ['costs', dollars],
  fees: ['fees', dollars],
  break_even_bps: ['break-even, bps', plain(2)],
  windows_positive: ['windows that earned', percent],
  psr: ['PSR', plain(4)],
  psr_h0: ['PSR, null variance', plain(4)],
  trials: ['trials', count],
  dsr: ['DSR', plain(4)],
  dsr_null_var: ['DSR, null variance', plain(4)],
  dsr_neff: ['DSR, effective trials', plain(4)],
  pbo: ['PBO', plain(3)],
  p_random: ['p against random', plain(4)],
  min_trl: ['sessions needed, 95 %', plain(0)],
  uptime: ['uptime', percent],
  sessions: ['sessions', count],
  decisions: ['decisions', count],
  missing: ['bars missing', percent],
} as const satisfies Readonly<Record<string, readonly [name: string, show: Show]>>

export type FigureKey = keyof typeof FIGURES

/** Above all that a column has room for, an exponent. */
const fixed = (value: number, digits: number): string =>
  Math.abs(value) < 1e9 ? value.toFixed(digits) : value.toExponential(4)

/** The line in lines of 80 columns, those after the first with an indent. */
export function wrapped(line: string, indent = '  '): string[] {
  if (line.length <= WIDTH) return [line]
  const at = line.lastIndexOf(' ', WIDTH)
  return at <= indent.length
    ? [line]
    : [line.slice(0, at), ...wrapped(`${indent}${line.slice(at + 1)}`, indent)]
}

/** The figures without a value, by the reason of each. */
export function byReason(reasons: Readonly<Record<string, string>>): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [key, reason] of Object.entries(reasons))
    groups.set(reason, [...(groups.get(reason) ?? []), key])
  return groups
}

/** The name of a figure for people; its key where it has none. */
export const nameOf = (key: string): string =>
  Object.hasOwn(FIGURES, key) ? FIGURES[key as FigureKey][0] : key

/** The figures without a value under their names, each reason once; no lines where there are none. */
export function notGiven(
  reasons: Readonly<Record<string, string>>,
  nameOf: (key: string) => string = (key) => key,
): string[] {
  const groups = [...byReason(reasons)].map(([reason, keys]) => `${keys.map(nameOf).join('; ')} (${reason})`)
  return groups.length === 0 ? [] : [`not given: ${groups.join('; ')}`]
}
