/**
 * The equity records of a long run, read where they lie: a million of them are a quarter of a gigabyte. A line that is written in any
 * other way than `RecordWriter` writes it, or that is of another run, is not taken here: whoever calls reads it as JSON.
 */
import { DAY, parseDate } from '../base/time.js'
import { readNumber, scanned } from '../stream/decimal.js'

const HEAD = Buffer.from('{"type":"equity","time":"')
const TIME_LENGTH = '2025-07-30T13:30:00Z'.length
const EQUITY = Buffer.from('},"equity":')
const FOLLOWS = [',"pnl_day":', ',"pnl_total":', ',"drawdown":'].map((key) => Buffer.from(key))

const NOTHING = Buffer.alloc(0)

/** Reads line after line of one run; what it has read is in its fields until the next one. */
export class EquityScanner {
  /** Epoch milliseconds. */
  time = 0
  /** Dollars. */
  equity = 0
  /** Signed shares, and dollars a share, by symbol. */
  readonly positions: Float64Array
  readonly marks: Float64Array
  readonly #run: Buffer
  /** What stands before each position and each mark. */
  readonly #positionKeys: readonly Buffer[]
  readonly #markKeys: readonly Buffer[]
  /** What stood between time and marks of the last line. */
  #account: Buffer = NOTHING
  #date: Buffer = Buffer.alloc(10)
  #dayMs = 0

  constructor(run: string, symbols: readonly string[]) {
    const keys = (name: string): Buffer[] =>
      symbols.map((symbol, k) => Buffer.from(`${k === 0 ? name : ','}${JSON.stringify(symbol)}:`))
    this.positions = new Float64Array(symbols.length)
    this.marks = new Float64Array(symbols.length)
    this.#run = Buffer.from(`","run":${JSON.stringify(run)},"cash":`)
    this.#positionKeys = keys(',"positions":{')
    this.#markKeys = keys('},"marks":{')
  }

  /** The end of such a line at `from`, where its line feed stands; -1 where there is none. */
  take(bytes: Buffer, from: number): number {
    if (!startsWith(bytes, from, HEAD)) return -1
    const time = this.#timeAt(bytes, from + HEAD.length)
    if (time < 0) return -1
    let at = this.#accountAt(bytes, from + HEAD.length + TIME_LENGTH)
    for (let k = 0; k < this.#markKeys.length; k++) at = read(bytes, at, this.#markKeys[k]!, this.marks, k)
    at = read(bytes, at, EQUITY, number, 0)
    // All of these follow from the equity.
    for (let k = 0; k < FOLLOWS.length; k++) at = passed(bytes, at, FOLLOWS[k]!)
    if (at < 0 || bytes[at] !== 0x7d || bytes[at + 1] !== 0x0a) return -1
    this.time = time
    this.equity = number[0]!
    return at + 1
  }

  /** Cash and positions, of which most lines have those of the line before. */
  #accountAt(bytes: Buffer, from: number): number {
    const { length } = this.#account
    const to = from + length
    if (length > 0 && to <= bytes.length && bytes.compare(this.#account, 0, length, from, to) === 0) return to
    let at = passed(bytes, from, this.#run)
    for (let k = 0; k < this.#positionKeys.length; k++)
      at = read(bytes, at, this.#positionKeys[k]!, this.positions, k)
    this.#account = at < 0 ? NOTHING : Buffer.from(bytes.subarray(from, at))
    return at
  }

  /** -1 where no time stands; those before 1970 are left to JSON too. */
  #timeAt(bytes: Buffer, at: number): number {
    if (!startsWith(bytes, at, this.#date)) {
      const date = bytes.toString('latin1', at, at + 10)
      const day = parseDate(date)
      if (day === null) return -1
      this.#date = Buffer.from(date, 'latin1')
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
function read(bytes: Buffer, at: number, key: Buffer, into: Float64Array, k: number): number {
  if (at < 0 || !startsWith(bytes, at, key)) return -1
  const from = at + key.length
  if (readNumber(bytes, from)) {
    into[k] = scanned.value
    return scanned.end
  }
  const end = numberEnd(bytes, from)
  if (end < 0) return -1
  const value = Number(bytes.toString('latin1', from, end))
  into[k] = value
  return Number.isFinite(value) ? end : -1
}

/** The same for a number that is of no use. */
function passed(bytes: Buffer, at: number, key: Buffer): number {
  return at < 0 || !startsWith(bytes, at, key) ? -1 : numberEnd(bytes, at + key.length)
}

const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30

/** Where a JSON number (RFC 8259, section 6) ends; -1 where none stands. */
function numberEnd(bytes: Buffer, at: number): number {
  const whole = bytes[at] === MINUS ? at + 1 : at
  let i = afterDigits(bytes, whole)
  if (i === whole || (bytes[whole] === ZERO && i > whole + 1)) return -1
  if (bytes[i] === POINT) {
    const part = i + 1
    i = afterDigits(bytes, part)
    if (i === part) return -1
  }
  if (bytes[i] === 0x65 || bytes[i] === 0x45) {
    const power = bytes[i + 1] === MINUS || bytes[i + 1] === PLUS ? i + 2 : i + 1
    i = afterDigits(bytes, power)
    if (i === power) return -1
  }
  return i
}

function afterDigits(bytes: Buffer, at: number): number {
  let i = at
  while (bytes[i]! >= ZERO && bytes[i]! <= 0x39) i++
  return i
}

function startsWith(bytes: Buffer, at: number, start: Buffer): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[at + i] !== start[i]) return false
  return true
}

/** Two digits as a number, -1 where they are none. */
function two(bytes: Buffer, at: number): number {
  const tens = bytes[at]! - ZERO
  const ones = bytes[at + 1]! - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : -1
}
