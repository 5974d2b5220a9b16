/** Findings that are silenced: which, until when, and what no baseline is. */
import { expect, test } from 'vitest'
import { daysFromCivil } from '../base/time.js'
import type { Finding, Quality } from '../market/quality.js'
import { parseBaseline, sift } from './baseline.js'
import { miscalibratedOf } from './miscalibrated.js'

const found = (date: string, check: string, symbol: string | null): Finding => ({
  words: '',
  record: { type: 'quality', date, check, symbol, severity: 'error' } as Quality,
})
const TODAY = daysFromCivil(2025, 7, 31)
const findings = [
  found('2025-07-30', 'spike', 'NVDA'),
  found('2025-07-31', 'spike', 'NVDA'),
  found('2025-07-31', 'spike', 'MSFT'),
  found('2025-07-31', 'freshness', null),
]
const entry = (more: object) =>
  JSON.stringify({ check: 'spike', expires: '2025-07-31', reason: 'known', ...more })

test.each<[string, silenced: number, expired: number]>([
  [entry({}), 3, 0],
  [entry({ symbol: 'NVDA' }), 2, 0],
  [entry({ date: '2025-07-31' }), 2, 0],
  [entry({ from: '2025-07-31' }), 2, 0],
  [entry({ symbol: 'NVDA', to: '2025-07-30' }), 1, 0],
  [entry({ check: 'freshness' }), 1, 0],
  [entry({ expires: '2025-07-30' }), 0, 1],
  [entry({ expires: '2025-07-30', symbol: 'AAPL' }), 0, 0],
  [`[${entry({ symbol: 'NVDA' })}, ${entry({ symbol: 'MSFT' })}]`, 3, 0],
  [`\ufeff${entry({ symbol: 'NVDA' })}\r\n\n${entry({ symbol: 'MSFT', expires: '2025-01-01' })}\n`, 2, 1],
  ['', 0, 0],
  ['[]', 0, 0],
])('%s', (text, silenced, expired) => {
  const sifted = sift(findings, parseBaseline(text, 'known'), TODAY)
  expect([sifted.silenced, sifted.findings.length, sifted.expired.length]).toEqual([
    ...[silenced, findings.length - silenced, expired],
  ])
})

test.each([
  ['{', 'known:1', 'expected a JSON object'],
  [`${entry({})}\n${entry({ symbl: 'X' })}`, 'known:2', 'expected some of check, symbol'],
  [entry({ check: 'spke' }), 'known:1', 'check: expected one of schema'],
  [entry({ check: null }), 'known:1', 'check is missing'],
  [entry({ expires: undefined }), 'known:1', 'expires is missing'],
  [entry({ expires: '31.07.2025' }), 'known:1', 'expires: expected a date'],
  [entry({ reason: ' ' }), 'known:1', 'reason: expected words'],
  [entry({ reason: undefined }), 'known:1', 'reason is missing'],
  [entry({ date: '2025-07-30', to: '2025-07-31' }), 'known:1', 'date excludes from and to'],
  [entry({ from: '2025-07-31', to: '2025-07-30' }), 'known:1', 'from is after to'],
  [`[${entry({})}, 7]`, 'known: entry 2', 'expected a JSON object'],
  ['[', 'known', 'expected a JSON array or JSON lines'],
  ['{"check":"spike","check":"spike"}', 'known:1', 'stands twice'],
])('%s is no baseline', (text, where, words) => {
  const refused = (() => {
    try {
      return parseBaseline(text, 'known')
    } catch (error) {
      return error
    }
  })()
  expect(refused).toMatchObject({ kind: 'config', where, message: expect.stringContaining(words) })
})

test.each<[name: string, before: string[], now: string[], sessions: number | null]>([
  [
    'five sessions, over a weekend',
    ['2025-07-25', '2025-07-28', '2025-07-29', '2025-07-30'],
    ['2025-07-31'],
    5,
  ],
  ['four of them', ['2025-07-28', '2025-07-29', '2025-07-30'], ['2025-07-31'], null],
  ['with a hole', ['2025-07-24', '2025-07-25', '2025-07-28', '2025-07-30'], ['2025-07-31'], null],
  ['within the dates judged', [], ['2025-07-25', '2025-07-28', '2025-07-29', '2025-07-30', '2025-07-31'], 5],
  [
    'over, as it is not found now',
    ['2025-07-24', '2025-07-25', '2025-07-28', '2025-07-29', '2025-07-30'],
    [],
    null,
  ],
  ['on dates without a session', ['2025-07-26'], ['2025-07-27'], null],
])('%s', (_, before, now, sessions) => {
  const made = miscalibratedOf(
    now.map((date) => found(date, 'spike', 'NVDA')),
    { before: before.map((date) => ({ date, symbol: 'NVDA', check: 'spike' })), thresholds: { spike: 15 } },
  )
  expect(made).toEqual(
    sessions === null
      ? []
      : [{ check: 'spike', symbol: 'NVDA', sessions, from: '2025-07-25', to: '2025-07-31', threshold: 15 }],
  )
})
