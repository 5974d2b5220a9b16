/** Every limit in dollars, counts and time, in one place; the part of the peak stands in the rules of a run. Training and backtest read these and no others. */
import { MINUTE } from '../base/time.js'

export interface Limits {
  /** Dollars a symbol at the last mark, for orders; a held position may drift above. */
  readonly maxPosition: number
  /** Dollars lost since the last session's end: flatten, nothing new until the next session. */
  readonly maxDayLoss: number
  /** Dollars below the running peak: flatten and end. */
  readonly maxLoss: number
  /** Positions are closed this long before the session closes; null keeps them overnight. */
  readonly flatBeforeCloseMs: number | null
  /** No position is opened or enlarged this long before the session closes. */
  readonly noEntryBeforeCloseMs: number
  /** The closing of what is open included: an entry that would leave no trade for it is refused. */
  readonly tradesPerDay: number
  readonly ordersPerMinute: number
  /** Oldest data to open a position on. */
  readonly maxAgeMs: number
  /** Dollars of both positions as a multiple of equity, for entries; null for no limit. */
  readonly maxLeverage: number | null
}

/** 1 % of the default capital of $5,000 a day, 2 % in all. */
export const DEFAULT_LIMITS: Limits = {
  maxPosition: 1000,
  maxDayLoss: 50,
  maxLoss: 100,
  flatBeforeCloseMs: 5 * MINUTE,
  noEntryBeforeCloseMs: 10 * MINUTE,
  tradesPerDay: 50,
  ordersPerMinute: 10,
  maxAgeMs: 2 * MINUTE,
  maxLeverage: null,
}

export const NO_LIMITS: Limits = {
  maxPosition: Number.POSITIVE_INFINITY,
  maxDayLoss: Number.POSITIVE_INFINITY,
  maxLoss: Number.POSITIVE_INFINITY,
  flatBeforeCloseMs: null,
  noEntryBeforeCloseMs: Number.NEGATIVE_INFINITY,
  tradesPerDay: Number.POSITIVE_INFINITY,
  ordersPerMinute: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxLeverage: null,
}
