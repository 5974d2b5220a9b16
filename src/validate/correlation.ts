/** How two symbols move together, by day. */

import { centreOf, NORMAL } from '../base/robust.js'
import type { Day } from './day.js'
import { SESSIONS_KEPT, SESSIONS_NEEDED } from './history.js'
import type { Together } from './seen.js'

/** Fewer returns say nothing. */
const RETURNS = 30
/** Days differ by as much in any case, as Fisher's z. */
const LEAST_SPREAD = 0.12
/** Returns count for as many standard deviations at most: a jump is no correlation. */
const CUT = 5

/** Correlations of dates, one after the other. */
export class Correlations {
  readonly #before: number[] = []

  /** Takes in two symbols' days of one date; null where too few dates came before, or too few bars are shared. */
  add(one: Day, other: Day): Together | null {
    const own = together(one, other)
    if (Number.isNaN(own)) return null
    const { median, mad, count } = centreOf(this.#before)
    this.#before.push(own)
    if (this.#before.length > SESSIONS_KEPT) this.#before.shift()
    if (count < SESSIONS_NEEDED) return null
    const z = (own - median) / Math.max(NORMAL * mad, LEAST_SPREAD)
    const symbols = [one.symbol, other.symbol] as const
    return { symbols, observed: Math.tanh(own), expected: Math.tanh(median), z }
  }
}

/** Fisher's z of the correlation of the returns of two symbols; NaN where they share too few. */
function together(one: Day, other: Day): number {
  const [a, b] = [one.returns, other.returns]
  const [mostA, mostB] = [CUT * NORMAL * one.spread, CUT * NORMAL * other.spread]
  const slots = Math.min(a.length, b.length)
  let [n, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0]
  for (let slot = 0; slot < slots; slot++) {
    const x = Math.max(-mostA, Math.min(mostA, a[slot]!))
    const y = Math.max(-mostB, Math.min(mostB, b[slot]!))
    if (Number.isNaN(x + y)) continue
    n++
    sumA += x
    sumB += y
    sumAA += x * x
    sumBB += y * y
    sumAB += x * y
  }
  if (n < RETURNS) return Number.NaN
  const [varA, varB] = [sumAA - (sumA * sumA) / n, sumBB - (sumB * sumB) / n]
  const correlation = (sumAB - (sumA * sumB) / n) / Math.sqrt(varA * varB)
  return Number.isNaN(correlation) ? Number.NaN : Math.atanh(Math.max(-MOST, Math.min(MOST, correlation)))
}

/** Two series that are one have a z without end. */
const MOST = 0.9999
