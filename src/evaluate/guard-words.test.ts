import { expect, test } from 'vitest'
import { guardWords } from './guard-words.js'

test.each([
  [
    'session-end',
    { wanted: -1, allowed: 0, value: 300_000, limit: 300_000 },
    'wanted -1, allowed 0, value 5 min, limit 5 min',
  ],
  [
    'stale-data',
    { wanted: 5, allowed: 0, value: 90_500, limit: 60_000 },
    'wanted 5, allowed 0, value 1.5 min, limit 1 min',
  ],
  ['stale-data', { value: 4500, limit: 7_200_000 }, 'value 4.5 s, limit 2 h'],
  [
    'max-day-loss',
    { value: 51.239, limit: 50, overshoot: 1.239 },
    'value $51.24, limit $50.00, passed by $1.24',
  ],
  ['max-drawdown', { value: 0.0213, limit: 0.02 }, 'value 2.13 %, limit 2.00 %'],
  ['max-leverage', { value: 1.5, limit: 1 }, 'value 1.50 times, limit 1.00 times'],
  ['trades-per-day', { value: 51, limit: 50 }, 'value 51, limit 50'],
  ['of another program', { wanted: 1, value: 0.25, limit: null }, 'wanted 1, value 0.25'],
  ['session-end', null, ''],
])('%s is told in its own unit', (rule, detail, words) => {
  expect(guardWords(rule, detail)).toBe(words)
})
