/** A Parquet file of records: of which type they are, and where its columns lie. Bars and tables of anything else are told apart. */
import { badData } from '../base/errors.js'
import { quote } from '../base/words.js'
import { type ColumnSlice, MOST_HELD, valueAt } from '../stream/parquet/column.js'
import { readFooter } from '../stream/parquet/footer.js'
import { type Leaf, leavesOf, openLeaf, type RowGroup } from '../stream/parquet/leaves.js'
import { stampsIn } from '../stream/parquet/values.js'
import type { RandomAccess, Source } from '../stream/source.js'

/** What a file of records holds. */
export interface RecordFile {
  /** In messages. */
  readonly name: string
  readonly file: RandomAccess
  /** `bar` for bars. */
  readonly type: string
  readonly rows: number
  readonly groups: readonly RowGroup[]
  readonly leaves: readonly Leaf[]
  /** A summary that stands in the metadata, as JSON. */
  readonly summary: string | null
}

/** Opens the file of a source. Throws Damage, and 65 for a table of no records. */
export async function openRecordFile(source: Source): Promise<RecordFile> {
  const file = await source.randomAccess()
  const metadata = await readFooter(file)
  const said = (key: string): string | null =>
    metadata.key_value_metadata?.find((one) => one.key === key)?.value ?? null
  const rest = {
    name: source.name,
    file,
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.filter(({ num_rows }) => Number(num_rows) > 0),
    leaves: leavesOf(metadata.schema),
    summary: said('jules.summary'),
  }
  return { ...rest, type: said('jules.type') ?? (await typeIn(rest)) ?? guessed(rest) }
}

/** The column at the top that has this name. */
export const columnNamed = ({ leaves }: Pick<RecordFile, 'leaves'>, name: string): Leaf | null =>
  leaves.find(({ path }) => path.length === 1 && path[0] === name) ?? null

type Untyped = Omit<RecordFile, 'type'>

/** What all rows say in a column `type`; null where there is none. */
async function typeIn(table: Untyped): Promise<string | null> {
  const leaf = columnNamed(table, 'type')
  if (leaf === null) return null
  const types = new Set<unknown>()
  for (const group of table.groups) {
    const slice = await new OpenGroup(table, group).column(leaf)
    for (let row = 0; row < Number(group.num_rows); row++) types.add(valueAt(slice, row))
  }
  const [type, another] = types
  if (typeof type === 'string' && another === undefined) return type
  const words = types.size > 1 ? `records of several types: ${quote([...types].join(', '))}` : 'no type'
  throw badData(`its column type has ${words}`, {
    where: table.name,
    hint: 'write a file of each type, or the records as NDJSON',
  })
}

const PRICES: readonly string[] = ['open', 'high', 'low', 'close']

/** By the names of the columns. */
function guessed({ name, leaves }: Untyped): string {
  const names = leaves.map(({ path }) => path.join('.'))
  if (PRICES.some((one) => names.includes(one))) return 'bar'
  refuseWithout(['time', 'equity'], { name, leaves })
  return 'equity'
}

/** Throws 65 for a file that lacks one of these columns. */
export function refuseWithout(wanted: readonly string[], table: Pick<RecordFile, 'name' | 'leaves'>): void {
  const absent = wanted.filter((one) => columnNamed(table, one) === null)
  if (absent.length === 0) return
  throw badData(`lacks the column${absent.length > 1 ? 's' : ''} ${absent.join(', ')}`, {
    where: table.name,
    hint: `it has ${quote(table.leaves.map(({ path }) => path.join('.')).join(', '))}`,
  })
}

/** One row group, of which some columns are read whole, each once. */
export class OpenGroup {
  readonly #table: Pick<RecordFile, 'file'>
  readonly #group: RowGroup
  readonly #read = new Map<Leaf, Promise<ColumnSlice>>()
  readonly #budget = { left: MOST_HELD }

  constructor(table: Pick<RecordFile, 'file'>, group: RowGroup) {
    this.#table = table
    this.#group = group
  }

  /** All values of a column. Throws Damage. */
  column(leaf: Leaf): Promise<ColumnSlice> {
    let slice = this.#read.get(leaf)
    if (slice === undefined) {
      slice = openLeaf(this.#table.file, this.#group, leaf, this.#budget).then((reader) =>
        reader.read(Number(this.#group.num_rows)),
      )
      this.#read.set(leaf, slice)
    }
    return slice
  }
}

/** What the time of a row is kept as: an instant or a wall time, in milliseconds, or a text. Null where it is none of them. */
export function timesOf({ element }: Leaf): 'utc' | 'wall' | 'text' | null {
  const { type, logical_type: logical, converted_type: converted } = element
  const stamps = stampsIn(element)
  if (stamps !== null) return stamps === 'date' ? null : stamps
  return type === 'BYTE_ARRAY' && (converted === 'UTF8' || logical?.type === 'STRING') ? 'text' : null
}

/** What is to be said of the times in these columns. */
export const timeNotes = ({ name }: RecordFile, leaves: readonly Leaf[]): string[] =>
  leaves.some((leaf) => timesOf(leaf) === 'wall')
    ? [`${name}: its times have no zone and are read as UTC`]
    : []
