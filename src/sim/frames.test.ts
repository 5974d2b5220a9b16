import { expect, test } from 'vitest'
import { mockTape } from '../../test/support/sim.js'
import { SimBench } from '../../test/support/sim-bench.js'
import { stream } from '../base/rng.js'
import { BadFrame, FrameReader, fieldsOf, framed, frameOf, MOST_BYTES } from './frames.js'

const HEAD = Buffer.from('API\0')

test('frames come out whole however the bytes are cut', () => {
  const wanted = [['a'], ['', 'b c', 'ä'], [], ['x'.repeat(900)], ['']].map((fields) => frameOf(fields))
  const all = Buffer.concat([HEAD, ...wanted])
  for (let seed = 1; seed <= 30; seed++) {
    const rng = stream(seed, 'split')
    const reader = new FrameReader()
    const got: Buffer[] = []
    for (let at = 0; at < all.length; ) {
      const size = 1 + rng.int(seed % 3 === 0 ? 3 : 2000)
      got.push(...reader.push(all.subarray(at, at + size)))
      at += size
    }
    expect(
      Buffer.concat(got.map((frame) => framed(frame))).equals(Buffer.concat(wanted)),
      `seed ${seed}`,
    ).toBe(true)
  }
})

test('a field keeps what it is; a separator within it is left out', () => {
  expect(fieldsOf(frameOf(['3', '', 'NVDA\0MSFT', '']).subarray(4))).toEqual(['3', '', 'NVDAMSFT', ''])
})

test.each([
  ['no API at the start', Buffer.from('GET / HTTP/1.1\r\n')],
  ['a frame that is too long', Buffer.concat([HEAD, Buffer.from([0xff, 0xff, 0xff, 0xff])])],
  ['one byte too many', Buffer.concat([HEAD, lengthOf(MOST_BYTES + 1)])],
])('%s is refused', (_name, bytes) => {
  expect(() => new FrameReader().push(bytes)).toThrow(BadFrame)
})

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

test('what a client may send without an end is bounded', () => {
  const reader = new FrameReader()
  expect(reader.push(Buffer.concat([HEAD, lengthOf(MOST_BYTES)]))).toEqual([])
  expect(reader.push(Buffer.alloc(MOST_BYTES - 1, 0x41))).toEqual([])
  expect(reader.push(Buffer.from('A')).map(({ length }) => length)).toEqual([MOST_BYTES])
})

test('hostile bytes never throw: they are counted, and the client is let down or stays', () => {
  const tape = mockTape({ symbols: ['NVDA'], interval: '5m' })
  for (let seed = 1; seed <= 300; seed++) {
    const rng = stream(seed, 'hostile')
    const bench = new SimBench({ tape })
    const client = bench.client()
    if (seed % 4 > 0) client.greet()
    if (seed % 4 > 1) client.send('startApi', { clientId: 1 })
    const noise = Buffer.from(Array.from({ length: rng.int(400) }, () => rng.int(seed % 2 === 0 ? 256 : 64)))
    const fields = Array.from(
      { length: rng.int(130) },
      () => ['', '1', '-1', 'NaN', '9'.repeat(30), 'BAG'][rng.int(6)]!,
    )
    const number = String(1 + rng.int(105))
    client.bytes(seed % 3 === 0 ? noise : frameOf([number, ...fields]))
    client.bytes(seed % 3 === 1 ? framed(noise) : Buffer.alloc(0))
    bench.timers.pass(1)
  }
})
