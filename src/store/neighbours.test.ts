/** Bars that are loaded may not overlap those that an earlier load left. */
import { expect, onTestFinished, test } from 'vitest'
import { memorySource } from '../../test/support/memory-source.js'
import { targetOf } from '../../test/support/target.js'
import { freshDatabase } from '../../test/support/workdir.js'
import { readRecords } from '../market/records.js'
import { PostgresStore } from './postgres.js'

type Bars = readonly [interval: string, ...times: string[]]

/** Wall time in New York on 2025-07-30. */
const csv = (symbol: string, [interval, ...times]: Bars): string =>
  `symbol,interval,time,open,high,low,close,volume\n${times
    .map(
      (time) => `${symbol},${interval},${time.length > 5 ? time : `2025-07-30T${time}:00-04:00`},1,1,1,1,1\n`,
    )
    .join('')}`

async function loader() {
  const { dsn, query } = await freshDatabase()
  const store = await PostgresStore.open(targetOf(dsn))
  onTestFinished(() => store.close())
  const load = async (symbol: string, bars: Bars): Promise<string> => {
    try {
      const load = await store.load({ onConflict: 'update', allowMock: false, importId: undefined })
      for await (const block of readRecords(memorySource('csv', Buffer.from(csv(symbol, bars)))))
        if (block.kind === 'bars') await load.bars(block.batch)
      await load.finish()
      return 'loaded'
    } catch (error) {
      return (error as Error).message
    }
  }
  const stored = () => query('SELECT * FROM market_data ORDER BY symbol, "interval", "time"')
  return { load, query, stored }
}

const apart = (second: string, first: string, length: string) =>
  `bars overlap: NVDA 2025-07-30T${second}:00Z begins before the end of 2025-07-30T${first}:00Z, which is ${length} long; one of them is in the store already`

const CASES: [title: string, stored: Bars, loaded: Bars, outcome: string][] = [
  ['the same bars', ['5m', '09:30', '09:35'], ['5m', '09:30', '09:35'], 'loaded'],
  ['the bars after them', ['5m', '09:30', '09:35'], ['5m', '09:40'], 'loaded'],
  ['bars of another length', ['5m', '09:30', '09:35'], ['1m', '09:30', '09:31', '09:36'], 'loaded'],
  ['the hole between them', ['5m', '09:30', '09:40'], ['5m', '09:35'], 'loaded'],
  ['one within the last', ['5m', '09:30', '09:35'], ['5m', '09:38'], apart('13:38', '13:35', '5 minutes')],
  ['one into the first', ['5m', '09:30', '09:35'], ['5m', '09:28'], 'loaded'],
  ['one before the first', ['5m', '09:35', '09:40'], ['5m', '09:31'], apart('13:35', '13:31', '5 minutes')],
  ['one among them', ['5m', '09:30', '09:35'], ['5m', '09:32'], apart('13:32', '13:30', '5 minutes')],
  [
    'minutes that are called five',
    ['5m', '09:30', '09:35'],
    ['5m', '09:30', '09:36'],
    apart('13:36', '13:35', '5 minutes'),
  ],
  ['the first hour that the clock cuts', ['1h', '10:00', '11:00'], ['1h', '09:30'], 'loaded'],
  ['hours of the clock', ['1h', '09:30', '10:30'], ['1h', '10:00'], apart('14:30', '14:00', '1 hour')],
  [
    'days, in spring too',
    ['1d', '2025-03-07', '2025-03-10'],
    ['1d', '2025-03-09T00:00:00-05:00', '2025-03-11'],
    'loaded',
  ],
]

test('bars that are loaded against those that stand there', async () => {
  const { load, stored } = await loader()
  for (const [i, [title, old, bars, outcome]] of CASES.entries()) {
    const symbol = `S${i}`
    expect(await load(symbol, old), title).toBe('loaded')
    const before = await stored()
    expect(await load(symbol, bars), title).toBe(outcome.replace('NVDA', symbol))
    if (outcome !== 'loaded') expect(await stored(), title).toEqual(before)
  }
})

test('bars that overlapped in the store before are no fault of others among them', async () => {
  const { load, query } = await loader()
  await load('NVDA', ['5m', '09:30', '09:50'])
  await query(`INSERT INTO market_data SELECT symbol, "interval", "time" + interval '1 minute', open, high, low, close, volume
    FROM market_data WHERE "time" = '2025-07-30T13:50:00Z'`)
  expect(await load('NVDA', ['5m', '09:40', '09:55'])).toBe(apart('13:55', '13:51', '5 minutes'))
  expect(await load('NVDA', ['5m', '09:40', '10:00'])).toBe('loaded')
})
