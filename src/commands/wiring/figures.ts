/** Figures of a summary as people read them, in lines of 80 columns; a dash where there is none. */
import { grouped, dollars as inDollars } from '../../base/words.js'

const WIDTH = 80

/** How a figure is shown. */
export type Show = (value: unknown) => string

const shown =
  (words: (value: number) => string): Show =>
  (value) =>
    typeof value === 'number' ? words(value) : '-'

export const dollars = shown(inDollars)
/** A count, which a mean of several may make a fraction. */
export const count = shown((value) => grouped(value, Number.isInteger(value) ? 0 : 1))
export const percent = shown((value) => `${fixed(100 * value, 2)} %`)
export const plain = (digits: number): Show => shown((value) => fixed(value, digits))

/** Above all that a column has room for, an exponent. */
const fixed = (value: number, digits: number): string =>
  Math.abs(value) < 1e9 ? value.toFixed(digits) : value.toExponential(4)

/** The line in lines of 80 columns, those after the first with an indent. */
export function wrapped(line: string, indent = '  '): string[] {
  if (line.length <= WIDTH) return [line]
  const at = line.lastIndexOf(' ', WIDTH)
  return at <= indent.length
    ? [line]
    : [line.slice(0, at), ...wrapped(`${indent}${line.slice(at + 1)}`, indent)]
}

/** The figures without a value, by the reason of each. */
export function byReason(reasons: Readonly<Record<string, string>>): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [key, reason] of Object.entries(reasons))
    groups.set(reason, [...(groups.get(reason) ?? []), key])
  return groups
}

/** The figures without a value under their names, each reason once; no lines where there are none. */
export function notGiven(
  reasons: Readonly<Record<string, string>>,
  nameOf: (key: string) => string = (key) => key,
): string[] {
  const groups = [...byReason(reasons)].map(([reason, keys]) => `${keys.map(nameOf).join('; ')} (${reason})`)
  return groups.length === 0 ? [] : [`not given: ${groups.join('; ')}`]
}
