/** `export`, and the tables that `load` fills. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exportBars } from '../../src/commands/export.js'
import { load } from '../../src/commands/load.js'
import { BARS, createSql } from '../../src/store/tables.js'
import { called } from '../support/called.js'
import { barLine, freshDatabase, Workdir } from '../support/workdir.js'

describe('export', () => {
  test('selects, orders, and says what exists when nothing matches', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.line(`jules fetch --mock --days 3 --symbols MSFT,NVDA,AAPL | jules -q load --dsn '${dsn}'`)
    const exported = (...args: string[]) => called(exportBars, 'export', ['--dsn', dsn, ...args])
    const all = (await exported()).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(all.slice(0, 4).map(({ symbol }) => symbol)).toEqual(['NVDA', 'MSFT', 'AAPL', 'NVDA'])
    const some = await exported('--symbols', 'AAPL,MSFT', '--from', '2025-07-31', '--to', '2025-07-31')
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
    const none = await dir.called(['export', '--dsn', dsn, '--symbols', 'TSLA', '-o', 'out.csv'])
    expect(none.status).toBe(66)
    expect(none.stderr).toMatch(
      /^jules export: no bars match\njules export: hint: the store holds AAPL 1m mock: 1170 rows 2025-07-30 to 2025-08-01; /,
    )
    expect(dir.list()).toEqual([])
  })

  test('a Hive folder that reads back as the same rows', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.line('jules fetch --mock --days 2 -o in.ndjson')
    await dir.line(`jules -q load --dsn '${dsn}' in.ndjson`)
    await dir.called(['export', '--dsn', dsn, '--partition-by', 'symbol,date', '-o', 'bars'])
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

  test('one file is open at a time, however many the folder has', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    await query(`${createSql(BARS)} INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, volume, session, source)
      SELECT 'S' || s, i, timestamptz '2025-07-30 13:30Z' + d * interval '1 day' + m * interval '5 minutes', 1, 2, 1, 2, s, 'rth', 'x'
      FROM generate_series(1, 30) s, generate_series(0, 1) d, generate_series(0, 2) m, unnest(ARRAY['1m', '5m']) i`)
    const sorted = (lines: string) => lines.split('\n').sort().join('\n')
    const rows = sorted((await called(exportBars, 'export', ['--dsn', dsn])).stdout)
    for (const [keys, files] of [
      ['symbol,date', 60],
      ['interval,symbol', 60],
      ['date', 2],
    ] as const) {
      // Node itself has about 30 open.
      const { status, stderr } = await dir.shell(
        `ulimit -n 48; rm -rf bars; jules export --dsn '${dsn}' --partition-by ${keys} -o bars`,
      )
      expect([status, stderr]).toEqual([0, ''])
      const parts = readdirSync(dir.file('bars'), { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name))
      expect(parts).toHaveLength(files)
      const back = await dir.called(['fetch', ...parts])
      expect([back.status, sorted(back.stdout)]).toEqual([0, rows])
    }
  })

  test('--verify says what was read back; -v what each setting is', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    const verified = await dir.called(['load', '--dsn', dsn, '--verify', '-v'], { input: barLine(0) })
    expect(verified.stderr).toContain('1 written, 0 unchanged, 0 rejected, 1 read back and as given\n')
    expect(verified.stderr).toContain('--max-rejects 0 (default)\n')
    const json = await dir.called(['--json', 'load', '--dsn', dsn, '--verify'], { input: barLine(0) })
    expect(JSON.parse(json.stderr)).toMatchObject({ unchanged: 1, verified: 1 })
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
      { type: 'trip', run: 'r1' },
    ]
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('')
    const loaded = (text: string) => called(load, 'load', ['--dsn', dsn, dir.write('in.ndjson', text)])
    const first = await loaded(input)
    expect(first.stderr).toBe(
      'jules load: 4 rows read, 3 written, 0 unchanged, 0 rejected, 1 trip records not stored\n',
    )
    const second = await loaded(input)
    expect(second.stderr).toContain('0 written, 3 unchanged')
    expect(await query('SELECT run, positions FROM equity')).toEqual([{ run: 'r1', positions: { NVDA: 5 } }])
    expect(await query('SELECT "check", count FROM data_quality_reports')).toEqual([
      { check: 'gaps', count: 2 },
    ])
    const bad = await loaded('{"type":"fill","run":"r"}\n')
    expect([bad.status, bad.stderr]).toEqual([65, expect.stringContaining('in.ndjson:1: time: is missing\n')])
  })
})
