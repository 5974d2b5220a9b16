import { expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { Thinned } from './thinned.js'

test('a short course stays as it is', () => {
  const thinned = new Thinned(8)
  for (let i = 0; i < 8; i++) thinned.add(i, i * i)
  expect(thinned.points()).toEqual({
    at: [0, 1, 2, 3, 4, 5, 6, 7],
    value: [0, 1, 4, 9, 16, 25, 36, 49],
  })
})

test('of a long one the extremes, the first and the last are kept, in the order of time, in bounded memory', () => {
  const rng = stream(1, 'course')
  const thinned = new Thinned(64)
  let value = 0
  const all: number[] = []
  for (let i = 0; i < 10_007; i++) {
    value += rng.normal()
    all.push(value)
    thinned.add(i, value)
  }
  const points = thinned.points()
  expect(points.at.length).toBeLessThanOrEqual(129)
  expect(points.at).toEqual([...points.at].sort((a, b) => a - b))
  // Every point is one of the course, and none of the extremes is lost.
  expect(points.value).toEqual(points.at.map((at) => all[at]))
  expect(Math.max(...points.value)).toBe(Math.max(...all))
  expect(Math.min(...points.value)).toBe(Math.min(...all))
  expect([points.at[0]! < 200, points.at.at(-1), points.value.at(-1)]).toEqual([true, 10_006, all.at(-1)])
  expect([thinned.count, thinned.last, thinned.lastAt]).toEqual([10_007, all.at(-1), 10_006])
})

test('it begins anew', () => {
  const thinned = new Thinned(4)
  for (let i = 0; i < 100; i++) thinned.add(i, i)
  thinned.clear()
  expect([thinned.points(), thinned.count]).toEqual([{ at: [], value: [] }, 0])
  thinned.add(5, 1)
  expect(thinned.points()).toEqual({ at: [5], value: [1] })
})
