/** Bars of the past, as a client asks for them: from the bars of the tape where they are as long or longer, else from their parts. */

import { DAY, HOUR, MINUTE, newYork, newYorkDay, SECOND } from '../base/time.js'
import { PART_MS } from '../market/bar.js'
import { dateOf, sessionAt } from '../market/calendar.js'
import { dateStamp, localStamp } from './contracts.js'
import type { Message, Values } from './layout.js'
import type { Part, Tape } from './tape.js'

interface Row {
  readonly startMs: number
  readonly endMs: number
  readonly open: number
  high: number
  low: number
  close: number
  volume: number
}

/** Why a request for bars is none: the code of the broker and its words. */
export interface Refusal {
  readonly code: number
  readonly text: string
}

const UNITS: Readonly<Record<string, number>> = {
  sec: SECOND,
  secs: SECOND,
  min: MINUTE,
  mins: MINUTE,
  hour: HOUR,
  hours: HOUR,
  day: DAY,
  week: 7 * DAY,
}
/** Sessions in a duration. */
const SESSIONS: Readonly<Record<string, number>> = { D: 1, W: 5, M: 21, Y: 252 }

export function barSizeMs(text: string): number | null {
  const match = /^(\d{1,3}) (secs?|mins?|hours?|day|week)$/.exec(text)
  return match === null ? null : Number(match[1]) * UNITS[match[2]!]!
}

/** An end of a request: empty is now; New York wall time, or UTC with a dash between date and time. */
export function endMsOf(text: string, nowMs: number): number | null {
  if (text === '') return nowMs
  const match = /^(\d{4})(\d\d)(\d\d)(?:( {1,2}|-)(\d\d):(\d\d):(\d\d))?(?: (\S+))?$/.exec(text)
  if (match === null) return null
  const [year, month, day, hour = 0, minute = 0, second = 0] = [1, 2, 3, 5, 6, 7].map((i) =>
    Number(match[i] ?? 0),
  )
  const wall = Date.UTC(year!, month! - 1, day!, hour, minute, second)
  const zone = match[8]
  if (match[4] === '-' || zone === 'UTC' || zone === 'GMT') return wall
  if (zone !== undefined && zone !== 'US/Eastern' && zone !== 'America/New_York') return null
  return newYork.toInstant(wall)
}

/** Whether a request names an end without its zone: the broker still takes it, with a warning. */
export const isNaive = (text: string): boolean => /^\d{8} {1,2}[\d:]{8}$/.test(text)

/** The bars that a request asks for, of those that have ended; or why not. */
export function historyOf(
  tape: Tape,
  symbol: string,
  { message, nowMs }: { readonly message: Message; readonly nowMs: number },
): Refusal | Values {
  const text = (name: string) => String(message[name] ?? '')
  const sizeMs = barSizeMs(text('barSize'))
  if (sizeMs === null)
    return { code: 321, text: `Error validating request: cause - Invalid bar size ${text('barSize')}` }
  const endMs = endMsOf(text('endDateTime'), nowMs)
  if (endMs === null)
    return {
      code: 10314,
      text: `End Date/Time: The date, time, or time-zone entered is invalid: ${text('endDateTime')}`,
    }
  const duration = /^(\d{1,6}) ([SDWMY])$/.exec(text('duration'))
  if (duration === null)
    return { code: 321, text: `Error validating request: cause - Invalid duration ${text('duration')}` }
  const rows = rowsOf(tape, symbol, { sizeMs, endMs: Math.min(endMs, nowMs) })
  if (rows === null)
    return {
      code: 162,
      text: `Historical Market Data Service error message: ${text('barSize')} is not served here`,
    }
  const [count, unit] = [Number(duration[1]), duration[2]!]
  const wanted =
    unit === 'S'
      ? rows.slice(-Math.max(1, Math.floor((count * SECOND) / sizeMs)))
      : ofLastSessions(rows, count * SESSIONS[unit]!, sizeMs)
  if (wanted.length === 0)
    return { code: 162, text: 'Historical Market Data Service error message:HMDS query returned no data' }
  const isEpoch = text('formatDate') === '2'
  return {
    start: localStamp(wanted[0]!.startMs, '  '),
    end: localStamp(endMs, '  '),
    bars: wanted.map((row) => barOf(row, sizeMs, isEpoch)),
  }
}

/** A bar as clients get it; that of a day has its date, whatever form was asked for. */
function barOf({ startMs, open, high, low, close, volume }: Row, sizeMs: number, isEpoch: boolean): Values {
  const local = isEpoch ? String(startMs / SECOND) : `${localStamp(startMs)} US/Eastern`
  return {
    ...{ date: sizeMs >= DAY ? dateStamp(dateOf(startMs)) : local, open, high, low, close },
    ...{ volume: Number.isNaN(volume) ? -1 : volume, wap: (high + low + close) / 3, count: countOf(volume) },
  }
}

/** The bar that is being made, for a client that wants history kept up to date. */
export class LiveBar {
  readonly symbol: string
  readonly #sizeMs: number
  readonly #isEpoch: boolean
  #row: Row | null = null

  /** Begins with the parts of the bar that have ended. */
  constructor(
    tape: Tape,
    symbol: string,
    { message, nowMs }: { readonly message: Message; readonly nowMs: number },
  ) {
    this.symbol = symbol
    this.#sizeMs = barSizeMs(String(message.barSize)) ?? PART_MS
    this.#isEpoch = message.formatDate === '2'
    let part = tape.partFrom(symbol, this.#startOf(nowMs))
    while (part !== null && part.endMs <= nowMs) {
      this.add(part)
      part = tape.partFrom(symbol, part.endMs)
    }
  }

  /** When the bar of an instant begins, counted from the open of its session. */
  #startOf(timeMs: number): number {
    const openMs = sessionAt(timeMs)?.openMs ?? timeMs
    return openMs + Math.floor((timeMs - openMs) / this.#sizeMs) * this.#sizeMs
  }

  /** Takes the next part; gives the bar as it is now. */
  add(part: Part): Values {
    const startMs = this.#startOf(part.startMs)
    const { endMs, open, high, low, close, volume } = part
    const row = this.#row
    if (row?.startMs === startMs) {
      row.high = Math.max(row.high, high)
      row.low = Math.min(row.low, low)
      row.close = close
      row.volume += volume
    } else this.#row = { startMs, endMs, open, high, low, close, volume }
    return barOf(this.#row!, this.#sizeMs, this.#isEpoch)
  }
}

/** Trades in a bar: nobody knows, and clients want a number. */
export const countOf = (volume: number): number =>
  Number.isNaN(volume) ? -1 : Math.max(volume > 0 ? 1 : 0, Math.round(volume / 100))

function ofLastSessions(rows: readonly Row[], sessions: number, sizeMs: number): readonly Row[] {
  const days = new Set<number>()
  let from = rows.length
  while (from > 0) {
    const { startMs } = rows[from - 1]!
    days.add(sizeMs >= DAY ? dateOf(startMs) : newYorkDay(startMs))
    if (days.size > sessions) break
    from--
  }
  return rows.slice(from)
}

/** Bars of this length that ended by `endMs`, oldest first; null where the tape has no such bars. */
function rowsOf(
  tape: Tape,
  symbol: string,
  { sizeMs, endMs }: { readonly sizeMs: number; readonly endMs: number },
): Row[] | null {
  const series = tape.series(symbol)
  if (sizeMs < tape.intervalMs) {
    if (sizeMs % PART_MS !== 0) return null
    return joined(partsUntil(tape, symbol, endMs), sizeMs)
  }
  const rows: Row[] = []
  const ended = tape.barsEnded(symbol, endMs)
  for (let bar = 0; bar < ended; bar++) {
    rows.push({
      ...{ startMs: tape.startOf(symbol, bar), endMs: tape.endOf(symbol, bar) },
      ...{
        open: series.open[bar]!,
        high: series.high[bar]!,
        low: series.low[bar]!,
        close: series.close[bar]!,
      },
      volume: series.volume[bar]!,
    })
  }
  return sizeMs === tape.intervalMs ? rows : joined(rows, sizeMs)
}

/** Parts of the last two sessions: 5-second bars of the past are not kept longer. */
function partsUntil(tape: Tape, symbol: string, endMs: number): Row[] {
  const rows: Row[] = []
  const from = Math.max(tape.firstMs, endMs - 2 * DAY)
  for (let part = tape.partFrom(symbol, from); part !== null && part.endMs <= endMs; ) {
    const { startMs, endMs: partEndMs, open, high, low, close, volume } = part
    rows.push({ startMs, endMs: partEndMs, open, high, low, close, volume })
    part = tape.partFrom(symbol, partEndMs)
  }
  return rows
}

/** Rows joined into longer ones, counted from the first one of each day. */
function joined(rows: readonly Row[], sizeMs: number): Row[] {
  const longer: Row[] = []
  let dayStartMs = Number.NaN
  let day = Number.NaN
  for (const row of rows) {
    if (newYorkDay(row.startMs) !== day) {
      day = newYorkDay(row.startMs)
      dayStartMs = row.startMs
    }
    const startMs =
      sizeMs >= DAY ? dayStartMs : dayStartMs + Math.floor((row.startMs - dayStartMs) / sizeMs) * sizeMs
    const last = longer.at(-1)
    if (last?.startMs === startMs) {
      last.high = Math.max(last.high, row.high)
      last.low = Math.min(last.low, row.low)
      last.close = row.close
      last.volume += row.volume
    } else longer.push({ ...row, startMs })
  }
  return longer
}
