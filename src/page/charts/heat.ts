/** Amounts by two things as coloured cells, each with its number in it, so that colour is not needed; and the same as a table. */
import { grouped } from '../../base/words.js'
import { type Html, html } from '../markup.js'
import { numbersOf } from '../table.js'
import { signed, type Unit } from './units.js'

export interface Heat {
  readonly title: string
  readonly unit: Unit
  /** What the rows are: `New York time`. */
  readonly heading: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** By row, then column; null where there is none. */
  readonly values: readonly (readonly (number | null)[])[]
}

const CELL = 26
/** For the names of the rows. */
const LEFT = 52

/** Three shades each way from nothing, by the size beside the largest. */
function shadeOf(value: number, most: number): string {
  const part = most === 0 ? 0 : Math.abs(value) / most
  const shade = part < 0.02 ? 0 : part < 0.25 ? 1 : part < 0.6 ? 2 : 3
  return shade === 0 ? 'even' : `${value < 0 ? 'minus' : 'plus'}${shade}`
}

/** Whole units with their sign: what there is room for. */
function brief(unit: Unit, value: number): string {
  const text = grouped(Math.abs(unit === 'part' ? 100 * value : value), unit === 'part' ? 1 : 0)
  const sign = !/[1-9]/.test(text) ? '' : value < 0 ? '\u2212' : '+'
  return sign + text
}

/** The heat map as a figure. */
export function heatOf({ title, unit, heading, rows, columns, values }: Heat): Html {
  const all = values.flat().filter((value) => value !== null)
  if (all.length === 0) return html`<p class="none">${title}: there is nothing to show.</p>`
  const most = Math.max(...all.map(Math.abs))
  const height = CELL * (rows.length + 1)
  const x = (k: number): string => `${Number(((100 * k) / columns.length).toFixed(2))}%`
  const best = values.flatMap((row, r) =>
    row.map((value, c) => ({ value, name: `${columns[c]} ${rows[r]}` })),
  )
  const ends = best.filter(({ value }) => value !== null).sort((a, b) => a.value! - b.value!)
  const [worst, top] = [ends[0]!, ends.at(-1)!]
  const summary = `${title}: best ${top.name} with ${signed(unit, top.value!)}, worst ${worst.name} with ${signed(unit, worst.value!)}`
  return html`<figure class="chart heat">
<figcaption>${title}</figcaption>
<div class="plot" role="img" aria-label="${summary}"><svg class="values" width="${LEFT}" height="${height}" aria-hidden="true">${rows.map(
    (row, r) => html`<text x="${LEFT - 8}" y="${CELL * (r + 1) + 17}" text-anchor="end">${row}</text>`,
  )}</svg><svg class="lines" height="${height}" aria-hidden="true">${columns.map(
    (column, c) => html`<text class="tick" x="${x(c + 0.5)}" y="17" text-anchor="middle">${column}</text>`,
  )}${values.map((row, r) =>
    row.map((value, c) =>
      value === null
        ? html`<text class="tick" x="${x(c + 0.5)}" y="${CELL * (r + 1) + 17}" text-anchor="middle">\u00b7</text>`
        : html`<rect class="cell ${shadeOf(value, most)}" x="${x(c)}" y="${CELL * (r + 1)}" width="${x(1)}" height="${CELL}"/><text class="on ${shadeOf(value, most)}" x="${x(c + 0.5)}" y="${CELL * (r + 1) + 17}" text-anchor="middle">${brief(unit, value)}</text>`,
    ),
  )}</svg></div>
${numbersOf({
  name: title,
  columns: [{ name: heading }, ...columns.map((name) => ({ name, isNumber: true }))],
  rows: rows.map((row, r) => [
    row,
    ...values[r]!.map((value) => (value === null ? '-' : signed(unit, value))),
  ]),
})}
</figure>`
}
