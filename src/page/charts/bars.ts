/** Amounts of named things as bars beside their numbers: a table whose middle column is a drawing. */
import { type Html, html } from '../markup.js'
import { signed, type Unit } from './units.js'

export interface Bar {
  readonly name: string
  /** Null where there is none; `words` say why. */
  readonly value: number | null
  /** The value in words; with its sign in its unit where not given. */
  readonly shown?: string
  readonly words?: string
  /** Stands out from the others: what they are held against. */
  readonly isOwn?: boolean
}

export interface Bars {
  readonly name: string
  /** What the names are: `policy`. */
  readonly heading: string
  /** What the values are: `net profit`. */
  readonly unitName: string
  readonly unit: Unit
  readonly bars: readonly Bar[]
}

/** Bars from one zero, losses to the left of it, the longest as long as there is room. */
export function barsOf({ name, heading, unitName, unit, bars }: Bars): Html {
  const values = bars.map(({ value }) => value ?? 0)
  const low = Math.min(0, ...values)
  const high = Math.max(0, ...values)
  const place = (value: number): number => (high === low ? 0 : (100 * (value - low)) / (high - low))
  return html`<table class="bars" aria-label="${name}">
<thead class="unseen"><tr><th scope="col">${heading}</th><th scope="col">${unitName}</th></tr></thead>
<tbody>
${bars.map(
  ({ name, value, shown, words, isOwn = false }) =>
    html`<tr class="${isOwn ? 'own' : 'other'}"><th scope="row">${name}</th><td><span class="amount"><svg class="bar" height="14" aria-hidden="true">${
      value === null ? null : rect(value, place)
    }<line class="zero" x1="${at(place(0))}" x2="${at(place(0))}" y1="0" y2="14"/></svg><span class="n">${
      value === null ? '-' : (shown ?? signed(unit, value))
    }</span></span>${words === undefined || words === '' ? null : html`<span class="dim">${words}</span>`}</td></tr>\n`,
)}</tbody></table>`
}

const at = (part: number): string => `${Number(part.toFixed(2))}%`

const rect = (value: number, place: (value: number) => number): Html =>
  html`<rect class="${value < 0 ? 'down' : 'up'}" x="${at(place(Math.min(0, value)))}" y="2" width="${at(
    Math.abs(place(value) - place(0)),
  )}" height="10"/>`
