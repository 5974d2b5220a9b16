/** What is said of bars: each oddity counted by itself, nothing refused, whatever the symbols and intervals. */
import { describe, expect, test } from 'vitest'
import { parse } from '../support/training.js'
import { barLine, freshDatabase, type RunOptions, Workdir } from '../support/workdir.js'

const KEYS = 'type,date,ruleset,symbol,check,severity,from,to,count,observed,expected,samples,fix'

async function inspect(input: string, args: readonly string[] = [], options: RunOptions = {}) {
  const { status, stdout, stderr } = await new Workdir().jules(['inspect', ...args], { input, ...options })
  expect([status, stderr]).toEqual([0, ''])
  const records = parse(stdout)
  expect(new Set(records.map((record) => Object.keys(record).join()))).toEqual(new Set([KEYS]))
  return {
    records,
    of: (check: string, symbol = 'NVDA') =>
      records.find((record) => record.check === check && record.symbol === symbol),
    odd: records.filter(({ severity }) => severity !== 'info').map(({ check, count }) => [check, count]),
  }
}

/** A whole session of minutes from 13:30 UTC on 2025-07-30, but for those left out, and rows of other kinds after it. */
const session = (without: readonly number[] = [], ...more: string[]): string =>
  [
    ...Array.from({ length: 390 }, (_, minute) => minute)
      .filter((minute) => !without.includes(minute))
      .map((minute) => barLine(minute)),
    ...more,
  ].join('\n')

const DAY = 1440

test('whole sessions: what they are, and nothing odd', async () => {
  const { records, of, odd } = await inspect(session())
  expect([odd, records.map(({ check }) => check)]).toEqual([[], ['bars']])
  expect(of('bars')).toMatchObject({
    date: '2025-07-30',
    ruleset: 'inspect 1m',
    from: '2025-07-30T13:30:00Z',
    to: '2025-07-30T19:59:00Z',
    count: 390,
    observed: {
      interval: '1m',
      sources: { test: 390 },
      adjusted: { splits: 390 },
      sessions: 1,
      bars: 390,
      low: 179.1,
    },
    expected: { sessions: 1, bars: 390 },
  })
})

describe('each oddity is counted by itself', () => {
  const price = { open: 17.94, high: 17.94, low: 17.94, close: 17.94 }
  const raw = { adjusted: 'none' }
  test.each<[name: string, input: string, odd: [string, number][], args?: string[]]>([
    ['bars that are absent', session([5, 6, 100]), [['missing-bars', 3]]],
    [
      'a session that is absent',
      session([], barLine(2 * DAY)),
      [
        ['missing-sessions', 1],
        ['missing-bars', 389],
      ],
    ],
    [
      'hours of the clock among those from the open',
      [60, 90].map((minute) => barLine(minute, { interval: '1h' })).join('\n'),
      [
        ['missing-bars', 6],
        ['spacing', 2],
        ['overlap', 1],
      ],
    ],
    [
      'an overlap outside of the session',
      session([], ...[400, 400.5].map((m) => barLine(m, { session: null }))),
      [['overlap', 1]],
    ],
    ['two equal starts', session([], barLine(389), barLine(389)), [['duplicate', 2]]],
    ['time that goes back', session([200], barLine(200)), [['backwards', 1]]],
    ['off the grid, which is no overlap too', session([], barLine(389.5)), [['off-grid', 1]]],
    ['said to be regular and outside', session([], barLine(400, { session: 'rth' })), [['not-regular', 1]]],
    [
      'the hour before the open',
      [barLine(-30, { interval: '1h', session: null }), barLine(30, { interval: '1h' })].join('\n'),
      [
        ['missing-bars', 6],
        ['straddling', 1],
      ],
    ],
    ['minutes that are called five', session(), [['spacing', 390]], ['--interval', '5m']],
    [
      'a split',
      [session(), barLine(DAY, { ...price, ...raw }), barLine(DAY + 1, { ...price, ...raw })]
        .join('\n')
        .replaceAll('"splits"', '"none"'),
      [
        ['missing-bars', 388],
        ['split', 1],
      ],
    ],
    [
      'rows that are no bars',
      session([], barLine(389, { close: 'x' }), '{"type":"bar"}', barLine(389, { high: 1 })),
      [
        ['not-a-number', 1],
        ['missing', 1],
        ['high-below-low', 1],
      ],
    ],
  ])('%s', async (name, input, odd, args = []) => {
    const text = args.length > 0 ? input.replaceAll('"interval":"1m",', '') : input
    if (name === 'minutes that are called five') {
      const { of } = await inspect(text, args)
      expect(of('spacing')).toMatchObject({
        count: 390,
        observed: '1m',
        expected: '5m',
        fix: expect.stringContaining('--interval 1m'),
      })
      expect(of('off-grid').count).toBe(312)
      return
    }
    const found = await inspect(text)
    expect(found.odd).toEqual(odd)
  })

  test('a wild night, rows outside, years beyond the calendar are told and are no fault', async () => {
    const wild = { open: 300, high: 300, low: 300, close: 300 }
    const { of } = await inspect([session(), barLine(400, { session: null }), barLine(DAY, wild)].join('\n'))
    expect([of('outside').count, of('overnight').observed]).toEqual([1, 300 / 179.4 - 1])
    const old = await inspect(barLine(0, { time: '1995-01-03T15:00:00Z', session: null }))
    expect([old.of('beyond-calendar').count, old.of('bars').expected]).toEqual([1, null])
  })
})

describe('which bars', () => {
  const mixed = [
    ...['NVDA', 'AAPL', 'BRK.B'].map((symbol) => barLine(0, { symbol })),
    barLine(0, { interval: '1d', source: 'other' }),
    barLine(DAY),
  ].join('\n')
  const found = async (...args: string[]) =>
    (await inspect(mixed, args)).records
      .filter(({ check }) => check === 'bars')
      .map(({ symbol, ruleset, count }) => `${symbol} ${ruleset.slice(8)} ${count}`)

  test('any symbols and intervals, in order; or those that are asked for', async () => {
    expect(await found()).toEqual(['AAPL 1m 1', 'BRK.B 1m 1', 'NVDA 1m 2', 'NVDA 1d 1'])
    expect(await found('--symbols', 'brk.b,AAPL')).toEqual(['AAPL 1m 1', 'BRK.B 1m 1'])
    expect(await found('--source', 'other')).toEqual(['NVDA 1d 1'])
    expect(await found('--from', '2025-07-31')).toEqual(['NVDA 1m 1'])
    expect(await found('--to', '2025-07-30', '--symbols', 'NVDA')).toEqual(['NVDA 1m 1', 'NVDA 1d 1'])
  })

  test('files one after another, the store, and nothing at all', async () => {
    const dir = new Workdir()
    dir.write('a.ndjson', session().split('\n').slice(0, 200).join('\n'))
    dir.write('b.ndjson', session().split('\n').slice(200).join('\n'))
    const files = await dir.called(['inspect', 'b.ndjson', 'a.ndjson'])
    expect(parse(files.stdout).map(({ check, count }) => [check, count])).toEqual([['bars', 390]])
    const { dsn } = await freshDatabase()
    await dir.called(['load', '--dsn', dsn, 'a.ndjson', 'b.ndjson'])
    const stored = await dir.called(['inspect', '--dsn', dsn], { input: mixed })
    expect(stored.stdout).toBe(files.stdout)
    const none: [args: string[], words: string][] = [
      [
        ['--dsn', dsn, '--symbols', 'AMD'],
        'no bars match\njules inspect: hint: the store holds NVDA 1m test: 390 rows',
      ],
      [['--symbols', 'AMD', 'a.ndjson'], 'a.ndjson: no bars match'],
      [['nowhere'], 'nowhere: no such file'],
      [['/dev/null'], '/dev/null: is empty'],
    ]
    for (const [args, words] of none) {
      const { status, stdout, stderr } = await dir.called(['inspect', ...args])
      expect([status, stdout, stderr]).toEqual([66, '', expect.stringContaining(words)])
    }
    expect((await dir.called(['inspect', '--store', 'a.ndjson'])).status).toBe(64)
    const usage = await dir.called(['inspect', '--from', '2025-08-02', '--to', '2025-08-01', 'a.ndjson'])
    expect(usage.status).toBe(64)
  })
})

test('lines for people keep to 80 columns, and the store takes the records', async () => {
  const dir = new Workdir()
  const input = session(
    [5, 9, 100],
    barLine(395),
    barLine(395),
    barLine(3 * DAY, { open: 0 }),
    barLine(2 * DAY),
  )
  const { status, stdout } = await dir.called(['inspect', '-f', 'table'], {
    input,
    env: { LANG: 'en_US.UTF-8' },
  })
  expect([status, stdout.split('\n').filter((line) => [...line].length > 80)]).toEqual([0, []])
  expect(stdout).toMatch(/^NVDA 1m {2}[▁▂▃▄▅▆▇█]+\n {2}2025-07-30T13:30:00Z to 2025-08-01T13:30:00Z\n/)
  expect(stdout).toContain('2 of 3 sessions, with 388 of their 780 bars\n')
  expect(stdout).toMatch(/rows that are no bars\n {2}error +not-positive, 1: stdin:\d+: open/)
  const { dsn, query } = await freshDatabase()
  await dir.line(`jules inspect -f ndjson | jules load --dsn '${dsn}'`, { input })
  const [{ count } = { count: 0 }] = await query('SELECT count(*)::int FROM data_quality_reports')
  expect(count).toBeGreaterThan(4)
})
