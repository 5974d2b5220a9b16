/** Row groups of bars to Parquet bytes. Pure: what it makes is returned, so that it can run on another thread. */
import { gzipSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { ADJUSTMENTS, type BarBatch, INTERVALS, SESSIONS } from '../bar.js'
import { BAR_FIELDS, type BarField } from '../fields.js'

export const ROW_GROUP = 100_000

/** Version of the column layout, in the file's metadata as `jules.schema`. */
const SCHEMA_VERSION = '1'

const STRINGS: readonly BarField[] = ['symbol', 'interval', 'adjusted', 'session', 'source']
const REQUIRED: readonly BarField[] = ['symbol', 'interval', 'time', 'open', 'high', 'low', 'close']

/** Columns by which readers pass over row groups; statistics of the others would cost time and serve nobody. */
const PRUNED: readonly BarField[] = ['symbol', 'interval', 'time']

const schemaOf = (fields: readonly BarField[]): SchemaElement[] => [
  { name: 'bar', num_children: fields.length },
  ...fields.map((name): SchemaElement => {
    const repetition_type = REQUIRED.includes(name) ? 'REQUIRED' : 'OPTIONAL'
    if (STRINGS.includes(name)) {
      return {
        name,
        type: 'BYTE_ARRAY',
        converted_type: 'UTF8',
        logical_type: { type: 'STRING' },
        repetition_type,
      }
    }
    if (name !== 'time') return { name, type: 'DOUBLE', repetition_type }
    return {
      name,
      type: 'INT64',
      converted_type: 'TIMESTAMP_MICROS',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      repetition_type,
    }
  }),
]

export interface ParquetEncoder {
  /** The bytes of one row group, the file's magic number before the first. */
  group(rows: BarBatch): Promise<Uint8Array<ArrayBuffer>>
  /** The footer. */
  end(): Promise<Uint8Array<ArrayBuffer>>
}

/** `without`: fields that the path of the file says. */
export async function parquetEncoder(without: readonly string[] = []): Promise<ParquetEncoder> {
  const fields = BAR_FIELDS.filter((field) => !without.includes(field))
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const bytes = new ByteWriter(1 << 20)
  const writer = new ParquetWriter({
    writer: bytes,
    schema: schemaOf(fields),
    // zlib's fastest level is twice as quick as a Snappy in JavaScript, and smaller.
    codec: 'GZIP',
    compressors: { GZIP: (input) => gzipSync(input, { level: 1 }) },
    createdBy: 'jules',
    kvMetadata: [
      { key: 'jules.type', value: 'bar' },
      { key: 'jules.schema', value: SCHEMA_VERSION },
    ],
  })
  const taken = () => {
    const made = new Uint8Array(bytes.getBuffer())
    bytes.index = 0
    return made
  }
  return {
    group: async (rows) => {
      const columnData = fields.map((name) => ({
        name,
        data: columnOf(rows, name),
        statistics: PRUNED.includes(name),
        // Names repeat and become dictionaries; looking for one among prices would cost a tenth of the time.
        ...(STRINGS.includes(name) ? {} : { encoding: 'PLAIN' as const }),
      }))
      await writer.write({ columnData, rowGroupSize: ROW_GROUP })
      return taken()
    },
    end: async () => {
      await writer.finish()
      return taken()
    },
  }
}

const encoder = new TextEncoder()
const bytesOf = (text: string): Uint8Array => encoder.encode(text)
const INTERVAL_BYTES = INTERVALS.map(bytesOf)
const ADJUSTED_BYTES = ADJUSTMENTS.map(bytesOf)
const SESSION_BYTES = SESSIONS.map(bytesOf)

type Column = Float64Array | BigInt64Array | (Uint8Array | number | null)[]

function columnOf(batch: BarBatch, name: BarField): Column {
  const { length, names } = batch
  const coded = (codes: Uint8Array, texts: readonly Uint8Array[]) =>
    looked(codes, length, (code) => texts[code] ?? null)
  const named = (ids: Int32Array) => {
    const texts = Array.from({ length: names.size }, (_, id) => {
      const text = names.text(id)
      return text === null ? null : bytesOf(text)
    })
    return looked(ids, length, (id) => texts[id] ?? null)
  }
  switch (name) {
    case 'symbol':
      return named(batch.symbol)
    case 'source':
      return named(batch.source)
    case 'interval':
      return coded(batch.interval, INTERVAL_BYTES)
    case 'adjusted':
      return coded(batch.adjusted, ADJUSTED_BYTES)
    case 'session':
      return coded(batch.session, SESSION_BYTES)
    case 'time': {
      const micros = new BigInt64Array(length)
      for (let i = 0; i < length; i++) micros[i] = BigInt(batch.time[i]! * 1000)
      return micros
    }
    case 'volume':
    case 'vwap':
    case 'trades':
      return nullable(batch[name].subarray(0, length))
    default:
      return batch[name].subarray(0, length)
  }
}

/** Bytes of each of the first `length` codes. A plain loop: Array.from with a callback takes several times as long. */
function looked(
  codes: Uint8Array | Int32Array,
  length: number,
  bytes: (code: number) => Uint8Array | null,
): (Uint8Array | null)[] {
  const column = new Array<Uint8Array | null>(length)
  let last = -1
  let value: Uint8Array | null = null
  for (let i = 0; i < length; i++) {
    const code = codes[i]!
    if (code !== last) {
      last = code
      value = bytes(code)
    }
    column[i] = value
  }
  return column
}

/** The typed array itself where nothing is null. */
function nullable(values: Float64Array): Column {
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return Array.from(values, (value) => (Number.isNaN(value) ? null : value))
  }
  return values
}
