import { expect, test } from 'vitest'
import { stream } from '../base/rng.js'
import { numberEnd, readNumber, scanned, writeNumber } from './decimal.js'
import { viewOf } from './fixed-text.js'

const buffer = Buffer.alloc(64)
const written = (value: number): string => buffer.toString('latin1', 3, writeNumber(buffer, 3, value))

const read = (text: string): number | null => {
  const bytes = Buffer.from(`  ${text},`)
  return readNumber(bytes, 2) && scanned.end === 2 + text.length ? scanned.value : null
}

test('writes every number as JavaScript does', () => {
  const rng = stream(1, 'numbers')
  const values = [
    0,
    -0,
    1,
    9,
    10,
    99,
    100,
    0.1,
    0.01,
    0.0001,
    0.00001,
    1e-7,
    179.4,
    1e15,
    1e15 - 1,
    123456789012.1,
    1e21,
    1e22,
    2 ** 53,
    -5,
    -1.5,
    0.30000000000000004,
    Number.MAX_VALUE,
    5e-324,
    4294967295,
    4294967296,
    2147483647,
    2147483648,
  ]
  for (let i = 0; i < 200_000; i++) {
    const scale = 10 ** rng.int(12)
    values.push(
      Math.round(rng.uniform() * scale) / 10 ** rng.int(7),
      rng.uniform() * scale,
      rng.int(4294967295),
    )
  }
  for (const value of values) if (written(value) !== String(value)) expect(written(value)).toBe(String(value))
})

test('reads exactly what JSON.parse reads, or leaves it', () => {
  const rng = stream(2, 'numbers')
  for (let i = 0; i < 200_000; i++) {
    const value = Math.round(rng.uniform() * 10 ** rng.int(18)) / 10 ** rng.int(13)
    const text = JSON.stringify(value)
    const found = read(text)
    if (found !== null && !Object.is(found, value)) expect(found).toBe(value)
  }
  expect(read('179.4')).toBe(179.4)
  expect(read('0.1')).toBe(0.1)
  expect(read('123456789012345')).toBe(123456789012345)
  expect(read('9007199254740991')).toBe(9007199254740991)
  expect(read('4999.652100000001')).toBe(4999.652100000001)
})

test.each([
  '-1',
  '01',
  '1.',
  '.5',
  '1e5',
  '1E5',
  '9007199254740992',
  '9007199254740993',
  '12345678901234567',
  '0.1234567890123456',
  '+1',
  'NaN',
  '',
  'x',
])('leaves %j to the general path', (text) => {
  expect(read(text)).toBeNull()
})

test('a number ends where the grammar of JSON says, whatever it is made of', () => {
  const grammar = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/
  const rng = stream(3, 'grammar')
  const letters = '0123456789012345678901234567890.-+eE/:;,\u0080'
  let found = 0
  const wrong: [text: string, end: number][] = []
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: rng.int(14) }, () => letters[rng.int(letters.length)]!).join('')
    const bytes = Buffer.from(`xxx${text}`, 'latin1').subarray(3)
    const end = numberEnd(bytes, viewOf(bytes), 0)
    const longest = grammar.exec(text)?.[0] ?? ''
    // What begins like more of a number, `1.x` or `012`, is left to JSON, which refuses it.
    const more = /[eE]/.test(longest) ? /^\d/ : longest.includes('.') ? /^[\deE]/ : /^[\d.eE]/
    const isWhole = longest !== '' && !more.test(text.slice(longest.length))
    if (end !== (isWhole ? longest.length : -1)) wrong.push([text, end])
    if (isWhole) found++
  }
  expect(wrong).toEqual([])
  expect(found).toBeGreaterThan(5000)
})
