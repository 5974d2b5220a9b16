import { expect, test } from 'vitest'
import { changing } from '../../test/support/changing-policy.js'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { Backtest } from '../trading/backtest.js'
import { RecordWriter } from '../trading/records.js'
import { DEFAULT_RULES } from '../trading/rules.js'
import { EquityScanner } from './equity-scanner.js'

function equityLines(capital: number): string[] {
  const market = randomMarket({ sessions: 3, seed: 4, gaps: 0.05, bps: 30 })
  const rules = { ...DEFAULT_RULES, capital }
  const lines: string[] = []
  const listener = new RecordWriter({
    ...{ run: 'r "1"', market, rules, types: new Set(['equity'] as const) },
    write: (line) => lines.push(line),
  })
  const policy = changing(0.2)
  const run = new Backtest({ market, features: null, rules, policy, longOnly: false, warmup: 5, listener })
  while (!run.advance(1000));
  return lines
}

const scanned = (scanner: EquityScanner, bytes: Buffer) => {
  const end = scanner.take(bytes, 0)
  const { time, equity, positions, marks } = scanner
  return end < 0 ? null : { end, time, equity, positions: [...positions], marks: [...marks] }
}

const parsed = (line: string) => {
  const { time, equity, positions, marks } = JSON.parse(line)
  return {
    end: Buffer.byteLength(line) - 1,
    time: Date.parse(time),
    equity,
    positions: Object.values(positions),
    marks: Object.values(marks),
  }
}

test.each([5000, 1_234_567.891])('every line of a run with $%f is read as JSON is', (capital) => {
  const lines = equityLines(capital)
  const scanner = new EquityScanner('r "1"', ['NVDA', 'MSFT'])
  expect(lines.length).toBeGreaterThan(500)
  for (const line of lines) expect(scanned(scanner, Buffer.from(line))).toEqual(parsed(line))
})

test('a line of another run, of other symbols or without its end is left to JSON', () => {
  const [line = ''] = equityLines(5000)
  const bytes = Buffer.from(line)
  expect(scanned(new EquityScanner('r', ['NVDA', 'MSFT']), bytes)).toBeNull()
  expect(scanned(new EquityScanner('r "1"', ['MSFT', 'NVDA']), bytes)).toBeNull()
  expect(scanned(new EquityScanner('r "1"', ['NVDA']), bytes)).toBeNull()
  const own = new EquityScanner('r "1"', ['NVDA', 'MSFT'])
  for (let end = 0; end < bytes.length; end++) expect(scanned(own, bytes.subarray(0, end))).toBeNull()
})

test('whatever byte is another one, what is taken is what JSON reads', () => {
  const lines = equityLines(5000)
  const rng = stream(7, 'bytes')
  const scanner = new EquityScanner('r "1"', ['NVDA', 'MSFT'])
  const letters = Buffer.from('0123456789.-+eE:,{}"TZ \n')
  let taken = 0
  for (let i = 0; i < 40_000; i++) {
    const bytes = Buffer.from(lines[rng.int(lines.length)]!)
    bytes[rng.int(bytes.length)] = letters[rng.int(letters.length)]!
    const found = scanned(scanner, bytes)
    if (found === null) continue
    taken++
    expect(found).toEqual(parsed(bytes.toString()))
  }
  // Digits in place of digits are numbers as good.
  expect(taken).toBeGreaterThan(2000)
})
