/** Columns to the bytes of Parquet row groups. Pure: what it makes is returned, so that it can run on another thread. */
import { gzipSync } from 'node:zlib'
import type { KeyValue, SchemaElement } from 'hyparquet'
import type { ColumnSource } from 'hyparquet-writer'

/** Rows of a row group. */
export const ROW_GROUP = 100_000

type Repetition = 'REQUIRED' | 'OPTIONAL'

/** The element of a column of UTF-8 text. */
export const textElement = (name: string, repetition_type: Repetition): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  logical_type: { type: 'STRING' },
  repetition_type,
})

/** The element of a column of instants in microseconds since 1970. */
export const timeElement = (name: string, repetition_type: Repetition): SchemaElement => ({
  name,
  type: 'INT64',
  converted_type: 'TIMESTAMP_MICROS',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  repetition_type,
})

/** The element of a column of doubles. */
export const numberElement = (name: string, repetition_type: Repetition): SchemaElement => ({
  name,
  type: 'DOUBLE',
  repetition_type,
})

/** What a column is made of: typed arrays where nothing is null. */
export type ColumnData = Float64Array | BigInt64Array | (Uint8Array | number | bigint | null)[]

export interface RowGroupEncoder {
  /** The bytes of one row group, the file's magic number before the first. */
  group(columns: readonly ColumnSource[]): Promise<Uint8Array<ArrayBuffer>>
  /** The footer; `change` has the last word on what it says. */
  end(change?: (footer: Footer) => void): Promise<Uint8Array<ArrayBuffer>>
}

type Footer = Pick<
  InstanceType<typeof import('hyparquet-writer').ParquetWriter>,
  'schema' | 'row_groups' | 'kvMetadata'
>

/** An encoder of records of a type, whose columns are the children of the root of `schema`; `version` is that of their layout. */
export async function rowGroupEncoder(
  schema: SchemaElement[],
  { type, version }: { readonly type: string; readonly version: string },
): Promise<RowGroupEncoder> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const bytes = new ByteWriter(1 << 20)
  const metadata: KeyValue[] = [
    { key: 'jules.type', value: type },
    { key: 'jules.schema', value: version },
  ]
  const writer = new ParquetWriter({
    writer: bytes,
    schema,
    // zlib's fastest level is twice as quick as a Snappy in JavaScript, and smaller.
    codec: 'GZIP',
    compressors: { GZIP: (input) => gzipSync(input, { level: 1 }) },
    createdBy: 'jules',
    kvMetadata: metadata,
  })
  const taken = () => {
    const made = new Uint8Array(bytes.getBuffer())
    bytes.index = 0
    return made
  }
  return {
    group: async (columns) => {
      await writer.write({ columnData: [...columns], rowGroupSize: ROW_GROUP })
      return taken()
    },
    end: async (change) => {
      change?.(writer)
      await writer.finish()
      return taken()
    },
  }
}

const encoder = new TextEncoder()

/** The bytes of a text in a file. */
export const bytesOf = (text: string): Uint8Array => encoder.encode(text)

/** Bytes of each of the first `length` codes. A plain loop: Array.from with a callback takes several times as long. */
export function looked(
  codes: Uint8Array | Int32Array,
  length: number,
  bytes: (code: number) => Uint8Array | null,
): (Uint8Array | null)[] {
  const column = new Array<Uint8Array | null>(length)
  let last = -1
  let value: Uint8Array | null = bytes(last)
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

/** The typed array itself where nothing is NaN, which stands for null. */
export function nullable(values: Float64Array): ColumnData {
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return Array.from(values, (value) => (Number.isNaN(value) ? null : value))
  }
  return values
}

/** Microseconds of the first `length` milliseconds. */
export function micros(milliseconds: Float64Array, length: number): BigInt64Array {
  const column = new BigInt64Array(length)
  for (let i = 0; i < length; i++) column[i] = BigInt(milliseconds[i]! * 1000)
  return column
}
