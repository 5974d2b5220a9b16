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

/** Reads line after line of one run; what it has read is in its fields until the next one. */
export class EquityScanner {
  /** Epoch milliseconds. */
  time = 0
  /** Dollars. */
  equity = 0
  /** Signed shares, and dollars a share, by symbol. */
  readonly positions: number[]
  readonly marks: number[]
  readonly #run: Buffer
  /** What stands before each position and each mark. */
  readonly #positionKeys: readonly Buffer[]
  readonly #markKeys: readonly Buffer[]
  #date: Buffer = Buffer.alloc(10)
  #dayMs = 0
  #value = 0
  #end = 0

  constructor(run: string, symbols: readonly string[]) {
    const keys = (name: string): Buffer[] =>
      symbols.map((symbol, k) => Buffer.from(`${k === 0 ? name : ','}${JSON.stringify(symbol)}:`))
    this.positions = symbols.map(() => 0)
    this.marks = symbols.map(() => 0)
    this.#run = Buffer.from(`","run":${JSON.stringify(run)},"cash":`)
    this.#positionKeys = keys(',"positions":{')
    this.#markKeys = keys('},"marks":{')
  }

  /** The end of such a line at `from`, where its line feed stands; -1 where there is none. */
  take(bytes: Buffer, from: number): number {
    if (!startsWith(bytes, from, HEAD)) return -1
    const isKnown =
      this.#takeTime(bytes, from + HEAD.length) &&
      this.#skip(bytes, from + HEAD.length + TIME_LENGTH, this.#run) &&
      this.#takeEach(bytes, this.#positionKeys, this.positions) &&
      this.#takeEach(bytes, this.#markKeys, this.marks) &&
      this.#take(bytes, EQUITY)
    if (!isKnown) return -1
    this.equity = this.#value
    // All of these follow from the equity.
    for (const key of FOLLOWS) if (!this.#skip(bytes, this.#end, key)) return -1
    return bytes[this.#end] === 0x7d && bytes[this.#end + 1] === 0x0a ? this.#end + 1 : -1
  }

  #takeEach(bytes: Buffer, keys: readonly Buffer[], values: number[]): boolean {
    for (let k = 0; k < keys.length; k++) {
      if (!this.#take(bytes, keys[k]!)) return false
      values[k] = this.#value
    }
    return true
  }

  /** A key where the last number ended, and a number. */
  #take(bytes: Buffer, key: Buffer): boolean {
    const from = this.#end
    if (!startsWith(bytes, from, key)) return false
    const at = from + key.length
    if (readNumber(bytes, at)) {
      this.#value = scanned.value
      this.#end = scanned.end
      return true
    }
    if (!this.#pass(bytes, at)) return false
    this.#value = Number(bytes.toString('latin1', at, this.#end))
    return Number.isFinite(this.#value)
  }

  /** The same for a number that is of no use. */
  #skip(bytes: Buffer, at: number, key: Buffer): boolean {
    return startsWith(bytes, at, key) && this.#pass(bytes, at + key.length)
  }

  /** Goes to the end of a JSON number (RFC 8259, section 6). */
  #pass(bytes: Buffer, at: number): boolean {
    const whole = bytes[at] === MINUS ? at + 1 : at
    let i = afterDigits(bytes, whole)
    if (i === whole || (bytes[whole] === ZERO && i > whole + 1)) return false
    if (bytes[i] === POINT) {
      const part = i + 1
      i = afterDigits(bytes, part)
      if (i === part) return false
    }
    if (bytes[i] === 0x65 || bytes[i] === 0x45) {
      const power = bytes[i + 1] === MINUS || bytes[i + 1] === PLUS ? i + 2 : i + 1
      i = afterDigits(bytes, power)
      if (i === power) return false
    }
    this.#end = i
    return true
  }

  #takeTime(bytes: Buffer, at: number): boolean {
    if (!startsWith(bytes, at, this.#date)) {
      const date = bytes.toString('latin1', at, at + 10)
      const day = parseDate(date)
      if (day === null) return false
      this.#date = Buffer.from(date, 'latin1')
      this.#dayMs = day * DAY
    }
    const hour = two(bytes, at + 11)
    const minute = two(bytes, at + 14)
    const second = two(bytes, at + 17)
    const isClock =
      bytes[at + 10] === 0x54 && bytes[at + 13] === 0x3a && bytes[at + 16] === 0x3a && bytes[at + 19] === 0x5a
    if (!isClock || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
      return false
    this.time = this.#dayMs + ((hour * 60 + minute) * 60 + second) * 1000
    return true
  }
}

const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30

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
