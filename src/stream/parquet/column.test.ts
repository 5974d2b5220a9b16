/** Columns of other writers in every encoding, and files that lie about themselves: refused in words, with no memory taken. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { places, type ThriftField, type ThriftList, withFooter } from '../../../test/support/fuzz/thrift.js'
import { memorySource } from '../../../test/support/memory-source.js'
import { barAt } from '../../market/bar.js'
import { readRecords } from '../../market/records.js'

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../test/fixtures/parquet/${name}.parquet`, import.meta.url)))

async function read(bytes: Uint8Array): Promise<string[]> {
  const found: string[] = []
  for await (const block of readRecords(memorySource('parquet', bytes, { name: 'x.parquet' }))) {
    if (block.kind !== 'bars') continue
    for (let i = 0; i < block.batch.length; i++) {
      const { symbol, time, open, high, low, close, volume } = barAt(block.batch, i)
      found.push([symbol, time, open, high, low, close, volume].join(' '))
    }
  }
  return found
}

/** What the script that wrote the fixtures with pyarrow 22 put in: two symbols, 20 minutes. */
const ROWS = Array.from({ length: 40 }, (_, i) => {
  const open = Number((100 + i / 100).toFixed(2))
  const time = new Date(1753882200000 + 60_000 * Math.floor(i / 2)).toISOString().replace('.000', '')
  return [i % 2 === 0 ? 'NVDA' : 'MSFT', time, open, open + 1, open - 1, open + 0.5, i * 10].join(' ')
})

test.each([
  'deltas-plain',
  'deltas-zstd-v2',
  'dictionary-gzip',
  'dictionary-lz4',
  'dictionary-brotli-v2',
  'int96-decimal-snappy',
])('%s', async (name) => {
  expect(await read(file(name))).toEqual(ROWS)
})

const at = (fields: ThriftField[], ...ids: number[]): ThriftField => {
  let field: ThriftField | undefined
  let inner = fields
  for (const id of ids) {
    field = inner.find((one) => one.id === id)
    const value = field?.value as ThriftField[] | ThriftList
    inner = (Array.isArray(value) ? value : (value?.items?.[0] ?? [])) as ThriftField[]
  }
  return field!
}
const ROW_GROUPS = 4
const COLUMNS = 1
const META = 3
/** The first column chunk: its codec is 4, sizes 6 and 7, the offset of its pages 9. */
const meta = (tree: ThriftField[], id: number) => at(tree, ROW_GROUPS, COLUMNS, META, id)

const TWO_31 = 2n ** 31n

describe('a footer that lies', () => {
  test.each<[string, (tree: ThriftField[]) => void, string | RegExp]>([
    ['rows of the file', (t) => (at(t, 3).value = 2n ** 40n), '1099511627776 rows declared, and 40'],
    [
      'rows of a group',
      (t) => {
        at(t, 3).value = 2n ** 40n
        at(t, ROW_GROUPS, 3).value = 2n ** 40n
      },
      'column symbol has fewer rows than its row group',
    ],
    ['rows below zero', (t) => (at(t, ROW_GROUPS, 3).value = -5n), 'a row group of -5 rows'],
    ['children of the root', (t) => (at(t, 2, 5).value = TWO_31 - 1n), 'a group of 2147483647 columns'],
    ['children below zero', (t) => (at(t, 2, 5).value = -1n), 'a group of -1 columns'],
    ['more children than there are', (t) => (at(t, 2, 5).value = 9n), /columns/],
    ['fewer children than there are', (t) => (at(t, 2, 5).value = 3n), 'a schema with columns beyond its 3'],
    ['an offset below zero', (t) => (meta(t, 9).value = -8n), 'a column of'],
    ['an offset beyond the file', (t) => (meta(t, 9).value = 2n ** 40n), 'at 1099511627776 in'],
    ['a size below zero', (t) => (meta(t, 7).value = -1n), 'a column of -1 bytes'],
    ['a size beyond the file', (t) => (meta(t, 7).value = 2n ** 50n), 'a column of 1125899906842624 bytes'],
    [
      'columns that overlap',
      (t) => (meta(t, 7).value = (meta(t, 7).value as bigint) + 40n),
      'its columns overlap',
    ],
    ['a codec of no name', (t) => (meta(t, 4).value = 77n), 'a codec that no reader knows'],
    [
      'a list longer than the file',
      (t) => ((at(t, 2).value as ThriftList).size = 2 ** 31 - 1),
      'a list of 2147483647',
    ],
    [
      'columns within columns within columns',
      (t) => {
        const schema = at(t, 2).value as ThriftList
        const [group] = schema.items as ThriftField[][]
        const one = structuredClone(group!)
        one.find(({ id }) => id === 5)!.value = 1n
        schema.items.splice(1, 0, ...Array.from({ length: 5000 }, () => one))
      },
      'columns nested more than 64 deep',
    ],
    [
      'times of no unit',
      (t) => {
        const logical = (at(t, 2).value as ThriftList).items
          .map((element) => at(element as ThriftField[], 10, 8, 2))
          .find((unit) => unit !== undefined)
        logical!.value = []
      },
      'its footer does not hold what a footer holds',
    ],
    [
      'structs within structs',
      (t) => {
        let inner: ThriftField[] = []
        for (let i = 0; i < 500; i++) inner = [{ id: 1, type: 12, value: inner }]
        t.push({ id: 99, type: 12, value: inner })
      },
      'a header nested too deep',
    ],
    [
      'three million empty structs',
      (t) => t.push({ id: 99, type: 9, value: { type: 12, items: Array(3_000_000).fill([]) } }),
      'a header of more than 2097152 values',
    ],
    [
      'row groups without end over the same bytes',
      (t) => {
        const groups = at(t, ROW_GROUPS).value as ThriftList
        groups.items = Array(50).fill(groups.items[0])
        at(t, 3).value = 2000n
      },
      'its columns overlap',
    ],
  ])('%s', async (_title, change, words) => {
    const lie = withFooter(file('deltas-plain'), change)
    await expect(read(lie)).rejects.toMatchObject({
      kind: 'data',
      where: 'x.parquet',
      message: expect.stringMatching(
        words instanceof RegExp ? words : words.replace(/[.*+?()[\]\\]/g, '\\$&'),
      ),
    })
  })

  test.each([
    ['longer than the file', 2 ** 31, 'a footer of 2147483648 bytes in a file of'],
    ['of no length', 0, 'a header that does not end'],
  ])('a footer %s', async (_title, length, words) => {
    const bytes = file('deltas-plain')
    new DataView(bytes.buffer).setUint32(bytes.length - 8, length, true)
    await expect(read(bytes)).rejects.toThrow(words)
  })

  test('any number in it at its extremes: rows or words, never another error', async () => {
    const bytes = file('deltas-plain')
    let numbers: number[] = []
    withFooter(bytes, (tree) => {
      numbers = places(tree).flatMap(({ value }, i) => (typeof value === 'bigint' ? [i] : []))
    })
    for (const i of numbers) {
      for (const value of [-1n, 2n ** 62n]) {
        const lie = withFooter(bytes, (tree) => places(tree)[i]!.set(value))
        await read(lie).catch(isRefusal)
      }
    }
  })
})

const isRefusal = (error: unknown) => expect(error).toMatchObject({ name: 'Failure', kind: 'data' })

test.each(['deltas-plain', 'dictionary-lz4'])(
  'bytes of the pages of %s changed: rows or words',
  async (name) => {
    const bytes = file(name)
    const end = bytes.length - 8 - new DataView(bytes.buffer).getUint32(bytes.length - 8, true)
    for (let i = 4; i < end; i += 3) {
      const damaged = bytes.slice()
      damaged[i] = i % 2 === 0 ? 0xff : bytes[i]! ^ 0x40
      await read(damaged).catch(isRefusal)
    }
  },
)
