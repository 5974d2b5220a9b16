/** The bars of one symbol over some dates, held in memory in the order of time, one a start. */
import { type BarBatch, copyRow, type Names, newBatch } from '../bar.js'

const FIRST_CAPACITY = 4096

/** An empty list of rows. */
export const noRows = (names: Names): BarBatch => newBatch(0, names)

/** The batch with room for `more` rows beyond those that it holds: itself, or a larger copy. */
function roomFor(batch: BarBatch, more: number): BarBatch {
  const needed = batch.length + more
  if (needed <= batch.capacity) return batch
  const larger = newBatch(Math.max(FIRST_CAPACITY, needed, 2 * batch.capacity), batch.names)
  for (let i = 0; i < batch.length; i++) copyRow(batch, i, larger)
  return larger
}

/** The rows with one more at the end. */
export function appended(rows: BarBatch, from: BarBatch, i: number): BarBatch {
  const roomy = roomFor(rows, 1)
  copyRow(from, i, roomy)
  return roomy
}

export interface Distinct {
  readonly rows: BarBatch
  /** Rows that were there already, equal in every value. */
  readonly repeated: number
  /** Rows that came again with other values: the last of them stands. */
  readonly corrected: number
}

/** Rows in the order of time, one a start: of several the one that came last. */
export function distinct(batch: BarBatch): Distinct {
  const order = Array.from({ length: batch.length }, (_, i) => i)
  // Stable: of equal starts the order in which they came is kept.
  order.sort((a, b) => batch.time[a]! - batch.time[b]!)
  let rows = newBatch(batch.length, batch.names)
  let repeated = 0
  let corrected = 0
  for (const i of order) {
    const last = rows.length - 1
    if (last >= 0 && rows.time[last] === batch.time[i]) {
      if (isSame(rows, last, batch, i)) repeated++
      else corrected++
      rows.length = last
    }
    rows = appended(rows, batch, i)
  }
  return { rows, repeated, corrected }
}

const VALUES = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const

const isSame = (a: BarBatch, i: number, b: BarBatch, j: number): boolean =>
  VALUES.every((column) => Object.is(a[column][i], b[column][j]))

/** The rows for which `keep` is true. */
export function kept(batch: BarBatch, keep: (i: number) => boolean): BarBatch {
  let rows = newBatch(batch.length, batch.names)
  for (let i = 0; i < batch.length; i++) if (keep(i)) rows = appended(rows, batch, i)
  return rows
}

/** Rows of several lists by time, then in the order of the lists: which list, and which row of it. */
export function* inOrder(lists: readonly BarBatch[]): Generator<readonly [list: number, row: number]> {
  const at = lists.map(() => 0)
  for (;;) {
    let next = -1
    for (const [k, rows] of lists.entries()) {
      if (at[k]! >= rows.length) continue
      if (next < 0 || rows.time[at[k]!]! < lists[next]!.time[at[next]!]!) next = k
    }
    if (next < 0) return
    yield [next, at[next]!++]
  }
}

/** Both in the order of time; of equal starts the row of `first` stands. */
export function merged(first: BarBatch, second: BarBatch): BarBatch {
  let rows = newBatch(first.length + second.length, first.names)
  let j = 0
  for (let i = 0; i < first.length; i++) {
    while (j < second.length && second.time[j]! < first.time[i]!) rows = appended(rows, second, j++)
    if (j < second.length && second.time[j] === first.time[i]) j++
    rows = appended(rows, first, i)
  }
  while (j < second.length) rows = appended(rows, second, j++)
  return rows
}
