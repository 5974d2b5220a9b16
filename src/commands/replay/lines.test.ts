import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { LineComparison, type LineDifference } from './lines.js'

/** What a file with `text` has that `pieces` have not, or the other way round. */
async function differenceOf(
  text: string,
  pieces: readonly string[],
  last: (expected: string | null) => string = () => '#',
): Promise<LineDifference | null> {
  const dir = mkdtempSync(join(tmpdir(), 'jules-lines-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'lines')
  writeFileSync(path, text)
  const comparison = (await LineComparison.open(path))!
  for (const piece of pieces) await comparison.take(piece)
  await comparison.end(last)
  await comparison.close()
  return comparison.difference
}

const many = Array.from({ length: 30_000 }, (_, n) => `line ${n} é\n`)

test('the same lines, however they are cut, and a last one that is made with what is there', async () => {
  expect(await differenceOf('a\nb\n#\n', ['a\nb\n'])).toBeNull()
  expect(await differenceOf('a\nb\n# c\n', ['a\n', '', 'b\n'], (line) => `${line?.slice(0, 1)} c`)).toBeNull()
  const text = `${many.join('')}#\n`
  expect(await differenceOf(text, [many.slice(0, 9).join(''), many.slice(9).join('')])).toBeNull()
  expect(await differenceOf('#', [])).toBeNull()
})

test('the first line that differs, with its number; later ones are not looked at', async () => {
  expect(await differenceOf('a\nb\nc\n', ['a\n', 'B\nC\n'])).toEqual({ line: 2, expected: 'b', found: 'B' })
  const found = many.with(20_000, 'other\n').join('')
  expect(await differenceOf(many.join(''), [found, 'more\n'])).toEqual({
    line: 20_001,
    expected: 'line 20000 é',
    found: 'other',
  })
})

test('a text that ends before the other', async () => {
  expect(await differenceOf('a\n', ['a\nb\n'])).toEqual({ line: 2, expected: null, found: 'b' })
  expect(await differenceOf('a\n', ['a\n'])).toEqual({ line: 2, expected: null, found: '#' })
  expect(await differenceOf('a\nb\n', ['a\n'])).toEqual({ line: 2, expected: 'b', found: '#' })
  expect(await differenceOf('a\nb', ['a\nbc\n'])).toEqual({ line: 2, expected: 'b', found: 'bc' })
})

test('what follows the last line is a difference', async () => {
  expect(await differenceOf('a\n#\na\n', ['a\n'])).toEqual({ line: 3, expected: 'a', found: null })
})

test('no file, nothing to hold against', async () => {
  expect(await LineComparison.open('/nonexistent/lines')).toBeNull()
})

test('a pipe is refused, and not waited for', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'jules-lines-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  await expect(LineComparison.open(join(dir, 'pipe'))).rejects.toMatchObject({ code: 65 })
})
