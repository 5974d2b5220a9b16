/** Gaps and defects, for programs that must notice them. */
import { describe, expect, test } from 'vitest'
import { bars, base, many, usual } from '../../../test/support/mock-feed.js'
import { DAY } from '../../base/time.js'
import { type Bar, barAt } from '../bar.js'
import { sessionOn } from '../calendar.js'
import { mockBars } from './mock.js'
import { DEFECTS, type DefectRecord } from './mock-defects.js'

describe('gaps', () => {
  test('leave out bars with the probability given and change no other', () => {
    const [whole, holed] = [
      bars({ sessions: many.slice(0, 30) }),
      bars({ sessions: many.slice(0, 30), gaps: 0.05 }),
    ]
    const kept = new Set(whole.map((bar) => JSON.stringify(bar)))
    expect(holed.every((bar) => kept.has(JSON.stringify(bar)))).toBe(true)
    const lost = (whole.length - holed.length) / whole.length
    expect(Math.abs(lost - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / whole.length))
  })

  test('probability 1 leaves nothing', () => {
    expect(bars({ gaps: 1 })).toEqual([])
  })
})

describe('defects', () => {
  const sessions = usual.slice(0, 10)
  const told: DefectRecord[] = []
  const rows: (Bar | Record<string, unknown>)[] = []
  const flawed = { ...base, sessions, defects: DEFECTS, onDefect: (one: DefectRecord) => told.push(one) }
  for (const block of mockBars(flawed)) {
    if (block.kind === 'other') rows.push(...block.records.map(({ text }) => JSON.parse(text)))
    else for (let i = 0; i < block.batch.length; i++) rows.push(barAt(block.batch, i))
  }
  const at = (kind: string) => told.filter((each) => each.kind === kind)
  const rowsAt = (time: string, symbol: string) =>
    rows.filter((row) => row.time === time && row.symbol === symbol)

  test('of single bars come once a session, those that last once, those that compare after six sessions', () => {
    const counts = Object.fromEntries(DEFECTS.map((kind) => [kind, at(kind).length]))
    const once = 'drift jump split coverage absent session-total correlation holiday unknown-symbol'.split(
      ' ',
    )
    for (const [kind, count] of Object.entries(counts))
      expect([kind, count]).toEqual([kind, once.includes(kind) ? 1 : kind === 'volume-outlier' ? 4 : 10])
  })

  test('duplicates and conflicts', () => {
    for (const { from, symbol } of at('duplicate')) {
      const [a, b] = rowsAt(from, symbol)
      expect(b).toEqual(a)
    }
    for (const { from, symbol } of at('conflict')) {
      const [a, b] = rowsAt(from, symbol)
      expect(b).toEqual({ ...a, volume: (a!.volume as number) + 100 })
    }
  })

  test('bars that are left out', () => {
    for (const kind of ['missing', 'missing-one', 'first-bar', 'last-bar', 'coverage', 'absent']) {
      for (const { from, to, symbol } of at(kind))
        expect(rows.filter((row) => row.symbol === symbol && row.time! >= from && row.time! <= to)).toEqual(
          [],
        )
    }
  })

  test('no volume, a bar that stands still, a close and a high that stand out', () => {
    for (const { from, symbol } of at('zero-volume'))
      expect(rowsAt(from, symbol)[0]).toMatchObject({ volume: 0, trades: 0 })
    for (const { from, to, symbol, count } of at('stale')) {
      const run = rows.filter((row) => row.symbol === symbol && row.time! >= from && row.time! <= to)
      expect([count, new Set(run.map((row) => `${row.close} ${row.volume}`)).size]).toEqual([20, 1])
    }
    for (const { from, symbol } of at('spike')) {
      const row = rowsAt(from, symbol)[0] as Bar
      expect(row.close / row.open).toBeGreaterThan(1.04)
    }
    for (const { from, symbol } of at('wick')) {
      const row = rowsAt(from, symbol)[0] as Bar
      expect(row.high / row.close).toBeGreaterThan(1.15)
    }
  })

  test('rows in the wrong place', () => {
    for (const { from, symbol } of at('outside-session')) expect(rowsAt(from, symbol)[0]!.session).toBe('rth')
    for (const { from, symbol } of at('label')) expect(rowsAt(from, symbol)[0]!.session).toBe('eth')
    for (const { from } of at('off-grid')) expect(from).toMatch(/:30Z$/)
    for (const { from } of at('holiday')) expect(sessionOn(Date.parse(from.slice(0, 10)) / DAY)).toBeNull()
    expect(at('unknown-symbol')[0]!.symbol).toBe('ZZZZ')
  })

  test('records that no bar can hold', () => {
    for (const { from, symbol } of at('high-below-low')) {
      const row = rowsAt(from, symbol)[0] as Bar
      expect(row.high).toBeLessThan(row.low)
    }
    for (const { from, symbol } of at('negative-price'))
      expect((rowsAt(from, symbol)[0] as Bar).low).toBeLessThan(0)
    for (const { from, symbol } of at('null-price')) expect(rowsAt(from, symbol)[0]!.close).toBeNull()
    for (const { from, symbol } of at('negative-volume'))
      expect(rowsAt(from, symbol)[0]!.volume).toBeLessThan(0)
  })

  test('only those that are asked for, and the other bars are as they were', () => {
    const some: DefectRecord[] = []
    const out: Bar[] = []
    const onDefect = (one: DefectRecord) => some.push(one)
    for (const block of mockBars({ ...base, sessions, defects: ['wick'], onDefect }))
      if (block.kind === 'bars') for (let i = 0; i < block.batch.length; i++) out.push(barAt(block.batch, i))
    const clean = bars({ sessions })
    const changed = out.filter((bar, i) => JSON.stringify(bar) !== JSON.stringify(clean[i]))
    expect(changed.map(({ time, symbol }) => [time, symbol])).toEqual(
      some.map(({ from, symbol }) => [from, symbol]),
    )
  })

  test('a session of one daily bar gets what fits', () => {
    const daily = { ...base, interval: '1d', sessions: usual.slice(0, 1), defects: DEFECTS } as const
    expect([...mockBars(daily)].length).toBeGreaterThan(0)
  })
})
