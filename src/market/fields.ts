/**
 * From loose fields (a JSON object, a CSV row, a Parquet row) to one row of a batch: lenient in form, strict in value.
 * Impossible values are refused with the field named; nothing is repaired.
 */
import { type DateOrder, LAST_TIME, parseEpoch, parseTime, type TimeFormat } from '../base/stamp.js'
import type { Zone } from '../base/time.js'
import { quote } from '../base/words.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  INTERVALS,
  type Interval,
  MISSING_CODE,
  type Names,
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

/** What vendors call the fields, as `plain` leaves it. */
const ALIASES: Readonly<Record<string, BarField>> = Object.fromEntries(
  Object.entries({
    symbol: 'ticker sym',
    time: 'date datetime timestamp ts t tsevent windowstart opentime bartime begintime unix gmttime',
    open: 'o openprice',
    high: 'h highprice',
    low: 'l lowprice',
    close: 'c closeprice last close/last',
    volume: 'v vol',
    vwap: 'vw wap average',
    trades: 'n count barcount tradecount transactions numberoftrades',
  } satisfies { [field in BarField]?: string }).flatMap(([field, names]) =>
    names.split(' ').map((name) => [name, field as BarField]),
  ),
)

/** No name of a field comes near, in any dress; longer ones are neither taken apart nor kept. */
export const LONGEST_NAME = 200
/** No number and no stamp comes near: longer texts never meet an expression, some of which would look at them for hours. */
export const LONGEST_VALUE = 1000

/** Keys come again with every row; of an input whose keys never do the last few are kept. */
const KEPT = 1000
const plainNames = new Map<string, string>()

/** A key or column header without the dress of its vendor: `<OPEN>`, `1. open`, `Bar Count`, `Open ($)`. */
function plain(key: string): string {
  if (key.length > LONGEST_NAME) return key
  const known = plainNames.get(key)
  if (known !== undefined) return known
  const name = key
    .trim()
    .toLowerCase()
    .replace(/^<(.*)>$/, '$1')
    .replace(/^\d+\. /, '')
    .replace(/ ?\(.*\)$/, '')
    .replace(/[ _-]/g, '')
  if (plainNames.size === KEPT) plainNames.clear()
  plainNames.set(key, name)
  return name
}

/** The bar field a key or column header stands for, or undefined. */
export function fieldOf(key: string): BarField | undefined {
  const name = plain(key)
  if (isField(name)) return name
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined
}

const isField = (name: string): name is BarField => (BAR_FIELDS as readonly string[]).includes(name)

/** Whether a key is the field's own name, which counts before any other name for it. */
export const isOwnName = (key: string): boolean => isField(plain(key))

export interface FieldOptions {
  /** For rows that lack a symbol. */
  readonly symbol?: string | undefined
  /** For rows that lack an interval. */
  readonly interval?: Interval | undefined
  /** For stamps without an offset. */
  readonly zone?: Zone | null | undefined
  /** The form of stamps, where it was spelled out. */
  readonly timeFormat?: TimeFormat | undefined
  /** For dates that end with the year. */
  readonly dateOrder?: DateOrder | null | undefined
  /** Numbers may come as text, and an empty text is null: CSV. */
  readonly textual: boolean
  /** Of numbers as text; null where a comma may be either. */
  readonly decimal?: DecimalMark | null | undefined
  /** Prices without a decimal point are so many times the price: fixed-point integers. */
  readonly priceScale?: number | undefined
}

export type DecimalMark = '.' | ','

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
  for (const field of ['symbol', 'interval'] as const) {
    const code = readCoded(field, fields[field], batch.names, options)
    if (typeof code !== 'number') return code
    batch[field][i] = code
  }
  const time = readTime(fields.time, options)
  const problem = typeof time === 'number' ? putValues(batch, fields, options) : time
  if (typeof time === 'number' && problem === null) {
    batch.time[i] = time
    batch.line[i] = line
    if (isPossible(batch, i)) {
      batch.length++
      return null
    }
  }
  const bar = {
    symbol: batch.names.text(batch.symbol[i]!) ?? '',
    interval: INTERVALS[batch.interval[i]!],
    timeMs: typeof time === 'number' ? time : undefined,
  }
  return { ...(problem ?? impossible(batch, i)), bar }
}

/** Everything of a row but its place: symbol, interval and time. */
function putValues(batch: BarBatch, fields: LooseFields, options: FieldOptions): Problem | null {
  const i = batch.length
  for (const field of REQUIRED) {
    const value = readPrice(field, fields[field], options)
    if (typeof value !== 'number') return value
    if (Number.isNaN(value)) return noNumber(field, fields[field])
    batch[field][i] = value
  }
  for (const field of ['volume', 'vwap', 'trades'] as const) {
    const value = readNumber(field, fields[field], options)
    if (typeof value !== 'number') return value
    if (field === 'volume' && fields.volume === undefined) return missing(field)
    batch[field][i] = value
  }
  for (const field of ['adjusted', 'session', 'source'] as const) {
    const code = readCoded(field, fields[field], batch.names, options)
    if (typeof code !== 'number') return code
    batch[field][i] = code
  }
  return null
}

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
export function impossible(batch: BarBatch, i: number): Problem {
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

export const CODED = ['symbol', 'interval', 'adjusted', 'session', 'source'] as const
/** The fields that a batch keeps as small numbers. */
export type CodedField = (typeof CODED)[number]

/** The code of a symbol, interval, adjustment, session or source as a batch keeps it, or what is wrong with the text. */
export function readCoded(
  field: CodedField,
  value: unknown,
  names: Names,
  options: FieldOptions,
): number | Problem {
  switch (field) {
    case 'symbol': {
      const symbol = readSymbol(
        value === undefined || value === null || value === '' ? options.symbol : value,
      )
      return typeof symbol === 'string' ? names.id(symbol) : symbol
    }
    case 'interval':
      return readInterval(value, options.interval)
    case 'adjusted':
      return readCode(field, value, ADJUSTMENTS)
    case 'session':
      return readCode(field, value, SESSIONS)
    case 'source': {
      const source = readSource(value)
      return typeof source === 'object' && source !== null ? source : names.id(source)
    }
  }
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

const EPOCH = /^\d{9,19}(\.\d*)?$/
/** `20250730`, `202507300930`, `20250730093000`: digits that are a date. The last two are no epochs of 1973 to 2100 but one. */
const COMPACT = /^(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])(([01]\d|2[0-3])[0-5]\d([0-5]\d)?)?$/

/** A stamp, an epoch or a Date as milliseconds, or what is wrong with it. */
export function readTime(
  value: unknown,
  { zone = null, timeFormat, dateOrder }: FieldOptions,
): number | Problem {
  const field = 'time'
  if (value === undefined || value === null || value === '') return missing(field)
  if (value instanceof Date) return value.getTime()
  const text = typeof value === 'string' ? value : typeof value === 'object' ? '' : String(value)
  if (text.length > LONGEST_VALUE) {
    const words = `expected a time such as 2025-07-30T13:30:00Z, got ${quote(value)}`
    return { field, rule: 'not-a-time', words, value }
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    const words = `expected a time such as 2025-07-30T13:30:00Z, got ${quote(value)}`
    return { field, rule: 'not-a-time', words, value }
  }
  if (timeFormat === undefined && (typeof value !== 'string' || EPOCH.test(text)) && !COMPACT.test(text)) {
    const epochMs = parseEpoch(value)
    if (epochMs !== null) return epochMs
    const words = `expected a time, or an epoch of 1973 to 2099 in s, ms, us or ns, got ${quote(value)}`
    return { field, rule: 'not-an-epoch', words, value }
  }
  const parsed = timeFormat?.parse(text, zone) ?? parseTime(text, zone, dateOrder)
  return 'error' in parsed ? { field, rule: parsed.rule, words: parsed.error, value } : parsed.epochMs
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const CURRENCY = /^([+-]?)[$\u20ac\u00a3\u00a5]\s*|\s*[$\u20ac\u00a3\u00a5]$/g
/** Groups of three digits between commas, dots, blanks or apostrophes, then a decimal part. */
const GROUPED: Readonly<Record<DecimalMark, RegExp>> = {
  '.': /^[+-]?\d{1,3}(?:([,\s'\u2019])\d{3})(?:\1\d{3})*(?:\.\d*)?$/,
  ',': /^[+-]?(?:\d+|\d{1,3}(?:([.\s'\u2019])\d{3})(?:\1\d{3})*)(?:,\d*)?$/,
}

/** NaN is null or missing. */
function readNumber(field: BarField, value: unknown, { textual, decimal }: FieldOptions): number | Problem {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    return { field, rule: 'not-finite', words: `expected a finite number, got ${value}`, value }
  }
  if (value === undefined || value === null) return Number.NaN
  if (typeof value === 'bigint') return Number(value)
  if (textual && typeof value === 'string' && value.length <= LONGEST_VALUE) {
    const text = value.trim()
    if (text === '') return Number.NaN
    const number = textNumber(text, decimal)
    if (Number.isFinite(number)) return number
    if (number === Infinity || number === -Infinity)
      return { field, rule: 'not-finite', words: `expected a finite number, got ${quote(value)}`, value }
    if (decimal === null && !Number.isNaN(textNumber(text, '.'))) {
      const words = `${quote(value)} says two numbers: is its comma a decimal one?`
      return { field, rule: 'ambiguous-number', words, value }
    }
  }
  return { field, rule: 'not-a-number', words: `expected a number, got ${quote(value)}`, value }
}

/** NaN for what is no number. */
function textNumber(written: string, decimal: DecimalMark | null = '.'): number {
  if (decimal !== ',' && DECIMAL.test(written)) return Number(written)
  if (decimal === null) return Number.NaN
  const text = written.replace(CURRENCY, '$1')
  if (decimal === '.' && DECIMAL.test(text)) return Number(text)
  if (!GROUPED[decimal].test(text)) return Number.NaN
  const digits = text.replace(decimal === '.' ? /[,\s'\u2019]/g : /[.\s'\u2019]/g, '')
  return Number(digits.replace(',', '.'))
}

/** The value that fixed-point files have for a price there is none of: the largest integer of 64 bits. */
const UNDEFINED_PRICE = '9223372036854775807'

function readPrice(field: BarField, value: unknown, options: FieldOptions): number | Problem {
  const { priceScale } = options
  if (priceScale === undefined || !/^-?\d+$/.test(String(value))) return readNumber(field, value, options)
  return String(value) === UNDEFINED_PRICE ? Number.NaN : Number(value) / priceScale
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
