/**
 * Sessions of the New York Stock Exchange, 2000-01-03 to 2028-12-29, by rule and a short table of exceptions. Dates outside
 * are refused: a calendar that guesses would move bars into sessions that never were. A test compares every session with
 * a published list.
 */
import { Failure } from '../base/errors.js'
import {
  civilFromDays,
  DAY,
  daysFromCivil,
  formatDate,
  HOUR,
  MINUTE,
  newYorkDay,
  newYorkMidnight,
} from '../base/time.js'
import type { Session } from './bar.js'

/** One session; `day` is days since 1970-01-01, instants are epoch milliseconds. */
export interface TradingSession {
  readonly day: number
  readonly openMs: number
  readonly closeMs: number
}

export const FIRST_DAY: number = daysFromCivil(2000, 1, 1)
export const LAST_DAY: number = daysFromCivil(2028, 12, 31)

/** Closures outside of the rules. */
const CLOSED: Readonly<Record<string, string>> = {
  '2001-09-11': 'September 11 attacks',
  '2001-09-12': 'September 11 attacks',
  '2001-09-13': 'September 11 attacks',
  '2001-09-14': 'September 11 attacks',
  '2004-06-11': 'mourning for President Reagan',
  '2007-01-02': 'mourning for President Ford',
  '2012-10-29': 'Hurricane Sandy',
  '2012-10-30': 'Hurricane Sandy',
  '2018-12-05': 'mourning for President Bush',
  '2025-01-09': 'mourning for President Carter',
}
/** Closes at 13:00 outside of the rules, and a 3 July that was a full day. */
const EARLY = ['2002-07-05', '2003-12-26']
const FULL = ['2002-07-03']

const daysOf = (dates: readonly string[]): Set<number> => new Set(dates.map((date) => Date.parse(date) / DAY))
const closed = new Map(Object.entries(CLOSED).map(([date, name]) => [Date.parse(date) / DAY, name]))
const early = daysOf(EARLY)
const full = daysOf(FULL)

const OPEN = 9 * HOUR + 30 * MINUTE
const CLOSE = 16 * HOUR
const EARLY_CLOSE = 13 * HOUR

/** 0 Sunday .. 6 Saturday; day 0 of the epoch was a Thursday. */
const weekday = (day: number): number => (((day + 4) % 7) + 7) % 7

const cache = new Map<number, TradingSession | null>()

/** The session of a New York date, or null when the exchange is closed. Throws for dates the calendar does not cover. */
export function sessionOn(day: number): TradingSession | null {
  const known = cache.get(day)
  if (known !== undefined) return known
  if (day < FIRST_DAY || day > LAST_DAY) {
    throw new Failure('data', `the trading calendar covers 2000 to 2028, not ${formatDate(day)}`)
  }
  const session = closure(day) !== null ? null : makeSession(day)
  cache.set(day, session)
  return session
}

function makeSession(day: number): TradingSession {
  const midnight = newYorkMidnight(day)
  // The offset changes on Sundays only, so a session has one.
  return { day, openMs: midnight + OPEN, closeMs: midnight + (closesEarly(day) ? EARLY_CLOSE : CLOSE) }
}

/** Sessions of the dates `first` to `last`, both included. */
export function sessions(first: number, last: number): TradingSession[] {
  const found: TradingSession[] = []
  for (let day = first; day <= last; day++) {
    const session = sessionOn(day)
    if (session !== null) found.push(session)
  }
  return found
}

/** The last `count` sessions on or before a date, in order of time. */
export function sessionsEndingAt(last: number, count: number): TradingSession[] {
  const found: TradingSession[] = []
  for (let day = last; found.length < count; day--) {
    const session = sessionOn(day)
    if (session !== null) found.push(session)
  }
  return found.reverse()
}

/** The first session after a date. */
export function nextSession(day: number): TradingSession {
  for (let next = day + 1; ; next++) {
    const session = sessionOn(next)
    if (session !== null) return session
  }
}

/** The last session before a date. */
export function previousSession(day: number): TradingSession {
  for (let previous = day - 1; ; previous--) {
    const session = sessionOn(previous)
    if (session !== null) return session
  }
}

/** The date of a bar of a day: 00:00 UTC of a date and midnight in New York name the same one. */
export const dateOf = (startMs: number): number => (startMs % DAY === 0 ? startMs / DAY : newYorkDay(startMs))

/** Midnight in New York of the date that the start of a day's bar names. */
export const dayStart = (startMs: number): number => newYorkMidnight(dateOf(startMs))

/** The first and the last instant that the calendar knows, for comparisons in the paths that see every row. */
const FIRST_MS = newYorkMidnight(FIRST_DAY)
const END_MS = newYorkMidnight(LAST_DAY + 1)

/** Whether the calendar knows the New York date of an instant. */
export const isCovered = (epochMs: number): boolean => epochMs >= FIRST_MS && epochMs < END_MS

let lastStart = 0
let lastEnd = 0
let lastSession: TradingSession | null = null

/** The session of the New York date of an instant, the instant being before, in or after it; null on closed days. */
export function sessionAt(epochMs: number): TradingSession | null {
  // Bars come day by day: the answer of the last call mostly still holds.
  if (epochMs >= lastStart && epochMs < lastEnd) return lastSession
  const day = newYorkDay(epochMs)
  lastSession = sessionOn(day)
  lastStart = newYorkMidnight(day)
  lastEnd = newYorkMidnight(day + 1)
  return lastSession
}

/** `rth` for a bar that starts within the session, and for the bar of a day that has one; `eth` otherwise. */
export function sessionOfBar(startMs: number, lengthMs: number): Session {
  if (lengthMs >= DAY) return sessionOn(dateOf(startMs)) === null ? 'eth' : 'rth'
  const session = sessionAt(startMs)
  return session !== null && startMs >= session.openMs && startMs < session.closeMs ? 'rth' : 'eth'
}

/** Whole minutes from the open of the session to an instant in it; -1 outside of the session. */
export function minuteOfSession(epochMs: number): number {
  const session = sessionAt(epochMs)
  if (session === null || epochMs < session.openMs || epochMs >= session.closeMs) return -1
  return Math.floor((epochMs - session.openMs) / MINUTE)
}

/** Why the exchange is closed on a New York date; null on a day with a session. Throws for dates the calendar does not cover. */
export const closureOn = (day: number): string | null => (sessionOn(day) === null ? closure(day) : null)

function closure(day: number): string | null {
  const week = weekday(day)
  if (week === 0 || week === 6) return 'weekend'
  return closed.get(day) ?? holiday(day, week)
}

/** The holidays of NYSE Rule 7.2, as in force since 1998, with Juneteenth from 2022. */
function holiday(day: number, week: number): string | null {
  const { year, month, day: date } = civilFromDays(day)
  const nth = Math.ceil(date / 7)
  switch (month) {
    case 1:
      // A Saturday New Year is not made up for on Friday: the books of the year close that day.
      if (date === 1 || (date === 2 && week === 1)) return "New Year's Day"
      return week === 1 && nth === 3 ? 'Martin Luther King Jr. Day' : null
    case 2:
      return week === 1 && nth === 3 ? "Presidents' Day" : null
    case 5:
      return week === 1 && date > 24 ? 'Memorial Day' : null
    case 6:
      return year >= 2022 && observed(19, date, week) ? 'Juneteenth' : null
    case 7:
      return observed(4, date, week) ? 'Independence Day' : null
    case 9:
      return week === 1 && nth === 1 ? 'Labor Day' : null
    case 11:
      return isThanksgiving(date, week) ? 'Thanksgiving' : null
    case 12:
      return observed(25, date, week) ? 'Christmas' : null
    default:
      return day === easterSunday(year) - 2 ? 'Good Friday' : null
  }
}

/** A holiday on a Saturday is kept on Friday, one on a Sunday on Monday. */
function observed(holiday: number, date: number, week: number): boolean {
  return date === holiday || (date === holiday - 1 && week === 5) || (date === holiday + 1 && week === 1)
}

const isThanksgiving = (date: number, week: number): boolean => week === 4 && Math.ceil(date / 7) === 4

function closesEarly(day: number): boolean {
  if (early.has(day)) return true
  if (full.has(day)) return false
  const { month, day: date } = civilFromDays(day)
  const week = weekday(day)
  if (month === 11) return week === 5 && isThanksgiving(date - 1, 4)
  const eve = (month === 7 && date === 3) || (month === 12 && date === 24)
  return eve && week >= 1 && week <= 4
}

/** Gregorian Easter; Meeus, "Astronomical Algorithms", chapter 8 (Jones, Meeus, Butcher). */
function easterSunday(year: number): number {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const d = Math.floor(b / 4)
  const e = b % 4
  const f = Math.floor((b + 8) / 25)
  const g = Math.floor((b - f + 1) / 3)
  const h = (19 * a + b - d - g + 15) % 30
  const i = Math.floor(c / 4)
  const k = c % 4
  const l = (32 + 2 * e + 2 * i - h - k) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const n = h + l - 7 * m + 114
  return daysFromCivil(year, Math.floor(n / 31), (n % 31) + 1)
}
