/**
 * TensorBoard event files: TFRecord framing with masked CRC-32C (RFC 3720, appendix B.4), and of the Event message of
 * tensorflow/core/util/event.proto only what scalars need.
 */

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** First record of a file. `seconds` is Unix time. */
export const fileVersion = (seconds: number): Uint8Array =>
  framed([...double(1, seconds), ...text(3, 'brain.Event:2')])

/** Tells a reader that a run goes on from `step`: what an earlier file says of later steps no longer holds. */
export const sessionStart = (seconds: number, step: number): Uint8Array =>
  framed([...double(1, seconds), ...integer(2, step), ...message(7, integer(1, 1))])

/** Scalars of one step, by tag. */
export function scalars(seconds: number, step: number, values: Readonly<Record<string, number>>): Uint8Array {
  const all = Object.entries(values).flatMap(([tag, value]) =>
    message(1, [...text(1, tag), ...float(2, value)]),
  )
  return framed([...double(1, seconds), ...integer(2, step), ...message(5, all)])
}

function framed(data: readonly number[]): Uint8Array {
  const out = new Uint8Array(data.length + 16)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(out.subarray(0, 8)), true)
  out.set(data, 12)
  view.setUint32(12 + data.length, masked(out.subarray(12, 12 + data.length)), true)
  return out
}

/** The TFRecord format stores checksums rotated and shifted, for a file may hold records that hold checksums. */
export function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

function varint(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) + 128)
  }
}

const key = (field: number, type: number): number[] => varint(8 * field + type)
const integer = (field: number, value: number): number[] => [...key(field, VARINT), ...varint(value)]
const message = (field: number, bytes: readonly number[]): number[] => [
  ...key(field, BYTES),
  ...varint(bytes.length),
  ...bytes,
]
const text = (field: number, value: string): number[] => message(field, [...Buffer.from(value)])

function double(field: number, value: number): number[] {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return [...key(field, FIXED64), ...bytes]
}

function float(field: number, value: number): number[] {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return [...key(field, FIXED32), ...bytes]
}
