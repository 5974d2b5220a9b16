/** Text in XML and HTML. */

/**
 * A text of which every character can be seen: control characters and overrides of the direction are written as \u202e is, and
 * halves of a character as U+FFFD.
 */
export const visible = (text: string): string =>
  text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )

/**
 * A text in an element or in a quoted attribute. XML 1.0 (section 2.2) has no way to write most control characters: they are made
 * visible, as are halves of a character.
 */
export const escaped = (text: string): string =>
  visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replaceAll('\r', '&#13;')

/** Markup that is whole: what `html` made, and nothing that came from outside. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What may stand in a template: text is escaped, markup is not, and what is not there is nothing. */
export type Part = Html | string | number | null | readonly Part[]

/** Markup of a template; every text put into it is escaped, in elements and in quoted attributes. */
export const html = (pieces: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(pieces.reduce((text, piece, k) => text + textOf(parts[k - 1]!) + piece))

function textOf(part: Part): string {
  if (part === null) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(textOf).join('')
  return escaped(String(part))
}

/** A block of data for scripts; nothing in it can end its element, or a line of JavaScript, and every
 * character can be seen. Null stands for no finite number. */
export const dataBlock = (data: unknown): Html =>
  new Html(
    `<script type="application/json">${JSON.stringify(data, (_, value: unknown) =>
      typeof value === 'string' ? visible(value) : value,
    ).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}</script>`,
  )
