import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeSafetensors, encodeSafetensors } from './safetensors.js'

const tensors = [
  { name: 'a', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  { name: 'b', shape: [], data: Float64Array.of(0.1) },
  { name: 'c', shape: [3], data: Uint8Array.of(7, 8, 9) },
  { name: 'none', shape: [0, 4], data: new Int32Array(0) },
  { name: 'd', shape: [1], data: Uint32Array.of(4_000_000_000) },
]

/** A file with this header text and so many bytes of data. */
function made(header: string, size: number): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(Buffer.from(header, 'latin1'), 8)
  return bytes
}

test('the bytes are those of the format', () => {
  const bytes = encodeSafetensors([{ name: 'x', shape: [1], data: Float32Array.of(1) }], { k: 'v' })
  const header = '{"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
  const expected = Buffer.concat([
    Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from(padded),
    Buffer.from([0, 0, 0x80, 0x3f]),
  ])
  expect(Buffer.from(bytes).equals(expected)).toBe(true)
})

test('what is written is read back', () => {
  const bytes = encodeSafetensors(tensors, { run: 'é"' })
  // A Buffer's slice is a view where that of a Uint8Array is a copy.
  for (const given of [bytes, Buffer.from(bytes)]) {
    const { tensors: read, metadata } = decodeSafetensors(given, 'file')
    expect([...read.values()]).toEqual(tensors)
    expect(metadata).toEqual({ run: 'é"' })
  }
})

describe('damaged or hostile files are refused', () => {
  const entry = (more: string) => `{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}${more}}`
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a header longer than the file', made(entry(''), 4).fill(0xff, 0, 8)],
    ['no JSON', made('{"x":', 4)],
    ['an array', made('[1,2,3,4,5]', 0)],
    ['a name twice', made(entry(',"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'), 4)],
    ['__proto__', made(entry(',"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}'), 4)],
    ['an unknown type', made(entry('').replace('F32', 'Q32'), 4)],
    ['a type from the prototype', made(entry('').replace('F32', 'toString'), 4)],
    ['a shape that does not fit', made(entry('').replace('[1]', '[2]'), 4)],
    ['a shape of fractions', made(entry('').replace('[1]', '[0.5,2]'), 4)],
    ['a huge shape', made(entry('').replace('[1]', '[9007199254740991,9]'), 4)],
    ['offsets beyond the file', made(entry('').replace('[0,4]', '[4,8]'), 4)],
    ['trailing bytes', made(entry(''), 5)],
    ['overlap', made(entry(',"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'), 4)],
    ['metadata of numbers', made(entry(',"__metadata__":{"a":1}'), 4)],
  ])('%s', (_title, bytes) => {
    expect(() => decodeSafetensors(bytes, 'm.safetensors')).toThrow('is not a safetensors file')
  })

  test('every cut', () => {
    const bytes = encodeSafetensors(tensors, {})
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), 'm')).toThrow()
    }
  })
})

const python = spawnSync('python3', ['-c', 'import safetensors.numpy']).status === 0
test.skipIf(!python)('the library safetensors for Python reads it (skipped without it)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'jules-safetensors-'))
  writeFileSync(join(dir, 'm.safetensors'), encodeSafetensors(tensors, { a: 'b' }))
  const script =
    'import sys,json;from safetensors.numpy import load_file;t=load_file(sys.argv[1]);print(json.dumps({k:v.tolist() for k,v in t.items()}))'
  const { stdout } = spawnSync('python3', ['-c', script, join(dir, 'm.safetensors')], { encoding: 'utf8' })
  rmSync(dir, { recursive: true })
  expect(JSON.parse(stdout)).toMatchObject({
    a: [
      [1, 2],
      [3, 4],
    ],
    b: 0.1,
    c: [7, 8, 9],
    d: [4_000_000_000],
  })
})
