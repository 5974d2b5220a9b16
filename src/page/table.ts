/** Tables: numbers to the right, a name for those who do not see them, and a way to reach what stands beyond a narrow screen. */
import { Html, html, type Part } from './markup.js'

export interface Column {
  readonly name: string
  /** Numbers stand to the right, with digits of one width. */
  readonly isNumber?: boolean
  /** Sentences: they have the room that the other columns leave, and on a narrow screen a line below them. */
  readonly isWords?: boolean
}

export interface Table {
  /** What it shows, for a reader who does not see what stands around it. */
  readonly name: string
  /** Its name stands above it. */
  readonly isTitled?: boolean
  readonly columns: readonly Column[]
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly Part[])[]
}

/** A table in a box that scrolls sideways where it is too wide. */
export function tableOf({ name, isTitled = false, columns, rows }: Table): Html {
  const classOf = (k: number, cell: Part = null): Html | null => {
    const { isNumber = false, isWords = false } = columns[k]!
    const name = isNumber ? 'n' : isWords ? 'words' : typeof cell === 'string' && TIME.test(cell) ? 't' : null
    return name === null ? null : new Html(` class="${name}"`)
  }
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${name}"><table${columns.some(({ isWords }) => isWords) ? new Html(' class="worded"') : null}>${isTitled ? html`<caption>${name}</caption>` : null}
<thead><tr>${columns.map((column, k) => html`<th scope="col"${classOf(k)}>${column.name}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (cells) =>
    html`<tr>${cells.map((cell, k) =>
      k === 0
        ? html`<th scope="row"${classOf(k, cell)}>${cell}</th>`
        : html`<td${classOf(k, cell)}>${cell}</td>`,
    )}</tr>\n`,
)}</tbody></table></div>`
}

/** `2025-07-30`, `2025-07-30 09:31`: in one line on any screen. */
const TIME = /^\d{4}-\d\d-\d\d( \d\d:\d\d)?$/

/** Numbers of a drawing, folded away below it. */
export const numbersOf = (table: Table): Html =>
  html`<details class="numbers"><summary>Numbers: ${table.name}</summary>${tableOf(table)}</details>`
