/** The wire format of Protocol Buffers, as far as messages are written here: fields by number, in the order given. */

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** A whole number from 0 to 2^53 - 1. */
export function integer(field: number, value: number): Buffer {
  return Buffer.from([...varint(8 * field + VARINT), ...varint(value)])
}

/** A field of wire type 1: float64, little endian. */
export function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([Buffer.from(varint(8 * field + FIXED64)), bytes])
}

/** A field of wire type 5: float32, little endian. */
export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([Buffer.from(varint(8 * field + FIXED32)), bytes])
}

export const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value))

/** Bytes, or a message whose fields are `parts`. */
export function bytes(field: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([...varint(8 * field + BYTES), ...varint(length)]), ...parts])
}

function varint(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) + 128)
  }
}
