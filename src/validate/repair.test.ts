/** The command of a repair names somebody who has such bars. */
import { expect, test } from 'vitest'
import { INTERVALS, type Interval } from '../market/bar.js'
import { REPAIR_SOURCES, repairCommand } from './repair.js'

const span = { symbol: 'NVDA', from: 20_299, to: 20_299, by: 'dates', store: '' } as const
const sourceIn = (source: string | null, otherwise: string, interval: Interval) =>
  /--source (\S+)/.exec(repairCommand({ ...span, source, otherwise, interval }))![1]

test.each(INTERVALS)('of bars of %s', (interval) => {
  for (const source of [...REPAIR_SOURCES, 'mock', null]) {
    for (const otherwise of REPAIR_SOURCES) {
      const who = sourceIn(source, otherwise, interval)
      expect(REPAIR_SOURCES).toContain(who)
      if (['1s', '5s'].includes(interval)) expect(who).toBe('ib')
      if (interval === '1d') expect(who).not.toBe('alphavantage')
    }
  }
})

test('of the source of the bars, where that has them', () => {
  expect(sourceIn('polygon', 'ib', '1m')).toBe('polygon')
  expect(sourceIn('mock', 'polygon', '1m')).toBe('polygon')
})
