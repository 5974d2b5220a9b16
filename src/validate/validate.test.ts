/** Clean days give nothing, and what was put in is found, with little beside it. */
import { describe, expect, test } from 'vitest'
import { day } from '../../test/support/mock-feed.js'
import { judgeMock, tells } from '../../test/support/validate.js'
import { sessions, sessionsEndingAt } from '../market/calendar.js'
import { DEFECTS } from '../market/feeds/mock-defects.js'

const eight = sessionsEndingAt(day('2025-08-01'), 8)

describe('clean days give nothing', () => {
  test.each([
    ['one session', '2025-08-01', '2025-08-01', '1m'],
    ['a month', '2025-07-01', '2025-08-01', '1m'],
    ['an early close alone', '2025-07-03', '2025-07-03', '1m'],
    ['an early close after a month', '2025-11-03', '2025-11-28', '1m'],
    ['a week in which the clocks have changed', '2025-03-10', '2025-03-14', '1m'],
    ['weeks around the other change', '2025-10-20', '2025-11-07', '1m'],
    ['five minutes', '2025-06-02', '2025-08-01', '5m'],
    ['hours', '2025-05-01', '2025-08-01', '1h'],
    ['days', '2024-08-01', '2025-08-01', '1d'],
  ] as const)('%s', (_name, from, to, interval) => {
    const { records, dates } = judgeMock({ sessions: sessions(day(from), day(to)), interval })
    expect(records).toEqual([])
    expect(dates.length).toBe(sessions(day(from), day(to)).length)
  })
})

describe('each flaw alone is found, and brings at most three others', () => {
  test.each(DEFECTS)('%s', (kind) => {
    const { injected, records } = judgeMock({ sessions: eight, defects: [kind] })
    expect(injected.length).toBeGreaterThan(0)
    for (const defect of injected) {
      expect(
        records.filter((record) => tells(record, defect)).length,
        JSON.stringify(defect),
      ).toBeGreaterThan(0)
    }
    const others = records.filter((record) => !injected.some((defect) => tells(record, defect)))
    expect(others.map(({ check, from }) => [check, from]).length).toBeLessThanOrEqual(
      kind === 'coverage' ? 1 : 0,
    )
  })
})

const torture = process.env.JULES_TORTURE === '1'

test('all flaws together are found, in whatever seed, and clean days are called flawed once in 20 at most', () => {
  const month = sessionsEndingAt(day('2025-08-01'), torture ? 25 : 10)
  let [days, alarms, others] = [0, 0, 0]
  const seeds = torture ? 200 : 4
  for (let seed = 1; seed <= seeds; seed++) {
    days += month.length
    alarms += new Set(judgeMock({ seed, sessions: month }).records.map(({ date }) => date)).size
    const { injected, records } = judgeMock({ seed, sessions: month, defects: DEFECTS })
    const missed = injected.filter((defect) => !records.some((record) => tells(record, defect)))
    expect([seed, missed]).toEqual([seed, []])
    others += records.filter((record) => !injected.some((defect) => tells(record, defect))).length
  }
  expect(alarms / days).toBeLessThanOrEqual(1 / 20)
  expect(others).toBeLessThanOrEqual(3 * seeds)
}, 600_000)
