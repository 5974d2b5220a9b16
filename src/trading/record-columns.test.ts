/** Tables of records have what the lines of the same run have, as hyparquet's own reader of objects reads them. */
import { gunzipSync } from 'node:zlib'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { Market } from '../market/market.js'
import { ROW_GROUP } from '../stream/parquet/encoder.js'
import { TableWriter } from '../stream/parquet/table.js'
import type { ByteSink } from '../stream/sink.js'
import { Backtest } from './backtest.js'
import { randomPolicy } from './policies.js'
import { layoutOf, RecordColumns } from './record-columns.js'
import { RecordWriter } from './records.js'
import { DEFAULT_RULES } from './rules.js'

function memorySink() {
  const parts: Uint8Array[] = []
  const sink: ByteSink = {
    write: async (bytes) => {
      parts.push(Uint8Array.from(bytes))
    },
    close: async () => {},
    abort: async () => {},
  }
  return { sink, bytes: () => new Uint8Array(Buffer.concat(parts)) }
}

/** In a name as in a file: quotes, a line feed, another alphabet, a surrogate pair. */
const RUN = 'a"b\\\n,</script>\u0000é\u{1f600}'
const TYPES = ['order', 'fill', 'risk', 'equity'] as const

function told(type: (typeof TYPES)[number], market: Market) {
  const out = memorySink()
  const table = new TableWriter(out.sink, layoutOf(type, market))
  const lines: string[] = []
  const named = { run: RUN, market, rules: DEFAULT_RULES }
  const run = (listener: RecordWriter | RecordColumns) => {
    const policy = randomPolicy(stream(3, 'record-columns'))
    const rules = { market, features: null, rules: DEFAULT_RULES, policy, longOnly: false, warmup: 0 }
    const backtest = new Backtest({ ...rules, listener })
    while (!backtest.advance(1000));
  }
  run(new RecordWriter({ ...named, types: new Set([type]), write: (line) => lines.push(line) }))
  run(new RecordColumns({ ...named, type, table }))
  return { out, table, lines: lines.map((line) => JSON.parse(line)) }
}

const objectsOf = (bytes: Uint8Array) =>
  parquetReadObjects({
    file: bytes.buffer.slice(0) as ArrayBuffer,
    compressors: { GZIP: (packed) => gunzipSync(packed) },
  })

/** Objects of all rows, times as the lines have them. */
async function rowsOf(bytes: Uint8Array) {
  const rows = await objectsOf(bytes)
  return rows.map(({ time, ...row }) => ({ time: time.toISOString().replace('.000', ''), ...row }))
}

describe.each(['both', 'one'])('of %s symbols', (word) => {
  const both = randomMarket({ sessions: 4, bps: 30 })
  const market = word === 'both' ? both : singleOf(both)
  test.each(TYPES)('%s', async (type) => {
    const { out, table, lines } = told(type, market)
    await table.finish({ 'jules.summary': '{"a":"\u2028"}' })
    const expected = lines.map(({ type: _, ...line }) => line)
    expect(lines.length).toBeGreaterThan(0)
    const rows = await rowsOf(out.bytes())
    expect(rows).toEqual(expected)
    expect(Object.keys(rows[0]!)).toEqual(Object.keys(expected[0]))
    const { key_value_metadata: metadata = [] } = parquetMetadata(out.bytes().buffer.slice(0) as ArrayBuffer)
    expect(Object.fromEntries(metadata.map(({ key, value }) => [key, value]))).toEqual({
      'jules.type': type,
      'jules.schema': '1',
      'jules.summary': '{"a":"\u2028"}',
    })
  })
})

function singleOf(both: Market): Market {
  const market = new Market(['NVDA', 'NVDA'], '1m')
  for (let t = 0; t < both.length; t++) {
    const bar = [both.open[0][t]!, both.high[0][t]!, both.low[0][t]!, both.close[0][t]!, 9]
    market.append(both.time[t]!, [...bar, ...bar])
  }
  return market
}

test('rows go out by row groups, and a run of none has its columns', async () => {
  const { sink, bytes } = memorySink()
  const layout = { type: 'x', fields: [{ name: 'n', kind: 'number' }] } as const
  const table = new TableWriter(sink, layout)
  for (let i = 0; i < 2 * ROW_GROUP + 1; i++) table.put({ n: i })
  await table.flush()
  const size = bytes().length
  expect(size).toBeGreaterThan(1000)
  await table.finish()
  const file = bytes()
  const { row_groups, num_rows } = parquetMetadata(file.buffer.slice(0) as ArrayBuffer)
  expect(row_groups.map((group) => Number(group.num_rows))).toEqual([ROW_GROUP, ROW_GROUP, 1])
  expect(num_rows).toBe(200_001n)
  const none = memorySink()
  await new TableWriter(none.sink, layout).finish()
  expect(await objectsOf(none.bytes())).toEqual([])
})
