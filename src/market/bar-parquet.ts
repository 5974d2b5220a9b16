/** Bars from Parquet, one row group at a time, by columns; rows that hold anything odd go through the general path. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { ColumnData, FileMetaData, SchemaElement } from 'hyparquet'
import { badData, Failure, systemCode } from '../base/errors.js'
import { quote } from '../base/time.js'
import type { Source } from '../stream/source.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  copyRow,
  INTERVALS,
  MISSING_CODE,
  newBatch,
  SESSIONS,
  SYMBOL,
} from './bar.js'
import { BAR_FIELDS, type BarField, checkRow, fieldOf, type LooseFields, putRow, SOURCE } from './fields.js'
import { type FlatColumn, readFlatGroup } from './parquet-flat.js'
import { BATCH_ROWS, hand, type Reading, type RecordBlock } from './reading.js'

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
  const stamped = hasStamps(metadata, columns)
  const batch = newBatch(BATCH_ROWS, reading.names)
  let start = 0
  const general = async (rows: number): Promise<GroupColumns> => {
    const data: GroupColumns = {}
    await parquetRead({
      file,
      metadata,
      columns: [...columns.keys()],
      compressors: { GZIP: (input) => gunzipSync(input), BROTLI: (input) => brotliDecompressSync(input) },
      rowStart: start,
      rowEnd: start + rows,
      onChunk: (chunk) => collect(data, columns, chunk, start, rows),
      parsers: {
        timestampFromMilliseconds: Number,
        timestampFromMicroseconds: (value) => Number(value) / 1000,
        timestampFromNanoseconds: (value) => Number(value) / 1e6,
      },
    }).catch((error) => {
      throw damaged(error, source.name)
    })
    return data
  }
  for (const [index, { num_rows }] of metadata.row_groups.entries()) {
    const rows = Number(num_rows)
    if (rows === 0) continue
    const flat = stamped ? await readFlatGroup(file, metadata, index, columns.keys()) : null
    let data = flat === null ? await general(rows) : flatColumns(flat, columns)
    for (let from = 0; from < rows; from += BATCH_ROWS) {
      const to = Math.min(rows, from + BATCH_ROWS)
      let odd = fillBatch(batch, data, { from, to, start, stamped })
      if (odd.includes(1) && flat !== null) {
        data = await general(rows)
        odd = fillBatch(batch, data, { from, to, start, stamped })
      }
      yield* handRows(batch, data, { from, to, start, odd, stamped }, reading)
    }
    start += rows
  }
}

type Column = ArrayLike<unknown> | FlatColumn
type GroupColumns = { [field in BarField]?: Column }

const flatColumns = (
  flat: ReadonlyMap<string, FlatColumn>,
  columns: ReadonlyMap<string, BarField>,
): GroupColumns => Object.fromEntries([...columns].map(([name, field]) => [field, flat.get(name)!]))

/** Fills the batch and marks the rows that are odd or wrong. */
function fillBatch(batch: BarBatch, data: GroupColumns, rows: Omit<Rows, 'odd'>): Uint8Array {
  const { from, to, start, stamped } = rows
  const odd = fillColumns(batch, data, stamped, from, to)
  for (let i = 0; i < odd.length; i++) {
    batch.line[i] = start + from + i + 1
    if (odd[i] === 0 && checkRow(batch, i) !== null) odd[i] = 1
  }
  return odd
}

interface Rows {
  readonly from: number
  readonly to: number
  /** Row number in the file of the group's first row. */
  readonly start: number
  readonly odd: Uint8Array
  readonly stamped: boolean
}

/** Hands on rows that are fine as they stand; odd ones go through the general path, in their order. */
async function* handRows(
  batch: BarBatch,
  data: GroupColumns,
  { from, to, start, odd, stamped }: Rows,
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
    for (const field of BAR_FIELDS) {
      const column = data[field]
      // Flat columns never come here: a group with an odd row is read anew.
      if (column !== undefined && !isFlat(column)) loose[field] = column[row] ?? null
    }
    // A declared stamp is milliseconds, however small the number.
    if (stamped && Number.isInteger(loose.time)) loose.time = new Date(Number(loose.time))
    const line = start + row + 1
    const problem = putRow(mixed, loose, line, { ...reading, textual: false })
    if (problem === null) continue
    if (mixed.length > 0) yield* hand(mixed)
    await reading.reject(line, problem, printable(loose))
  }
  if (mixed.length > 0) yield* hand(mixed)
}

/** Copies rows `[from, to)` into the batch; marks the rows in which something is not simply a value of its column. */
function fillColumns(
  batch: BarBatch,
  data: GroupColumns,
  stamped: boolean,
  from: number,
  to: number,
): Uint8Array {
  const odd = new Uint8Array(to - from)
  if (stamped) fillTimes(batch.time, data.time, odd, from)
  else odd.fill(1)
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

/** Whether the time column is declared as timestamps, which come as milliseconds; plain numbers mean epoch s or ms. */
function hasStamps({ schema }: FileMetaData, columns: ReadonlyMap<string, BarField>): boolean {
  const name = [...columns].find(([, field]) => field === 'time')?.[0]
  const element = schema.find((candidate) => candidate.name === name)
  return (
    element?.logical_type?.type === 'TIMESTAMP' ||
    element?.converted_type?.startsWith('TIMESTAMP') === true ||
    element?.type === 'INT96'
  )
}

const isFlat = (column: Column | undefined): column is FlatColumn =>
  column !== undefined && ('codes' in column || 'numbers' in column)

function fillTimes(into: Float64Array, column: Column | undefined, odd: Uint8Array, from: number): void {
  if (isFlat(column)) {
    if (!fillFlat(into, column, odd, from)) return
    for (let i = 0; i < odd.length; i++) if (!Number.isInteger(into[i])) odd[i] = 1
    return
  }
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[from + i]
    // A finer stamp has a fraction and is refused by the general path.
    if (typeof value === 'number' && Number.isInteger(value)) into[i] = value
    else odd[i] = 1
  }
}

function fillNumbers(into: Float64Array, column: Column | undefined, odd: Uint8Array, from: number): void {
  if (isFlat(column)) {
    fillFlat(into, column, odd, from)
    return
  }
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

/** False, and all rows odd, where the column is one of texts. */
function fillFlat(into: Float64Array, column: FlatColumn, odd: Uint8Array, from: number): boolean {
  if ('numbers' in column) {
    into.set(column.numbers.subarray(from, from + odd.length))
    return true
  }
  odd.fill(1)
  return false
}

/** `code` gives -1 for a text that needs the general path. Equal texts in a row are looked up once. */
function fillCodes(
  into: Int32Array | Uint8Array,
  column: Column | undefined,
  odd: Uint8Array,
  from: number,
  code: (text: string | null) => number,
): void {
  if (isFlat(column)) {
    if (!('codes' in column)) {
      odd.fill(1)
      return
    }
    const absent = code(null)
    const codes = column.texts.map((text) => code(text))
    for (let i = 0; i < odd.length; i++) {
      const at = column.codes[from + i]!
      const found = at < 0 ? absent : codes[at]!
      if (found === -1) odd[i] = 1
      else into[i] = found
    }
    return
  }
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
  const before = data[field]
  const into: unknown[] = Array.isArray(before) ? before : new Array(rows)
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
      if (reading.fields?.has(field) ?? true) columns.set(name, field)
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
