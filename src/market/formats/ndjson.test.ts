import { describe, expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { type Bar, barAt, Names, newBatch } from '../bar.js'
import { putRow } from '../fields.js'
import type { Problem } from '../problem.js'
import { BarReader, MAX_BAR_BYTES, writeBar } from './ndjson.js'

const BAR: Bar = {
  type: 'bar',
  symbol: 'NVDA',
  interval: '1m',
  time: '2025-07-30T13:30:00Z',
  open: 179.2,
  high: 179.5,
  low: 179.1,
  close: 179.4,
  volume: 152340,
  vwap: 179.31,
  trades: 1822,
  adjusted: 'splits',
  session: 'rth',
  source: 'mock',
}

/** One reader for all lines, so that what it remembers of good ones meets the bad ones. */
const shared = newBatch(1, new Names())
const reader = new BarReader(shared)

function fast(line: string): Bar | null {
  const bytes = Buffer.from(`${line}\n`)
  shared.length = 0
  return reader.read(bytes, 0, 1) === bytes.length ? barAt(shared, 0) : null
}

function general(line: string): Bar | Problem {
  const batch = newBatch(1, new Names())
  const problem = putRow(batch, JSON.parse(line), 1, { textual: false })
  return problem ?? barAt(batch, 0)
}

function written(bar: Bar): string {
  const batch = newBatch(1, new Names())
  expect(putRow(batch, bar, 1, { textual: false })).toBeNull()
  const buffer = Buffer.alloc(MAX_BAR_BYTES)
  return buffer.toString('latin1', 0, writeBar(buffer, 0, batch, 0))
}

describe('the canonical line', () => {
  test('is what JSON.stringify writes', () => {
    expect(written(BAR)).toBe(`${JSON.stringify(BAR)}\n`)
    const sparse: Bar = {
      ...BAR,
      volume: null,
      vwap: null,
      trades: null,
      adjusted: null,
      session: null,
      source: null,
    }
    expect(written(sparse)).toBe(`${JSON.stringify(sparse)}\n`)
    const fine: Bar = {
      ...BAR,
      time: '2025-07-30T13:30:00.007Z',
      interval: '1s',
      open: 179.1234567890123,
      volume: 0.5,
    }
    expect(written(fine)).toBe(`${JSON.stringify(fine)}\n`)
  })

  test('no bar is longer than the room it is given', () => {
    const widest: Bar = {
      ...BAR,
      symbol: 'ABCDEFGHIJKLMNOP',
      interval: '15m',
      time: '2025-07-30T13:30:00.123Z',
      open: 1.234567890123456e-300,
      high: 1.234567890123456e300,
      low: 1.234567890123456e-300,
      close: 1.234567890123456e-300,
      volume: 1.234567890123456e-300,
      vwap: 1.234567890123456e-300,
      trades: 1.234567890123456e-300,
      adjusted: 'splits+dividends',
      source: 'a2345678901234567890123456789012',
    }
    expect(written(widest)).toBe(`${JSON.stringify(widest)}\n`)
    expect(written(widest).length).toBeLessThan(MAX_BAR_BYTES)
  })
})

describe('the fast reader', () => {
  test('takes the canonical line', () => {
    expect(fast(JSON.stringify(BAR))).toEqual(BAR)
    expect(fast(JSON.stringify({ ...BAR, vwap: null, source: null }))).toEqual({
      ...BAR,
      vwap: null,
      source: null,
    })
  })

  test('never disagrees with the general path: lines changed at random', () => {
    const rng = stream(3, 'lines')
    const alphabet = '{}[]":,.0123456789-eEnulltrue NVDAZ\\\u00e9\t'
    const line = JSON.stringify(BAR)
    let taken = 0
    for (let i = 0; i < 60_000; i++) {
      const at = rng.int(line.length)
      const letter = alphabet[rng.int(alphabet.length)]!
      const kind = rng.int(3)
      const changed = line.slice(0, at) + (kind === 0 ? '' : letter) + line.slice(at + (kind === 2 ? 0 : 1))
      const quick = fast(changed)
      if (quick === null) continue
      taken++
      expect(general(changed), changed).toEqual(quick)
    }
    // The test means something only if it got past the fast reader often.
    expect(taken).toBeGreaterThan(1000)
  })

  test('leaves impossible values to the general path', () => {
    for (const change of [
      { high: 1 },
      { low: 0 },
      { volume: -1 },
      { time: '2025-02-30T13:30:00Z' },
      { time: '2025-07-30T24:00:00Z' },
    ]) {
      const line = JSON.stringify({ ...BAR, ...change })
      expect(fast(line)).toBeNull()
      expect(general(line)).toHaveProperty('rule')
    }
  })
})
