/** Pieces of messages: values that are quoted, amounts, and command lines that people copy. */

/** A value as it may stand in a message: JSON-quoted, control characters escaped, cut at 60 characters. */
export function quote(value: unknown): string {
  let text: string | undefined
  try {
    // Only the beginning is shown, and what is made of it grows with its length.
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, 1000) : value)
    text = (text ?? String(value)).slice(0, 1000)
  } catch {
    // Nested too deep, or a number too large for JSON.
    text = typeof value === 'object' ? 'an object' : String(value)
  }
  text = text.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const characters = [...text]
  return characters.length > 60 ? `${characters.slice(0, 57).join('')}...` : text
}

/** A name that others gave: as it is where it is plain, else quoted. */
export const named = (text: string): string => (/^[\w.-]{1,32}$/.test(text) ? text : quote(text))

/** `1 bar`, `2 bars`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** 1234567.8 as 1,234,567.80; no locale, so that every machine prints the same. */
export function grouped(value: number, digits: number): string {
  const [whole, part] = value.toFixed(digits).split('.')
  const groups = whole!.replace(/\B(?=(\d{3})+$)/g, ',')
  return part === undefined ? groups : `${groups}.${part}`
}

/** -1234.5 as -$1,234.50; less than half a cent has no sign. */
export function dollars(value: number): string {
  const text = `$${grouped(Math.abs(value), 2)}`
  return value < 0 && text !== '$0.00' ? `-${text}` : text
}

/** A number as text; what is rounded to nothing has no sign. */
export const signless = (text: string): string => (/[1-9]/.test(text) ? text : text.replace('-', ''))

/** 0.0125 as 1.25 %; what no column has room for has an exponent. */
export function percent(part: number, digits = 2): string {
  const value = 100 * part
  return `${signless(Math.abs(value) < 1e6 ? grouped(value, digits) : value.toExponential(4))} %`
}

/** A word of a POSIX shell: as it is where it is plain, else in single quotes. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
