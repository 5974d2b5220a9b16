/** Records of other types from Parquet, a row an object: as their lines would be. */
import { badData } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { parseObject } from '../stream/json.js'
import { type ColumnReader, type ColumnSlice, MOST_HELD, valueAt } from '../stream/parquet/column.js'
import { type Leaf, openLeaf } from '../stream/parquet/leaves.js'
import { stampsIn } from '../stream/parquet/values.js'
import { type Gathering, isUsed } from './gathered.js'
import { type RecordFile, timeNotes } from './parquet-file.js'

/** Rows of a batch, which are objects. */
const BATCH = 1 << 12

/** Fields of the types that are all numbers and texts; of the others every column is one. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  fill: ['time', 'run', 'symbol', 'side', 'qty', 'price', 'commission', 'slippage', 'ref', 'exec'],
  risk: ['time', 'run', 'rule', 'action', 'detail'],
}

/** Takes all rows; `breathe` comes between batches. Throws Damage, and 65 for rows that are no records. Gives what is to be said. */
export async function gatherRows(
  table: RecordFile,
  into: Gathering,
  breathe: () => Promise<void>,
): Promise<string[]> {
  if (!isUsed(table.type)) {
    into.pass(table.type, table.rows)
    return []
  }
  const fields = FIELDS[table.type]
  const leaves = table.leaves.filter(({ path }) => fields?.includes(path[0]!) ?? true)
  for (const leaf of leaves) refuseForm(leaf, table.name)
  let line = 0
  for (const group of table.groups) {
    const budget = { left: MOST_HELD }
    const readers: ColumnReader[] = []
    for (const leaf of leaves) readers.push(await openLeaf(table.file, group, leaf, budget))
    const count = Number(group.num_rows)
    for (let done = 0; done < count; done += BATCH) {
      const rows = Math.min(BATCH, count - done)
      const slices: ColumnSlice[] = []
      for (const reader of readers) slices.push(await reader.read(rows))
      for (let row = 0; row < rows; row++)
        into.take({ ...recordAt(leaves, slices, row), type: table.type }, `${table.name}:${++line}`)
      await breathe()
    }
  }
  return timeNotes(table, leaves)
}

function refuseForm({ path, element, above }: Leaf, where: string): void {
  const name = quote(path.join('.'))
  if (path.includes('__proto__')) throw badData(`column ${name} is not allowed`, { where })
  if ([...above, element].some((one) => one.repetition_type === 'REPEATED')) {
    throw badData(`column ${name} holds lists, which are not read`, {
      where,
      hint: 'leave it out, or write the records as NDJSON',
    })
  }
}

/** A row as an object; what a group has no value for is left out of it. */
function recordAt(leaves: readonly Leaf[], slices: readonly ColumnSlice[], row: number) {
  const record: Record<string, unknown> = {}
  for (const [k, leaf] of leaves.entries()) {
    const { path } = leaf
    const value = plain(valueAt(slices[k]!, row), leaf)
    if (value === null && path.length > 1) continue
    let into = record
    for (const name of path.slice(0, -1)) {
      const inner = (into[name] ?? {}) as Record<string, unknown>
      into[name] = inner
      into = inner
    }
    into[path.at(-1)!] = value
  }
  return record
}

/** A value as JSON would have it. */
function plain(value: unknown, leaf: Leaf): unknown {
  const { converted_type: converted, logical_type: logical } = leaf.element
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') {
    const stamps = stampsIn(leaf.element)
    if (stamps === null) return value
    return stamps === 'date' ? new Date(value).toISOString().slice(0, 10) : formatTime(value)
  }
  const isJson = converted === 'JSON' || logical?.type === 'JSON' || leaf.path[0] === 'detail'
  if (typeof value !== 'string' || !isJson) return value
  const parsed = parseObject(value)
  return 'error' in parsed ? value : parsed.object
}
