/** Rows of records gathered in columns, and their Parquet bytes: row groups of 100,000, so that memory does not grow with the file. */
import type { SchemaElement } from 'hyparquet'
import type { ByteSink } from '../sink.js'
import {
  bytesOf,
  type ColumnData,
  looked,
  micros,
  nullable,
  numberElement,
  ROW_GROUP,
  type RowGroupEncoder,
  rowGroupEncoder,
  textElement,
  timeElement,
} from './encoder.js'

/** A column. Times are in milliseconds; `json` is text that says so of itself. */
export interface Field {
  readonly name: string
  readonly kind: 'time' | 'number' | 'text' | 'json'
  /** A row may have none. */
  readonly isOptional?: boolean
}

/** Numbers that stand together under a name; none of them is ever absent. */
export interface FieldGroup {
  readonly name: string
  readonly numbers: readonly string[]
}

/** What the rows of a file are made of. */
export interface Layout {
  /** Of the records, as `jules.type` says it. */
  readonly type: string
  readonly fields: readonly (Field | FieldGroup)[]
}

/** Version of these layouts, in the file's metadata as `jules.schema`. */
const SCHEMA_VERSION = '1'

/** A column of the file, wherever in the tree it lies. */
interface Leaf extends Field {
  readonly path: readonly string[]
}

const leavesOf = ({ fields }: Layout): Leaf[] =>
  fields.flatMap((field): Leaf[] =>
    'numbers' in field
      ? field.numbers.map((name) => ({ name, kind: 'number', path: [field.name, name] }))
      : [{ ...field, path: [field.name] }],
  )

/** The rows of one row group. A number or time is NaN and a text -1 where there is none. */
export class Rows {
  readonly numbers: readonly Float64Array[]
  readonly #codes: readonly Int32Array[]
  readonly #texts: readonly string[][]
  readonly #known: readonly Map<string, number>[]
  readonly #leaves: readonly Leaf[]
  length = 0

  constructor(leaves: readonly Leaf[]) {
    const isText = ({ kind }: Leaf) => kind === 'text' || kind === 'json'
    this.#leaves = leaves
    this.numbers = leaves.map((leaf) => new Float64Array(isText(leaf) ? 0 : ROW_GROUP))
    this.#codes = leaves.map((leaf) => new Int32Array(isText(leaf) ? ROW_GROUP : 0))
    this.#texts = leaves.map(() => [])
    this.#known = leaves.map(() => new Map())
  }

  /** Puts the text of the row that is being filled into column `k`. */
  text(k: number, text: string | null): void {
    this.#codes[k]![this.length] = text === null ? -1 : this.#codeOf(k, text)
  }

  #codeOf(k: number, text: string): number {
    const known = this.#known[k]!
    const found = known.get(text)
    if (found !== undefined) return found
    const texts = this.#texts[k]!
    known.set(text, texts.length)
    return texts.push(text) - 1
  }

  /** The column `k`, as it is written. */
  column(k: number): ColumnData {
    const { kind, isOptional = false } = this.#leaves[k]!
    const { length } = this
    if (kind === 'text' || kind === 'json') {
      const bytes = this.#texts[k]!.map(bytesOf)
      return looked(this.#codes[k]!, length, (code) => bytes[code] ?? null)
    }
    const numbers = this.numbers[k]!.subarray(0, length)
    if (kind === 'number') return isOptional ? nullable(numbers) : numbers
    return isOptional
      ? Array.from(numbers, (ms) => (Number.isNaN(ms) ? null : BigInt(ms * 1000)))
      : micros(numbers, length)
  }
}

/** A file of records while it is written: rows are put in as they come, and go out when asked. */
export class TableWriter {
  readonly #layout: Layout
  readonly #leaves: readonly Leaf[]
  readonly #sink: ByteSink
  readonly #full: Rows[] = []
  #rows: Rows
  #encoder: RowGroupEncoder | null = null

  constructor(sink: ByteSink, layout: Layout) {
    this.#sink = sink
    this.#layout = layout
    this.#leaves = leavesOf(layout)
    this.#rows = new Rows(this.#leaves)
  }

  /** The rows to which the next one is to be put: its columns filled at `length`, and then `next` called. */
  get rows(): Rows {
    return this.#rows
  }

  /** The row is filled. */
  next(): void {
    if (++this.#rows.length < ROW_GROUP) return
    this.#full.push(this.#rows)
    this.#rows = new Rows(this.#leaves)
  }

  /** A row by the names of its fields, which are none of a group; a JSON value for `json`. */
  put(record: { readonly [name: string]: unknown }): void {
    const rows = this.#rows
    for (const [k, { name, kind }] of this.#leaves.entries()) {
      const value = record[name] ?? null
      if (kind === 'text') rows.text(k, value as string | null)
      else if (kind === 'json') rows.text(k, value === null ? null : JSON.stringify(value))
      else rows.numbers[k]![rows.length] = (value as number | null) ?? Number.NaN
    }
    this.next()
  }

  /** Writes the row groups that are full. */
  async flush(): Promise<void> {
    for (let rows = this.#full.shift(); rows !== undefined; rows = this.#full.shift()) await this.#write(rows)
  }

  /** Writes what is left and the footer, with these texts in its metadata; does not close the sink. */
  async finish(metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.flush()
    if (this.#rows.length > 0) await this.#write(this.#rows)
    const { type, fields } = this.#layout
    const encoder = await this.#ready()
    const bytes = await encoder.end((footer) => {
      // A group that is always there and its numbers too have the pages of columns at the top: the footer says where they lie.
      footer.schema = [{ name: type, num_children: fields.length }, ...fields.flatMap(elementsOf)]
      for (const { columns } of footer.row_groups)
        for (const [k, { meta_data }] of columns.entries())
          if (meta_data !== undefined) meta_data.path_in_schema = [...this.#leaves[k]!.path]
      footer.kvMetadata?.push(...Object.entries(metadata).map(([key, value]) => ({ key, value })))
    })
    await this.#sink.write(bytes)
  }

  async #ready(): Promise<RowGroupEncoder> {
    const columns = this.#leaves.map((leaf, k) => elementOf({ ...leaf, name: String(k) }))
    this.#encoder ??= await rowGroupEncoder(
      [{ name: this.#layout.type, num_children: columns.length }, ...columns],
      { type: this.#layout.type, version: SCHEMA_VERSION },
    )
    return this.#encoder
  }

  async #write(rows: Rows): Promise<void> {
    const encoder = await this.#ready()
    const bytes = await encoder.group(
      this.#leaves.map(({ kind }, k) => ({
        name: String(k),
        data: rows.column(k),
        // By times readers pass over row groups.
        statistics: kind === 'time',
        ...(kind === 'text' || kind === 'json' ? {} : { encoding: 'PLAIN' as const }),
      })),
    )
    await this.#sink.write(bytes)
  }
}

function elementOf({ name, kind, isOptional = false }: Field): SchemaElement {
  const repetition = isOptional ? 'OPTIONAL' : 'REQUIRED'
  if (kind === 'number') return numberElement(name, repetition)
  return kind === 'time' ? timeElement(name, repetition) : textElement(name, repetition)
}

function elementsOf(field: Field | FieldGroup): SchemaElement[] {
  if ('numbers' in field) {
    const { name, numbers } = field
    const group: SchemaElement = { name, num_children: numbers.length, repetition_type: 'REQUIRED' }
    return [group, ...numbers.map((symbol) => numberElement(symbol, 'REQUIRED'))]
  }
  const element = elementOf(field)
  return [
    field.kind === 'json' ? { ...element, converted_type: 'JSON', logical_type: { type: 'JSON' } } : element,
  ]
}
