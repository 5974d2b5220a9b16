/**
 * Bars as Parquet, both ways: INT64 timestamps in microseconds UTC, DOUBLE prices and volume, row groups of 100,000 rows
 * that leave as they fill, so that memory does not grow with the file.
 */
import type { ColumnData, FileMetaData, SchemaElement } from 'hyparquet'
import { badData, Failure, systemCode } from '../base/errors.js'
import { quote } from '../base/time.js'
import type { ByteSink } from '../stream/sink.js'
import type { RandomAccess, Source } from '../stream/source.js'
import { ADJUSTMENTS, type BarBatch, copyRow, INTERVALS, newBatch, SESSIONS } from './bar.js'
import { BAR_FIELDS, type BarField, fieldOf, type LooseFields, putRow } from './fields.js'
import { BATCH_ROWS, hand, type Reading, type RecordBlock } from './reading.js'

export const ROW_GROUP = 100_000

/** Version of the column layout, in the file's metadata as `jules.schema`. */
const SCHEMA_VERSION = '1'

const STRINGS: readonly BarField[] = ['symbol', 'interval', 'adjusted', 'session', 'source']
const REQUIRED: readonly BarField[] = ['symbol', 'interval', 'time', 'open', 'high', 'low', 'close']

const SCHEMA: SchemaElement[] = [
  { name: 'bar', num_children: BAR_FIELDS.length },
  ...BAR_FIELDS.map((name): SchemaElement => {
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

export interface ParquetBarWriter {
  write(batch: BarBatch): Promise<void>
  /** Writes what is left and the footer; does not close the sink. */
  finish(): Promise<void>
}

export async function parquetBarWriter(sink: ByteSink): Promise<ParquetBarWriter> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const bytes = new ByteWriter(1 << 20)
  const flush = async () => {
    await sink.write(new Uint8Array(bytes.buffer, 0, bytes.index))
    bytes.index = 0
  }
  const writer = new ParquetWriter({
    writer: Object.assign(bytes, { flush, finish: flush }),
    schema: SCHEMA,
    createdBy: 'jules',
    kvMetadata: [
      { key: 'jules.type', value: 'bar' },
      { key: 'jules.schema', value: SCHEMA_VERSION },
    ],
  })
  let group: BarBatch | null = null
  const writeGroup = async (rows: BarBatch) => {
    const columnData = BAR_FIELDS.map((name) => ({ name, data: columnOf(rows, name) }))
    await writer.write({ columnData, rowGroupSize: ROW_GROUP })
    rows.length = 0
  }
  return {
    write: async (batch) => {
      group ??= newBatch(ROW_GROUP, batch.names)
      for (let i = 0; i < batch.length; i++) {
        copyRow(batch, i, group)
        if (group.length === ROW_GROUP) await writeGroup(group)
      }
    },
    finish: async () => {
      if (group !== null && group.length > 0) await writeGroup(group)
      await writer.finish()
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
    Array.from(codes.subarray(0, length), (code) => texts[code] ?? null)
  const named = (ids: Int32Array) => {
    const texts = Array.from({ length: names.size }, (_, id) => {
      const text = names.text(id)
      return text === null ? null : bytesOf(text)
    })
    return Array.from(ids.subarray(0, length), (id) => texts[id] ?? null)
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
      return Array.from(batch[name].subarray(0, length), (value) => (Number.isNaN(value) ? null : value))
    default:
      return batch[name].subarray(0, length)
  }
}

export async function* readParquet(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const { parquetMetadataAsync, parquetRead } = await import('hyparquet')
  const file = await source.randomAccess()
  const metadata = await parquetMetadataAsync(file).catch((error) => {
    throw damaged(error, source.name)
  })
  const type = metadata.key_value_metadata?.find(({ key }) => key === 'jules.type')?.value
  if (type !== undefined && type !== 'bar') {
    throw badData(`holds ${quote(type)} records; expected bars`, { where: source.name })
  }
  const columns = barColumns(metadata, reading)
  const batch = newBatch(BATCH_ROWS, reading.names)
  let start = 0
  for (const { num_rows } of metadata.row_groups) {
    const rows = Number(num_rows)
    if (rows === 0) continue
    const data: GroupColumns = {}
    await parquetRead({
      file: file as RandomAccess,
      metadata,
      columns: [...columns.keys()],
      rowStart: start,
      rowEnd: start + rows,
      onChunk: (chunk) => collect(data, columns, chunk, start, rows),
      parsers: {
        timestampFromMilliseconds: (value) => Number(value),
        timestampFromMicroseconds: (value) => fromMicros(value),
        timestampFromNanoseconds: (value) => Number(value / 1000n) / 1000,
      },
    }).catch((error) => {
      throw damaged(error, source.name)
    })
    for (let row = 0; row < rows; row++) {
      const loose: LooseFields = {}
      for (const field of columns.values()) loose[field] = data[field]?.[row] ?? null
      if (loose.time instanceof Date || typeof loose.time === 'number')
        loose.time = new Date(Number(loose.time))
      const line = start + row + 1
      const problem = putRow(batch, loose, line, { ...reading, textual: false })
      if (problem !== null) await reading.reject(line, problem, printable(loose))
      if (batch.length === batch.capacity) yield* hand(batch)
    }
    start += rows
  }
  if (batch.length > 0) yield* hand(batch)
}

type GroupColumns = { [field in BarField]?: unknown[] }

/** Whole milliseconds where possible; a finer stamp keeps its fraction and is refused as a row. */
const fromMicros = (micros: bigint): number => Number(micros) / 1000

function collect(
  data: GroupColumns,
  columns: ReadonlyMap<string, BarField>,
  { columnName, columnData, rowStart }: ColumnData,
  start: number,
  rows: number,
): void {
  const field = columns.get(columnName)
  if (field === undefined) return
  data[field] ??= new Array(rows)
  const into = data[field]
  for (let i = 0; i < columnData.length; i++) {
    const row = rowStart - start + i
    if (row >= 0 && row < rows) into[row] = columnData[i]
  }
}

/** Column name -> bar field, for the columns that are bar fields. */
function barColumns(metadata: FileMetaData, reading: Reading): Map<string, BarField> {
  const columns = new Map<string, BarField>()
  const children = metadata.schema[0]?.num_children ?? 0
  const taken = new Set<BarField>()
  for (const { name, num_children } of topLevel(metadata.schema, children)) {
    const field = num_children === undefined ? fieldOf(name) : undefined
    if (field === undefined) {
      if (name !== 'type') reading.ignored(name)
    } else if (taken.has(field)) {
      throw badData(`two columns are both ${field}`, { where: reading.name })
    } else {
      taken.add(field)
      columns.set(name, field)
    }
  }
  const needed: BarField[] = ['time', 'open', 'high', 'low', 'close', 'volume']
  const absent = needed.filter((field) => !taken.has(field))
  if (absent.length > 0) throw badData(`lacks the columns ${absent.join(', ')}`, { where: reading.name })
  return columns
}

function topLevel(schema: readonly SchemaElement[], children: number): SchemaElement[] {
  const found: SchemaElement[] = []
  const skip = (at: number): number => {
    let next = at + 1
    for (let i = 0; i < (schema[at]?.num_children ?? 0); i++) next = skip(next)
    return next
  }
  for (let at = 1, i = 0; i < children; i++) {
    const element = schema[at]
    if (element !== undefined) found.push(element)
    at = skip(at)
  }
  return found
}

const printable = (loose: LooseFields): string =>
  JSON.stringify(loose, (_key, value) => (typeof value === 'bigint' ? String(value) : value))

function damaged(error: unknown, name: string): unknown {
  if (error instanceof Failure || systemCode(error) !== undefined) return error
  const words = error instanceof Error ? error.message : String(error)
  return badData(`damaged Parquet file: ${words.slice(0, 200)}`, { where: name, cause: error })
}
