import { expect, test } from 'vitest'
import { plot } from './plot.js'

const size = { width: 4, height: 2, unicode: true }

test('a rise goes from the lower left to the upper right, a dot a value', () => {
  // Eight values on eight columns and eight rows: the diagonal of dots, and no other.
  expect(plot([0, 1, 2, 3, 4, 5, 6, 7], size)).toEqual([diagonal(0), diagonal(1)])
})

/** A line of that diagonal, worked out dot by dot: value i stands in column i and row 7 - i. */
function diagonal(y: number): string {
  const bits = [
    [1, 2, 4, 64],
    [8, 16, 32, 128],
  ]
  return Array.from({ length: 4 }, (_, letter) => {
    let sum = 0
    for (let value = 0; value < 8; value++) {
      const row = 7 - value
      // A step of one row joins the two columns.
      const rows = value === 0 ? [row] : [row, row + 1]
      for (const one of rows)
        if (Math.floor(value / 2) === letter && Math.floor(one / 4) === y) sum |= bits[value % 2]![one % 4]!
    }
    return String.fromCharCode(0x2800 + sum)
  }).join('')
}

test('what is no number is left out, and nothing at all is blank', () => {
  const drawn = (values: number[]) => plot(values, { ...size, unicode: false })
  expect(drawn([])).toEqual(['    ', '    '])
  expect(drawn([5])).toEqual(['    ', '****'])
  expect(drawn([Number.NaN, 3, Number.POSITIVE_INFINITY, 1])).toEqual([' * *', '   *'])
})

test('a single high value among a million is seen', () => {
  const values = new Float64Array(1_000_000)
  values[500_001] = 9
  const [top] = plot(values, { width: 10, height: 3, unicode: false })
  expect(top!.trim()).toBe('*')
})

test('a filled curve reaches the ground, or hangs from the top', () => {
  const below = plot([1, 2, 3, 4], { width: 4, height: 4, unicode: false, fill: 'below' })
  expect(below).toEqual(['   *', '  **', ' ***', '****'])
  const above = plot([0, 1], { width: 2, height: 2, unicode: false, fill: 'above', range: [0, 1] })
  expect(above[0]).toBe('**')
})
