/** What the readers of every format share: blocks of records, rejects, options. */
import type { TimeFormat } from '../base/stamp.js'
import type { Zone } from '../base/time.js'
import type { JsonObject } from '../stream/json.js'
import type { BarBatch, Interval, Names } from './bar.js'
import type { ColumnMap } from './columns.js'
import type { BarField, DecimalMark } from './fields.js'
import { BadRecord, type Problem } from './problem.js'
import type { RowJudge } from './row-check.js'
import type { VendorName } from './vendors.js'

/** A record that is not a bar. */
export interface OtherRecord {
  readonly type: string
  readonly line: number
  readonly object: JsonObject
  readonly text: string
}

export type RecordBlock =
  | { readonly kind: 'bars'; readonly batch: BarBatch }
  | { readonly kind: 'other'; readonly records: readonly OtherRecord[] }

/** A line that is not a record, or is an impossible one. */
export interface Reject {
  readonly name: string
  readonly line: number
  readonly problem: Problem
  /** The line as it was, cut at 1,000 characters. */
  readonly raw: string
}

export interface ReadOptions {
  readonly names?: Names
  readonly symbol?: string | undefined
  readonly interval?: Interval | undefined
  readonly zone?: Zone | null | undefined
  /** The form of stamps, where it was spelled out. */
  readonly timeFormat?: TimeFormat | undefined
  /** The user's word on which column is which field. */
  readonly columns?: ColumnMap | undefined
  /** False: the first row of a table is one of data. */
  readonly header?: boolean | undefined
  /** Of numbers as text. Default: as the first rows of the file show. */
  readonly decimal?: DecimalMark | undefined
  /** Whose layout it is. */
  readonly vendor?: VendorName | undefined
  readonly maxLine?: number | undefined
  /** The fields that will be looked at, so that columns of Parquet can be left unread; others may come as null. */
  readonly fields?: ReadonlySet<BarField> | undefined
  /** Called for each bad line; throws to stop. Default: throw at the first. */
  readonly onReject?: ((reject: Reject) => void | Promise<void>) | undefined
  /** Called with what was found out about a file: for those who ask for details. */
  readonly onDetail?: ((words: string) => void) | undefined
  /** What the rows are held against; one for several sources that are one input. Default: one of its own; null: nothing. */
  readonly check?: RowJudge | null | undefined
  /** Called when a source has ended, for what is worth knowing of its rows; `warn` for what should be looked at. */
  readonly onNote?: ((words: string) => void) | undefined
  readonly onWarn?: ((words: string) => void) | undefined
  /** Called once for each key or column that no bar field has. */
  readonly onIgnored?: ((field: string) => void) | undefined
}

export const BATCH_ROWS = 8192

/** The failure a reject becomes when nothing catches it: `stdin:173: close: expected a number, got "n/a"`. */
export const rejectFailure = ({ name, line, problem }: Reject): BadRecord =>
  new BadRecord(problem, { where: `${name}:${line}`, fields: { line } })

export const NOT_UTF8: Problem = {
  field: null,
  rule: 'not-utf8',
  words: 'is not valid UTF-8',
  value: undefined,
}

/** What a download that failed leaves instead of records, or null. */
export function webPage(text: string): Problem | null {
  if (!/^\s*<(!doctype|html|\?xml)/i.test(text)) return null
  return { field: null, rule: 'web-page', words: 'expected records, got an HTML or XML page', value: text }
}

/** What the format readers share. */
export interface Reading extends ReadOptions {
  readonly name: string
  readonly names: Names
  readonly reject: (line: number, problem: Problem, raw: string) => Promise<void>
  readonly ignored: (field: string) => void
  readonly detail: (words: string) => void
}

/** Yields a full batch and empties it for the next rows. */
export function* hand(batch: BarBatch): Generator<RecordBlock> {
  yield { kind: 'bars', batch }
  batch.length = 0
}
