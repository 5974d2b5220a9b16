import { describe, expect, test } from 'vitest'
import { newYork, utc, type Zone, zoneNamed } from '../base/time.js'
import type { Source } from '../stream/source.js'
import { barAt } from './bar.js'
import { BadRecord } from './problem.js'
import type { ReadOptions, Reject } from './reading.js'
import { readRecords } from './records.js'
import { RowCheck } from './row-check.js'

interface Row {
  readonly time: string
  readonly symbol?: string
  readonly interval?: string
  readonly session?: string
}

const source = (rows: readonly Row[]): Source => ({
  name: 'test',
  format: 'ndjson',
  chunks: async function* () {
    const numbers = { open: 100, high: 100, low: 100, close: 100, volume: 1 }
    for (const row of rows) yield Buffer.from(`${JSON.stringify({ symbol: 'NVDA', ...row, ...numbers })}\n`)
  },
  randomAccess: () => Promise.reject(new Error('not here')),
  isEmpty: rows.length === 0,
  file: null,
  close: async () => {},
})

async function read(rows: readonly Row[], options: ReadOptions = {}) {
  const bars: string[] = []
  const rejects: string[] = []
  const notes: string[] = []
  const say = (words: string) => void notes.push(words)
  const onReject = ({ line, problem }: Reject) => void rejects.push(`${line} ${problem.rule}`)
  const blocks = readRecords(source(rows), { onReject, onNote: say, onWarn: say, ...options })
  for await (const block of blocks) {
    if (block.kind !== 'bars') continue
    for (let i = 0; i < block.batch.length; i++) {
      const { time, interval, session } = barAt(block.batch, i)
      bars.push(`${interval} ${time}${session === null ? '' : ` ${session}`}`)
    }
  }
  return { bars, rejects, notes }
}

/** New York's wall time on 2025-07-30. */
const wall = (clock: string, day = '2025-07-30'): string => `${day}T${clock}:00-04:00`
/** An hour and a half of bars that name their length and are so many minutes apart. */
const called = (interval: string, minutes: number): Row[] =>
  Array.from({ length: 30 }, (_, i) => ({
    interval,
    time: new Date(Date.UTC(2025, 6, 30, 13, 30 + i * minutes)).toISOString(),
  }))
const all = (interval: string, clocks: readonly string[]): Row[] =>
  clocks.map((clock) => ({ interval, time: wall(clock) }))

describe('rows of one symbol and interval', () => {
  test.each([
    ['minutes that are called five', '5m', ['09:30', '09:31', '09:35'], ['2 overlap']],
    ['whatever their order', '5m', ['09:40', '09:35', '09:31', '09:30', '09:38'], ['3 overlap', '5 overlap']],
    ['a first hour that the clock cuts', '1h', ['09:30', '10:00', '11:00'], []],
    ['that hour given later', '1h', ['10:00', '11:00', '09:30'], []],
    ['half hours that are called hours', '1h', ['10:00', '10:30', '11:00'], ['2 overlap']],
    ['an hour that the open cuts', '1h', ['09:00', '09:30', '10:00'], []],
    ['a last hour that the close cuts', '1h', ['14:30', '15:30', '16:00'], []],
    ['bars that repeat a start', '1m', ['09:30', '09:30', '09:31'], []],
    ['half hours on their grid', '30m', ['09:30', '10:00', '10:30'], []],
    ['quarters off their grid', '15m', ['09:30', '09:45', '09:50', '10:00'], ['3 overlap']],
  ] as const)('%s', async (_title, interval, clocks, rejects) => {
    expect((await read(all(interval, clocks))).rejects).toEqual(rejects)
  })

  test('are apart from those of others', async () => {
    const rows = [...all('5m', ['09:30']), ...all('1m', ['09:31'])]
    const other = { symbol: 'MSFT', interval: '5m', time: wall('09:31') }
    expect((await read([...rows, other])).rejects).toEqual([])
  })

  test('are held against those of the sources before', async () => {
    const check = new RowCheck()
    await read(all('5m', ['09:30', '09:35']), { check })
    expect((await read(all('5m', ['09:40', '09:32']), { check })).rejects).toEqual(['2 overlap'])
  })

  test('stop a reader that takes no rejects, after what came before', async () => {
    const seen: number[] = []
    const reading = async () => {
      for await (const block of readRecords(source(all('5m', ['09:30', '09:35', '09:36']))))
        if (block.kind === 'bars') seen.push(block.batch.length)
    }
    const error = await reading().catch((failure) => failure)
    expect(error).toBeInstanceOf(BadRecord)
    expect(error).toMatchObject({
      code: 65,
      where: 'test:3',
      hint: 'say how long the bars are with --interval, or correct the field interval of rows that have one',
    })
    expect(seen.reduce((a, b) => a + b, 0)).toBe(2)
  })
})

describe('the interval of rows that have none', () => {
  const days = (...dates: string[]): Row[] => dates.map((day) => ({ time: `${day}T00:00:00Z` }))
  const cases: [string, readonly Row[], string | undefined, string | RegExp][] = [
    ['minutes', all('', ['09:30', '09:31', '09:32']), undefined, '1m'],
    ['minutes with holes', all('', ['09:30', '09:31', '09:35', '09:36', '09:45']), undefined, '1m'],
    // One odd row does not decide.
    [
      'five minutes and an odd one',
      all('', ['09:30', '09:35', '09:40', '09:41', '09:45']),
      undefined,
      /overlap/,
    ],
    ['newest first', all('', ['11:00', '10:45', '10:30']), undefined, '15m'],
    ['clock hours', all('', ['09:30', '10:00', '11:00', '12:00']), undefined, '1h'],
    ['days with week-ends', days('2025-07-24', '2025-07-25', '2025-07-28', '2025-07-29'), undefined, '1d'],
    ['days and a holiday', days('2025-07-03', '2025-07-07', '2025-07-08', '2025-07-09'), undefined, '1d'],
    [
      'days over a change of clocks',
      ['2025-03-06T00:00:00-05:00', '2025-03-07T00:00:00-05:00', '2025-03-10T00:00:00-04:00'].map((time) => ({
        time,
      })),
      undefined,
      '1d',
    ],
    ['weeks', days('2025-07-07', '2025-07-14', '2025-07-21'), undefined, /7 days apart/],
    ['months', days('2025-04-01', '2025-05-01', '2025-06-01', '2025-07-01'), undefined, /3[01] days apart/],
    ['two hours', all('', ['10:00', '12:00', '14:00']), undefined, /2 hours apart/],
    ['ten minutes', all('', ['10:00', '10:10', '10:20']), undefined, /10 minutes apart/],
    ['a single row', all('', ['10:00']), undefined, /single row/],
    ['minutes that --interval calls five', all('', ['09:30', '09:31', '09:32']), '5m', /overlap/],
    [
      'five minutes that --interval calls one',
      all('', ['09:30', '09:35']),
      '1m',
      /--interval says 1m, and the rows are 5 minutes apart/,
    ],
    [
      'weeks that --interval calls days',
      days('2025-07-07', '2025-07-14'),
      '1d',
      /--interval says 1d, and the rows are 7 days apart/,
    ],
    [
      'five minutes that call themselves one',
      called('1m', 5),
      undefined,
      /called 1m and are 5 minutes apart/,
    ],
    ['minutes that call themselves so', called('1m', 1), undefined, '1m'],
    ['what --interval says rightly', all('', ['09:30', '09:35']), '5m', '5m'],
  ]
  test.each(cases)('%s', async (_title, rows, interval, expected) => {
    const given = interval as '1m' | '5m' | '1d' | undefined
    const check = new RowCheck({ interval: given })
    const outcome = await read(
      rows.map(({ time, interval: own }) => (own ? { time, interval: own } : { time })),
      { interval: given, check },
    ).catch((error: Error) => ({ bars: [], rejects: [], notes: [error.message] }))
    if (typeof expected === 'string') {
      expect(outcome.notes).toEqual([])
      expect(new Set(outcome.bars.map((bar) => bar.split(' ')[0]))).toEqual(new Set([expected]))
    } else expect([...outcome.notes, ...outcome.rejects].join()).toMatch(expected)
  })
})

describe('against the calendar', () => {
  test.each([
    ['inside', wall('09:30'), '1m', true],
    ['before the open', wall('09:29'), '1m', false],
    ['after the close', wall('16:00'), '1m', false],
    ['after an early close', wall('13:00', '2025-07-03'), '1m', false],
    ['on a holiday', wall('10:00', '2025-07-04'), '1m', false],
    ['a day', wall('00:00'), '1d', true],
    ['a holiday', wall('00:00', '2025-07-04'), '1d', false],
  ] as const)('a bar of the regular session, %s', async (_title, time, interval, fits) => {
    const { rejects } = await read([{ time, interval, session: 'rth' }])
    expect(rejects).toEqual(fits ? [] : ['1 not-regular'])
  })

  test('the session of other years is not known, and told once', async () => {
    const times = ['1999-12-31T14:30:00Z', '1999-12-31T14:31:00Z', '2029-01-02T14:30:00Z']
    const { bars, notes } = await read(times.map((time) => ({ time, interval: '1m', session: 'rth' })))
    expect(bars).toEqual(times.map((time) => `1m ${time}`))
    expect(notes).toEqual(['test: 3 rows lie beyond the calendar, 2000 to 2028: their session is not known'])
  })

  test('rows off the grid are counted, and the first is named', async () => {
    const { bars, notes } = await read(all('15m', ['09:30', '09:50', '10:10', '10:30']))
    expect(bars.length).toBe(4)
    expect(notes).toEqual([
      'test: 2 rows do not begin on the grid of their session: NVDA 15m 2025-07-30T13:50:00Z in line 2',
    ])
    for (const clocks of [
      ['09:30', '10:00', '11:00'],
      ['09:30', '10:30'],
    ])
      expect((await read(all('1h', clocks))).notes).toEqual([])
  })
})

test.each<[string, string, Zone | null]>([
  ['midnight UTC', '2025-07-30T00:00:00Z', null],
  ['midnight in New York', '2025-07-30T04:00:00Z', null],
  ['the close', '2025-07-30T20:00:00Z', null],
  ['a bare date in New York', '2025-07-30', newYork],
  ['a bare date in UTC', '2025-07-30', utc],
  ['a bare date in London', '2025-07-30', zoneNamed('Europe/London')],
  ['a bare date in Tokyo', '2025-07-30', zoneNamed('Asia/Tokyo')],
])('the bar of a day that is written as %s is that of its date', async (_title, time, zone) => {
  const { bars } = await read([{ time, interval: '1d' }], { zone, check: new RowCheck({ zone }) })
  expect(bars).toEqual(['1d 2025-07-30T04:00:00Z'])
})

test.each<[string, Zone | null, boolean]>([
  ['New York', null, false],
  ['UTC', null, false],
  ['Europe/Berlin', null, true],
  ['Asia/Tokyo', null, true],
  ['Europe/Berlin', zoneNamed('Europe/Berlin'), false],
  ['Asia/Tokyo', zoneNamed('Asia/Tokyo'), false],
])('days of a week from midnight in %s, with --tz %j', async (name, zone, isTold) => {
  const at = name === 'New York' ? newYork : zoneNamed(name)!
  const week = ['2025-07-21', '2025-07-22', '2025-07-23', '2025-07-24', '2025-07-25']
  const rows = week.map((day) => ({
    time: new Date(at.toInstant(Date.parse(day))!).toISOString(),
    interval: '1d',
  }))
  const { bars, notes } = await read(rows, { zone, check: new RowCheck({ zone }) })
  expect(notes).toEqual(
    isTold
      ? [
          'test: 1 bars of a day have a date without a session: NVDA 2025-07-20 in line 1: are the stamps midnight of another zone? Name it with --tz',
        ]
      : [],
  )
  if (!isTold) expect(bars).toEqual(week.map((day) => `1d ${day}T04:00:00Z`))
})
