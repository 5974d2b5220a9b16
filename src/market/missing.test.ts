import { describe, expect, test } from 'vitest'
import { daysFromCivil } from '../base/time.js'
import type { Interval } from './bar.js'
import { sessions } from './calendar.js'
import { type Anchor, barStarts } from './grid.js'
import { Market } from './market.js'
import { missingOf } from './missing.js'

/** 4 sessions of a week with a holiday and a half day: 3 x 390 + 210 minutes. */
const WEEK = sessions(daysFromCivil(2025, 6, 30), daysFromCivil(2025, 7, 4))

/** All bars of the week but those for which `lacks` names a symbol, or both. */
function market(
  lacks: (time: string) => 'NVDA' | 'MSFT' | 'both' | null,
  interval: Interval = '1m',
  anchor?: Anchor,
) {
  const made = new Market(['NVDA', 'MSFT'], interval)
  const bar = [100, 100, 100, 100, 1]
  for (const start of WEEK.flatMap((session) => barStarts(session, interval, anchor))) {
    const lacking = lacks(new Date(start).toISOString().slice(0, 16))
    if (lacking === null) made.append(start, [...bar, ...bar])
    else if (lacking === 'MSFT') made.alone[0].append(start, bar)
    else if (lacking === 'NVDA') made.alone[1].append(start, bar)
  }
  return made
}

const whole = 3 * 390 + 210

describe('against the calendar', () => {
  test('a whole week lacks nothing, in bars of any length and on either grid', () => {
    for (const interval of ['1m', '5m', '15m', '30m', '1h', '1d'] as const)
      for (const anchor of ['open', 'clock'] as const)
        expect(missingOf(market(() => null, interval, anchor)), interval).toEqual({ share: 0, words: null })
  })

  test('what both lack is told, sessions by their dates', () => {
    const found = missingOf(
      market((time) => (time.startsWith('2025-07-01') || time === '2025-07-02T14:00' ? 'both' : null)),
    )
    expect(found.words).toBe(
      `NVDA and MSFT lack 391 of ${whole} bars: session 2025-07-01, 2025-07-02T14:00:00Z (1)`,
    )
    expect(found.share).toBeCloseTo(391 / whole, 12)
  })

  test('who lacks what', () => {
    const found = missingOf(
      market((time) => {
        if (time >= '2025-07-01T15:00' && time < '2025-07-01T15:10') return 'MSFT'
        return time === '2025-07-02T14:00' ? 'NVDA' : null
      }),
    )
    expect(found.words).toBe(
      `NVDA lacks 1 of ${whole} bars: 2025-07-02T14:00:00Z (1); MSFT lacks 10 of ${whole} bars: 2025-07-01T15:00:00Z to 2025-07-01T15:09:00Z (10)`,
    )
    expect(found.share).toBeCloseTo(11 / (2 * whole), 12)
  })

  test('the largest ranges first, the rest counted', () => {
    const { words } = missingOf(market((time) => (/T1[5-9]:0[02]$/.test(time) ? 'both' : null)))
    expect(words).toMatch(/^NVDA and MSFT lack 34 of 1380 bars: .* and 31 more ranges$/)
  })

  test('bars of clock hours lack the first half hour where nobody has it', () => {
    const { words, share } = missingOf(
      market((time) => (time.endsWith('13:30') ? 'both' : null), '1h', 'clock'),
    )
    expect(words).toMatch(/^NVDA and MSFT lack 4 of 25 bars: /)
    expect(share).toBeCloseTo(4 / 25, 12)
  })

  test('one symbol in both places counts once', () => {
    const one = new Market(['NVDA', 'NVDA'], '1d')
    for (const start of WEEK.slice(0, 3).flatMap((session) => barStarts(session, '1d')))
      if (new Date(start).getUTCDate() !== 1) one.append(start, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    expect(missingOf(one)).toEqual({
      share: 1 / 3,
      words: 'NVDA lacks 1 of 3 bars: session 2025-07-01',
    })
  })
})
