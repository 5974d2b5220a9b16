/** Pieces that every section of the page is made of. */
import { grouped } from '../../../base/words.js'
import { shownIn, signed } from '../../../page/charts/units.js'
import { Html, html } from '../../../page/markup.js'
import type { Fact, RunReport, ShownFigure } from '../../model.js'

/** A part of a run's page, with an anchor. */
export interface Section {
  readonly id: string
  readonly title: string
  readonly body: Html
}

/** A section below a heading of a level. */
export const sectionOf = ({ id, title, body }: Section, level: number): Html =>
  html`<section id="${id}">${heading(level, title)}
${body}</section>
`

/** `<h2>`; levels go from 1 to 6. */
export function heading(level: number, title: string): Html {
  const tag = new Html(`h${level}`)
  return html`<${tag}>${title}</${tag}>`
}

/** What stands where there is nothing to show. */
export const none = (words: string): Html => html`<p class="none">${words}</p>`

/** Names and values below each other. */
export const factsOf = (facts: readonly Fact[]): Html =>
  html`<dl class="facts">${facts.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`

/** `+$12.50`. */
export const gain = (value: number): string => signed('dollars', value)

/** `+1.20 %` of a fraction. */
export const gainPart = (value: number): string => signed('part', value)

/** `1.20 %` of a fraction; `-` for none, and for what is no number. */
export const partOf = (value: number | null): string => shownIn('part', value ?? Number.NaN)

/** `-$12.50`; the same. */
export const money = (value: number | null): string => shownIn('dollars', value ?? Number.NaN)

/** A figure of the run by its key, wherever it stands. */
export const figureOf = (run: RunReport, key: string): ShownFigure | undefined =>
  run.figures.flatMap(({ figures }) => figures).find((figure) => figure.key === key)

/** `1 session`, `1,234 sessions`. */
export const countWords = (count: number, what: string): string =>
  `${grouped(count, 0)} ${what}${count === 1 ? '' : 's'}`
