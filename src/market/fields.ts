/**
 * From loose fields (a JSON object, a CSV row, a Parquet row) to one row of a batch: lenient in form, strict in value.
 * Impossible values are refused with the field named; nothing is repaired.
 */
import { parseTime, quote, type Zone } from '../base/time.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  INTERVALS,
  type Interval,
  MISSING_CODE,
  SESSIONS,
  SYMBOL,
} from './bar.js'

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
): string | null {
  const i = batch.length
  const symbol = fields.symbol ?? options.symbol
  if (symbol === undefined || symbol === '') return 'symbol: is missing'
  if (typeof symbol !== 'string') return `symbol: expected a string, got ${quote(symbol)}`
  const upper = symbol.toUpperCase()
  if (!SYMBOL.test(upper)) return `symbol: expected letters, digits, dots and dashes, got ${quote(symbol)}`
  const interval = readInterval(fields.interval, options.interval)
  if (typeof interval === 'string') return interval
  const time = readTime(fields.time, options.zone ?? null)
  if (typeof time === 'string') return `time: ${time}`
  for (const field of REQUIRED) {
    const value = readNumber(fields[field], options.textual)
    if (typeof value === 'string') return `${field}: ${value}`
    if (Number.isNaN(value))
      return `${field}: ${fields[field] === undefined ? 'is missing' : 'expected a number, got null'}`
    batch[field][i] = value
  }
  for (const field of ['volume', 'vwap', 'trades'] as const) {
    const value = readNumber(fields[field], options.textual)
    if (typeof value === 'string') return `${field}: ${value}`
    if (field === 'volume' && fields.volume === undefined) return 'volume: is missing'
    batch[field][i] = value
  }
  const adjusted = readCode(fields.adjusted, ADJUSTMENTS)
  if (typeof adjusted === 'string') return `adjusted: ${adjusted}`
  const session = readCode(fields.session, SESSIONS)
  if (typeof session === 'string') return `session: ${session}`
  const source = readSource(fields.source)
  if (source.error !== undefined) return `source: ${source.error}`
  batch.symbol[i] = batch.names.id(upper)
  batch.interval[i] = interval
  batch.time[i] = time
  batch.adjusted[i] = adjusted
  batch.session[i] = session
  batch.source[i] = batch.names.id(source.text)
  batch.line[i] = line
  const problem = checkRow(batch, i)
  if (problem === null) batch.length++
  return problem
}

/** 1970 to 2100: outside of it a number is a wrong unit, not a time. */
const LAST_TIME = 4_102_444_800_000

/** What is impossible about row `i`, or null. */
export function checkRow(batch: BarBatch, i: number): string | null {
  const open = batch.open[i]!
  const high = batch.high[i]!
  const low = batch.low[i]!
  const close = batch.close[i]!
  // One comparison decides the common case; words are looked for only when it fails.
  const fine =
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
  return fine ? null : impossible(batch, i)
}

function impossible(batch: BarBatch, i: number): string {
  for (const field of REQUIRED) {
    const value = batch[field][i]!
    if (!(value > 0 && value < Infinity)) return `${field}: expected a price above 0, got ${value}`
  }
  const [open, high, low, close] = [batch.open[i]!, batch.high[i]!, batch.low[i]!, batch.close[i]!]
  if (high < low) return `high: ${high} is below low ${low}`
  if (low > Math.min(open, close))
    return `low: ${low} is above ${low > open ? 'open' : 'close'} ${Math.min(open, close)}`
  if (high < Math.max(open, close)) {
    return `high: ${high} is below ${high < open ? 'open' : 'close'} ${Math.max(open, close)}`
  }
  for (const field of ['volume', 'vwap', 'trades'] as const) {
    const value = batch[field][i]!
    if (value < 0 || value === Infinity) return `${field}: expected 0 or more, got ${value}`
  }
  return `time: expected 1970 to 2099, got ${batch.time[i]} ms`
}

function readInterval(value: unknown, fallback: Interval | undefined): number | string {
  const given = value === null || value === undefined || value === '' ? fallback : value
  if (given === undefined) return MISSING_CODE
  const code = typeof given === 'string' ? INTERVALS.indexOf(given.toLowerCase() as Interval) : -1
  if (code === -1) return `interval: expected one of ${INTERVALS.join(' ')}, got ${quote(given)}`
  return code
}

const EPOCH = /^\d{9,13}(\.0+)?$/

function readTime(value: unknown, zone: Zone | null): number | string {
  if (value === undefined || value === null || value === '') return 'is missing'
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'number') return readEpoch(value)
  if (typeof value !== 'string') return `expected a time such as 2025-07-30T13:30:00Z, got ${quote(value)}`
  if (EPOCH.test(value)) return readEpoch(Number(value))
  const parsed = parseTime(value, zone)
  return 'error' in parsed ? parsed.error : parsed.epochMs
}

/** Seconds below 1e11 (the year 5138), else milliseconds (1e11 ms is March 1973). */
function readEpoch(value: number): number | string {
  const epochMs = value < 1e11 ? value * 1000 : value
  if (!Number.isInteger(epochMs) || epochMs < 1e11 || epochMs >= LAST_TIME) {
    return `expected epoch seconds or milliseconds, got ${value}`
  }
  return epochMs
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** NaN is null or missing. */
function readNumber(value: unknown, textual: boolean): number | string {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : `expected a finite number, got ${value}`
  }
  if (value === undefined || value === null) return Number.NaN
  if (typeof value === 'bigint') return Number(value)
  if (textual && typeof value === 'string') {
    const text = value.trim()
    if (text === '') return Number.NaN
    if (DECIMAL.test(text)) {
      const number = Number(text)
      return Number.isFinite(number) ? number : `expected a finite number, got ${quote(value)}`
    }
  }
  return `expected a number, got ${quote(value)}`
}

function readCode(value: unknown, codes: readonly string[]): number | string {
  if (value === undefined || value === null || value === '') return MISSING_CODE
  const code = typeof value === 'string' ? codes.indexOf(value) : -1
  return code === -1 ? `expected one of ${codes.join(', ')}, got ${quote(value)}` : code
}

export const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,31}$/

function readSource(value: unknown): { text: string | null; error?: string } {
  if (value === undefined || value === null || value === '') return { text: null }
  if (typeof value === 'string' && SOURCE.test(value)) return { text: value }
  return { text: null, error: `expected a short name, got ${quote(value)}` }
}
