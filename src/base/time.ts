/**
 * Instants and wall clocks without a date library. Inside jules every instant is epoch milliseconds UTC;
 * zones appear only where a naive stamp enters or a session date is asked for.
 */
import { counted } from './words.js'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Gives the current instant in epoch milliseconds; passed in, so that tests own the clock. */
export type Clock = () => number

/** A time zone as the two questions jules asks of it. */
export interface Zone {
  readonly name: string
  /** Offset from UTC in milliseconds at an instant (New York in winter: -5 h). */
  offsetAt(epochMs: number): number
  /**
   * The instant at which the wall clock shows `localMs` (a wall time written as if it were UTC).
   * `null` where the clock skips that time or shows it twice.
   */
  toInstant(localMs: number): number | null
}

/** Days since 1970-01-01 of a proleptic Gregorian date; month 1..12. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yoe = y - era * 400
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468
}

export interface Civil {
  year: number
  month: number
  day: number
}

/**
 * The proleptic Gregorian date of days since 1970-01-01; month and day from 1. Inverse of daysFromCivil, same source.
 */
export function civilFromDays(days: number): Civil {
  const z = days + 719468
  const era = Math.floor(z / 146097)
  const doe = z - era * 146097
  const yoe = Math.floor(
    (doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365,
  )
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const month = mp < 10 ? mp + 3 : mp - 9
  return {
    year: yoe + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
  }
}

/** 28 to 31; month from 1. */
export function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

/** `YYYY-MM-DD` -> days since 1970-01-01, or null when it is not a date of the calendar. */
export function parseDate(text: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match === null) return null
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  return daysFromCivil(year, month, day)
}

/** Days since 1970-01-01 as `YYYY-MM-DD`. */
export function formatDate(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

/** Epoch milliseconds -> `2025-07-30T13:30:00Z`; milliseconds appear only when they are not zero. */
export function formatTime(epochMs: number): string {
  const days = Math.floor(epochMs / DAY)
  const rest = epochMs - days * DAY
  if (rest % SECOND !== 0 || Math.abs(days) > 700_000) {
    const text = new Date(epochMs).toISOString()
    return text.endsWith('.000Z') ? `${text.slice(0, -5)}Z` : text
  }
  if (days !== formattedDay) {
    formattedText = formatDate(days)
    formattedDay = days
  }
  const seconds = rest / SECOND
  const minutes = Math.floor(seconds / 60)
  const hour = TWO_DIGITS[Math.floor(minutes / 60)]!
  return `${formattedText}T${hour}:${TWO_DIGITS[minutes % 60]!}:${TWO_DIGITS[seconds % 60]!}Z`
}

/** The date of the last call: records come by the thousand from one day. */
let formattedDay = Number.NaN
let formattedText = ''
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))

export const utc: Zone = { name: 'UTC', offsetAt: () => 0, toInstant: (localMs) => localMs }

/** The first Sunday on or after a date, as days since 1970-01-01 (day 0 was a Thursday). */
function sundayFrom(year: number, month: number, day: number): number {
  const days = daysFromCivil(year, month, day)
  return days + ((10 - (days % 7)) % 7)
}

interface DaylightSaving {
  startMs: number
  endMs: number
}

/** US daylight saving: Uniform Time Act as amended 1986 (to 2006), Energy Policy Act of 2005 (from 2007); 02:00 local. */
function daylightSaving(year: number): DaylightSaving {
  const start = year < 2007 ? sundayFrom(year, 4, 1) : sundayFrom(year, 3, 8)
  const end = year < 2007 ? sundayFrom(year, 10, 25) : sundayFrom(year, 11, 1)
  return { startMs: start * DAY + 7 * HOUR, endMs: end * DAY + 6 * HOUR }
}

const savingByYear = new Map<number, DaylightSaving>()
const offsetByDay = new Map<number, number>()

function newYorkOffset(epochMs: number): number {
  const day = Math.floor(epochMs / DAY)
  const known = offsetByDay.get(day)
  if (known !== undefined) return known
  const { year } = civilFromDays(day)
  let saving = savingByYear.get(year)
  if (saving === undefined) {
    saving = daylightSaving(year)
    savingByYear.set(year, saving)
  }
  const offset = epochMs >= saving.startMs && epochMs < saving.endMs ? -4 * HOUR : -5 * HOUR
  const changes = Math.floor(saving.startMs / DAY) === day || Math.floor(saving.endMs / DAY) === day
  // Only whole days of one offset are remembered; a change day is worked out each time.
  if (!changes) offsetByDay.set(day, offset)
  return offset
}

/** New York by rule, from 1987 on. One offset a day is cached; no Intl, so it costs nothing at start-up. */
export const newYork: Zone = {
  name: 'America/New_York',
  offsetAt: newYorkOffset,
  toInstant: (localMs) => instantBy(newYorkOffset, localMs),
}

/** The New York date of an instant, as days since 1970-01-01. */
export const newYorkDay = (epochMs: number): number => Math.floor((epochMs + newYorkOffset(epochMs)) / DAY)

/** When a New York date begins; no clock is changed at that time. Inverse of newYorkDay. */
export const newYorkMidnight = (day: number): number => newYork.toInstant(day * DAY)!

/** Inverts an offset function; null for skipped and repeated wall times. Offsets lie within -12..+14 h. */
function instantBy(offsetAt: (epochMs: number) => number, localMs: number): number | null {
  const before = offsetAt(localMs - 14 * HOUR)
  const after = offsetAt(localMs + 12 * HOUR)
  if (before === after) return localMs - before
  const first = localMs - before
  const second = localMs - after
  const firstFits = offsetAt(first) === before
  const secondFits = offsetAt(second) === after
  if (firstFits === secondFits) return null
  return firstFits ? first : second
}

/**
 * Letters that are no IANA zones and that Intl knows all the same, by what Java once took them for: it has BST for Bangladesh,
 * AST for Alaska, and summer time under CST.
 */
const AMBIGUOUS = /^(ac|ae|ag|ar|as|be|bs|ca|cn|cs|ct|ea|ec|ie|is|js|mi|ne|ns|pl|pn|pr|ps|ss|vs)t$/i

/** Any IANA zone: New York and UTC by rule, others through Intl. Returns null for an unknown name. */
export function zoneNamed(name: string): Zone | null {
  if (AMBIGUOUS.test(name)) return null
  if (/^(utc|gmt|z|etc\/utc)$/i.test(name)) return utc
  if (/^(america\/new_york|us\/eastern)$/i.test(name)) return newYork
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return null
  }
  const exact = (epochMs: number): number => {
    const parts: Record<string, number> = {}
    for (const part of format.formatToParts(epochMs)) parts[part.type] = Number(part.value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    const wall = daysFromCivil(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND
    return wall - Math.floor(epochMs / SECOND) * SECOND
  }
  const startOfDay = new Map<number, number>()
  const atDay = (day: number): number => {
    let offset = startOfDay.get(day)
    if (offset === undefined) {
      offset = exact(day * DAY)
      startOfDay.set(day, offset)
    }
    return offset
  }
  const offsetAt = (epochMs: number): number => {
    const day = Math.floor(epochMs / DAY)
    const offset = atDay(day)
    return offset === atDay(day + 1) ? offset : exact(epochMs)
  }
  return { name, offsetAt, toInstant: (localMs) => instantBy(offsetAt, localMs) }
}

/** A length in the largest unit that it is a whole number of: `7 days`, `5 minutes`. */
export function lengthWords(ms: number): string {
  const units = [
    ['day', DAY],
    ['hour', HOUR],
    ['minute', MINUTE],
    ['second', SECOND],
  ] as const
  const [unit, size] = units.find(([, one]) => ms % one === 0) ?? ['second', SECOND]
  const count = ms / size
  return counted(count, unit)
}
