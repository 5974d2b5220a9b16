import { expect, test } from 'vitest'
import { mockTape, tapeOf } from '../../test/support/sim.js'
import { type Rng, stream } from '../base/rng.js'
import { PART_MS } from '../market/bar.js'
import { Series } from '../market/series.js'
import { cut, Tape } from './tape.js'

const cents = (price: number): number => Math.round(price * 100) / 100

/** A bar of any kind that there is: on the grid of cents or off it, flat, with little volume, much, parts of a share, none known. */
function anyBar(rng: Rng) {
  const isOnGrid = rng.int(3) > 0
  const price = () => (isOnGrid ? cents(1 + 400 * rng.uniform()) : 1e-3 + 400 * rng.uniform())
  const [open, close] = rng.int(4) === 0 ? [10, 10] : [price(), price()]
  const high = rng.int(3) === 0 ? Math.max(open, close) : Math.max(open, close, price())
  const low = rng.int(3) === 0 ? Math.min(open, close) : Math.min(open, close, price())
  const volumes = [
    0,
    0.25,
    1,
    1.5,
    2,
    3,
    7.75,
    100,
    1e6 * rng.uniform(),
    Math.floor(1e9 * rng.uniform()),
    2 ** 53,
    Number.NaN,
  ]
  return { open, high, low, close, volume: volumes[rng.int(volumes.length)]! }
}

/** What parts do not keep of their bar. */
function brokenBy(bar: ReturnType<typeof anyBar>, parts: readonly ReturnType<typeof anyBar>[]): string[] {
  const isOnGrid = [bar.open, bar.high, bar.low, bar.close].every((price) => cents(price) === price)
  const volume = parts.reduce((sum, part) => sum + part.volume, 0)
  const rules: [string, boolean][] = [
    ['open', parts[0]!.open === bar.open],
    ['close', parts.at(-1)!.close === bar.close],
    ['high', Math.max(...parts.map(({ high }) => high)) === bar.high],
    ['low', Math.min(...parts.map(({ low }) => low)) === bar.low],
    ['volume', Object.is(volume, bar.volume)],
    [
      'within',
      parts.every(
        ({ open, high, low, close }) => low <= Math.min(open, close) && high >= Math.max(open, close),
      ),
    ],
    [
      'grid',
      !isOnGrid ||
        parts.every(({ open, high, low, close }) =>
          [open, high, low, close].every((price) => cents(price) === price),
        ),
    ],
    [
      'whole shares',
      parts
        .slice(0, -1)
        .every((part) => Number.isNaN(bar.volume) || (Number.isInteger(part.volume) && part.volume >= 0)),
    ],
    ['text', parts.every((part) => Object.is(Number(String(part.volume)), part.volume))],
  ]
  return rules.filter(([, isKept]) => !isKept).map(([name]) => name)
}

test('parts add up to their bar to the bit', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const rng = stream(seed, 'bar')
    const bar = anyBar(rng)
    const count = [1, 2, 3, 7, 12, 13, 60, 720][rng.int(8)]!
    const parts = cut(bar, count, stream(seed, 'cut'))
    const broken = brokenBy(bar, parts)
    if (broken.length > 0 || parts.length !== count)
      expect.fail(`seed ${seed}: ${broken} of ${JSON.stringify(bar)} in ${count}`)
  }
})

test('a minute has twelve parts, five seconds one; a bar that the close cuts short has fewer', () => {
  const parts = (tape: Tape) => {
    let count = 0
    for (let at = tape.firstMs; at < Number.POSITIVE_INFINITY; at = tape.nextInstant(at))
      count += tape.ended(at).length
    return count
  }
  const symbols = ['NVDA']
  expect(parts(mockTape({ symbols }))).toBe(390 * 12)
  expect(parts(mockTape({ symbols, interval: '5s' }))).toBe(390 * 12)
  // A half day of hours: the last one has half an hour.
  expect(parts(mockTape({ symbols, from: '2024-11-29', interval: '1h' }))).toBe(210 * 12)
  expect(parts(mockTape({ symbols, interval: '1d' }))).toBe(390 * 12)
})

test('where the clock is in a tape', () => {
  const tape = tapeOf({
    NVDA: [
      [10, 12, 9, 11, 100],
      [11, 11, 11, 11, 5],
    ],
    MSFT: [[20, 20, 20, 20, 1]],
  })
  const { firstMs } = tape
  expect([tape.endMs - firstMs, tape.ended(firstMs)]).toEqual([120_000, []])
  expect(tape.ended(firstMs + PART_MS).map(({ symbol, startMs }) => [symbol, startMs - firstMs])).toEqual([
    ['NVDA', 0],
    ['MSFT', 0],
  ])
  expect(tape.ended(firstMs + 65_000).map(({ symbol }) => symbol)).toEqual(['NVDA'])
  expect(tape.ended(firstMs + 65_001)).toEqual([])
  expect(tape.partFrom('NVDA', firstMs + 60_000)).toMatchObject({ open: 11, barVolume: 5 })
  expect(tape.partFrom('MSFT', firstMs + 60_000)).toBeNull()
  expect(tape.lastPart('NVDA', firstMs + 60_000)).toMatchObject({ close: 11, barVolume: 100 })
  expect(tape.lastPart('NVDA', firstMs)).toBeNull()
  expect(tape.lastPart('MSFT', firstMs + 600_000)).toMatchObject({ close: 20 })
  expect([0, 59_999, 60_000].map((ms) => tape.barsEnded('NVDA', firstMs + ms))).toEqual([0, 0, 1])
})

test('a cut depends on the seed, the symbol and the start alone', () => {
  const series = mockTape({ symbols: ['NVDA'] }).series('NVDA')
  const [one, same, other] = [1, 1, 2].map((seed) => new Tape([series], { interval: '1m', seed }))
  const at = one!.firstMs + 60_000 * 100 + PART_MS
  expect(one!.ended(at)).toEqual(same!.ended(at))
  expect(one!.ended(at)).not.toEqual(other!.ended(at))
})

test('bars shorter than a part, and none at all, are refused', () => {
  expect(() => new Tape([new Series('NVDA', '1s')], { interval: '1s', seed: 1 })).toThrow(
    /bars of 1s are shorter/,
  )
  expect(() => new Tape([new Series('NVDA', '1m')], { interval: '1m', seed: 1 })).toThrow(/no bars/)
})
