import { expect, test } from 'vitest'
import { exposure } from './observation.js'

test('a position is a part of the target size, within [-1, 1]', () => {
  expect([exposure(0, 5), exposure(5, 5), exposure(-5, 5), exposure(2, 5), exposure(7, 5)]).toEqual([
    0, 1, -1, 0.4, 1,
  ])
})

test('what is left after a partial exit does not vanish from sight', () => {
  expect([exposure(3, 0), exposure(-3, 0), exposure(0, 0)]).toEqual([1, -1, 0])
})
