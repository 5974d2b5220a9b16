import { formatTime } from '../base/time.js'

/**
 * The bar: one symbol, one interval, one start time, and what traded in it. Two forms of the same thing: `Bar`, the record
 * people and tests read, and `BarBatch`, columns for the paths that carry millions.
 */

export const INTERVALS = ['1s', '5s', '1m', '5m', '15m', '30m', '1h', '1d'] as const
export type Interval = (typeof INTERVALS)[number]

const INTERVAL_MS: Record<Interval, number> = {
  '1s': 1_000,
  '5s': 5_000,
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '30m': 1_800_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
}

/** Length of the real-time bars that a broker sends: the parts of all others. */
export const PART_MS: number = INTERVAL_MS['5s']

export const intervalMs = (interval: Interval): number => INTERVAL_MS[interval]

/** The interval of a length in milliseconds, or undefined. */
export const intervalOfLength = (ms: number): Interval | undefined =>
  INTERVALS.find((interval) => INTERVAL_MS[interval] === ms)

export const ADJUSTMENTS = ['none', 'splits', 'splits+dividends'] as const
export type Adjusted = (typeof ADJUSTMENTS)[number]

export const SESSIONS = ['rth', 'eth'] as const
export type Session = (typeof SESSIONS)[number]

/** One bar as it stands in NDJSON, key order included. `time` is the start, ISO-8601 UTC. */
export interface Bar {
  readonly type: 'bar'
  readonly symbol: string
  readonly interval: Interval
  readonly time: string
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number | null
  readonly vwap: number | null
  readonly trades: number | null
  readonly adjusted: Adjusted | null
  readonly session: Session | null
  readonly source: string | null
}

export const SYMBOL = /^[A-Z0-9][A-Z0-9.-]{0,15}$/

/** Sources whose rows are invented. They never replace a row of another source unless that is asked for. */
export const INVENTED_SOURCES: readonly string[] = ['mock', 'sim']

/** Strings by small numbers, so that a column of them is an Int32Array. Id 0 is null. */
export class Names {
  readonly #ids = new Map<string, number>()
  readonly #texts: (string | null)[] = [null]

  id(text: string | null): number {
    if (text === null) return 0
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    const id = this.#texts.length
    this.#ids.set(text, id)
    this.#texts.push(text)
    return id
  }

  text(id: number): string | null {
    return this.#texts[id] ?? null
  }

  get size(): number {
    return this.#texts.length
  }
}

export const MISSING_CODE = 255

/**
 * `length` bars in columns; `capacity` rows are allocated. Null numbers are NaN, null codes MISSING_CODE, null names id 0.
 * The `names` table is shared by every batch of one stream.
 */
export interface BarBatch {
  length: number
  readonly capacity: number
  readonly names: Names
  readonly symbol: Int32Array
  /** Index into INTERVALS. */
  readonly interval: Uint8Array
  /** Bar start, epoch milliseconds UTC. */
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly vwap: Float64Array
  readonly trades: Float64Array
  /** Index into ADJUSTMENTS. */
  readonly adjusted: Uint8Array
  /** Index into SESSIONS. */
  readonly session: Uint8Array
  readonly source: Int32Array
  /** Line or row of the input each bar came from, from 1; 0 where there is none: generated, or from the store. */
  readonly line: Float64Array
}

/** An empty batch with room for `capacity` rows. */
export function newBatch(capacity: number, names: Names): BarBatch {
  return {
    length: 0,
    capacity,
    names,
    symbol: new Int32Array(capacity),
    interval: new Uint8Array(capacity),
    time: new Float64Array(capacity),
    open: new Float64Array(capacity),
    high: new Float64Array(capacity),
    low: new Float64Array(capacity),
    close: new Float64Array(capacity),
    volume: new Float64Array(capacity),
    vwap: new Float64Array(capacity),
    trades: new Float64Array(capacity),
    adjusted: new Uint8Array(capacity),
    session: new Uint8Array(capacity),
    source: new Int32Array(capacity),
    line: new Float64Array(capacity),
  }
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value)

/** Row `i` of a batch as a record. */
export function barAt(batch: BarBatch, i: number): Bar {
  return {
    type: 'bar',
    symbol: batch.names.text(batch.symbol[i]!) ?? '',
    interval: INTERVALS[batch.interval[i]!]!,
    time: formatTime(batch.time[i]!),
    open: batch.open[i]!,
    high: batch.high[i]!,
    low: batch.low[i]!,
    close: batch.close[i]!,
    volume: orNull(batch.volume[i]!),
    vwap: orNull(batch.vwap[i]!),
    trades: orNull(batch.trades[i]!),
    adjusted: ADJUSTMENTS[batch.adjusted[i]!] ?? null,
    session: SESSIONS[batch.session[i]!] ?? null,
    source: batch.names.text(batch.source[i]!),
  }
}

/** Copies row `i` of `from` to the end of `to`; both share one names table. */
export function copyRow(from: BarBatch, i: number, to: BarBatch): void {
  const j = to.length++
  to.symbol[j] = from.symbol[i]!
  to.interval[j] = from.interval[i]!
  to.time[j] = from.time[i]!
  to.open[j] = from.open[i]!
  to.high[j] = from.high[i]!
  to.low[j] = from.low[i]!
  to.close[j] = from.close[i]!
  to.volume[j] = from.volume[i]!
  to.vwap[j] = from.vwap[i]!
  to.trades[j] = from.trades[i]!
  to.adjusted[j] = from.adjusted[i]!
  to.session[j] = from.session[i]!
  to.source[j] = from.source[i]!
  to.line[j] = from.line[i]!
}

/** Appends rows `[start, end)` of `from` to `to`, column by column; both share one names table. */
export function copyRows(from: BarBatch, start: number, end: number, to: BarBatch): void {
  const at = to.length
  to.symbol.set(from.symbol.subarray(start, end), at)
  to.source.set(from.source.subarray(start, end), at)
  for (const column of ['interval', 'adjusted', 'session'] as const) {
    to[column].set(from[column].subarray(start, end), at)
  }
  for (const column of FLOATS) to[column].set(from[column].subarray(start, end), at)
  to.length = at + end - start
}

const FLOATS = ['time', 'open', 'high', 'low', 'close', 'volume', 'vwap', 'trades', 'line'] as const
