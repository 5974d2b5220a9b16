/** Bars of the mock feed, and what statistics are made of. */
import { MINUTE, parseDate } from '../../src/base/time.js'
import { type Bar, type BarBatch, barAt, copyRow, Names, newBatch } from '../../src/market/bar.js'
import { sessionsEndingAt } from '../../src/market/calendar.js'
import { type MockOptions, mockBars } from '../../src/market/feeds/mock.js'

export const day = (date: string): number => parseDate(date)!
export const usual = sessionsEndingAt(day('2025-08-01'), 20)
export const many = sessionsEndingAt(day('2025-08-01'), 400)

export const base = {
  symbols: ['NVDA', 'MSFT'],
  interval: '1m',
  sessions: usual,
  seed: 1,
  regime: 'noise',
} as const

export function all(options: Partial<MockOptions> = {}): BarBatch {
  const pieces: BarBatch[] = []
  for (const block of mockBars({ ...base, ...options })) {
    if (block.kind === 'other') throw new Error(`no bars: ${block.records[0]?.text}`)
    const piece = block.batch
    const copy = newBatch(piece.length, piece.names)
    for (let i = 0; i < piece.length; i++) copyRow(piece, i, copy)
    pieces.push(copy)
  }
  const rows = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const out = newBatch(rows, pieces[0]?.names ?? new Names())
  for (const piece of pieces) for (let i = 0; i < piece.length; i++) copyRow(piece, i, out)
  return out
}

export const bars = (options: Partial<MockOptions> = {}): Bar[] => {
  const batch = all(options)
  return Array.from({ length: batch.length }, (_, i) => barAt(batch, i))
}

/** Log close in bps by session and minute, for one symbol. */
export function closes(symbol: string, options: Partial<MockOptions>): Float64Array[] {
  const batch = all({ ...options, symbols: [symbol] })
  const out: Float64Array[] = []
  let at = 0
  for (const { openMs, closeMs } of options.sessions ?? usual) {
    const steps = (closeMs - openMs) / MINUTE
    out.push(batch.close.slice(at, at + steps).map((price) => 10_000 * Math.log(price)))
    at += steps
  }
  return out
}

/** One-minute moves within the sessions, in bps, with the minute each ends in. */
export function moves(
  symbol: string,
  options: Partial<MockOptions>,
): { move: number; minute: number; of: number }[] {
  return closes(symbol, options).flatMap((path) =>
    Array.from(path.subarray(1), (level, i) => ({ move: level - path[i]!, minute: i + 1, of: path.length })),
  )
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, x) => sum + x, 0) / values.length

/** The mean-one variance of a minute: (0.7 + 0.9 x^2)^2 with x from -1 at the open to 1 at the close. */
export function shape(minute: number, of: number): number {
  const at = (i: number) => (0.7 + 0.9 * ((2 * (i + 0.5)) / of - 1) ** 2) ** 2
  let sum = 0
  for (let i = 0; i < of; i++) sum += at(i)
  return (at(minute) * of) / sum
}
