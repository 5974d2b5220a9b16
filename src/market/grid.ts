/**
 * The grid of a session: when its bars begin, and which of them are missing. Bars begin at the open and every interval after it;
 * bars of clock hours begin at the open too, with one that is cut short at the next full hour. A bar of a day belongs to a date.
 */
import { DAY, newYorkMidnight } from '../base/time.js'
import { type Interval, intervalMs } from './bar.js'
import { dateOf, isCovered, sessionAt, sessionOn, type TradingSession } from './calendar.js'

/** `open`: counted from the open. `clock`: at full intervals of the clock, the first bar cut short. */
export type Anchor = 'open' | 'clock'

/** Bars that should be there and are not, in a row within one session. */
export interface MissingRange {
  /** New York date, days since 1970-01-01. */
  readonly day: number
  /** Starts of the first and the last of them, epoch milliseconds. */
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  /** Nothing of the session is there. */
  readonly whole: boolean
}

/**
 * The session that a bar belongs to: the one it starts in; for a bar of a day that of its date, which 00:00 UTC and midnight in
 * New York name alike. Null outside of sessions. Throws for dates that the calendar does not cover.
 */
export function sessionOfStart(startMs: number, lengthMs: number): TradingSession | null {
  if (lengthMs >= DAY) return sessionOn(dateOf(startMs))
  const session = sessionAt(startMs)
  return session !== null && startMs >= session.openMs && startMs < session.closeMs ? session : null
}

/** Starts of the bars of a session, epoch milliseconds, in order. A bar of a day starts at the midnight before it. */
export function barStarts(
  { day, openMs, closeMs }: TradingSession,
  interval: Interval,
  anchor: Anchor = 'open',
): number[] {
  const length = intervalMs(interval)
  if (length >= DAY) return [newYorkMidnight(day)]
  const starts = [openMs]
  const second = anchor === 'clock' ? nextFull(openMs, length) : openMs + length
  for (let start = second; start < closeMs; start += length) starts.push(start)
  return starts
}

/** Whether a start lies on one of the grids of its session; a bar of a day always does. */
export function isOnGrid(startMs: number, session: TradingSession, interval: Interval): boolean {
  const length = intervalMs(interval)
  if (length >= DAY) return true
  return (startMs - session.openMs) % length === 0 || startMs % length === 0
}

/** The grid that these starts lie on: `clock` where one of them is on that grid alone. */
export function anchorOf(starts: ArrayLike<number>, length: number, interval: Interval): Anchor {
  const bar = intervalMs(interval)
  for (let i = 0; i < length; i++) {
    const session = sessionOfStart(starts[i]!, bar)
    if (session === null || (starts[i]! - session.openMs) % bar === 0) continue
    if (starts[i]! % bar === 0) return 'clock'
  }
  return 'open'
}

/**
 * When a bar ends: after its interval, or where it is cut short: at the open of the session, at its close, and, the first one on
 * the grid of the clock, at the next full interval.
 */
export function endOfBar(startMs: number, lengthMs: number, anchor: Anchor = 'open'): number {
  const end = startMs + lengthMs
  if (lengthMs >= DAY) return end
  const session = sessionAt(startMs)
  if (session === null || startMs >= session.closeMs) return end
  const { openMs, closeMs } = session
  if (startMs < openMs) return Math.min(end, openMs)
  const cut = anchor === 'clock' && startMs === openMs ? nextFull(startMs, lengthMs) : end
  return Math.min(cut, closeMs)
}

/** The first full interval of the clock after an instant. */
const nextFull = (timeMs: number, lengthMs: number): number =>
  Math.floor(timeMs / lengthMs) * lengthMs + lengthMs

/**
 * Whether two bars of one length have time in common, in whatever order they come. A bar that is cut short, at a bound of the
 * session or, the first one, by the clock, as 09:30 to 10:00 of clock hours, does not reach into the next one.
 */
export function overlaps(oneMs: number, otherMs: number, lengthMs: number): boolean {
  // Where the clocks change a day has 23 hours.
  if (lengthMs >= DAY) return dateOf(otherMs) === dateOf(oneMs)
  const first = Math.min(oneMs, otherMs)
  const second = Math.max(oneMs, otherMs)
  if (second - first >= lengthMs) return false
  // The calendar has no word on other years: there a bar is as long as its interval.
  if (second === first || !isCovered(first)) return true
  // That a bar of the clock follows tells that the first one was of the clock too.
  return second < endOfBar(first, lengthMs, second % lengthMs === 0 ? 'clock' : 'open')
}

/**
 * The bars of `sessions` that are not among the first `length` of the sorted `starts`, as ranges in the order of time. A bar of
 * a day is there where any start names its date.
 */
export function missingRanges(
  starts: ArrayLike<number>,
  length: number,
  {
    sessions,
    interval,
    anchor = 'open',
    wanted: isWanted = () => true,
  }: {
    readonly sessions: readonly TradingSession[]
    readonly interval: Interval
    readonly anchor?: Anchor
    /** Which starts are looked at; all of them by default. */
    readonly wanted?: (startMs: number) => boolean
  },
): MissingRange[] {
  const byDate = intervalMs(interval) >= DAY
  const ranges: MissingRange[] = []
  let at = 0
  for (const session of sessions) {
    const expected = barStarts(session, interval, anchor).filter(isWanted)
    const here: MissingRange[] = []
    let found = 0
    let open: { day: number; fromMs: number; toMs: number; count: number; whole: boolean } | null = null
    for (const start of expected) {
      const wanted = byDate ? session.day : start
      const given = (i: number) => (byDate ? dateOf(starts[i]!) : starts[i]!)
      while (at < length && given(at) < wanted) at++
      if (at < length && given(at) === wanted) {
        found++
        open = null
      } else if (open !== null) {
        open.toMs = start
        open.count++
      } else {
        open = { day: session.day, fromMs: start, toMs: start, count: 1, whole: false }
        here.push(open)
      }
    }
    ranges.push(...(found === 0 ? here.map((range) => ({ ...range, whole: true })) : here))
  }
  return ranges
}
