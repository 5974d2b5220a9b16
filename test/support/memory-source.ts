/** Bytes of a test as a source of records. */
import type { Format, Source } from '../../src/stream/source.js'

export interface MemorySource {
  readonly name?: string
  /** Lengths of the chunks; the rest in one. */
  readonly cuts?: readonly number[]
}

export function memorySource(
  format: Format,
  bytes: Uint8Array,
  { name = 'test', cuts = [] }: MemorySource = {},
): Source {
  return {
    name,
    format,
    isEmpty: bytes.length === 0,
    file: null,
    chunks: async function* () {
      let at = 0
      for (const length of [...cuts, bytes.length]) {
        const chunk = bytes.subarray(at, at + length)
        if (chunk.length > 0) yield Buffer.from(chunk)
        at += length
      }
    },
    randomAccess: async () => ({
      byteLength: bytes.length,
      slice: async (start, end) => Uint8Array.from(bytes.subarray(start, end)).buffer,
    }),
    close: async () => {},
  }
}
