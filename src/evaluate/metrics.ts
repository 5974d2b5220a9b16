/**
 * Figures of a run, each with its definition in jules-metrics(7). A sample that cannot support a figure gives a reason
 * instead of a number: no division by a standard deviation of nothing, no annual rate from a week.
 */

import { pow } from '../base/math.js'
import { mean, standardDeviation } from '../base/moments.js'
import { counted } from '../base/words.js'

/** A number, or why there is none. */
export type Figure = { readonly value: number } | { readonly value: null; readonly reason: string }

export const SESSIONS_PER_YEAR = 252
/** Below this many sessions nothing is annualised, and nothing is told from chance. */
export const LEAST_SESSIONS = 20

const given = (value: number): Figure => ({ value })
const absent = (reason: string): Figure => ({ value: null, reason })

/** Simple returns of an equity curve; n values give n - 1 returns. */
export function simpleReturns(equity: ArrayLike<number>): Float64Array {
  const returns = new Float64Array(Math.max(0, equity.length - 1))
  for (let i = 0; i < returns.length; i++) returns[i] = equity[i + 1]! / equity[i]! - 1
  return returns
}

/** prod(1 + r) - 1. */
export function totalReturn(returns: ArrayLike<number>): number {
  let growth = 1
  for (let i = 0; i < returns.length; i++) growth *= 1 + returns[i]!
  return growth - 1
}

/** (1 + total)^(periods a year / n) - 1, geometric. */
export function annualReturn(returns: ArrayLike<number>, periods = SESSIONS_PER_YEAR): Figure {
  const few = tooFew(returns)
  if (few !== null) return few
  const growth = 1 + totalReturn(returns)
  if (growth <= 0) return absent('everything was lost')
  return given(pow(growth, periods / returns.length) - 1)
}

/** Standard deviation of returns times sqrt(periods a year). */
export function volatility(returns: ArrayLike<number>, periods = SESSIONS_PER_YEAR): Figure {
  return tooFew(returns) ?? given(standardDeviation(returns) * Math.sqrt(periods))
}

/** Mean over standard deviation of returns, times sqrt(periods a year); risk-free rate 0. Sharpe, 1994. */
export function sharpe(returns: ArrayLike<number>, periods = SESSIONS_PER_YEAR): Figure {
  const few = tooFew(returns)
  if (few !== null) return few
  const deviation = standardDeviation(returns)
  if (!Number.isFinite(deviation)) return absent(TOO_LARGE)
  if (isConstant(returns, deviation)) return absent(CONSTANT)
  return given((mean(returns) / deviation) * Math.sqrt(periods))
}

const CONSTANT = 'the returns are constant'
/** Of figures that would be infinite, or the quotient of one. */
export const TOO_LARGE = 'the returns are too large for a number'

/** Student's t of the mean of sessions against 0: mean / (s / sqrt(n)), s the sample deviation. Student, 1908. */
export function tStatistic(values: ArrayLike<number>): Figure {
  const few = tooFew(values, 'session')
  if (few !== null) return few
  const deviation = standardDeviation(values)
  if (!Number.isFinite(deviation)) return absent(TOO_LARGE)
  if (isConstant(values, deviation)) return absent('the sessions are all alike')
  return given((mean(values) / deviation) * Math.sqrt(values.length))
}

/** Mean over downside deviation (root mean square of the returns below 0, over all returns), times sqrt(periods a year). */
export function sortino(returns: ArrayLike<number>, periods = SESSIONS_PER_YEAR): Figure {
  const few = tooFew(returns)
  if (few !== null) return few
  let squares = 0
  for (let i = 0; i < returns.length; i++) squares += square(Math.min(0, returns[i]!))
  if (squares === 0) return absent('no return is below 0')
  if (!Number.isFinite(squares)) return absent(TOO_LARGE)
  return given((mean(returns) / Math.sqrt(squares / returns.length)) * Math.sqrt(periods))
}

export interface Drawdown {
  /** (peak - equity) / peak at its largest. */
  readonly fraction: number
  readonly dollars: number
  /** The longest run of points below the last peak. */
  readonly duration: number
}

/** Largest fall from a running peak, and the longest time below one, in points of the curve. */
export function maxDrawdown(equity: ArrayLike<number>): Drawdown {
  let peak = Number.NEGATIVE_INFINITY
  let fraction = 0
  let dollars = 0
  let duration = 0
  let below = 0
  for (let i = 0; i < equity.length; i++) {
    const value = equity[i]!
    if (value >= peak) {
      peak = value
      below = 0
      continue
    }
    below++
    fraction = Math.max(fraction, (peak - value) / peak)
    dollars = Math.max(dollars, peak - value)
    duration = Math.max(duration, below)
  }
  return { fraction, dollars, duration }
}

/** Annual return over the largest drawdown. */
export function calmar(returns: ArrayLike<number>, drawdown: Drawdown, periods = SESSIONS_PER_YEAR): Figure {
  const annual = annualReturn(returns, periods)
  if (annual.value === null) return annual
  return drawdown.fraction === 0 ? absent('there was no drawdown') : given(annual.value / drawdown.fraction)
}

/** Historical value at risk: the 5 % quantile of the returns, interpolated linearly (Hyndman and Fan, type 7). */
export function valueAtRisk(returns: ArrayLike<number>, level = 0.05): Figure {
  const few = tooFew(returns)
  if (few !== null) return few
  return given(quantileOf(Float64Array.from(returns as ArrayLike<number>).sort(), level))
}

/** A quantile of sorted values, interpolated linearly (Hyndman and Fan, type 7). */
export function quantileOf(sorted: ArrayLike<number>, level: number): number {
  const at = level * (sorted.length - 1)
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!)
}

/** Historical expected shortfall: the mean of the floor(0.05 (n - 1)) + 1 smallest returns. */
export function conditionalValueAtRisk(returns: ArrayLike<number>, level = 0.05): Figure {
  const few = tooFew(returns)
  if (few !== null) return few
  const sorted = Float64Array.from(returns as ArrayLike<number>).sort()
  return given(mean(sorted.subarray(0, Math.floor(level * (sorted.length - 1)) + 1)))
}

/** Sum of gains over sum of losses. */
export function profitFactor(results: ArrayLike<number>): Figure {
  let gains = 0
  let losses = 0
  for (let i = 0; i < results.length; i++) {
    if (results[i]! > 0) gains += results[i]!
    else losses -= results[i]!
  }
  if (results.length === 0) return absent('there were no trades')
  return losses === 0 ? absent('nothing was lost') : given(gains / losses)
}

/** Share of the results other than 0 that are above it; `none` is said where there are none. */
export function hitRate(results: ArrayLike<number>, none = 'there were no trades with a result'): Figure {
  let wins = 0
  let counted = 0
  for (let i = 0; i < results.length; i++) {
    if (results[i] === 0) continue
    counted++
    if (results[i]! > 0) wins++
  }
  return counted === 0 ? absent(none) : given(wins / counted)
}

// Not `**`: its last bits differ between versions of V8.
const square = (x: number): number => x * x

/** Why a sample is too small; null if it is not. */
export function tooFew(returns: ArrayLike<number>, what = 'return'): Figure | null {
  if (returns.length >= LEAST_SESSIONS) return null
  return absent(`${counted(returns.length, what)}, fewer than ${LEAST_SESSIONS}`)
}

/** Whether returns of this deviation are constant: rounding leaves a little. */
export function isConstant(returns: ArrayLike<number>, deviation: number): boolean {
  let largest = 0
  for (let i = 0; i < returns.length; i++) largest = Math.max(largest, Math.abs(returns[i]!))
  return !(deviation > 1e-12 * largest) || deviation === 0
}
