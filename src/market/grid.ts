/**
 * The grid of a session: when its bars begin, and which of them are missing. Bars begin at the open and every interval after it;
 * bars of clock hours begin at the open too, with one that is cut short at the next full hour. A bar of a day belongs to a date.
 */
import { DAY } from '../base/time.js'
import { type Interval, intervalMs } from './bar.js'
import { newYorkDay, newYorkMidnight, sessionAt, sessionOn, type TradingSession } from './calendar.js'

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

/** The date of a bar of a day, days since 1970-01-01. */
const dateOf = (startMs: number): number => (startMs % DAY === 0 ? startMs / DAY : newYorkDay(startMs))

/** Midnight in New York of the date that the start of a day's bar names: 00:00 UTC and that midnight name the same. */
export const dayStart = (startMs: number): number => newYorkMidnight(dateOf(startMs))

/** Starts of the bars of a session, epoch milliseconds, in order. A bar of a day starts at the midnight before it. */
export function barStarts(
  { day, openMs, closeMs }: TradingSession,
  interval: Interval,
  anchor: Anchor = 'open',
): number[] {
  const length = intervalMs(interval)
  if (length >= DAY) return [newYorkMidnight(day)]
  const starts = [openMs]
  const second = anchor === 'clock' ? Math.floor(openMs / length) * length + length : openMs + length
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
 * Whether a bar begins before the one that begins at `beforeMs` ends. A first bar of a session that the clock cuts short, as
 * 09:30 to 10:00 of clock hours, does not overlap the next one.
 */
export function overlaps(beforeMs: number, startMs: number, lengthMs: number): boolean {
  // Where the clocks change a day has 23 hours.
  if (lengthMs >= DAY) return dateOf(startMs) === dateOf(beforeMs)
  if (Math.abs(startMs - beforeMs) >= lengthMs) return false
  if (startMs % lengthMs !== 0 || startMs <= beforeMs) return true
  return sessionOfStart(beforeMs, lengthMs)?.openMs !== beforeMs
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
  }: { readonly sessions: readonly TradingSession[]; readonly interval: Interval; readonly anchor?: Anchor },
): MissingRange[] {
  const bar = intervalMs(interval)
  const present = new Set<number>()
  for (let i = 0; i < length; i++)
    present.add(bar >= DAY ? (sessionOfStart(starts[i]!, bar)?.day ?? -1) : starts[i]!)
  const ranges: MissingRange[] = []
  for (const session of sessions) {
    const expected = barStarts(session, interval, anchor)
    const has = (start: number): boolean => present.has(bar >= DAY ? session.day : start)
    const whole = !expected.some(has)
    let run: number[] = []
    const end = () => {
      if (run.length > 0)
        ranges.push({ day: session.day, fromMs: run[0]!, toMs: run.at(-1)!, count: run.length, whole })
      run = []
    }
    for (const start of expected) {
      if (has(start)) end()
      else run.push(start)
    }
    end()
  }
  return ranges
}
