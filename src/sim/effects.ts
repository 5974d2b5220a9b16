/** What faults have bent: the gateway asks here before it says something. */
import type { Session } from './session.js'

/** What faults have bent for a while. */
export interface Effects {
  /** Symbols of which no bars and quotes are sent; `*` is all. */
  readonly muted: Set<string>
  /** Dollars that are added to the prices of a symbol on the wire; `*` is all. */
  readonly offsets: Map<string, number>
  /** Clients that get nothing and are not heard, on an open socket. */
  readonly deaf: Set<Session>
  /** Orders, by permId, of which nothing is reported. */
  readonly untold: Set<number>
  /** Orders, by permId, whose status of the end is not sent. */
  readonly unfinished: Set<number>
  /** Executions and states are not sent: they are to be asked for. */
  reportsHeld: boolean
  /** Added to the answer to reqCurrentTime, milliseconds. */
  clockSkewMs: number
  /** The next order id that connecting clients are told; null for the right one. */
  toldId: number | null
  /** Accounts that connecting clients are told; null for the right ones. */
  toldAccounts: readonly string[] | null
}

/** Nothing is bent. */
export const newEffects = (): Effects => ({
  muted: new Set(),
  offsets: new Map(),
  deaf: new Set(),
  untold: new Set(),
  unfinished: new Set(),
  reportsHeld: false,
  clockSkewMs: 0,
  toldId: null,
  toldAccounts: null,
})
