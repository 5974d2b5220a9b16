import { closeSync, openSync, truncateSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workdir } from '../../test/support/workdir.js'
import { stream } from '../base/rng.js'
import { PieceLines, piecesOf } from './pieces.js'

/** The pieces of a text as texts, and each as the blocks that are read of it. */
function cut(text: string, length: number, chunk: number): { pieces: string[]; blocks: string[][] } {
  const path = new Workdir().write('lines', text)
  const fd = openSync(path, 'r')
  try {
    const spans = piecesOf({ fd, size: Buffer.byteLength(text) }, length)
    const reader = new PieceLines(fd, 'lines', chunk)
    const bytes = Buffer.from(text)
    return {
      pieces: spans.map(({ from, to }) => bytes.toString('utf8', from, to)),
      blocks: spans.map((span) => Array.from(reader.of(span), (block) => block.toString())),
    }
  } finally {
    closeSync(fd)
  }
}

test('pieces are whole lines, all of them once, in their order, and so are the blocks of each', () => {
  const rng = stream(7, 'pieces')
  for (let round = 0; round < 60; round++) {
    const lines = Array.from(
      { length: rng.int(40) },
      () => `${'é'.repeat(rng.int(4) === 0 ? 100 : rng.int(12))}\n`,
    )
    const rest = round % 2 === 0 ? '' : 'without end'
    const { pieces, blocks } = cut(lines.join('') + rest, 1 + rng.int(300), 1 + rng.int(64))
    expect(pieces.join('')).toBe(lines.join(''))
    for (const [k, piece] of pieces.entries()) {
      expect(piece.at(-1)).toBe('\n')
      expect(blocks[k]!.join('')).toBe(piece)
      for (const block of blocks[k]!) expect(block.at(-1)).toBe('\n')
    }
  }
})

test('a file is cut near each multiple of the length', () => {
  const { pieces } = cut('12345\n'.repeat(100), 60, 64)
  expect(pieces.map(({ length }) => length)).toEqual([66, ...Array<number>(8).fill(60), 54])
})

test.each([10, 65_536, 65_537, 300_000])(
  'a last line of %d bytes without its end is no part of a piece',
  (length) => {
    const { pieces } = cut(`${'12345\n'.repeat(100)}${'x'.repeat(length)}`, 250, 64)
    expect(pieces.join('')).toBe('12345\n'.repeat(100))
  },
)

test.each(['', 'no line feed at all'])('%j has no piece', (text) => {
  expect(cut(text, 4, 8).pieces).toEqual([])
})

test('a file that shrinks while it is read is a failure', () => {
  const path = new Workdir().write('lines', '12345\n'.repeat(10))
  const fd = openSync(path, 'r')
  const reader = new PieceLines(fd, 'lines', 16).of({ from: 0, to: 60 })
  expect(reader.next().value?.toString()).toBe('12345\n12345\n')
  truncateSync(path, 30)
  expect(() => [...reader]).toThrow('it shrank while it was read')
  closeSync(fd)
})
