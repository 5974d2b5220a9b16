import { expect, test } from 'vitest'
import { MINUTE, newYorkMidnight } from '../../base/time.js'
import { ADJUSTMENTS, barAt, INTERVALS, newBatch, SESSIONS } from '../bar.js'
import { sessions } from '../calendar.js'
import type { HistorySource } from './history.js'
import { polled } from './polled.js'

const at = (time: string) => Date.parse(time)

/** A vendor that has each minute some time after its end, without those that a test leaves out. */
function vendor(
  clock: () => number,
  lateMs: number,
  lacks: (symbol: string, time: string) => boolean = () => false,
) {
  const asked: string[] = []
  const source: HistorySource = {
    name: 'alpaca',
    adjusted: 'splits',
    bars: async function* ({ symbol, fromDay, toDay }, { names }) {
      asked.push(symbol)
      const batch = newBatch(1000, names)
      for (const { openMs, closeMs } of sessions(fromDay, toDay)) {
        for (let time = openMs; time < closeMs && time + MINUTE + lateMs <= clock(); time += MINUTE) {
          if (lacks(symbol, new Date(time).toISOString().slice(11, 16))) continue
          const i = batch.length++
          batch.symbol[i] = names.id(symbol)
          batch.source[i] = names.id('alpaca')
          batch.interval[i] = INTERVALS.indexOf('1m')
          batch.adjusted[i] = ADJUSTMENTS.indexOf('splits')
          batch.session[i] = SESSIONS.indexOf('rth')
          batch.time[i] = time
          for (const column of ['open', 'high', 'low', 'close', 'volume'] as const) batch[column][i] = 100
        }
      }
      if (batch.length > 0) yield batch
    },
  }
  return { source, asked }
}

async function follow({
  lateMs = 0,
  lacks,
  from,
  rounds,
}: {
  lateMs?: number
  lacks?: (symbol: string, time: string) => boolean
  from: string
  rounds: number
}) {
  let now = at(from)
  const stop = new AbortController()
  const waits: number[] = []
  const said: string[] = []
  const { source } = vendor(() => now, lateMs, lacks)
  const feed = polled({
    sources: [source],
    symbols: ['NVDA', 'MSFT'],
    interval: '1m',
    session: 'rth',
    fromMs: now,
    random: () => 0.5,
    wait: async (ms) => {
      waits.push(ms)
      now += ms
      if (waits.length === rounds) stop.abort(new Error('enough'))
    },
  })
  const bars: string[] = []
  const world = {
    signal: stop.signal,
    clock: () => now,
    note: (words: string) => void said.push(words),
    warn: (words: string) => void said.push(words),
    detail: () => {},
  }
  const reading = async () => {
    for await (const block of feed.bars({}, world)) {
      if (block.kind === 'other') continue
      for (let i = 0; i < block.batch.length; i++) {
        const { symbol, time } = barAt(block.batch, i)
        bars.push(`${symbol} ${time.slice(0, 16)}`)
      }
    }
  }
  await expect(reading()).rejects.toThrow('enough')
  return { bars, waits, said }
}

test('gives each bar once, soon after its end, both symbols together', async () => {
  const { bars, waits, said } = await follow({ from: '2025-07-30T14:00:30Z', rounds: 4 })
  expect(bars).toEqual([
    'NVDA 2025-07-30T14:01',
    'MSFT 2025-07-30T14:01',
    'NVDA 2025-07-30T14:02',
    'MSFT 2025-07-30T14:02',
  ])
  expect(waits).toEqual([35_000, 60_000, 60_000, 60_000])
  expect(said).toEqual([])
})

test('waits for bars that a vendor has late, and for the next session', async () => {
  const late = await follow({ from: '2025-07-30T14:00:00Z', lateMs: 3 * MINUTE, rounds: 6 })
  expect(late.bars).toEqual([
    'NVDA 2025-07-30T14:00',
    'MSFT 2025-07-30T14:00',
    'NVDA 2025-07-30T14:01',
    'MSFT 2025-07-30T14:01',
  ])
  expect(late.said).toEqual([])
  const night = await follow({ from: '2025-07-30T21:00:00Z', rounds: 2 })
  expect(night.waits[0]).toBe(
    newYorkMidnight(sessions(20300, 20300)[0]!.day) +
      9.5 * 3_600_000 +
      MINUTE +
      5000 -
      at('2025-07-30T21:00:00Z'),
  )
  expect(night.bars).toEqual(['NVDA 2025-07-31T13:30', 'MSFT 2025-07-31T13:30'])
})

test('a bar that later ones have passed is told, once', async () => {
  const lacks = (symbol: string, time: string) => symbol === 'NVDA' && time === '14:01'
  const { bars, said } = await follow({ from: '2025-07-30T14:00:00Z', lacks, rounds: 6 })
  expect(bars).not.toContain('NVDA 2025-07-30T14:01')
  expect(bars).toContain('NVDA 2025-07-30T14:02')
  expect(said).toEqual(['bars are missing: NVDA 1 bars: 2025-07-30T14:01:00Z (1)'])
})
