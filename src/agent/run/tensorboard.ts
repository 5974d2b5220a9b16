/**
 * TensorBoard event files: TFRecord framing with masked CRC-32C (RFC 3720, appendix B.4), and of the Event message of
 * tensorflow/core/util/event.proto only what scalars need.
 */
import { bytes, double, float, integer, text } from '../../base/protobuf.js'

/** First record of a file. `seconds` is Unix time. */
export const fileVersion = (seconds: number): Uint8Array =>
  framed(double(1, seconds), text(3, 'brain.Event:2'))

/** Tells a reader that a run goes on and `step` is the next to come: what an earlier file says from there on no longer holds. */
export const sessionStart = (seconds: number, step: number): Uint8Array =>
  framed(double(1, seconds), integer(2, step), bytes(7, integer(1, 1)))

/** Scalars of one step, by tag. */
export function scalars(seconds: number, step: number, values: Readonly<Record<string, number>>): Uint8Array {
  const all = Object.entries(values).map(([tag, value]) => bytes(1, text(1, tag), float(2, value)))
  return framed(double(1, seconds), integer(2, step), bytes(5, ...all))
}

function framed(...parts: readonly Buffer[]): Uint8Array {
  const data = Buffer.concat(parts)
  const out = new Uint8Array(data.length + 16)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(out.subarray(0, 8)), true)
  out.set(data, 12)
  view.setUint32(12 + data.length, masked(out.subarray(12, 12 + data.length)), true)
  return out
}

/** The TFRecord format stores checksums rotated and shifted, for a file may hold records that hold checksums. */
export function masked(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
