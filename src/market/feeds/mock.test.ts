/** What every bar of the mock feed has in common, and when there is one. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { all, bars, day, many, usual } from '../../../test/support/mock-feed.js'
import { DAY, MINUTE } from '../../base/time.js'
import { type Bar, type BarBatch, barAt, type Interval, intervalMs } from '../bar.js'
import { sessionOfBar, sessions, type TradingSession } from '../calendar.js'
import type { MockOptions } from './mock.js'

const NUMBERS = ['time', 'open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const

function digest(batch: BarBatch): string {
  const hash = createHash('sha256')
  for (const name of NUMBERS) hash.update(new Uint8Array(batch[name].slice(0, batch.length).buffer))
  return hash.digest('hex')
}

describe('the same seed gives the same bytes', () => {
  test('which are pinned', () => {
    expect(digest(all())).toMatchInlineSnapshot(
      `"66d29eab4c18d5799b86992aca0307aaf40908de1cdb3831f73123d291668bae"`,
    )
    expect(digest(all({ regime: 'mean-revert', interval: '5m' }))).toMatchInlineSnapshot(
      `"20b750cc2c239f113a60bbc228d241f1faf04065f2e34b38dc0d7103e42dda2f"`,
    )
    expect(digest(all({ regime: 'trend', interval: '1s', sessions: usual.slice(-1) }))).toMatchInlineSnapshot(
      `"e3291c04184c6a942c7f50c7d95d63ab897fc8ce97c1694e1779a6e3831feb06"`,
    )
  })

  test('and another seed others', () => {
    expect(digest(all({ seed: 2 }))).not.toBe(digest(all()))
  })

  test('whatever range a day is asked for in', () => {
    const late = bars({ sessions: usual.slice(-2) })
    expect(bars().slice(-late.length)).toEqual(late)
    const early = sessions(day('2025-06-30'), day('2025-07-11'))
    for (const one of [early[0]!, early[2]!, early.at(-1)!]) {
      const alone = bars({ sessions: [one], regime: 'mean-revert' })
      const within = bars({ sessions: early, regime: 'mean-revert' })
      expect(within.filter((bar) => Math.floor(Date.parse(bar.time) / DAY) === one.day)).toEqual(alone)
    }
    // Going back and forth does not change it either.
    const jumping = [usual[5]!, usual[1]!, usual[5]!]
    const rows = bars({ sessions: jumping })
    expect(rows.slice(0, 780)).toEqual(rows.slice(-780))
  })

  test('whatever other symbols are asked for', () => {
    const both = bars({ symbols: ['AMD', 'NVDA', 'MSFT'] })
    for (const symbol of ['NVDA', 'AMD']) {
      expect(both.filter((bar) => bar.symbol === symbol)).toEqual(bars({ symbols: [symbol] }))
    }
  })
})

describe('every bar', () => {
  const batch = all({ sessions: many.slice(0, 60) })

  test('has prices on the tick, in order, and whole volumes', () => {
    for (let i = 0; i < batch.length; i++) {
      const [open, high, low, close] = [batch.open[i]!, batch.high[i]!, batch.low[i]!, batch.close[i]!]
      for (const price of [open, high, low, close]) expect(Math.round(price * 100) / 100).toBe(price)
      const vwap = batch.vwap[i]!
      expect(Math.round(vwap * 10_000) / 10_000).toBe(vwap)
      const right =
        low > 0 &&
        low <= Math.min(open, close, vwap) &&
        high >= Math.max(open, close, vwap) &&
        Number.isInteger(batch.volume[i]) &&
        batch.volume[i]! > 0 &&
        Number.isInteger(batch.trades[i]) &&
        batch.trades[i]! > 0
      expect(right, JSON.stringify(barAt(batch, i))).toBe(true)
    }
  })

  test('is marked as what it is', () => {
    expect(barAt(batch, 0)).toMatchObject({
      adjusted: 'splits',
      session: 'rth',
      source: 'mock',
      interval: '1m',
    })
  })

  test('opens within a tick of the close before it, and not always on it', () => {
    const steps = new Map<number, number>()
    for (let i = 2; i < 780; i++) {
      const step = Math.round(100 * (batch.open[i]! - batch.close[i - 2]!))
      steps.set(step, (steps.get(step) ?? 0) + 1)
    }
    expect([...steps.keys()].sort((a, b) => a - b)).toEqual([-1, 0, 1])
    expect(steps.get(0)! / 778).toBeGreaterThan(0.4)
    expect(steps.get(0)! / 778).toBeLessThan(0.6)
  })

  test('lies near what the stocks cost in summer 2025', () => {
    const [nvda, msft] = [bars({ sessions: [usual[0]!] })[0]!, bars({ sessions: [usual[0]!] })[1]!]
    expect([nvda.symbol, Math.abs(nvda.close - 178) < 5]).toEqual(['NVDA', true])
    expect([msft.symbol, Math.abs(msft.close - 520) < 15]).toEqual(['MSFT', true])
  })
})

describe('sessions', () => {
  const times = (options: Partial<MockOptions>) => bars(options).map((bar) => bar.time)

  test('rows come by time, then in the order of the symbols', () => {
    const rows = bars({ symbols: ['MSFT', 'NVDA'], sessions: usual.slice(0, 1) })
    expect(rows.length).toBe(780)
    expect(rows.slice(0, 4).map((bar) => `${bar.time} ${bar.symbol}`)).toEqual([
      '2025-07-07T13:30:00Z MSFT',
      '2025-07-07T13:30:00Z NVDA',
      '2025-07-07T13:31:00Z MSFT',
      '2025-07-07T13:31:00Z NVDA',
    ])
    expect(rows.at(-1)!.time).toBe('2025-07-07T19:59:00Z')
  })

  test('half days end at 13:00 New York, and the offset follows daylight saving', () => {
    const one = (date: string, interval: Interval = '1m') =>
      times({ symbols: ['NVDA'], sessions: sessions(day(date), day(date)), interval })
    expect(one('2025-07-04')).toEqual([])
    expect([one('2025-07-03').length, one('2025-07-03').at(-1)]).toEqual([210, '2025-07-03T16:59:00Z'])
    expect([one('2025-11-28')[0], one('2025-11-28').at(-1)]).toEqual([
      '2025-11-28T14:30:00Z',
      '2025-11-28T17:59:00Z',
    ])
    expect([one('2025-03-07')[0], one('2025-03-10')[0]]).toEqual([
      '2025-03-07T14:30:00Z',
      '2025-03-10T13:30:00Z',
    ])
    expect([one('2025-10-31')[0], one('2025-11-03')[0]]).toEqual([
      '2025-10-31T13:30:00Z',
      '2025-11-03T14:30:00Z',
    ])
    expect([one('2025-11-28', '1h').length, one('2025-11-26', '1h').length]).toEqual([4, 7])
    expect(one('2025-07-30', '1d')).toEqual(['2025-07-30T04:00:00Z'])
    expect(one('2025-01-15', '1d')).toEqual(['2025-01-15T05:00:00Z'])
  })

  test('a year has the sessions and the bars of the calendar', () => {
    const year: TradingSession[] = sessions(day('2024-01-01'), day('2024-12-31'))
    const batch = all({ symbols: ['NVDA'], sessions: year })
    // 2024: 252 sessions, three of them half days.
    expect([year.length, batch.length]).toEqual([252, 249 * 390 + 3 * 210])
    for (let i = 0; i < batch.length; i++) expect(sessionOfBar(batch.time[i]!, MINUTE)).toBe('rth')
  })
})

describe('longer bars are made of the one-minute path', () => {
  for (const interval of ['5m', '15m', '30m', '1h', '1d'] as const) {
    test(`${interval}`, () => {
      const some = sessions(day('2025-06-30'), day('2025-07-07'))
      const fine = bars({ sessions: some })
      const groups = new Map<string, Bar[]>()
      for (const bar of fine) {
        const ms = Date.parse(bar.time)
        const open = some.find((session) => ms >= session.openMs && ms < session.closeMs)!.openMs
        const slot =
          interval === '1d'
            ? open
            : open + Math.floor((ms - open) / intervalMs(interval)) * intervalMs(interval)
        const key = `${slot} ${bar.symbol}`
        groups.set(key, [...(groups.get(key) ?? []), bar])
      }
      const expected = [...groups.entries()].map(([, group]) => {
        const volume = group.reduce((sum, bar) => sum + bar.volume!, 0)
        return {
          symbol: group[0]!.symbol,
          open: group[0]!.open,
          high: Math.max(...group.map((bar) => bar.high)),
          low: Math.min(...group.map((bar) => bar.low)),
          close: group.at(-1)!.close,
          volume,
          trades: group.reduce((sum, bar) => sum + bar.trades!, 0),
        }
      })
      const coarse = bars({ sessions: some, interval })
      expect(
        coarse.map(({ symbol, open, high, low, close, volume, trades }) => ({
          symbol,
          open,
          high,
          low,
          close,
          volume,
          trades,
        })),
      ).toEqual(expected)
      // The parts' vwaps are rounded to 4 decimals, so the whole may differ by that much.
      const groupList = [...groups.values()]
      for (const [i, bar] of coarse.entries()) {
        const turnover = groupList[i]!.reduce((sum, part) => sum + part.vwap! * part.volume!, 0)
        expect(Math.abs(bar.vwap! - turnover / bar.volume!)).toBeLessThan(1.01e-4)
      }
    })
  }
})
