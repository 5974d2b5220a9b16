/** What follows from the equity of a run alone: its worst falls, months, sessions, and the times at which it earns. */
import { civilFromDays, formatDate, HOUR, MINUTE, newYorkDay, newYorkMidnight } from '../base/time.js'
import { counted, dollars } from '../base/words.js'
import type { SessionMarks } from '../evaluate/run-records.js'
import type { Curve, DrawdownSpan, HeatMap, Month, SessionResult } from './model.js'

/** The part lost since the highest value before, value by value. */
export function fallsOf(equity: ArrayLike<number>): Float64Array {
  let peak = Number.NEGATIVE_INFINITY
  return Float64Array.from({ length: equity.length }, (_, i) => {
    peak = Math.max(peak, equity[i]!)
    return (peak - equity[i]!) / peak
  })
}

/**
 * The deepest falls from a peak, at most `most`, the worst first. The first peak is at the first mark: the capital, or what the
 * drawdown there tells of a higher one before it.
 */
export function worstFalls({ capital, time, equity, drawdown }: Curve, most = 5): DrawdownSpan[] {
  const falls: DrawdownSpan[] = []
  const keep = (fall: DrawdownSpan): void => {
    const at = falls.findIndex(({ fraction }) => fraction < fall.fraction)
    falls.splice(at < 0 ? falls.length : at, 0, fall)
    falls.length = Math.min(falls.length, most)
  }
  const earlier = drawdown.length === 0 ? 0 : equity[0]! / (1 - drawdown[0]!)
  let peak = earlier > capital * (1 + ROUNDING) ? earlier : capital
  let peakMs = time[0] ?? 0
  let trough = Number.POSITIVE_INFINITY
  let troughMs = 0
  const fall = (recoveredMs: number | null): DrawdownSpan => ({
    peakMs,
    troughMs,
    recoveredMs,
    fraction: (peak - trough) / peak,
    dollars: peak - trough,
  })
  for (let i = 0; i < equity.length; i++) {
    const value = equity[i]!
    if (value >= peak) {
      if (trough < peak) keep(fall(time[i]!))
      peak = value
      peakMs = time[i]!
      trough = Number.POSITIVE_INFINITY
    } else if (value < trough) {
      trough = value
      troughMs = time[i]!
    }
  }
  if (trough < peak) keep(fall(null))
  return falls
}

/** A peak that is worked out of a drawdown is no higher for its last digits. */
const ROUNDING = 1e-9

/** Dollars of each session that has a mark. */
export function sessionResults({ capital, days, equity }: SessionMarks): SessionResult[] {
  let before = capital ?? 0
  return days.map((day, i) => {
    const pnl = equity[i]! - before
    const part = before > 0 ? pnl / before : Number.NaN
    before = equity[i]!
    return { date: formatDate(day), pnl, part }
  })
}

/** The same by month of New York. */
export function monthResults({ capital, days, equity }: SessionMarks): Month[] {
  const months: (Month & { pnl: number; part: number; sessions: number })[] = []
  let start = capital ?? 0
  let before = start
  for (const [i, day] of days.entries()) {
    const { year, month } = civilFromDays(day)
    let current = months.at(-1)
    if (current === undefined || current.year !== year || current.month !== month) {
      start = before
      current = { year, month, pnl: 0, part: 0, sessions: 0 }
      months.push(current)
    }
    before = equity[i]!
    current.pnl = before - start
    current.part = start > 0 ? current.pnl / start : Number.NaN
    current.sessions++
  }
  return months
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'] as const
const HALF_HOUR = 30 * MINUTE
const OPEN = 9 * HOUR + 30 * MINUTE
const CLOSE = 16 * HOUR

/**
 * Dollars by half hour and weekday of New York: those of a bar stand where it ended; those of a night where the first bar after it
 * did. Null where all bars are outside of the session.
 */
export function heatMap({ capital, time, equity }: Curve): HeatMap | null {
  const slots = (CLOSE - OPEN) / HALF_HOUR
  const sums = new Float64Array(WEEKDAYS.length * slots)
  const counts = new Uint32Array(sums.length)
  let before = capital
  let seen = 0
  const outside = { pnl: 0, bars: 0 }
  // Of the day of the last bar; on days of the week no clock is changed.
  let [startMs, openMs, endMs, weekday] = [Number.POSITIVE_INFINITY, 0, 0, 0]
  for (let i = 0; i < equity.length; i++) {
    const change = equity[i]! - before
    before = equity[i]!
    // An equity stands at the end of a bar, the last one at the close.
    const ms = time[i]! - 1
    if (ms < startMs || ms >= endMs) {
      const day = newYorkDay(ms)
      startMs = newYorkMidnight(day)
      openMs = startMs + OPEN
      endMs = newYorkMidnight(day + 1)
      // Day 0 was a Thursday.
      weekday = (day + 3) % 7
    }
    const slot = Math.floor((ms - openMs) / HALF_HOUR)
    if (weekday > 4 || slot < 0 || slot >= slots) {
      if (change !== 0) {
        outside.pnl += change
        outside.bars++
      }
      continue
    }
    const cell = weekday * slots + slot
    sums[cell] = sums[cell]! + change
    counts[cell] = counts[cell]! + 1
    seen++
  }
  if (seen === 0) return null
  return {
    times: Array.from({ length: slots }, (_, i) => clock(OPEN + i * HALF_HOUR)),
    days: [...WEEKDAYS],
    pnl: WEEKDAYS.map((_, day) =>
      Array.from({ length: slots }, (_, i) =>
        counts[day * slots + i] === 0 ? null : sums[day * slots + i]!,
      ),
    ),
    outside,
  }
}

/** What stands under the map where it is not all; null where it is. */
export const outsideWords = ({ outside: { pnl, bars } }: HeatMap): string | null =>
  bars === 0
    ? null
    : `${dollars(pnl)} of ${counted(bars, 'bar')} that ended outside of ${clock(OPEN)} to ${clock(CLOSE)} ${bars === 1 ? 'is' : 'are'} not in it`

const clock = (ms: number): string =>
  `${String(Math.floor(ms / HOUR)).padStart(2, '0')}:${String((ms % HOUR) / MINUTE).padStart(2, '0')}`
