/**
 * Where the history of one symbol comes from: a vendor, or the broker. It answers one question at a time and says how it failed;
 * which source is asked for what, and what stands in the end, is decided by `failover.ts`.
 */
import { Failure, type FailureDetails } from '../../base/errors.js'
import type { Adjusted, BarBatch, Interval, Names } from '../bar.js'
import type { FeedWorld } from './feed.js'

export interface HistorySource {
  /** Stands as the source of its bars. */
  readonly name: string
  /** What the prices of all its bars are adjusted for. */
  readonly adjusted: Adjusted
  /**
   * Bars of one symbol and interval, by time; equal starts come as often as the source has them. A batch is valid until the next
   * one is asked for. None for dates of which it has none. Throws `FeedFailure`, or the signal's reason.
   */
  bars(wish: HistoryWish, world: HistoryWorld): AsyncGenerator<BarBatch>
}

/** Which bars: all that begin on New York dates `fromDay` to `toDay`, both included, days since 1970-01-01. */
export interface HistoryWish {
  readonly symbol: string
  readonly interval: Interval
  readonly fromDay: number
  readonly toDay: number
  /** `rth`: bars of the regular session are enough; undefined: all that there are. */
  readonly session: 'rth' | undefined
}

/** All that a source of history may touch of the world. */
export interface HistoryWorld extends FeedWorld {
  /** Of the batches. */
  readonly names: Names
  /** Rejects with the signal's reason once that is aborted. */
  readonly wait: (ms: number) => Promise<void>
  /** From 0 to 1: for waits that are not to fall together. */
  readonly random: () => number
  /** Told of a row that is no bar, which is left out: its words, with what it was. */
  readonly onBad: (words: string) => void
}

/**
 * Why a source gave no answer: a limit that it sets (75) until `untilMs`, a key or a subscription that it refuses (77), no answer
 * at all (69), or one that is not what it should be (65).
 */
export class FeedFailure extends Failure {
  /** When it may be asked again, epoch milliseconds; null where that is not known. */
  readonly untilMs: number | null

  constructor(
    kind: 'tryAgain' | 'denied' | 'unavailable' | 'data',
    message: string,
    { untilMs = null, ...details }: FailureDetails & { readonly untilMs?: number | null } = {},
  ) {
    super(kind, message, details)
    this.untilMs = untilMs
  }
}
