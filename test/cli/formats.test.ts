/** Formats in and out: the same rows. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { barLine, barLines, freshDatabase, Workdir } from '../support/workdir.js'

describe('the same rows whatever the format', () => {
  test('ndjson, csv and parquet round trips, through files and pipes', async () => {
    const dir = new Workdir()
    await dir.called(['fetch', '--mock', '--days', '3', '-o', 'a.ndjson'])
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
    await dir.called(['fetch', '--mock', '--days', '1', '-o', 'a.parquet'])
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
    const expected = (await dir.called(['fetch', '-'], { input: barLines(3) })).stdout
    const gz = await dir.called(['fetch', '-'], { input: gzipSync(barLines(3)) })
    expect(gz.stdout).toBe(expected)
    const bom = await dir.called(['fetch', '-'], { input: `\ufeff${barLines(3).replaceAll('\n', '\r\n')}` })
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
    const { stdout } = await dir.called(['fetch', '-'], { input })
    expect(stdout).toBe(input)
    const csv = await dir.called(['fetch', '-', '-f', 'csv'], { input })
    expect([csv.status, csv.stderr]).toEqual([
      65,
      'jules fetch: csv output holds bars; it cannot hold a note record\njules fetch: hint: use --format ndjson\n',
    ])
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
      const first = await dir.line(`${fetch} | jules load --dsn '${dsn}'`)
      const rows = readFileSync(real, 'utf8').trim().split('\n').length - 1
      expect(first.stderr).toBe(`jules load: ${rows} rows read, ${rows} written, 0 unchanged, 0 rejected\n`)
      const second = await dir.line(`${fetch} | jules load --dsn '${dsn}'`)
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
