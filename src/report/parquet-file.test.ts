/** Records from Parquet: those of other writers, of several runs, with gaps, damaged, and of types that are taken row by row. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../test/support/memory-source.js'
import { parquetFailure } from '../stream/parquet/damage.js'
import { type Layout, TableWriter } from '../stream/parquet/table.js'
import { Gathering } from './gathered.js'
import { gatherEquity } from './parquet-equity.js'
import { openRecordFile } from './parquet-file.js'
import { gatherRows } from './parquet-rows.js'

async function gathered(bytes: Uint8Array) {
  const into = new Gathering('x.parquet')
  const source = memorySource('parquet', bytes, { name: 'x.parquet' })
  try {
    const table = await openRecordFile(source)
    const gather = table.type === 'equity' ? gatherEquity : gatherRows
    const notes = await gather(table, into, async () => {})
    return { into, notes, type: table.type }
  } catch (error) {
    throw parquetFailure(error, 'x.parquet')
  }
}

async function written(layout: Layout, rows: readonly object[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const write = async (bytes: Uint8Array) => {
    parts.push(Uint8Array.from(bytes))
  }
  const table = new TableWriter({ write, close: async () => {}, abort: async () => {} }, layout)
  for (const row of rows) table.put({ ...row })
  await table.finish()
  return new Uint8Array(Buffer.concat(parts))
}

const START = Date.parse('2025-07-30T13:30:00Z')
const minute = (i: number): number => START + 60_000 * i

/** What the script that wrote the fixtures put in: ten minutes of two runs, every third row of `b`. */
const shares = (i: number) => (i === 3 ? [0, 0] : [i === 4 ? 0 : i, i])

test.each(['pyarrow-v1', 'pyarrow-v2', 'pandas', 'duckdb'])('the equity of %s', async (name) => {
  const place = new URL(`../../test/fixtures/records/equity-${name}.parquet`, import.meta.url)
  const { into, notes, type } = await gathered(new Uint8Array(readFileSync(place)))
  expect([type, notes, into.records]).toEqual(['equity', [], 10])
  expect(into.runs.map((run) => run.name)).toEqual(['a', 'b'])
  for (const [k, run] of into.runs.entries()) {
    const rows = Array.from({ length: 10 }, (_, i) => i).filter((i) => (i % 3 === 2) === (k === 1))
    expect([...run.time.subarray(0, run.length)]).toEqual(rows.map(minute))
    expect([...run.equity.subarray(0, run.length)]).toEqual(rows.map((i) => 5000 + i))
    expect(run.symbols).toEqual(['NVDA', 'MSFT'])
    const held = rows.map((_, i) => run.positions.map((column) => column[i]))
    expect(held).toEqual(rows.map(shares))
    expect(Array.from(run.lastMarks)).toEqual([180.5, 520])
    expect(run.marks.capital).toBe(5000)
  }
})

const EQUITY: Layout = {
  type: 'equity',
  fields: [
    { name: 'time', kind: 'time', isOptional: true },
    { name: 'run', kind: 'text', isOptional: true },
    { name: 'equity', kind: 'number', isOptional: true },
  ],
}
const marks = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ time: minute(i), run: 'r', equity: 5000 + i }))

describe('refused', () => {
  test.each<[string, (rows: { time: unknown; equity: unknown }[]) => void, string]>([
    ['an equity that is null', (rows) => (rows[16]!.equity = null), 'needs a time and an equity'],
    ['a time that is null', (rows) => (rows[16]!.time = null), 'needs a time and an equity'],
    ['time that goes backwards', (rows) => (rows[16]!.time = minute(3)), 'is before'],
  ])('%s, with its row', async (_name, change, words) => {
    const rows = marks(20)
    change(rows)
    await expect(written(EQUITY, rows).then(gathered)).rejects.toMatchObject({
      where: 'x.parquet:17',
      message: expect.stringContaining(words),
    })
  })

  test('a file that lacks what a record needs, with what it has', async () => {
    const layout: Layout = { type: 'equity', fields: [EQUITY.fields[0]!, { name: 'cash', kind: 'number' }] }
    await expect(written(layout, [{ time: START, cash: 1 }]).then(gathered)).rejects.toMatchObject({
      message: 'lacks the column equity',
      hint: 'it has "time, cash"',
    })
  })

  test('a file of several types', async () => {
    const layout: Layout = { type: 'x', fields: [{ name: 'type', kind: 'text' }] }
    const bytes = await written(layout, [{ type: 'fill' }, { type: 'risk' }])
    // Without the key that says what it holds.
    const at = Buffer.from(bytes).lastIndexOf('jules.type')
    bytes[at] = 0x4a
    await expect(gathered(bytes)).rejects.toThrow('its column type has records of several types')
  })

  test('a file that is cut, or changed anywhere: always in words', async () => {
    const bytes = await written(EQUITY, marks(300))
    for (let length = 0; length < bytes.length; length += 7)
      await expect(gathered(bytes.subarray(0, length))).rejects.toThrow('damaged Parquet file')
    for (let at = 4; at < bytes.length; at += 5) {
      const changed = Uint8Array.from(bytes)
      changed[at]! ^= 0x55
      const outcome = await gathered(changed).catch((error) => error)
      if (outcome instanceof Error) expect(outcome.constructor.name).toBe('Failure')
    }
  })
})

test('other types come as their lines do, and those of no use are counted', async () => {
  const risk: Layout = {
    type: 'risk',
    fields: [
      { name: 'time', kind: 'time' },
      { name: 'run', kind: 'text' },
      { name: 'rule', kind: 'text' },
      { name: 'detail', kind: 'json' },
    ],
  }
  const row = { run: '=cmd|"</script>\u001b[31m', rule: 'max-loss', detail: { value: 1, limit: null } }
  const { into } = await gathered(await written(risk, [{ time: START, ...row }]))
  expect(into.runs.map((run) => run.risk)).toEqual([[{ type: 'risk', time: '2025-07-30T13:30:00Z', ...row }]])
  const order: Layout = { type: 'order', fields: [{ name: 'qty', kind: 'number' }] }
  const passed = (await gathered(await written(order, [{ qty: 1 }, { qty: 2 }]))).into
  expect([...passed.passed, passed.records]).toEqual([['order', 2], 2])
})
