/** Amounts of named things as bars beside their numbers: a table whose second column is a drawing. */
import { type Html, html } from '../markup.js'
import { signed, type Unit } from './units.js'

export interface Bar {
  readonly name: string
  /** Null, or no number, where there is none; `words` say why. */
  readonly value: number | null
  /** The value in words; with its sign in its unit where not given. */
  readonly shown?: string
  readonly words?: string
  /** Stands out from the others: what they are held against. */
  readonly isOwn?: boolean
  /** A cell for each of the further columns. */
  readonly more?: readonly string[]
}

export interface Bars {
  readonly name: string
  /** What the names are: `policy`. */
  readonly heading: string
  /** What the values are: `net result`. */
  readonly values: string
  readonly unit: Unit
  readonly bars: readonly Bar[]
  /** Names of further columns of numbers. */
  readonly more?: readonly string[]
}

/** Bars from one zero, losses to the left of it, the longest as long as there is room. */
export function barsOf({ name, heading, values, unit, bars, more = [] }: Bars): Html {
  const amounts = bars.map(({ value }) => amountOf(value) ?? 0)
  const low = Math.min(0, ...amounts)
  const high = Math.max(0, ...amounts)
  const place = (value: number): number => (high === low ? 0 : (100 * (value - low)) / (high - low))
  const table = html`<table class="bars" aria-label="${name}">
<thead class="${more.length === 0 ? 'unseen' : 'seen'}"><tr><th scope="col">${heading}</th><th scope="col" class="n">${values}</th>${more.map((column) => html`<th scope="col" class="n">${column}</th>`)}</tr></thead>
<tbody>
${bars.map((bar) => rowOf(bar, unit, place))}</tbody></table>`
  if (more.length === 0) return table
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${name}">${table}</div>`
}

const amountOf = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null

const at = (part: number): string => `${Number(part.toFixed(2))}%`

function rowOf(bar: Bar, unit: Unit, place: (value: number) => number): Html {
  const { name, words = '', isOwn = false, more = [] } = bar
  const value = amountOf(bar.value)
  const shown = value === null ? '-' : (bar.shown ?? signed(unit, value))
  const zero = at(place(0))
  const drawing = html`<svg class="bar" height="14" aria-hidden="true">${
    value === null ? null : rect(value, place)
  }<line class="zero" x1="${zero}" x2="${zero}" y1="0" y2="14"/></svg>`
  return html`<tr class="${isOwn ? 'own' : 'other'}"><th scope="row">${name}</th><td><span class="amount">${drawing}<span class="n">${shown}</span></span>${
    words === '' ? null : html`<span class="dim">${words}</span>`
  }</td>${more.map((cell) => html`<td class="n">${cell}</td>`)}</tr>\n`
}

const rect = (value: number, place: (value: number) => number): Html =>
  html`<rect class="${value < 0 ? 'down' : 'up'}" x="${at(place(Math.min(0, value)))}" y="2" width="${at(
    Math.abs(place(value) - place(0)),
  )}" height="10"/>`
