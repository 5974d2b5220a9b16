/** What the stored values of a Parquet column mean: stamps as milliseconds, fixed-point numbers, text. */
import type { SchemaElement } from 'hyparquet'
import { DAY } from '../../base/time.js'
import { Damage } from './damage.js'

/** From a stored value to what it stands for, for a column of this type. Throws Damage for types that are not read. */
export function converterOf(element: SchemaElement): (raw: unknown) => unknown {
  const { type, converted_type: converted, logical_type: logical, name } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0)
    if (!(Math.abs(scale) <= 100)) throw new Damage(`column ${name} has ${scale} digits after the point`)
    return (raw) => decimalOf(raw, scale)
  }
  if (converted === 'DATE' || logical?.type === 'DATE') return (days) => Number(days) * DAY
  if (type === 'INT96') return (raw) => stampOf(int96Nanos(raw as bigint), 1_000_000n)
  if (type === 'INT64') {
    const unit = logical?.type === 'TIMESTAMP' ? logical.unit : undefined
    if (unit === 'NANOS') return (raw) => stampOf(raw as bigint, 1_000_000n)
    if (unit === 'MICROS' || converted === 'TIMESTAMP_MICROS') return (raw) => stampOf(raw as bigint, 1000n)
    if (unit === 'MILLIS' || converted === 'TIMESTAMP_MILLIS') return Number
  }
  const unsigned = converted?.startsWith('UINT') || (logical?.type === 'INTEGER' && !logical.isSigned)
  if (unsigned && type === 'INT32') return (raw) => (raw as number) >>> 0
  if (unsigned && type === 'INT64') return (raw) => BigInt.asUintN(64, raw as bigint)
  if (logical?.type === 'FLOAT16') return (raw) => half(raw as Uint8Array)
  if (type === 'BYTE_ARRAY') return textOf
  return (raw) => raw
}

/** Which times a column holds: instants, wall times without a zone, or dates; null where it holds none. */
export function stampsIn({
  type,
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): 'utc' | 'wall' | 'date' | null {
  if (logical?.type === 'TIMESTAMP') return logical.isAdjustedToUTC ? 'utc' : 'wall'
  if (converted === 'DATE' || logical?.type === 'DATE') return 'date'
  // Both older kinds are instants: the first by the format, the second by the engines that write it.
  return converted?.startsWith('TIMESTAMP') === true || type === 'INT96' ? 'utc' : null
}

const utf8 = new TextDecoder()
const textOf = (raw: unknown): string => utf8.decode(raw as Uint8Array)

/** Milliseconds, or for a stamp that is finer its text. */
function stampOf(value: bigint, perMs: bigint): number | string {
  const rest = ((value % perMs) + perMs) % perMs
  const epochMs = Number((value - rest) / perMs)
  if (rest === 0n) return epochMs
  if (Math.abs(epochMs) > 8.64e15) return String(value)
  const digits = String(rest).padStart(perMs === 1000n ? 3 : 6, '0')
  return `${new Date(epochMs).toISOString().slice(0, -1)}${digits}Z`
}

/** Days of the Julian calendar above, nanoseconds of the day below: what Hive and Impala write. */
function int96Nanos(value: bigint): bigint {
  const days = (value >> 64n) - 2_440_588n
  return days * 86_400_000_000_000n + (value & 0xffff_ffff_ffff_ffffn)
}

/** The double nearest to a fixed-point number: an integer, or its big-endian bytes. */
function decimalOf(value: unknown, scale: number): number {
  const integer =
    value instanceof Uint8Array
      ? BigInt.asIntN(8 * value.length, BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`))
      : value
  return Number(`${String(integer)}e${-scale}`)
}

/** A half-precision number (IEEE 754 binary16), little endian. */
function half(bytes: Uint8Array): number {
  const word = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)
  const sign = word >> 15 ? -1 : 1
  const exponent = (word >> 10) & 31
  const fraction = word & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}
