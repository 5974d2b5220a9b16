/**
 * Pages of Parquet unpacked, each to exactly the length that was declared and checked before: no decoder gets to say how much
 * memory it takes. Throws for a page that is damaged or of another length.
 */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Damage } from './damage.js'

/** A page of `length` bytes from what was stored. */
export type Unpack = (stored: Uint8Array, length: number) => Uint8Array

/** zlib's decoders for the codecs it knows; the rarer ones are loaded for files that use them. */
export async function unpacker(codec: string | undefined): Promise<Unpack> {
  const unpack = await decoder(codec)
  return (stored, length) => {
    // Of a column without a value some writers store nothing at all.
    if (length === 0 && stored.length === 0) return stored
    let page: Uint8Array
    try {
      page = unpack(stored, length)
    } catch (error) {
      if (error instanceof Damage) throw error
      throw new Damage(`a page that is no ${codec} data, or longer than it says`, { cause: error })
    }
    if (page.length !== length) throw new Damage(`a page of ${page.length} bytes that says ${length}`)
    return page
  }
}

async function decoder(codec: string | undefined): Promise<Unpack> {
  if (codec === undefined) throw new Damage('a codec that no reader knows')
  switch (codec) {
    case 'UNCOMPRESSED':
      return (stored) => stored
    case 'GZIP':
      return (stored, length) => gunzipSync(stored, { maxOutputLength: Math.max(1, length) })
    case 'BROTLI':
      return (stored, length) => brotliDecompressSync(stored, { maxOutputLength: Math.max(1, length) })
    case 'SNAPPY': {
      const { snappyUncompress } = await import('hyparquet')
      return (stored, length) => {
        const page = new Uint8Array(length)
        snappyUncompress(stored, page)
        return page
      }
    }
    case 'ZSTD':
      return unzstd(await import('fzstd'))
    case 'LZ4_RAW':
      return (stored, length) => {
        const page = new Uint8Array(length)
        return page.subarray(0, unlz4(stored, page))
      }
    case 'LZ4':
      return framedLz4
    default:
      throw new Damage(`unsupported compression codec: ${codec}`)
  }
}

/** Decoders must know windows of 8 MiB (RFC 8878, section 3.1.1.1.2); no writer of pages has larger ones. */
const MOST_WINDOW = 1 << 23

function unzstd({ Decompress }: typeof import('fzstd')): Unpack {
  return (stored, length) => {
    const page = new Uint8Array(length)
    let at = 0
    const stream = new Decompress((chunk) => {
      if (at + chunk.length > length) throw new Damage(`a page that says ${length} bytes and holds more`)
      page.set(chunk, at)
      at += chunk.length
    })
    if (zstdWindow(stored) > Math.max(MOST_WINDOW, length)) throw new Damage('a page with a window beyond it')
    stream.push(stored, true)
    return page.subarray(0, at)
  }
}

/** The memory that the first frame asks for (RFC 8878, section 3.1.1.1). */
function zstdWindow(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const flags = view.getUint8(4)
  if ((flags & 0x20) === 0) {
    const base = 2 ** (10 + (view.getUint8(5) >> 3))
    return base + (base / 8) * (view.getUint8(5) & 7)
  }
  const at = 5 + [0, 1, 2, 4][flags & 3]!
  const size = flags >> 6
  if (size === 0) return view.getUint8(at)
  if (size === 1) return view.getUint16(at, true) + 256
  return size === 2 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true))
}

/** The frames of Hadoop around blocks of LZ4; some writers leave them out. */
function framedLz4(stored: Uint8Array, length: number): Uint8Array {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const page = new Uint8Array(length)
  let at = 0
  for (let p = 0; p < stored.length; ) {
    const [unpacked, packed] = stored.length - p < 8 ? [0, 0] : [view.getUint32(p), view.getUint32(p + 4)]
    if (packed === 0 || packed > stored.length - p - 8 || unpacked > length - at) {
      if (p === 0) return page.subarray(0, unlz4(stored, page))
      throw new Damage('a page that is no LZ4 data')
    }
    at += unlz4(stored.subarray(p + 8, p + 8 + packed), page.subarray(at, at + unpacked))
    p += 8 + packed
  }
  return page.subarray(0, at)
}

/** One block (LZ4 block format): literals and copies of what came before, in turns. The number of bytes. */
function unlz4(block: Uint8Array, into: Uint8Array): number {
  const bad = () => new Damage('a page that is no LZ4 data, or longer than it says')
  let p = 0
  let at = 0
  const length = (nibble: number): number => {
    let sum = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; sum += byte) {
      byte = block[p++] ?? -1
      if (byte < 0) throw bad()
    }
    return sum
  }
  while (p < block.length) {
    const token = block[p++]!
    const literals = length(token >> 4)
    if (literals > block.length - p || literals > into.length - at) throw bad()
    into.set(block.subarray(p, p + literals), at)
    p += literals
    at += literals
    if (p === block.length) return at
    const offset = block[p]! | ((block[p + 1] ?? 0) << 8)
    p += 2
    const copied = length(token & 15) + 4
    if (offset === 0 || offset > at || copied > into.length - at) throw bad()
    // Byte by byte: a copy may read what it has just written.
    for (const end = at + copied; at < end; at++) into[at] = into[at - offset]!
  }
  return at
}
