import { describe, expect, test } from 'vitest'
import { DAY, daysFromCivil, formatTime, MINUTE } from '../base/time.js'
import { INTERVALS, intervalMs } from './bar.js'
import { sessionOn, sessions } from './calendar.js'
import { anchorOf, barStarts, isOnGrid, missingRanges, overlaps, sessionOfStart } from './grid.js'

const at = (text: string): number => Date.parse(text)
const times = (starts: readonly number[]): string[] => starts.map((start) => formatTime(start).slice(11, 16))
const on = (year: number, month: number, day: number) => sessionOn(daysFromCivil(year, month, day))!
const whole = on(2025, 7, 30)
const half = on(2025, 7, 3)

describe('the bars of a session', () => {
  test.each([
    ['1m', 390, 210],
    ['5m', 78, 42],
    ['15m', 26, 14],
    ['30m', 13, 7],
    ['1h', 7, 4],
    ['1d', 1, 1],
    ['5s', 4680, 2520],
  ] as const)('of %s: %i, on a half day %i', (interval, full, short) => {
    expect([barStarts(whole, interval).length, barStarts(half, interval).length]).toEqual([full, short])
  })

  test('of clock hours begin at the open, then at full hours', () => {
    expect(times(barStarts(whole, '1h'))).toEqual([
      '13:30',
      '14:30',
      '15:30',
      '16:30',
      '17:30',
      '18:30',
      '19:30',
    ])
    expect(times(barStarts(whole, '1h', 'clock'))).toEqual([
      '13:30',
      '14:00',
      '15:00',
      '16:00',
      '17:00',
      '18:00',
      '19:00',
    ])
    expect(barStarts(whole, '5m', 'clock')).toEqual(barStarts(whole, '5m'))
  })

  test('of a day begins at midnight in New York, summer and winter', () => {
    expect(barStarts(whole, '1d').map(formatTime)).toEqual(['2025-07-30T04:00:00Z'])
    expect(barStarts(on(2025, 1, 2), '1d').map(formatTime)).toEqual(['2025-01-02T05:00:00Z'])
  })

  test('are each in their session and on the grid, and follow each other without overlap', () => {
    for (const interval of INTERVALS.filter((one) => one !== '1s' && one !== '5s')) {
      for (const anchor of ['open', 'clock'] as const) {
        const starts = sessions(daysFromCivil(2025, 3, 3), daysFromCivil(2025, 3, 14)).flatMap((one) =>
          barStarts(one, interval, anchor),
        )
        for (const [i, start] of starts.entries()) {
          const session = sessionOfStart(start, intervalMs(interval))!
          expect(isOnGrid(start, session, interval)).toBe(true)
          if (i > 0)
            expect(
              overlaps(starts[i - 1]!, start, intervalMs(interval)),
              `${interval} ${formatTime(start)}`,
            ).toBe(false)
        }
      }
    }
  })
})

describe('a start', () => {
  test.each([
    ['2025-07-30T13:30:00Z', MINUTE, true],
    ['2025-07-30T13:29:00Z', MINUTE, false],
    ['2025-07-30T19:59:00Z', MINUTE, true],
    ['2025-07-30T20:00:00Z', MINUTE, false],
    ['2025-07-04T14:00:00Z', MINUTE, false],
    // A bar of a day belongs to a date, however that is written.
    ['2025-07-30T00:00:00Z', DAY, true],
    ['2025-07-30T04:00:00Z', DAY, true],
    ['2025-07-04T00:00:00Z', DAY, false],
    ['2025-07-04T04:00:00Z', DAY, false],
  ])('%s of %i ms is in a session: %s', (text, length, expected) => {
    expect(sessionOfStart(at(text), length) !== null).toBe(expected)
  })

  test('of a day gives the session of its date', () => {
    for (const text of ['2025-07-28T00:00:00Z', '2025-07-28T04:00:00Z'])
      expect(sessionOfStart(at(text), DAY)!.day).toBe(daysFromCivil(2025, 7, 28))
  })

  test('off the grid is known', () => {
    expect([
      isOnGrid(at('2025-07-30T13:31:00Z'), whole, '5m'),
      isOnGrid(at('2025-07-30T13:35:00Z'), whole, '5m'),
    ]).toEqual([false, true])
    expect([
      isOnGrid(at('2025-07-30T14:00:00Z'), whole, '1h'),
      isOnGrid(at('2025-07-30T14:15:00Z'), whole, '1h'),
    ]).toEqual([true, false])
  })
})

describe('two bars', () => {
  test.each([
    ['one after the other', '2025-07-30T13:30:00Z', '2025-07-30T13:31:00Z', '1m', false],
    ['minutes that are called 5', '2025-07-30T13:30:00Z', '2025-07-30T13:31:00Z', '5m', true],
    ['the same', '2025-07-30T13:30:00Z', '2025-07-30T13:30:00Z', '5m', true],
    ['in the other order', '2025-07-30T13:35:00Z', '2025-07-30T13:31:00Z', '5m', true],
    ['of clock hours, the first cut short', '2025-07-30T13:30:00Z', '2025-07-30T14:00:00Z', '1h', false],
    ['of clock hours after one that was not', '2025-07-30T14:30:00Z', '2025-07-30T15:00:00Z', '1h', true],
    ['half hours that are called hours', '2025-07-30T15:00:00Z', '2025-07-30T15:30:00Z', '1h', true],
    ['days over a change of the clocks', '2025-03-09T05:00:00Z', '2025-03-10T04:00:00Z', '1d', false],
    ['the same date twice', '2025-07-30T00:00:00Z', '2025-07-30T04:00:00Z', '1d', true],
  ] as const)('%s', (_name, before, after, interval, expected) => {
    expect(overlaps(at(before), at(after), intervalMs(interval))).toBe(expected)
  })
})

describe('what is missing', () => {
  const week = sessions(daysFromCivil(2025, 6, 30), daysFromCivil(2025, 7, 4))
  const all = week.flatMap((session) => barStarts(session, '1m'))

  test('nothing of a whole week', () => {
    expect(week.length).toBe(4)
    expect(missingRanges(all, all.length, { sessions: week, interval: '1m' })).toEqual([])
  })

  test('ranges within a session, and sessions as a whole', () => {
    const gone = (start: number) =>
      (start >= at('2025-07-01T14:00:00Z') && start < at('2025-07-01T14:03:00Z')) ||
      start === at('2025-07-01T19:59:00Z') ||
      (start > at('2025-07-02T00:00:00Z') && start < at('2025-07-03T00:00:00Z'))
    const kept = all.filter((start) => !gone(start))
    const ranges = missingRanges(kept, kept.length, { sessions: week, interval: '1m' })
    expect(
      ranges.map(({ fromMs, toMs, count, whole: none }) => [
        formatTime(fromMs),
        formatTime(toMs),
        count,
        none,
      ]),
    ).toEqual([
      ['2025-07-01T14:00:00Z', '2025-07-01T14:02:00Z', 3, false],
      ['2025-07-01T19:59:00Z', '2025-07-01T19:59:00Z', 1, false],
      ['2025-07-02T13:30:00Z', '2025-07-02T19:59:00Z', 390, true],
    ])
  })

  test('days, by their dates', () => {
    const starts = [at('2025-06-30T00:00:00Z'), at('2025-07-02T04:00:00Z'), at('2025-07-03T00:00:00Z')]
    const ranges = missingRanges(starts, 3, { sessions: week, interval: '1d' })
    expect(ranges).toEqual([
      {
        day: daysFromCivil(2025, 7, 1),
        fromMs: at('2025-07-01T04:00:00Z'),
        toMs: at('2025-07-01T04:00:00Z'),
        count: 1,
        whole: true,
      },
    ])
  })

  test('on the grid that the bars are on', () => {
    const hours = week.flatMap((session) => barStarts(session, '1h', 'clock'))
    const anchor = anchorOf(hours, hours.length, '1h')
    expect(anchor).toBe('clock')
    expect(missingRanges(hours, hours.length, { sessions: week, interval: '1h', anchor })).toEqual([])
    const fromOpen = barStarts(whole, '1h')
    expect(anchorOf(fromOpen, fromOpen.length, '1h')).toBe('open')
  })
})
