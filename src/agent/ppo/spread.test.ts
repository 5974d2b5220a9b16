import { expect, test } from 'vitest'
import { AdvantageSpread } from './spread.js'

test('the deviation of a rollout is a part of that of all so far, its own among them', () => {
  const spread = new AdvantageSpread()
  // Variances 4, 0 and 1: means 4, 2 and 5/3.
  expect(spread.add([1, 5, 1, 5])).toBe(1)
  expect(spread.add([7, 7, 7, 7])).toBe(0)
  expect(spread.add([3, 1, 3, 1])).toBeCloseTo(Math.sqrt(1 / (5 / 3)), 12)
  expect([spread.count, spread.variance]).toEqual([3, expect.closeTo(5 / 3, 12)])
})

test('advantages that were always equal are not told apart from a lesson', () => {
  expect(new AdvantageSpread().add([0, 0]) < 1).toBe(false)
})
