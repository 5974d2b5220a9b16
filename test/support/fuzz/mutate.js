/** Damage to bytes, of the kinds that disks, networks and attackers do: the same for every reader, and some for known structures. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { decodeThrift, encodeThrift, places, withFooter } from './thrift.js'

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
const BIG = [
  0n,
  1n,
  -1n,
  127n,
  255n,
  65536n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
]
const TEXTS = [
  '"',
  '\n',
  '\r\n',
  ',',
  '\0',
  '{',
  '[',
  ']',
  '}',
  '\\',
  '\ufeff',
  '1e999',
  'NaN',
  '-',
  '__proto__',
  "'",
  '=',
  '\\u0000',
]

const pick = (rng, list) => list[rng.int(list.length)]

/** One to four changes. `samples` are other files to splice with; `structure` changes what a format is made of. */
export function mutated(rng, samples, structure) {
  let bytes = Uint8Array.from(pick(rng, samples))
  if (structure !== undefined && rng.int(2) === 0) {
    bytes = structure(rng, bytes) ?? bytes
    if (rng.int(3) > 0) return bytes
  }
  for (let n = 1 + rng.int(4); n > 0; n--) bytes = pick(rng, KINDS)(rng, bytes, samples)
  return bytes
}

const at = (rng, bytes) => rng.int(bytes.length + 1)
const joined = (...parts) => new Uint8Array(Buffer.concat(parts))
const block = (rng, bytes) => {
  const start = at(rng, bytes)
  return [start, Math.min(bytes.length, start + 1 + rng.int(rng.int(4) === 0 ? bytes.length + 1 : 32))]
}

const KINDS = [
  function flip(rng, bytes) {
    if (bytes.length > 0) bytes[rng.int(bytes.length)] ^= 1 << rng.int(8)
    return bytes
  },
  function byte(rng, bytes) {
    if (bytes.length > 0) bytes[rng.int(bytes.length)] = rng.int(256)
    return bytes
  },
  function cut(rng, bytes) {
    return bytes.slice(0, at(rng, bytes))
  },
  function drop(rng, bytes) {
    const [start, end] = block(rng, bytes)
    return joined(bytes.subarray(0, start), bytes.subarray(end))
  },
  function repeat(rng, bytes) {
    const [start, end] = block(rng, bytes)
    const copies = rng.int(8) === 0 ? rng.int(2000) : 1 + rng.int(4)
    const part = bytes.subarray(start, end)
    const many = Array(Math.min(copies, Math.ceil(2e6 / (part.length + 1)))).fill(part)
    return joined(bytes.subarray(0, end), ...many, bytes.subarray(end))
  },
  function splice(rng, bytes, samples) {
    const other = pick(rng, samples)
    const [start, end] = block(rng, other)
    const to = at(rng, bytes)
    return joined(bytes.subarray(0, to), other.subarray(start, end), bytes.subarray(to))
  },
  function swap(rng, bytes) {
    const [a, b] = block(rng, bytes)
    const [c, d] = block(rng, bytes)
    return joined(bytes.subarray(0, a), bytes.subarray(c, d), bytes.subarray(b))
  },
  function extreme(rng, bytes) {
    const width = pick(rng, [1, 2, 4, 8])
    if (bytes.length < width) return bytes
    const view = Buffer.from(bytes.buffer)
    const to = rng.int(bytes.length - width + 1)
    const value = pick(rng, EXTREMES)
    if (width === 8) view.writeBigUInt64LE(BigInt.asUintN(64, pick(rng, BIG)), to)
    else view.writeUIntLE(value % 2 ** (8 * width), to, width)
    return bytes
  },
  function text(rng, bytes) {
    const to = at(rng, bytes)
    const many = rng.int(6) === 0 ? 1 + rng.int(5000) : 1
    return joined(bytes.subarray(0, to), Buffer.from(pick(rng, TEXTS).repeat(many)), bytes.subarray(to))
  },
  function number(rng, bytes) {
    const text = Buffer.from(bytes).toString('latin1')
    const found = [...text.matchAll(/\d+/g)]
    if (found.length === 0) return bytes
    const { index, 0: digits } = pick(rng, found)
    const to = pick(rng, [
      '-1',
      '0',
      '1e308',
      '9007199254740993',
      '1'.repeat(400),
      String(pick(rng, BIG)),
      'null',
      '1.5',
    ])
    return new Uint8Array(
      Buffer.from(text.slice(0, index) + to + text.slice(index + digits.length), 'latin1'),
    )
  },
]

/** One to three values of a tree replaced: numbers by extremes, lists and texts by longer ones or by what they say they hold. */
function changeTree(rng, tree) {
  for (let n = 1 + rng.int(3); n > 0; n--) {
    const all = places(tree)
    if (all.length === 0) return tree
    const { type, value, set } = pick(rng, all)
    if (typeof value === 'bigint') set(pick(rng, [...BIG, value + 1n, value - 1n, -value, value * 2n]))
    else if (value instanceof Uint8Array)
      set(pick(rng, [new Uint8Array(0), Buffer.alloc(rng.int(5000), 65), value.slice(1)]))
    else if (type === 9) {
      const copies = Array(rng.int(3) === 0 ? rng.int(3000) : rng.int(3)).fill(value.items[0])
      set(
        pick(rng, [
          { ...value, items: [] },
          { ...value, items: [...value.items, ...copies.filter((one) => one !== undefined)] },
          { ...value, size: pick(rng, [1, 14, 15, 1000, 2 ** 20, 2 ** 31 - 1, 2 ** 32 - 1]) },
          { ...value, items: value.items.toReversed() },
          { ...value, items: value.items.slice(1) },
        ]),
      )
    } else if (type === 12) set(pick(rng, [[], value.slice(1), nested(rng.int(200)), [...value, ...value]]))
    else set(!value)
  }
  return tree
}

const nested = (depth) => {
  let inner = []
  for (let i = 0; i < depth; i++) inner = [{ id: 1, type: 12, value: inner }]
  return inner
}

/** The footer of a Parquet file, or the header of one of its pages. */
export function changeParquet(rng, file) {
  if (rng.int(2) === 0) return withFooter(file, (tree) => changeTree(rng, tree))
  const starts = pageStarts(file)
  if (starts.length === 0) return file
  const start = pick(rng, starts)
  const { value, end } = decodeThrift(file, start)
  const header = encodeThrift(changeTree(rng, value))
  const rest = file.subarray(end)
  // Of another length, it moves what the footer points at: most often the changed header is padded or the pages after it are lost.
  if (header.length <= end - start && rng.int(2) === 0) {
    return joined(file.subarray(0, start), header, file.subarray(start + header.length))
  }
  return joined(file.subarray(0, start), header, rest)
}

function pageStarts(file) {
  const starts = []
  withFooter(file, (tree) => {
    const groups = tree.find(({ id }) => id === 4)?.value.items ?? []
    for (const group of groups) {
      for (const column of group.find(({ id }) => id === 1)?.value.items ?? []) {
        const meta = column.find(({ id }) => id === 3)?.value ?? []
        for (const id of [9, 11]) {
          const offset = meta.find((field) => field.id === id)?.value
          if (typeof offset === 'bigint' && offset > 3n && offset < BigInt(file.length))
            starts.push(Number(offset))
        }
      }
    }
  })
  return starts
}

/** The JSON header of a safetensors file, its length kept true or not. */
export function changeSafetensors(rng, file) {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(Buffer.from(file.subarray(8, 8 + length)).toString())
  changeJson(rng, header)
  for (const key of ['network', 'spec', 'settings', 'data']) {
    if (rng.int(3) > 0 || typeof header.__metadata__?.[key] !== 'string') continue
    // Of a header that was just changed it may be anything.
    if (!/^[{[]/.test(header.__metadata__[key])) continue
    const inner = JSON.parse(header.__metadata__[key])
    changeJson(rng, inner)
    header.__metadata__[key] = JSON.stringify(inner)
  }
  const text = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(rng.int(8) === 0 ? BigInt.asUintN(64, pick(rng, BIG)) : BigInt(text.length))
  return joined(prefix, text, file.subarray(8 + length))
}

/** What is packed, changed before it is packed again. */
export const changePacked = (rng, file) => new Uint8Array(gzipSync(mutated(rng, [gunzipSync(file)])))

/** A JSON document with some of its values replaced. */
export function changeDocument(rng, file) {
  const document = JSON.parse(Buffer.from(file).toString())
  changeJson(rng, document)
  return new Uint8Array(Buffer.from(JSON.stringify(document)))
}

const VALUES = [
  null,
  0,
  -1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 53,
  2 ** 53 - 1,
  '',
  'x',
  true,
  [],
  {},
  [[[]]],
  [2 ** 31, 2 ** 31],
  { a: { b: 1 } },
]

function changeJson(rng, root) {
  for (let n = 1 + rng.int(3); n > 0; n--) {
    let holder = root
    for (;;) {
      const keys = Object.keys(holder)
      if (keys.length === 0) break
      const key = pick(rng, keys)
      const inner = holder[key]
      if (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 && rng.int(4) > 0)
        holder = inner
      else {
        if (rng.int(8) === 0) delete holder[key]
        else {
          const next = [...VALUES, 'y'.repeat(rng.int(3000)), Array(rng.int(2000)).fill(inner)]
          // A copy: the values are shared by all cases.
          holder[key] = structuredClone(pick(rng, next))
        }
        break
      }
    }
  }
}
