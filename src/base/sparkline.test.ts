import { expect, test } from 'vitest'
import { sparkline } from './sparkline.js'

test('a mark for each value, from the lowest to the highest', () => {
  const rise = [0, 1, 2, 3, 4, 5, 6, 7]
  expect(sparkline(rise, { width: 60, unicode: true })).toBe('▁▂▃▄▅▆▇█')
  expect(sparkline(rise, { width: 60, unicode: false })).toBe('.:-=+*#@')
  expect(sparkline(rise, { width: 4, unicode: false })).toBe('.-*@')
})

test('no wider than asked for, and ends with the last value', () => {
  for (const length of [1, 59, 60, 61, 119, 120, 5000]) {
    const values = Array.from({ length }, (_, i) => Math.sin(i / 10))
    values[length - 1] = 9
    const line = sparkline(values, { width: 60, unicode: false })
    expect([length, line.length]).toEqual([length, Math.min(60, length)])
    expect(line.at(-1)).toBe(length === 1 ? '.' : '@')
  }
})

test('nothing gives nothing, and a flat curve a flat line', () => {
  expect(sparkline([], { width: 60, unicode: true })).toBe('')
  expect(sparkline([5, 5, 5], { width: 60, unicode: true })).toBe('▁▁▁')
})
