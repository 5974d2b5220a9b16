/** Gaps and defects, for programs that must notice them. */
import { describe, expect, test } from 'vitest'
import { bars, base, many, usual } from '../../../test/support/mock-feed.js'
import { MINUTE } from '../../base/time.js'
import { type Bar, barAt } from '../bar.js'
import { mockBars } from './mock.js'
import { DEFECTS } from './mock-defects.js'

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
  const told: { kind: string; symbol: string; time: string }[] = []
  const rows: (Bar | Record<string, unknown>)[] = []
  for (const block of mockBars({
    ...base,
    sessions: usual.slice(0, 3),
    defects: true,
    onDefect: (kind, symbol, time) => told.push({ kind, symbol, time }),
  })) {
    if (block.kind === 'other') rows.push(...block.records.map(({ text }) => JSON.parse(text)))
    else for (let i = 0; i < block.batch.length; i++) rows.push(barAt(block.batch, i))
  }
  const clean = new Map(
    bars({ sessions: usual.slice(0, 3) }).map((bar) => [`${bar.time} ${bar.symbol}`, bar]),
  )
  const at = (kind: string) => told.filter((each) => each.kind === kind)
  const rowsAt = (time: string, symbol: string) =>
    rows.filter((row) => row.time === time && row.symbol === symbol)

  test('are one of each kind a session, and are told', () => {
    expect(told.map(({ kind }) => kind).sort()).toEqual([...DEFECTS, ...DEFECTS, ...DEFECTS].sort())
  })

  test('duplicates and conflicts', () => {
    for (const { time, symbol } of at('duplicate')) {
      const [a, b] = rowsAt(time, symbol)
      expect(b).toEqual(a)
    }
    for (const { time, symbol } of at('conflict')) {
      const [a, b] = rowsAt(time, symbol)
      expect(b).toEqual({ ...a, volume: (a!.volume as number) + 100 })
    }
  })

  test('two times swapped', () => {
    let backward = 0
    const last = new Map<unknown, number>()
    for (const row of rows) {
      const ms = Date.parse(row.time as string)
      if (
        ms < (last.get(row.symbol) ?? 0) &&
        row.session === 'rth' &&
        rowsAt(row.time as string, row.symbol as string).length === 1
      )
        backward++
      if (row.session === 'rth') last.set(row.symbol, ms)
    }
    expect(backward).toBe(3)
  })

  test('a missing stretch of 15 bars', () => {
    for (const { time, symbol } of at('missing')) {
      const from = Date.parse(time)
      const there = (k: number) =>
        rows.some((row) => row.symbol === symbol && Date.parse(row.time as string) === from + k * MINUTE)
      for (let k = 0; k < 15; k++) expect(there(k)).toBe(false)
    }
  })

  test('no volume, a frozen price, a spike', () => {
    for (const { time, symbol } of at('zero-volume'))
      expect(rowsAt(time, symbol)[0]).toMatchObject({ volume: 0, trades: 0 })
    for (const { time, symbol } of at('stale')) {
      for (let k = 0; k < 10; k++) {
        const row = rowsAt(
          new Date(Date.parse(time) + k * MINUTE).toISOString().replace('.000', ''),
          symbol,
        )[0]!
        const price = clean.get(`${time} ${symbol}`)!.open
        expect([row.open, row.high, row.low, row.close, row.vwap]).toEqual([
          price,
          price,
          price,
          price,
          price,
        ])
      }
    }
    for (const { time, symbol } of at('spike')) {
      const was = clean.get(`${time} ${symbol}`)!
      expect(rowsAt(time, symbol)[0]).toEqual({ ...was, high: Math.round(was.high * 120) / 100 })
    }
  })

  test('a bar an hour after the close', () => {
    const outside = rows.filter((row) => row.session === 'eth')
    expect(outside.length).toBe(3)
    for (const row of outside) expect(row.time).toMatch(/T20:59:00Z$/)
  })

  test('records that no bar can hold', () => {
    for (const { time, symbol } of at('high-below-low')) {
      const row = rowsAt(time, symbol)[0] as Bar
      expect(row.high).toBeLessThan(row.low)
    }
    for (const { time, symbol } of at('negative-price'))
      expect((rowsAt(time, symbol)[0] as Bar).low).toBeLessThan(0)
    for (const { time, symbol } of at('null-price')) expect(rowsAt(time, symbol)[0]!.close).toBeNull()
  })

  test('a session of one daily bar gets what fits', () => {
    const out = [...mockBars({ ...base, interval: '1d', sessions: usual.slice(0, 1), defects: true })]
    expect(out.length).toBeGreaterThan(0)
  })
})
