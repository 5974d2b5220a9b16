/**
 * Suspected splits: a night over which a price comes near one nth or n times what it was, in bars that are not said to be
 * adjusted. Nothing is mended: the price may be true.
 */
import { DAY, formatDate, newYorkDay, newYorkMidnight } from '../base/time.js'
import { ADJUSTMENTS, type BarBatch, MISSING_CODE } from './bar.js'

/**
 * Shares that splits make of how many, and how far the price may lie from that, as a part of it. A stock moves by one or two
 * percent in a usual night, so a split is seen within a few percent; but a bad night of -33 % happens, of -50 % hardly ever, and
 * of -60 % or more never without one: the nearer to 1 the ratio, the narrower.
 */
const RATIOS: readonly (readonly [shares: number, of: number, tolerance: number])[] = [
  [3, 2, 0.01],
  [2, 1, 0.03],
  ...([[5, 2], ...[3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100].map((n) => [n, 1])] as const).map(
    ([shares = 1, of = 1]) => [shares, of, 0.05] as const,
  ),
]

/** Over a longer hole a price may have gone anywhere. */
export const LONGEST_MS: number = 10 * DAY

/** A night that looks like one: dates are days since 1970-01-01. */
export interface Split {
  readonly symbol: string
  readonly fromDay: number
  readonly toDay: number
  readonly close: number
  readonly open: number
  /** What one share became, such as `10-for-1`, and the price, such as `1/10`. */
  readonly ratio: string
  readonly part: string
}

/** What a price ratio from a close to the next open looks like; null for a move of the market. */
export function splitOf(ratio: number): { readonly ratio: string; readonly part: string } | null {
  for (const [shares, of, tolerance] of RATIOS) {
    const times = shares / of
    if (Math.abs(ratio * times - 1) <= tolerance)
      return { ratio: `${shares}-for-${of}`, part: `${of}/${shares}` }
    if (Math.abs(ratio / times - 1) <= tolerance)
      return { ratio: `${of}-for-${shares}`, part: of === 1 ? `${shares} times` : `${shares}/${of}` }
  }
  return null
}

/** Words of a warning: symbol, factor, between which dates, and what can be done. */
export function splitWords({ symbol, fromDay, toDay, close, open, ratio, part }: Split): string {
  const [from, to] = [formatDate(fromDay), formatDate(toDay)]
  return `${symbol} opens on ${to} at ${open}, ${part} of its close of ${close} on ${from}, and its bars do not say that they are adjusted: a ${ratio} split? Get adjusted bars, or begin after it with --from ${to}`
}

/** Watches the bars of one symbol and interval, oldest or newest first. */
export class SplitWatch {
  #timeMs = Number.NaN
  #open = 0
  #close = 0
  #isRaw = false
  /** New York's date of the last bar. */
  #fromMs = Number.POSITIVE_INFINITY
  #toMs = Number.NEGATIVE_INFINITY

  /** Takes in row `i`; gives what the night before it looks like, or null. */
  see(batch: BarBatch, i: number): Split | null {
    const time = batch.time[i]!
    const open = batch.open[i]!
    const close = batch.close[i]!
    const adjusted = batch.adjusted[i]!
    const isRaw = adjusted === MISSING_CODE || ADJUSTMENTS[adjusted] === 'none'
    let found: Split | null = null
    if (time >= this.#toMs || time < this.#fromMs) {
      if (isRaw && this.#isRaw) found = this.#judge(batch, i)
      const day = newYorkDay(time)
      this.#fromMs = newYorkMidnight(day)
      this.#toMs = newYorkMidnight(day + 1)
    }
    this.#timeMs = time
    this.#open = open
    this.#close = close
    this.#isRaw = isRaw
    return found
  }

  #judge(batch: BarBatch, i: number): Split | null {
    const time = batch.time[i]!
    if (!(Math.abs(time - this.#timeMs) <= LONGEST_MS)) return null
    const isNewer = time > this.#timeMs
    const close = isNewer ? this.#close : batch.close[i]!
    const open = isNewer ? batch.open[i]! : this.#open
    const split = splitOf(open / close)
    if (split === null) return null
    const symbol = batch.names.text(batch.symbol[i]!) ?? ''
    const [before, after] = isNewer ? [this.#timeMs, time] : [time, this.#timeMs]
    return { symbol, fromDay: newYorkDay(before), toDay: newYorkDay(after), close, open, ...split }
  }
}
