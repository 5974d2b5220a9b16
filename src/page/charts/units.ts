/** Numbers of a drawing in words: on its axis, and exactly. */
import { dollars, grouped, percent, signless } from '../../base/words.js'

/** What values are: `part` is a fraction of 1, shown in percent. */
export type Unit = 'dollars' | 'part' | 'shares' | 'number'

/** `-$12.50`, `0.70 %`, `-5`, `0.25` of a share; `-` for what is no number. */
export function shownIn(unit: Unit, value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (unit === 'dollars') return dollars(value)
  if (unit === 'part') return percent(value)
  return signless(unit === 'shares' ? trimmed(grouped(value, SHARE_DIGITS)) : grouped(value, 2))
}

/** Brokers have parts of a share to four digits, those of coins to eight. */
export const SHARE_DIGITS = 8

const trimmed = (text: string): string => text.replace(/\.?0+$/, '')

/** A value with its sign where it is above zero: `+$12.50`. */
export const signed = (unit: Unit, value: number): string => {
  const text = shownIn(unit, value)
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

/** A value of an axis whose ticks are `step` apart: no digit more than tells them apart, but cents where there are parts of a dollar. */
export function tickIn(unit: Unit, value: number, step: number): string {
  if (unit === 'part') return percent(value, digitsOf(100 * step))
  const digits = digitsOf(step)
  const text = grouped(Math.abs(value), unit === 'dollars' && digits === 1 ? 2 : digits)
  const sign = value < 0 && /[1-9]/.test(text) ? '-' : ''
  return unit === 'dollars' ? `${sign}$${text}` : `${sign}${text}`
}

/** The digits after the point that a step has. */
function digitsOf(step: number): number {
  let digits = 0
  while (digits < 8 && Math.abs(Math.round(step * 10 ** digits) / 10 ** digits - step) > 1e-6 * step) digits++
  return digits
}
