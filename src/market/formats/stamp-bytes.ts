/** `2025-07-30T13:30:00Z` straight from bytes: the one form that jules writes, for the paths that see every row. */
import { DAY, daysFromCivil, daysInMonth } from '../../base/time.js'

export const STAMP_BYTES = 20

/** Reads stamps; the date of the last one is kept, as rows come day by day. */
export class StampReader {
  #dateKey = -1
  #dateMs = 0

  /** Epoch milliseconds of exactly that form at `p`; -1 for anything else. */
  read(b: Buffer, p: number): number {
    if (b[p + 10] !== 0x54 || b[p + 13] !== 0x3a || b[p + 16] !== 0x3a || b[p + 19] !== 0x5a) return -1
    const hour = twoDigits(b, p + 11)
    const minute = twoDigits(b, p + 14)
    const second = twoDigits(b, p + 17)
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1
    if (b[p + 4] !== 0x2d || b[p + 7] !== 0x2d) return -1
    const century = twoDigits(b, p)
    const rest = twoDigits(b, p + 2)
    const month = twoDigits(b, p + 5)
    const day = twoDigits(b, p + 8)
    if (century < 0 || rest < 0 || month < 1 || month > 12 || day < 1) return -1
    const key = ((century * 100 + rest) * 16 + month) * 32 + day
    if (key !== this.#dateKey) {
      const year = century * 100 + rest
      if (day > daysInMonth(year, month)) return -1
      this.#dateKey = key
      this.#dateMs = daysFromCivil(year, month, day) * DAY
    }
    return this.#dateMs + ((hour * 60 + minute) * 60 + second) * 1000
  }
}

/** The number of two digits at `at`; -1 where they are none. */
export function twoDigits(bytes: Buffer, at: number): number {
  const tens = bytes[at]! - 48
  const ones = bytes[at + 1]! - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1
}
