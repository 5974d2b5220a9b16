/**
 * PostgreSQL's binary COPY format (manual, COPY, "Binary Format") for bars: rows to bytes and back. Binary, because float8
 * travels as it is and nothing is printed or parsed.
 */
import { badData } from '../base/errors.js'
import { quote } from '../base/words.js'
import { ADJUSTMENTS, type BarBatch, INTERVALS, MISSING_CODE, SESSIONS, SYMBOL } from '../market/bar.js'
import { BAR_FIELDS, SOURCE } from '../market/fields.js'

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

/** Turns a binary COPY stream back into batches. Feed it chunks; it keeps what is cut off at their ends. */
export class RowDecoder {
  readonly #batch: BarBatch
  #rest: Buffer = Buffer.alloc(0)
  #started = false
  #ended = false
  /** Names that were looked at, by their ids: another system may have put anything there. */
  readonly #symbols: boolean[] = []
  readonly #sources: boolean[] = [true]

  constructor(batch: BarBatch) {
    this.#batch = batch
  }

  /** Decodes what is complete in `chunk`; call again with an empty one after each full batch. True: the batch is full. */
  push(chunk: Buffer): boolean {
    const bytes =
      this.#rest.length === 0 ? chunk : chunk.length === 0 ? this.#rest : Buffer.concat([this.#rest, chunk])
    let p = 0
    if (!this.#started) {
      if (bytes.length < SIGNATURE.length) {
        this.#rest = bytes
        return false
      }
      p = SIGNATURE.length
      this.#started = true
    }
    const batch = this.#batch
    while (!this.#ended && batch.length < batch.capacity) {
      const end = this.#row(bytes, p)
      if (end < 0) break
      p = end
    }
    this.#rest = bytes.subarray(p)
    return batch.length === batch.capacity
  }

  /** End of the row at `at`, or -1 when it is not all there. */
  #row(bytes: Buffer, at: number): number {
    if (at + 2 > bytes.length) return -1
    if (bytes.readInt16BE(at) === -1) {
      this.#ended = true
      return at + 2
    }
    let p = at + 2
    for (let k = 0; k < FIELDS; k++) {
      if (p + 4 > bytes.length) return -1
      p += 4 + Math.max(0, bytes.readInt32BE(p))
    }
    if (p > bytes.length) return -1
    const batch = this.#batch
    const i = batch.length++
    const reader = new FieldReader(bytes, at + 2)
    batch.symbol[i] = this.#name(reader.text(), 'symbol')
    batch.interval[i] = reader.known(INTERVALS, 'interval') ?? MISSING_CODE
    batch.time[i] = reader.time()
    for (const column of NUMBERS) batch[column][i] = reader.float(column)
    batch.adjusted[i] = reader.known(ADJUSTMENTS, 'adjusted') ?? MISSING_CODE
    batch.session[i] = reader.known(SESSIONS, 'session') ?? MISSING_CODE
    batch.source[i] = this.#name(reader.text(), 'source')
    batch.line[i] = 0
    return p
  }

  #name(text: string | null, column: 'symbol' | 'source'): number {
    const id = this.#batch.names.id(text)
    const seen = column === 'symbol' ? this.#symbols : this.#sources
    seen[id] ??= checkedName(text, column)
    return id
  }
}

const NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const

function checkedName(text: string | null, column: 'symbol' | 'source'): true {
  if (text !== null && (column === 'symbol' ? SYMBOL : SOURCE).test(text)) return true
  const expected =
    column === 'symbol' ? 'capital letters, digits, dots and dashes' : 'a short name without blanks'
  throw badData(`market_data.${column} holds ${quote(text)}, expected ${expected}`)
}

class FieldReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  text(): string | null {
    const length = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    if (length < 0) return null
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length)
    this.#at += length
    return text
  }

  /** NaN for null; a NaN that stands in the table is no null. */
  float(column: string): number {
    const length = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    if (length < 0) return Number.NaN
    const value = this.#bytes.readDoubleBE(this.#at)
    this.#at += 8
    if (Number.isNaN(value)) throw badData(`market_data.${column} holds NaN, expected a number`)
    return value
  }

  time(): number {
    const high = this.#bytes.readInt32BE(this.#at + 4)
    const low = this.#bytes.readUInt32BE(this.#at + 8)
    this.#at += 12
    return (high * TWO_32 + low) / 1000 + EPOCH_2000
  }

  /** The place of a word in the list, null for null. Another system may have put words of its own into the table. */
  known(words: readonly string[], column: string): number | null {
    const text = this.text()
    if (text === null) return null
    const code = words.indexOf(text)
    if (code >= 0) return code
    throw badData(`market_data.${column} holds ${quote(text)}, expected one of ${words.join(', ')}`)
  }
}
