/** A summary record for people: at most 80 columns, two a line. */
type Row = readonly [string, string]

/** 1234567.8 as 1,234,567.80; no locale, so that every machine prints the same. */
const grouped = (value: number, digits: number): string => {
  const [whole, part] = value.toFixed(digits).split('.')
  const groups = whole!.replace(/\B(?=(\d{3})+$)/g, ',')
  return part === undefined ? groups : `${groups}.${part}`
}
const dollars = (value: unknown): string =>
  typeof value === 'number' ? `${value < 0 ? '-' : ''}$${grouped(Math.abs(value), 2)}` : '-'
const count = (value: unknown): string => (typeof value === 'number' ? grouped(value, 0) : '-')
const percent = (value: unknown): string =>
  typeof value === 'number' ? `${(100 * value).toFixed(2)} %` : '-'
const plain =
  (digits: number) =>
  (value: unknown): string =>
    typeof value === 'number' ? value.toFixed(digits) : '-'

interface Summary {
  readonly [key: string]: unknown
  readonly reasons: Record<string, string>
  readonly notes: readonly string[]
}

export function summaryTable(summary: Summary): string {
  const of = (name: string, show: (value: unknown) => string): string => show(summary[name])
  const symbols = (summary.symbols as string[]).join(' and ')
  const head = [
    `${summary.policy} on ${symbols}, ${summary.interval} bars, ${summary.from} to ${summary.to}`,
    `${of('sessions', count)} sessions, ${of('decisions', count)} decisions, source ${(summary.sources as string[]).join(', ')}, fills at the ${summary.fill === 'open' ? 'next open' : 'decision close'}`,
  ]
  const rows: Row[] = [
    ['net result', of('pnl', dollars)],
    ['total return', of('total_return', percent)],
    ['annual return', of('annual_return', percent)],
    ['volatility, a year', of('volatility', percent)],
    ['Sharpe, sessions', of('sharpe', plain(2))],
    ['Sortino, sessions', of('sortino', plain(2))],
    ['t of the sessions', of('t_sessions', plain(2))],
    ['Sharpe, bars', of('sharpe_bar', plain(2))],
    ['Sortino, bars', of('sortino_bar', plain(2))],
    ['largest drawdown', `${of('max_drawdown', percent)}, ${of('max_drawdown_dollars', dollars)}`],
    ['longest drawdown', `${of('max_drawdown_bars', count)} bars`],
    ['Calmar', of('calmar', plain(2))],
    ['VaR 95, a session', of('var95', percent)],
    ['CVaR 95, a session', of('cvar95', percent)],
    ['trades', of('trades', count)],
    ['hit rate', of('hit_rate', percent)],
    ['profit factor', of('profit_factor', plain(2))],
    ['holding, minutes', of('holding_minutes', plain(1))],
    ['exposure', of('exposure', percent)],
    ['turnover', of('turnover', dollars)],
    ['costs', of('cost', dollars)],
    ['break-even, bps', of('break_even_bps', plain(2))],
  ]
  const half = Math.ceil(rows.length / 2)
  const columns = rows.slice(0, half).map((row, i) => {
    const other = rows[half + i]
    return other === undefined ? cell(row) : `${cell(row).padEnd(42)}${cell(other)}`
  })
  const atCost = Object.entries(summary.pnl_at_cost as Record<string, number>)
  const lines = [
    ...head,
    '',
    ...columns,
    '',
    'net result at a multiple of the costs',
    atCost.map(([multiple]) => multiple.padStart(COST_WIDTH)).join(''),
    atCost.map(([, value]) => dollars(value).padStart(COST_WIDTH)).join(''),
    '',
    'held against',
    ...Object.entries(summary.baselines as Record<string, number>).map(
      ([name, value]) => `  ${name.padEnd(20)}${dollars(value).padStart(12)}`,
    ),
  ]
  const random = summary.random as { count: number; p50: number; percentile: number } | null
  if (random !== null) {
    lines.push(
      `  ${`${count(random.count)} random`.padEnd(20)}${dollars(random.p50).padStart(12)} in the middle; this run beats ${percent(random.percentile)}`,
    )
  }
  lines.push('')
  const refused = Object.entries(summary.risk as Record<string, number>)
  if (refused.length > 0) lines.push(`guard: ${refused.map(([rule, n]) => `${rule} ${n}`).join(', ')}`)
  lines.push(...reasonLines(summary.reasons), ...summary.notes.map((note) => `note: ${note}`))
  return `${lines.flatMap((line) => wrapped(line)).join('\n')}\n`
}

const COST_WIDTH = 15

const cell = ([name, value]: Row): string => `${name.padEnd(20)}${value.padStart(18)}`

/** Each reason once, with the figures it takes away. */
function reasonLines(reasons: Record<string, string>): string[] {
  const byReason = new Map<string, string[]>()
  for (const [name, reason] of Object.entries(reasons)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), name])
  }
  return [...byReason].map(([reason, names]) => `no ${names.join(', ')}: ${reason}`)
}

function wrapped(line: string, width = 80): string[] {
  if (line.length <= width) return [line]
  const at = line.lastIndexOf(' ', width)
  return at <= 2 ? [line] : [line.slice(0, at), ...wrapped(`  ${line.slice(at + 1)}`, width)]
}
