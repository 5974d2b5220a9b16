/**
 * The safetensors format: eight bytes of header length, a JSON header, the tensors. Written with the metadata first, names in
 * the order given and the data aligned to 8 bytes; read strictly, for a file from elsewhere may be damaged or hostile.
 */
import { badData, type Failure } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { decodeUtf8, parseObject } from '../../stream/json.js'

const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
} as const

/** Names of types in a header. */
type TensorType = keyof typeof TYPES
type TensorData = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array

/** As it stands in a file. */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Row-major. */
  readonly data: TensorData
}

/** What a file holds, in its order. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, NamedTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** A thousand times that of a policy: as JSON objects it takes twenty times its length. */
const MOST_HEADER = 1 << 22

/** The bytes of a file with these tensors in this order. The same tensors and metadata give the same bytes. */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let end = 0
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: typeOf(data), shape, data_offsets: [end, end + data.byteLength] }
    end += data.byteLength
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + length + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.fill(0x20, 8, 8 + length)
  bytes.set(json, 8)
  let at = 8 + length
  for (const { data } of tensors) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/** `name` is the file, for messages. Throws badData for anything that the format does not allow. */
export function decodeSafetensors(bytes: Uint8Array, name: string): TensorFile {
  const bad = (words: string): Failure => badData(`is not a safetensors file: ${words}`, { where: name })
  if (bytes.length < 10) throw bad('it is too short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > MOST_HEADER || 8 + length > bytes.length) throw bad(`a header of ${length} bytes`)
  const text = decodeUtf8(Buffer.from(bytes.buffer, bytes.byteOffset + 8, length))
  const parsed = text === null ? { error: 'its header is not UTF-8' } : parseObject(text.trim())
  if ('error' in parsed) throw bad(parsed.error)
  const size = bytes.length - 8 - length
  const tensors = new Map<string, NamedTensor>()
  let metadata: Record<string, string> = {}
  const spans: [number, number][] = []
  for (const [key, value] of Object.entries(parsed.object)) {
    if (key === '__metadata__') {
      metadata = textsOf(value) ?? {}
      if (textsOf(value) === null) throw bad('its metadata is not a map of strings')
      continue
    }
    const entry = entryOf(value, size)
    if (entry === null) throw bad(`tensor ${quote(key)} is not described as it should be`)
    const { dtype, shape, from, to } = entry
    spans.push([from, to])
    // A copy, for the bytes need not lie at a multiple of the element's size; Buffer's slice would not be one.
    const copy = Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to)).buffer
    tensors.set(key, { name: key, shape, data: new TYPES[dtype](copy) })
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [from, to] of spans) {
    if (from !== end) throw bad('its tensors overlap or leave holes')
    end = to
  }
  if (end !== size) throw bad(`${size} bytes of data, and ${end} described`)
  return { tensors, metadata }
}

function typeOf(data: TensorData): TensorType {
  for (const [name, type] of Object.entries(TYPES)) if (data instanceof type) return name as TensorType
  throw new TypeError('no such tensor type')
}

function textsOf(value: unknown): Record<string, string> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.values(value).every((one) => typeof one === 'string')
    ? (value as Record<string, string>)
    : null
}

interface Entry {
  readonly dtype: TensorType
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
}

function entryOf(value: unknown, size: number): Entry | null {
  if (typeof value !== 'object' || value === null) return null
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>
  if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype)) return null
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) return null
  const [from, to] = offsets as [number, number]
  const type = dtype as TensorType
  const elements = shape.reduce((product, n) => product * n, 1)
  if (from > to || to > size || to - from !== elements * TYPES[type].BYTES_PER_ELEMENT) return null
  return { dtype: type, shape, from, to }
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
