/** What came of a run: its figures, months, equity and falls, positions, and when it earned. */
import { formatDate } from '../../../base/time.js'
import { grouped } from '../../../base/words.js'
import { type Axis, dateStarts, newYorkEnd, timeAxis } from '../../../page/charts/axis.js'
import { barsOf } from '../../../page/charts/bars.js'
import { heatOf } from '../../../page/charts/heat.js'
import { histogramOf } from '../../../page/charts/histogram.js'
import { lineChart, lineWords } from '../../../page/charts/line.js'
import { extentOf } from '../../../page/charts/scale.js'
import { thinned } from '../../../page/charts/thin.js'
import { shownIn } from '../../../page/charts/units.js'
import { type Html, html } from '../../../page/markup.js'
import { type Table, tableOf } from '../../../page/table.js'
import { outsideWords } from '../../courses.js'
import type { Curve, RunReport } from '../../model.js'
import { countWords, gain, gainPart, money, none, partOf } from './section.js'

/** Rows of a table of numbers that are worth reading; a chart has more points. */
const MOST_ROWS = 120

/** Every figure, in its groups; one that is not there with its reason. */
export function figures({ figures }: RunReport): Html {
  if (figures.length === 0) return none('No figures are known.')
  return html`<div class="grid3">${figures.map(
    ({ title, figures }) =>
      html`<div><table aria-label="${title}"><thead><tr><th scope="col">${title}</th><th scope="col" class="n"><span class="unseen">value</span></th></tr></thead><tbody>
${figures.map(
  ({ name, shown, reason }) =>
    html`<tr><th scope="row">${name}${reason === null ? null : html`<br><span class="dim">${reason}</span>`}</th><td class="n">${shown}</td></tr>\n`,
)}</tbody></table></div>`,
  )}</div>`
}

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)

/** Net result by month. */
export function months({ months }: RunReport): Html {
  if (months.length === 0) return none('The run has no equity records, so that its months are not known.')
  return barsOf({
    name: 'Net result by month',
    heading: 'month',
    values: 'net result',
    unit: 'dollars',
    more: ['of the equity before', 'sessions'],
    bars: months.map(({ year, month, pnl, part, sessions }) => ({
      name: `${MONTHS[month - 1]} ${year}`,
      value: pnl,
      more: [gainPart(part), grouped(sessions, 0)],
    })),
  })
}

/** Equity and drawdown after each bar, and the worst falls. */
export function equity(run: RunReport, group: string): Html {
  const { curve } = run
  if (curve === null || curve.time.length === 0)
    return html`${none('The run has no equity records, so that there is no curve.')}${run.drawdowns.length === 0 ? null : falls(run)}`
  const axis = timeAxis(curve.time)
  const { pnl, drawdown } = run.verdict.bounds
  return html`${lineChart({
    title: `Equity after each bar (${run.money})`,
    summary: lineWords('dollars', curve.equity),
    unit: 'dollars',
    axis,
    series: [{ name: 'equity', values: curve.equity }],
    form: 'line',
    height: 280,
    group,
    marks: [
      { value: curve.capital, name: `start ${money(curve.capital)}` },
      { value: curve.capital + pnl, name: `${gain(pnl)} asked for` },
    ],
    table: equityTable(run, curve, axis),
  })}
${lineChart({
  title: 'Drawdown: the fall from the highest equity before',
  summary: `deepest ${partOf(largest(curve.drawdown))}, allowed ${partOf(drawdown)}`,
  unit: 'part',
  axis,
  series: [{ name: 'drawdown', values: curve.drawdown }],
  form: 'area',
  isDown: true,
  height: 170,
  group,
  marks: [{ value: drawdown, name: `${partOf(drawdown)} allowed` }],
  table: pointTable('Drawdown', axis, [{ name: 'drawdown', values: curve.drawdown, shown: partOf }]),
})}
${falls(run)}`
}

const largest = (values: Float64Array): number => extentOf([values])?.[1] ?? 0

/** By session where there are several: what a reader can take in; else by point. */
function equityTable({ sessions }: RunReport, curve: Curve, axis: Axis): Table {
  if (sessions.length < FEW)
    return pointTable('Equity', axis, [
      { name: 'equity', values: curve.equity, shown: money },
      { name: 'drawdown', values: curve.drawdown, shown: partOf },
    ])
  const ends = new Map<string, number>()
  const deepest = new Map<string, number>()
  for (const { date, last, deepest: depth } of daysOf(curve)) {
    ends.set(date, curve.equity[last]!)
    deepest.set(date, depth)
  }
  return {
    name: 'Equity by session',
    columns: [
      { name: 'session' },
      { name: 'net result', isNumber: true },
      { name: 'of the equity before', isNumber: true },
      { name: 'equity at its end', isNumber: true },
      { name: 'deepest drawdown in it', isNumber: true },
    ],
    rows: sessions.map(({ date, pnl, part }) => [
      date,
      gain(pnl),
      gainPart(part),
      money(ends.get(date) ?? null),
      partOf(deepest.get(date) ?? null),
    ]),
  }
}

interface Day {
  readonly date: string
  readonly last: number
  readonly deepest: number
}

/** The last point and the deepest drawdown of each date of New York. */
function daysOf({ time, drawdown }: Curve): Day[] {
  const starts = dateStarts(time)
  return starts.map(({ k, day }, n) => {
    const end = starts[n + 1]?.k ?? time.length
    return { date: formatDate(day), last: end - 1, deepest: largest(drawdown.subarray(k, end)) }
  })
}

interface Values {
  readonly name: string
  readonly values: ArrayLike<number>
  readonly shown: (value: number) => string
}

/** Points of charts as rows, thinned by the first of them where there are many. */
function pointTable(name: string, { times }: Axis, series: readonly Values[]): Table {
  const kept = thinned(series[0]!.values, MOST_ROWS)
  const some =
    kept.length < (times?.length ?? 0) ? ` (${kept.length} of ${grouped(times!.length, 0)} points)` : ''
  return {
    name: `${name}${some}`,
    columns: [{ name: 'New York time' }, ...series.map(({ name }) => ({ name, isNumber: true }))],
    rows: [...kept].map((k) => [
      newYorkEnd(times![k]!),
      ...series.map(({ values, shown }) => shown(values[k]!)),
    ]),
  }
}

function falls({ drawdowns }: RunReport): Html {
  if (drawdowns.length === 0) return none('The equity never fell below a peak.')
  return tableOf({
    name: 'The worst falls',
    isTitled: true,
    columns: [
      { name: 'fall' },
      { name: 'in dollars', isNumber: true },
      { name: 'peak' },
      { name: 'trough' },
      { name: 'recovered' },
    ],
    rows: drawdowns.map(({ fraction, dollars, peakMs, troughMs, recoveredMs }) => [
      partOf(fraction),
      money(dollars),
      newYorkEnd(peakMs),
      newYorkEnd(troughMs),
      recoveredMs === null ? 'not yet' : newYorkEnd(recoveredMs),
    ]),
  })
}

/** Shares held after each bar. */
export function positions({ curve, symbols }: RunReport, group: string): Html {
  if (curve === null || curve.positions.length === 0) return none('What was held at which time is not known.')
  const axis = timeAxis(curve.time)
  return html`${curve.positions.map((values, k) => {
    const name = symbols[k] ?? `symbol ${k + 1}`
    return lineChart({
      title: `Shares of ${name} held`,
      summary: `${lineWords('shares', values)}; below zero is short`,
      unit: 'shares',
      axis,
      series: [{ name, values }],
      form: 'step',
      height: 150,
      group,
      table: pointTable(`Shares of ${name}`, axis, [
        { name: 'shares', values, shown: (value) => shownIn('shares', value) },
      ]),
    })
  })}`
}

/** Sessions that are shown one by one. */
const FEW = 5

const sessionBars = (sessions: RunReport['sessions']): Html =>
  barsOf({
    name: 'Net result by session',
    heading: 'session',
    values: 'net result',
    unit: 'dollars',
    bars: sessions.map(({ date, pnl }) => ({ name: date, value: pnl })),
  })

/** When it earned: how sessions came out, and the half hours of each weekday. */
export function whenEarned({ sessions, heat, curve }: RunReport): Html {
  const outside = heat === null ? null : outsideWords(heat)
  const values = sessions.map(({ pnl }) => pnl)
  const gains = values.filter((value) => value > 0).length
  return html`<div class="grid2">
<div>${
    values.length === 0
      ? none('What each session earned is not known.')
      : values.length < FEW
        ? sessionBars(sessions)
        : html`${histogramOf({ title: 'Net result of a session', unit: 'dollars', counted: 'sessions', values })}
<p class="dim">${`${grouped(gains, 0)} of ${countWords(values.length, 'session')} earned; best ${gain(Math.max(...values))}, worst ${gain(Math.min(...values))}.`}</p>`
  }</div>
<div>${
    heat === null
      ? none(
          curve === null
            ? 'What was earned at which time of day is not known.'
            : 'No bar ended within the session: what was earned at which time of day is not known.',
        )
      : heatOf({
          title: 'Net result by half hour and weekday, whole dollars',
          unit: 'dollars',
          heading: 'New York time',
          rows: heat.times,
          columns: heat.days,
          values: heat.times.map((_, t) => heat.days.map((_, d) => heat.pnl[d]?.[t] ?? null)),
        })
  }${outside === null ? null : html`<p class="dim">${outside}.</p>`}</div>
</div>`
}
