/** The parts of a report that are tables, in the order in which every text shows them: headings, columns, cells as they are shown. */
import { grouped } from '../../base/words.js'
import { count, dollars, percent, plain } from '../../evaluate/shown.js'
import { newYorkEnd } from '../../page/charts/axis.js'
import { breakEvenWords } from '../break-even.js'
import { outsideWords } from '../courses.js'
import type { Report, RunReport } from '../model.js'

export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
  /** Said under it. */
  readonly note?: string
}

/** `right` for numbers. */
export type Column = string | { readonly name: string; readonly right: true }

const right = (name: string): Column => ({ name, right: true })
const minute = (ms: number | null): string => newYorkEnd(ms ?? Number.NaN)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Tables of one run; those without a row are left out. */
export function tablesOf(run: RunReport): Table[] {
  const { costs, rivals, drawdowns, months, heat, actions, bySymbol, risk, slippage, windows } = run
  const outside = heat === null ? null : outsideWords(heat)
  const tables: Table[] = [
    {
      title: 'Net result at a multiple of the costs',
      columns: ['costs', right('net result')],
      rows: (costs?.points ?? []).map(({ multiple, pnl }) => [`${multiple}x`, dollars(pnl)]),
      ...(costs === null ? {} : { note: breakEvenWords(costs) }),
    },
    {
      title: 'Held against',
      columns: ['policy', right('net result'), ''],
      rows: rivals.map(({ name, pnl, words }) => [name, dollars(pnl), words]),
    },
    {
      title: 'Months',
      columns: ['month', right('net result'), right('return'), right('sessions')],
      rows: months.map(({ year, month, pnl, part, sessions }) => [
        `${MONTHS[month - 1]} ${year}`,
        dollars(pnl),
        percent(part),
        count(sessions),
      ]),
    },
    {
      title: 'Worst falls',
      columns: ['peak', 'trough', 'recovered', right('fall'), right('dollars')],
      rows: drawdowns.map(({ peakMs, troughMs, recoveredMs, fraction, dollars: lost }) => [
        minute(peakMs),
        minute(troughMs),
        recoveredMs === null ? 'not yet' : minute(recoveredMs),
        percent(fraction),
        dollars(lost),
      ]),
      note: 'times are of New York',
    },
    {
      title: 'Net result by half hour and weekday, New York',
      columns: ['from', ...(heat?.days ?? []).map(right)],
      rows: (heat?.times ?? []).map((time, i) => [
        time,
        ...heat!.pnl.map((day) => (day[i] === null ? '-' : dollars(day[i]))),
      ]),
      ...(outside === null ? {} : { note: outside }),
    },
    {
      title: 'Positions held',
      columns: ['position', right('of decisions')],
      rows: (actions ?? []).filter(({ part }) => part > 0).map(({ words, part }) => [words, percent(part)]),
    },
    {
      title: 'By symbol',
      columns: [
        'symbol',
        right('net result'),
        right('trips'),
        right('hit rate'),
        right('fees'),
        right('slippage'),
      ],
      rows: bySymbol.map((one) => [
        one.symbol,
        dollars(one.pnl),
        count(one.trips),
        percent(one.hitRate),
        dollars(one.fees),
        dollars(one.slippage),
      ]),
    },
    {
      title: 'Guard',
      columns: ['rule', 'action', right('times')],
      rows: risk.counts.map(({ rule, action, count: times }) => [rule, action, count(times)]),
    },
    {
      title: 'Slippage',
      columns: ['', right('dollars')],
      rows:
        slippage === null
          ? []
          : [
              ['seen', dollars(slippage.seen)],
              ...(slippage.modelled === null ? [] : [['expected by the model', dollars(slippage.modelled)]]),
            ],
    },
    {
      title: 'Windows',
      columns: ['#', 'tested', right('net result'), right('Sharpe'), right('fall'), right('trades'), 'notes'],
      rows: windows.map((one) => [
        grouped(one.window, 0),
        one.tested,
        dollars(Number.isNaN(one.pnl) ? null : one.pnl),
        plain(2)(one.sharpe),
        percent(one.maxDrawdown === null ? null : Math.abs(one.maxDrawdown)),
        count(one.trades),
        one.notes.join('; '),
      ]),
    },
  ]
  return tables.filter(({ rows }) => rows.length > 0)
}

/** Findings of the data; null where none were looked for. */
export function qualityTable({ quality }: Report): Table | null {
  if (quality === null) return null
  return {
    title: `Data: ${quality.errors} errors, ${quality.warnings} warnings`,
    columns: ['date', 'symbol', 'check', 'severity', right('count'), ''],
    rows: quality.findings.map((one) => [
      one.date,
      one.symbol,
      one.check,
      one.severity,
      count(one.count),
      one.words,
    ]),
  }
}

/** Runs side by side, `across` of them in a table: a row a figure that any of them has. */
export function comparisons({ runs }: Pick<Report, 'runs'>, across = runs.length): Table[] {
  const names = new Map(
    runs.flatMap(({ figures }) =>
      figures.flatMap((group) => group.figures.map(({ key, name }) => [key, name])),
    ),
  )
  const tables: Table[] = []
  for (let from = 0; from < runs.length; from += across) {
    const some = runs.slice(from, from + across)
    const shown = some.map(({ figures }) => {
      const all = figures.flatMap((group) => group.figures)
      return new Map<string, string>(all.map((one) => [one.key, one.shown]))
    })
    tables.push({
      title: from === 0 ? 'Side by side' : 'And',
      columns: ['', ...some.map((run) => right(labelOf(run, runs)))],
      rows: [
        ['', ...some.map(({ money }) => money)],
        ['verdict', ...some.map(({ verdict }) => (verdict.go ? 'GO' : 'NO-GO'))],
        ...[...names].map(([key, name]) => [name, ...shown.map((one) => one.get(key) ?? '-')]),
      ],
    })
  }
  return tables
}

/** The name of a run; where it was read from, where it has none or shares it. */
const labelOf = ({ name, place }: RunReport, runs: readonly RunReport[]): string =>
  name === '' || runs.filter((run) => run.name === name).length > 1 ? place : name
