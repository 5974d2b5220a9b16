/**
 * Seeded randomness: xoshiro128** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021) with named
 * streams, so that what one part draws never shifts what another part sees. The state is four words and can be stored.
 */
import { normalQuantile } from './normal.js'

export interface RngState {
  readonly words: readonly [number, number, number, number]
}

const TWO_32 = 4_294_967_296

/**
 * A generator of 32-bit words and what is made of them; the same state gives the same draws on every machine.
 */
export class Rng {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor({ words }: RngState) {
    ;[this.#a, this.#b, this.#c, this.#d] = words.map((word) => word | 0) as [number, number, number, number]
  }

  get state(): RngState {
    return { words: [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0] }
  }

  set state({ words }: RngState) {
    ;[this.#a, this.#b, this.#c, this.#d] = words.map((word) => word | 0) as [number, number, number, number]
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const b5 = Math.imul(this.#b, 5)
    const result = Math.imul((b5 << 7) | (b5 >>> 25), 9) >>> 0
    const t = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= t
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }

  /** Uniform on (0, 1), never 0 nor 1: the centres of 2^52 equal cells, each of them a double. */
  uniform(): number {
    const high = this.uint32() >>> 6
    const low = this.uint32() >>> 6
    return (high * 67_108_864 + low + 0.5) / 4_503_599_627_370_496
  }

  /** Uniform on (0, 1) from a single word: the centres of 2^32 cells. */
  uniform32(): number {
    return (this.uint32() + 0.5) / TWO_32
  }

  /** A whole number in [0, n) for 1 <= n <= 2^32, without bias: words beyond the last whole multiple of n are drawn again. */
  int(n: number): number {
    if (!(n >= 1 && n <= TWO_32 && Number.isInteger(n))) throw new RangeError(`int(${n}): expected 1 to 2^32`)
    const limit = TWO_32 - (TWO_32 % n)
    let word = this.uint32()
    while (word >= limit) word = this.uint32()
    return word % n
  }

  /** Standard normal by inversion: one uniform, one normal. */
  normal(): number {
    return normalQuantile(this.uniform())
  }
}

/**
 * An independent generator for a seed and a name made of parts. Equal arguments give equal streams; different ones start
 * from different 128-bit states, far apart by chance. A number and its text are different parts.
 */
export function stream(seed: number, ...name: readonly (string | number)[]): Rng {
  // Lengths stand before the texts, so that no two names share their bytes.
  const key = [seed, ...name].map((part) => {
    const text = `${typeof part === 'number' ? '#' : '$'}${part}`
    return `${text.length}:${text}`
  })
  const words = murmur128(new TextEncoder().encode(key.join('')), STREAM_SALT)
  // The one state that xoshiro never leaves.
  return new Rng({ words: words.every((word) => word === 0) ? [1, 2, 3, 4] : words })
}

const STREAM_SALT = 0x6a756c65

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** The 32-bit finaliser of MurmurHash3. */
function avalanche(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const MULTIPLIERS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const
const ROTATIONS = [15, 16, 17, 18] as const
const BLOCK_ROTATIONS = [19, 17, 15, 13] as const
const BLOCK_CONSTANTS = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17] as const

/** MurmurHash3_x86_128 (Appleby, 2011) as four words; checked against the verification value of SMHasher. */
export function murmur128(bytes: Uint8Array, seed: number): [number, number, number, number] {
  const h: [number, number, number, number] = [seed, seed, seed, seed]
  const whole = bytes.length - (bytes.length % 16)
  for (let at = 0; at < bytes.length; at += 16) {
    for (let lane = 0; lane < 4; lane++) {
      let k = 0
      for (let i = 3; i >= 0; i--) k = (k << 8) | (bytes[at + 4 * lane + i] ?? 0)
      k = Math.imul(k, MULTIPLIERS[lane]!)
      k = rotate(k, ROTATIONS[lane]!)
      h[lane]! ^= Math.imul(k, MULTIPLIERS[(lane + 1) % 4]!)
      // The last, short block is mixed in no further.
      if (at >= whole) continue
      h[lane] = (rotate(h[lane]!, BLOCK_ROTATIONS[lane]!) + h[(lane + 1) % 4]!) | 0
      h[lane] = (Math.imul(h[lane]!, 5) + BLOCK_CONSTANTS[lane]!) | 0
    }
  }
  for (let lane = 0; lane < 4; lane++) h[lane]! ^= bytes.length
  spread(h)
  for (let lane = 0; lane < 4; lane++) h[lane] = avalanche(h[lane]!)
  spread(h)
  return [h[0] >>> 0, h[1] >>> 0, h[2] >>> 0, h[3] >>> 0]
}

function spread(h: [number, number, number, number]): void {
  h[0] = (h[0] + h[1] + h[2] + h[3]) | 0
  for (let lane = 1; lane < 4; lane++) h[lane] = (h[lane]! + h[0]) | 0
}
