/**
 * Who is told what happens in a run, event by event, as it happens: ledgers, writers of records. Training has none.
 * The transition tells. What it passes is overwritten by the next event.
 */
import type { Change } from '../portfolio/order-book.js'
import type { Outcome } from './outcome.js'
import type { TradingState } from './state.js'

export interface Listener {
  /** A rule has changed the wish for a symbol, or the broker has rejected it: `outcome` says what is left of it. */
  refused(timeMs: number, symbol: number, outcome: Outcome): void
  /** An order goes out. */
  ordered(timeMs: number, symbol: number, outcome: Outcome): void
  /** A report has moved an order, and perhaps the account. */
  reported(change: Change): void
  /** The account is marked at the close of bar `t + 1`, the one after decision `t`. */
  settled(t: number, state: TradingState, outcome: Outcome): void
  /** After the last decision the account is marked once more, by bars that one symbol has alone; dollars a share. */
  marked(timeMs: number, state: TradingState, marks: ArrayLike<number>): void
}

/** Tells several, in their order. */
export function both(first: Listener, second: Listener): Listener {
  return {
    refused: (timeMs, symbol, outcome) => {
      first.refused(timeMs, symbol, outcome)
      second.refused(timeMs, symbol, outcome)
    },
    ordered: (timeMs, symbol, outcome) => {
      first.ordered(timeMs, symbol, outcome)
      second.ordered(timeMs, symbol, outcome)
    },
    reported: (change) => {
      first.reported(change)
      second.reported(change)
    },
    settled: (t, state, outcome) => {
      first.settled(t, state, outcome)
      second.settled(t, state, outcome)
    },
    marked: (timeMs, state, marks) => {
      first.marked(timeMs, state, marks)
      second.marked(timeMs, state, marks)
    },
  }
}
