/** Pieces of pages: facts, tables and curves of a source, marked so that `page/client/live.ts` finds what to keep up to date. */
import { newYorkTime, numberAxis, timeAxis } from '../page/charts/axis.js'
import { lineChart, lineWords } from '../page/charts/line.js'
import { shownIn, type Unit } from '../page/charts/units.js'
import { Html, html, type Part } from '../page/markup.js'
import { type Column, tableOf } from '../page/table.js'
import type { Fact, Level } from './facts.js'
import type { Thinned } from './thinned.js'

/** A text that events change, by the key it has in them. */
export const text = (key: string, words: string, level: Level = 'none'): Html =>
  html`<span data-text="${key}"${classOf(level)}>${words}</span>`

const classOf = (level: Level): Html => new Html(level === 'none' ? '' : ` class="${level}"`)

/** Facts that are read first, large. */
export const lightsOf = (facts: readonly Fact[], prefix = ''): Html =>
  html`<dl class="lights">${facts.map(
    ({ key, name, text: words, level }) =>
      html`<div class="light"><dt>${name}</dt><dd class="value">${text(prefix + key, words, level)}</dd></div>`,
  )}</dl>`

/** Facts line by line. */
export const factsOf = (facts: readonly Fact[], prefix = ''): Html =>
  html`<dl class="facts">${facts.map(
    ({ key, name, text: words, level }) => html`<dt>${name}</dt><dd>${text(prefix + key, words, level)}</dd>`,
  )}</dl>`

/** Rows of a table that is shown; those of a live one begin with the newest. */
export const MOST_SHOWN = 20

/** A table to which events add rows, by the name that it has in them. */
export function rowsOf(name: string, title: string, rows: readonly (readonly Part[])[]): Html {
  const columns: Column[] = ['Time', 'Symbol', 'What', 'Detail'].map((column) => ({ name: column }))
  const none = rows.length === 0 ? 'none yet' : ''
  return html`<section data-rows="${name}"><h3>${title}</h3><p class="none" data-none="">${none}</p>${tableOf({ name: title, columns, rows })}</section>`
}

export interface Curve {
  readonly title: string
  readonly unit: Unit
  readonly form: 'line' | 'area' | 'step'
  readonly isDown?: boolean
  readonly axis: 'time' | 'number'
  readonly series: readonly { readonly name: string; readonly course: Thinned }[]
  readonly height?: number
  readonly group?: string
}

const MOST_NUMBERS = 100

/** Curves on one axis, and some of their numbers as a table. */
export function curveOf({ title, unit, form, axis, series, ...more }: Curve): Html {
  const points = series.map(({ course }) => course.points())
  const places = [...new Set(points.flatMap(({ at }) => at))].sort((a, b) => a - b)
  const slots = new Map(places.map((at, i) => [at, i]))
  const columns = points.map(({ at, value }) => {
    const values = new Float64Array(places.length).fill(Number.NaN)
    for (const [i, one] of at.entries()) values[slots.get(one)!] = value[i]!
    return values
  })
  const every = Math.max(1, Math.ceil(places.length / MOST_NUMBERS))
  const rows = places
    .map((at, i) => ({ at, i }))
    .filter(({ i }) => (places.length - 1 - i) % every === 0)
    .map(({ at, i }) => [
      axis === 'time' ? newYorkTime(at) : shownIn('shares', at),
      ...columns.map((values) => shownIn(unit, values[i]!)),
    ])
    .reverse()
  return lineChart({
    ...{ title, unit, form, ...more },
    summary: series.map(({ name }, k) => `${name} ${lineWords(unit, points[k]!.value)}`).join('; '),
    axis: axis === 'time' ? timeAxis(places) : numberAxis(places),
    series: series.map(({ name }, k) => ({ name, values: columns[k]! })),
    table: {
      name: title,
      columns: [
        { name: axis === 'time' ? 'New York' : 'Step' },
        ...series.map(({ name }) => ({ name, isNumber: true })),
      ],
      rows,
    },
  })
}
