/**
 * Stamps as text: ISO-8601, and the forms that vendors, spreadsheets and brokers write. A form that says two things is
 * refused; which of 2 January and 1 February `01/02/2025` means is for the caller to know.
 */
import {
  DAY,
  daysFromCivil,
  daysInMonth,
  HOUR,
  MINUTE,
  newYork,
  SECOND,
  utc,
  type Zone,
  zoneNamed,
} from './time.js'
import { quote } from './words.js'

/** Why a text is no time. */
export const TIME_RULES = [
  'not-a-time',
  'no-such-date',
  'no-such-time',
  'no-such-offset',
  'too-fine',
  'no-offset',
  'skipped-or-repeated',
  'ambiguous-date',
] as const
type TimeRule = (typeof TIME_RULES)[number]

export type ParsedTime = { epochMs: number } | { rule: TimeRule; error: string }

/** Which number comes first in a date that ends with the year. */
export type DateOrder = 'mdy' | 'dmy'

/** The parts of a stamp; a clock of 0 where it is a date alone. */
interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  /** Digits after the decimal point of the seconds. */
  fraction: string
  /** `AM`, `PM` or nothing. */
  half: string
  /** Offset or zone name; empty where the stamp has none. */
  zone: string
  /** A date alone. */
  bare: boolean
}

const CLOCK = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([ap])\.?m\b\.?)?`
const ZONE = String.raw`\s*(z|[+-]\d{2}(?::?\d{2})?|[a-z][a-z0-9_+/-]*)?`
const form = (date: string, clock = String.raw`(?:(?:t|\s+)${CLOCK})?`) =>
  new RegExp(`^${date}${clock}${ZONE}$`, 'i')

const YEAR_FIRST = form(String.raw`(\d{4})([-/.])(\d{1,2})\2(\d{1,2})`)
const YEAR_LAST = form(String.raw`(\d{1,2})([-/.])(\d{1,2})\2(\d{4})`)
const COMPACT = form(
  String.raw`(\d{4})(\d{2})(\d{2})`,
  String.raw`(?:(t|\s+|-)${CLOCK}|(?:t|\s*)(\d{2})(\d{2})(\d{2})?)?`,
)
const MONTH_NAMED = form(String.raw`(?:([a-z]{3,9})\.? (\d{1,2})|(\d{1,2})[- ]([a-z]{3,9})),?[- ](\d{4})`)
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/**
 * Reads a stamp: a date with the year first (`2025-07-30`, `20250730`), named months, or the year last; then a clock, AM and
 * PM included, and an offset or zone name. The dash of `20250730-13:30:00` means UTC: so the Interactive Brokers API
 * writes it. A stamp without an offset needs `zone`; a date alone is a session's and means midnight in New York. 24:00,
 * 30 February, leap seconds and fractions finer than a millisecond are errors.
 */
export function parseTime(text: string, zone: Zone | null, order: DateOrder | null = null): ParsedTime {
  const parts = partsOf(text.trim(), order)
  return 'error' in parts ? parts : instant(parts, text, zone)
}

function partsOf(text: string, order: DateOrder | null): Parts | { rule: TimeRule; error: string } {
  let m = YEAR_FIRST.exec(text)
  if (m !== null) return parts([m[1], m[3], m[4]], m.slice(5, 10), m[10])
  m = YEAR_LAST.exec(text)
  if (m !== null) {
    const [first, third] = [Number(m[1]), Number(m[3])]
    // Dates with dots have the day first wherever they are written.
    const known = m[2] === '.' || first > 12 ? 'dmy' : third > 12 ? 'mdy' : order
    if (known === null && first !== third) {
      return { rule: 'ambiguous-date', error: `${quote(text)} says two dates: month or day first?` }
    }
    const [month, day] = (order ?? known) === 'dmy' ? [third, first] : [first, third]
    return parts([m[4], String(month), String(day)], m.slice(5, 10), m[10])
  }
  m = COMPACT.exec(text)
  if (m !== null) {
    const clock = m[10] === undefined ? m.slice(5, 10) : [m[10], m[11], m[12]]
    return parts([m[1], m[2], m[3]], clock, m[13] ?? (m[4] === '-' ? 'Z' : ''))
  }
  m = MONTH_NAMED.exec(text)
  if (m !== null) {
    const month = MONTHS.indexOf((m[1] ?? m[4] ?? '').slice(0, 3).toLowerCase()) + 1
    return parts([m[5], String(month), m[2] ?? m[3]], m.slice(6, 11), m[11])
  }
  return { rule: 'not-a-time', error: `expected a time such as 2025-07-30T13:30:00Z, got ${quote(text)}` }
}

type Text = string | undefined

function parts(
  [year, month, day]: Text[],
  [hour, minute, second, fraction, half]: Text[],
  zone: Text,
): Parts {
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
    fraction: fraction ?? '',
    half: half === undefined ? '' : `${half}m`.toUpperCase(),
    zone: zone ?? '',
    bare: hour === undefined,
  }
}

function instant(at: Parts, text: string, zone: Zone | null): ParsedTime {
  const { year, month, day, minute, second } = at
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) {
    return { rule: 'no-such-date', error: `no such date: ${quote(text)}` }
  }
  const twelve = at.half !== ''
  const hour = twelve ? (at.hour % 12) + (at.half === 'PM' ? 12 : 0) : at.hour
  if (at.hour > (twelve ? 12 : 23) || (twelve && at.hour === 0) || minute > 59 || second > 59) {
    return { rule: 'no-such-time', error: `no such time of day: ${quote(text)}` }
  }
  const fraction = at.fraction.padEnd(3, '0')
  if (/[1-9]/.test(fraction.slice(3))) {
    return { rule: 'too-fine', error: `finer than a millisecond: ${quote(text)}` }
  }
  const local =
    daysFromCivil(year, month, day) * DAY +
    hour * HOUR +
    minute * MINUTE +
    second * SECOND +
    Number(fraction.slice(0, 3))
  if (/^[+-]/.test(at.zone)) {
    const hours = Number(at.zone.slice(1, 3))
    const minutes = Number(at.zone.slice(3).replace(':', '') || 0)
    if (hours > 14 || minutes > 59) {
      return { rule: 'no-such-offset', error: `no such UTC offset: ${quote(text)}` }
    }
    const sign = at.zone.startsWith('-') ? -1 : 1
    return { epochMs: local - sign * (hours * HOUR + minutes * MINUTE) }
  }
  const named = at.zone !== '' ? zoneOf(at.zone) : at.bare ? newYork : zone
  if (named === null && at.zone !== '') {
    return { rule: 'no-such-offset', error: `unknown or ambiguous time zone in ${quote(text)}` }
  }
  if (named === null) {
    return { rule: 'no-offset', error: `${quote(text)} has no UTC offset; name its zone with --tz` }
  }
  const epochMs = named.toInstant(local)
  if (epochMs === null) {
    const error = `${named.name} skips or repeats the wall time ${quote(text)}`
    return { rule: 'skipped-or-repeated', error }
  }
  return { epochMs }
}

const zones = new Map<string, Zone | null>()
/** The summer half of a pair of which only the winter half, EST, is a name of the time zone database. */
const edt: Zone = { name: 'EDT', offsetAt: () => -4 * HOUR, toInstant: (localMs) => localMs + 4 * HOUR }

/** The zone a stamp names, or null; every name is looked up once. */
export function zoneOf(name: string): Zone | null {
  const upper = name.toUpperCase()
  if (upper === 'Z') return utc
  if (upper === 'ET') return newYork
  if (upper === 'EDT') return edt
  let zone = zones.get(upper)
  if (zone === undefined) {
    zone = zoneNamed(name)
    // A hostile input could name a new zone in every row.
    if (zones.size < 100) zones.set(upper, zone)
  }
  return zone
}

/** An epoch in one of its units, by how large it is: each unit has its own decades from 1973 to 2100. */
export const EPOCH_UNITS = ['s', 'ms', 'us', 'ns'] as const
export type EpochUnit = (typeof EPOCH_UNITS)[number]

const unitOf = (value: number): EpochUnit =>
  value < 1e11 ? 's' : value < 1e14 ? 'ms' : value < 1e17 ? 'us' : 'ns'

/** 1970 to 2100: outside of it a number is a wrong unit, not a time. */
export const LAST_TIME = 4_102_444_800_000

/**
 * Epoch seconds, milliseconds, microseconds or nanoseconds as milliseconds; null where it is none of them or is finer than a
 * millisecond. Numbers beyond 2^53 are taken as the nearest double has them, to 256 ns.
 */
export function parseEpoch(value: number | bigint | string, unit?: EpochUnit): number | null {
  if (typeof value === 'bigint' || (typeof value === 'string' && /^\d{16,19}$/.test(value))) {
    const digits = String(value)
    const cut = { s: 0, ms: 0, us: 3, ns: 6 }[unit ?? unitOf(Number(digits))]
    if (cut > 0 && digits.length > cut) {
      return /^0+$/.test(digits.slice(-cut)) ? plausible(Number(digits.slice(0, -cut)), unit) : null
    }
  }
  const number = Number(value)
  const name = unit ?? unitOf(number)
  const epochMs = name === 's' ? number * 1000 : name === 'ms' ? number : number / (name === 'us' ? 1e3 : 1e6)
  const whole = Math.round(epochMs)
  const slack = name === 'ns' ? 3e-4 : name === 's' ? 1e-4 : 0
  return Math.abs(epochMs - whole) <= slack ? plausible(whole, unit) : null
}

/** Without a unit that was named, what would be before March 1973 is a count of something else. */
const plausible = (epochMs: number, unit: EpochUnit | undefined): number | null =>
  epochMs >= (unit === undefined ? 1e11 : 0) && epochMs < LAST_TIME ? epochMs : null

/** A form of stamps that the user spells out: strptime's letters, or `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`. */
export interface TimeFormat {
  readonly pattern: string
  parse(text: string, zone: Zone | null): ParsedTime
}

/** Python's expressions for the letters of strptime: one or two digits, so that `93000` reads as 9:30:00. */
const LETTERS: Readonly<Record<string, readonly [field: keyof Parts | 'skip', expression: string]>> = {
  Y: ['year', String.raw`(\d{4})`],
  y: ['year', String.raw`(\d{2})`],
  m: ['month', '(1[0-2]|0?[1-9])'],
  d: ['day', '(3[01]|[12][0-9]|0?[1-9])'],
  b: ['month', '([a-z]{3,9})'],
  a: ['skip', '([a-z]{3,9})'],
  H: ['hour', '(2[0-3]|[01][0-9]|[0-9])'],
  I: ['hour', '(1[0-2]|0?[1-9])'],
  M: ['minute', '([0-5][0-9]|[0-9])'],
  S: ['second', '([0-5][0-9]|[0-9])'],
  f: ['fraction', String.raw`(\d{1,9})`],
  p: ['half', '([ap]m)'],
  z: ['zone', String.raw`(z|[+-]\d{2}(?::?\d{2})?)`],
  Z: ['zone', '([a-z][a-z0-9_+/-]*)'],
}
const SAME: Readonly<Record<string, string>> = { e: 'd', B: 'b', h: 'b', A: 'a', k: 'H', l: 'I' }
const LONGER: Readonly<Record<string, string>> = { T: '%H:%M:%S', R: '%H:%M', F: '%Y-%m-%d', D: '%m/%d/%y' }

/** Compiles a form, or says what is wrong with it. */
export function timeFormat(pattern: string): TimeFormat | { readonly error: string } {
  const unit = /^epoch-(s|ms|us|ns)$/.exec(pattern)?.[1] as EpochUnit | undefined
  const refused = (text: string): ParsedTime => ({
    rule: 'not-a-time',
    error: `expected a time of the form ${pattern}, got ${quote(text)}`,
  })
  if (unit !== undefined) {
    return {
      pattern,
      parse: (text) => {
        const epochMs = /^\d+(\.\d*)?$/.test(text) ? parseEpoch(text, unit) : null
        return epochMs === null ? refused(text) : { epochMs }
      },
    }
  }
  const fields: (keyof Parts | 'skip')[] = []
  let expression = ''
  const whole = pattern.replace(/%([TRFD])/g, (_all, letter: string) => LONGER[letter]!)
  for (const [piece] of whole.matchAll(/%.|\s+|[^%\s]+|%/gs)) {
    if (/^\s/.test(piece)) expression += String.raw`\s+`
    else if (piece === '%%') expression += '%'
    else if (!piece.startsWith('%')) expression += piece.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)
    else {
      const letter = LETTERS[SAME[piece.slice(1)] ?? piece.slice(1)]
      if (letter === undefined) return { error: `unknown ${quote(piece)} in a form of times` }
      fields.push(letter[0])
      expression += letter[1]
    }
  }
  const twice = fields.find((field, i) => field !== 'skip' && fields.indexOf(field) !== i)
  if (twice !== undefined) return { error: `names the ${twice} twice` }
  const absent = (['year', 'month', 'day'] as const).find((field) => !fields.includes(field))
  if (absent !== undefined) return { error: `names no ${absent}` }
  const exact = new RegExp(`^${expression}$`, 'i')
  return {
    pattern,
    parse: (text, zone) => {
      const found = exact.exec(text.trim())
      if (found === null) return refused(text)
      const at = parts([], [], '')
      for (const [i, field] of fields.entries()) {
        const value = found[i + 1]!
        if (field === 'hour') at.bare = false
        if (field === 'fraction' || field === 'zone') at[field] = value
        else if (field === 'half') at.half = value.toUpperCase()
        else if (field === 'month' && !/^\d/.test(value))
          at.month = MONTHS.indexOf(value.slice(0, 3).toLowerCase()) + 1
        // POSIX: 69 to 99 are of the last century.
        else if (field === 'year' && value.length === 2)
          at.year = Number(value) + (value < '69' ? 2000 : 1900)
        else if (field !== 'skip' && field !== 'bare') at[field] = Number(value)
      }
      return instant(at, text, zone)
    },
  }
}
