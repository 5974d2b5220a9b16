/** Row groups of bars to Parquet bytes. Pure: what it makes is returned, so that it can run on another thread. */
import type { SchemaElement } from 'hyparquet'
import {
  bytesOf,
  type ColumnData,
  looked,
  micros,
  nullable,
  numberElement,
  rowGroupEncoder,
  textElement,
  timeElement,
} from '../../stream/parquet/encoder.js'
import { ADJUSTMENTS, type BarBatch, INTERVALS, SESSIONS } from '../bar.js'
import { BAR_FIELDS, type BarField } from '../fields.js'

/** Version of the column layout, in the file's metadata as `jules.schema`. */
const SCHEMA_VERSION = '1'

const STRINGS: readonly BarField[] = ['symbol', 'interval', 'adjusted', 'session', 'source']
const REQUIRED: readonly BarField[] = ['symbol', 'interval', 'time', 'open', 'high', 'low', 'close']

/** Columns by which readers pass over row groups; statistics of the others would cost time and serve nobody. */
const PRUNED: readonly BarField[] = ['symbol', 'interval', 'time']

const schemaOf = (fields: readonly BarField[]): SchemaElement[] => [
  { name: 'bar', num_children: fields.length },
  ...fields.map((name): SchemaElement => {
    const repetition = REQUIRED.includes(name) ? 'REQUIRED' : 'OPTIONAL'
    if (STRINGS.includes(name)) return textElement(name, repetition)
    return name === 'time' ? timeElement(name, repetition) : numberElement(name, repetition)
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
  const encoder = await rowGroupEncoder(schemaOf(fields), { type: 'bar', version: SCHEMA_VERSION })
  return {
    group: (rows) =>
      encoder.group(
        fields.map((name) => ({
          name,
          data: columnOf(rows, name),
          statistics: PRUNED.includes(name),
          // Names repeat and become dictionaries; looking for one among prices would cost a tenth of the time.
          ...(STRINGS.includes(name) ? {} : { encoding: 'PLAIN' as const }),
        })),
      ),
    end: () => encoder.end(),
  }
}

const INTERVAL_BYTES = INTERVALS.map(bytesOf)
const ADJUSTED_BYTES = ADJUSTMENTS.map(bytesOf)
const SESSION_BYTES = SESSIONS.map(bytesOf)

function columnOf(batch: BarBatch, name: BarField): ColumnData {
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
    case 'time':
      return micros(batch.time, length)
    case 'volume':
    case 'vwap':
    case 'trades':
      return nullable(batch[name].subarray(0, length))
    default:
      return batch[name].subarray(0, length)
  }
}
