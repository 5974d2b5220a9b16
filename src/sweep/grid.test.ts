import { describe, expect, test } from 'vitest'
import { combinations, drawn, readGrid } from './grid.js'

const read = (value: unknown) => readGrid(JSON.stringify(value), 'grid.json')

test('arrays multiply, the last key fastest, in the order of the keys', () => {
  expect(combinations(read({ steps: 20000, seed: [1, 2], lr: [0.1, 0.2] }), 'grid.json')).toEqual([
    [20000, 1, 0.1],
    [20000, 1, 0.2],
    [20000, 2, 0.1],
    [20000, 2, 0.2],
  ])
  expect(combinations(read({}), 'grid.json')).toEqual([[]])
})

test.each([
  ['{', 'is not JSON'],
  ['[]', 'expected an object of options'],
  ['{"lr":[]}', 'lr: expected a word'],
  ['{"lr":null}', 'lr: expected a word, a number, true or false, or an array of them, got null'],
  ['{"net":[[64,64]]}', 'net: expected a word'],
  ['{"lr":1e999}', 'lr: expected a word'],
  ['{"lr":1,"lr":2}', 'lr: stands twice'],
  ['{"lr":{"min":2,"max":1}}', 'lr: expected a range with min below max'],
  ['{"lr":{"min":0,"max":1,"scale":"log"}}', 'lr: a range on a log scale has a min above 0'],
  ['{"lr":{"min":1,"max":2,"scale":"ln"}}', 'lr: scale: expected linear or log, got "ln"'],
  ['{"lr":{"min":1,"max":2,"step":0}}', 'lr: step: expected a number above 0, got 0'],
  ['{"lr":{"min":1,"max":2,"stop":1}}', 'lr: unknown key "stop" of a range'],
  [`{"lr":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'is not JSON'],
])('%s is refused', (text, words) => {
  expect(() => readGrid(text, 'grid.json')).toThrow(
    expect.objectContaining({
      kind: 'data',
      where: 'grid.json',
      message: expect.stringContaining(words),
    }),
  )
})

test('a range is for a random search, and a grid may not be endless', () => {
  expect(() => combinations(read({ lr: { min: 1, max: 2 } }), 'g')).toThrow('lr: a range is for --random')
  const many = Array.from({ length: 400 }, (_, n) => n)
  expect(() => combinations(read({ seed: many, epochs: many }), 'g')).toThrow('160000 combinations are more')
})

describe('a random search', () => {
  const axes = read({ seed: [1, 2, 3], lr: [0.1, 0.2, 0.3, 0.4] })

  test('draws distinct combinations of the grid, the same for a seed', () => {
    const all = combinations(axes, 'g').map((one) => JSON.stringify(one))
    for (let seed = 0; seed < 20; seed++) {
      const some = drawn(axes, { count: 5, seed }, 'g').map((one) => JSON.stringify(one))
      expect(new Set(some).size).toBe(5)
      expect(some.every((one) => all.includes(one))).toBe(true)
      expect(drawn(axes, { count: 5, seed }, 'g').map((one) => JSON.stringify(one))).toEqual(some)
    }
    expect(drawn(axes, { count: 5, seed: 1 }, 'g')).not.toEqual(drawn(axes, { count: 5, seed: 2 }, 'g'))
  })

  test('gives all where there are no more, and a grid of eleven of twelve ends', () => {
    expect(drawn(axes, { count: 12, seed: 1 }, 'g')).toEqual(combinations(axes, 'g'))
    expect(drawn(axes, { count: 100, seed: 1 }, 'g')).toHaveLength(12)
    expect(drawn(axes, { count: 11, seed: 1 }, 'g')).toHaveLength(11)
  })

  test('draws each combination as often as any other', () => {
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 6000; seed++) {
      const [one] = drawn(axes, { count: 1, seed }, 'g')
      counts.set(JSON.stringify(one), (counts.get(JSON.stringify(one)) ?? 0) + 1)
    }
    // Chi-squared with 11 degrees of freedom: 31.3 is passed once in a thousand.
    const squares = [...counts.values()].reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0)
    expect(counts.size).toBe(12)
    expect(squares).toBeLessThan(31.3)
  })

  test('takes numbers of a range, by their logarithms, in steps, and of six digits', () => {
    const ranges = read({ lr: { min: 1e-4, max: 1e-2, scale: 'log' }, hidden: { min: 8, max: 64, step: 8 } })
    const found = drawn(ranges, { count: 400, seed: 3 }, 'g') as [number, number][]
    for (const [lr, hidden] of found) {
      expect(lr).toBeGreaterThanOrEqual(1e-4)
      expect(lr).toBeLessThanOrEqual(1e-2)
      expect(String(lr)).toBe(String(Number(lr.toPrecision(6))))
      expect(hidden % 8).toBe(0)
    }
    // Half of the logarithms are below 1e-3; a linear scale would have 9 % there.
    const low = found.filter(([lr]) => lr < 1e-3).length
    expect(low).toBeGreaterThan(160)
    expect(low).toBeLessThan(240)
    expect(new Set(found.map(([, hidden]) => hidden))).toEqual(new Set([8, 16, 24, 32, 40, 48, 56, 64]))
  })

  test('says when a range has too few numbers', () => {
    const few = read({ hidden: { min: 8, max: 16, step: 8 } })
    expect(() => drawn(few, { count: 3, seed: 1 }, 'g')).toThrow(
      'the ranges gave 2 distinct combinations, and 3 are wanted',
    )
  })
})
