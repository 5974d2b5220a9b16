/**
 * Numbers as text in byte buffers, exactly as JavaScript prints and JSON.parse reads them, for the two shapes market data
 * has: integers and short decimals. Anything else goes the general way.
 */

const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)
const LIMIT = 1e15
/** Below it whole numbers are exact, and one that is not below it does not come out below it. */
const LARGEST = 2 ** 53

/**
 * Writes `value` at `at` and returns the end. A decimal of at most 15 significant digits has one shortest spelling, so
 * where value = n / 10^4 with n < 1e15 the digits of n without trailing zeros are what JavaScript prints.
 */
export function writeNumber(buffer: Buffer, at: number, value: number): number {
  if (value >= 0 && value < LIMIT && !Object.is(value, -0)) {
    if (Number.isInteger(value)) return writeInteger(buffer, at, value)
    if (value >= 1e-4 && value < 1e11) {
      const scaled = Math.round(value * 1e4)
      if (scaled / 1e4 === value) return writeScaled(buffer, at, scaled)
    }
  }
  return at + buffer.write(String(value), at, 'latin1')
}

/**
 * Writes a whole number from 0 to 2^53 - 1 in decimal at `at`; returns the end. The buffer has room for 16 bytes.
 */
export function writeInteger(buffer: Buffer, at: number, value: number): number {
  let digits = 1
  while (digits < 16 && value >= POWERS[digits]!) digits++
  const end = at + digits
  let rest = value
  let i = end
  // Above 2^31 the remainder operator is slow; split once.
  while (rest >= 0x7fffffff) {
    const tens = Math.floor(rest / 10)
    buffer[--i] = 48 + (rest - tens * 10)
    rest = tens
  }
  let small = rest | 0
  do {
    const tens = (small / 10) | 0
    buffer[--i] = 48 + (small - tens * 10)
    small = tens
  } while (i > at)
  return end
}

function writeScaled(buffer: Buffer, at: number, scaled: number): number {
  const whole = Math.floor(scaled / 1e4)
  let fraction = (scaled - whole * 1e4) | 0
  let end = writeInteger(buffer, at, whole)
  buffer[end++] = 0x2e
  for (let unit = 1000; fraction > 0; unit = (unit / 10) | 0) {
    const digit = (fraction / unit) | 0
    buffer[end++] = 48 + digit
    fraction -= digit * unit
  }
  return end
}

/** Result of readNumber: the value and where it ended. One object, reused, so that reading allocates nothing. */
export const scanned = { value: 0, end: 0 }

/**
 * Reads a plain non-negative JSON number of at most 15 digits, or 16 below 2^53, at `at` into `scanned`; false for anything else (sign,
 * exponent, leading zero, more digits). `point` is the byte of the decimal mark. Both n < 2^53 and 10^k for k <= 22 are exact, so n / 10^k is correctly rounded
 * (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
 */
export function readNumber(bytes: Buffer, at: number, point = 0x2e): boolean {
  let i = at
  let value = 0
  let c = bytes[i]!
  if (c === 48) {
    c = bytes[++i]!
    if (c >= 48 && c <= 57) return false
  } else {
    while (c >= 48 && c <= 57) {
      value = value * 10 + (c - 48)
      c = bytes[++i]!
    }
  }
  let digits = i - at
  if (digits === 0) return false
  if (c === point) {
    const mark = i
    c = bytes[++i]!
    while (c >= 48 && c <= 57) {
      value = value * 10 + (c - 48)
      c = bytes[++i]!
    }
    const decimals = i - mark - 1
    digits += decimals
    if (decimals === 0 || digits > 16 || value >= LARGEST) return false
    value /= POWERS[decimals]!
  } else if (digits > 16 || value >= LARGEST) return false
  if (c === 0x65 || c === 0x45) return false
  scanned.value = value
  scanned.end = i
  return true
}

const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30

/** Where a JSON number (RFC 8259, section 6) that begins at `at` ends; -1 where none stands. `view` is of the same bytes. */
export function numberEnd(bytes: Uint8Array, view: DataView, at: number): number {
  const whole = bytes[at] === MINUS ? at + 1 : at
  let i = afterDigits(bytes, view, whole)
  if (i === whole || (bytes[whole] === ZERO && i > whole + 1)) return -1
  if (bytes[i] === POINT) {
    const part = i + 1
    i = afterDigits(bytes, view, part)
    if (i === part) return -1
  }
  if (bytes[i] === 0x65 || bytes[i] === 0x45) {
    const power = bytes[i + 1] === MINUS || bytes[i + 1] === PLUS ? i + 2 : i + 1
    i = afterDigits(bytes, view, power)
    if (i === power) return -1
  }
  return i
}

/**
 * Four at a time: a byte is a digit where its upper half is 3 and stays so when 6 is added. A carry out of a byte comes from one
 * that is none, so it hides nothing.
 */
function afterDigits(bytes: Uint8Array, view: DataView, at: number): number {
  const last = bytes.length - 4
  let i = at
  while (i <= last) {
    const four = view.getInt32(i, true)
    if (((four & 0xf0f0f0f0) ^ 0x30303030) !== 0) break
    if ((((four + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030) !== 0) break
    i += 4
  }
  while (bytes[i]! >= ZERO && bytes[i]! <= 0x39) i++
  return i
}
