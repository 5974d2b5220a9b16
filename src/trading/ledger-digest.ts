/**
 * One hash of what happened in a run. It is made of the columns of the ledger and not of its records, which take longer to write
 * than the run itself; whatever stands in the records follows from these, and the name of the run is in neither.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Market } from '../market/market.js'
import type { Ledger } from './ledger.js'

/** The first word of what is hashed: another order of columns has another one. */
const FORM = 'jules-ledger/1'

/**
 * SHA-256 of a ledger on its bars, as 64 hexadecimal digits. Hashed are, one after the other, the JSON of [FORM, symbols, rows,
 * events]; a row for each decision, in columns of float64: start of the bar it is marked at (Unix time in milliseconds), cash,
 * equity (dollars), and the signed shares of each symbol; then a row for each order, fill and risk event, in columns: its decision
 * (int32), 0 order, 1 fill, 2 risk (uint8), 0 or 1 for the symbol, 2 for the account (uint8), and its four numbers (float64) row
 * by row. Numbers are little-endian, without negative zero, and of one NaN. Two runs have the same hash where they have the same
 * records, but for names.
 */
export function ledgerDigest(ledger: Ledger, market: Market): string {
  const { first, length, events } = ledger
  const hash = createHash('sha256')
  hash.update(JSON.stringify([FORM, market.traded, length, events.length]))
  hashNumbers(hash, market.time.subarray(first + 1, first + 1 + length))
  hashNumbers(hash, ledger.cash.subarray(0, length))
  hashNumbers(hash, ledger.equity.subarray(0, length))
  for (const k of market.traded.keys()) hashNumbers(hash, ledger.position[k]!.subarray(0, length))
  const { step, kind, symbol, numbers } = events
  hash.update(new Uint8Array(step.buffer, step.byteOffset, step.BYTES_PER_ELEMENT * events.length))
  hash.update(kind.subarray(0, events.length))
  hash.update(symbol.subarray(0, events.length))
  hashNumbers(hash, numbers.subarray(0, (numbers.length / step.length) * events.length))
  return hash.digest('hex')
}

const BLOCK = 8192
const NAN_BITS = 0x7ff8_0000_0000_0000n

/** A sum may end at either zero, and a processor has a NaN of its own: the records show neither. */
function hashNumbers(hash: Hash, values: Float64Array): void {
  const block = new Float64Array(Math.min(BLOCK, values.length))
  const bits = new BigUint64Array(block.buffer)
  for (let from = 0; from < values.length; from += BLOCK) {
    const n = Math.min(BLOCK, values.length - from)
    for (let i = 0; i < n; i++) {
      const value = values[from + i]! + 0
      block[i] = value
      if (Number.isNaN(value)) bits[i] = NAN_BITS
    }
    hash.update(new Uint8Array(block.buffer, 0, 8 * n))
  }
}
