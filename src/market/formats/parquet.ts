/** Bars from Parquet, one row group at a time, by columns; rows that hold anything odd go through the general path. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { ColumnData, Compressors, FileMetaData, SchemaElement } from 'hyparquet'
import { badData, Failure, systemCode } from '../../base/errors.js'
import { DAY, type Zone } from '../../base/time.js'
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
import { absentFields, placesOf } from '../columns.js'
import { BAR_FIELDS, type BarField, isPossible, type LooseFields, putRow, SOURCE } from '../fields.js'
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
  const stamps = stampsOf(metadata, columns)
  const scales = decimalScales(metadata, columns)
  // Fixed-point columns are taken as the integers they are: as floating-point products they would be off by a rounding.
  const raw = {
    ...metadata,
    schema: metadata.schema.map((element) => {
      const { converted_type: _converted, logical_type: _logical, ...rest } = element
      return scales.has(element.name) ? rest : element
    }),
  }
  const compressors = await codecs(metadata)
  let start = 0
  const decode = async (names: readonly string[], rows: number): Promise<GroupColumns> => {
    const data: GroupColumns = {}
    await parquetRead({
      file,
      metadata: raw,
      columns: [...names],
      compressors,
      // Text without a type would hide fixed-point bytes.
      utf8: scales.size === 0,
      rowStart: start,
      rowEnd: start + rows,
      onChunk: (chunk) => collect(data, columns, scales, chunk, start, rows),
      parsers: {
        timestampFromMilliseconds: Number,
        timestampFromMicroseconds: (value) => stampOf(value, 1000n),
        timestampFromNanoseconds: (value) => stampOf(value, 1_000_000n),
        dateFromDays: (days) => days * DAY,
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
      if (column === undefined) fillColumn(group, field, undefined, { odd, stamps })
      else {
        const plain = field === 'time' && (stamps === 'plain' || stamps === 'date')
        const flat = plain ? null : await readFlatColumn(file, metadata, index, column)
        fillColumn(group, field, flat ?? (await decode([column], rows))[field], { odd, stamps })
      }
    }
    if (stamps === 'wall') fromWall(group.time, odd, reading.zone ?? null)
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
      } else yield* handRows(group, data, { from, to, start, odd, stamps }, reading)
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
  readonly stamps: Stamps
}

/** Hands on rows that are fine as they stand; odd ones go through the general path, in their order. */
async function* handRows(
  group: BarBatch,
  data: GroupColumns,
  { from, to, start, odd, stamps }: Rows,
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
    if (stamps !== 'plain') loose.time = written(loose.time, stamps)
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
  { odd, stamps }: Pick<Rows, 'odd' | 'stamps'>,
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
    if (stamps === 'utc' || stamps === 'wall') fillTimes(group.time, column, odd)
    else odd.fill(1)
  } else if (isCoded(field)) fillCodes(group[field], column, odd, code[field])
  else fillNumbers(group[field], column, odd)
}

type Coded = 'symbol' | 'interval' | 'adjusted' | 'session' | 'source'

const isCoded = (field: BarField): field is Coded =>
  ['symbol', 'interval', 'adjusted', 'session', 'source'].includes(field)

const codeOf = (codes: readonly string[], text: string | null): number =>
  text === null ? MISSING_CODE : codes.indexOf(text)

/**
 * What the time column holds: instants, wall times without a zone, dates, or plain numbers and texts that mean what they mean in
 * CSV. The two kinds of stamps come as milliseconds.
 */
type Stamps = 'utc' | 'wall' | 'date' | 'plain'

function stampsOf({ schema }: FileMetaData, columns: ReadonlyMap<string, BarField>): Stamps {
  const name = [...columns].find(([, field]) => field === 'time')?.[0]
  const element = schema.find((candidate) => candidate.name === name)
  const { logical_type: logical, converted_type: converted } = element ?? {}
  if (logical?.type === 'TIMESTAMP') return logical.isAdjustedToUTC ? 'utc' : 'wall'
  if (converted === 'DATE' || logical?.type === 'DATE') return 'date'
  // Both older kinds are instants: the first by the format, the second by the engines that write it.
  return converted?.startsWith('TIMESTAMP') === true || element?.type === 'INT96' ? 'utc' : 'plain'
}

/** A stamp as text, for the general way; what is finer than a millisecond is text already. */
function written(time: unknown, stamps: Stamps): unknown {
  if (typeof time !== 'number' || !(Math.abs(time) <= 8.64e15)) return time
  if (stamps === 'utc') return new Date(time)
  const text = new Date(time).toISOString()
  return stamps === 'date' ? text.slice(0, 10) : text.slice(0, -1)
}

/** Milliseconds, or for a stamp that is finer its text. */
function stampOf(value: bigint, perMs: bigint): number | string {
  const rest = ((value % perMs) + perMs) % perMs
  const epochMs = Number((value - rest) / perMs)
  if (rest === 0n) return epochMs
  const digits = String(rest).padStart(perMs === 1000n ? 3 : 6, '0')
  return `${new Date(epochMs).toISOString().slice(0, -1)}${digits}Z`
}

/** From wall times to instants, in place; rows that have none are odd. */
function fromWall(times: Float64Array, odd: Uint8Array, zone: Zone | null): void {
  if (zone === null) odd.fill(1)
  for (let i = 0; i < odd.length && zone !== null; i++) {
    const epochMs = odd[i] === 0 ? zone.toInstant(times[i]!) : null
    if (epochMs === null) odd[i] = 1
    else times[i] = epochMs
  }
}

/** Column name -> digits after the point, for fixed-point columns. */
function decimalScales(
  { schema }: FileMetaData,
  columns: ReadonlyMap<string, BarField>,
): Map<string, number> {
  const fixed = schema.filter(
    ({ name, converted_type: converted, logical_type: logical }) =>
      columns.has(name) && (converted === 'DECIMAL' || logical?.type === 'DECIMAL'),
  )
  return new Map(
    fixed.map(({ name, scale, logical_type: logical }) => [
      name,
      scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0),
    ]),
  )
}

/** The double nearest to a fixed-point number: an integer, or its big-endian bytes. */
function decimalOf(value: unknown, scale: number): unknown {
  if (value === null || value === undefined) return null
  const integer =
    value instanceof Uint8Array
      ? BigInt.asIntN(8 * value.length, BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`))
      : value
  return Number(`${String(integer)}e${-scale}`)
}

/** zlib's decoders for the codecs it knows; the rarer ones are loaded for files that use them. */
async function codecs({ row_groups }: FileMetaData): Promise<Compressors> {
  const used = new Set(row_groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data?.codec)))
  const common: Compressors = {
    GZIP: (input) => gunzipSync(input),
    BROTLI: (input) => brotliDecompressSync(input),
  }
  if (!used.has('ZSTD') && !used.has('LZ4') && !used.has('LZ4_RAW')) return common
  const { compressors } = await import('hyparquet-compressors')
  return { ...compressors, ...common }
}

function fillTimes(into: Float64Array, column: ArrayLike<unknown> | undefined, odd: Uint8Array): void {
  for (let i = 0; i < odd.length; i++) {
    const value = column?.[i]
    // A finer stamp is text and is refused by the general path.
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
    } else if (typeof value === 'bigint') into[i] = Number(value)
    else if (value === undefined || value === null) into[i] = Number.NaN
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
  scales: ReadonlyMap<string, number>,
  { columnName, columnData: stored, rowStart }: ColumnData,
  start: number,
  rows: number,
): void {
  const field = columns.get(columnName)
  if (field === undefined) return
  const scale = scales.get(columnName)
  const columnData =
    scale !== undefined
      ? Array.from(stored, (value) => decimalOf(value, scale))
      : scales.size > 0 && Array.isArray(stored)
        ? stored.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value))
        : stored
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
  const children = metadata.schema[0]?.num_children ?? 0
  const names = topLevel(metadata.schema, children)
    .filter(({ num_children }) => num_children === undefined)
    .map(({ name }) => name)
  const places = placesOf(names, { where: reading.name, map: reading.columns, ignored: reading.ignored })
  // pandas stores an index of times without a name so.
  const index = names.indexOf('__index_level_0__')
  if (index >= 0 && !places.includes('time')) places[index] = 'time'
  // A date beside a whole stamp is there for people.
  const clock = places.indexOf('clock')
  if (clock >= 0 && isStamp(metadata.schema.find(({ name }) => name === names[clock]))) {
    places[places.indexOf('time')] = undefined
    places[clock] = 'time'
  }
  const absent = absentFields(places)
  if (absent.length > 0) {
    throw badData(`lacks the columns ${absent.join(', ')}`, {
      where: reading.name,
      hint: `it has ${quote(names.join(', '))}; say which is which with --columns ${absent[0]}=NAME`,
    })
  }
  const columns = new Map<string, BarField>()
  for (const [i, field] of places.entries()) {
    if (field === 'clock') {
      throw badData(`keeps the time of day apart from the date, in ${quote(names[i])}`, {
        where: reading.name,
        hint: 'write one column of time stamps instead',
      })
    }
    if (field !== undefined && (reading.fields?.has(field) ?? true)) columns.set(names[i]!, field)
  }
  return columns
}

const isStamp = (element: SchemaElement | undefined): boolean =>
  element?.type === 'INT96' ||
  element?.logical_type?.type === 'TIMESTAMP' ||
  element?.converted_type?.startsWith('TIMESTAMP') === true

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
  const codec = /unsupported compression codec: (\w+)/.exec(words)?.[1]
  if (codec !== undefined) {
    return badData(`is compressed with ${codec}, which is not read`, {
      where: name,
      hint: 'write it with zstd, snappy or gzip',
      cause: error,
    })
  }
  return badData(`damaged Parquet file: ${words.slice(0, 200)}`, { where: name, cause: error })
}
