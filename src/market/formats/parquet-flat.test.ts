import { gunzipSync, gzipSync } from 'node:zlib'
import { parquetMetadata, parquetRead } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { readFlatColumn } from './parquet-flat.js'

const ROWS = 5000
const rng = stream(1, 'parquet-flat')
const START = Date.UTC(2025, 6, 30, 13, 30)

const columns = {
  time: BigInt64Array.from({ length: ROWS }, (_, i) => BigInt(START + 60_000 * i) * 1000n),
  price: Float64Array.from({ length: ROWS }, () => rng.normal()),
  few: Array.from({ length: ROWS }, () => rng.int(7) / 4),
  holes: Array.from({ length: ROWS }, (_, i) => (i % 5 === 0 ? null : i / 8)),
  name: Array.from({ length: ROWS }, (_, i) => (i % 2 ? 'NVDA' : 'MSFT')),
  maybe: Array.from({ length: ROWS }, () => (rng.int(3) === 0 ? null : `s${rng.int(20)}`)),
}
type Name = keyof typeof columns

function written(codec: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY', price: Float64Array = columns.price) {
  const writer = new ByteWriter()
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const
  const parquet = new ParquetWriter({
    writer,
    codec,
    compressors: { GZIP: (input) => gzipSync(input) },
    schema: [
      { name: 'root', num_children: 6 },
      { name: 'time', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'REQUIRED' },
      { name: 'price', type: 'DOUBLE', repetition_type: 'REQUIRED' },
      { name: 'few', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
      { name: 'holes', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
      { name: 'name', ...text, repetition_type: 'REQUIRED' },
      { name: 'maybe', ...text, repetition_type: 'OPTIONAL' },
    ],
  })
  const data = { ...columns, price }
  parquet.write({
    columnData: Object.entries(data).map(([name, values]) => ({ name, data: values })),
    rowGroupSize: ROWS,
  })
  parquet.finish()
  return new Uint8Array(writer.getBuffer())
}

function opened(bytes: Uint8Array) {
  const whole = bytes.slice().buffer
  const file = { byteLength: whole.byteLength, slice: (from: number, to?: number) => whole.slice(from, to) }
  return { file, metadata: parquetMetadata(whole) }
}

const NAMES = Object.keys(columns) as Name[]

describe.each(['UNCOMPRESSED', 'GZIP', 'SNAPPY'] as const)('%s', (codec) => {
  const bytes = written(codec)

  test('gives what the general reader gives', async () => {
    const { file, metadata } = opened(bytes)
    const compressors = { GZIP: (input: Uint8Array) => gunzipSync(input) }
    let expected: Record<string, unknown>[] = []
    await parquetRead({
      file,
      metadata,
      compressors,
      rowFormat: 'object',
      onComplete: (rows) => {
        expected = rows
      },
    })
    for (const name of NAMES) {
      const found = (await readFlatColumn(file, metadata, 0, name))!
      expect([name, found]).not.toEqual([name, null])
      const values = Array.from({ length: ROWS }, (_, i) => {
        if ('codes' in found) return found.codes[i] === -1 ? null : found.texts[found.codes[i]!]
        return Number.isNaN(found.numbers[i]) ? null : found.numbers[i]
      })
      const wanted = expected.map((row) => {
        const value = row[name]
        return value instanceof Date ? value.getTime() : (value ?? null)
      })
      expect([name, values]).toEqual([name, wanted])
    }
  })

  test('damage anywhere gives null or the same number of rows, and never an endless loop', async () => {
    const { metadata } = opened(bytes)
    const end = bytes.length - 1500
    for (let n = 0; n < 60; n++) {
      const damaged = bytes.slice()
      for (let k = 0; k < 8; k++) damaged[4 + rng.int(end)] = rng.int(256)
      const whole = damaged.buffer
      const file = { byteLength: whole.byteLength, slice: (a: number, b?: number) => whole.slice(a, b) }
      for (const name of NAMES) {
        const column = await readFlatColumn(file, metadata, 0, name)
        if (column !== null)
          expect('codes' in column ? column.codes.length : column.numbers.length).toBe(ROWS)
      }
    }
  })
})

test('NaN in a file is not a null: the general reader has to speak', async () => {
  const { file, metadata } = opened(
    written(
      'GZIP',
      Float64Array.from(columns.price, (x, i) => (i === 77 ? NaN : x)),
    ),
  )
  expect(await readFlatColumn(file, metadata, 0, 'price')).toBeNull()
  expect(await readFlatColumn(file, metadata, 0, 'time')).not.toBeNull()
  expect(await readFlatColumn(file, metadata, 0, 'no such column')).toBeNull()
})
