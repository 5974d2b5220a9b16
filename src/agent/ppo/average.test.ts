import { expect, test } from 'vitest'
import { WeightAverage } from './average.js'

test('the weight of update k of n is k (k + 1) (k + 2) (k + 3) over the sum of all', () => {
  for (const n of [1, 2, 7, 98]) {
    const average = new WeightAverage(n)
    // Update k is a unit of its own, so that the average shows the weight it has.
    for (let k = 0; k < n; k++) average.add(Float64Array.from({ length: n }, (_, i) => (i === k ? 1 : 0)))
    const parts = Array.from({ length: n }, (_, k) => (k + 1) * (k + 2) * (k + 3) * (k + 4))
    const sum = parts.reduce((all, one) => all + one)
    for (const [k, part] of parts.entries()) expect(average.values[k]).toBeCloseTo(part / sum, 6)
  }
})

test('the last fifth of the updates has two thirds of the weight', () => {
  const average = new WeightAverage(1)
  for (let k = 1; k <= 100; k++) average.add([k > 80 ? 1 : 0])
  expect(average.values[0]).toBeCloseTo(0.67, 1)
})
