/**
 * Argon2id, version 0x13, and BLAKE2b, written from RFC 9106 and RFC 7693 alone: an oracle for the vault that shares no
 * code with the library it uses. Slow, and not for secrets: nothing here takes constant time.
 */
export interface Argon2 {
  readonly password: Uint8Array
  readonly salt: Uint8Array
  /** KiB, passes, lanes. */
  readonly m: number
  readonly t: number
  readonly p: number
  readonly length: number
  readonly secret?: Uint8Array
  readonly associated?: Uint8Array
}

/** Words of 32 bits in a block of 1024 bytes: 128 of 64 bits, the low half first. */
const BLOCK = 256
const SLICES = 4

export function argon2id(input: Argon2): Buffer {
  const { password, salt, m, t, p, length } = input
  const { secret = new Uint8Array(0), associated = new Uint8Array(0) } = input
  const fields = [password, salt, secret, associated].flatMap((field) => [le32(field.length), field])
  const h0 = blake2b(Buffer.concat([...[p, length, m, t, 0x13, 2].map(le32), ...fields]), 64)
  const columns = SLICES * Math.floor(m / (SLICES * p))
  const segment = columns / SLICES
  const memory = new Uint32Array(p * columns * BLOCK)
  const at = (lane: number, column: number) =>
    memory.subarray((lane * columns + column) * BLOCK, (lane * columns + column + 1) * BLOCK)
  for (let lane = 0; lane < p; lane++) {
    for (const column of [0, 1]) {
      const bytes = longHash(Buffer.concat([h0, le32(column), le32(lane)]), 1024)
      at(lane, column).set(new Uint32Array(Uint8Array.from(bytes).buffer))
    }
  }
  const addresses = new Uint32Array(BLOCK)
  const counted = new Uint32Array(BLOCK)
  const zero = new Uint32Array(BLOCK)
  for (let pass = 0; pass < t; pass++) {
    for (let slice = 0; slice < SLICES; slice++) {
      const independent = pass === 0 && slice < 2
      for (let lane = 0; lane < p; lane++) {
        counted.fill(0)
        for (const [i, value] of [pass, lane, slice, p * columns, t, 2].entries()) counted[2 * i] = value
        for (let i = pass === 0 && slice === 0 ? 2 : 0; i < segment; i++) {
          const column = slice * segment + i
          const before = at(lane, (column + columns - 1) % columns)
          let [j1, j2] = [before[0]!, before[1]!]
          if (independent) {
            if (i % 128 === 0 || counted[12] === 0) {
              counted[12]!++
              compress(zero, counted, addresses, false)
              compress(zero, addresses, addresses, false)
            }
            j1 = addresses[2 * (i % 128)]!
            j2 = addresses[2 * (i % 128) + 1]!
          }
          const from = pass === 0 && slice === 0 ? lane : j2 % p
          const done = pass === 0 ? slice * segment : columns - segment
          const area = from === lane ? done + i - 1 : done - (i === 0 ? 1 : 0)
          const distance = area - 1 - high(area, high(j1, j1))
          const start = pass === 0 ? 0 : ((slice + 1) * segment) % columns
          compress(before, at(from, (start + distance) % columns), at(lane, column), pass > 0)
        }
      }
    }
  }
  const last = at(0, columns - 1).slice()
  for (let lane = 1; lane < p; lane++) {
    const block = at(lane, columns - 1)
    for (let k = 0; k < BLOCK; k++) last[k]! ^= block[k]!
  }
  return longHash(Buffer.from(last.buffer), length)
}

/** H' of RFC 9106, section 3.3. */
function longHash(input: Uint8Array, length: number): Buffer {
  const first = Buffer.concat([le32(length), input])
  if (length <= 64) return blake2b(first, length)
  const parts: Buffer[] = []
  let v = blake2b(first, 64)
  let left = length
  while (left > 64) {
    parts.push(v.subarray(0, 32))
    left -= 32
    v = blake2b(v, Math.min(64, left))
  }
  return Buffer.concat([...parts, v])
}

const r = new Uint32Array(BLOCK)
const z = new Uint32Array(BLOCK)

/** The compression function G of section 3.5; `over` adds what stands in `out`. */
function compress(x: Uint32Array, y: Uint32Array, out: Uint32Array, over: boolean): void {
  for (let k = 0; k < BLOCK; k++) r[k] = x[k]! ^ y[k]!
  z.set(r)
  for (let row = 0; row < 8; row++) permute(32 * row, 2, 4)
  for (let column = 0; column < 8; column++) permute(4 * column, 2, 32)
  for (let k = 0; k < BLOCK; k++) out[k] = r[k]! ^ z[k]! ^ (over ? out[k]! : 0)
}

/** P of section 3.6 over the words `first + pair * step + 0 or near`. */
function permute(first: number, near: number, step: number): void {
  const v = (i: number) => first + (i >> 1) * step + (i & 1) * near
  for (let i = 0; i < 4; i++) mix(v(i), v(4 + i), v(8 + i), v(12 + i))
  for (let i = 0; i < 4; i++) mix(v(i), v(4 + ((i + 1) & 3)), v(8 + ((i + 2) & 3)), v(12 + ((i + 3) & 3)))
}

function mix(a: number, b: number, c: number, d: number): void {
  multiplyAdd(a, b)
  rotate(d, a, 32)
  multiplyAdd(c, d)
  rotate(b, c, 24)
  multiplyAdd(a, b)
  rotate(d, a, 16)
  multiplyAdd(c, d)
  rotate(b, c, 63)
}

/** a = a + b + 2 low(a) low(b), modulo 2^64. */
function multiplyAdd(a: number, b: number): void {
  const [al, bl] = [z[a]!, z[b]!]
  const product = Math.imul(al, bl) >>> 0
  const low = al + bl + 2 * product
  z[a] = low
  // `low` is below 2^34: exact.
  z[a + 1] = z[a + 1]! + z[b + 1]! + 2 * high(al, bl) + Math.floor(low / 2 ** 32)
}

/** a = (a xor b) rotated right by `count`. */
function rotate(a: number, b: number, count: number): void {
  const low = z[a]! ^ z[b]!
  const top = z[a + 1]! ^ z[b + 1]!
  if (count === 32) {
    z[a] = top
    z[a + 1] = low
  } else if (count === 63) {
    z[a] = (low << 1) | (top >>> 31)
    z[a + 1] = (top << 1) | (low >>> 31)
  } else {
    z[a] = (low >>> count) | (top << (32 - count))
    z[a + 1] = (top >>> count) | (low << (32 - count))
  }
}

/** The upper half of the product of two numbers below 2^32. */
function high(a: number, b: number): number {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const cross = ah * bl + Math.floor((al * bl) / 2 ** 16)
  return ah * bh + Math.floor((cross + al * bh) / 2 ** 16)
}

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const MASK = (1n << 64n) - 1n
const IV = [
  ...[0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n],
  ...[0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n],
]
const SIGMA = [
  ...['0123456789abcdef', 'ea489fd61c02b753', 'b8c052fdae367194', '7931dcbe265a40f8', '905724afe1bc683d'],
  ...['2c6a0b834d75fe19', 'c51fed4a0763928b', 'db7ec13950f4862a', '6fe9b308c2d714a5', 'a2847615fb9e3cd0'],
]

/** RFC 7693 without a key. Few and short inputs: BigInt will do. */
export function blake2b(input: Uint8Array, length: number): Buffer {
  const h = [...IV]
  h[0]! ^= BigInt(0x01010000 ^ length)
  const blocks = Math.max(1, Math.ceil(input.length / 128))
  for (let block = 0; block < blocks; block++) {
    const bytes = Buffer.alloc(128)
    bytes.set(input.subarray(128 * block, 128 * (block + 1)))
    const last = block === blocks - 1
    const v = [...h, ...IV]
    v[12]! ^= BigInt(last ? input.length : 128 * (block + 1))
    if (last) v[14]! ^= MASK
    for (let round = 0; round < 12; round++) {
      const word = (k: number) => bytes.readBigUInt64LE(8 * Number.parseInt(SIGMA[round % 10]![k]!, 16))
      for (let i = 0; i < 8; i++) {
        const turn = i < 4 ? 0 : 1
        const [a, b, c, d] = [0, 1, 2, 3].map((k) => 4 * k + ((i + k * turn) & 3)) as [
          number,
          number,
          number,
          number,
        ]
        const step = (x: bigint, left: bigint, right: bigint) => {
          v[a] = (v[a]! + v[b]! + x) & MASK
          v[d] = right64(v[d]! ^ v[a]!, left)
          v[c] = (v[c]! + v[d]!) & MASK
          v[b] = right64(v[b]! ^ v[c]!, right)
        }
        step(word(2 * i), 32n, 24n)
        step(word(2 * i + 1), 16n, 63n)
      }
    }
    for (let i = 0; i < 8; i++) h[i]! ^= v[i]! ^ v[i + 8]!
  }
  const out = Buffer.alloc(64)
  for (const [i, value] of h.entries()) out.writeBigUInt64LE(value, 8 * i)
  return out.subarray(0, length)
}

const right64 = (value: bigint, count: bigint): bigint => ((value >> count) | (value << (64n - count))) & MASK
