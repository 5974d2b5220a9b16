import { expect, test } from 'vitest'
import { type Bar, barAt, INTERVALS, Names, newBatch, SESSIONS } from '../bar.js'
import { sessionOfBar } from '../calendar.js'
import type { HistorySource } from './history.js'
import { withHours } from './hours.js'

type Half = [
  time: string,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
  vwap: number,
]

async function hours(halves: readonly Half[]): Promise<Bar[]> {
  const asked: string[] = []
  const source: HistorySource = {
    name: 'alpaca',
    adjusted: 'splits',
    bars: async function* ({ interval }, { names }) {
      asked.push(interval)
      const batch = newBatch(halves.length, names)
      for (const [time, open, high, low, close, volume, vwap] of halves) {
        const i = batch.length++
        batch.symbol[i] = names.id('NVDA')
        batch.interval[i] = INTERVALS.indexOf('30m')
        batch.time[i] = Date.parse(`2025-07-30T${time}:00Z`)
        batch.session[i] = SESSIONS.indexOf(sessionOfBar(batch.time[i]!, 1_800_000))
        for (const [column, value] of Object.entries({ open, high, low, close, volume, vwap, trades: 2 })) {
          batch[column as 'open'][i] = value
        }
      }
      yield batch
    },
  }
  const wish = { symbol: 'NVDA', interval: '1h', fromDay: 20299, toDay: 20299, session: undefined } as const
  const world = { names: new Names(), note: () => {} } as unknown as Parameters<HistorySource['bars']>[1]
  const bars: Bar[] = []
  for await (const batch of withHours(source).bars(wish, world)) {
    for (let i = 0; i < batch.length; i++) bars.push(barAt(batch, i))
  }
  expect(asked).toEqual(['30m'])
  return bars
}

test('the half hour of the open stands alone; what is before it is no part of it', async () => {
  const bars = await hours([
    ['13:00', 9, 12, 8, 10, 5, 10],
    ['13:30', 10, 11, 9, 10.5, 100, 10],
    ['14:00', 10.5, 12, 10, 11, 100, 11],
    ['14:30', 11, 11.5, 8, 9, 300, 9],
  ])
  expect(bars.map(({ time, session, interval }) => [time.slice(11, 16), session, interval])).toEqual([
    ['13:00', 'eth', '1h'],
    ['13:30', 'rth', '1h'],
    ['14:00', 'rth', '1h'],
  ])
  // (100 x 11 + 300 x 9) / 400
  expect(bars[2]).toMatchObject({ open: 10.5, high: 12, low: 8, close: 9, volume: 400, vwap: 9.5, trades: 4 })
})

test('an hour of the session that lacks one half is a gap, not a shorter hour', async () => {
  const bars = await hours([
    ['13:30', 10, 11, 9, 10, 100, 10],
    ['14:30', 10, 11, 9, 10, 100, 10],
    ['15:00', 10, 11, 9, 10, 100, 10],
    ['15:30', 10, 11, 9, 10, 100, 10],
  ])
  expect(bars.map(({ time }) => time.slice(11, 16))).toEqual(['13:30', '15:00'])
})
