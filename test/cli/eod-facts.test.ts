/** What `jules eod-validate` knows of a day beside its bars: arrivals, a file to compare with, runs on paper, the disk. */
import { expect, inject, test } from 'vitest'
import { parseDate } from '../../src/base/time.js'
import { eodValidate } from '../../src/commands/eod-validate/eod-validate.js'
import { sessionsEndingAt } from '../../src/market/calendar.js'
import { called } from '../support/called.js'
import { bars as generated } from '../support/mock-feed.js'
import { ownTables, putLines } from '../support/target.js'
import { Workdir } from '../support/workdir.js'

const [DAY] = sessionsEndingAt(parseDate('2025-08-01')!, 1)
const TRUTH = generated({ sessions: [DAY!] }).map((bar) => JSON.stringify({ ...bar, source: 'alpaca' }))

async function world() {
  const { schema, query, open } = await ownTables()
  const store = await open()
  await store.init()
  await putLines(store, TRUTH.join('\n'))
  // As if the evening had loaded them.
  await query(`UPDATE market_data SET updated_at = '2025-08-01 21:00Z'`)
  const dir = new Workdir()
  const check = async (...more: string[]) => {
    const place = ['--dsn', inject('serverUrl'), '--schema', schema, '--no-record']
    const args = ['--date', '2025-08-01', '-f', 'ndjson', ...place, ...more]
    const result = await called(eodValidate, 'eod-validate', args, {
      home: dir.path,
      clock: () => Date.parse('2025-08-04T12:00:00Z'),
    })
    const lines = result.stdout.split('\n').filter((line) => line !== '')
    return { ...result, findings: lines.map((line) => JSON.parse(line)) }
  }
  return { check, query, dir }
}

test('a day that came in the evening and is as it was has no finding', async () => {
  const { check, dir } = await world()
  dir.write('bars.ndjson', `${TRUTH.join('\n')}\n`)
  expect(await check('--against', dir.file('bars.ndjson'))).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  })
})

test('bars that came late, or before they had ended', async () => {
  const { check, query } = await world()
  await query(`UPDATE market_data SET updated_at = '2025-08-03 21:00Z' WHERE symbol = 'MSFT'`)
  await query(
    `UPDATE market_data SET updated_at = "time" + interval '20 seconds' WHERE symbol = 'NVDA' AND "time" = '2025-08-01 15:00Z'`,
  )
  const { status, findings } = await check()
  expect(status).toBe(1)
  expect(
    findings.map(({ symbol, check: id, severity, observed }) => [symbol, id, severity, observed]),
  ).toEqual([
    ['NVDA', 'clock-skew', 'error', 40],
    ['MSFT', 'arrival', 'warn', 49],
  ])
  // What is generated may be there before its time.
  await query(`UPDATE market_data SET source = 'mock'`)
  expect((await check()).findings).toEqual([])
})

test('bars that are not those of a file are one finding a symbol', async () => {
  const { check, dir } = await world()
  const [first, ...rest] = TRUTH
  const changed = rest.map((line) =>
    line.includes('"MSFT"') && line.includes('T14:00:00Z')
      ? line.replace(/"volume":\d+/, '"volume":1')
      : line,
  )
  dir.write('bars.ndjson', `${changed.join('\n')}\n`)
  expect(JSON.parse(first!)).toMatchObject({ symbol: 'NVDA', time: '2025-08-01T13:30:00Z' })
  const { status, findings } = await check('--against', dir.file('bars.ndjson'))
  expect(status).toBe(1)
  expect(findings).toMatchObject([
    { symbol: 'NVDA', check: 'store-file', count: 1, samples: ['2025-08-01T13:30:00Z in the store alone'] },
    {
      symbol: 'MSFT',
      check: 'store-file',
      samples: [expect.stringMatching(/^2025-08-01T14:00:00Z volume \d+ in the store, 1 in the file$/)],
    },
  ])
  const other = await check('--against', dir.file('nowhere.ndjson'))
  expect(other.status).toBe(66)
})

test('runs on paper whose records stand in the store are judged, backtests are not', async () => {
  const { check, query, dir } = await world()
  const marks = (cash: number, held: number) =>
    `${cash}, '{"NVDA":${held},"MSFT":0}', '{"NVDA":170,"MSFT":500}', ${cash + held * 170}, -60, -60, 0`
  const equity = (run: string) =>
    `INSERT INTO equity (run, "time", cash, positions, marks, equity, pnl_day, pnl_total, drawdown) VALUES
     ('${run}', '2025-08-01 14:00Z', ${marks(5000, 0)}), ('${run}', '2025-08-01 14:02Z', ${marks(4000, 5)});`
  await query(`${equity('paper-1')} ${equity('backtest-1')}
    INSERT INTO fills (run, "time", symbol, side, qty, price, commission, ref, exec)
      VALUES ('paper-1', '2025-08-01 14:01Z', 'NVDA', 'buy', 5, 170, 0.35, 'r', 'e1');
    INSERT INTO run_states (run, "time", connection, data_age_ms) VALUES ('paper-1', '2025-08-01 14:00Z', 'ready', 100);`)
  const { status, findings } = await check()
  expect(status).toBe(1)
  expect(findings.map(({ symbol, check: id }) => [symbol, id])).toEqual([
    [null, 'ledger'],
    [null, 'daily-loss'],
    [null, 'uptime'],
  ])
  expect(findings[0].samples).toEqual([
    'paper-1 2025-08-01T14:02:00Z: the fills leave $4,149.65 of cash, the books $4,000.00',
  ])
  expect(findings[2].samples).toEqual([expect.stringMatching(/^paper-1: 0\.\d\d %$/)])
  // The same from a file, where the store is not asked.
  const records = [
    {
      type: 'equity',
      time: '2025-08-01T14:00:00Z',
      run: 'paper-2',
      cash: 5000,
      positions: {},
      marks: {},
      equity: 5001,
      pnl_day: 0,
    },
    { type: 'state', time: '2025-08-01T14:00:00Z', run: 'paper-2', connection: 'ready', data_age_ms: 1 },
    { type: 'summary', run: 'paper-2', command: 'paper', interval: '1m' },
  ]
  dir.write('paper.ndjson', records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  dir.write('bars.ndjson', `${TRUTH.join('\n')}\n`)
  const file = await called(eodValidate, 'eod-validate', [
    ...['--paper', dir.file('paper.ndjson'), dir.file('bars.ndjson'), '-f', 'ndjson'],
  ])
  expect(
    file.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    {
      check: 'ledger',
      samples: ['paper-2 2025-08-01T14:00:00Z: cash and shares are worth $5,000.00, equity says $5,001.00'],
    },
  ])
})

test('a disk that is nearly full', async () => {
  const { check } = await world()
  const { status, findings } = await check('--threshold', 'disk=1000000000')
  expect([status, findings.map(({ check: id }) => id)]).toEqual([1, ['disk']])
})

test('--against is for the store', async () => {
  const { dir } = await world()
  dir.write('bars.ndjson', `${TRUTH.join('\n')}\n`)
  const args = ['--against', dir.file('bars.ndjson'), dir.file('bars.ndjson')]
  expect(await called(eodValidate, 'eod-validate', args)).toMatchObject({ status: 64 })
})
