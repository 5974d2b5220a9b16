import { expect, test } from 'vitest'
import { percent, plain } from './shown.js'

test.each<[unknown, string, string]>([
  [0.0512, '0.051', '5.12 %'],
  [-1, '-1.000', '-100.00 %'],
  [-9999.99, '-9999.990', '-999,999.00 %'],
  [9_999_999.999, '9999999.999', '1.0000e+9 %'],
  [1.625102273409117e262, '1.6251e+262', '1.6251e+264 %'],
  [-2e12, '-2.0000e+12', '-2.0000e+14 %'],
  [null, '-', '-'],
])('%j is shown within its column', (value, asPlain, asPercent) => {
  expect([plain(3)(value), percent(value)]).toEqual([asPlain, asPercent])
  expect(asPercent.length).toBeLessThanOrEqual(14)
})
