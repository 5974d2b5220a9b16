/**
 * Bars as NDJSON bytes, both ways. Lines in the exact form that jules writes take a path that allocates nothing; any
 * other line is left to the general one (`records.ts`), so that the two agree on everything but time.
 */
import { DAY, formatTime } from '../../base/time.js'
import { readNumber, scanned, writeInteger, writeNumber } from '../../stream/decimal.js'
import { ADJUSTMENTS, type BarBatch, INTERVALS, MISSING_CODE, SESSIONS, SYMBOL } from '../bar.js'
import { isPossible, SOURCE } from '../fields.js'
import { type KnownText, knownCode, remember } from './known-texts.js'
import { STAMP_BYTES, StampReader } from './stamp-bytes.js'

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

const P_SYMBOL = ascii('{"type":"bar","symbol":"')
const P_INTERVAL = ascii('","interval":"')
const P_TIME = ascii('","time":"')
const P_OPEN = ascii('","open":')
const P_HIGH = ascii(',"high":')
const P_LOW = ascii(',"low":')
const P_CLOSE = ascii(',"close":')
const P_VOLUME = ascii(',"volume":')
const P_VWAP = ascii(',"vwap":')
const P_TRADES = ascii(',"trades":')
const P_ADJUSTED = ascii(',"adjusted":')
const P_SESSION = ascii(',"session":')
const P_SOURCE = ascii(',"source":')
const NULL = ascii('null')

const INTERVAL_BYTES = INTERVALS.map(ascii)
const ADJUSTED_BYTES = ADJUSTMENTS.map((text) => ascii(`"${text}"`))
const SESSION_BYTES = SESSIONS.map((text) => ascii(`"${text}"`))

/** No bar is longer: 13 numbers of at most 25 characters, names of at most 32, and the keys. */
export const MAX_BAR_BYTES = 640

/** Writes row `i` as one line at `at`; the buffer has MAX_BAR_BYTES left. Returns the end. */
export function writeBar(buffer: Buffer, at: number, batch: BarBatch, i: number): number {
  const { names } = batch
  let p = put(buffer, at, P_SYMBOL)
  p = put(buffer, p, nameBytes(names.text(batch.symbol[i]!) ?? ''))
  p = put(buffer, p, P_INTERVAL)
  p = put(buffer, p, INTERVAL_BYTES[batch.interval[i]!]!)
  p = put(buffer, p, P_TIME)
  p = writeTime(buffer, p, batch.time[i]!)
  p = put(buffer, p, P_OPEN)
  p = writeNumber(buffer, p, batch.open[i]!)
  p = put(buffer, p, P_HIGH)
  p = writeNumber(buffer, p, batch.high[i]!)
  p = put(buffer, p, P_LOW)
  p = writeNumber(buffer, p, batch.low[i]!)
  p = put(buffer, p, P_CLOSE)
  p = writeNumber(buffer, p, batch.close[i]!)
  p = put(buffer, p, P_VOLUME)
  p = writeNullable(buffer, p, batch.volume[i]!)
  p = put(buffer, p, P_VWAP)
  p = writeNullable(buffer, p, batch.vwap[i]!)
  p = put(buffer, p, P_TRADES)
  p = writeNullable(buffer, p, batch.trades[i]!)
  p = put(buffer, p, P_ADJUSTED)
  p = put(buffer, p, ADJUSTED_BYTES[batch.adjusted[i]!] ?? NULL)
  p = put(buffer, p, P_SESSION)
  p = put(buffer, p, SESSION_BYTES[batch.session[i]!] ?? NULL)
  p = put(buffer, p, P_SOURCE)
  const source = names.text(batch.source[i]!)
  if (source === null) p = put(buffer, p, NULL)
  else {
    buffer[p++] = 0x22
    p = put(buffer, p, nameBytes(source))
    buffer[p++] = 0x22
  }
  buffer[p++] = 0x7d
  buffer[p++] = 0x0a
  return p
}

function put(buffer: Buffer, at: number, bytes: Uint8Array): number {
  const length = bytes.length
  for (let k = 0; k < length; k++) buffer[at + k] = bytes[k]!
  return at + length
}

function writeNullable(buffer: Buffer, at: number, value: number): number {
  return Number.isNaN(value) ? put(buffer, at, NULL) : writeNumber(buffer, at, value)
}

const bytesByName = new Map<string, Uint8Array>()

function nameBytes(name: string): Uint8Array {
  let bytes = bytesByName.get(name)
  if (bytes === undefined) {
    bytes = ascii(name)
    bytesByName.set(name, bytes)
  }
  return bytes
}

let stampDay = Number.NaN
let stampDate: Uint8Array = ascii('1970-01-01T')

/** Writes epoch milliseconds as ISO-8601 with Z; the date of the last call is kept, as times come day by day. */
function writeTime(buffer: Buffer, at: number, epochMs: number): number {
  const day = Math.floor(epochMs / DAY)
  if (day !== stampDay) {
    stampDay = day
    stampDate = ascii(formatTime(day * DAY).slice(0, 11))
  }
  let p = put(buffer, at, stampDate)
  const ms = epochMs - day * DAY
  const seconds = Math.floor(ms / 1000)
  const hour = (seconds / 3600) | 0
  const minute = ((seconds - hour * 3600) / 60) | 0
  p = twoDigits(buffer, p, hour)
  buffer[p++] = 0x3a
  p = twoDigits(buffer, p, minute)
  buffer[p++] = 0x3a
  p = twoDigits(buffer, p, seconds - hour * 3600 - minute * 60)
  const rest = ms - seconds * 1000
  if (rest !== 0) {
    buffer[p++] = 0x2e
    if (rest < 100) buffer[p++] = 0x30
    if (rest < 10) buffer[p++] = 0x30
    p = writeInteger(buffer, p, rest)
  }
  buffer[p++] = 0x5a
  return p
}

function twoDigits(buffer: Buffer, at: number, value: number): number {
  const tens = (value / 10) | 0
  buffer[at] = 48 + tens
  buffer[at + 1] = 48 + (value - tens * 10)
  return at + 2
}

/** The bytes before the time or after the numbers of a line, and what they say: most lines repeat those of one before. */
interface Frame {
  readonly words: Words
  readonly codes: readonly number[]
}

/** At least four bytes that a line must have, by fours: the last four may share some with those before. */
interface Words {
  readonly length: number
  readonly fours: Int32Array
}

function wordsOf(bytes: Uint8Array): Words {
  const { length, buffer, byteOffset } = bytes
  const view = new DataView(buffer, byteOffset, length)
  const fours = Int32Array.from({ length: Math.ceil(length / 4) }, (_, k) =>
    view.getInt32(Math.min(4 * k, length - 4), true),
  )
  return { length, fours }
}

const W_OPEN = wordsOf(P_OPEN)
const W_HIGH = wordsOf(P_HIGH)
const W_LOW = wordsOf(P_LOW)
const W_CLOSE = wordsOf(P_CLOSE)
const W_VOLUME = wordsOf(P_VOLUME)
const W_VWAP = wordsOf(P_VWAP)
const W_TRADES = wordsOf(P_TRADES)

const MOST_FRAMES = 16

/** Reads lines of the canonical form into a batch. Holds the names, frames and date it saw last. */
export class BarReader {
  readonly #batch: BarBatch
  readonly #symbols: KnownText[] = []
  readonly #sources: KnownText[] = []
  readonly #heads: Frame[] = []
  readonly #tails: Frame[] = []
  /** Symbols take turns in most files: the frame after the last one is tried first. */
  #nextHead = 0
  #lastTail = 0
  readonly #stamps = new StampReader()
  /** The bytes that are read, to be looked at by fours. */
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))

  constructor(batch: BarBatch) {
    this.#batch = batch
  }

  /**
   * Appends the bar that begins at `start` and returns where the next line begins; -1, with nothing appended, when the line
   * is not of the canonical form or its values are impossible: the general path then finds the words. No scan passes the
   * end of a line, for no part of the form holds a line feed.
   */
  read(bytes: Buffer, start: number, line: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    const view = this.#view
    const batch = this.#batch
    const i = batch.length
    let p = this.#head(bytes, start, i)
    if (p < 0) return -1
    const time = this.#stamps.read(bytes, p)
    if (time < 0) return -1
    p = number(bytes, view, p + STAMP_BYTES, W_OPEN, batch.open, i)
    if (p < 0) return -1
    p = number(bytes, view, p, W_HIGH, batch.high, i)
    if (p < 0) return -1
    p = number(bytes, view, p, W_LOW, batch.low, i)
    if (p < 0) return -1
    p = number(bytes, view, p, W_CLOSE, batch.close, i)
    if (p < 0) return -1
    p = nullable(bytes, view, p, W_VOLUME, batch.volume, i)
    if (p < 0) return -1
    p = nullable(bytes, view, p, W_VWAP, batch.vwap, i)
    if (p < 0) return -1
    p = nullable(bytes, view, p, W_TRADES, batch.trades, i)
    if (p < 0) return -1
    p = this.#tail(bytes, p, i)
    if (p < 0) return -1
    const next = p === bytes.length ? p : bytes[p] === 0x0a ? p + 1 : match(bytes, p, CR_LF)
    if (next < 0) return -1
    batch.time[i] = time
    batch.line[i] = line
    if (!isPossible(batch, i)) return -1
    batch.length = i + 1
    return next
  }

  /** Symbol and interval; returns the start of the time. */
  #head(bytes: Buffer, start: number, i: number): number {
    const heads = this.#heads
    for (let n = 0; n < heads.length; n++) {
      const at = (this.#nextHead + n) % heads.length
      const { words, codes } = heads[at]!
      const p = matchWords(this.#view, start, words)
      if (p < 0) continue
      this.#nextHead = at + 1
      this.#batch.symbol[i] = codes[0]!
      this.#batch.interval[i] = codes[1]!
      return p
    }
    let p = match(bytes, start, P_SYMBOL)
    if (p < 0) return -1
    const symbolEnd = nameEnd(bytes, p, 16)
    if (symbolEnd < 0) return -1
    const symbol = this.#name(this.#symbols, bytes, p, symbolEnd, SYMBOL)
    if (symbol < 0) return -1
    p = match(bytes, symbolEnd, P_INTERVAL)
    if (p < 0) return -1
    const interval = code(INTERVAL_BYTES, bytes, p)
    if (interval < 0) return -1
    p = match(bytes, p + INTERVAL_BYTES[interval]!.length, P_TIME)
    if (p < 0) return -1
    this.#batch.symbol[i] = symbol
    this.#batch.interval[i] = interval
    if (heads.length < MOST_FRAMES) {
      heads.push({ words: wordsOf(Uint8Array.from(bytes.subarray(start, p))), codes: [symbol, interval] })
    }
    return p
  }

  /** Adjustment, session and source, and the brace; returns what follows it. */
  #tail(bytes: Buffer, start: number, i: number): number {
    const batch = this.#batch
    const tails = this.#tails
    for (let n = 0; n < tails.length; n++) {
      const at = (this.#lastTail + n) % tails.length
      const { words, codes } = tails[at]!
      const p = matchWords(this.#view, start, words)
      if (p < 0) continue
      this.#lastTail = at
      batch.adjusted[i] = codes[0]!
      batch.session[i] = codes[1]!
      batch.source[i] = codes[2]!
      return p
    }
    let p = coded(bytes, start, P_ADJUSTED, ADJUSTED_BYTES, batch.adjusted, i)
    if (p < 0) return -1
    p = coded(bytes, p, P_SESSION, SESSION_BYTES, batch.session, i)
    if (p < 0) return -1
    p = match(bytes, p, P_SOURCE)
    if (p < 0) return -1
    let source = 0
    if (bytes[p] === 0x22) {
      const sourceEnd = nameEnd(bytes, p + 1, 32)
      if (sourceEnd < 0) return -1
      source = this.#name(this.#sources, bytes, p + 1, sourceEnd, SOURCE)
      if (source < 0) return -1
      p = sourceEnd + 1
    } else {
      p = match(bytes, p, NULL)
      if (p < 0) return -1
    }
    if (bytes[p] !== 0x7d) return -1
    batch.source[i] = source
    if (tails.length < MOST_FRAMES) {
      const codes = [batch.adjusted[i]!, batch.session[i]!, source]
      tails.push({ words: wordsOf(Uint8Array.from(bytes.subarray(start, p + 1))), codes })
    }
    return p + 1
  }

  #name(known: KnownText[], bytes: Buffer, start: number, end: number, pattern: RegExp): number {
    const code = knownCode(known, bytes, start, end)
    if (code >= 0) return code
    const text = bytes.toString('latin1', start, end)
    if (!pattern.test(text)) return -1
    const id = this.#batch.names.id(text)
    remember(known, bytes, start, end, id)
    return id
  }
}

const CR_LF = ascii('\r\n')

function match(bytes: Buffer, at: number, expected: Uint8Array): number {
  const length = expected.length
  for (let k = 0; k < length; k++) if (bytes[at + k] !== expected[k]) return -1
  return at + length
}

function matchWords(view: DataView, at: number, { length, fours }: Words): number {
  const end = at + length
  if (end > view.byteLength) return -1
  const last = fours.length - 1
  for (let k = 0; k < last; k++) if (view.getInt32(at + 4 * k, true) !== fours[k]) return -1
  return view.getInt32(end - 4, true) === fours[last] ? end : -1
}

/** Index of the quote that ends a name of at most `most` bytes. */
function nameEnd(bytes: Buffer, at: number, most: number): number {
  for (let p = at; p <= at + most; p++) if (bytes[p] === 0x22) return p
  return -1
}

function code(codes: readonly Uint8Array[], bytes: Buffer, at: number): number {
  for (let k = 0; k < codes.length; k++) {
    const end = match(bytes, at, codes[k]!)
    if (end >= 0 && (bytes[end] === 0x22 || bytes[end - 1] === 0x22)) return k
  }
  return -1
}

function number(
  bytes: Buffer,
  view: DataView,
  at: number,
  key: Words,
  column: Float64Array,
  i: number,
): number {
  const p = matchWords(view, at, key)
  if (p < 0 || !readNumber(bytes, p)) return -1
  column[i] = scanned.value
  return scanned.end
}

function nullable(
  bytes: Buffer,
  view: DataView,
  at: number,
  key: Words,
  column: Float64Array,
  i: number,
): number {
  const p = matchWords(view, at, key)
  if (p < 0) return -1
  if (bytes[p] === 0x6e) {
    column[i] = Number.NaN
    return match(bytes, p, NULL)
  }
  if (!readNumber(bytes, p)) return -1
  column[i] = scanned.value
  return scanned.end
}

function coded(
  bytes: Buffer,
  at: number,
  key: Uint8Array,
  codes: readonly Uint8Array[],
  column: Uint8Array,
  i: number,
): number {
  const p = match(bytes, at, key)
  if (p < 0) return -1
  if (bytes[p] === 0x6e) {
    column[i] = MISSING_CODE
    return match(bytes, p, NULL)
  }
  const k = code(codes, bytes, p)
  if (k < 0) return -1
  column[i] = k
  return p + codes[k]!.length
}
