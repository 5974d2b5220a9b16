import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { barLine, barLines, freshDatabase, Workdir } from '../support/workdir.js'

describe('the same rows whatever the format', () => {
  test('ndjson, csv and parquet round trips, through files and pipes', async () => {
    const dir = new Workdir()
    await dir.jules(['fetch', '--mock', '--days', '3', '-o', 'a.ndjson'])
    const sparse = barLine(0, {
      volume: null,
      vwap: null,
      trades: null,
      adjusted: null,
      close: 179.123456789,
    })
    writeFileSync(dir.file('a.ndjson'), `${dir.read('a.ndjson')}${sparse}\n`)
    const original = dir.read('a.ndjson')
    const line =
      'jules fetch a.ndjson -f csv | jules fetch - -f parquet | jules fetch - -o b.csv && jules fetch b.csv -o b.parquet && jules fetch b.parquet'
    const { stdout, stderr } = await dir.shell(line)
    expect(stderr).toBe('')
    expect(stdout).toBe(original)
  })

  test('Parquet in row groups streams through a pipe', async () => {
    const dir = new Workdir()
    const { stdout } = await dir.shell(
      'jules fetch --mock --days 300 -f parquet | jules fetch - | md5sum; jules fetch --mock --days 300 | md5sum',
    )
    const [a, b] = stdout.split('\n')
    expect(a).toBe(b)
  })

  test('Parquet holds the documented types', async () => {
    const dir = new Workdir()
    await dir.jules(['fetch', '--mock', '--days', '1', '-o', 'a.parquet'])
    const { parquetMetadata } = await import('hyparquet')
    const bytes = readFileSync(dir.file('a.parquet'))
    const metadata = parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    const time = metadata.schema.find(({ name }) => name === 'time')
    expect([time?.type, time?.logical_type]).toEqual([
      'INT64',
      { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
    ])
    expect(metadata.schema.find(({ name }) => name === 'close')?.type).toBe('DOUBLE')
    expect(metadata.key_value_metadata).toEqual([
      { key: 'jules.type', value: 'bar' },
      { key: 'jules.schema', value: '1' },
    ])
    expect(metadata.row_groups[0]?.columns[0]?.meta_data?.codec).toBe('GZIP')
  })

  test('gzip is read, BOM and CRLF too', async () => {
    const dir = new Workdir()
    const expected = (await dir.jules(['fetch', '-'], { input: barLines(3) })).stdout
    const gz = await dir.jules(['fetch', '-'], { input: gzipSync(barLines(3)) })
    expect(gz.stdout).toBe(expected)
    const bom = await dir.jules(['fetch', '-'], { input: `\ufeff${barLines(3).replaceAll('\n', '\r\n')}` })
    expect([bom.stdout, bom.stderr]).toEqual([expected, ''])
  })

  test('the first record appears while the input is still open', async () => {
    const dir = new Workdir()
    const child = dir.start(resolve('bin/jules'), ['fetch', '-'])
    child.stdin?.write(`${barLine(0)}\n`)
    const first = await new Promise<Buffer>((done) => child.stdout?.once('data', done))
    expect(first.toString()).toBe(`${barLine(0)}\n`)
    child.stdin?.end()
  })

  test('records that are not bars pass through, in order', async () => {
    const dir = new Workdir()
    const input = `${barLine(0)}\n{"type":"note","n":1}\n${barLine(1)}\n{"type":"note","n":2}\n{"type":"note","n":3}\n${barLine(2)}\n`
    const { stdout } = await dir.jules(['fetch', '-'], { input })
    expect(stdout).toBe(input)
    const csv = await dir.jules(['fetch', '-', '-f', 'csv'], { input })
    expect([csv.status, csv.stderr]).toEqual([
      65,
      'jules fetch: csv output holds bars; it cannot hold a note record\njules fetch: hint: use --format ndjson\n',
    ])
  })
})

describe('files of vendors', () => {
  const fields = {
    symbol: 'NVDA',
    interval: '5m',
    open: 179.2,
    high: 179.5,
    low: 179.1,
    close: 179.4,
    volume: 1000,
  }
  const expected = ['2025-07-31T13:30:00Z', '2025-07-31T13:35:00Z'].map((time) => ({ ...fields, time }))
  const V = '179.2,179.5,179.1,179.4,1000'
  const files: [title: string, text: string, args: string[]][] = [
    [
      'naive New York stamps',
      `datetime,open,high,low,close,volume\n2025-07-31 09:30:00,${V}\n2025-07-31 09:35:00,${V}\n`,
      ['--symbol', 'NVDA', '--tz', 'America/New_York'],
    ],
    [
      'capitalised headers in another order',
      `Close,Open,High,Low,Volume,Timestamp\n179.4,179.2,179.5,179.1,1000,2025-07-31T09:30:00-04:00\n179.4,179.2,179.5,179.1,1000,2025-07-31T09:35:00-04:00\n`,
      ['--symbol', 'nvda'],
    ],
    [
      'a UTC offset and long decimals',
      `time,open,high,low,close,volume,vwap\n2025-07-31 13:30:00+00:00,179.2000000000,179.5000000000,179.1000000000,179.4000000000,1000.0,\n2025-07-31 13:35:00+00:00,${V},\n`,
      ['--symbol', 'NVDA'],
    ],
    [
      'date and time apart',
      `Date,Time,Open,High,Low,Close,Volume\n2025-07-31,09:30,${V}\n2025-07-31,09:35,${V}\n`,
      ['--symbol', 'NVDA', '--tz', 'America/New_York'],
    ],
    [
      'semicolons',
      `time;ticker;open;high;low;close;volume\n2025-07-31T13:30:00Z;NVDA;${V.replaceAll(',', ';')}\n2025-07-31T13:35:00Z;NVDA;${V.replaceAll(',', ';')}\n`,
      [],
    ],
    [
      'tabs',
      `time\tsymbol\topen\thigh\tlow\tclose\tvolume\n2025-07-31T13:30:00Z\tNVDA\t${V.replaceAll(',', '\t')}\n2025-07-31T13:35:00Z\tNVDA\t${V.replaceAll(',', '\t')}\n`,
      [],
    ],
    [
      'epoch seconds',
      `timestamp,symbol,open,high,low,close,volume\n1753968600,NVDA,${V}\n1753968900,NVDA,${V}\n`,
      [],
    ],
    [
      'epoch milliseconds',
      `timestamp,symbol,open,high,low,close,volume\n1753968600000,NVDA,${V}\n1753968900000,NVDA,${V}\n`,
      [],
    ],
    [
      'a column nobody knows',
      `time,symbol,open,high,low,close,volume,colour\n2025-07-31T13:30:00Z,NVDA,${V},red\n2025-07-31T13:35:00Z,NVDA,${V},red\n`,
      [],
    ],
    [
      'quoted fields',
      `"time","symbol","open","high","low","close","volume"\n"2025-07-31T13:30:00Z","NVDA","179.2","179.5","179.1","179.4","1000"\n"2025-07-31T13:35:00Z","NVDA",${V}\n`,
      [],
    ],
    [
      'JSON with other keys',
      `{"t":1753968600000,"ticker":"NVDA","Open":179.2,"HIGH":179.5,"low":179.1,"close":179.4,"volume":1000}\n{"ts":"2025-07-31T13:35:00Z","Symbol":"NVDA","open":179.2,"high":179.5,"low":179.1,"close":179.4,"volume":1000}\n`,
      [],
    ],
  ]
  test.each(files)('%s', async (_title, text, args) => {
    const dir = new Workdir()
    const { stdout, stderr } = await dir.jules(['fetch', '-', ...args], { input: text })
    expect(stderr).toBe('')
    const bars = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(bars).toEqual(
      expected.map((bar) => ({
        type: 'bar',
        ...bar,
        vwap: null,
        trades: null,
        adjusted: null,
        session: 'rth',
        source: 'file',
      })),
    )
    expect(Object.keys(bars[0])).toEqual([
      'type',
      'symbol',
      'interval',
      'time',
      'open',
      'high',
      'low',
      'close',
      'volume',
      'vwap',
      'trades',
      'adjusted',
      'session',
      'source',
    ])
  })

  const broken: [title: string, text: string, message: string][] = [
    [
      'no header',
      `2025-07-31T13:30:00Z,NVDA,${V}\n`,
      'stdin:1: the header lacks time, open, high, low, close, volume',
    ],
    ['a missing column', 'time,open,high,low,close\n', 'stdin:1: the header lacks volume'],
    [
      'two closes',
      `time,symbol,open,high,low,close,Close,volume\n`,
      'stdin:1: columns "close" and "Close" are both close',
    ],
    [
      'a short row',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,1,2\n`,
      'stdin:2: expected 7 columns, got 4',
    ],
    [
      'text for a number',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,${V.replace('179.4', 'n/a')}\n`,
      'stdin:2: close: expected a number, got "n/a"',
    ],
    [
      'a naive stamp',
      `time,symbol,open,high,low,close,volume\n2025-07-31 13:30:00,NVDA,${V}\n`,
      'stdin:2: time: "2025-07-31 13:30:00" has no UTC offset; name its zone with --tz',
    ],
    [
      'an open quote',
      `time,symbol,open,high,low,close,volume\n"2025-07-31T13:30:00Z,NVDA,${V}\n`,
      'stdin:2: not CSV: ',
    ],
    [
      'a date beyond the calendar',
      `time,symbol,interval,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,1m,${V}\n1999-12-31T14:30:00Z,NVDA,1m,${V}\n`,
      'stdin:3: the trading calendar covers 2000 to 2028, not 1999-12-31',
    ],
    [
      'one row, no interval',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,${V}\n`,
      'stdin:2: the interval is missing and cannot be told from a single row a symbol',
    ],
  ]
  test.each(broken)('%s is named', async (_title, text, message) => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.jules(['fetch', '-', '-q'], { input: text })
    expect(stderr.startsWith(`jules fetch: ${message}`), stderr).toBe(true)
    expect([status, stdout]).toEqual([65, ''])
  })

  test('a wall time that daylight saving skips is refused', async () => {
    const dir = new Workdir()
    const input = `time,symbol,open,high,low,close,volume\n2025-03-09 02:30:00,NVDA,${V}\n`
    const { stderr } = await dir.jules(['fetch', '-', '--tz', 'America/New_York', '--interval', '5m'], {
      input,
    })
    expect(stderr).toContain('America/New_York skips or repeats the wall time "2025-03-09 02:30:00"')
  })
})

describe('export', () => {
  test('selects, orders, and says what exists when nothing matches', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.shell(`jules fetch --mock --days 3 --symbols MSFT,NVDA,AAPL | jules -q load --dsn '${dsn}'`)
    const all = (await dir.jules(['export', '--dsn', dsn])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(all.slice(0, 4).map(({ symbol }) => symbol)).toEqual(['NVDA', 'MSFT', 'AAPL', 'NVDA'])
    const some = await dir.jules([
      'export',
      '--dsn',
      dsn,
      '--symbols',
      'AAPL,MSFT',
      '--from',
      '2025-07-31',
      '--to',
      '2025-07-31',
    ])
    const bars = some.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect([bars.length, bars[0].symbol, bars[1].symbol, bars[0].time]).toEqual([
      780,
      'AAPL',
      'MSFT',
      '2025-07-31T13:30:00Z',
    ])
    const none = await dir.jules(['export', '--dsn', dsn, '--symbols', 'TSLA', '-o', 'out.csv'])
    expect(none.status).toBe(66)
    expect(none.stderr).toMatch(
      /^jules export: no bars match\njules export: hint: the store holds AAPL 1m mock: 1170 rows 2025-07-30 to 2025-08-01; /,
    )
    expect(dir.list()).toEqual([])
  })

  test('a Hive folder that reads back as the same rows', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.shell(`jules fetch --mock --days 2 > in.ndjson; jules -q load --dsn '${dsn}' in.ndjson`)
    await dir.jules(['export', '--dsn', dsn, '--partition-by', 'symbol,date', '-o', 'bars'])
    const { stdout } = await dir.shell('find bars -type f | sort')
    expect(stdout.trim().split('\n')).toEqual([
      'bars/symbol=MSFT/date=2025-07-31/part-0.parquet',
      'bars/symbol=MSFT/date=2025-08-01/part-0.parquet',
      'bars/symbol=NVDA/date=2025-07-31/part-0.parquet',
      'bars/symbol=NVDA/date=2025-08-01/part-0.parquet',
    ])
    const back = await dir.shell(
      'jules fetch $(find bars -type f) | sort | cmp - <(sort in.ndjson) && echo same',
    )
    expect(back.stdout).toBe('same\n')
  })

  test('other records go to their tables and change nothing the second time', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const time = '2025-07-31T13:31:00Z'
    const records = [
      {
        type: 'fill',
        time,
        run: 'r1',
        symbol: 'NVDA',
        side: 'buy',
        qty: 5,
        price: 179.2,
        commission: 0.35,
        slippage: 0.01,
        ref: 'jules:r1:1',
        exec: 'e1',
      },
      {
        type: 'equity',
        time,
        run: 'r1',
        cash: 4000,
        positions: { NVDA: 5 },
        marks: { NVDA: 179.4 },
        equity: 4897,
        pnl_day: 1,
        pnl_total: 1,
        drawdown: 0,
      },
      {
        type: 'quality',
        date: '2025-07-31',
        ruleset: 'v1',
        symbol: 'NVDA',
        check: 'gaps',
        severity: 'warn',
        from: time,
        to: time,
        count: 2,
        observed: 1,
        expected: 0,
        samples: [],
        fix: null,
      },
      { type: 'order', time, run: 'r1' },
    ]
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('')
    const first = await dir.jules(['load', '--dsn', dsn], { input })
    expect(first.stderr).toBe(
      'jules load: 4 rows read, 3 written, 0 unchanged, 0 rejected, 1 order records not stored\n',
    )
    const second = await dir.jules(['load', '--dsn', dsn], { input })
    expect(second.stderr).toContain('0 written, 3 unchanged')
    expect(await query('SELECT run, positions FROM equity')).toEqual([{ run: 'r1', positions: { NVDA: 5 } }])
    expect(await query('SELECT "check", count FROM data_quality_reports')).toEqual([
      { check: 'gaps', count: 2 },
    ])
    const bad = await dir.jules(['load', '--dsn', dsn], { input: '{"type":"fill","run":"r"}\n' })
    expect([bad.status, bad.stderr.split('\n')[0]]).toEqual([65, 'jules load: stdin:1: time: is missing'])
  })
})

describe('real bars', () => {
  const real = resolve('../shared/data/NVDA_5min.csv')
  test.skipIf(!existsSync(real))(
    'a file of real five-minute bars goes in and comes out the same',
    async () => {
      const dir = new Workdir()
      const { dsn, query } = await freshDatabase()
      const fetch = `jules fetch '${real}' --symbol NVDA --interval 5m --tz America/New_York`
      const first = await dir.shell(`${fetch} | jules load --dsn '${dsn}'`)
      const rows = readFileSync(real, 'utf8').trim().split('\n').length - 1
      expect(first.stderr).toBe(`jules load: ${rows} rows read, ${rows} written, 0 unchanged, 0 rejected\n`)
      const second = await dir.shell(`${fetch} | jules load --dsn '${dsn}'`)
      expect(second.stderr).toBe(`jules load: ${rows} rows read, 0 written, ${rows} unchanged, 0 rejected\n`)
      const same = await dir.shell(`jules export --dsn '${dsn}' | cmp - <(${fetch}) && echo same`)
      expect(same.stdout).toBe('same\n')
      // The numbers of the file, read by other code.
      const [sum] = await query(
        'SELECT sum(close)::float8 AS close, sum(volume)::float8 AS volume FROM market_data',
      )
      const cells = readFileSync(real, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(','))
      expect(Number(sum?.volume)).toBe(cells.reduce((total, cell) => total + Number(cell[5]), 0))
      expect(Number(sum?.close)).toBeCloseTo(
        cells.reduce((total, cell) => total + Number(cell[4]), 0),
        3,
      )
    },
  )
})
