/** Stamps in the forms that vendors write. */
import { describe, expect, test } from 'vitest'
import { EPOCH_UNITS, type EpochUnit, parseEpoch, parseTime, timeFormat } from './stamp.js'
import { formatTime, newYork, utc, zoneNamed } from './time.js'

const shown = (parsed: ReturnType<typeof parseTime>) =>
  'error' in parsed ? parsed.rule : formatTime(parsed.epochMs)

describe('stamps that need no zone', () => {
  test.each([
    ['2025-07-30T13:30:00Z', '2025-07-30T13:30:00Z'],
    ['2025-07-30 13:30:00+00:00', '2025-07-30T13:30:00Z'],
    ['2025-07-30T09:30:00-04:00', '2025-07-30T13:30:00Z'],
    ['2025-07-30T09:30:00-0400', '2025-07-30T13:30:00Z'],
    ['2025-07-30 09:30:00 -04', '2025-07-30T13:30:00Z'],
    ['2025-07-30T19:00+05:30', '2025-07-30T13:30:00Z'],
    ['2025/07/30 13:30 UTC', '2025-07-30T13:30:00Z'],
    ['2025.07.30 13:30 GMT', '2025-07-30T13:30:00Z'],
    ['2025-7-30 9:30:00 America/New_York', '2025-07-30T13:30:00Z'],
    ['2025-07-30T13:30:00.250Z', '2025-07-30T13:30:00.250Z'],
    ['2025-07-30T13:30:00.250000Z', '2025-07-30T13:30:00.250Z'],
    ['2025-07-30T13:30:00.000000000Z', '2025-07-30T13:30:00Z'],
    ['2024-02-29T00:00Z', '2024-02-29T00:00:00Z'],
    ['20250730 09:30:00 US/Eastern', '2025-07-30T13:30:00Z'],
    ['20250730  15:30:00 Europe/Warsaw', '2025-07-30T13:30:00Z'],
    ['20250730 09:30:00 EDT', '2025-07-30T13:30:00Z'],
    ['20250130 09:30:00 EST', '2025-01-30T14:30:00Z'],
    ['20250730 09:30:00 ET', '2025-07-30T13:30:00Z'],
    ['20250730-13:30:00', '2025-07-30T13:30:00Z'],
    ['20250730T133000Z', '2025-07-30T13:30:00Z'],
    ['07/30/2025 01:31:00 PM UTC', '2025-07-30T13:31:00Z'],
    ['Jul 30, 2025 13:30 UTC', '2025-07-30T13:30:00Z'],
    ['30-Jul-2025 13:30Z', '2025-07-30T13:30:00Z'],
    ['30 July 2025 13:30Z', '2025-07-30T13:30:00Z'],
    // A date alone is a session: midnight in New York, in summer and in winter.
    ['2025-07-30', '2025-07-30T04:00:00Z'],
    ['2025-01-30', '2025-01-30T05:00:00Z'],
    ['20250730', '2025-07-30T04:00:00Z'],
    ['07/30/2025', '2025-07-30T04:00:00Z'],
    ['30.07.2025', '2025-07-30T04:00:00Z'],
    ['Jul 30, 2025', '2025-07-30T04:00:00Z'],
  ])('%s', (text, expected) => {
    expect(shown(parseTime(text, null))).toBe(expected)
    // Their own zone counts, whatever the user says of others.
    expect(shown(parseTime(text, zoneNamed('Asia/Tokyo')))).toBe(expected)
  })
})

describe('stamps of a wall clock', () => {
  test.each([
    '2025-07-30 09:30:00',
    '2025-07-30 9:30:00',
    '2025-07-30T09:30',
    '2025/7/30 09:30:00.000',
    '2025.07.30 09:30',
    '20250730 093000',
    '20250730093000',
    '202507300930',
    '20250730 09:30:00',
    '07/30/2025 09:30',
    '7/30/2025 9:30:00 AM',
    '07/30/2025 09:30:00 a.m.',
    '30/07/2025 09:30',
    '30.07.2025 09:30:00,000',
    '30-07-2025 09:30',
    'Jul 30, 2025 9:30 AM',
  ])('%s', (text) => {
    expect(shown(parseTime(text, newYork))).toBe('2025-07-30T13:30:00Z')
    expect(shown(parseTime(text, null))).toBe('no-offset')
  })

  test.each([
    ['07/30/2025 12:00:00 AM', '2025-07-30T04:00:00Z'],
    ['07/30/2025 12:31 PM', '2025-07-30T16:31:00Z'],
    ['07/30/2025 11:59 PM', '2025-07-31T03:59:00Z'],
  ])('%s has twelve hours', (text, expected) => {
    expect(shown(parseTime(text, newYork))).toBe(expected)
  })
})

describe('stamps that are refused', () => {
  test.each([
    ['2025-02-30T00:00Z', 'no-such-date'],
    ['2025-13-01', 'no-such-date'],
    ['13/13/2025', 'no-such-date'],
    ['20251301', 'no-such-date'],
    ['31.04.2025', 'no-such-date'],
    ['Foo 30, 2025', 'no-such-date'],
    ['2025-07-30T24:00:00Z', 'no-such-time'],
    ['2025-07-30T13:60Z', 'no-such-time'],
    ['07/30/2025 13:30 PM', 'no-such-time'],
    ['07/30/2025 0:30 AM', 'no-such-time'],
    ['2025-07-30T13:30:00.0001Z', 'too-fine'],
    ['2025-07-30T13:30:00.000000001Z', 'too-fine'],
    ['2025-07-30T13:30+15:00', 'no-such-offset'],
    ['2025-07-30 13:30 Mars/Olympus', 'no-such-offset'],
    // Letters of several zones, or of none with summer time.
    ...['BST', 'CST', 'IST', 'ast', 'PST'].map((name) => [`2025-07-30 13:30 ${name}`, 'no-such-offset']),
    ['2025-03-09 02:30', 'skipped-or-repeated'],
    ['2025-11-02 01:30', 'skipped-or-repeated'],
    ['01/02/2025 09:30', 'ambiguous-date'],
    ['07/30/25', 'not-a-time'],
    ['2025-07/30', 'not-a-time'],
    ['2025-07-30 09', 'not-a-time'],
    ['yesterday', 'not-a-time'],
    ['', 'not-a-time'],
  ])('%s: %s', (text, rule) => {
    expect(shown(parseTime(text, newYork))).toBe(rule)
  })
})

test('an order of month and day decides, and only where both could be a month', () => {
  expect(shown(parseTime('01/02/2025 09:30', utc, 'mdy'))).toBe('2025-01-02T09:30:00Z')
  expect(shown(parseTime('01/02/2025 09:30', utc, 'dmy'))).toBe('2025-02-01T09:30:00Z')
  expect(shown(parseTime('02/02/2025 09:30', utc))).toBe('2025-02-02T09:30:00Z')
  expect(shown(parseTime('13/02/2025 09:30', utc, 'mdy'))).toBe('no-such-date')
})

describe('a form that is spelled out', () => {
  test.each([
    ['%d/%m/%Y %H:%M', '01/02/2025 09:30', '2025-02-01T09:30:00Z'],
    ['%m/%d/%y %I:%M %p', '7/30/25 1:31 PM', '2025-07-30T13:31:00Z'],
    ['%D %R', '07/30/25 09:30', '2025-07-30T09:30:00Z'],
    ['%F %T', '2025-07-30 09:30:00', '2025-07-30T09:30:00Z'],
    ['%Y%m%d %H%M%S', '20250730 93000', '2025-07-30T09:30:00Z'],
    ['%Y%m%d%H%M', '202507300930', '2025-07-30T09:30:00Z'],
    ['%a %b %e %T %Y', 'Wed Jul 30 09:30:00 2025', '2025-07-30T09:30:00Z'],
    ['%Y-%m-%dT%H:%M:%S.%f%z', '2025-07-30T09:30:00.250-0400', '2025-07-30T13:30:00.250Z'],
    ['%d.%m.%Y %H.%M %Z', '30.07.2025 09.30 America/New_York', '2025-07-30T13:30:00Z'],
    ['[%Y] %m-%d 100%%', '[2025] 07-30 100%', '2025-07-30T04:00:00Z'],
    ['epoch-s', '1753882200', '2025-07-30T13:30:00Z'],
    ['epoch-ms', '1753882200000', '2025-07-30T13:30:00Z'],
    ['epoch-us', '1753882200000000', '2025-07-30T13:30:00Z'],
    ['epoch-ns', '1753882200000000000', '2025-07-30T13:30:00Z'],
    ['epoch-s', '86400', '1970-01-02T00:00:00Z'],
  ])('%s reads %s', (pattern, text, expected) => {
    const form = timeFormat(pattern)
    if ('error' in form) throw new Error(form.error)
    expect(shown(form.parse(text, utc))).toBe(expected)
  })

  test('refuses what has another form', () => {
    const form = timeFormat('%d/%m/%Y %H:%M')
    if ('error' in form) throw new Error(form.error)
    expect(form.parse('2025-07-30 09:30', utc)).toEqual({
      rule: 'not-a-time',
      error: 'expected a time of the form %d/%m/%Y %H:%M, got "2025-07-30 09:30"',
    })
    expect(shown(form.parse('30/02/2025 09:30', utc))).toBe('no-such-date')
    expect(shown(form.parse('30/07/2025 09:30', null))).toBe('no-offset')
  })

  test.each([
    ['%Q', 'unknown "%Q" in a form of times'],
    ['%', 'unknown "%" in a form of times'],
    ['%H:%M', 'names no year'],
    ['%Y-%m', 'names no day'],
    ['%Y-%m-%d %Y', 'names the year twice'],
  ])('%s is no form', (pattern, error) => {
    expect(timeFormat(pattern)).toEqual({ error })
  })
})

describe('epochs', () => {
  const digits: Readonly<Record<EpochUnit, (ms: number) => string>> = {
    s: (ms) => String(ms / 1000),
    ms: String,
    us: (ms) => `${ms}000`,
    ns: (ms) => `${ms}000000`,
  }

  test('every unit reads as the same instant, as text, number and big integer', () => {
    let seed = 1
    for (let i = 0; i < 2000; i++) {
      seed = (seed * 48271) % 2147483647
      const ms = 100_000_000_000 + (seed % 4_002_444_800) * 1000
      for (const unit of EPOCH_UNITS) {
        const text = digits[unit](ms)
        expect([unit, parseEpoch(text), parseEpoch(Number(text)), parseEpoch(BigInt(text))]).toEqual([
          unit,
          ms,
          ms,
          ms,
        ])
      }
    }
  })

  test.each([
    ['1753882200.0', 1753882200000],
    ['1753882200.25', 1753882200250],
    ['1753882200000001', null],
    ['1753882200000000001', null],
    ['1753882200000000123', null],
    ['4102444800000', null],
    ['12345', null],
  ])('%s', (text, expected) => {
    expect(parseEpoch(text)).toBe(expected)
  })
})
