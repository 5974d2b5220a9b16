/** The columns of a Parquet schema: the leaves of its tree, each with the groups that it lies in. */
import type { FileMetaData, SchemaElement } from 'hyparquet'
import type { RandomAccess } from '../source.js'
import { type Budget, type ColumnReader, openColumn } from './column.js'
import { Damage } from './damage.js'

export interface Leaf {
  /** Names from the top, its own last. */
  readonly path: readonly string[]
  readonly element: SchemaElement
  /** The groups that it lies in, outermost first. */
  readonly above: readonly SchemaElement[]
}

export type RowGroup = FileMetaData['row_groups'][number]

/** The leaves of a schema that was checked, in the order of the file. */
export function leavesOf(schema: readonly SchemaElement[]): Leaf[] {
  const found: Leaf[] = []
  /** Groups that are open, and how many of their children are to come. */
  const open: { readonly element: SchemaElement; left: number }[] = []
  for (const element of schema.slice(1)) {
    while (open.at(-1)?.left === 0) open.pop()
    const group = open.at(-1)
    if (group !== undefined) group.left--
    if (element.num_children !== undefined) {
      open.push({ element, left: element.num_children })
      continue
    }
    const above = open.map((one) => one.element)
    found.push({ path: [...above, element].map(({ name }) => name), element, above })
  }
  return found
}

/** The values of a leaf in one row group. Throws Damage where the row group has none, then and while it is read. */
export async function openLeaf(
  file: RandomAccess,
  { columns, num_rows }: RowGroup,
  { path, element, above }: Leaf,
  budget: Budget,
): Promise<ColumnReader> {
  const meta = columns
    .map(({ meta_data }) => meta_data)
    .find(
      (one) =>
        one?.path_in_schema.length === path.length && path.every((name, i) => one.path_in_schema[i] === name),
    )
  if (meta === undefined) throw new Damage(`a row group without column ${path.join('.')}`)
  return openColumn({ file, meta, element, above, rows: Number(num_rows), budget })
}
