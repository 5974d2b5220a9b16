/**
 * Bars as Parquet, both ways: INT64 timestamps in microseconds UTC, DOUBLE prices and volume, row groups of 100,000 rows
 * that leave as they fill, so that memory does not grow with the file.
 */
import type { ColumnData, FileMetaData, SchemaElement } from 'hyparquet'
import { badData, Failure, systemCode } from '../base/errors.js'
import { quote } from '../base/time.js'
import type { ByteSink } from '../stream/sink.js'
import type { Source } from '../stream/source.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  copyRow,
  copyRows,
  INTERVALS,
  MISSING_CODE,
  newBatch,
  SESSIONS,
  SYMBOL,
} from './bar.js'
import { BAR_FIELDS, type BarField, checkRow, fieldOf, type LooseFields, putRow, SOURCE } from './fields.js'
import { BATCH_ROWS, hand, type Reading, type RecordBlock } from './reading.js'

export const ROW_GROUP = 100_000

/** Version of the column layout, in the file's metadata as `jules.schema`. */
const SCHEMA_VERSION = '1'

const STRINGS: readonly BarField[] = ['symbol', 'interval', 'adjusted', 'session', 'source']
const REQUIRED: readonly BarField[] = ['symbol', 'interval', 'time', 'open', 'high', 'low', 'close']

/** Columns by which readers pass over row groups; statistics of the others would cost time and serve nobody. */
const PRUNED: readonly BarField[] = ['symbol', 'interval', 'time']

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
  // A row group is written while the next one is gathered; its bytes move to a buffer of their own for that.
  let writing: Promise<void> = Promise.resolve()
  const flush = async () => {
    await writing
    writing = sink.write(bytes.getBytes().slice())
    writing.catch(() => {})
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
    const columnData = BAR_FIELDS.map((name) => ({
      name,
      data: columnOf(rows, name),
      statistics: PRUNED.includes(name),
      // Names repeat and become dictionaries; looking for one among prices would cost a tenth of the time.
      ...(STRINGS.includes(name) ? {} : { encoding: 'PLAIN' as const }),
    }))
    await writer.write({ columnData, rowGroupSize: ROW_GROUP })
    rows.length = 0
  }
  return {
    write: async (batch) => {
      group ??= newBatch(ROW_GROUP, batch.names)
      for (let from = 0; from < batch.length; ) {
        const to = Math.min(batch.length, from + ROW_GROUP - group.length)
        copyRows(batch, from, to, group)
        from = to
        if (group.length === ROW_GROUP) await writeGroup(group)
      }
    },
    finish: async () => {
      if (group !== null && group.length > 0) await writeGroup(group)
      await writer.finish()
      await writing
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
      file,
      metadata,
      columns: [...columns.keys()],
      rowStart: start,
      rowEnd: start + rows,
      onChunk: (chunk) => collect(data, columns, chunk, start, rows),
      parsers: {
        timestampFromMilliseconds: (value) => new Date(Number(value)),
        // Whole milliseconds as a number; a finer stamp as text, which is refused by the row it stands in.
        timestampFromMicroseconds: (value) => fromMicros(value),
        timestampFromNanoseconds: (value) =>
          value % 1000n === 0n ? fromMicros(value / 1000n) : `${value} ns`,
      },
    }).catch((error) => {
      throw damaged(error, source.name)
    })
    for (let from = 0; from < rows; from += BATCH_ROWS) {
      const to = Math.min(rows, from + BATCH_ROWS)
      const odd = fillColumns(batch, data, from, to)
      for (let row = from; row < to; row++) {
        const line = start + row + 1
        const i = row - from
        batch.line[i] = line
        if (odd[i] === 0 && checkRow(batch, i) === null) continue
        odd[i] = 1
      }
      yield* handRows(batch, data, { from, to, start, odd }, reading)
    }
    start += rows
  }
}

type GroupColumns = { [field in BarField]?: ArrayLike<unknown> }

/** A stamp of the file, as the Date that tells it from an epoch number of a plain column. */
const fromMicros = (micros: bigint): Date | string =>
  micros % 1000n === 0n ? new Date(Number(micros / 1000n)) : `${micros} us`

interface Rows {
  readonly from: number
  readonly to: number
  /** Row number in the file of the group's first row. */
  readonly start: number
  readonly odd: Uint8Array
}

/** Hands on rows that are fine as they stand; odd ones go through the general path, in their order. */
async function* handRows(
  batch: BarBatch,
  data: GroupColumns,
  { from, to, start, odd }: Rows,
  reading: Reading,
): AsyncGenerator<RecordBlock> {
  if (!odd.includes(1)) {
    batch.length = to - from
    yield* hand(batch)
    return
  }
  const mixed = newBatch(to - from, reading.names)
  for (let row = from; row < to; row++) {
    if (odd[row - from] === 0) {
      copyRow(batch, row - from, mixed)
      continue
    }
    const loose: LooseFields = {}
    for (const field of BAR_FIELDS) if (data[field] !== undefined) loose[field] = data[field][row] ?? null
    const line = start + row + 1
    const problem = putRow(mixed, loose, line, { ...reading, textual: false })
    if (problem === null) continue
    if (mixed.length > 0) yield* hand(mixed)
    await reading.reject(line, problem, printable(loose))
  }
  if (mixed.length > 0) yield* hand(mixed)
}

/** Copies rows `[from, to)` into the batch; marks the rows in which something is not simply a value of its column. */
function fillColumns(batch: BarBatch, data: GroupColumns, from: number, to: number): Uint8Array {
  const odd = new Uint8Array(to - from)
  fillTimes(batch.time, data.time, odd, from)
  for (const field of ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const) {
    fillNumbers(batch[field], data[field], odd, from)
  }
  fillCodes(batch.symbol, data.symbol, odd, from, (text) =>
    text !== null && SYMBOL.test(text) ? batch.names.id(text) : -1,
  )
  fillCodes(batch.interval, data.interval, odd, from, (text) =>
    text === null ? -1 : codeOf(INTERVALS, text),
  )
  fillCodes(batch.adjusted, data.adjusted, odd, from, (text) => codeOf(ADJUSTMENTS, text))
  fillCodes(batch.session, data.session, odd, from, (text) => codeOf(SESSIONS, text))
  fillCodes(batch.source, data.source, odd, from, (text) =>
    text === null ? 0 : SOURCE.test(text) ? batch.names.id(text) : -1,
  )
  return odd
}

const codeOf = (codes: readonly string[], text: string | null): number =>
  text === null ? MISSING_CODE : codes.indexOf(text)

function fillTimes(
  into: Float64Array,
  column: ArrayLike<unknown> | undefined,
  odd: Uint8Array,
  from: number,
): void {
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[from + i]
    if (value instanceof Date) into[i] = value.getTime()
    else odd[i] = 1
  }
}

function fillNumbers(
  into: Float64Array,
  column: ArrayLike<unknown> | undefined,
  odd: Uint8Array,
  from: number,
): void {
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[from + i]
    if (typeof value === 'number') {
      into[i] = value
      // NaN in the file is not a null.
      if (Number.isNaN(value)) odd[i] = 1
    } else if (value === undefined || value === null) into[i] = Number.NaN
    else odd[i] = 1
  }
}

/** `code` gives -1 for a text that needs the general path. Equal texts in a row are looked up once. */
function fillCodes(
  into: Int32Array | Uint8Array,
  column: ArrayLike<unknown> | undefined,
  odd: Uint8Array,
  from: number,
  code: (text: string | null) => number,
): void {
  const known = new Map<unknown, number>()
  let last: unknown = known
  let lastCode = 0
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[from + i] ?? null
    if (value !== last) {
      last = value
      const found = known.get(value) ?? (value === null || typeof value === 'string' ? code(value) : -1)
      known.set(value, found)
      lastCode = found
    }
    if (lastCode === -1) odd[i] = 1
    else into[i] = lastCode
  }
}

function collect(
  data: GroupColumns,
  columns: ReadonlyMap<string, BarField>,
  { columnName, columnData, rowStart }: ColumnData,
  start: number,
  rows: number,
): void {
  const field = columns.get(columnName)
  if (field === undefined) return
  const offset = rowStart - start
  if (offset === 0 && columnData.length >= rows) {
    data[field] = columnData
    return
  }
  const into: unknown[] = Array.isArray(data[field]) ? data[field] : new Array(rows)
  data[field] = into
  for (let i = 0; i < columnData.length; i++) {
    const row = offset + i
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
