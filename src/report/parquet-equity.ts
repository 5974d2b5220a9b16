/**
 * Equity records from Parquet: columns straight into the columns of a run. The first row of a run is taken as a record is, so that it
 * begins in the same way; prices are looked up for the last one alone.
 */
import { badData } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { type ColumnReader, type ColumnSlice, MOST_HELD, valueAt } from '../stream/parquet/column.js'
import { type Leaf, openLeaf, type RowGroup } from '../stream/parquet/leaves.js'
import type { Gathering } from './gathered.js'
import { columnNamed, OpenGroup, type RecordFile, refuseWithout, timeNotes, timesOf } from './parquet-file.js'

/** Rows of a batch. */
const BATCH = 1 << 16

/** Numbers a symbol, wherever they lie. */
type BySymbol = ReadonlyMap<string, Leaf>

interface Columns {
  readonly time: Leaf
  readonly equity: Leaf
  readonly run: Leaf | null
  readonly positions: BySymbol
  readonly marks: BySymbol
  /** What the first row of a run says of what was before it. */
  readonly since: BySymbol
}

/** Where a run has its last row: the row group, and the row in it. */
type Ends = Map<string, readonly [RowGroup, number]>

/** Takes all rows; `breathe` comes between batches. Throws Damage, and 65 for rows that are no records. Gives what is to be said. */
export async function gatherEquity(
  table: RecordFile,
  into: Gathering,
  breathe: () => Promise<void>,
): Promise<string[]> {
  const columns = columnsOf(table)
  const ends: Ends = new Map()
  let start = 0
  for (const group of table.groups) {
    await gatherGroup({ table, columns, group, start, into, ends }, breathe)
    start += Number(group.num_rows)
  }
  await lastMarks(table, columns, ends, into)
  return timeNotes(table, [columns.time])
}

interface Part {
  readonly table: RecordFile
  readonly columns: Columns
  readonly group: RowGroup
  /** Rows of the groups before it. */
  readonly start: number
  readonly into: Gathering
  readonly ends: Ends
}

async function gatherGroup(part: Part, breathe: () => Promise<void>): Promise<void> {
  const { table, columns, group, start, into, ends } = part
  const budget = { left: MOST_HELD }
  const open = (leaf: Leaf): Promise<ColumnReader> => openLeaf(table.file, group, leaf, budget)
  const time = await open(columns.time)
  const equity = await open(columns.equity)
  const run = columns.run === null ? null : await open(columns.run)
  const shares: ColumnReader[] = []
  for (const leaf of columns.positions.values()) shares.push(await open(leaf))
  const whole = new OpenGroup(table, group)
  const count = Number(group.num_rows)
  for (let done = 0; done < count; done += BATCH) {
    const rows = Math.min(BATCH, count - done)
    const where = (row: number): string => `${table.name}:${start + done + row + 1}`
    const held: Float64Array[] = []
    for (const [k, leaf] of [...columns.positions.values()].entries())
      held.push(numbersOf(await shares[k]!.read(rows), leaf, rows, table.name))
    const batch: Batch = {
      time: millisecondsOf(await time.read(rows), columns.time, rows, table.name),
      equity: numbersOf(await equity.read(rows), columns.equity, rows, table.name),
      held: new Map([...columns.positions.keys()].map((symbol, k) => [symbol, held[k]!])),
    }
    refuseGaps(batch, where)
    const runs = run === null ? null : await run.read(rows)
    for (let from = 0; from < rows; ) {
      const name = nameAt(runs, from)
      const to = endOfRun(runs, from, rows)
      let next = from
      if (!ends.has(name)) {
        into.take(await firstRecord({ columns, batch, whole, row: from, name, done }), where(from))
        next = from + 1
      }
      into.rows(
        { run: name, ...batch, positions: positionsOf(into, name, batch), lastMarks: [] },
        next,
        to,
        where,
      )
      ends.set(name, [group, done + to - 1])
      from = to
    }
    await breathe()
  }
}

interface Batch {
  readonly time: Float64Array
  readonly equity: Float64Array
  /** Signed shares by symbol, NaN where a row says none. */
  readonly held: ReadonlyMap<string, Float64Array>
}

/** Shares of a run that has begun, in the order of its symbols. What a row does not say is none. */
function positionsOf(into: Gathering, name: string, { held, time }: Batch): Float64Array[] {
  const { symbols = [] } = into.run(name) ?? {}
  return symbols.map((symbol) => {
    const shares = held.get(symbol)
    if (shares === undefined) return new Float64Array(time.length)
    return shares.some(Number.isNaN) ? shares.map((one) => (Number.isNaN(one) ? 0 : one)) : shares
  })
}

function nameAt(runs: ColumnSlice | null, row: number): string {
  const name = runs === null ? null : valueAt(runs, row)
  return typeof name === 'string' ? name : ''
}

/** The first row after `from` that is of another run. */
function endOfRun(runs: ColumnSlice | null, from: number, rows: number): number {
  if (runs === null) return rows
  let to = from + 1
  if ('codes' in runs) {
    const { codes } = runs
    const code = codes[from]
    while (to < rows && codes[to] === code) to++
    return to
  }
  const name = nameAt(runs, from)
  while (to < rows && nameAt(runs, to) === name) to++
  return to
}

interface First {
  readonly columns: Columns
  readonly batch: Batch
  readonly whole: OpenGroup
  readonly row: number
  readonly name: string
  /** Rows of the group before the batch. */
  readonly done: number
}

/** The first row of a run as the record that its line would be. */
async function firstRecord({ columns, batch, whole, row, name, done }: First) {
  const since: [string, unknown][] = []
  for (const [key, leaf] of columns.since)
    since.push([key, plainNumber(valueAt(await whole.column(leaf), done + row))])
  const positions = [...batch.held]
    .map(([symbol, shares]) => [symbol, shares[row]!] as const)
    .filter(([, shares]) => !Number.isNaN(shares))
  return {
    type: 'equity',
    time: formatTime(batch.time[row]!),
    run: name,
    equity: batch.equity[row]!,
    positions: Object.fromEntries(positions),
    ...Object.fromEntries(since),
  }
}

/** Prices at the last row of each run. */
async function lastMarks(table: RecordFile, { marks }: Columns, ends: Ends, into: Gathering): Promise<void> {
  const opened = new Map<RowGroup, OpenGroup>()
  for (const run of into.runs) {
    const [group, row] = ends.get(run.name) ?? []
    if (group === undefined || row === undefined) continue
    const whole = opened.get(group) ?? new OpenGroup(table, group)
    opened.set(group, whole)
    const prices: number[] = []
    for (const symbol of run.symbols) {
      const leaf = marks.get(symbol)
      const price = leaf === undefined ? null : plainNumber(valueAt(await whole.column(leaf), row))
      prices.push(price ?? Number.NaN)
    }
    run.lastMarks = prices
  }
}

function columnsOf(table: RecordFile): Columns {
  refuseWithout(['time', 'equity'], table)
  const time = columnNamed(table, 'time')!
  if (timesOf(time) === null)
    throw badData('its column time has neither timestamps nor texts', {
      where: table.name,
      hint: 'write it as timestamps, or as ISO 8601',
    })
  const since = ['pnl_total', 'pnl_day', 'drawdown'].flatMap((key): [string, Leaf][] => {
    const leaf = columnNamed(table, key)
    return leaf === null ? [] : [[key, leaf]]
  })
  return {
    time,
    equity: columnNamed(table, 'equity')!,
    run: columnNamed(table, 'run'),
    positions: bySymbol(table, 'positions'),
    marks: bySymbol(table, 'marks'),
    since: new Map(since),
  }
}

/** The columns of a group, or those named after one: `positions.NVDA`, `positions_NVDA`. Throws 65 for one of another form. */
function bySymbol({ name: where, leaves }: RecordFile, name: string): BySymbol {
  const found = new Map<string, Leaf>()
  for (const leaf of leaves) {
    const [head = '', symbol] = leaf.path
    const flat = head.startsWith(`${name}.`) || head.startsWith(`${name}_`)
    if (head !== name && !(flat && symbol === undefined)) continue
    const own = head === name ? symbol : head.slice(name.length + 1)
    const isList = [...leaf.above, leaf.element].some((one) => one.repetition_type === 'REPEATED')
    if (own === undefined || leaf.path.length > 2 || isList || leaf.element.type === 'BYTE_ARRAY') {
      throw badData(`its column ${name} has another form than a number a symbol`, {
        where,
        hint: `write it as a group, or as columns ${name}.NVDA, ${name}.MSFT`,
      })
    }
    found.set(own, leaf)
  }
  // In the order of the keys of an object, as those of a line.
  return new Map(Object.entries(Object.fromEntries(found)))
}

const nameOf = ({ path }: Leaf): string => path.join('.')

/** Of a number of whatever kind; null for anything else. */
function plainNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : null
}

/** A column as doubles, NaN for null. Throws 65 where it holds anything else. */
function numbersOf(slice: ColumnSlice, leaf: Leaf, rows: number, where: string): Float64Array {
  if ('numbers' in slice) return slice.numbers
  const numbers = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const value = valueAt(slice, row)
    const number = value === null ? Number.NaN : plainNumber(value)
    if (number === null) throw badData(`its column ${nameOf(leaf)} has no numbers`, { where })
    numbers[row] = number
  }
  return numbers
}

/** A column of times as milliseconds, NaN for what is none. Equal texts in a dictionary are read once. */
function millisecondsOf(slice: ColumnSlice, leaf: Leaf, rows: number, where: string): Float64Array {
  if ('numbers' in slice) return slice.numbers
  const read = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) : Number.NaN)
  if ('codes' in slice) {
    const texts = slice.texts.map(read)
    return Float64Array.from(slice.codes, (code) => texts[code] ?? Number.NaN)
  }
  if (timesOf(leaf) === 'text')
    return Float64Array.from({ length: rows }, (_, row) => read(valueAt(slice, row)))
  // What is finer than a millisecond is text.
  const { values } = slice
  return numbersOf(
    { values: values.map((one) => (typeof one === 'string' ? read(one) : one)) },
    leaf,
    rows,
    where,
  )
}

function refuseGaps({ time, equity }: Batch, where: (row: number) => string): void {
  for (let row = 0; row < time.length; row++) {
    if (Number.isFinite(time[row]) && Number.isFinite(equity[row])) continue
    throw badData('an equity record needs a time and an equity', { where: where(row) })
  }
}
