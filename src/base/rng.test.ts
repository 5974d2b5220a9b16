import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { normalQuantile } from './normal.js'
import { murmur128, Rng, stream } from './rng.js'

const take = (n: number, draw: () => number): number[] => Array.from({ length: n }, draw)

test('xoshiro128** 1.1 gives the outputs of the reference implementation from state 1 2 3 4', () => {
  const rng = new Rng({ words: [1, 2, 3, 4] })
  expect(take(10, () => rng.uint32())).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ])
})

test('the key hash passes the verification of SMHasher for MurmurHash3_x86_128', () => {
  // Keys {}, {0}, {0,1}, ... with seeds 256 - length; the hash of all hashes starts with 0xB3ECE62A.
  const key = new Uint8Array(256)
  const digests = new Uint8Array(16 * 256)
  const view = new DataView(digests.buffer)
  for (let n = 0; n < 256; n++) {
    key[n] = n
    murmur128(key.subarray(0, n), 256 - n).forEach((word, lane) => {
      view.setUint32(16 * n + 4 * lane, word, true)
    })
  }
  expect(murmur128(digests, 0)[0]).toBe(0xb3ece62a)
})

describe('streams', () => {
  test('equal names give equal draws', () => {
    const [a, b] = [stream(7, 'NVDA', 20_000), stream(7, 'NVDA', 20_000)]
    expect(take(100, () => a.uint32())).toEqual(take(100, () => b.uint32()))
  })

  test('names that look alike give other draws', () => {
    const names: (string | number)[][] = [
      [],
      ['a'],
      ['b'],
      ['a', 'b'],
      ['ab'],
      ['1'],
      [1],
      ['a', ''],
      ['', 'a'],
      ['a2:$b'],
    ]
    const first = [...names.map((name) => stream(1, ...name)), stream(2), stream(2, 'a'), stream(1.5)]
    expect(new Set(first.map((rng) => rng.state.words.join())).size).toBe(first.length)
  })

  test('streams of neighbouring names are uncorrelated', () => {
    // Standard error of a correlation of 20,000 pairs: 0.0071.
    const [a, b] = [stream(1, 'x', 1), stream(1, 'x', 2)]
    let sum = 0
    for (let i = 0; i < 20_000; i++) sum += a.normal() * b.normal()
    expect(Math.abs(sum / 20_000)).toBeLessThan(4 * 0.0071)
  })

  test('100,000 names start from 100,000 states', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 100_000; i++) seen.add(stream(1, 'symbol', i).state.words.join())
    expect(seen.size).toBe(100_000)
  })
})

test('a stored state continues bit for bit', () => {
  const rng = stream(3, 'resume')
  take(1001, () => rng.normal())
  const copy = new Rng(JSON.parse(JSON.stringify(rng.state)))
  expect(take(1000, () => copy.normal())).toEqual(take(1000, () => rng.normal()))
})

describe('uniforms', () => {
  test('the extreme words give neither 0 nor 1', () => {
    class Fixed extends Rng {
      readonly #word: number
      constructor(word: number) {
        super({ words: [1, 2, 3, 4] })
        this.#word = word
      }
      override uint32(): number {
        return this.#word
      }
    }
    expect(new Fixed(0).uniform()).toBe(2 ** -53)
    expect(new Fixed(4_294_967_295).uniform()).toBe(1 - 2 ** -53)
    expect(new Fixed(0).uniform32()).toBe(2 ** -33)
    expect(new Fixed(4_294_967_295).uniform32()).toBe(1 - 2 ** -33)
  })

  test('int is uniform for a size that does not divide 2^32', () => {
    const rng = stream(1, 'int')
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 70_000; i++) counts[rng.int(7)]!++
    // Chi square with 6 degrees of freedom: 22.5 is the 0.999 quantile.
    const chi = counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
    expect(chi).toBeLessThan(22.5)
    // With 3 * 2^30 the words of the last quarter are drawn again; half of what is left lies below the middle.
    let below = 0
    for (let i = 0; i < 40_000; i++) if (rng.int(3_221_225_472) < 1_610_612_736) below++
    expect(Math.abs(below - 20_000)).toBeLessThan(4 * 100)
    expect(rng.int(1)).toBe(0)
    for (const n of [0, -1, 1.5, 4_294_967_297, Number.NaN]) expect(() => rng.int(n)).toThrow(RangeError)
  })
})

describe('the normal quantile', () => {
  // 70-digit decimal arithmetic: Newton steps on the power series of the normal distribution.
  const known: [number, number][] = [
    [0.500000001, 2.5066282037387115e-9],
    [0.51, 0.025068908258711057],
    [0.7, 0.5244005127080407],
    [0.9249, 1.4388253927525403],
    [0.925, 1.4395314709384561],
    [0.9251, 1.440238267527964],
    [0.975, 1.9599639845400538],
    [0.999, 3.090232306167813],
    [0.25, -0.6744897501960817],
    [0.075, -1.439531470938456],
    [0.01, -2.326347874040841],
    [1e-6, -4.753424308822899],
    [1e-10, -6.361340902404057],
    [1.3e-11, -6.667611456510741],
    [1e-12, -7.034483825301132],
    [1e-15, -7.941345326170997],
    [1.1102230246251565e-16, -8.209536151601387],
    [0.9999999999999999, 8.209536151601387],
  ]

  test('agrees with 60-digit values to 1e-15 relative', () => {
    for (const [p, z] of known) expect(Math.abs(normalQuantile(p) / z - 1), `p = ${p}`).toBeLessThan(1e-15)
    expect(normalQuantile(0.5)).toBe(0)
  })

  test('a million draws have the moments of a normal', () => {
    const rng = stream(1, 'moments')
    const n = 1_000_000
    let [m1, m2, m3, m4] = [0, 0, 0, 0]
    for (let i = 0; i < n; i++) {
      const z = rng.normal()
      m1 += z
      m2 += z * z
      m3 += z * z * z
      m4 += z * z * z * z
    }
    // Standard errors: sqrt(1, 2, 15, 96) / 1000.
    expect(Math.abs(m1 / n)).toBeLessThan(4 * 0.001)
    expect(Math.abs(m2 / n - 1)).toBeLessThan(4 * 0.001414)
    expect(Math.abs(m3 / n)).toBeLessThan(4 * 0.003873)
    expect(Math.abs(m4 / n - 3)).toBeLessThan(4 * 0.0098)
  })

  test('the bits are pinned, whatever the engine', () => {
    const rng = stream(1, 'pinned')
    const draws = Float64Array.from(take(20_000, () => rng.normal()))
    expect(createHash('sha256').update(new Uint8Array(draws.buffer)).digest('hex')).toMatchInlineSnapshot(
      `"daadb164ce3885b5606fa380140b70caecb1b2bd60ab176dbef7ce5826dbca83"`,
    )
  })
})
