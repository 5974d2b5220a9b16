/**
 * Thrift's compact protocol as trees, both ways, for tests that change what a Parquet file says of itself: a struct is a list of
 * `{id, type, value}`, a list `{type, items}`, numbers are BigInt, binary is bytes.
 */
const STRUCT = 12

/** The struct at `at` and where it ends. */
export function decodeThrift(bytes, at = 0) {
  let p = at
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[p++]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const zigzag = () => {
    const value = varint()
    return (value >> 1n) ^ -(value & 1n)
  }
  const take = (length) => {
    p += length
    return bytes.slice(p - length, p)
  }
  const element = (type) => {
    if (type === 1 || type === 2) return type === 1
    if (type === 3) return BigInt(bytes[p++])
    if (type <= 6) return zigzag()
    if (type === 7) return take(8)
    if (type === 8) return take(Number(varint()))
    if (type === 9) {
      const head = bytes[p++]
      const size = head >> 4 === 15 ? Number(varint()) : head >> 4
      const of = head & 15
      return { type: of, items: Array.from({ length: size }, () => element(of <= 2 ? 3 : of)) }
    }
    return struct()
  }
  const struct = () => {
    const fields = []
    for (let id = 0; ; ) {
      const head = bytes[p++]
      const type = head & 15
      if (type === 0) return fields
      id = head >> 4 === 0 ? Number(zigzag()) : id + (head >> 4)
      fields.push({ id, type, value: element(type) })
    }
  }
  const value = struct()
  return { value, end: p }
}

/** The bytes of a struct. A list may say another size than it has: `{type, items, size}`. */
export function encodeThrift(fields) {
  const out = []
  const varint = (value) => {
    let rest = BigInt.asUintN(64, value)
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
    out.push(Number(rest))
  }
  const zigzag = (value) => varint((value << 1n) ^ (value >> 63n))
  const element = (type, value) => {
    if (type === 1 || type === 2) return
    if (type === 3) out.push(Number(value & 255n))
    else if (type <= 6) zigzag(value)
    else if (type === 7) out.push(...value)
    else if (type === 8) {
      varint(BigInt(value.length))
      for (const byte of value) out.push(byte)
    } else if (type === 9) {
      const size = value.size ?? value.items.length
      if (size < 15) out.push((size << 4) | value.type)
      else {
        out.push(0xf0 | value.type)
        varint(BigInt(size))
      }
      for (const item of value.items) element(value.type <= 2 ? 3 : value.type, item)
    } else struct(value)
  }
  const struct = (fields) => {
    let last = 0
    for (const { id, type, value } of fields) {
      const of = type <= 2 ? (value ? 1 : 2) : type
      if (id > last && id - last < 16) out.push(((id - last) << 4) | of)
      else {
        out.push(of)
        zigzag(BigInt(id))
      }
      last = id
      element(of, value)
    }
    out.push(0)
  }
  struct(fields)
  return Uint8Array.from(out)
}

/** A Parquet file with its footer changed by `change`, which gets the tree; the bytes before it stay. */
export function withFooter(file, change) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const start = file.length - 8 - view.getUint32(file.length - 8, true)
  const { value } = decodeThrift(file, start)
  change(value)
  const footer = encodeThrift(value)
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(footer.length, 0)
  tail.write('PAR1', 4)
  return new Uint8Array(Buffer.concat([file.subarray(0, start), footer, tail]))
}

/** Every number, list, text and struct in a tree, to pick from: `{type, value, set}`. */
export function places(fields, found = []) {
  for (const field of fields) {
    const visit = (type, value, set) => {
      found.push({ type, value, set })
      if (type === STRUCT) places(value, found)
      if (type === 9)
        value.items.forEach((item, i) => {
          visit(value.type, item, (next) => {
            value.items[i] = next
          })
        })
    }
    visit(field.type, field.value, (next) => {
      field.value = next
    })
  }
  return found
}
