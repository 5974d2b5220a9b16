import { type BasicType, type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../test/support/memory-source.js'
import { newYork } from '../base/time.js'
import type { Format } from '../stream/source.js'
import { BadRecord, describe as messageOf, type Problem, RULES, type Rule } from './problem.js'
import type { ReadOptions } from './reading.js'
import { readRecords } from './records.js'

const ROW = {
  time: '2025-07-30T13:30:00Z',
  symbol: 'NVDA',
  interval: '1m',
  open: 179.2,
  high: 179.5,
  low: 179.1,
  close: 179.4,
  volume: 1000,
}

/** Fields that differ from ROW; undefined leaves the field out, and the column with it. */
type Change = Readonly<Record<string, unknown>>

const ndjson = (change: Change): Buffer =>
  Buffer.from(
    // The one number that JSON.stringify has no text for.
    `${JSON.stringify({ type: 'bar', ...ROW, ...change }).replace('"1e999"', '1e999')}\n`,
  )

function csv(change: Change): Buffer {
  const row = Object.entries({ ...ROW, ...change }).filter(([, value]) => value !== undefined)
  return Buffer.from(`${row.map(([key]) => key).join()}\n${row.map(([, value]) => value ?? '').join()}\n`)
}

function parquet(change: Change): Uint8Array {
  const columnData: ColumnSource[] = Object.entries({ ...ROW, ...change })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const number = value === '1e999' ? Number.POSITIVE_INFINITY : value
      const type: BasicType = typeof number === 'string' ? 'STRING' : 'DOUBLE'
      return { name, data: [number], type }
    })
  return new Uint8Array(parquetWriteBuffer({ columnData }))
}

/** The problems of the rows that are refused, and that of the failure that ends the reading. */
async function problems(format: Format, bytes: Uint8Array, options: ReadOptions): Promise<Problem[]> {
  const found: Problem[] = []
  const onReject = ({ problem }: { problem: Problem }) => void found.push(problem)
  try {
    for await (const _ of readRecords(memorySource(format, bytes), { ...options, onReject }));
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error
    found.push(error.problem)
  }
  return found
}

interface Case {
  readonly rule: Rule
  readonly field: string | null
  readonly change: Change
  readonly words: string
  /** CSV quotes a number that it refuses, as it is text there. */
  readonly csvWords?: string
  readonly options?: ReadOptions
  /** Formats that cannot hold such a row. */
  readonly not?: readonly Format[]
}

const naive = '2025-07-30 09:30:00'
const skipped = '2025-03-09 02:30:00'

/** Each rule that a value of a field can break, in every format that can hold such a value. */
const CASES: readonly Case[] = [
  // A column that is not there is a fault of the file, in formats that have columns.
  ...['time', 'open', 'high', 'low', 'close', 'volume'].map(
    (field): Case => ({
      rule: 'missing',
      field,
      change: { [field]: undefined },
      words: 'is missing',
      not: ['csv', 'parquet'],
    }),
  ),
  { rule: 'missing', field: 'symbol', change: { symbol: undefined }, words: 'is missing' },
  { rule: 'missing', field: 'time', change: { time: '' }, words: 'is missing' },
  {
    rule: 'stands-twice',
    field: 'time',
    change: { time: undefined, ts: '2025-07-30T13:30:00Z', date: '2025-07-30' },
    words: 'stands twice under different names',
    not: ['csv', 'parquet'],
  },
  {
    rule: 'not-text',
    field: 'symbol',
    change: { symbol: 5 },
    words: 'expected a string, got 5',
    not: ['csv'],
  },
  {
    rule: 'bad-symbol',
    field: 'symbol',
    change: { symbol: 'NV DA' },
    words: 'expected letters, digits, dots and dashes, got "NV DA"',
  },
  {
    rule: 'unknown-word',
    field: 'interval',
    change: { interval: '2m' },
    words: 'expected one of 1s 5s 1m 5m 15m 30m 1h 1d, got "2m"',
  },
  {
    rule: 'unknown-word',
    field: 'session',
    change: { session: 'pre' },
    words: 'expected one of rth, eth, got "pre"',
  },
  {
    rule: 'unknown-word',
    field: 'adjusted',
    change: { adjusted: 'yes' },
    words: 'expected one of none, splits, splits+dividends, got "yes"',
  },
  {
    rule: 'bad-source',
    field: 'source',
    change: { source: 'a b' },
    words: 'expected a short name, got "a b"',
  },
  {
    rule: 'not-a-number',
    field: 'close',
    change: { close: 'n/a' },
    words: 'expected a number, got "n/a"',
  },
  { rule: 'not-a-number', field: 'open', change: { open: null }, words: 'expected a number, got null' },
  { rule: 'not-a-number', field: 'vwap', change: { vwap: 'x' }, words: 'expected a number, got "x"' },
  {
    rule: 'not-finite',
    field: 'high',
    change: { high: '1e999' },
    words: 'expected a finite number, got Infinity',
    csvWords: 'expected a finite number, got "1e999"',
  },
  { rule: 'not-positive', field: 'low', change: { low: 0 }, words: 'expected a price above 0, got 0' },
  { rule: 'negative', field: 'volume', change: { volume: -1 }, words: 'expected 0 or more, got -1' },
  { rule: 'negative', field: 'vwap', change: { vwap: -1 }, words: 'expected 0 or more, got -1' },
  { rule: 'negative', field: 'trades', change: { trades: -2 }, words: 'expected 0 or more, got -2' },
  { rule: 'high-below-low', field: 'high', change: { high: 1 }, words: '1 is below low 179.1' },
  { rule: 'low-above-price', field: 'low', change: { low: 179.3 }, words: '179.3 is above open 179.2' },
  { rule: 'high-below-price', field: 'high', change: { high: 179.3 }, words: '179.3 is below close 179.4' },
  {
    rule: 'not-a-time',
    field: 'time',
    change: { time: 'noon' },
    words: 'expected a time such as 2025-07-30T13:30:00Z, got "noon"',
  },
  {
    rule: 'no-offset',
    field: 'time',
    change: { time: naive },
    words: `"${naive}" has no UTC offset; name its zone with --tz`,
  },
  {
    rule: 'skipped-or-repeated',
    field: 'time',
    change: { time: skipped },
    options: { zone: newYork },
    words: `America/New_York skips or repeats the wall time "${skipped}"`,
  },
  {
    rule: 'no-such-date',
    field: 'time',
    change: { time: '2025-02-30T00:00:00Z' },
    words: 'no such date: "2025-02-30T00:00:00Z"',
  },
  {
    rule: 'no-such-time',
    field: 'time',
    change: { time: '2025-07-30T24:00:00Z' },
    words: 'no such time of day: "2025-07-30T24:00:00Z"',
  },
  {
    rule: 'no-such-offset',
    field: 'time',
    change: { time: '2025-07-30T13:30:00+15:00' },
    words: 'no such UTC offset: "2025-07-30T13:30:00+15:00"',
  },
  {
    rule: 'too-fine',
    field: 'time',
    change: { time: '2025-07-30T13:30:00.0001Z' },
    words: 'finer than a millisecond: "2025-07-30T13:30:00.0001Z"',
  },
  {
    rule: 'not-an-epoch',
    field: 'time',
    change: { time: 9_999_999_999_999 },
    words: 'expected a time, or an epoch of 1973 to 2099 in s, ms, us or ns, got 9999999999999',
    csvWords: 'expected a time, or an epoch of 1973 to 2099 in s, ms, us or ns, got "9999999999999"',
  },
  {
    rule: 'ambiguous-date',
    field: 'time',
    change: { time: '01/02/2025 09:30' },
    words: '"01/02/2025 09:30" says two dates: month or day first?',
  },
  {
    rule: 'out-of-years',
    field: 'time',
    change: { time: '2100-01-01T00:00:00Z' },
    words: 'expected 1970 to 2099, got 4102444800000 ms',
  },
  {
    rule: 'not-regular',
    field: 'session',
    change: { session: 'rth', time: '2025-07-30T20:00:00Z' },
    words: 'NVDA 2025-07-30T20:00:00Z is said to be of the regular session and lies outside of it',
  },
  {
    rule: 'no-interval',
    field: null,
    change: { interval: undefined },
    words: 'the interval is missing and cannot be told from a single row a symbol',
  },
]

const WRITERS = { ndjson, csv, parquet }
const FORMATS = Object.keys(WRITERS) as Format[]

describe('a row that breaks a rule', () => {
  test.each(
    CASES.flatMap((one) =>
      FORMATS.filter((format) => !one.not?.includes(format)).map(
        (format) => [`${one.rule} of ${one.field} in ${format}`, format, one] as const,
      ),
    ),
  )('%s', async (_title, format, { rule, field, change, words, csvWords, options = {} }) => {
    const found = await problems(format, WRITERS[format](change), options)
    const expected = format === 'csv' ? (csvWords ?? words) : words
    expect(found.map((one) => ({ ...one, bar: undefined }))).toEqual([
      { field, rule, words: expected, value: found[0]?.value },
    ])
    // A time is judged as milliseconds, an infinite number has no text of its own.
    const given = field === null || rule === 'out-of-years' || rule === 'not-finite' ? null : change[field]
    if (given) expect(String(found[0]?.value)).toBe(String(given))
    expect(messageOf(found[0]!)).toBe(field === null ? expected : `${field}: ${expected}`)
  })
})

const HEADER = 'time,symbol,interval,open,high,low,close,volume\n'
const LINES: readonly [rule: Rule, format: Format, input: Uint8Array, message: string][] = [
  ['not-utf8', 'ndjson', Buffer.from([0xff, 0x0a]), 'is not valid UTF-8'],
  ['not-utf8', 'csv', Buffer.concat([Buffer.from(HEADER), Buffer.from([0xff, 0x0a])]), 'is not valid UTF-8'],
  ['not-an-object', 'ndjson', Buffer.from('{"a":\n'), 'expected a JSON object, got "{\\"a\\":"'],
  ['a-document', 'ndjson', Buffer.from('[1]\n'), 'expected one JSON object a line, got an array'],
  ['duplicate-key', 'ndjson', Buffer.from('{"a":1,"a":2}\n'), 'key "a" stands twice'],
  ['forbidden-key', 'ndjson', Buffer.from('{"__proto__":1}\n'), 'key "__proto__" is not allowed'],
  [
    'too-deep',
    'ndjson',
    Buffer.from(`{"a":${'['.repeat(100)}${']'.repeat(100)}}\n`),
    'is nested more than 100 deep',
  ],
  ['web-page', 'ndjson', Buffer.from('<html>\n'), 'expected records, got an HTML or XML page'],
  ['web-page', 'csv', Buffer.from('<html>\n'), 'expected records, got an HTML or XML page'],
  [
    'a-document',
    'ndjson',
    Buffer.from('{"ticker":"NVDA","results":[]}\n'),
    'expected one JSON object a line, got a document; --vendor polygon reads it',
  ],
  [
    'ambiguous-number',
    'csv',
    Buffer.from(`${HEADER.replaceAll(',', ';')}2025-07-30T13:30:00Z;NVDA;1m;180;180;180;180;1,200\n`),
    'volume: "1,200" says two numbers: is its comma a decimal one?',
  ],
  ['wrong-columns', 'csv', Buffer.from(`${HEADER}1,2\n`), 'expected 8 columns, got 2'],
  ['not-text', 'ndjson', Buffer.from('{"type":5}\n'), 'type: expected a string, got 5'],
  [
    'overlap',
    'ndjson',
    Buffer.concat([ndjson({ interval: '5m' }), ndjson({ interval: '5m', time: '2025-07-30T13:31:00Z' })]),
    'bars overlap: NVDA 2025-07-30T13:31:00Z begins before the end of 2025-07-30T13:30:00Z, which is 5 minutes long',
  ],
  ['not-a-bar', 'ndjson', Buffer.from('{"a":1}\n'), 'type: is missing, and this is not a bar'],
]

describe('a line that is no row', () => {
  test.each(LINES)('%s in %s', async (rule, format, input, message) => {
    const found = await problems(format, input, {})
    expect(found.map((problem) => [problem.rule, messageOf(problem)])).toEqual([[rule, message]])
  })
})

test('every rule has a case', () => {
  const cased = new Set<Rule>([...CASES.map(({ rule }) => rule), ...LINES.map(([rule]) => rule)])
  expect(RULES.filter((rule) => !cased.has(rule))).toEqual([])
})

test('a problem that stops a command says the way out', () => {
  const failure = (field: string, rule: Rule) =>
    new BadRecord({ field, rule, words: 'x', value: undefined }, { where: 'a:1' })
  expect(failure('symbol', 'missing').hint).toBe('name it with --symbol')
  expect(failure('time', 'no-offset').hint).toBe('name the zone of the stamps, such as --tz America/New_York')
  expect(failure('time', 'ambiguous-date').hint).toMatch(/ --time-format '%m\/%d/)
  expect(failure('volume', 'ambiguous-number').hint).toMatch(/ --decimal ','/)
  expect(failure('session', 'not-regular').hint).toBe('leave the field session out: the calendar knows it')
  expect(failure('close', 'missing').hint).toBeUndefined()
})
