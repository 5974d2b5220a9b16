import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Failure } from '../base/errors.js'
import { DAY, formatDate, MINUTE, newYorkDay, parseDate } from '../base/time.js'
import {
  closureOn,
  FIRST_DAY,
  LAST_DAY,
  minuteOfSession,
  nextSession,
  previousSession,
  sessionAt,
  sessionOfBar,
  sessionOn,
  sessions,
  sessionsEndingAt,
} from './calendar.js'

const published: { sessions: Record<string, string> } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/calendar/xnys.json', import.meta.url), 'utf8'),
)

const day = (date: string): number => parseDate(date)!
const at = (time: string): number => Date.parse(time)
const dates = (found: readonly { day: number }[]): string[] => found.map((session) => formatDate(session.day))

describe('against the published list', () => {
  test('all 7,292 sessions are equal, and there are no others', () => {
    const expected = new Map<number, [number, number]>()
    for (const [year, list] of Object.entries(published.sessions)) {
      for (const entry of list.split(' ')) {
        const date = day(`${year}-${entry.slice(0, 2)}-${entry.slice(2, 4)}`)
        const openMs = date * DAY + (entry.endsWith('s') ? 13.5 : 14.5) * 60 * MINUTE
        expected.set(date, [openMs, openMs + (entry.includes('h') ? 210 : 390) * MINUTE])
      }
    }
    expect(expected.size).toBe(7292)
    const ours = sessions(FIRST_DAY, LAST_DAY)
    expect(ours.length).toBe(7292)
    for (const session of ours) {
      expect([session.openMs, session.closeMs], formatDate(session.day)).toEqual(expected.get(session.day))
    }
  })
})

describe('sessions by date', () => {
  test('half days, special closures and days with the other offset', () => {
    expect(sessionOn(day('2025-11-28'))).toEqual({
      day: day('2025-11-28'),
      openMs: at('2025-11-28T14:30:00Z'),
      closeMs: at('2025-11-28T18:00:00Z'),
    })
    for (const closed of [
      '2001-09-11',
      '2004-06-11',
      '2012-10-29',
      '2018-12-05',
      '2025-01-09',
      '2025-08-02',
    ]) {
      expect(sessionOn(day(closed)), closed).toBeNull()
    }
    // Friday before and Monday after the clocks change, in spring and autumn.
    expect(sessionOn(day('2025-03-07'))!.openMs).toBe(at('2025-03-07T14:30:00Z'))
    expect(sessionOn(day('2025-03-10'))!.openMs).toBe(at('2025-03-10T13:30:00Z'))
    expect(sessionOn(day('2025-10-31'))!.closeMs).toBe(at('2025-10-31T20:00:00Z'))
    expect(sessionOn(day('2025-11-03'))!.closeMs).toBe(at('2025-11-03T21:00:00Z'))
  })

  test('ranges and neighbours', () => {
    expect(dates(sessions(day('2025-07-03'), day('2025-07-08')))).toEqual([
      '2025-07-03',
      '2025-07-07',
      '2025-07-08',
    ])
    expect(dates(sessions(day('2025-07-04'), day('2025-07-06')))).toEqual([])
    expect(dates(sessionsEndingAt(day('2025-07-06'), 2))).toEqual(['2025-07-02', '2025-07-03'])
    expect(dates([nextSession(day('2025-07-03')), previousSession(day('2025-07-07'))])).toEqual([
      '2025-07-07',
      '2025-07-03',
    ])
  })

  test('dates beyond the table are refused', () => {
    for (const date of ['1999-12-31', '2029-01-01']) {
      expect(() => sessionOn(day(date))).toThrow(Failure)
      expect(() => sessionOn(day(date))).toThrow(`the trading calendar covers 2000 to 2028, not ${date}`)
    }
    expect(() => sessionsEndingAt(day('2000-01-10'), 7)).toThrow(Failure)
    expect(() => nextSession(day('2028-12-29'))).toThrow(Failure)
    expect(() => previousSession(day('2000-01-03'))).toThrow(Failure)
    expect(() => sessionOfBar(at('1999-12-30T15:00:00Z'), MINUTE)).toThrow(Failure)
  })
})

describe('sessions by instant', () => {
  test('a bar is rth from the open to before the close', () => {
    expect(sessionOfBar(at('2025-07-30T13:29:00Z'), MINUTE)).toBe('eth')
    expect(sessionOfBar(at('2025-07-30T13:30:00Z'), MINUTE)).toBe('rth')
    expect(sessionOfBar(at('2025-07-30T19:59:00Z'), MINUTE)).toBe('rth')
    expect(sessionOfBar(at('2025-07-30T20:00:00Z'), MINUTE)).toBe('eth')
    expect(sessionOfBar(at('2025-11-28T18:00:00Z'), MINUTE)).toBe('eth')
    // An hourly bar that starts before the open holds trades from before it.
    expect(sessionOfBar(at('2025-07-30T13:00:00Z'), 60 * MINUTE)).toBe('eth')
    expect(sessionOfBar(at('2025-07-30T04:00:00Z'), DAY)).toBe('rth')
    expect(sessionOfBar(at('2025-08-02T15:00:00Z'), MINUTE)).toBe('eth')
  })

  test('the New York date, not that of UTC, decides', () => {
    // 20:30 in New York on the evening before.
    expect(formatDate(newYorkDay(at('2025-07-30T00:30:00Z')))).toBe('2025-07-29')
    expect(sessionAt(at('2025-07-30T00:30:00Z'))!.day).toBe(day('2025-07-29'))
    expect(sessionAt(at('2025-01-02T04:59:00Z'))).toBeNull()
    expect(sessionAt(at('2025-01-02T05:00:00Z'))!.day).toBe(day('2025-01-02'))
  })

  test('answers do not depend on the order of questions', () => {
    const instants: number[] = []
    for (let i = 0; i < 8000; i++) instants.push(at('2025-03-01T00:00:00Z') + i * 7 * MINUTE)
    const forward = instants.map((ms) => minuteOfSession(ms))
    const backward = instants.toReversed().map((ms) => minuteOfSession(ms))
    expect(backward.toReversed()).toEqual(forward)
    expect(Math.max(...forward)).toBe(389)
  })

  test('the minute of the session', () => {
    expect(minuteOfSession(at('2025-07-30T13:30:00Z'))).toBe(0)
    expect(minuteOfSession(at('2025-07-30T13:31:59Z'))).toBe(1)
    expect(minuteOfSession(at('2025-07-30T19:59:00Z'))).toBe(389)
    expect(minuteOfSession(at('2025-07-30T20:00:00Z'))).toBe(-1)
    expect(minuteOfSession(at('2025-11-28T17:59:00Z'))).toBe(209)
    expect(minuteOfSession(at('2025-07-04T15:00:00Z'))).toBe(-1)
  })
})

test.each([
  ['2025-07-30', null],
  ['2025-07-26', 'weekend'],
  ['2025-11-27', 'Thanksgiving'],
  ['2025-04-18', 'Good Friday'],
  ['2025-06-19', 'Juneteenth'],
  ['2021-06-18', null],
  ['2012-10-29', 'Hurricane Sandy'],
  ['2025-01-09', 'mourning for President Carter'],
  ['2021-12-24', 'Christmas'],
  ['2023-01-02', "New Year's Day"],
  ['2026-07-03', 'Independence Day'],
])('%s is closed for %s', (date, why) => {
  expect(closureOn(day(date))).toBe(why)
})
