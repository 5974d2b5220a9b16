/** Numbers of a drawing in words: on its axis, and exactly. */
import { dollars, grouped } from '../../base/words.js'

/** What values are: `part` is a fraction of 1, shown in percent. */
export type Unit = 'dollars' | 'part' | 'shares' | 'number'

/** `-$12.50`, `0.70 %`, `-5`; `-` for what is no number. */
export function shownIn(unit: Unit, value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (unit === 'dollars') return dollars(value)
  if (unit === 'part') return `${signless(grouped(100 * value, 2))} %`
  return signless(grouped(value, unit === 'shares' ? 0 : 2))
}

/** A value with its sign where it is above zero: `+$12.50`. */
export const signed = (unit: Unit, value: number): string => {
  const text = shownIn(unit, value)
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

/** A value of an axis whose ticks are `step` apart: no digit more than tells them apart. */
export function tickIn(unit: Unit, value: number, step: number): string {
  const places = (size: number): number => Math.min(8, Math.max(0, Math.ceil(-Math.log10(size) - 1e-9)))
  if (unit === 'part') return `${signless(grouped(100 * value, places(100 * step)))} %`
  const text = signless(grouped(Math.abs(value), places(step)))
  const sign = value < 0 && /[1-9]/.test(text) ? '-' : ''
  return unit === 'dollars' ? `${sign}$${text}` : `${sign}${text}`
}

const signless = (text: string): string => (/[1-9]/.test(text) ? text : text.replace('-', ''))
