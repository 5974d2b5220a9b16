/** Runs side by side. Nothing is added up: dollars of paper and of simulation stay apart. */
import { mergedTimes, timeAxis } from '../../../page/charts/axis.js'
import { lineChart } from '../../../page/charts/line.js'
import { shownIn } from '../../../page/charts/units.js'
import { type Html, html, type Part } from '../../../page/markup.js'
import { type Table, tableOf } from '../../../page/table.js'
import { spanWords } from '../../honesty.js'
import type { Report, RunReport } from '../../model.js'
import { STATES } from './first.js'
import { none } from './section.js'

/** A table with a column a run, and the profit of all in one drawing. */
export const comparison = ({ runs }: Report): Html => html`${tableOf(comparisonTable(runs))}
<p class="dim">Each column is a result by itself: dollars of paper accounts and of simulations are never added up.</p>
${overlay(runs)}`

function comparisonTable(runs: readonly RunReport[]): Table {
  const row = (name: string, cellOf: (run: RunReport) => Part): Part[] => [name, ...runs.map(cellOf)]
  const lights = [...new Set(runs.flatMap(({ lights }) => lights.map(({ name }) => name)))]
  const figures = new Map(
    runs.flatMap(({ figures }) =>
      figures.flatMap(({ figures }) => figures.map(({ key, name }) => [key, name] as const)),
    ),
  )
  return {
    name: 'Runs side by side',
    columns: [{ name: 'what' }, ...runs.map(({ name }) => ({ name }))],
    rows: [
      row(
        'verdict',
        ({ verdict: { go } }) =>
          html`<strong class="${go ? 'good' : 'bad'}">${go ? '✓ GO' : '✗ NO-GO'}</strong>`,
      ),
      row('dollars are', ({ money }) => html`<span class="tag">${money}</span>`),
      row('sessions from and to', ({ span }) => (span === null ? '-' : spanWords(span))),
      ...lights.map((name) =>
        row(name, (run) => {
          const light = run.lights.find((light) => light.name === name)
          if (light === undefined) return '-'
          const { sign, word, tone } = STATES[light.state]
          return html`${light.state === 'none' ? null : `${light.shown} `}<span class="${tone}">${sign} ${word}</span>`
        }),
      ),
      ...[...figures].map(([key, name]) =>
        row(
          name,
          ({ figures }) =>
            figures.flatMap(({ figures }) => figures).find((figure) => figure.key === key)?.shown ?? '-',
        ),
      ),
    ],
  }
}

/** Profit since the start of each run, over every time that one of them has. */
function overlay(runs: readonly RunReport[]): Html {
  const drawn = runs.filter(({ curve }) => curve !== null && curve.time.length > 0)
  if (drawn.length < 2)
    return none('Fewer than two of the runs have a curve, so that none are laid over each other.')
  const times = mergedTimes(drawn.map(({ curve }) => curve!.time))
  const series = drawn.map(({ name, curve }) => {
    const values = new Float64Array(times.length).fill(Number.NaN)
    const { time, equity, capital } = curve!
    // Both ascend.
    for (let k = 0, n = 0; k < time.length; k++) {
      while (times[n]! < time[k]!) n++
      values[n] = equity[k]! - capital
    }
    return { name, values }
  })
  const last = drawn.map(({ curve }) => curve!.equity.at(-1)! - curve!.capital)
  return lineChart({
    title: 'Net result of each run by itself',
    summary: drawn.map(({ name }, k) => `${name} ends at ${shownIn('dollars', last[k]!)}`).join(', '),
    unit: 'dollars',
    axis: timeAxis(times),
    series,
    form: 'line',
    height: 300,
    table: endsTable(drawn),
  })
}

/** Days of the runs would be many rows; months are enough to compare. */
function endsTable(runs: readonly RunReport[]): Table {
  const months = [
    ...new Set(runs.flatMap(({ months }) => months.map(({ year, month }) => monthName(year, month)))),
  ].sort()
  return {
    name: 'Net result of each month',
    columns: [{ name: 'month' }, ...runs.map(({ name }) => ({ name, isNumber: true }))],
    rows: months.map((name) => [
      name,
      ...runs.map(({ months }) => {
        const month = months.find(({ year, month }) => monthName(year, month) === name)
        return month === undefined ? '-' : shownIn('dollars', month.pnl)
      }),
    ]),
  }
}

const monthName = (year: number, month: number): string => `${year}-${String(month).padStart(2, '0')}`
