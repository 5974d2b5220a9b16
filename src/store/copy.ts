/**
 * PostgreSQL's binary COPY format (manual, COPY, "Binary Format") for bars: rows to bytes and back. Binary, because float8
 * travels as it is and nothing is printed or parsed.
 */
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { ADJUSTMENTS, type BarBatch, INTERVALS, MISSING_CODE, SESSIONS, SYMBOL } from '../market/bar.js'
import { BAR_FIELDS, impossible, isPossible, SOURCE } from '../market/fields.js'
import type { Problem, Rule } from '../market/problem.js'
import { LONGEST_ROW, tooLong, wrong } from './wire.js'

/** Columns in the order of the rows; two of their names are words of SQL. */
export const COPY_COLUMNS: readonly string[] = BAR_FIELDS.map((field) =>
  field === 'interval' || field === 'time' ? `"${field}"` : field,
)

const FIELDS = COPY_COLUMNS.length
const SIGNATURE = Buffer.from([...Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), 0, 0, 0, 0, 0, 0, 0, 0])
export const COPY_HEADER: Buffer = SIGNATURE
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff])

/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_2000 = 946_684_800_000
const TWO_32 = 4_294_967_296

/** An upper bound: a length word a field, nine numbers of eight bytes, five names of at most 32 bytes. */
const MAX_ROW_BYTES = 2 + 4 * (FIELDS + 1) + 8 * 8 + 5 * 32 + 8

const texts = new Map<string, Uint8Array>()

function bytesOf(text: string): Uint8Array {
  let bytes = texts.get(text)
  if (bytes === undefined) {
    bytes = Uint8Array.from(Buffer.from(text, 'latin1'))
    texts.set(text, bytes)
  }
  return bytes
}

/** A growing run of encoded rows. */
export class RowEncoder {
  #bytes: Uint8Array
  #view: DataView
  #used = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used)
  }

  clear(): void {
    this.#used = 0
  }

  /** Rows `[from, to)` of a batch. */
  append(batch: BarBatch, from: number, to: number): void {
    const need = this.#used + (to - from) * MAX_ROW_BYTES
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
      grown.set(this.bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    let p = this.#used
    for (let i = from; i < to; i++) p = this.#row(p, batch, i)
    this.#used = p
  }

  #row(at: number, batch: BarBatch, i: number): number {
    const view = this.#view
    const { names } = batch
    view.setInt16(at, FIELDS)
    let p = this.#text(at + 2, names.text(batch.symbol[i]!))
    p = this.#text(p, INTERVALS[batch.interval[i]!]!)
    const micros = (batch.time[i]! - EPOCH_2000) * 1000
    const high = Math.floor(micros / TWO_32)
    view.setInt32(p, 8)
    view.setInt32(p + 4, high)
    view.setUint32(p + 8, micros - high * TWO_32)
    p += 12
    p = this.#float(p, batch.open[i]!)
    p = this.#float(p, batch.high[i]!)
    p = this.#float(p, batch.low[i]!)
    p = this.#float(p, batch.close[i]!)
    p = this.#float(p, batch.volume[i]!)
    p = this.#float(p, batch.vwap[i]!)
    p = this.#float(p, batch.trades[i]!)
    p = this.#text(p, ADJUSTMENTS[batch.adjusted[i]!] ?? null)
    p = this.#text(p, SESSIONS[batch.session[i]!] ?? null)
    return this.#text(p, names.text(batch.source[i]!))
  }

  /** NaN is null: no price of a bar is NaN. */
  #float(at: number, value: number): number {
    if (Number.isNaN(value)) {
      this.#view.setInt32(at, -1)
      return at + 4
    }
    this.#view.setInt32(at, 8)
    this.#view.setFloat64(at + 4, value)
    return at + 12
  }

  #text(at: number, text: string | null): number {
    if (text === null) {
      this.#view.setInt32(at, -1)
      return at + 4
    }
    const bytes = bytesOf(text)
    this.#view.setInt32(at, bytes.length)
    for (let k = 0; k < bytes.length; k++) this.#bytes[at + 4 + k] = bytes[k]!
    return at + 4 + bytes.length
  }
}

/** Takes a row that is no bar: what is wrong with it, and which it is. */
export type TakeBad = (problem: Problem, row: string) => void

/**
 * Turns a binary COPY stream back into batches. Feed it chunks; it keeps what is cut off at their ends. Every row is held
 * against the rules for lines of a file, as another system may have put it there: one that is no bar goes to `onBad`.
 */
export class RowDecoder {
  readonly #batch: BarBatch
  readonly #onBad: TakeBad
  /** What is left of the chunks before, and how many bytes it must have before anything can be done with it. */
  #rest: Buffer[] = []
  #length = 0
  #need = SIGNATURE.length
  #started = false
  #ended = false
  /** Names that were looked at, by their texts. */
  readonly #symbols = new Map<string, number>()
  readonly #sources = new Map<string | null, number>([[null, 0]])
  #problem: Problem | null = null

  constructor(batch: BarBatch, onBad: TakeBad) {
    this.#batch = batch
    this.#onBad = onBad
  }

  /** Decodes what is complete in `chunk`; call again with an empty one after each full batch. True: the batch is full. */
  push(chunk: Buffer): boolean {
    if (chunk.length > 0) this.#rest.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#need) return false
    const bytes = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest)
    let p = 0
    this.#need = 0
    if (!this.#started) {
      if (!bytes.subarray(0, 11).equals(SIGNATURE.subarray(0, 11))) throw wrong(NOT_ROWS)
      p = SIGNATURE.length
      this.#started = true
    }
    const batch = this.#batch
    while (!this.#ended && batch.length < batch.capacity) {
      const end = this.#row(bytes, p)
      if (end < 0) break
      p = end
    }
    this.#rest = p < bytes.length ? [bytes.subarray(p)] : []
    this.#length = bytes.length - p
    return batch.length === batch.capacity
  }

  /** At the end of the stream: it ended with its trailer. */
  finish(): void {
    if (!this.#ended) throw wrong('the rows of the server end in the middle')
  }

  /** End of the row at `at`, or -1 when it is not all there. */
  #row(bytes: Buffer, at: number): number {
    if (at + 2 > bytes.length) return -1
    const fields = bytes.readInt16BE(at)
    if (fields === -1) {
      this.#ended = true
      return at + 2
    }
    if (fields !== FIELDS) throw wrong(NOT_ROWS)
    let p = at + 2
    for (let k = 0; k < FIELDS; k++) {
      if (p + 4 > bytes.length) return -1
      p += 4 + Math.max(0, bytes.readInt32BE(p))
      if (p - at > LONGEST_ROW) throw tooLong(p - at)
    }
    if (p > bytes.length) {
      this.#need = p - at
      return -1
    }
    const batch = this.#batch
    const i = batch.length++
    const reader = new FieldReader(bytes, at + 2)
    this.#problem = null
    batch.symbol[i] = this.#symbol(reader)
    batch.interval[i] = this.#known(reader, INTERVALS, 'interval')
    batch.time[i] = reader.time()
    for (const column of NUMBERS) {
      batch[column][i] = reader.float()
      // NaN is for null; a NaN that stands in the table is none.
      if (reader.isNaN) this.#wrong(column, 'not-finite', 'expected a number, got NaN', Number.NaN)
    }
    batch.adjusted[i] = this.#known(reader, ADJUSTMENTS, 'adjusted')
    batch.session[i] = this.#known(reader, SESSIONS, 'session')
    batch.source[i] = this.#source(reader)
    batch.line[i] = 0
    if (this.#problem !== null || !isPossible(batch, i) || !Number.isInteger(batch.time[i])) {
      batch.length--
      this.#onBad(this.#problem ?? problemOf(batch, i), rowWords(new FieldReader(bytes, at + 2)))
    }
    return p
  }

  #symbol(reader: FieldReader): number {
    const text = reader.text()
    const known = this.#symbols.get(text ?? '')
    if (known !== undefined) return known
    if (text === null || !SYMBOL.test(text)) {
      const words = `expected capital letters, digits, dots and dashes, got ${quote(text)}`
      return this.#wrong('symbol', 'bad-symbol', words, text)
    }
    const id = this.#batch.names.id(text)
    this.#symbols.set(text, id)
    return id
  }

  #source(reader: FieldReader): number {
    const text = reader.text()
    const known = this.#sources.get(text)
    if (known !== undefined) return known
    if (text === null || !SOURCE.test(text)) {
      return this.#wrong(
        'source',
        'bad-source',
        `expected a short name without blanks, got ${quote(text)}`,
        text,
      )
    }
    const id = this.#batch.names.id(text)
    this.#sources.set(text, id)
    return id
  }

  /** The place of a word in the list, or of none. */
  #known(reader: FieldReader, words: readonly string[], column: string): number {
    const text = reader.text()
    if (text === null) return MISSING_CODE
    const code = words.indexOf(text)
    if (code >= 0) return code
    const expected = `expected one of ${words.join(', ')}, got ${quote(text)}`
    this.#wrong(column, 'unknown-word', expected, text)
    return MISSING_CODE
  }

  /** The first thing that is wrong with a row stands for it. */
  #wrong(field: string, rule: Rule, words: string, value: unknown): 0 {
    this.#problem ??= { field, rule, words, value }
    return 0
  }
}

const NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const
const NOT_ROWS = 'the server sends rows that are none of market_data'

/** Of a row whose fields are each of their kind. */
function problemOf(batch: BarBatch, i: number): Problem {
  if (!isPossible(batch, i)) return impossible(batch, i)
  const value = batch.time[i]
  return { field: 'time', rule: 'too-fine', words: 'expected whole milliseconds', value }
}

/** Milliseconds of the last time that a Date can be, and from 2000 to PostgreSQL's infinity. */
const LAST_DATE = 8.64e15
const ENDLESS = 9.223_372_036e15

function timeWords(ms: number): string {
  if (Math.abs(ms) <= LAST_DATE) return formatTime(Math.floor(ms))
  return Math.abs(ms - EPOCH_2000) < ENDLESS ? `${ms} ms` : ms < 0 ? '-infinity' : 'infinity'
}

/** `NVDA 1m 2025-07-30T13:30:00Z`; what is no name is quoted. */
function rowWords(reader: FieldReader): string {
  const [symbol, interval] = [reader.text(), reader.text()]
  const word = (text: string | null) =>
    text !== null && SYMBOL.test(text.toUpperCase()) ? text : quote(text)
  return `${word(symbol)} ${word(interval)} ${timeWords(reader.time())}`
}

/** No name is longer; of a longer one the beginning tells enough. */
const LONGEST_TEXT = 100

class FieldReader {
  readonly #bytes: Buffer
  #at: number
  /** Whether the number that was read last is a NaN, and not a null. */
  isNaN = false

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  text(): string | null {
    const length = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    if (length < 0) return null
    const text = this.#bytes.toString('utf8', this.#at, this.#at + Math.min(length, LONGEST_TEXT))
    this.#at += length
    return text
  }

  /** NaN for null. */
  float(): number {
    const length = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    this.isNaN = false
    if (length < 0) return Number.NaN
    if (length !== 8) throw wrong(NOT_ROWS)
    const value = this.#bytes.readDoubleBE(this.#at)
    this.#at += 8
    this.isNaN = Number.isNaN(value)
    return value
  }

  time(): number {
    if (this.#bytes.readInt32BE(this.#at) !== 8) throw wrong(NOT_ROWS)
    const high = this.#bytes.readInt32BE(this.#at + 4)
    const low = this.#bytes.readUInt32BE(this.#at + 8)
    this.#at += 12
    return (high * TWO_32 + low) / 1000 + EPOCH_2000
  }
}
