/** Each check by hand: what it finds in a day of bars with one thing changed, and what it says. */
import { describe, expect, test } from 'vitest'
import { bars, day } from '../../test/support/mock-feed.js'
import { judgeLines } from '../../test/support/validate.js'
import type { Bar } from '../market/bar.js'
import { sessions, sessionsEndingAt } from '../market/calendar.js'
import { CHECK_IDS } from './check-ids.js'
import { CHECKS } from './checks.js'

const DATE = '2025-07-30'
const one = bars({ symbols: ['NVDA'], sessions: sessions(day(DATE), day(DATE)) })
const eight = bars({ symbols: ['NVDA'], sessions: sessionsEndingAt(day(DATE), 8) })
const last = eight.length - 390

type Loose = Record<string, unknown>
const lines = (rows: readonly (Bar | Loose)[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const at = (minute: number): string => one[minute]!.time
const with_ = (minute: number, change: Loose): Loose[] =>
  one.map((row, i) => (i === minute ? { ...row, ...change } : { ...row }))
const after = (minute: number, ...more: Loose[]): Loose[] => [
  ...one.slice(0, minute + 1).map((row) => ({ ...row })),
  ...more,
  ...one.slice(minute + 1).map((row) => ({ ...row })),
]
const later = (change: (row: Bar, minute: number) => Loose): Loose[] =>
  eight.map((row, i) => (i < last ? { ...row } : { ...row, ...change(row, i - last) }))
const range = (from: string, to: string): string =>
  `jules fetch --source alpaca --repair NVDA:${from}..${to} | jules load`
const bar = (from: number, to = from): string => range(at(from), at(to))

const late = { ...one[100]!, time: '2025-07-30T20:30:00Z' }
const cheap = (row: Bar): Loose =>
  Object.fromEntries((['open', 'high', 'low', 'close'] as const).map((field) => [field, row[field] / 4]))

const CASES: readonly [check: string, rows: Loose[], found: Loose][] = [
  [
    'schema',
    with_(5, { close: null }),
    { from: at(5), samples: [expect.stringMatching(/^stdin:6: close: /)], fix: bar(5) },
  ],
  ['schema', with_(5, { session: 'night' }), { from: at(5) }],
  [
    'unknown-symbol',
    after(5, { ...one[5]!, symbol: 'AMD' }),
    { symbol: 'AMD', date: DATE, observed: 'AMD', fix: null },
  ],
  ['first-bar', after(-1).slice(2), { from: at(0), to: at(1), count: 2, fix: bar(0, 1) }],
  ['last-bar', after(-1).slice(0, -1), { from: at(389), to: at(389), count: 1 }],
  [
    'missing',
    after(-1).filter((_, i) => i !== 7),
    { from: at(7), to: at(7), count: 1, observed: 0, expected: 1, fix: bar(7) },
  ],
  [
    'missing',
    after(-1).filter((_, i) => i < 7 || i > 21),
    { from: at(7), to: at(21), count: 15, fix: bar(7, 21) },
  ],
  ['off-grid', after(5, { ...one[5]!, time: at(5).replace(':00Z', ':30Z') }), { count: 1, fix: null }],
  [
    'overlap',
    after(389, { ...late, session: 'eth' }, { ...late, session: 'eth', time: '2025-07-30T20:30:30Z' }),
    { count: 1 },
  ],
  [
    'out-of-order',
    [...one.slice(0, 5), one[6]!, one[5]!, ...one.slice(7)].map((row) => ({ ...row })),
    { from: at(5), count: 1 },
  ],
  ['duplicate', after(5, { ...one[5]! }), { from: at(5), count: 1, fix: null }],
  ['conflict', after(5, { ...one[5]!, volume: 1 }), { from: at(5), count: 1, fix: bar(5) }],
  ['conflict', after(5, { ...one[5]!, trades: 1 }), { from: at(5), count: 1 }],
  ['outside-session', after(389, late), { from: late.time, count: 1, fix: null }],
  ['holiday', after(389, { ...late, session: 'eth', time: '2025-08-02T15:00:00Z' }), { date: '2025-08-02' }],
  ['label', with_(5, { session: 'eth' }), { from: at(5), severity: 'warn' }],
  ['ohlc', with_(5, { high: 1, low: 2 }), { from: at(5), fix: bar(5) }],
  ['price', with_(5, { low: -1 }), { from: at(5) }],
  ['negative-volume', with_(5, { volume: -1 }), { from: at(5) }],
  ['zero-volume', with_(5, { volume: 0 }), { from: at(5), severity: 'warn' }],
  [
    'spike',
    with_(50, { close: one[50]!.close * 1.05, high: one[50]!.high * 1.05 }),
    { from: at(50), to: at(50) },
  ],
  ['spike', with_(50, { low: one[50]!.low * 0.9 }), { from: at(50), to: at(50) }],
  [
    'spike',
    with_(50, { open: one[50]!.high * 1.1, high: one[50]!.high * 1.1 }),
    { from: at(50), to: at(50) },
  ],
  [
    'split',
    one.map((row, i) => (i < 50 ? { ...row } : { ...row, ...cheap(row) })),
    { from: at(50), fix: range(DATE, DATE) },
  ],
  ['split', later(cheap), { from: at(0), to: at(0) }],
  [
    'stale',
    one.map((row, i) => (i < 50 || i > 59 ? { ...row } : { ...one[50]!, time: row.time })),
    { from: at(50), to: at(59), count: 10 },
  ],
  [
    'return-outlier',
    later((row, i) =>
      i < 50
        ? {}
        : { open: row.open * 1.03, high: row.high * 1.03, low: row.low * 1.03, close: row.close * 1.03 },
    ),
    { from: at(50) },
  ],
  [
    'volume-outlier',
    later((row, i) => (i === 50 ? { volume: row.volume! * 1000 } : {})),
    { from: at(50), severity: 'warn' },
  ],
  [
    'session-total',
    later((row) => ({ volume: row.volume! * 8 })),
    { from: at(0), severity: 'warn', fix: range(DATE, DATE) },
  ],
  ['session-total', later((row) => ({ volume: row.volume! / 8 })), { from: at(0) }],
]

describe('a day with one thing changed has one finding', () => {
  test.each(CASES)('%s', async (check, rows, found) => {
    const { records } = await judgeLines(lines(rows))
    expect(records).toEqual([expect.objectContaining({ type: 'quality', check, ...found })])
  })
})

const shifted = (change: (row: Bar, minute: number) => Loose): Loose[] =>
  one.flatMap((row, i) => [{ ...row }, { ...row, source: 'other', ...change(row, i) }])

test.each([
  ['a ratio', (row: Bar) => cheap(row), /a constant ratio of 4/],
  [
    'one bar',
    (_: Bar, i: number) => ({ ...one[Math.max(0, i - 1)]!, source: 'other', time: at(i) }),
    /one bar apart/,
  ],
  [
    '60 minutes',
    (_: Bar, i: number) => ({ ...one[Math.max(0, i - 60)]!, source: 'other', time: at(i) }),
    /60 minutes apart/,
  ],
])('drift between sources names %s', async (_name, change, words) => {
  const { verdict } = await judgeLines(lines(shifted(change)))
  expect(verdict.findings.map(({ record, words: said }) => [record.check, words.test(said)])).toEqual([
    ['drift', true],
  ])
})

test('sources that agree are no finding', async () => {
  expect((await judgeLines(lines(shifted((row) => ({ volume: 1 + row.volume! }))))).records).toEqual([])
})

test('of two symbols one is absent: a session of it, or all of them', async () => {
  const pair = { symbols: ['NVDA', 'MSFT'] }
  const msft = bars({ symbols: ['MSFT'], sessions: sessionsEndingAt(day(DATE), 8) })
  const both = lines([...eight, ...msft.slice(0, -390)])
  expect((await judgeLines(both, pair)).records).toEqual([
    expect.objectContaining({ check: 'absent', symbol: 'MSFT', date: DATE, count: 390 }),
  ])
  expect((await judgeLines(lines(eight), pair)).records).toEqual([
    expect.objectContaining({ check: 'absent', symbol: 'MSFT', date: '2025-07-21', count: 8 }),
  ])
})

test('less than 95 % of a session is told beside the ranges', async () => {
  const { records } = await judgeLines(lines(one.filter((_, i) => i < 100 || i >= 130)))
  expect(records.map(({ check, count }) => [check, count])).toEqual([
    ['missing', 30],
    ['coverage', 30],
  ])
})

describe('bars of the night', () => {
  test.each([
    ['the evening before', '2025-07-30T01:00:00Z', []],
    ['the morning', '2025-07-30T07:59:00Z', []],
    ['Sunday evening', '2025-07-28T00:30:00Z', []],
    ['the eve of a holiday', '2025-07-04T01:00:00Z', []],
    ['a Saturday at noon', '2025-07-26T16:00:00Z', ['holiday']],
  ])('%s', async (_name, time, found) => {
    const rows = [{ ...late, session: 'eth', time }, ...one]
    const { records } = await judgeLines(lines(rows), {
      judgesAll: false,
      dates: { from: day('2025-06-01'), to: day(DATE) },
    })
    const told = records.filter(({ check, from }) => check !== 'absent' && from === time)
    expect(told.map(({ check }) => check)).toEqual(found)
  })
})

test('lines of a table are placed too: what is flawed is not missing', async () => {
  const header = 'symbol,time,open,high,low,close,volume'
  const csv = one.map((row, i) =>
    [row.symbol, row.time, row.open, row.high, row.low, i === 9 ? 'n/a' : row.close, row.volume].join(),
  )
  const { records } = await judgeLines([header, ...csv, ''].join('\n'), { format: 'csv' })
  expect(records.map(({ check, from }) => [check, from])).toEqual([['schema', at(9)]])
})

test.each([
  ['cut JSON', '{"type":"bar","sym'],
  ['a page', '<!doctype html><html>'],
  ['other bytes', Buffer.from([0xff, 0xfe, 0x0a]).toString('latin1')],
])('%s is no stream of records', async (_name, line) => {
  await expect(judgeLines(`${lines(one.slice(0, 3))}${line}\n`)).rejects.toMatchObject({ kind: 'data' })
})

test('thresholds of the user count', async () => {
  const rows = lines(with_(50, { close: one[50]!.close * 1.05, high: one[50]!.high * 1.05 }))
  expect((await judgeLines(rows, { thresholds: { spike: 1000, 'return-outlier': 1000 } })).records).toEqual(
    [],
  )
})

test('checks that lack sessions before are named', async () => {
  const { verdict } = await judgeLines(lines(one))
  expect([...verdict.skipped.keys()]).toEqual(['return-outlier', 'volume-outlier', 'session-total'])
  expect((await judgeLines(lines(eight))).verdict.skipped.get('session-total')?.length).toBe(5)
})

test('rows beyond the calendar are counted and judged by nothing', async () => {
  const old = { ...late, time: '1995-01-03T15:00:00Z', session: null }
  const { records, verdict } = await judgeLines(lines([old, ...one]))
  expect([records, verdict.beyond]).toEqual([[], 1])
})

test('the list has every check once, in its order', () => {
  expect(CHECKS.map(({ id }) => id)).toEqual([...CHECK_IDS])
  for (const { explain, threshold, unit } of CHECKS) {
    expect(explain).toMatch(/\.$/)
    expect(unit === undefined).toBe(threshold === null)
  }
})
