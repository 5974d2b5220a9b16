/**
 * Where none of many byte strings begins: a table of hashes of their first bytes, asked for every place of a text. It says "maybe"
 * for a few places too many and never "no" for one too many, so that a search has to look at little of the text.
 */

/** The hash is of so many bytes at most: each moves it by four bits or more, and after eight it is out of the 32. */
const MOST = 8
/** Shorter strings are told by their first byte alone. */
const LEAST = 4

export interface Beginnings {
  /** How many bytes from a place on are looked at. */
  readonly width: number
  /** The hash after one more byte; only the last `width` bytes count. */
  roll(hash: number, byte: number): number
  /** Whether a string may begin with the `width` bytes of this hash, of which `first` is the first. */
  mayBegin(hash: number, first: number): boolean
}

/** The table for these strings, none of them empty. */
export function beginningsOf(strings: readonly Uint8Array[]): Beginnings {
  const long = strings.filter(({ length }) => length >= LEAST)
  const width = long.reduce((least, { length }) => Math.min(least, length), MOST)
  const shift = Math.ceil(32 / width)
  // At most one place in sixteen is set.
  const bits = Math.min(22, Math.max(10, Math.ceil(Math.log2(16 * (long.length + 1)))))
  const table = new Uint8Array(2 ** (bits - 3))
  const short = new Uint8Array(256)
  const roll = (hash: number, byte: number): number => ((hash << shift) + SPREAD[byte]!) | 0
  for (const bytes of strings) {
    if (bytes.length < LEAST) {
      short[bytes[0]!] = 1
      continue
    }
    let hash = 0
    for (let i = 0; i < width; i++) hash = roll(hash, bytes[i]!)
    const place = hash >>> (32 - bits)
    table[place >> 3]! |= 1 << (place & 7)
  }
  return {
    width,
    roll,
    mayBegin: (hash, first) => {
      const place = hash >>> (32 - bits)
      return ((table[place >> 3]! >> (place & 7)) & 1) === 1 || short[first] === 1
    },
  }
}

/** A number of 32 mixed bits for each byte. */
const SPREAD = Int32Array.from({ length: 256 }, (_, byte) => {
  const mixed = Math.imul((byte + 1) ^ 0x5bd1e995, 0x9e3779b1)
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
})
