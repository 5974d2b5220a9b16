/**
 * Bars of an hour on the grid of the session, 09:30 to 10:00 and then full hours, made of half hours: those of vendors begin at full
 * hours, so that the first one of a session holds half an hour from before it, and no rule of the session fits it.
 */
import { HOUR, MINUTE } from '../../base/time.js'
import { type BarBatch, copyRow, INTERVALS, newBatch, SESSIONS } from '../bar.js'
import { sessionAt } from '../calendar.js'
import type { HistorySource } from './history.js'
import { distinct } from './rows.js'

const HALF = 30 * MINUTE
const REGULAR = SESSIONS.indexOf('rth')

/** The same source, its bars of an hour made of half hours. */
export function withHours(source: HistorySource): HistorySource {
  return {
    ...source,
    bars: async function* (wish, world) {
      if (wish.interval !== '1h') return yield* source.bars(wish, world)
      for await (const batch of source.bars({ ...wish, interval: '30m' }, world)) {
        const { rows, corrected } = distinct(batch)
        if (corrected > 0)
          world.note(`${source.name}: ${wish.symbol}: ${corrected} half hours were corrected`)
        const hours = hoursOf(rows)
        if (hours.length > 0) yield hours
      }
    },
  }
}

/** Half hours, one a start and in the order of time, as hours; an hour of the session that lacks one half is left out. */
function hoursOf(halves: BarBatch): BarBatch {
  const hours = newBatch(halves.length, halves.names)
  let count = 0
  const close = () => {
    const last = hours.length - 1
    if (last >= 0 && hours.session[last] === REGULAR && count < halvesOf(hours.time[last]!))
      hours.length = last
  }
  for (let i = 0; i < halves.length; i++) {
    const start = startOf(halves, i)
    const last = hours.length - 1
    if (last >= 0 && count > 0 && hours.time[last] === start && hours.session[last] === halves.session[i]) {
      count++
      join(hours, last, halves, i)
      continue
    }
    close()
    count = 1
    copyRow(halves, i, hours)
    hours.time[hours.length - 1] = start
    hours.interval[hours.length - 1] = INTERVALS.indexOf('1h')
  }
  close()
  return hours
}

function startOf({ time, session }: BarBatch, i: number): number {
  const hour = Math.floor(time[i]! / HOUR) * HOUR
  return session[i] === REGULAR ? Math.max(hour, sessionAt(time[i]!)!.openMs) : hour
}

const halvesOf = (startMs: number): number => (Math.floor(startMs / HOUR) * HOUR + HOUR - startMs) / HALF

/** Takes a half hour into the hour that it ends. */
function join(hours: BarBatch, at: number, half: BarBatch, i: number): void {
  hours.high[at] = Math.max(hours.high[at]!, half.high[i]!)
  hours.low[at] = Math.min(hours.low[at]!, half.low[i]!)
  hours.close[at] = half.close[i]!
  const volume = hours.volume[at]! + half.volume[i]!
  const turnover = hours.vwap[at]! * hours.volume[at]! + half.vwap[i]! * half.volume[i]!
  // Vendors give four digits.
  hours.vwap[at] = volume > 0 ? Math.round((turnover / volume) * 10_000) / 10_000 : Number.NaN
  hours.volume[at] = volume
  hours.trades[at] = hours.trades[at]! + half.trades[i]!
}
