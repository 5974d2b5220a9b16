import { expect, test } from 'vitest'
import { studentQuantile } from './student.js'

// Two-sided quantiles from the tables of the NIST handbook (1.3.6.7.2), and the normal one that they end in.
test.each([
  [0.95, 1, 12.706],
  [0.95, 2, 4.303],
  [0.95, 19, 2.093],
  [0.95, 20, 2.086],
  [0.99, 29, 2.756],
  [0.998, 30, 3.385],
  [0.9, 100, 1.66],
  [0.95, 99, 1.984],
  [0.95, 5000, 1.96],
])('|T| is below %f with %i degrees of freedom at %f', (p, degrees, t) => {
  expect(studentQuantile(p, degrees)).toBeCloseTo(t, 3)
})
