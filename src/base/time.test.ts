import { describe, expect, test } from 'vitest'
import {
  DAY,
  daysFromCivil,
  formatDate,
  formatTime,
  HOUR,
  newYork,
  parseDate,
  parseTime,
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

describe('stamps', () => {
  const good: [string, string][] = [
    ['2025-07-30T13:30:00Z', '2025-07-30T13:30:00Z'],
    ['2025-07-30 13:30:00+00:00', '2025-07-30T13:30:00Z'],
    ['2025-07-30T09:30:00-04:00', '2025-07-30T13:30:00Z'],
    ['2025-07-30T09:30:00-0400', '2025-07-30T13:30:00Z'],
    ['2025-07-30T19:00+05:30', '2025-07-30T13:30:00Z'],
    ['2025/07/30 13:30 UTC', '2025-07-30T13:30:00Z'],
    ['2025-07-30T13:30:00.250Z', '2025-07-30T13:30:00.250Z'],
    ['2025-07-30T13:30:00.250000Z', '2025-07-30T13:30:00.250Z'],
    ['2024-02-29T00:00Z', '2024-02-29T00:00:00Z'],
  ]
  test.each(good)('%s', (text, expected) => {
    const parsed = parseTime(text, null)
    expect('epochMs' in parsed && formatTime(parsed.epochMs)).toBe(expected)
  })

  test.each([
    '2025-02-30T00:00Z',
    '2025-07-30T24:00:00Z',
    '2025-07-30T13:60Z',
    '2025-13-01',
    '07/30/2025 13:30',
    '2025-07-30T13:30:00.0001Z',
    '2025-07-30T13:30+15:00',
    'yesterday',
    '',
  ])('%j is refused', (text) => {
    expect(parseTime(text, utc)).toHaveProperty('error')
  })

  test('a naive stamp needs a zone', () => {
    expect(parseTime('2025-07-30 09:30:00', null)).toHaveProperty('error')
    expect(parseTime('2025-07-30 09:30:00', newYork)).toEqual({ epochMs: Date.UTC(2025, 6, 30, 13, 30) })
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
