import { describe, expect, test } from 'vitest'
import {
  DAY,
  daysFromCivil,
  formatDate,
  formatTime,
  HOUR,
  newYork,
  parseDate,
  utc,
  zoneNamed,
} from './time.js'
import { quote } from './words.js'

describe('New York by rule', () => {
  test('agrees with the ICU tables at every hour around every change, and every day, 2000 to 2028', () => {
    const icu = zoneNamed('America/Detroit')!
    for (let day = daysFromCivil(2000, 1, 1); day < daysFromCivil(2029, 1, 1); day++) {
      const noon = day * DAY + 17 * HOUR
      const changes = newYork.offsetAt(day * DAY) !== newYork.offsetAt((day + 1) * DAY)
      for (let hour = changes ? -17 : 0; hour <= (changes ? 7 : 0); hour++) {
        const instant = noon + hour * HOUR
        if (newYork.offsetAt(instant) !== icu.offsetAt(instant)) {
          expect([formatTime(instant), newYork.offsetAt(instant)]).toEqual([
            formatTime(instant),
            icu.offsetAt(instant),
          ])
        }
      }
    }
  })

  test('wall times that are skipped or shown twice have no instant', () => {
    expect(newYork.toInstant(Date.UTC(2025, 2, 9, 2, 30))).toBeNull()
    expect(newYork.toInstant(Date.UTC(2025, 10, 2, 1, 30))).toBeNull()
    expect(newYork.toInstant(Date.UTC(2025, 2, 9, 3, 0))).toBe(Date.UTC(2025, 2, 9, 7, 0))
    expect(newYork.toInstant(Date.UTC(2025, 10, 2, 2, 0))).toBe(Date.UTC(2025, 10, 2, 7, 0))
  })

  test('any other zone comes from Intl', () => {
    const kolkata = zoneNamed('Asia/Kolkata')!
    expect(kolkata.toInstant(Date.UTC(2025, 0, 1, 9, 15))).toBe(Date.UTC(2025, 0, 1, 3, 45))
    expect(zoneNamed('Nowhere/City')).toBeNull()
    expect(zoneNamed('UTC')).toBe(utc)
  })
})

test('dates round trip', () => {
  for (let day = -200_000; day < 200_000; day += 37) expect(parseDate(formatDate(day))).toBe(day)
  expect(parseDate('2025-02-29')).toBeNull()
})

test('quoted values cannot drive a terminal and stay short', () => {
  expect(quote('\u001b[2J\u009b\u202e')).toBe('"\\u001b[2J\\u009b\\u202e"')
  expect(quote('x'.repeat(500)).length).toBe(60)
  expect(quote(undefined)).toBe('undefined')
})
