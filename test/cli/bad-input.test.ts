import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { barLine, barLines, freshDatabase, Workdir } from '../support/workdir.js'

const HTML = '<!DOCTYPE html>\n<html><body>404</body></html>\n'

/** A line in place of the second of three, and what `load --dry-run` says of it. */
const LINES: [title: string, line: string, message: string][] = [
  ['a malformed line', '{"type":"bar",', 'expected a JSON object, got "{\\"type\\":\\"bar\\","'],
  ['a line that is no object', '[1,2]', 'expected one JSON object a line, got an array'],
  ['a number', '17', 'expected a JSON object, got "17"'],
  ['NaN', barLine(1).replace('179.4', 'NaN'), 'expected a JSON object, got'],
  ['Infinity as a word', barLine(1).replace('179.4', '-Infinity'), 'expected a JSON object, got'],
  ['Infinity', barLine(1).replace('179.4', '1e999'), 'close: expected a finite number, got Infinity'],
  ['duplicate keys', barLine(1).replace('}', ',"close":180}'), 'key "close" stands twice'],
  ['__proto__', barLine(1).replace('}', ',"__proto__":{"close":1}}'), 'key "__proto__" is not allowed'],
  ['a string for a price', barLine(1, { close: '179.4' }), 'close: expected a number, got "179.4"'],
  ['n/a for a price', barLine(1, { close: 'n/a' }), 'close: expected a number, got "n/a"'],
  ['an object for a price', barLine(1, { open: {} }), 'open: expected a number, got {}'],
  ['a boolean for volume', barLine(1, { volume: true }), 'volume: expected a number, got true'],
  ['a missing price', barLine(1, { high: undefined }), 'high: is missing'],
  ['a missing volume', barLine(1, { volume: undefined }), 'volume: is missing'],
  ['a missing time', barLine(1, { time: undefined }), 'time: is missing'],
  ['a missing symbol', barLine(1, { symbol: undefined }), 'symbol: is missing'],
  ['high below low', barLine(1, { high: 178, low: 179 }), 'high: 178 is below low 179'],
  ['high below close', barLine(1, { high: 179.3 }), 'high: 179.3 is below close 179.4'],
  ['low above open', barLine(1, { low: 179.3 }), 'low: 179.3 is above open 179.2'],
  ['a negative price', barLine(1, { low: -1 }), 'low: expected a price above 0, got -1'],
  ['a price of zero', barLine(1, { low: 0 }), 'low: expected a price above 0, got 0'],
  ['a null price', barLine(1, { close: null }), 'close: expected a number, got null'],
  ['a negative volume', barLine(1, { volume: -5 }), 'volume: expected 0 or more, got -5'],
  [
    '24:00',
    barLine(1, { time: '2025-07-30T24:00:00Z' }),
    'time: no such time of day: "2025-07-30T24:00:00Z"',
  ],
  ['30 February', barLine(1, { time: '2025-02-30T14:00:00Z' }), 'time: no such date: "2025-02-30T14:00:00Z"'],
  [
    'a stamp without a zone',
    barLine(1, { time: '2025-07-30 09:31' }),
    'time: "2025-07-30 09:31" has no UTC offset',
  ],
  [
    'a time finer than a millisecond',
    barLine(1, { time: 1753882260000001 }),
    'time: expected a time, or an epoch of 1973 to 2099 in s, ms, us or ns',
  ],
  [
    'an unknown interval',
    barLine(1, { interval: '2m' }),
    'interval: expected one of 1s 5s 1m 5m 15m 30m 1h 1d, got "2m"',
  ],
  [
    'a symbol with a space',
    barLine(1, { symbol: 'NV DA' }),
    'symbol: expected letters, digits, dots and dashes',
  ],
  ['an unknown session', barLine(1, { session: 'pre' }), 'session: expected one of rth, eth, got "pre"'],
  ['an object of another kind', '{"hello":"world"}', 'type: is missing, and this is not a bar'],
  ['a web page', '<html><body>502 Bad Gateway</body></html>', 'expected records, got an HTML or XML page'],
]

describe('load names the bad line', () => {
  test.each(LINES)('%s', async (_title, line, message) => {
    const dir = new Workdir()
    const input = `${barLine(0)}\n${line}\n${barLine(2)}\n`
    const { status, stdout, stderr } = await dir.called(['load', '--dry-run'], { input })
    expect(stderr.startsWith(`jules load: stdin:2: ${message}`), stderr).toBe(true)
    expect([status, stdout]).toEqual([65, ''])
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('invalid UTF-8 in CSV, also in the last byte', async () => {
    const header = 'time,symbol,interval,open,high,low,close,volume,colour\n'
    const row = (colour: Buffer) =>
      Buffer.concat([Buffer.from('2025-07-30T13:30:00Z,NVDA,1m,1,2,1,2,5,'), colour, Buffer.from('\n')])
    const good = row(Buffer.from('gr\u00fcn'))
    for (const bad of [row(Buffer.from([0xff])), row(Buffer.from([0xc3])).subarray(0, -1)]) {
      const input = Buffer.concat([Buffer.from(header), good, good, bad])
      const { status, stderr } = await new Workdir().called(['load', '--dry-run'], { input })
      expect([status, stderr.split('\n')[0]]).toEqual([65, 'jules load: stdin:4: is not valid UTF-8'])
    }
  })

  test('invalid UTF-8', async () => {
    const dir = new Workdir()
    const bad = Buffer.concat([
      Buffer.from(`${barLine(0)}\n{"symbol":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n'),
    ])
    const { status, stderr } = await dir.called(['load', '--dry-run'], { input: bad })
    expect([status, stderr.split('\n')[0]]).toEqual([65, 'jules load: stdin:2: is not valid UTF-8'])
  })

  test('control characters of the data are made visible', async () => {
    const dir = new Workdir()
    const { stderr } = await dir.called(['load', '--dry-run'], { input: '{"\u001b[31m\u009b"\n' })
    expect(stderr).toContain('\\u001b[31m\\u009b')
    expect(stderr).not.toMatch(/[\u001b\u009b]/)
    // In a name too, in a warning as in an error.
    dir.write('\u001b[31m', 'bad\n')
    const named = await dir.called([
      'load',
      '--dry-run',
      '--input-format',
      'ndjson',
      '--max-rejects',
      '1',
      '\u001b[31m',
    ])
    expect(named.stderr).toContain('warning: \\u001b[31m:1: expected')
    expect(named.stderr).not.toContain('\u001b')
  })
})

describe('whole inputs that are wrong', () => {
  const cases: [string, string | Buffer, number, string][] = [
    ['empty', '', 66, 'jules load: stdin: is empty\n'],
    ['only blank lines', '\n\n', 66, 'jules load: the input holds no records\n'],
    ['HTML', HTML, 65, 'jules load: stdin:1: expected records, got an HTML or XML page\n'],
    [
      'gzip of garbage',
      gzipSync('garbage'),
      65,
      'jules load: stdin:1: the header lacks time, open, high, low, close, volume\n',
    ],
    [
      'garbage behind the magic number of gzip',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), Buffer.alloc(500, 0xee)]),
      65,
      'jules load: stdin: damaged gzip data: ',
    ],
    [
      'truncated gzip',
      gzipSync(barLines(2000)).subarray(0, 3000),
      65,
      'jules load: stdin: damaged gzip data: unexpected end of file\n',
    ],
    [
      'truncated Parquet',
      Buffer.from('PAR1\u0015\u0004\u0015garbage'),
      65,
      'jules load: stdin: damaged Parquet file: ',
    ],
  ]
  test.each(cases)('%s', async (_title, input, code, message) => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.called(['load', '--dry-run'], { input })
    expect(stderr.startsWith(message), stderr).toBe(true)
    expect([status, stdout]).toEqual([code, ''])
  })

  test('a Parquet file cut anywhere', async () => {
    const dir = new Workdir()
    await dir.called(['fetch', '--mock', '--days', '1', '-o', 'whole.parquet'])
    const { readFileSync } = await import('node:fs')
    const whole = readFileSync(dir.file('whole.parquet'))
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      dir.write('cut.parquet', whole.subarray(0, Math.floor(whole.length * part)))
      const { status, stderr } = await dir.called(['load', '--dry-run', 'cut.parquet'])
      expect(stderr).toMatch(/^jules load: cut.parquet: damaged Parquet file: /)
      expect(status).toBe(65)
    }
  })

  test.each([
    ['ndjson', '{"type":"note"}'],
    ['csv', 'time,symbol,open,high,low,close,volume'],
  ])(
    'a line of 100 MB in %s is refused before it is read: its writer finds the pipe closed',
    async (_format, first) => {
      const dir = new Workdir()
      const { stdout, stderr } = await dir.shell(
        `(echo '${first}'; head -c 100000000 /dev/zero | tr '\\0' x; echo "\${PIPESTATUS[1]}" >tr) | jules load --dry-run`,
      )
      expect(stdout).toBe('')
      expect(stderr).toMatch(/^jules load: stdin:2: longer than 1048576 bytes\n/)
      // 128 + SIGPIPE.
      expect(dir.read('tr')).toBe('141\n')
    },
  )

  test('a missing file does not start a server', async () => {
    const dir = new Workdir()
    const { status, stderr } = await dir.called(['load', 'absent.ndjson'])
    expect([status, stderr]).toEqual([66, 'jules load: absent.ndjson: no such file or directory\n'])
    expect(dir.list()).toEqual([])
  })
})

describe('rejects', () => {
  test('fetch passes over as many as it is told to, and writes the rest', async () => {
    const dir = new Workdir()
    const lines = [barLine(0), '{"a":1}', barLine(1), barLine(1, { high: 1 }), barLine(2)]
    const input = `${lines.join('\n')}\n`
    const stopped = await dir.called(['fetch', '-', '--max-rejects', '1', '-o', 'out.ndjson'], { input })
    expect(stopped.status).toBe(65)
    expect(stopped.stderr).toContain('stdin:4: high: 1 is below low 179.1')
    const passed = await dir.called(
      ['fetch', '-', '--max-rejects', '2', '--rejects', 'bad', '-o', 'out.ndjson'],
      {
        input,
      },
    )
    expect([passed.status, passed.stderr]).toEqual([0, 'jules fetch: 2 lines rejected\n'])
    expect(dir.read('out.ndjson')).toBe(`${[0, 1, 2].map((minute) => barLine(minute)).join('\n')}\n`)
    const rejects = dir
      .read('bad')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rejects.map(({ type, line, code, raw }) => [type, line, code, raw])).toEqual([
      ['reject', 2, 65, lines[1]],
      ['reject', 4, 65, lines[3]],
    ])
    const share = await dir.called(['fetch', '-', '--max-rejects', '10%', '-o', 'share.ndjson'], { input })
    expect([share.status, dir.list().includes('share.ndjson')]).toEqual([65, false])
  })

  test('a bad line 99,999 of 100,000 stops the load and says what is committed', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const lines = barLines(100_000).split('\n')
    lines[99_998] = barLine(99_998, { high: 1 })
    const { status, stderr } = await dir.called(['load', '--dsn', dsn], { input: lines.join('\n') })
    expect(status).toBe(65)
    expect(stderr).toMatch(
      /^jules load: stdin:99999: high: 1 is below low 179.1\njules load: hint: 50000 rows are committed/,
    )
    expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 50_000 }])
  })

  test('a missing input leaves no half-made file for rejects', async () => {
    const dir = new Workdir()
    const missing = await dir.called(['load', 'absent.ndjson', '--rejects', 'bad.ndjson'])
    expect([missing.status, dir.list()]).toEqual([66, []])
    const refused = await dir.called(
      ['load', '--rejects', 'bad.ndjson', '--dsn', 'postgresql://u@127.0.0.1:1/db'],
      { input: barLine(0) },
    )
    expect([refused.status, dir.list()]).toEqual([69, ['bad.ndjson']])
  })

  test('--max-rejects passes over bad lines, --rejects keeps them', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    const input = [barLine(0), '{"bad":1', barLine(1), barLine(2, { close: 'x' }), barLine(3)].join('\n')
    const args = ['load', '--dsn', dsn, '--max-rejects', '2', '--rejects', 'bad.ndjson']
    const { status, stderr } = await dir.called(args, { input })
    expect([status, stderr]).toEqual([0, 'jules load: 3 rows read, 3 written, 0 unchanged, 2 rejected\n'])
    const rejects = dir
      .read('bad.ndjson')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rejects.map(({ type, line, code, raw }) => ({ type, line, code, raw }))).toEqual([
      { type: 'reject', line: 2, code: 65, raw: '{"bad":1' },
      { type: 'reject', line: 4, code: 65, raw: barLine(2, { close: 'x' }) },
    ])
  })

  test('one more than --max-rejects is 65, and the rejects are kept', async () => {
    const dir = new Workdir()
    const { status } = await dir.called(['load', '--dry-run', '--max-rejects', '1', '--rejects', 'bad'], {
      input: 'x\ny\nz\n',
    })
    expect(status).toBe(65)
    // The first byte says this is CSV; as NDJSON the two lines up to the stop are kept.
    const again = await dir.called(
      ['load', '--dry-run', '--max-rejects', '1', '--rejects', 'bad', '--input-format', 'ndjson'],
      {
        input: 'x\ny\nz\n',
      },
    )
    expect(again.status).toBe(65)
    expect(dir.read('bad').trim().split('\n')).toHaveLength(2)
  })

  test('a percentage is judged at the end of a short input', async () => {
    const dir = new Workdir()
    const input = `${barLines(98)}bad\nbad\n`
    const run = (share: string) => dir.called(['load', '--dry-run', '--max-rejects', share], { input })
    expect((await run('2%')).status).toBe(0)
    expect((await run('1.9%')).stderr).toContain('2 of 100 lines are bad, more than 1.9 %')
  })
})

describe('what counts as the same bar', () => {
  test('out of order and duplicate rows are loaded, the last of two stands', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const input = [barLine(5), barLine(1), barLine(1), barLine(5, { volume: 7 }), barLine(3)].join('\n')
    const { stderr } = await dir.called(['load', '--dsn', dsn], { input })
    expect(stderr).toBe(
      'jules load: 5 rows read, 3 written, 0 unchanged, 0 rejected, 2 replaced by a later row of the same key\n',
    )
    expect(await query('SELECT volume FROM market_data ORDER BY time')).toEqual([
      { volume: 1001 },
      { volume: 1003 },
      { volume: 7 },
    ])
  })

  test('a second load changes nothing, a changed row is written, --on-conflict nothing keeps it', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const load = async (input: string, ...more: string[]) =>
      (await dir.called(['load', '--dsn', dsn, ...more], { input })).stderr
    expect(await load(barLines(10))).toContain('10 rows read, 10 written, 0 unchanged')
    expect(await load(barLines(10))).toContain('10 rows read, 0 written, 10 unchanged')
    const [before] = await query('SELECT max(updated_at)::text AS at FROM market_data')
    expect(await load(barLine(3, { close: 179.3 }), '--on-conflict', 'nothing')).toContain(
      '0 written, 1 unchanged',
    )
    expect(await query('SELECT max(updated_at)::text AS at FROM market_data')).toEqual([before])
    expect(await load(barLine(3, { close: 179.3 }))).toContain('1 written, 0 unchanged')
    expect(await query('SELECT count(*)::int AS n FROM market_data WHERE close = 179.3')).toEqual([{ n: 1 }])
  })

  test('a mock row never replaces a real one, unless that is allowed; a real one replaces a mock one', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const load = (input: string, ...more: string[]) => dir.called(['load', '--dsn', dsn, ...more], { input })
    const mock = barLine(0, { source: 'mock' })
    await load(barLine(0))
    const refused = await load(mock)
    expect(refused.status).toBe(65)
    expect(refused.stderr).toMatch(
      /^jules load: a mock row would replace a row of source test: NVDA 1m 2025-07-30T13:30:00Z\n/,
    )
    expect(await query('SELECT source FROM market_data')).toEqual([{ source: 'test' }])
    expect((await load(mock, '--allow-mock')).status).toBe(0)
    expect(await query('SELECT source FROM market_data')).toEqual([{ source: 'mock' }])
    expect((await load(barLine(0))).status).toBe(0)
    expect(await query('SELECT source FROM market_data')).toEqual([{ source: 'test' }])
  })

  test('nor does it within one input', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    const input = `${barLine(0)}\n${barLine(0, { source: 'sim' })}\n`
    const { status, stderr } = await dir.called(['load', '--dsn', dsn], { input })
    expect([status, stderr.split('\n')[0]]).toEqual([
      65,
      'jules load: a sim row would replace a row of source test: NVDA 1m 2025-07-30T13:30:00Z',
    ])
  })
})

test('a bad line after records of several kinds is named by its own number', async () => {
  const order = '{"type":"order","ref":"a"}'
  const input = [barLine(0), order, barLine(1), order, order, barLine(2), 'nonsense'].join('\n')
  const { status, stderr } = await new Workdir().called(['load', '--dry-run'], { input })
  expect([status, stderr.split(': ')[1]]).toEqual([65, 'stdin:7'])
})
