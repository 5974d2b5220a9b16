/** Parquet of other writers: naive stamps, dates, fixed-point prices, integers, rare codecs, folders. */
import { brotliCompressSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/support/memory-source.js'
import { newYork, newYorkMidnight } from '../../base/time.js'
import { barAt } from '../bar.js'
import { columnMap } from '../columns.js'
import type { ReadOptions } from '../reading.js'
import { readRecords } from '../records.js'

const START = Date.UTC(2025, 6, 30, 13, 30)
const WALL = Date.UTC(2025, 6, 30, 9, 30)

interface Column {
  readonly element: SchemaElement
  readonly data: ColumnSource['data']
}

const doubles = (name: string, ...data: number[]): Column => ({
  element: { name, type: 'DOUBLE', repetition_type: 'REQUIRED' },
  data,
})
const integers = (name: string, element: Partial<SchemaElement>, ...data: bigint[]): Column => ({
  element: { name, type: 'INT64', repetition_type: 'REQUIRED', ...element },
  data: BigInt64Array.from(data),
})
const stamps = (unit: 'MILLIS' | 'MICROS' | 'NANOS', isAdjustedToUTC: boolean): Partial<SchemaElement> => ({
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit },
})
const PRICES = [
  doubles('open', 180.1, 180.4),
  doubles('high', 180.6, 180.95),
  doubles('low', 179.9, 180.35),
  doubles('close', 180.4, 180.8),
]
const VOLUME = doubles('volume', 1200, 900)
const instants = integers('time', stamps('MILLIS', true), BigInt(START), BigInt(START + 60_000))

/** Frames of the codecs that hold their content as it is: enough to see that the codec is known. */
const COMPRESSORS = {
  UNCOMPRESSED: (bytes: Uint8Array) => bytes,
  BROTLI: (bytes: Uint8Array) => brotliCompressSync(bytes),
  // RFC 8878: magic number, a frame header with a content size of 4 bytes, one raw block.
  ZSTD: (bytes: Uint8Array) => {
    const head = Buffer.alloc(12)
    head.writeUInt32LE(0xfd2fb528, 0)
    head.writeUInt8(0xa0, 4)
    head.writeUInt32LE(bytes.length, 5)
    head.writeUIntLE((bytes.length << 3) | 1, 9, 3)
    return Buffer.concat([head, bytes])
  },
  // LZ4 block format: a token, the length of the literals in steps of 255, the literals.
  LZ4_RAW: (bytes: Uint8Array) => {
    const { length } = bytes
    const more = length < 15 ? [] : [...Array(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255]
    return Buffer.concat([Buffer.from([Math.min(15, length) << 4, ...more]), bytes])
  },
}

async function parquet(
  columns: readonly Column[],
  codec: keyof typeof COMPRESSORS = 'UNCOMPRESSED',
): Promise<Uint8Array> {
  const writer = new ByteWriter()
  const file = new ParquetWriter({
    writer,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map(({ element }) => element)],
    codec,
    compressors: COMPRESSORS,
  })
  await file.write({ columnData: columns.map(({ element, data }) => ({ name: element.name, data })) })
  await file.finish()
  return new Uint8Array(writer.getBuffer())
}

async function read(columns: readonly Column[], options: ReadOptions = {}, name = 'bars.parquet') {
  const found: string[] = []
  const source = memorySource('parquet', await parquet(columns), { name })
  for await (const block of readRecords(source, { symbol: 'NVDA', ...options })) {
    if (block.kind !== 'bars') continue
    for (let i = 0; i < block.batch.length; i++) {
      const { symbol, interval, time, open, high, low, close, volume } = barAt(block.batch, i)
      found.push([symbol, interval, time, open, high, low, close, volume].join(' '))
    }
  }
  return found
}

const TWO = [
  'NVDA 1m 2025-07-30T13:30:00Z 180.1 180.6 179.9 180.4 1200',
  'NVDA 1m 2025-07-30T13:31:00Z 180.4 180.95 180.35 180.8 900',
]

describe('the same two bars', () => {
  const at = (ms: number, perMs: bigint) => [BigInt(ms) * perMs, BigInt(ms + 60_000) * perMs] as const
  test.each<[string, Column, ReadOptions?]>([
    ['stamps in ms', instants],
    ['stamps in us', integers('time', stamps('MICROS', true), ...at(START, 1000n))],
    ['stamps in ns', integers('time', stamps('NANOS', true), ...at(START, 1_000_000n))],
    [
      'stamps of the older kind',
      integers('time', { converted_type: 'TIMESTAMP_MICROS' }, ...at(START, 1000n)),
    ],
    ['wall times in ms', integers('time', stamps('MILLIS', false), ...at(WALL, 1n)), { zone: newYork }],
    ['wall times in us', integers('time', stamps('MICROS', false), ...at(WALL, 1000n)), { zone: newYork }],
    [
      'wall times in ns',
      integers('time', stamps('NANOS', false), ...at(WALL, 1_000_000n)),
      { zone: newYork },
    ],
    ['integers in s', integers('time', {}, BigInt(START / 1000), BigInt(START / 1000 + 60))],
    ['integers in ms', integers('time', {}, ...at(START, 1n))],
    ['integers in us', integers('time', {}, ...at(START, 1000n))],
    ['integers in ns', integers('time', {}, ...at(START, 1_000_000n))],
    ['an index of pandas', { ...instants, element: { ...instants.element, name: '__index_level_0__' } }],
    [
      'a name given by hand',
      { ...instants, element: { ...instants.element, name: 'when' } },
      { columns: columnMap('time=when') },
    ],
  ])('%s', async (_title, time, options) => {
    expect(await read([time, ...PRICES, VOLUME], options)).toEqual(TWO)
  })

  test('a date beside the stamps', async () => {
    const date: Column = {
      element: { name: 'date', type: 'INT32', repetition_type: 'REQUIRED', converted_type: 'DATE' },
      data: Int32Array.from([20_299, 20_299]),
    }
    expect(await read([date, instants, ...PRICES, VOLUME])).toEqual(TWO)
    const clock = integers(
      'time',
      { logical_type: { type: 'TIME', isAdjustedToUTC: true, unit: 'MICROS' } },
      1n,
      2n,
    )
    await expect(read([date, clock, ...PRICES, VOLUME])).rejects.toMatchObject({
      hint: 'write one column of time stamps instead',
    })
  })

  test('volumes of integers', async () => {
    expect(await read([instants, ...PRICES, integers('volume', {}, 1200n, 900n)])).toEqual(TWO)
  })

  test.each([
    ['INT32', 2],
    ['INT64', 4],
    ['FIXED_LEN_BYTE_ARRAY', 12],
  ] as const)('fixed-point prices as %s with %i digits', async (type, scale) => {
    const fixed = PRICES.map(({ element: { name }, data }): Column => {
      const whole = [...(data as number[])].map(
        (price) => BigInt(Math.round(price * 100)) * 10n ** BigInt(scale - 2),
      )
      return {
        element: {
          name,
          type,
          repetition_type: 'REQUIRED',
          converted_type: 'DECIMAL',
          scale,
          precision: scale + 5,
          ...(type === 'FIXED_LEN_BYTE_ARRAY' ? { type_length: 16 } : {}),
        },
        data: whole,
      }
    })
    expect(await read([instants, ...fixed, VOLUME])).toEqual(TWO)
  })

  test.each(Object.keys(COMPRESSORS) as (keyof typeof COMPRESSORS)[])('compressed with %s', async (codec) => {
    const bytes = await parquet([instants, ...PRICES, VOLUME], codec)
    const closes: number[] = []
    for await (const block of readRecords(memorySource('parquet', bytes), { symbol: 'NVDA' })) {
      if (block.kind === 'bars') closes.push(...block.batch.close.subarray(0, block.batch.length))
    }
    expect(closes).toEqual([180.4, 180.8])
  })

  test('the symbol in the path, as Hive and Spark write it', async () => {
    const rows = [instants, ...PRICES, VOLUME]
    const path = (folder: string) => `/data/${folder}/date=2025-07-30/part-0.parquet`
    expect(await read(rows, { symbol: undefined }, path('symbol=NVDA'))).toEqual(TWO)
    expect((await read(rows, { symbol: undefined }, path('symbol=BRK%2EB')))[0]).toMatch(/^BRK\.B 1m /)
    expect((await read(rows, { symbol: undefined }, path('Symbol=msft')))[0]).toMatch(/^MSFT 1m /)
    expect(await read(rows, {}, path('symbol=MSFT'))).toEqual(TWO)
    await expect(read(rows, { symbol: undefined }, path('symbol=a b'))).rejects.toThrow('symbol: is missing')
  })
})

test('a date is a session', async () => {
  const date: Column = {
    element: { name: 'date', type: 'INT32', repetition_type: 'REQUIRED', converted_type: 'DATE' },
    data: Int32Array.from([20299, 20300]),
  }
  const found = await read([date, ...PRICES, VOLUME])
  expect(found.map((line) => line.split(' ')[2])).toEqual(
    [20299, 20300].map((day) => new Date(newYorkMidnight(day)).toISOString().replace('.000', '')),
  )
})

describe('what is refused', () => {
  test('wall times without a zone', async () => {
    const naive = integers(
      'time',
      stamps('MICROS', false),
      BigInt(WALL) * 1000n,
      BigInt(WALL + 60_000) * 1000n,
    )
    await expect(read([naive, ...PRICES, VOLUME])).rejects.toMatchObject({
      where: 'bars.parquet:1',
      hint: expect.stringContaining('--tz'),
      problem: { rule: 'no-offset' },
    })
  })

  test.each([
    ['MICROS', 1000n, 1n],
    ['MICROS', 1000n, 999n],
    ['NANOS', 1_000_000n, 1n],
    ['NANOS', 1_000_000n, 123n],
    ['NANOS', 1_000_000n, 456n],
    ['NANOS', 1_000_000n, 999_999n],
  ] as const)('a stamp in %s that is finer than a millisecond: %i, %i', async (unit, perMs, rest) => {
    const fine = integers(
      'time',
      stamps(unit, true),
      BigInt(START) * perMs + rest,
      BigInt(START + 60_000) * perMs,
    )
    await expect(read([fine, ...PRICES, VOLUME])).rejects.toMatchObject({
      where: 'bars.parquet:1',
      problem: { rule: 'too-fine' },
    })
  })

  test('a missing column says what there is', async () => {
    await expect(read([instants, ...PRICES])).rejects.toMatchObject({
      message: 'lacks the columns volume',
      hint: 'it has "time, open, high, low, close"; say which is which with --columns volume=NAME',
    })
  })
})
