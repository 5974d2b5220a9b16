/**
 * The footer of a Parquet file, checked before anything is made of it: what it declares (rows, children, offsets, lengths of
 * lists) is an attacker's word until it fits the file, and the decoder of Thrift allocates by it.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet'
import type { RandomAccess } from '../source.js'
import { Damage } from './damage.js'

/** Of a footer, in bytes and in values: twice what 4,000 row groups of 13 columns with statistics take. */
const MOST_FOOTER = 1 << 25
const MOST_VALUES = 1 << 21
/** Of structs within structs; the format itself needs seven. */
const MOST_DEPTH = 16
/** Of groups of columns within each other. */
const MOST_LEVELS = 64

/** Reads and checks the footer. Throws Damage. */
export async function readFooter(file: RandomAccess): Promise<FileMetaData> {
  const size = file.byteLength
  if (size < 12) throw new Damage('it is too short')
  const tail = new DataView(await file.slice(size - 8, size))
  const magic = tail.getUint32(4, true)
  if (magic === 0x45524150) throw new Damage('its footer is encrypted')
  if (magic !== 0x31524150) throw new Damage('it does not end in PAR1: cut off, or no Parquet file')
  const length = tail.getUint32(0, true)
  if (length > size - 12) throw new Damage(`a footer of ${length} bytes in a file of ${size}`)
  if (length > MOST_FOOTER) throw new Damage(`a footer of ${length} bytes; at most ${MOST_FOOTER} are read`)
  const bytes = new Uint8Array(await file.slice(size - 8 - length, size))
  thriftEnd(bytes.subarray(0, length))
  const { parquetMetadata } = await import('hyparquet')
  const metadata = await parsed(() => parquetMetadata(bytes, { geoparquet: false }))
  checkSchema(metadata.schema)
  checkGroups(metadata, size - 8 - length)
  return metadata
}

/** Thrift that is well formed and still not what the format says it is ends in errors of whatever kind. */
async function parsed<T>(parse: () => T): Promise<T> {
  try {
    return parse()
  } catch (error) {
    throw new Damage('its footer does not hold what a footer holds', { cause: error })
  }
}

/**
 * Where the Thrift struct at the start of `bytes` ends (compact protocol). Throws Damage where it does not end, is nested too
 * deep, holds too many values, or declares a length that its bytes cannot have.
 */
export function thriftEnd(bytes: Uint8Array): number {
  let p = 0
  let values = 0
  const skip = (count: number): void => {
    if (count > bytes.length - p) throw new Damage('a length beyond the end of its header')
    p += count
  }
  const byte = (): number => {
    const found = bytes[p++]
    if (found === undefined) throw new Damage('a header that does not end')
    return found
  }
  const varint = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const found = byte()
      value += (found & 127) * 2 ** (7 * i)
      if (found < 128) return value
    }
    throw new Damage('a number of more than ten bytes in a header')
  }
  const element = (type: number, depth: number): void => {
    if (++values > MOST_VALUES) throw new Damage(`a header of more than ${MOST_VALUES} values`)
    if (type === 3) skip(1)
    else if (type >= 4 && type <= 6) varint()
    else if (type === 7) skip(8)
    else if (type === 8) skip(varint())
    else if (type === 9) list(depth)
    else if (type === 12) struct(depth + 1)
    else if (type !== 1 && type !== 2) throw new Damage('a header with values of no known type')
  }
  const list = (depth: number): void => {
    const head = byte()
    const size = head >> 4 === 15 ? varint() : head >> 4
    // Each element has a byte of its own.
    if (size > bytes.length - p) throw new Damage(`a list of ${size} in a header of ${bytes.length} bytes`)
    if (depth >= MOST_DEPTH) throw new Damage('a header nested too deep')
    const type = head & 15
    for (let i = 0; i < size; i++) element(type === 1 || type === 2 ? 3 : type, depth + 1)
  }
  const struct = (depth: number): void => {
    if (depth >= MOST_DEPTH) throw new Damage('a header nested too deep')
    for (;;) {
      const head = byte()
      if ((head & 15) === 0) return
      if (head >> 4 === 0) varint()
      element(head & 15, depth)
    }
  }
  struct(0)
  return p
}

/** The tree of columns takes every element, once; the root comes first. */
function checkSchema(schema: readonly SchemaElement[]): void {
  /** Children to come of each group that is open. */
  const open = [1]
  for (const { name, num_children: children = 0 } of schema) {
    while (open.at(-1) === 0) open.pop()
    if (open.length === 0) throw new Damage(`a schema with columns beyond its ${schema[0]?.num_children}`)
    if (typeof name !== 'string') throw new Damage('a column without a name')
    if (typeof children !== 'number' || children < 0 || children >= schema.length) {
      throw new Damage(`a group of ${children} columns in a schema of ${schema.length - 1}`)
    }
    open[open.length - 1]!--
    if (children > 0) open.push(children)
    if (open.length > MOST_LEVELS) throw new Damage(`columns nested more than ${MOST_LEVELS} deep`)
  }
  if (open.some((left) => left > 0)) throw new Damage('a schema with fewer columns than it declares')
}

/** Row groups add up, and each of their columns has its own bytes between the magic number and the footer. */
function checkGroups({ row_groups, num_rows }: FileMetaData, end: number): void {
  const spans: [number, number][] = []
  let rows = 0
  for (const { columns, num_rows: own } of row_groups) {
    const count = Number(own)
    if (!Number.isSafeInteger(count) || count < 0) throw new Damage(`a row group of ${own} rows`)
    rows += count
    for (const { file_path, meta_data: meta } of columns) {
      if (file_path) throw new Damage('its columns are in other files')
      if (meta === undefined) throw new Damage('a column without its description, or an encrypted one')
      const length = Number(meta.total_compressed_size)
      const start = chunkStart(meta)
      if (!(start >= 4 && length >= 0 && start + length <= end)) {
        throw new Damage(`a column of ${length} bytes at ${start} in ${end} bytes of data`)
      }
      if (length > 0) spans.push([start, start + length])
    }
  }
  if (rows !== Number(num_rows)) throw new Damage(`${num_rows} rows declared, and ${rows} in its row groups`)
  spans.sort((a, b) => a[0] - b[0])
  for (const [i, [start]] of spans.entries()) {
    if (i > 0 && start < spans[i - 1]![1]) throw new Damage('its columns overlap')
  }
}

type Placed = Pick<
  FileMetaData['row_groups'][number]['columns'][number]['meta_data'] & object,
  'data_page_offset' | 'dictionary_page_offset'
>

/** Where the pages of a column begin. Older writers say 0 for no dictionary. */
export const chunkStart = ({ data_page_offset, dictionary_page_offset }: Placed): number =>
  Number(dictionary_page_offset || data_page_offset)
