/** What the gateway tells, in plain values: nothing of the library that speaks the protocol leaves this room. */
import type { BrokerBar } from '../market/feeds/ib.js'
import type { Act } from './codes.js'

export const SIDES = ['buy', 'sell'] as const
export type Side = (typeof SIDES)[number]

/** One bar of a stream or of history. */
export type GatewayBar = BrokerBar

/**
 * Where an order stands: `pending` on its way, `open` at work, `inactive` held or refused by a rule of the broker: it may come to
 * life again; the others are ends.
 */
export type OrderStanding = 'pending' | 'open' | 'inactive' | 'filled' | 'cancelled' | 'unknown'

/** What is known of an order. What a message did not say is null. */
export interface OrderReport {
  /** 0 for an order that was not placed through this protocol. */
  readonly id: number
  /** The one id that stays; 0 until the broker has given it. */
  readonly permId: number
  readonly clientId: number | null
  /** Placed by this client id. */
  readonly own: boolean
  readonly ref: string | null
  readonly account: string | null
  readonly symbol: string | null
  readonly side: Side | null
  /** Ordered. */
  readonly shares: number | null
  /** The broker's own word, as `PreSubmitted`. */
  readonly status: string
  readonly standing: OrderStanding
  readonly filled: number | null
  readonly remaining: number | null
  /** Mean price of what was filled. */
  readonly price: number | null
  /** Why it is held, rejected, or ended. */
  readonly reason: string | null
}

export interface ExecutionReport {
  readonly id: number
  readonly permId: number
  readonly clientId: number
  readonly own: boolean
  readonly ref: string
  /** Without the revision: a correction has the same one, and takes its place. */
  readonly exec: string
  readonly revision: number
  readonly symbol: string
  /** `STK` for shares. */
  readonly kind: string
  readonly side: Side
  readonly shares: number
  readonly price: number
  /** Null where the time has no zone that is known. */
  readonly timeMs: number | null
  readonly account: string
}

export interface CommissionReport {
  readonly exec: string
  readonly revision: number
  /** Dollars; below zero for a rebate. */
  readonly commission: number
  readonly currency: string
  /** Realised profit of the execution; null where it closed nothing. */
  readonly realised: number | null
}

export interface PositionReport {
  readonly account: string
  readonly symbol: string
  readonly kind: string
  readonly contractId: number
  readonly shares: number
  /** Mean cost of a share in dollars. */
  readonly cost: number
}

export interface Problem {
  readonly code: number
  /** Of an order; null where the message is about none. */
  readonly id: number | null
  /** Of the stream that the message is about; null for none. */
  readonly symbol: string | null
  readonly message: string
  readonly meaning: string
  readonly act: Act
}

export interface Ready {
  readonly accounts: readonly string[]
  /** The next order id. */
  readonly floor: number
  /** Of the protocol. */
  readonly version: number
  /** Not the first time: open orders, executions and positions are to be asked for. */
  readonly again: boolean
}

/** All events come in the order in which they happened, and none after `close`. */
export interface GatewayListener {
  ready(ready: Ready): void
  /** No orders until `ready`. */
  down(reason: string): void
  /** Once for an outage that lasts longer than a minute. */
  away(outage: { readonly sinceMs: number; readonly reason: string }): void
  bar(symbol: string, bar: GatewayBar): void
  /** A stream was asked for again: bars that start after `lastMs` may be missing. Null where none had come. */
  gap(symbol: string, lastMs: number | null): void
  order(report: OrderReport): void
  /** An order that waited for its turn was never written: it does not exist. */
  unsent(id: number): void
  execution(report: ExecutionReport): void
  commission(report: CommissionReport): void
  problem(problem: Problem): void
  /** 1 live, 2 frozen, 3 delayed, 4 delayed and frozen. */
  dataType(symbol: string, type: number): void
  /** 0 trades, 1 halted, 2 halted by a volatility pause. */
  halted(symbol: string, halt: 0 | 1 | 2): void
  /** An account turned up that is not a paper account: nothing is sent from now on. */
  denied(account: string): void
  /** The broker's clock minus this one, good to half a second. */
  clock(offsetMs: number): void
  note(words: string): void
  /** The end: nothing is tried again. */
  failed(error: unknown): void
}
