/**
 * From loose fields (a JSON object, a CSV row, a Parquet row) to one row of a batch: lenient in form, strict in value.
 * Impossible values are refused with the field named; nothing is repaired.
 */
import { parseTime, type Zone } from '../base/time.js'
import { quote } from '../base/words.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  INTERVALS,
  type Interval,
  MISSING_CODE,
  SESSIONS,
  SYMBOL,
} from './bar.js'
import type { Problem } from './problem.js'

export const BAR_FIELDS = [
  'symbol',
  'interval',
  'time',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'trades',
  'adjusted',
  'session',
  'source',
] as const
export type BarField = (typeof BAR_FIELDS)[number]

const ALIASES: Readonly<Record<string, BarField>> = {
  ...(Object.fromEntries(BAR_FIELDS.map((field) => [field, field])) as Record<BarField, BarField>),
  ticker: 'symbol',
  date: 'time',
  datetime: 'time',
  timestamp: 'time',
  ts: 'time',
  t: 'time',
  average: 'vwap',
  count: 'trades',
  barcount: 'trades',
}

/** The bar field a key or column header stands for, or undefined. */
export function fieldOf(key: string): BarField | undefined {
  const name = key.trim().toLowerCase()
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined
}

export interface FieldOptions {
  /** For rows that lack a symbol. */
  readonly symbol?: string | undefined
  /** For rows that lack an interval. */
  readonly interval?: Interval | undefined
  /** For stamps without an offset. */
  readonly zone?: Zone | null | undefined
  /** Numbers may come as text, and an empty text is null: CSV. */
  readonly textual: boolean
}

/** Loose values by field; undefined is missing. */
export type LooseFields = { [field in BarField]?: unknown }

const REQUIRED = ['open', 'high', 'low', 'close'] as const

/** Appends a row to `batch`, or returns why it cannot and leaves the batch as it was. */
export function putRow(
  batch: BarBatch,
  fields: LooseFields,
  line: number,
  options: FieldOptions,
): Problem | null {
  const i = batch.length
  const symbol = readSymbol(fields.symbol ?? options.symbol)
  if (typeof symbol !== 'string') return symbol
  const interval = readInterval(fields.interval, options.interval)
  if (typeof interval !== 'number') return interval
  const time = readTime(fields.time, options.zone ?? null)
  if (typeof time !== 'number') return time
  for (const field of REQUIRED) {
    const value = readNumber(field, fields[field], options.textual)
    if (typeof value !== 'number') return value
    if (Number.isNaN(value)) return noNumber(field, fields[field])
    batch[field][i] = value
  }
  for (const field of ['volume', 'vwap', 'trades'] as const) {
    const value = readNumber(field, fields[field], options.textual)
    if (typeof value !== 'number') return value
    if (field === 'volume' && fields.volume === undefined) return missing(field)
    batch[field][i] = value
  }
  const adjusted = readCode('adjusted', fields.adjusted, ADJUSTMENTS)
  if (typeof adjusted !== 'number') return adjusted
  const session = readCode('session', fields.session, SESSIONS)
  if (typeof session !== 'number') return session
  const source = readSource(fields.source)
  if (typeof source === 'object' && source !== null) return source
  batch.symbol[i] = batch.names.id(symbol)
  batch.interval[i] = interval
  batch.time[i] = time
  batch.adjusted[i] = adjusted
  batch.session[i] = session
  batch.source[i] = batch.names.id(source)
  batch.line[i] = line
  if (!isPossible(batch, i)) return impossible(batch, i)
  batch.length++
  return null
}

/** 1970 to 2100: outside of it a number is a wrong unit, not a time. */
const LAST_TIME = 4_102_444_800_000

/** Whether row `i` could be a bar: comparisons alone, for the paths that see every row. */
export function isPossible(batch: BarBatch, i: number): boolean {
  const open = batch.open[i]!
  const high = batch.high[i]!
  const low = batch.low[i]!
  const close = batch.close[i]!
  return (
    low > 0 &&
    low <= open &&
    low <= close &&
    high >= open &&
    high >= close &&
    high < Infinity &&
    !(batch.volume[i]! < 0) &&
    batch.volume[i] !== Infinity &&
    !(batch.vwap[i]! < 0) &&
    batch.vwap[i] !== Infinity &&
    !(batch.trades[i]! < 0) &&
    batch.trades[i] !== Infinity &&
    batch.time[i]! >= 0 &&
    batch.time[i]! < LAST_TIME
  )
}

/** What is impossible about row `i`, once `isPossible` says that something is. */
function impossible(batch: BarBatch, i: number): Problem {
  for (const field of REQUIRED) {
    const value = batch[field][i]!
    if (!(value > 0 && value < Infinity)) {
      return { field, rule: 'not-positive', words: `expected a price above 0, got ${value}`, value }
    }
  }
  const [open, high, low, close] = [batch.open[i]!, batch.high[i]!, batch.low[i]!, batch.close[i]!]
  if (high < low) {
    return { field: 'high', rule: 'high-below-low', words: `${high} is below low ${low}`, value: high }
  }
  if (low > Math.min(open, close)) {
    const words = `${low} is above ${low > open ? 'open' : 'close'} ${Math.min(open, close)}`
    return { field: 'low', rule: 'low-above-price', words, value: low }
  }
  if (high < Math.max(open, close)) {
    const words = `${high} is below ${high < open ? 'open' : 'close'} ${Math.max(open, close)}`
    return { field: 'high', rule: 'high-below-price', words, value: high }
  }
  for (const field of ['volume', 'vwap', 'trades'] as const) {
    const value = batch[field][i]!
    if (value < 0 || value === Infinity) {
      return { field, rule: 'negative', words: `expected 0 or more, got ${value}`, value }
    }
  }
  const value = batch.time[i]
  return { field: 'time', rule: 'out-of-years', words: `expected 1970 to 2099, got ${value} ms`, value }
}

const missing = (field: BarField): Problem => ({
  field,
  rule: 'missing',
  words: 'is missing',
  value: undefined,
})

function noNumber(field: BarField, value: unknown): Problem {
  if (value === undefined) return missing(field)
  return { field, rule: 'not-a-number', words: 'expected a number, got null', value: null }
}

/** The symbol in capitals. */
function readSymbol(value: unknown): string | Problem {
  const field = 'symbol'
  if (value === undefined || value === '') return missing(field)
  if (typeof value !== 'string') {
    return { field, rule: 'not-text', words: `expected a string, got ${quote(value)}`, value }
  }
  const upper = value.toUpperCase()
  if (SYMBOL.test(upper)) return upper
  const words = `expected letters, digits, dots and dashes, got ${quote(value)}`
  return { field, rule: 'bad-symbol', words, value }
}

function readInterval(value: unknown, fallback: Interval | undefined): number | Problem {
  const given = value === null || value === undefined || value === '' ? fallback : value
  if (given === undefined) return MISSING_CODE
  const code = typeof given === 'string' ? INTERVALS.indexOf(given.toLowerCase() as Interval) : -1
  if (code !== -1) return code
  const words = `expected one of ${INTERVALS.join(' ')}, got ${quote(given)}`
  return { field: 'interval', rule: 'unknown-word', words, value: given }
}

const EPOCH = /^\d{9,13}(\.0+)?$/

function readTime(value: unknown, zone: Zone | null): number | Problem {
  const field = 'time'
  if (value === undefined || value === null || value === '') return missing(field)
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'number') return readEpoch(value)
  if (typeof value !== 'string') {
    const words = `expected a time such as 2025-07-30T13:30:00Z, got ${quote(value)}`
    return { field, rule: 'not-a-time', words, value }
  }
  if (EPOCH.test(value)) return readEpoch(Number(value))
  const parsed = parseTime(value, zone)
  return 'error' in parsed ? { field, rule: parsed.rule, words: parsed.error, value } : parsed.epochMs
}

/** Seconds below 1e11 (the year 5138), else milliseconds (1e11 ms is March 1973). */
function readEpoch(value: number): number | Problem {
  const epochMs = value < 1e11 ? value * 1000 : value
  if (Number.isInteger(epochMs) && epochMs >= 1e11 && epochMs < LAST_TIME) return epochMs
  const words = `expected epoch seconds or milliseconds, got ${value}`
  return { field: 'time', rule: 'not-an-epoch', words, value }
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** NaN is null or missing. */
function readNumber(field: BarField, value: unknown, textual: boolean): number | Problem {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    return { field, rule: 'not-finite', words: `expected a finite number, got ${value}`, value }
  }
  if (value === undefined || value === null) return Number.NaN
  if (typeof value === 'bigint') return Number(value)
  if (textual && typeof value === 'string') {
    const text = value.trim()
    if (text === '') return Number.NaN
    if (DECIMAL.test(text)) {
      const number = Number(text)
      if (Number.isFinite(number)) return number
      return { field, rule: 'not-finite', words: `expected a finite number, got ${quote(value)}`, value }
    }
  }
  return { field, rule: 'not-a-number', words: `expected a number, got ${quote(value)}`, value }
}

function readCode(field: BarField, value: unknown, codes: readonly string[]): number | Problem {
  if (value === undefined || value === null || value === '') return MISSING_CODE
  const code = typeof value === 'string' ? codes.indexOf(value) : -1
  if (code !== -1) return code
  const words = `expected one of ${codes.join(', ')}, got ${quote(value)}`
  return { field, rule: 'unknown-word', words, value }
}

export const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,31}$/

function readSource(value: unknown): string | null | Problem {
  if (value === undefined || value === null || value === '') return null
  if (typeof value === 'string' && SOURCE.test(value)) return value
  return { field: 'source', rule: 'bad-source', words: `expected a short name, got ${quote(value)}`, value }
}
