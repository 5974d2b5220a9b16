import { expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { thinned } from './thin.js'

test('a thinned series has the same extremes and ends, in order, and never more points than asked', () => {
  const rng = stream(17, 'thin')
  for (let round = 0; round < 300; round++) {
    const n = rng.int(3000)
    const most = 4 + rng.int(300)
    let level = 0
    const values = Float64Array.from({ length: n }, () => {
      level += rng.uniform() - 0.5
      return rng.uniform() < 0.01 ? Number.NaN : level
    })
    const kept = [...thinned(values, most)]
    expect(kept.length).toBeLessThanOrEqual(most)
    if (n <= most) expect(kept).toHaveLength(n)
    expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b))
    if (n > 0) expect([kept[0], kept.at(-1)]).toEqual([0, n - 1])
    const finite = (all: Iterable<number>) => [...all].filter((value) => !Number.isNaN(value))
    const [before, after] = [finite(values), finite(kept.map((k) => values[k]!))]
    expect([Math.min(...after), Math.max(...after)]).toEqual([Math.min(...before), Math.max(...before)])
  }
})

test('each piece keeps its own lowest and highest point', () => {
  const values = [5, 5, 9, 1, 5, 5, 5, 2, 8, 5, 5, 5]
  // Two pieces of six, and the ends.
  expect([...thinned(values, 6)]).toEqual([0, 2, 3, 7, 8, 11])
  expect([...thinned(Array(9).fill(Number.NaN), 4)]).toEqual([0, 8])
  expect(() => thinned(values, 3)).toThrow(RangeError)
})
