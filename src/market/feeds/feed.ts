/**
 * A feed: where bars come from, whatever stands behind it. Each is one file beside this one; `fetch` has one loop for all.
 * Whatever a feed gives passes the contract in feed.test.ts.
 */

import { usage } from '../../base/errors.js'
import type { Clock } from '../../base/time.js'
import { newYorkMidnight } from '../../base/time.js'
import { type BarBatch, copyRow, INTERVALS, type Interval, SESSIONS, type Session } from '../bar.js'
import type { RecordBlock } from '../reading.js'

export interface Feed {
  /** Stands as the source of its bars, where they name none. */
  readonly name: string
  /**
   * The bars that are wanted and no others, by time, then in the order of `symbols`; those of a file in the order of the
   * file. A batch is valid until the next block is asked for. The same call gives the same bars. Ends with the signal's
   * reason once that is aborted, and lets go of files and connections however it ends, by an early `return()` too.
   */
  bars(wanted: Wanted, world: FeedWorld): AsyncGenerator<RecordBlock>
}

/** Which bars; what is undefined is not asked about. */
export interface Wanted {
  /** In the order that bars of one time come in. */
  readonly symbols?: readonly string[] | undefined
  readonly interval?: Interval | undefined
  /** New York dates, days since 1970-01-01, both included. */
  readonly fromDay?: number | undefined
  readonly toDay?: number | undefined
  readonly session?: Session | undefined
}

/** All that a feed may touch of the world. */
export interface FeedWorld {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Tells the user what a feed does on its own account, such as a wait for a rate limit. */
  readonly note: (words: string) => void
  /** What the user should look at. */
  readonly warn: (words: string) => void
  /** What only somebody who looks for a mistake wants to read. */
  readonly detail: (words: string) => void
  /** What stands beside the count of bars while they come: calls that are left, a wait. */
  readonly status?: (words: string) => void
}

type Bounds = 'symbols' | 'interval' | 'fromDay' | 'toDay'
export type Bounded = Wanted & { readonly [K in Bounds]-?: NonNullable<Wanted[K]> }

/** For feeds that have no end of bars: everything that makes it a question with an answer. Throws 64. */
export function bounded(name: string, wanted: Wanted): Bounded {
  const { symbols, interval, fromDay, toDay } = wanted
  if (symbols === undefined || interval === undefined || fromDay === undefined || toDay === undefined) {
    throw usage(`${name}: symbols, an interval and dates are needed`)
  }
  return { ...wanted, symbols, interval, fromDay, toDay }
}

/** Takes out of a batch, in place, the bars that are not wanted: for feeds whose other end gives more than is asked for. */
export function keepWanted(batch: BarBatch, wanted: Wanted): void {
  const { symbols, interval, fromDay, toDay, session } = wanted
  const ids = symbols?.map((symbol) => batch.names.id(symbol))
  const length = interval === undefined ? undefined : INTERVALS.indexOf(interval)
  const hours = session === undefined ? undefined : SESSIONS.indexOf(session)
  const fromMs = fromDay === undefined ? undefined : newYorkMidnight(fromDay)
  const endMs = toDay === undefined ? undefined : newYorkMidnight(toDay + 1)
  const count = batch.length
  batch.length = 0
  for (let i = 0; i < count; i++) {
    if (ids !== undefined && !ids.includes(batch.symbol[i]!)) continue
    if (length !== undefined && batch.interval[i] !== length) continue
    if (hours !== undefined && batch.session[i] !== hours) continue
    if (fromMs !== undefined && batch.time[i]! < fromMs) continue
    if (endMs !== undefined && batch.time[i]! >= endMs) continue
    copyRow(batch, i, batch)
  }
}
