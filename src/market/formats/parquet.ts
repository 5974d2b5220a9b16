/** Bars from Parquet, a batch of rows at a time, by columns; rows that hold anything odd go through the general path. */
import type { FileMetaData } from 'hyparquet'
import { badData } from '../../base/errors.js'
import type { Zone } from '../../base/time.js'
import { quote } from '../../base/words.js'
import {
  type Codes,
  type ColumnReader,
  type ColumnSlice,
  MOST_HELD,
  valueAt,
} from '../../stream/parquet/column.js'
import { parquetFailure } from '../../stream/parquet/damage.js'
import { readFooter } from '../../stream/parquet/footer.js'
import { type Leaf, leavesOf, openLeaf, type RowGroup } from '../../stream/parquet/leaves.js'
import { stampsIn } from '../../stream/parquet/values.js'
import type { RandomAccess, Source } from '../../stream/source.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  copyRow,
  INTERVALS,
  MISSING_CODE,
  newBatch,
  SESSIONS,
  SYMBOL,
} from '../bar.js'
import { absentFields, placesOf } from '../columns.js'
import { BAR_FIELDS, type BarField, isPossible, type LooseFields, putRow, SOURCE } from '../fields.js'
import { BATCH_ROWS, hand, type Reading, type RecordBlock } from '../reading.js'

export async function* readParquet(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  try {
    yield* readGroups(source, reading)
  } catch (error) {
    throw parquetFailure(error, source.name)
  }
}

async function* readGroups(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const file = await source.randomAccess()
  const metadata = await readFooter(file)
  const type = metadata.key_value_metadata?.find(({ key }) => key === 'jules.type')?.value
  if (type !== undefined && type !== 'bar') {
    throw badData(`holds ${quote(type)} records; expected bars`, { where: source.name })
  }
  const columns = barColumns(metadata, reading)
  const stamps = stampsOf(columns.get('time')?.element)
  const batch = newBatch(BATCH_ROWS, reading.names)
  const odd = new Uint8Array(BATCH_ROWS)
  let start = 0
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows)
    if (count === 0) continue
    const readers = await openColumns(file, group, columns)
    for (let done = 0; done < count; done += BATCH_ROWS, start += BATCH_ROWS) {
      const rows: Rows = { count: Math.min(BATCH_ROWS, count - done), start, odd, stamps }
      odd.fill(0)
      const slices: Slices = {}
      for (const field of BAR_FIELDS) {
        const slice = await readers.get(field)?.read(rows.count)
        if (slice !== undefined) slices[field] = slice
        fillColumn(batch, field, slice, rows)
      }
      if (stamps === 'wall') fromWall(batch.time, rows, reading.zone ?? null)
      let isOdd = false
      for (let row = 0; row < rows.count; row++) {
        batch.line[row] = start + row + 1
        if (odd[row] === 0 && !isPossible(batch, row)) odd[row] = 1
        if (odd[row] === 1) isOdd = true
      }
      if (isOdd) yield* handRows(batch, slices, rows, reading)
      else {
        batch.length = rows.count
        yield* hand(batch)
      }
    }
    start += count - Math.ceil(count / BATCH_ROWS) * BATCH_ROWS
  }
}

async function openColumns(
  file: RandomAccess,
  group: RowGroup,
  columns: ReadonlyMap<BarField, Leaf>,
): Promise<Map<BarField, ColumnReader>> {
  const budget = { left: MOST_HELD }
  const readers = new Map<BarField, ColumnReader>()
  for (const [field, leaf] of columns) readers.set(field, await openLeaf(file, group, leaf, budget))
  return readers
}

type Slices = { [field in BarField]?: ColumnSlice }

interface Rows {
  readonly count: number
  /** Row number in the file of the first one. */
  readonly start: number
  /** A 1 for rows in which something is not simply a value of its column. */
  readonly odd: Uint8Array
  readonly stamps: Stamps
}

/** Hands on rows that are fine as they stand; odd ones go through the general path, in their order. */
async function* handRows(
  batch: BarBatch,
  slices: Slices,
  { count, start, odd, stamps }: Rows,
  reading: Reading,
): AsyncGenerator<RecordBlock> {
  const mixed = newBatch(count, reading.names)
  for (let row = 0; row < count; row++) {
    if (odd[row] === 0) {
      copyRow(batch, row, mixed)
      continue
    }
    const loose: LooseFields = {}
    for (const field of BAR_FIELDS) {
      const slice = slices[field]
      if (slice !== undefined) loose[field] = valueAt(slice, row)
    }
    if (stamps !== 'plain') loose.time = written(loose.time, stamps)
    const line = start + row + 1
    const problem = putRow(mixed, loose, line, { ...reading, textual: false })
    if (problem === null) continue
    if (mixed.length > 0) yield* hand(mixed)
    await reading.reject(line, problem, printable(loose))
  }
  if (mixed.length > 0) yield* hand(mixed)
}

/** Fills one column of a batch; marks the rows in which something is not simply a value of its column. */
function fillColumn(
  batch: BarBatch,
  field: BarField,
  slice: ColumnSlice | undefined,
  { count, odd, stamps }: Rows,
): void {
  const { names } = batch
  const code = {
    symbol: (text: string | null) => (text !== null && SYMBOL.test(text) ? names.id(text) : -1),
    interval: (text: string | null) => (text === null ? -1 : codeOf(INTERVALS, text)),
    adjusted: (text: string | null) => codeOf(ADJUSTMENTS, text),
    session: (text: string | null) => codeOf(SESSIONS, text),
    source: (text: string | null) => (text === null ? 0 : SOURCE.test(text) ? names.id(text) : -1),
  }
  if (isCoded(field)) {
    if (slice === undefined || 'values' in slice) {
      fillCodes(batch[field], slice?.values, { count, odd }, code[field])
    } else if ('codes' in slice) fillTexts(batch[field], slice, { count, odd }, code[field])
    else odd.fill(1)
  } else if (field === 'time' && (stamps === 'plain' || stamps === 'date')) odd.fill(1)
  else if (slice !== undefined && 'numbers' in slice) {
    batch[field].set(slice.numbers)
    // A null.
    if (field === 'time') {
      for (let i = 0; i < count; i++) if (!Number.isInteger(batch.time[i])) odd[i] = 1
    }
  } else if (slice !== undefined && 'codes' in slice) odd.fill(1)
  else if (field === 'time') fillTimes(batch.time, slice?.values, { count, odd })
  else fillNumbers(batch[field], slice?.values, { count, odd })
}

type Odd = Pick<Rows, 'count' | 'odd'>

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

const stampsOf = (element: Leaf['element'] | undefined): Stamps =>
  (element === undefined ? null : stampsIn(element)) ?? 'plain'

/** A stamp as text, for the general way; what is finer than a millisecond is text already. */
function written(time: unknown, stamps: Stamps): unknown {
  if (typeof time !== 'number' || !(Math.abs(time) <= 8.64e15)) return time
  if (stamps === 'utc') return new Date(time)
  const text = new Date(time).toISOString()
  return stamps === 'date' ? text.slice(0, 10) : text.slice(0, -1)
}

/** From wall times to instants, in place; rows that have none are odd. */
function fromWall(times: Float64Array, { count, odd }: Rows, zone: Zone | null): void {
  if (zone === null) odd.fill(1)
  for (let i = 0; i < count && zone !== null; i++) {
    const epochMs = odd[i] === 0 ? zone.toInstant(times[i]!) : null
    if (epochMs === null) odd[i] = 1
    else times[i] = epochMs
  }
}

function fillTimes(into: Float64Array, column: ArrayLike<unknown> | undefined, { count, odd }: Odd): void {
  for (let i = 0; i < count; i++) {
    const value = column?.[i]
    // A finer stamp is text and is refused by the general path.
    if (typeof value === 'number' && Number.isInteger(value)) into[i] = value
    else odd[i] = 1
  }
}

function fillNumbers(into: Float64Array, column: ArrayLike<unknown> | undefined, { count, odd }: Odd): void {
  for (let i = 0; i < count; i++) {
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
  column: Codes,
  { count, odd }: Odd,
  code: (text: string | null) => number,
): void {
  const absent = code(null)
  const codes = column.texts.map((text) => code(text))
  for (let i = 0; i < count; i++) {
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
  { count, odd }: Odd,
  code: (text: string | null) => number,
): void {
  const known = new Map<unknown, number>()
  let last: unknown = known
  let lastCode = 0
  for (let i = 0; i < count; i++) {
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

/** The columns that are bar fields. */
function barColumns({ schema }: FileMetaData, reading: Reading): Map<BarField, Leaf> {
  const leaves = leavesOf(schema).filter(({ path }) => path.length === 1)
  const names = leaves.map(({ element }) => element.name)
  const places = placesOf(names, { where: reading.name, map: reading.columns, ignored: reading.ignored })
  // pandas stores an index of times without a name so.
  const index = names.indexOf('__index_level_0__')
  if (index >= 0 && !places.includes('time')) places[index] = 'time'
  // A date beside a whole stamp is there for people.
  const clock = places.indexOf('clock')
  const stamp = stampsOf(leaves[clock]?.element)
  if (stamp === 'utc' || stamp === 'wall') {
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
  const columns = new Map<BarField, Leaf>()
  for (const [i, field] of places.entries()) {
    if (field === 'clock') {
      throw badData(`keeps the time of day apart from the date, in ${quote(names[i])}`, {
        where: reading.name,
        hint: 'write one column of time stamps instead',
      })
    }
    if (field !== undefined && (reading.fields?.has(field) ?? true)) columns.set(field, leaves[i]!)
  }
  return columns
}

const printable = (loose: LooseFields): string =>
  JSON.stringify(loose, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
