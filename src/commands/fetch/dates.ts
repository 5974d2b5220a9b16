/** The sessions that options name. */
import { Failure, usage } from '../../base/errors.js'
import { formatDate, newYorkDay } from '../../base/time.js'
import { sessions, sessionsEndingAt } from '../../market/calendar.js'

export interface DateFlags {
  readonly days?: number | undefined
  readonly from?: number | 'today' | undefined
  readonly to?: number | 'today' | undefined
}

/** The first and the last session asked for. The clock decides for `today` alone. Throws 64, or 66 for none. */
export function sessionDates(
  { days, from, to }: DateFlags,
  { nowMs, lastDay, count }: { readonly nowMs: number; readonly lastDay: number; readonly count: number },
): { fromDay: number; toDay: number } {
  if (from !== undefined && days !== undefined) throw usage('--days and --from exclude each other')
  const today = newYorkDay(nowMs)
  const day = (value: number | 'today') => (value === 'today' ? today : value)
  const last = to === undefined ? lastDay : day(to)
  const first = from === undefined ? undefined : day(from)
  if (first !== undefined && first > last) {
    throw usage(`--from ${formatDate(first)} is after --to ${formatDate(last)}`)
  }
  const found = asked(() =>
    first === undefined ? sessionsEndingAt(last, days ?? count) : sessions(first, last),
  )
  const [start, end] = [found[0], found.at(-1)]
  if (start === undefined || end === undefined)
    throw new Failure('noInput', `no session from ${formatDate(first ?? last)} to ${formatDate(last)}`)
  return { fromDay: start.day, toDay: end.day }
}

/** A date beyond the calendar is a mistake of the command line here, not of data. */
function asked<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof Failure && error.kind === 'data' ? usage(error.message, { cause: error }) : error
  }
}
