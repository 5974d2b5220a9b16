/**
 * Time, equity and drawdown of an equity record, from its bytes: a run of a million bars is a third of a gigabyte of JSON, of
 * which a curve needs three numbers a line. Only lines exactly as jules writes them are read here; any other goes through JSON.
 */
import { daysFromCivil } from '../base/time.js'

/** Overwritten by each line. */
export interface EquityPoint {
  ms: number
  equity: number
  drawdown: number
}

const HEAD = Buffer.from('{"type":"equity","time":"')
const TOTAL = Buffer.from(',"pnl_total":')
const DRAWDOWN = Buffer.from(',"drawdown":')
const DAY_PNL = Buffer.from(',"pnl_day":')
const EQUITY = Buffer.from(',"equity":')
/** `2025-07-30T13:32:00Z"` */
const STAMP = 21

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const BRACE = 0x7d

const DATE = 10
const day = Buffer.alloc(DATE)
let dayMs = 0

/**
 * Whether the line is one of a run, whose keys after the time are `beginning`; then its numbers are in `into`, to the 15 digits
 * that a curve needs.
 */
export function readEquity(
  bytes: Buffer,
  from: number,
  to: number,
  beginning: Buffer,
  into: EquityPoint,
): boolean {
  const stamp = from + HEAD.length
  if (to - from < 120 || bytes[to - 1] !== BRACE || !isAt(bytes, from, HEAD)) return false
  if (bytes[stamp + STAMP - 1] !== QUOTE || bytes[stamp + STAMP - 2] !== 0x5a) return false
  if (!isAt(bytes, stamp + STAMP, beginning)) return false
  const ms = stampMs(bytes, stamp)
  let end = to - 1
  const drawdown = valueBefore(bytes, from, end, DRAWDOWN)
  if (drawdown < 0) return false
  end = drawdown
  const total = valueBefore(bytes, from, end, TOTAL)
  const pnl = total < 0 ? -1 : valueBefore(bytes, from, total, DAY_PNL)
  const equity = pnl < 0 ? -1 : valueBefore(bytes, from, pnl, EQUITY)
  if (equity < 0) return false
  into.ms = ms
  into.equity = number(bytes, equity + EQUITY.length, pnl)
  into.drawdown = number(bytes, end + DRAWDOWN.length, to - 1)
  return Number.isFinite(ms) && Number.isFinite(into.equity) && Number.isFinite(into.drawdown)
}

/** Where the key stands whose value ends at `end`; -1 where the one before is another. */
function valueBefore(bytes: Buffer, from: number, end: number, key: Buffer): number {
  let at = end - 1
  while (at > from && bytes[at] !== COMMA) at--
  return isAt(bytes, at, key) ? at : -1
}

function isAt(bytes: Buffer, at: number, words: Buffer): boolean {
  for (let i = 0; i < words.length; i++) if (bytes[at + i] !== words[i]) return false
  return true
}

const digits = (bytes: Buffer, at: number, count: number): number => {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i]! - ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** Lines of one day follow each other. */
function stampMs(bytes: Buffer, at: number): number {
  if (!isAt(bytes, at, day)) {
    bytes.copy(day, 0, at, at + DATE)
    dayMs =
      daysFromCivil(digits(bytes, at, 4), digits(bytes, at + 5, 2), digits(bytes, at + 8, 2)) * 86_400_000
  }
  const seconds =
    digits(bytes, at + 11, 2) * 3600 + digits(bytes, at + 14, 2) * 60 + digits(bytes, at + 17, 2)
  return dayMs + seconds * 1000
}

/** A decimal; one with an exponent goes through JSON's own rules. */
function number(bytes: Buffer, from: number, to: number): number {
  let at = from
  const isNegative = bytes[at] === MINUS
  if (isNegative) at++
  let value = 0
  let scale = 0
  for (; at < to; at++) {
    const c = bytes[at]!
    if (c === DOT) {
      if (scale !== 0) return Number.NaN
      scale = 1
      continue
    }
    const digit = c - ZERO
    if (digit < 0 || digit > 9) return Number(bytes.toString('latin1', from, to))
    value = value * 10 + digit
    scale *= 10
  }
  if (scale > 1) value /= scale
  return isNegative ? -value : value
}
