/** Findings that are known and silenced for a while: each entry says which, until when, and why. */
import { Failure } from '../base/errors.js'
import { formatDate, parseDate } from '../base/time.js'
import { quote } from '../base/words.js'
import type { Finding } from '../market/quality.js'
import { parseObject } from '../stream/json.js'
import { CHECK_IDS } from './check-ids.js'

/** One entry, with the line or the number by which it is named. */
export interface Silence {
  readonly place: string
  readonly check: string
  /** Of every symbol where it names none. */
  readonly symbol: string | null
  /** Dates, both included; without an end where it names none. */
  readonly from: string | null
  readonly to: string | null
  /** The last date on which it silences anything. */
  readonly expires: string
}

const KEYS = ['check', 'symbol', 'date', 'from', 'to', 'expires', 'reason']

/** Entries as JSON lines, or as one JSON array. Throws 78 with the place of what is wrong. */
export function parseBaseline(text: string, name: string): Silence[] {
  const trimmed = text.replace(/^\ufeff/, '').trim()
  if (!trimmed.startsWith('[')) {
    return text
      .replace(/^\ufeff/, '')
      .split('\n')
      .map((line, i) => ({ line, place: `${name}:${i + 1}` }))
      .filter(({ line }) => line.trim() !== '')
      .map(({ line, place }) => silenceOf(line, place))
  }
  let entries: unknown
  try {
    entries = JSON.parse(trimmed)
  } catch (cause) {
    throw new Failure('config', 'expected a JSON array or JSON lines', { where: name, cause })
  }
  return (entries as unknown[]).map((entry, i) => silenceOf(JSON.stringify(entry), `${name}: entry ${i + 1}`))
}

function silenceOf(text: string, place: string): Silence {
  const refuse = (words: string, value?: unknown): never => {
    throw new Failure('config', words, {
      where: place,
      ...(value === undefined ? {} : { got: quote(value) }),
    })
  }
  const parsed = parseObject(text)
  if ('error' in parsed) return refuse(parsed.error)
  const { object } = parsed
  const unknown = Object.keys(object).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) refuse(`expected some of ${KEYS.join(', ')}`, unknown)
  const words = (key: string): string | null => {
    const value = object[key]
    if (value === undefined || value === null) return null
    if (typeof value !== 'string' || value.trim() === '') return refuse(`${key}: expected words`, value)
    return value
  }
  const date = (key: string): string | null => {
    const value = words(key)
    if (value === null || parseDate(value) !== null) return value
    return refuse(`${key}: expected a date such as 2025-08-01`, value)
  }
  const check = words('check') ?? refuse('check is missing')
  if (!(CHECK_IDS as readonly string[]).includes(check))
    refuse(`check: expected one of ${CHECK_IDS.join(', ')}`, check)
  const only = date('date')
  const [from, to] = [date('from'), date('to')]
  if (only !== null && (from !== null || to !== null)) refuse('date excludes from and to')
  if (from !== null && to !== null && from > to) refuse('from is after to')
  if (words('reason') === null) refuse('reason is missing')
  return {
    ...{ place, check, symbol: words('symbol'), from: only ?? from, to: only ?? to },
    expires: date('expires') ?? refuse('expires is missing: nothing is silenced for ever'),
  }
}

export interface Sifted {
  readonly findings: Finding[]
  readonly silenced: number
  /** Entries that would have silenced something and are over. */
  readonly expired: Silence[]
}

/** Leaves out what is silenced on that day, days since 1970-01-01. */
export function sift(findings: readonly Finding[], silences: readonly Silence[], day: number): Sifted {
  const today = formatDate(day)
  const expired = new Set<Silence>()
  const left = findings.filter((finding) => {
    const own = silences.filter((silence) => covers(silence, finding))
    if (own.some(({ expires }) => expires >= today)) return false
    for (const silence of own) expired.add(silence)
    return true
  })
  return { findings: left, silenced: findings.length - left.length, expired: [...expired] }
}

const covers = ({ check, symbol, from, to }: Silence, { record }: Finding): boolean =>
  record.check === check &&
  (symbol === null || record.symbol === symbol) &&
  (from === null || record.date >= from) &&
  (to === null || record.date <= to)
