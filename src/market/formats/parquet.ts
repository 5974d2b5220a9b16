/** Bars from Parquet, one row group at a time, by columns; rows that hold anything odd go through the general path. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { ColumnData, FileMetaData, SchemaElement } from 'hyparquet'
import { badData, Failure, systemCode } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import type { Source } from '../../stream/source.js'
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
} from '../bar.js'
import {
  BAR_FIELDS,
  type BarField,
  fieldOf,
  isPossible,
  type LooseFields,
  putRow,
  SOURCE,
} from '../fields.js'
import { BATCH_ROWS, hand, type Reading, type RecordBlock } from '../reading.js'
import { type FlatColumn, readFlatColumn, type TextColumn } from './parquet-flat.js'

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
  let start = 0
  const decode = async (names: readonly string[], rows: number): Promise<GroupColumns> => {
    const data: GroupColumns = {}
    await parquetRead({
      file,
      metadata,
      columns: [...names],
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
  const batch = newBatch(BATCH_ROWS, reading.names)
  let group = newBatch(0, reading.names)
  for (const [index, { num_rows }] of metadata.row_groups.entries()) {
    const rows = Number(num_rows)
    if (rows === 0) continue
    if (group.capacity < rows) group = newBatch(rows, reading.names)
    group.length = rows
    const odd = new Uint8Array(rows)
    // One column after the other: as objects a whole row group would be ten times its size.
    for (const field of BAR_FIELDS) {
      const column = [...columns].find(([, of]) => of === field)?.[0]
      if (column === undefined) fillColumn(group, field, undefined, { odd, stamped })
      else {
        const flat = field === 'time' && !stamped ? null : await readFlatColumn(file, metadata, index, column)
        fillColumn(group, field, flat ?? (await decode([column], rows))[field], { odd, stamped })
      }
    }
    for (let row = 0; row < rows; row++) {
      group.line[row] = start + row + 1
      if (odd[row] === 0 && !isPossible(group, row)) odd[row] = 1
    }
    // Odd rows go through the general path, which wants the values as they are.
    const data = odd.includes(1) ? await decode([...columns.keys()], rows) : null
    for (let from = 0; from < rows; from += BATCH_ROWS) {
      const to = Math.min(rows, from + BATCH_ROWS)
      if (data === null || !odd.subarray(from, to).includes(1)) {
        copyRows(group, from, to, batch)
        yield* hand(batch)
      } else yield* handRows(group, data, { from, to, start, odd, stamped }, reading)
    }
    start += rows
  }
}

type Column = ArrayLike<unknown> | FlatColumn
type GroupColumns = { [field in BarField]?: ArrayLike<unknown> }

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
  group: BarBatch,
  data: GroupColumns,
  { from, to, start, odd, stamped }: Rows,
  reading: Reading,
): AsyncGenerator<RecordBlock> {
  const mixed = newBatch(to - from, reading.names)
  for (let row = from; row < to; row++) {
    if (odd[row] === 0) {
      copyRow(group, row, mixed)
      continue
    }
    const loose: LooseFields = {}
    for (const field of BAR_FIELDS) if (data[field] !== undefined) loose[field] = data[field][row] ?? null
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

/** Fills one column of a group; marks the rows in which something is not simply a value of its column. */
function fillColumn(
  group: BarBatch,
  field: BarField,
  column: Column | undefined,
  { odd, stamped }: Pick<Rows, 'odd' | 'stamped'>,
): void {
  const { names } = group
  const code = {
    symbol: (text: string | null) => (text !== null && SYMBOL.test(text) ? names.id(text) : -1),
    interval: (text: string | null) => (text === null ? -1 : codeOf(INTERVALS, text)),
    adjusted: (text: string | null) => codeOf(ADJUSTMENTS, text),
    session: (text: string | null) => codeOf(SESSIONS, text),
    source: (text: string | null) => (text === null ? 0 : SOURCE.test(text) ? names.id(text) : -1),
  }
  if (column !== undefined && 'numbers' in column) {
    if (isCoded(field)) odd.fill(1)
    else group[field].set(column.numbers)
    // A null, or a stamp finer than a millisecond.
    if (field === 'time') {
      for (let i = 0; i < odd.length; i++) if (!Number.isInteger(group.time[i])) odd[i] = 1
    }
  } else if (column !== undefined && 'codes' in column) {
    if (isCoded(field)) fillTexts(group[field], column, odd, code[field])
    else odd.fill(1)
  } else if (field === 'time') {
    if (stamped) fillTimes(group.time, column, odd)
    else odd.fill(1)
  } else if (isCoded(field)) fillCodes(group[field], column, odd, code[field])
  else fillNumbers(group[field], column, odd)
}

type Coded = 'symbol' | 'interval' | 'adjusted' | 'session' | 'source'

const isCoded = (field: BarField): field is Coded =>
  ['symbol', 'interval', 'adjusted', 'session', 'source'].includes(field)

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

function fillTimes(into: Float64Array, column: ArrayLike<unknown> | undefined, odd: Uint8Array): void {
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[i]
    // A finer stamp has a fraction and is refused by the general path.
    if (typeof value === 'number' && Number.isInteger(value)) into[i] = value
    else odd[i] = 1
  }
}

function fillNumbers(into: Float64Array, column: ArrayLike<unknown> | undefined, odd: Uint8Array): void {
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[i]
    if (typeof value === 'number') {
      into[i] = value
      // NaN in the file is not a null.
      if (Number.isNaN(value)) odd[i] = 1
    } else if (value === undefined || value === null) into[i] = Number.NaN
    else odd[i] = 1
  }
}

function fillTexts(
  into: Int32Array | Uint8Array,
  column: TextColumn,
  odd: Uint8Array,
  code: (text: string | null) => number,
): void {
  const absent = code(null)
  const codes = column.texts.map((text) => code(text))
  for (let i = 0; i < odd.length; i++) {
    const at = column.codes[i]!
    const found = at < 0 ? absent : codes[at]!
    if (found === -1) odd[i] = 1
    else into[i] = found
  }
}

/** `code` gives -1 for a text that needs the general path. Equal texts in a row are looked up once. */
function fillCodes(
  into: Int32Array | Uint8Array,
  column: ArrayLike<unknown> | undefined,
  odd: Uint8Array,
  code: (text: string | null) => number,
): void {
  const known = new Map<unknown, number>()
  let last: unknown = known
  let lastCode = 0
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[i] ?? null
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
