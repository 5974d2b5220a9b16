/**
 * Keeps bars out that follow on a night which looks like a split, whatever they say of their adjustment: a source that has not
 * adjusted yet, or history from before a split beside bars from after it. A price that is truly so can be loaded by hand.
 */
import { newYorkDay, newYorkMidnight } from '../../base/time.js'
import type { BarBatch } from '../bar.js'
import { LONGEST_MS, type Split, splitOf } from '../splits.js'

/** The last bar that was passed on. */
export interface LastClose {
  readonly timeMs: number
  readonly close: number
}

/**
 * The days of rows, in the order of time, whose first bar lies a split away from the last bar before that is no suspect; `last` is
 * that of the rows before these. Days are those of New York, since 1970-01-01.
 */
export function splitDays(rows: BarBatch, last: LastClose | null): Map<number, Split> {
  const found = new Map<number, Split>()
  let { timeMs, close } = last ?? { timeMs: Number.NaN, close: Number.NaN }
  let endMs = Number.isNaN(timeMs) ? Number.NEGATIVE_INFINITY : newYorkMidnight(newYorkDay(timeMs) + 1)
  let isSuspect = false
  for (let i = 0; i < rows.length; i++) {
    const time = rows.time[i]!
    if (time >= endMs) {
      const day = newYorkDay(time)
      endMs = newYorkMidnight(day + 1)
      const open = rows.open[i]!
      const split = time - timeMs <= LONGEST_MS ? splitOf(open / close) : null
      isSuspect = split !== null
      if (split !== null) {
        const symbol = rows.names.text(rows.symbol[i]!) ?? ''
        found.set(day, { symbol, fromDay: newYorkDay(timeMs), toDay: day, close, open, ...split })
      }
    }
    if (isSuspect) continue
    timeMs = time
    close = rows.close[i]!
  }
  return found
}
