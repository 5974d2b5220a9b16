import { expect, test } from 'vitest'
import { RunRecords } from './run-records.js'

const equityAt = (time: string, equity: number, more: object = {}) => ({
  type: 'equity',
  run: 'p1',
  time,
  equity,
  ...more,
})
const summaryOf = (lines: readonly (object | string)[]) => {
  const records = new RunRecords()
  for (const [n, line] of lines.entries())
    records.take(typeof line === 'string' ? line : JSON.stringify(line), `run:${n + 1}`)
  return records.summary({})
}
const [first, second] = [equityAt('2025-07-30T20:00:00Z', 5300), equityAt('2025-07-31T20:00:00Z', 5200)]

test('a run that goes back in time is two runs of one name, or one twice', () => {
  expect(summaryOf([first, second, second])).toMatchObject({ run: 'p1', sessions: 2, pnl: -100 })
  expect(() => summaryOf([first, second, first])).toThrow(
    expect.objectContaining({ code: 65, where: 'run:3', message: expect.stringContaining('is before') }),
  )
})

test.each([
  ['{"type":"summary","pnl":2000,"pnl":1}', 'key "pnl" stands twice'],
  ['{"type":"summary","__proto__":{"pnl":1}}', 'not allowed'],
  [`{"type":"summary","a":${'['.repeat(200)}${']'.repeat(200)}}`, 'nested'],
  ['{"type":"equity","run":"p1","time":"2025-07-30T20:00:00Z","equity":1e999}', 'needs a time'],
  ['{"type":"summ', 'expected a JSON object'],
])('%s is refused with its line', (line, words) => {
  expect(() => summaryOf([first, line])).toThrow(expect.objectContaining({ code: 65, where: 'run:2' }))
  expect(() => summaryOf([first, line])).toThrow(words)
})

test('a reason stands beside each figure that neither has, and beside no other', () => {
  const own = { type: 'summary', run: 'p1', command: 'backtest', sharpe: null, sortino: 2, calmar: null }
  const reasons = { sharpe: 'its own words', sortino: 'no words' }
  const summary = summaryOf([first, second, { ...own, reasons }])!
  expect(summary.reasons).toMatchObject({ sharpe: 'its own words', psr: '2 returns, fewer than 20' })
  expect(summary.reasons).not.toHaveProperty('sortino')
})

test('equity that falls to 0 has no returns, and says so', () => {
  const broke = summaryOf([first, equityAt('2025-07-31T20:00:00Z', -20)])!
  expect(broke).toMatchObject({ pnl: -5320, sessions: 2, sharpe: null })
  expect(broke.reasons).toMatchObject({ sharpe: 'equity fell to 0 or below' })
})

test('records that begin in the middle of a run have what they earned themselves, and say so', () => {
  const late = equityAt('2025-07-30T18:00:00Z', 8010, { pnl_day: 10, pnl_total: 3010 })
  const last = equityAt('2025-07-31T20:00:00Z', 8100, { pnl_day: 60, pnl_total: 3100 })
  // The first session began with 8000.
  const ended = equityAt('2025-07-30T20:00:00Z', 8040, { pnl_day: 40, pnl_total: 3040 })
  expect(summaryOf([late, ended, last])).toMatchObject({
    pnl: 100,
    total_return: expect.closeTo(100 / 8000, 12),
    notes: [expect.stringMatching(/begin at 2025-07-30T18:00:00Z, in the middle/)],
  })
  const whole = equityAt('2025-07-30T18:00:00Z', 5010, { pnl_day: 10, pnl_total: 10 })
  expect(summaryOf([whole])).not.toHaveProperty('notes')
  expect(summaryOf([whole, { type: 'summary', run: 'p1', command: 'paper', equity: 6000 }])).toMatchObject({
    notes: [expect.stringMatching(/records are not all of the run/)],
  })
})

test('a second summary is that of a run that went on, or refused; a cut line may still be written', () => {
  const own = { type: 'summary', run: 'p1', command: 'paper', pnl: 100 }
  expect(summaryOf([own, { ...own, pnl: 130 }])).toMatchObject({
    pnl: 130,
    notes: [expect.stringMatching(/the one before has net result \$100\.00/)],
  })
  const past = { ...own, command: 'backtest' }
  expect(() => summaryOf([past, { ...past, pnl: 130 }])).toThrow(
    expect.objectContaining({ code: 65, where: 'run:2', message: expect.stringMatching(/contradicts/) }),
  )
  expect(() => new RunRecords().take('{"type":"eq', 'run:1', false)).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/still be written/) }),
  )
})

test('nothing of a run is nothing', () => {
  expect(summaryOf(['{"type":"bar"}'])).toBeNull()
})
