/**
 * The equity records of a long run, read where they lie: a million of them are a quarter of a gigabyte. A line that is written in any
 * other way than `RecordWriter` writes it, or that is of another run, is not taken here: whoever calls reads it as JSON.
 */
import { DAY, parseDate } from '../base/time.js'
import { numberEnd, readNumber, scanned } from '../stream/decimal.js'
import { FixedText, viewOf } from '../stream/fixed-text.js'

const HEAD = new FixedText('{"type":"equity","time":"')
const TIME_LENGTH = '2025-07-30T13:30:00Z'.length
const EQUITY = new FixedText('},"equity":')
const FOLLOWS = [',"pnl_day":', ',"pnl_total":', ',"drawdown":'].map((key) => new FixedText(key))
const DATE_LENGTH = '2025-07-30'.length

const NOTHING = new FixedText('')
const NO_BYTES = Buffer.alloc(0)

/** Reads line after line of one run; what it has read is in its fields until the next one. */
export class EquityScanner {
  /** Epoch milliseconds. */
  time = 0
  /** Dollars. */
  equity = 0
  /** Signed shares, and dollars a share, by symbol. */
  readonly positions: Float64Array
  readonly marks: Float64Array
  readonly #run: FixedText
  /** What stands before each position and each mark. */
  readonly #positionKeys: readonly FixedText[]
  readonly #markKeys: readonly FixedText[]
  #bytes: Buffer = NO_BYTES
  #view = viewOf(NO_BYTES)
  /** What stood between time and marks of the last line: most lines have the same. */
  #account = NOTHING
  #date = NOTHING
  #dayMs = 0

  constructor(run: string, symbols: readonly string[]) {
    const keys = (name: string): FixedText[] =>
      symbols.map((symbol, k) => new FixedText(`${k === 0 ? name : ','}${JSON.stringify(symbol)}:`))
    this.positions = new Float64Array(symbols.length)
    this.marks = new Float64Array(symbols.length)
    this.#run = new FixedText(`","run":${JSON.stringify(run)},"cash":`)
    this.#positionKeys = keys(',"positions":{')
    this.#markKeys = keys('},"marks":{')
  }

  /** The end of such a line at `from`, where its line feed stands; -1 where there is none. */
  take(bytes: Buffer, from: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = viewOf(bytes)
    }
    const view = this.#view
    if (!HEAD.isAt(bytes, view, from)) return -1
    const time = this.#timeAt(from + HEAD.length)
    if (time < 0) return -1
    let at = this.#accountAt(from + HEAD.length + TIME_LENGTH)
    for (let k = 0; k < this.#markKeys.length; k++)
      at = read(bytes, view, at, this.#markKeys[k]!, this.marks, k)
    at = read(bytes, view, at, EQUITY, number, 0)
    // All of these follow from the equity.
    for (let k = 0; k < FOLLOWS.length; k++) at = passed(bytes, view, at, FOLLOWS[k]!)
    if (at < 0 || bytes[at] !== 0x7d || bytes[at + 1] !== 0x0a) return -1
    this.time = time
    this.equity = number[0]!
    return at + 1
  }

  /** The end of cash and positions; -1 where they are not those of this run. */
  #accountAt(from: number): number {
    const bytes = this.#bytes
    const view = this.#view
    const account = this.#account
    if (account !== NOTHING && account.isAt(bytes, view, from)) return from + account.length
    let at = passed(bytes, view, from, this.#run)
    for (let k = 0; k < this.#positionKeys.length; k++)
      at = read(bytes, view, at, this.#positionKeys[k]!, this.positions, k)
    this.#account = at < 0 ? NOTHING : new FixedText(bytes.subarray(from, at))
    return at
  }

  /** -1 where no time stands; those before 1970 are left to JSON too. */
  #timeAt(at: number): number {
    const bytes = this.#bytes
    if (this.#date === NOTHING || !this.#date.isAt(bytes, this.#view, at)) {
      const date = bytes.subarray(at, at + DATE_LENGTH)
      const day = parseDate(date.toString('latin1'))
      if (day === null) return -1
      this.#date = new FixedText(date)
      this.#dayMs = day * DAY
    }
    const hour = two(bytes, at + 11)
    const minute = two(bytes, at + 14)
    const second = two(bytes, at + 17)
    const isClock =
      bytes[at + 10] === 0x54 && bytes[at + 13] === 0x3a && bytes[at + 16] === 0x3a && bytes[at + 19] === 0x5a
    if (!isClock || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1
    return this.#dayMs + ((hour * 60 + minute) * 60 + second) * 1000
  }
}

const number = new Float64Array(1)

/** Reads a key and the number behind it into `into[k]`; gives where that ends, -1 where it is not so, or was not before. */
function read(
  bytes: Buffer,
  view: DataView,
  at: number,
  key: FixedText,
  into: Float64Array,
  k: number,
): number {
  if (at < 0 || !key.isAt(bytes, view, at)) return -1
  const from = at + key.length
  if (readNumber(bytes, from)) {
    into[k] = scanned.value
    return scanned.end
  }
  const end = numberEnd(bytes, view, from)
  if (end < 0) return -1
  const value = Number(bytes.toString('latin1', from, end))
  into[k] = value
  return Number.isFinite(value) ? end : -1
}

/** The same for a number that is of no use. */
function passed(bytes: Buffer, view: DataView, at: number, key: FixedText): number {
  return at < 0 || !key.isAt(bytes, view, at) ? -1 : numberEnd(bytes, view, at + key.length)
}

const ZERO = 0x30

/** Two digits as a number, -1 where they are none. */
function two(bytes: Buffer, at: number): number {
  const tens = bytes[at]! - ZERO
  const ones = bytes[at + 1]! - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : -1
}
