/** Files that are no stream of records are named, with the way out. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Workdir } from '../../test/support/workdir.js'
import { openSource } from './source.js'

const signal = new AbortController().signal
const open = (path: string) => openSource(path, { signal, temporaryDirectory: '/nowhere' })
const padded = (head: string) => Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(80, 7)])

const ZIP = `PK\x03\x04${'\x00'.repeat(26)}`
const CONTAINERS: [head: string, what: string, hint: string][] = [
  [`${ZIP}bars.csv`, 'a zip archive', 'unpack it first: unzip PATH'],
  [`${ZIP}[Content_Types].xml`, 'an Excel workbook (xlsx)', 'save the sheet as CSV'],
  [`${ZIP}xl/workbook.xml`, 'an Excel workbook (xlsx)', 'save the sheet as CSV'],
  ['\xd0\xcf\x11\xe0\xa1\xb1', 'an Excel workbook (xls)', 'save the sheet as CSV'],
  ['\x28\xb5\x2f\xfd', 'zstd-compressed', 'unpack it first: zstd -d PATH'],
  ['BZh91AY&SY', 'bzip2-compressed', 'unpack it first: bzip2 -dk PATH'],
  ['\xfd7zXZ\x00', 'xz-compressed', 'unpack it first: xz -dk PATH'],
  ['\x04\x22\x4d\x18', 'lz4-compressed', 'unpack it first: lz4 -d PATH'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', 'unpack it first: 7z x PATH'],
  ['ARROW1\x00\x00', 'an Arrow or Feather file', 'write Parquet instead: df.to_parquet'],
  ['SQLite format 3\x00', 'a SQLite database', 'export its table as CSV'],
  ['%PDF-1.7', 'a PDF document', ''],
]

describe('a container is named', () => {
  test.each(CONTAINERS)('%j: %s', async (head, what, hint) => {
    const dir = new Workdir()
    for (const [name, bytes] of [
      ['a file.csv', padded(head)],
      ['packed.csv.gz', gzipSync(padded(head))],
    ] as const) {
      const path = dir.write(name, bytes)
      const shown = path.includes(' ') ? `'${path}'` : path
      await expect(open(path)).rejects.toMatchObject({
        kind: 'data',
        message: `is ${what}`,
        where: path,
        ...(hint === '' ? {} : { hint: hint.replace('PATH', shown) }),
      })
    }
  })

  test('Parquet under the name of another format', async () => {
    const path = new Workdir().write('bars.csv', padded('PAR1'))
    await expect(open(path)).rejects.toMatchObject({
      message: 'is a Parquet file',
      hint: 'read it with --input-format parquet',
    })
  })
})

describe('text that is not UTF-8 but says so', () => {
  const TEXT = 'time,open\n2025-07-30,180 €\n𝄞\n'
  const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16()
  const le = Buffer.from(TEXT, 'utf16le')
  test.each([
    ['UTF-16, little end first, marked', Buffer.concat([Buffer.from([0xff, 0xfe]), le])],
    ['UTF-16, big end first, marked', swapped(Buffer.concat([Buffer.from([0xff, 0xfe]), le]))],
    ['UTF-16, little end first, bare', le],
    ['UTF-16, big end first, bare', swapped(le)],
    ['UTF-16 in gzip', gzipSync(Buffer.concat([Buffer.from([0xff, 0xfe]), le]))],
  ])('%s', async (_title, bytes) => {
    const source = await open(new Workdir().write('bars.txt', bytes))
    const chunks: Buffer[] = []
    for await (const chunk of source.chunks()) chunks.push(chunk)
    await source.close()
    expect(Buffer.concat(chunks).toString()).toBe(TEXT)
    expect(source.format).toBe('csv')
  })

  test('half a letter is refused', async () => {
    const path = new Workdir().write(
      'bars.csv',
      Buffer.concat([Buffer.from([0xff, 0xfe]), le, Buffer.from([1])]),
    )
    const source = await open(path)
    const read = async () => {
      for await (const _chunk of source.chunks());
    }
    await expect(read()).rejects.toMatchObject({ message: 'is not valid UTF-16LE', where: path })
    await source.close()
  })
})

describe('the format without an extension', () => {
  test.each([
    [' \n {"type":"bar"}\n', 'ndjson'],
    ['\ufeff[1]', 'ndjson'],
    [' time,open\n', 'csv'],
    ['\ttime\n', 'csv'],
    ['PAR1', 'parquet'],
    ['# a comment\n', 'csv'],
  ])('%j is %s', async (text, format) => {
    const source = await open(new Workdir().write('bars', text))
    expect(source.format).toBe(format)
    await source.close()
  })
})
