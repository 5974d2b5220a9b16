/**
 * A column of a Parquet row group, some rows at a time, page by page: doubles, time stamps and texts from a dictionary straight
 * into typed arrays, anything else as values. Every count and length in a page is held against its bytes, and what the pages of
 * all columns take together against a budget, before memory is taken for it.
 */
import type { ColumnMetaData, PageHeader, SchemaElement } from 'hyparquet'
import type { RandomAccess } from '../source.js'
import { type Unpack, unpacker } from './codecs.js'
import { Damage } from './damage.js'
import { chunkStart, thriftEnd } from './footer.js'
import { converterOf } from './values.js'

/** Doubles and stamps in milliseconds; NaN for null. */
interface Numbers {
  readonly numbers: Float64Array
}

/** An index into `texts` a row, -1 for null. */
export interface Codes {
  readonly codes: Int32Array
  readonly texts: readonly string[]
}

/** Null for null; what is finer than a millisecond is text. */
export interface Values {
  readonly values: unknown[]
}

export type ColumnSlice = Numbers | Codes | Values

/** What the pages that are held may take together. */
export const MOST_HELD = 1 << 28
export interface Budget {
  left: number
}

/** No page header comes near: statistics in it are of one page, and are cut short by their writers. */
const MOST_HEADER = 1 << 16
/** As much as one read fetches, unless a page is larger. */
const WINDOW = 1 << 18
/** A text of a record is a name, a stamp, or a few words. */
const MOST_TEXT = 1 << 12

export interface ColumnOptions {
  readonly file: RandomAccess
  readonly meta: ColumnMetaData
  readonly element: SchemaElement
  /** The groups that it lies in; a row that lacks one of them has no value. */
  readonly above?: readonly SchemaElement[]
  readonly rows: number
  readonly budget: Budget
}

type Kind = 'double' | 'text' | 'other' | { readonly perMs: number }

/** The values of a page that are not null. */
type PageValues =
  | { readonly as: 'plain'; readonly bytes: Uint8Array; at: number }
  | { readonly as: 'codes'; readonly codes: Int32Array; at: number }
  | { readonly as: 'decoded'; readonly values: ArrayLike<unknown>; at: number }

interface Page {
  readonly rows: number
  /** A 1 for each row that has a value; null where all have. */
  readonly levels: Uint8Array | null
  readonly values: PageValues
  readonly held: number
  at: number
}

type ReadHeader = typeof import('hyparquet/src/column.js').parquetHeader
type Unpacked = typeof import('hyparquet/src/delta.js').deltaBinaryUnpack
type Split = typeof import('hyparquet/src/encoding.js').byteStreamSplit

interface Decoders {
  readonly unpack: Unpack
  readonly readHeader: ReadHeader
  readonly delta: Unpacked
  readonly split: Split
}

/** Opens the column whose pages `meta` points at. Throws Damage, then and while it is read. */
export async function openColumn(options: ColumnOptions): Promise<ColumnReader> {
  const [unpack, { parquetHeader }, { deltaBinaryUnpack }, { byteStreamSplit }] = await Promise.all([
    unpacker(options.meta.codec),
    import('hyparquet/src/column.js'),
    import('hyparquet/src/delta.js'),
    import('hyparquet/src/encoding.js'),
  ])
  return new ColumnReader(options, {
    unpack,
    readHeader: parquetHeader,
    delta: deltaBinaryUnpack,
    split: byteStreamSplit,
  })
}

/** Reads the rows of one column in their order; holds one page and the dictionary. */
export class ColumnReader {
  readonly #options: ColumnOptions
  readonly #decoders: Decoders
  readonly #kind: Kind
  readonly #convert: (raw: unknown) => unknown
  readonly #end: number
  /** The definition level of a value: how many on the way to it may be absent. */
  readonly #level: number
  #at: number
  #window = new Uint8Array(0)
  #windowStart = 0
  #page: Page | null = null
  /** Rows of the pages to come. */
  #left: number
  #dictionary: { readonly numbers: Float64Array | null; readonly values: readonly unknown[] } | null = null

  constructor(options: ColumnOptions, decoders: Decoders) {
    const { meta, element, above = [], rows } = options
    this.#options = options
    this.#decoders = decoders
    this.#kind = kindOf(meta, element)
    this.#convert = converterOf(element)
    this.#at = chunkStart(meta)
    this.#end = this.#at + Number(meta.total_compressed_size)
    this.#left = rows
    const way = [...above, element]
    if (way.some((one) => one.repetition_type === 'REPEATED'))
      throw new Damage(`column ${meta.path_in_schema.join('.')} holds lists`)
    this.#level = way.filter((one) => one.repetition_type !== 'REQUIRED').length
    if (element.type !== meta.type) throw new Damage(`column ${element.name} is of two types`)
  }

  /** The next `count` rows. */
  async read(count: number): Promise<ColumnSlice> {
    try {
      return await this.#read(count)
    } catch (error) {
      // Views of bytes, and the decoders of hyparquet, end so where a page is cut short.
      if (error instanceof RangeError) throw shortPage(error)
      if (error instanceof Error && /^(parquet|thrift) /.test(error.message)) throw new Damage(error.message)
      throw error
    }
  }

  async #read(count: number): Promise<ColumnSlice> {
    let page = await this.#filled()
    let slice: ColumnSlice =
      this.#kind === 'other'
        ? { values: new Array(count) }
        : this.#kind === 'text'
          ? { codes: new Int32Array(count), texts: (this.#dictionary?.values ?? []) as string[] }
          : { numbers: new Float64Array(count) }
    for (let at = 0; at < count; ) {
      page = await this.#filled()
      const rows = Math.min(count - at, page.rows - page.at)
      const levels = page.levels?.subarray(page.at, page.at + rows) ?? null
      const present = levels === null ? rows : levels.reduce((sum, level) => sum + level, 0)
      page.at += rows
      slice = this.#fill(slice, { at, rows, levels, present, values: page.values })
      at += rows
    }
    return slice
  }

  #fill(slice: ColumnSlice, part: Part): ColumnSlice {
    const { at, rows, levels, present, values } = part
    if ('numbers' in slice) {
      const found = this.#numbers(values, present)
      if (found !== null) {
        spread(slice.numbers, at, rows, found, levels, Number.NaN)
        return slice
      }
    } else if ('codes' in slice && values.as === 'codes') {
      const found = values.codes.subarray(values.at, values.at + present)
      values.at += present
      spread(slice.codes, at, rows, found, levels, -1)
      return slice
    }
    const general = 'values' in slice ? slice : { values: valuesOf(slice, at, rows) }
    let next = 0
    const found = this.#values(values, present)
    for (let i = 0; i < rows; i++) {
      general.values[at + i] = levels === null || levels[i] === 1 ? found[next++] : null
    }
    return general
  }

  /** The next values as doubles; null, with none taken, where one of them is no plain number of milliseconds or is NaN. */
  #numbers(values: PageValues, count: number): Float64Array | null {
    const kind = this.#kind
    if (values.as === 'decoded' || (typeof kind === 'string' && kind !== 'double')) return null
    let found: Float64Array
    if (values.as === 'plain') {
      const length = 8 * count
      if (length > values.bytes.length - values.at) throw shortPage()
      // Pages start at any byte, typed arrays at each eighth: hence the copy.
      const bytes = new Uint8Array(length)
      bytes.set(values.bytes.subarray(values.at, values.at + length))
      found = typeof kind === 'string' ? new Float64Array(bytes.buffer) : milliseconds(bytes, kind.perMs)
    } else {
      const numbers = this.#dictionary?.numbers ?? null
      if (numbers === null) return null
      found = new Float64Array(count)
      for (let i = 0; i < count; i++) found[i] = numbers[values.codes[values.at + i]!]!
    }
    // NaN stands for null here: one that is in the file is told apart as a value.
    if (kind === 'double') {
      for (let i = 0; i < count; i++) if (Number.isNaN(found[i]!)) return null
    } else for (let i = 0; i < count; i++) if (!Number.isInteger(found[i]!)) return null
    values.at += values.as === 'plain' ? 8 * count : count
    return found
  }

  #values(values: PageValues, count: number): unknown[] {
    if (values.as === 'plain') {
      const { type, type_length } = this.#options.element
      const raw = plainReader(type, type_length, values.bytes)
      return Array.from({ length: count }, () => {
        const { value, end } = raw(values.at)
        values.at = end
        return this.#convert(value)
      })
    }
    const from = values.at
    values.at += count
    if (values.as === 'codes') {
      const dictionary = this.#dictionary!.values
      return Array.from({ length: count }, (_, i) => dictionary[values.codes[from + i]!])
    }
    if (values.values.length < values.at) throw shortPage()
    return Array.from({ length: count }, (_, i) => this.#convert(values.values[from + i]))
  }

  /** The page of the next row. */
  async #filled(): Promise<Page> {
    while (this.#page === null || this.#page.at === this.#page.rows) {
      const { header, body } = await this.#next()
      if (header.type === 'DICTIONARY_PAGE') this.#setDictionary(header, body)
      else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
        if (this.#page !== null) this.#take(-this.#page.held)
        this.#page = null
        this.#page = this.#dataPage(header, body)
        this.#left -= this.#page.rows
      }
      // Pages of other types are indexes.
    }
    return this.#page
  }

  /** Takes bytes from the budget, or gives them back. */
  #take(bytes: number): void {
    const { budget } = this.#options
    if (bytes > budget.left) {
      throw new Damage(
        `pages that take more than ${MOST_HELD} bytes at once; smaller row groups or pages are read`,
      )
    }
    budget.left -= bytes
  }

  async #next(): Promise<{ header: PageHeader; body: Uint8Array }> {
    const left = this.#end - this.#at
    if (left <= 0) throw new Damage(`column ${this.#options.element.name} has fewer rows than its row group`)
    const head = await this.#bytes(Math.min(left, MOST_HEADER))
    const length = thriftEnd(head)
    const view = new DataView(head.buffer, head.byteOffset, length)
    const header = this.#decoders.readHeader({ view, offset: 0 })
    const { compressed_page_size: packed, uncompressed_page_size: size } = header
    if (!isCount(packed) || !isCount(size)) throw new Damage('a page without its size')
    if (packed > left - length) throw new Damage(`a page of ${packed} bytes where ${left - length} are left`)
    if (packed > this.#options.budget.left) this.#take(packed)
    this.#at += length
    const body = await this.#bytes(packed)
    this.#at += packed
    return { header, body }
  }

  async #bytes(count: number): Promise<Uint8Array> {
    const from = this.#at - this.#windowStart
    if (from >= 0 && from + count <= this.#window.length) return this.#window.subarray(from, from + count)
    const end = Math.min(this.#end, this.#at + Math.max(count, WINDOW))
    this.#window = new Uint8Array(await this.#options.file.slice(this.#at, end))
    this.#windowStart = this.#at
    if (this.#window.length < count) throw new Damage('a column beyond the end of the file')
    return this.#window.subarray(0, count)
  }

  #setDictionary(header: PageHeader, body: Uint8Array): void {
    const count = header.dictionary_page_header?.num_values
    if (this.#dictionary !== null || this.#page !== null) throw new Damage('a column with two dictionaries')
    if (!isCount(count)) throw new Damage('a dictionary without its size')
    const size = header.uncompressed_page_size
    const { type, type_length } = this.#options.element
    if (count > 0 && count > size * (type === 'BOOLEAN' ? 8 : 1)) {
      throw new Damage(`a dictionary of ${count} values in ${size} bytes`)
    }
    // A value of a dictionary is boxed.
    this.#take(size + 32 * count)
    const page = this.#decoders.unpack(body, size)
    const read = plainReader(type, type_length, page)
    const values: unknown[] = []
    for (let i = 0, at = 0; i < count; i++) {
      const { value, end } = read(at)
      values.push(this.#convert(value))
      at = end
    }
    const isPlain = values.every((value) => typeof value === 'number')
    this.#dictionary = { values, numbers: isPlain ? Float64Array.from(values as number[]) : null }
  }

  #dataPage(header: PageHeader, body: Uint8Array): Page {
    const level = this.#level
    const size = header.uncompressed_page_size
    const v2 = header.data_page_header_v2
    const rows = (v2 ?? header.data_page_header)?.num_values
    const encoding = (v2 ?? header.data_page_header)?.encoding
    if (!isCount(rows)) throw new Damage('a page without its number of rows')
    if (rows > this.#left) {
      throw new Damage(`a page of ${rows} rows where ${this.#left} are left of its row group`)
    }
    const width = WIDTHS[encoding ?? ''] ?? 0
    // A page that is stored as it is lies in the window.
    const stored = this.#options.meta.codec === 'UNCOMPRESSED' ? 0 : body.length
    const held = stored + size + (width + (level > 0 ? 1 : 0)) * rows
    this.#take(held)
    let levels: Uint8Array | null = null
    let bytes: Uint8Array
    if (v2 !== undefined) {
      const split = v2.definition_levels_byte_length ?? 0
      if (!isCount(split) || v2.repetition_levels_byte_length > 0 || split > Math.min(size, body.length)) {
        throw new Damage('a page with levels that do not fit')
      }
      if (level > 0) levels = definedAt(level, body.subarray(0, split), rows)
      const rest = body.subarray(split)
      bytes = v2.is_compressed === false ? rest : this.#decoders.unpack(rest, size - split)
    } else {
      const whole = this.#decoders.unpack(body, size)
      let split = 0
      if (level > 0) {
        if (header.data_page_header?.definition_level_encoding !== 'RLE') {
          throw new Damage('a page whose levels are not in runs, which are not read')
        }
        split = prefixed(whole)
        levels = definedAt(level, whole.subarray(4, split), rows)
      }
      bytes = whole.subarray(split)
    }
    const present = levels === null ? rows : levels.reduce((sum, level) => sum + level, 0)
    return { rows, levels, held, at: 0, values: this.#pageValues(encoding, bytes, present) }
  }

  #pageValues(encoding: string | undefined, bytes: Uint8Array, count: number): PageValues {
    const { type = '', type_length = 0 } = this.#options.element
    const decoded = (values: ArrayLike<unknown>): PageValues => ({ as: 'decoded', values, at: 0 })
    if (encoding === 'PLAIN') return { as: 'plain', bytes, at: 0 }
    // Nothing is stored for no values.
    if (count === 0) return decoded([])
    switch (encoding) {
      case 'RLE_DICTIONARY':
      case 'PLAIN_DICTIONARY': {
        if (this.#dictionary === null) throw new Damage('a page that lacks its dictionary')
        const { length } = this.#dictionary.values
        const codes = runs(bytes.subarray(1), bytes[0] ?? 0, new Int32Array(count))
        for (let i = 0; i < count; i++)
          if (codes[i]! >= length) throw new Damage('a value beyond its dictionary')
        return { as: 'codes', codes, at: 0 }
      }
      case 'RLE':
        if (type !== 'BOOLEAN') break
        return decoded(Array.from(bits(bytes.subarray(4, prefixed(bytes)), count), (bit) => bit === 1))
      case 'DELTA_BINARY_PACKED':
        if (type === 'INT32') return decoded(this.#deltas(bytes, new Int32Array(count)).values)
        if (type === 'INT64') return decoded(this.#deltas(bytes, new BigInt64Array(count)).values)
        break
      case 'DELTA_LENGTH_BYTE_ARRAY': {
        const { values: lengths, end } = this.#deltas(bytes, new Int32Array(count))
        return decoded(this.#texts(bytes.subarray(end), new Int32Array(count), lengths))
      }
      case 'DELTA_BYTE_ARRAY': {
        const shared = this.#deltas(bytes, new Int32Array(count))
        const own = this.#deltas(bytes.subarray(shared.end), new Int32Array(count))
        return decoded(this.#texts(bytes.subarray(shared.end + own.end), shared.values, own.values))
      }
      case 'BYTE_STREAM_SPLIT': {
        const bytesEach = type === 'FIXED_LEN_BYTE_ARRAY' ? type_length : (SIZES[type] ?? 0)
        if (bytesEach <= 0 || bytesEach * count > bytes.length) throw shortPage()
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        const { split } = this.#decoders
        return decoded(split({ view, offset: 0 }, count, type as Parameters<Split>[2], type_length))
      }
    }
    throw new Damage(`unsupported encoding ${encoding} of ${type}`)
  }

  /** Differences of integers, packed: as many as `into` has room for, and where they end. */
  #deltas<T extends Int32Array | BigInt64Array>(bytes: Uint8Array, into: T): { values: T; end: number } {
    let p = 0
    const [block, parts, count] = [0, 0, 0].map(() => {
      let value = 0
      for (let shift = 0, more = true; more; shift += 7) {
        const byte = bytes[p++]
        if (byte === undefined || shift > 28) throw shortPage()
        value += (byte & 127) * 2 ** shift
        more = byte > 127
      }
      return value
    }) as [number, number, number]
    // Blocks of a multiple of 128 values in parts of a multiple of 32, by the format.
    if (block === 0 || block > 1 << 20 || parts === 0 || block % parts !== 0 || (block / parts) % 32 !== 0) {
      throw new Damage(`differences in blocks of ${block} in ${parts} parts`)
    }
    if (count !== into.length) throw new Damage(`${count} differences where ${into.length} values are due`)
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
    this.#decoders.delta(reader, count, into as Int32Array & BigInt64Array)
    return { values: into, end: reader.offset }
  }

  /** Texts that share their beginnings with the one before. */
  #texts(bytes: Uint8Array, shared: Int32Array, own: Int32Array): Uint8Array[] {
    let before = new Uint8Array(0)
    let p = 0
    return Array.from(own, (length, i) => {
      const prefix = shared[i]!
      if (length < 0 || prefix < 0 || prefix > before.length || p + length > bytes.length) throw shortPage()
      if (prefix + length > MOST_TEXT) throw longText(prefix + length)
      const text = new Uint8Array(prefix + length)
      text.set(before.subarray(0, prefix))
      text.set(bytes.subarray(p, p + length), prefix)
      p += length
      before = text
      return text
    })
  }
}

interface Part {
  readonly at: number
  readonly rows: number
  readonly levels: Uint8Array | null
  readonly present: number
  readonly values: PageValues
}

/** Bytes that a value takes once decoded, by encoding. */
const WIDTHS: Readonly<Record<string, number>> = {
  RLE_DICTIONARY: 4,
  PLAIN_DICTIONARY: 4,
  RLE: 8,
  DELTA_BINARY_PACKED: 8,
  BYTE_STREAM_SPLIT: 96,
  // A view of bytes each.
  DELTA_LENGTH_BYTE_ARRAY: 128,
  DELTA_BYTE_ARRAY: 128,
}

const SIZES: Readonly<Record<string, number>> = { INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8, INT96: 12 }

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const shortPage = (cause?: unknown): Damage =>
  new Damage('a page that is too short for its values', { cause })
const longText = (length: number): Damage =>
  new Damage(`a text of ${length} bytes; at most ${MOST_TEXT} are read`)

function kindOf({ type }: ColumnMetaData, element: SchemaElement): Kind {
  const { logical_type: logical, converted_type: converted } = element
  if (type === 'DOUBLE') return 'double'
  if (type === 'BYTE_ARRAY' && converted !== 'DECIMAL' && logical?.type !== 'DECIMAL') return 'text'
  if (type !== 'INT64') return 'other'
  if (logical?.type === 'TIMESTAMP') {
    return logical.unit === 'MICROS' ? { perMs: 1000 } : logical.unit === 'MILLIS' ? { perMs: 1 } : 'other'
  }
  if (converted === 'TIMESTAMP_MICROS') return { perMs: 1000 }
  return converted === 'TIMESTAMP_MILLIS' ? { perMs: 1 } : 'other'
}

/** What a slice held before it had to hold other values. */
function valuesOf(slice: Numbers | Codes, filled: number, more: number): unknown[] {
  const values: unknown[] = new Array('numbers' in slice ? slice.numbers.length : slice.codes.length)
  values.length = Math.max(values.length, filled + more)
  for (let i = 0; i < filled; i++) values[i] = valueAt(slice, i)
  return values
}

/** The value of a row, null for none. */
export function valueAt(slice: ColumnSlice, row: number): unknown {
  if ('values' in slice) return slice.values[row] ?? null
  if ('numbers' in slice) return Number.isNaN(slice.numbers[row]!) ? null : slice.numbers[row]!
  return slice.texts[slice.codes[row]!] ?? null
}

/** Values into the rows that have one. */
function spread<T extends Float64Array | Int32Array>(
  into: T,
  at: number,
  rows: number,
  values: T,
  levels: Uint8Array | null,
  absent: number,
): void {
  if (levels === null) {
    into.set(values, at)
    return
  }
  let next = 0
  for (let i = 0; i < rows; i++) into[at + i] = levels[i] === 1 ? values[next++]! : absent
}

/** INT64 as doubles: exact for every stamp of these centuries. */
function milliseconds(bytes: Uint8Array<ArrayBuffer>, perMs: number): Float64Array {
  const words = new Int32Array(bytes.buffer)
  const numbers = new Float64Array(words.length / 2)
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = ((words[2 * i]! >>> 0) + words[2 * i + 1]! * 4_294_967_296) / perMs
  }
  return numbers
}

/** Reads the value at an offset, and says where it ends. */
type ReadPlain = (at: number) => { readonly value: unknown; readonly end: number }

function plainReader(type: string | undefined, fixed: number | undefined, page: Uint8Array): ReadPlain {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength)
  // Views throw a RangeError beyond their end.
  const bytes = (at: number, length: number) => {
    if (length > MOST_TEXT) throw longText(length)
    if (length > page.length - at) throw shortPage()
    return { value: page.subarray(at, at + length), end: at + length }
  }
  switch (type) {
    case 'INT32':
      return (at) => ({ value: view.getInt32(at, true), end: at + 4 })
    case 'INT64':
      return (at) => ({ value: view.getBigInt64(at, true), end: at + 8 })
    case 'INT96':
      return (at) => ({
        value: (BigInt(view.getInt32(at + 8, true)) << 64n) | view.getBigUint64(at, true),
        end: at + 12,
      })
    case 'FLOAT':
      return (at) => ({ value: view.getFloat32(at, true), end: at + 4 })
    case 'DOUBLE':
      return (at) => ({ value: view.getFloat64(at, true), end: at + 8 })
    case 'BYTE_ARRAY':
      return (at) => bytes(at + 4, view.getUint32(at, true))
    case 'FIXED_LEN_BYTE_ARRAY':
      if (!isCount(fixed) || fixed === 0) throw new Damage('values of a fixed length that is not given')
      return (at) => bytes(at, fixed)
    case 'BOOLEAN':
      // Eight to a byte: the offset counts in eighths of one.
      return (at) => ({
        value: ((view.getUint8(Math.floor(at)) >> (8 * (at % 1))) & 1) === 1,
        end: at + 1 / 8,
      })
    default:
      throw new Damage(`values of type ${type}`)
  }
}

/** Where runs that say their length end. */
function prefixed(bytes: Uint8Array): number {
  if (bytes.length < 4) throw shortPage()
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  if (end > bytes.length) throw shortPage()
  return end
}

/** A 1 for each row whose definition level is that of a value. */
function definedAt(level: number, bytes: Uint8Array, rows: number): Uint8Array {
  const levels = runs(bytes, 32 - Math.clz32(level), new Uint8Array(rows))
  if (level === 1) return levels
  for (let i = 0; i < rows; i++) {
    if (levels[i]! > level) throw new Damage(`a level of ${levels[i]} where ${level} is the highest`)
    levels[i] = levels[i] === level ? 1 : 0
  }
  return levels
}

const bits = (bytes: Uint8Array, count: number): Uint8Array => runs(bytes, 1, new Uint8Array(count))

/** Runs and bit-packed groups of eight (RLE/bit-packing hybrid of the Parquet format), as many values as `values` has room for. */
function runs<T extends Int32Array | Uint8Array>(bytes: Uint8Array, width: number, values: T): T {
  const count = values.length
  if (width === 0) return values
  if (width > 24) throw new Damage(`an index of ${width} bits`)
  const size = (width + 7) >> 3
  let p = 0
  for (let i = 0; i < count; ) {
    let header = 0
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[p++]
      if (byte === undefined || shift > 28) throw shortPage()
      header |= (byte & 127) << shift
      more = byte > 127
    }
    if ((header & 1) === 0) {
      let value = 0
      for (let b = 0; b < size; b++) value |= (bytes[p++] ?? 0) << (8 * b)
      const to = Math.min(count, i + (header >>> 1))
      if (to === i || value >>> width !== 0) throw new Damage('a run of no values, or of one too large')
      values.fill(value, i, to)
      i = to
      continue
    }
    const to = Math.min(count, i + 8 * (header >>> 1))
    const end = p + width * (header >>> 1)
    const mask = (1 << width) - 1
    let bits = 0
    let have = 0
    while (i < to) {
      while (have < width) {
        bits |= (bytes[p++] ?? 0) << have
        have += 8
      }
      values[i++] = bits & mask
      bits >>>= width
      have -= width
    }
    p = end
  }
  return values
}
