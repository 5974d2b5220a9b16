/** Which dates are to be judged, by the clock of New York. */
import { Failure } from '../../base/errors.js'
import { HOUR, MINUTE, newYork, newYorkDay } from '../../base/time.js'
import { closureOn, previousSession, sessionOn, sessions } from '../../market/calendar.js'
import type { Dates } from './options.js'

export interface Period {
  readonly from: number
  readonly to: number
  /** Why the exchange is closed on all of the dates; null where it is not. */
  readonly closure: string | null
}

/** Bars come in for so long after the close, in minutes. */
export const allowanceMs = (minutes: number): number => minutes * MINUTE

/** Throws 75 where a session of the dates has not ended yet, or ended a moment ago. */
export function periodOf(dates: Dates, asOfMs: number, waitMs: number): Period {
  const lastEnd = lastEnded(asOfMs, waitMs)
  const today = newYorkDay(asOfMs)
  const { from, to } =
    dates === 'today'
      ? { from: today, to: today }
      : dates === 'last-session'
        ? { from: lastEnd.day, to: lastEnd.day }
        : dates
  const wanted = sessions(from, to)
  const open = wanted.find(({ closeMs }) => asOfMs < closeMs + waitMs)
  if (open !== undefined) throw notOver(open)
  return { from, to, closure: wanted.length === 0 ? closureOn(from) : null }
}

/** Of a session that goes on: 75. */
export function notOver({ closeMs, day }: { readonly closeMs: number; readonly day: number }): Failure {
  const minutes = Math.round(((closeMs + newYork.offsetAt(closeMs)) % (24 * HOUR)) / MINUTE)
  const time = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
  return new Failure('tryAgain', `session ends at ${time}`, { fields: { day } })
}

/** Whether it says no more than that. */
export const isNotOver = (error: unknown): boolean =>
  error instanceof Failure && error.kind === 'tryAgain' && 'day' in error.fields

/** The last session whose bars can be expected. */
export function lastEnded(asOfMs: number, waitMs: number) {
  const today = sessionOn(newYorkDay(asOfMs))
  return today !== null && asOfMs >= today.closeMs + waitMs ? today : previousSession(newYorkDay(asOfMs))
}
