/** What the readers of every format share: blocks of records, rejects, options. */
import { badData, type Failure } from '../base/errors.js'
import type { Zone } from '../base/time.js'
import type { JsonObject } from '../stream/json.js'
import type { BarBatch, Interval, Names } from './bar.js'
import type { BarField } from './fields.js'

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
  readonly message: string
  /** The line as it was, cut at 1,000 characters. */
  readonly raw: string
}

export interface ReadOptions {
  readonly names?: Names
  readonly symbol?: string | undefined
  readonly interval?: Interval | undefined
  readonly zone?: Zone | null | undefined
  readonly maxLine?: number | undefined
  /** The fields that will be looked at, so that columns of Parquet can be left unread; others may come as null. */
  readonly fields?: ReadonlySet<BarField> | undefined
  /** Called for each bad line; throws to stop. Default: throw at the first. */
  readonly onReject?: ((reject: Reject) => void | Promise<void>) | undefined
  /** Called once for each key or column that no bar field has. */
  readonly onIgnored?: ((field: string) => void) | undefined
}

export const BATCH_ROWS = 8192

/** The failure a reject becomes when nothing catches it: `stdin:173: close: expected a number, got "n/a"`. */
export function rejectFailure({ name, line, message }: Reject): Failure {
  const hint = /has no UTC offset/.test(message)
    ? 'name the zone of the stamps, such as --tz America/New_York'
    : /^symbol: is missing/.test(message)
      ? 'name it with --symbol'
      : undefined
  return badData(message, {
    where: `${name}:${line}`,
    fields: { line },
    ...(hint === undefined ? {} : { hint }),
  })
}

/** What the format readers share. */
export interface Reading extends ReadOptions {
  readonly name: string
  readonly names: Names
  readonly reject: (line: number, message: string, raw: string) => Promise<void>
  readonly ignored: (field: string) => void
}

/** Yields a full batch and empties it for the next rows. */
export function* hand(batch: BarBatch): Generator<RecordBlock> {
  yield { kind: 'bars', batch }
  batch.length = 0
}
