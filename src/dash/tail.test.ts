import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Workdir } from '../../test/support/workdir.js'
import { stream } from '../base/rng.js'
import { Tail } from './tail.js'

/** Lines that begin with it are known to the listener without a look for their end. */
const KNOWN = '='.charCodeAt(0)

/** A tail of `f` in a directory of its own, and what it has told. */
function tailed(mostLine?: number) {
  const dir = new Workdir('jules-tail-')
  const path = dir.file('f')
  const told: string[] = []
  const tail = new Tail(
    path,
    {
      scan: (bytes, from) => {
        const end = bytes[from] === KNOWN ? bytes.indexOf('\n', from) : -1
        if (end >= 0) told.push(bytes.toString('utf8', from, end))
        return end
      },
      line: (bytes, from, to) => told.push(bytes.toString('utf8', from, to)),
      tooLong: () => told.push('<too long>'),
      restarted: () => told.push('<restarted>'),
      paused: () => {},
    },
    mostLine,
  )
  /** What one look tells. */
  const look = async (): Promise<string[]> => {
    await tail.look()
    return told.splice(0)
  }
  return { dir, path, tail, look }
}

describe('a file that grows', () => {
  test('is told line by line, each once', async () => {
    const { path, look, tail } = tailed()
    writeFileSync(path, 'a\nb\n')
    expect(await look()).toEqual(['a', 'b'])
    expect(await look()).toEqual([])
    appendFileSync(path, 'c\n\nd\n')
    expect(await look()).toEqual(['c', '', 'd'])
    expect([tail.state, tail.part, tail.half]).toEqual(['there', 1, 0])
    await tail.close()
  })

  test('lines that are known by their beginning and others are told in their order', async () => {
    const { path, look, tail } = tailed()
    const lines = Array.from({ length: 60_000 }, (_, i) =>
      i % 3 === 0 ? `other ${i}` : `= known, line ${i}`,
    )
    const text = Buffer.from(`${lines.join('\n')}\n`)
    const told: string[] = []
    // More than a piece, and less, with a line in two of them.
    for (const [from, to] of [
      [0, 1_100_000],
      [1_100_000, 1_100_003],
      [1_100_003, text.length],
    ]) {
      appendFileSync(path, text.subarray(from, to))
      told.push(...(await look()))
    }
    expect(told).toEqual(lines)
    await tail.close()
  })

  test('a line is told when its end is there, and half a character is no damage', async () => {
    const { path, look, tail } = tailed()
    const line = Buffer.from('{"symbol":"\u00c9\u{1f4c8}"}\n')
    for (let to = 1; to < line.length; to++) {
      writeFileSync(path, line.subarray(0, to))
      expect(await look()).toEqual([])
    }
    writeFileSync(path, line)
    expect(await look()).toEqual([line.toString().trimEnd()])
    await tail.close()
  })

  test('a line that is too long is passed over and told once, whole or in parts', async () => {
    const { path, look, tail } = tailed(8)
    writeFileSync(path, 'a\n123456789\nb\n12345678\n')
    expect(await look()).toEqual(['a', '<too long>', 'b', '12345678'])
    for (const part of ['12345', '67890', '1234567890']) {
      appendFileSync(path, part)
      await look()
      expect(tail.half).toBeLessThanOrEqual(8)
    }
    appendFileSync(path, 'end\nc\n')
    expect(await look()).toEqual(['c'])
    await tail.close()
  })

  test('pieces of any size give the same lines', async () => {
    const { path, look, tail } = tailed()
    const rng = stream(7, 'pieces')
    const lines = Array.from({ length: 300 }, (_, n) => `${n} ${'\u20ac'.repeat(rng.int(20))}`)
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    writeFileSync(path, '')
    const told: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const to = Math.min(bytes.length, at + 1 + rng.int(60))
      appendFileSync(path, bytes.subarray(at, to))
      told.push(...(await look()))
      at = to
    }
    expect(told).toEqual(lines)
    await tail.close()
  })
})

describe('a file that does not only grow', () => {
  test('cut short, it begins anew', async () => {
    const { path, look, tail } = tailed()
    writeFileSync(path, 'a\nb\nhalf')
    await look()
    truncateSync(path, 2)
    expect(await look()).toEqual(['<restarted>', 'a'])
    truncateSync(path, 0)
    expect(await look()).toEqual(['<restarted>'])
    appendFileSync(path, 'c\n')
    expect(await look()).toEqual(['c'])
    await tail.close()
  })

  test('written anew to what it was long, it begins anew', async () => {
    const { path, look, tail } = tailed()
    writeFileSync(path, 'first\n')
    await look()
    writeFileSync(path, 'other\n')
    // A clock of files may tick no oftener than every some milliseconds.
    utimesSync(path, new Date(), new Date(Date.now() + 5000))
    expect(await look()).toEqual(['<restarted>', 'other'])
    utimesSync(path, new Date(), new Date())
    expect(await look()).toEqual([])
    await tail.close()
  })

  test('written anew to more than it was, it begins anew', async () => {
    const { path, look, tail } = tailed()
    writeFileSync(path, 'first\n')
    await look()
    writeFileSync(path, 'other\nlonger\n')
    expect(await look()).toEqual(['<restarted>', 'other', 'longer'])
    await tail.close()
  })

  test('replaced by another, as an output that takes its name, it begins anew', async () => {
    const { dir, path, look, tail } = tailed()
    writeFileSync(path, 'a\n')
    await look()
    writeFileSync(dir.file('g'), 'b\nc\n')
    renameSync(dir.file('g'), path)
    expect(await look()).toEqual(['<restarted>', 'b', 'c'])
    await tail.close()
  })

  test('rotated away, it is read to its end and goes on in the new one', async () => {
    const { dir, path, look, tail } = tailed()
    writeFileSync(path, 'a\n')
    await look()
    appendFileSync(path, 'b\n')
    renameSync(path, dir.file('f.1'))
    appendFileSync(dir.file('f.1'), 'c\nhalf')
    writeFileSync(path, 'd\n')
    expect(await look()).toEqual(['b', 'c', 'd'])
    await tail.close()
  })

  test('gone and back, it is gone until then; what was written last is told', async () => {
    const { path, look, tail } = tailed()
    expect(await look()).toEqual([])
    expect([tail.state, tail.words]).toEqual(['absent', 'is not there yet'])
    writeFileSync(path, 'a\n')
    expect(await look()).toEqual(['a'])
    appendFileSync(path, 'b\n')
    rmSync(path)
    expect(await look()).toEqual(['b'])
    expect([tail.state, tail.words]).toEqual(['gone', 'is not there any more'])
    writeFileSync(path, 'c\n')
    expect(await look()).toEqual(['<restarted>', 'c'])
    expect(tail.state).toBe('there')
    await tail.close()
  })

  test('moved away and back, nothing of it is told twice', async () => {
    const { dir, path, look, tail } = tailed()
    writeFileSync(path, 'a\n')
    await look()
    renameSync(path, dir.file('g'))
    expect(await look()).toEqual([])
    appendFileSync(dir.file('g'), 'b\n')
    renameSync(dir.file('g'), path)
    expect(await look()).toEqual(['b'])
    await tail.close()
  })

  test('a directory in its place is words', async () => {
    const { path, look, tail } = tailed()
    mkdirSync(path)
    expect(await look()).toEqual([])
    expect([tail.state, tail.words]).toEqual(['unreadable', 'is a directory'])
    await tail.close()
  })
})

test('looks that overlap are one', async () => {
  const { path, look, tail } = tailed()
  writeFileSync(path, 'a\n')
  const [first, second] = await Promise.all([look(), look()])
  expect([...first, ...second]).toEqual(['a'])
  await tail.close()
})
