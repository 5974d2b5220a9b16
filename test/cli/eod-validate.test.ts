/** The command around the checks: dates, inputs, exit statuses, records and the table. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eodValidate } from '../../src/commands/eod-validate/eod-validate.js'
import { called } from '../support/called.js'
import { parse } from '../support/training.js'
import { barLines, freshDatabase, Workdir } from '../support/workdir.js'

const KEYS = 'type,date,ruleset,symbol,check,severity,from,to,count,observed,expected,samples,fix'

test('flawed days: records, the same in every time zone; what was put in is written beside; the table', async () => {
  const dir = new Workdir()
  const made = await dir.line(
    'jules fetch --mock --days 8 --defects all --defects-out put.ndjson -o bars.ndjson',
  )
  expect([made.status, made.stderr]).toEqual([0, ''])
  const put = parse(dir.read('put.ndjson'))
  expect(new Set(put.map((one) => Object.keys(one).join()))).toEqual(
    new Set(['type,kind,symbol,from,to,count,check']),
  )
  const zones = ['UTC', 'Asia/Tokyo', 'Pacific/Kiritimati']
  const [first, ...others] = await Promise.all(
    zones.map((TZ) => dir.called(['eod-validate', 'bars.ndjson'], { env: { TZ } })),
  )
  for (const other of others) expect(other).toEqual(first)
  expect([
    first!.status,
    first!.stderr.replace(/^jules eod-validate: warning: miscalibrated: .*\n/gm, ''),
  ]).toEqual([1, ''])
  const records = parse(first!.stdout)
  expect(new Set(records.map((record) => Object.keys(record).join()))).toEqual(new Set([KEYS]))
  expect(put.filter(({ check }) => !records.some((record) => record.check === check))).toEqual([])
  const table = await dir.called(['eod-validate', 'bars.ndjson', '-f', 'table'])
  // A command is one line, however long: it is there to be copied.
  const [commands, words] = [true, false].map((is) =>
    table.stdout.split('\n').filter((line) => /^ +fix: jules /.test(line) === is),
  )
  expect(words!.filter((line) => line.length > 80)).toEqual([])
  expect(commands!.map((line) => line.trim().slice('fix: '.length)).sort()).toEqual(
    records.flatMap(({ fix }) => (fix === null ? [] : [fix])).sort(),
  )
  expect(table.stdout).toMatch(/\nNVDA, MSFT 2025-07-23 to 2025-08-01: \d+ rows, \d+ errors, \d+ warnings\n$/)
})

describe('a clean day', () => {
  test('says nothing, from a pipe or a file; its table is one line', async () => {
    const dir = new Workdir()
    const piped = await dir.shell('jules fetch --mock --days 1 | tee day.ndjson | jules eod-validate')
    expect(piped).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const table = await dir.called(['eod-validate', 'day.ndjson', '-f', 'table'])
    expect(table.stdout).toBe('NVDA, MSFT 2025-08-01: 780 rows, clean\n')
    const other = await dir.called(['eod-validate', 'day.ndjson', '--date', '2025-07-30'])
    expect([other.status, other.stderr]).toEqual([
      69,
      'jules eod-validate: day.ndjson: no bars of 2025-07-30\n',
    ])
  })
})

test.each<[args: string[], status: number, stderr: string]>([
  [['--store', '--date', '2025-11-27'], 0, 'market closed (Thanksgiving)'],
  [['--store', '--date', '2025-07-26..2025-07-27'], 0, 'market closed (weekend)'],
  [['--store', '--as-of', '2025-07-30T20:04:59Z'], 75, 'session ends at 16:00'],
  [['--store', '--as-of', '2025-07-03T12:00:00Z'], 75, 'session ends at 13:00'],
  [['none.ndjson'], 66, 'none.ndjson: no such file or directory'],
  [['empty.ndjson'], 69, 'empty.ndjson: holds no bars'],
  [['cut.ndjson'], 65, 'cut.ndjson:1: expected a JSON object'],
  [['--threshold', 'spke=3', 'cut.ndjson'], 64, '--threshold: expected one of '],
  [['--threshold', 'missing=3', 'cut.ndjson'], 64, '--threshold: missing has no threshold'],
  [['--date', '2025-08-02..2025-08-01', 'cut.ndjson'], 64, '--date: expected the earlier date first'],
  [['--store', '--date', '2025-07-30', '--dsn', 'postgres://u@127.0.0.1:1/x'], 69, ''],
])('%j ends %i', async (args, status, stderr) => {
  const dir = new Workdir()
  dir.write('empty.ndjson', '')
  dir.write('cut.ndjson', '{"type":"bar","sym')
  const result = await dir.called(['eod-validate', ...args])
  expect([result.status, result.stdout]).toEqual([status, ''])
  expect(result.stderr).toContain(stderr)
})

test('rows beyond the calendar alone are no clean day', async () => {
  const dir = new Workdir()
  dir.write('far.ndjson', barLines(3).replaceAll(/"time":"\d{4}/g, '"time":"2031'))
  const { status, stderr } = await called(eodValidate, 'eod-validate', [join(dir.path, 'far.ndjson')])
  expect([status, stderr]).toEqual([
    69,
    expect.stringContaining('far.ndjson: holds no bars of 2000 to 2028, the years of the calendar\n'),
  ])
  expect(stderr).toContain('warning: 3 rows beyond the calendar')
})

test.each(['1999-12-31', '2035-01-04', '2028-12-01..2029-01-05'])(
  '--date %s is beyond the calendar',
  async (date) => {
    const { status, stderr } = await called(eodValidate, 'eod-validate', ['--date', date])
    expect([status, stderr]).toEqual([
      64,
      `jules eod-validate: --date: expected dates of 2000 to 2028, the years of the calendar, got "${date}"\n`,
    ])
  },
)

test('what is written takes the place of nothing that is read or written besides', async () => {
  const dir = new Workdir()
  const text = barLines(3)
  const [bars, out] = [join(dir.path, 'bars.ndjson'), join(dir.path, 'out.prom')]
  dir.write('bars.ndjson', text)
  const run = (...args: string[]) => called(eodValidate, 'eod-validate', [bars, ...args])
  expect(await run('--prom', bars)).toMatchObject({
    status: 64,
    stderr: `jules eod-validate: ${bars}: is the input as well as the output\n`,
  })
  expect(await run('--prom', out, '-o', out)).toMatchObject({
    status: 64,
    stderr: `jules eod-validate: ${out}: --output and --prom name one file\n`,
  })
  expect(await run('-o', bars, '--baseline', bars)).toMatchObject({ status: 64 })
  expect(dir.read('bars.ndjson')).toBe(text)
})

test('--explain tells a check with its threshold, and lists all', async () => {
  const dir = new Workdir()
  const env = { JULES_THRESHOLD: 'spike=15' }
  const spike = await dir.called(['eod-validate', '--explain', 'spike'], { env })
  expect(spike.stdout).toMatch(/^spike \(error\): .*\nthreshold: 15 standard deviations\n/)
  const all = await dir.called(['eod-validate', '--explain', 'all'])
  expect(all.stdout).toMatch(/^schema +error +rows/)
})

test('the store: sessions before for comparison, today and the last session by the clock of New York', async () => {
  const dir = new Workdir()
  const { dsn } = await freshDatabase()
  const load = `jules load -q --dsn '${dsn}'`
  await dir.shell(
    `jules fetch --mock --days 7 --to 2025-07-29 | ${load}; jules fetch --mock --from 2025-07-30 --to 2025-07-30 --defects zero-volume,missing-one,volume-outlier | ${load}`,
  )
  const args = ['eod-validate', '--dsn', dsn, '--as-of', '2025-07-31T02:00:00Z']
  const today = await dir.called(args, { env: { TZ: 'Asia/Tokyo' } })
  expect([today.status, today.stderr]).toEqual([1, ''])
  expect(
    parse(today.stdout)
      .map(({ check, date }) => [check, date])
      .sort(),
  ).toEqual([
    ['missing', '2025-07-30'],
    ['zero-volume', '2025-07-30'],
  ])
  const last = await dir.called([
    ...args.slice(0, 3),
    '--as-of',
    '2025-07-30T13:00:00Z',
    '--date',
    'last-session',
  ])
  expect(last).toMatchObject({ status: 0, stdout: '' })
  const none = await dir.called([...args, '--date', '2025-07-18'])
  expect([none.status, none.stderr]).toEqual([69, 'jules eod-validate: no bars of 2025-07-18\n'])
  const warned = ['eod-validate', '--dsn', dsn, '--date', '2025-07-29', '--threshold', 'session-total=1.0001']
  expect((await dir.called(warned)).status).toBe(0)
  expect((await dir.called([...warned, '--strict'])).status).toBe(1)
})
