/**
 * A column of a Parquet row group straight into typed arrays: doubles, time stamps and texts from a dictionary, in the encodings
 * that writers choose by default. It answers null to anything else, damage included, which then goes through hyparquet: three
 * times as slow for its arrays of boxed values, and with words for what is wrong.
 */
import { gunzipSync } from 'node:zlib'
import type { AsyncBuffer, ColumnMetaData, FileMetaData, SchemaElement } from 'hyparquet'

/** A column of texts: an index into `texts` a row, -1 for null. */
export interface TextColumn {
  readonly codes: Int32Array
  readonly texts: readonly string[]
}

/** A column of numbers, stamps as milliseconds; NaN for null. */
interface NumberColumn {
  readonly numbers: Float64Array
}

export type FlatColumn = NumberColumn | TextColumn

/** Column `name` of row group `index`, or null if it is not so simple. */
export async function readFlatColumn(
  file: AsyncBuffer,
  metadata: FileMetaData,
  index: number,
  name: string,
): Promise<FlatColumn | null> {
  const group = metadata.row_groups[index]
  const meta = group?.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === name)?.meta_data
  const element = metadata.schema.find((candidate) => candidate.name === name)
  if (group === undefined || meta === undefined || element === undefined) return null
  const kind = kindOf(meta, element)
  if (kind === null) return null
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
  const decode = await pageDecoder()
  const bytes = new Uint8Array(await file.slice(start, start + Number(meta.total_compressed_size)))
  const chunk = { bytes, kind, codec: meta.codec, optional: element.repetition_type === 'OPTIONAL' }
  try {
    return decode(chunk, Number(group.num_rows))
  } catch {
    return null
  }
}

type Kind = 'double' | 'text' | { readonly perMs: number }

interface Chunk {
  readonly bytes: Uint8Array
  readonly kind: Kind
  readonly codec: string
  readonly optional: boolean
}

function kindOf({ type, codec, path_in_schema }: ColumnMetaData, element: SchemaElement): Kind | null {
  if (path_in_schema.length !== 1 || element.repetition_type === 'REPEATED') return null
  if (codec !== 'UNCOMPRESSED' && codec !== 'GZIP' && codec !== 'SNAPPY') return null
  const { logical_type: logical, converted_type: converted } = element
  if (type === 'DOUBLE') return 'double'
  if (type === 'BYTE_ARRAY' && (converted === 'UTF8' || logical?.type === 'STRING')) return 'text'
  if (type !== 'INT64') return null
  if (logical?.type === 'TIMESTAMP') {
    return logical.unit === 'MICROS' ? { perMs: 1000 } : logical.unit === 'MILLIS' ? { perMs: 1 } : null
  }
  if (converted === 'TIMESTAMP_MICROS') return { perMs: 1000 }
  return converted === 'TIMESTAMP_MILLIS' ? { perMs: 1 } : null
}

/** Where a page keeps its levels and its values. */
interface Page {
  readonly rows: number
  readonly encoding: string | undefined
  readonly levels: Uint8Array | null
  readonly values: Uint8Array
}

async function pageDecoder(): Promise<(chunk: Chunk, rows: number) => FlatColumn | null> {
  const [{ parquetHeader }, { snappyUncompress }] = await Promise.all([
    import('hyparquet/src/column.js'),
    import('hyparquet'),
  ])
  const inflate = (bytes: Uint8Array, length: number, codec: string): Uint8Array => {
    let page = bytes
    if (codec === 'GZIP') page = gunzipSync(bytes, { maxOutputLength: Math.max(1, length) })
    if (codec === 'SNAPPY') {
      page = new Uint8Array(length)
      snappyUncompress(bytes, page)
    }
    if (page.length !== length) throw new RangeError('a page of another length')
    return page
  }
  return ({ bytes, kind, codec, optional }, rows) => {
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
    const next = (): { header: ReturnType<typeof parquetHeader>; body: Uint8Array } => {
      const header = parquetHeader(reader)
      const body = bytes.subarray(reader.offset, reader.offset + header.compressed_page_size)
      reader.offset += header.compressed_page_size
      return { header, body }
    }
    const numbers = new Float64Array(kind === 'text' ? 0 : rows)
    const codes = new Int32Array(kind === 'text' ? rows : 0)
    let dictionary: Float64Array | null = null
    let texts: readonly string[] = []
    for (let at = 0; at < rows; ) {
      const { header, body } = next()
      const size = header.uncompressed_page_size
      if (header.type === 'DICTIONARY_PAGE') {
        const page = inflate(body, size, codec)
        const count = header.dictionary_page_header?.num_values ?? 0
        if (kind === 'text') texts = plainTexts(page, count)
        else dictionary = plainNumbers(page, count, kind)
        continue
      }
      let page: Page
      if (header.data_page_header_v2) {
        const { data_page_header_v2: v2 } = header
        if (v2.repetition_levels_byte_length > 0) return null
        const split = v2.definition_levels_byte_length
        const values = body.subarray(split)
        page = {
          rows: v2.num_values,
          encoding: v2.encoding,
          levels: optional ? body.subarray(0, split) : null,
          values: v2.is_compressed === false ? values : inflate(values, size - split, codec),
        }
      } else if (header.data_page_header) {
        const { num_values, encoding } = header.data_page_header
        const whole = inflate(body, size, codec)
        const split = optional ? 4 + new DataView(whole.buffer, whole.byteOffset).getUint32(0, true) : 0
        const levels = optional ? whole.subarray(4, split) : null
        page = { rows: num_values, encoding, levels, values: whole.subarray(split) }
      } else return null
      if (at + page.rows > rows) return null
      const present = page.levels === null ? null : runs(page.levels, 1, page.rows)
      const count = present === null ? page.rows : present.reduce((sum, level) => sum + level, 0)
      const coded = page.encoding === 'RLE_DICTIONARY' || page.encoding === 'PLAIN_DICTIONARY'
      if (kind === 'text') {
        if (!coded) return null
        spread(codes, at, page.rows, indices(page.values, count, texts.length), present, -1)
      } else {
        if (!coded && page.encoding !== 'PLAIN') return null
        if (coded && dictionary === null) return null
        const found = coded
          ? looked(indices(page.values, count, dictionary!.length), dictionary!)
          : plainNumbers(page.values, count, kind)
        // NaN stands for null here: one that is in the file is not for this path.
        for (let i = 0; i < count; i++) if (Number.isNaN(found[i]!)) return null
        spread(numbers, at, page.rows, found, present, Number.NaN)
      }
      at += page.rows
    }
    return kind === 'text' ? { codes, texts } : { numbers }
  }
}

/** Values into the rows that have one. */
function spread<T extends Float64Array | Int32Array>(
  into: T,
  at: number,
  rows: number,
  values: T,
  present: Int32Array | null,
  absent: number,
): void {
  if (values.length === rows) {
    into.set(values, at)
    return
  }
  let next = 0
  for (let i = 0; i < rows; i++) into[at + i] = present![i] === 1 ? values[next++]! : absent
}

function looked(codes: Int32Array, values: Float64Array): Float64Array {
  const found = new Float64Array(codes.length)
  for (let i = 0; i < codes.length; i++) found[i] = values[codes[i]!]!
  return found
}

function plainNumbers(page: Uint8Array, count: number, kind: Kind): Float64Array {
  // Pages start at any byte, typed arrays at each eighth: hence the copy.
  if (page.length < 8 * count) throw new RangeError('a short page')
  const bytes = new Uint8Array(8 * count)
  bytes.set(page.subarray(0, 8 * count))
  if (typeof kind === 'string') return new Float64Array(bytes.buffer)
  const words = new Int32Array(bytes.buffer)
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    numbers[i] = ((words[2 * i]! >>> 0) + words[2 * i + 1]! * 4_294_967_296) / kind.perMs
  }
  return numbers
}

function plainTexts(page: Uint8Array, count: number): string[] {
  const buffer = Buffer.from(page.buffer, page.byteOffset, page.byteLength)
  const texts: string[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const length = buffer.readUInt32LE(at)
    at += 4 + length
    if (at > buffer.length) throw new RangeError('a short page')
    texts.push(buffer.toString('utf8', at - length, at))
  }
  return texts
}

function indices(page: Uint8Array, count: number, size: number): Int32Array {
  const codes = runs(page.subarray(1), page[0] ?? 0, count)
  for (let i = 0; i < count; i++) if (codes[i]! >= size) throw new RangeError('beyond the dictionary')
  return codes
}

/** Runs and bit-packed groups of eight (RLE/bit-packing hybrid of the Parquet format). */
function runs(bytes: Uint8Array, width: number, count: number): Int32Array {
  const values = new Int32Array(count)
  if (width === 0) return values
  if (width > 24) throw new RangeError('a wide index')
  const size = (width + 7) >> 3
  let p = 0
  for (let i = 0; i < count; ) {
    let header = 0
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[p++]
      if (byte === undefined || shift > 28) throw new RangeError('a short page')
      header |= (byte & 127) << shift
      more = byte > 127
    }
    if ((header & 1) === 0) {
      let value = 0
      for (let b = 0; b < size; b++) value |= (bytes[p++] ?? 0) << (8 * b)
      const to = Math.min(count, i + (header >>> 1))
      if (to === i) throw new RangeError('an empty run')
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
