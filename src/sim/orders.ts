/** Orders and executions as the simulated gateway knows them: plain data, which a state file keeps. */

export const ORDER_KINDS = ['MKT', 'LMT', 'STP', 'MOC'] as const
export type OrderKind = (typeof ORDER_KINDS)[number]

/** As on the wire. Inactive: rejected after it was taken. */
export type OrderStatus = 'PreSubmitted' | 'Submitted' | 'Filled' | 'Cancelled' | 'Inactive'

export interface SimOrder {
  readonly clientId: number
  readonly orderId: number
  /** Given by the gateway; it stays what it is in every connection. */
  permId: number
  readonly account: string
  readonly symbol: string
  /** 1 buys, -1 sells. */
  readonly side: 1 | -1
  readonly kind: OrderKind
  quantity: number
  /** Dollars a share; NaN is none, null in a state file. */
  limit: number
  stop: number
  readonly tif: string
  readonly ref: string
  status: OrderStatus
  filled: number
  /** Dollars of all fills, for the mean price. */
  value: number
  lastPrice: number
  /** When it came, or was last changed: it meets the 5-second bars that begin then or later. */
  arrivedMs: number
  /** Start of the bar of the tape it was last filled in: one fill a bar. NaN before the first. */
  filledBarMs: number
  /** A stop whose price was reached is a market order from then on. */
  isTriggered: boolean
  /** Why it ended, and when; empty and NaN before. */
  reason: string
  endedMs: number
}

export interface SimExecution {
  readonly execId: string
  readonly clientId: number
  readonly orderId: number
  readonly permId: number
  readonly account: string
  readonly symbol: string
  readonly side: 1 | -1
  readonly shares: number
  readonly price: number
  readonly timeMs: number
  readonly cumQuantity: number
  readonly avgPrice: number
  readonly ref: string
  /** Dollars; the realised result is net of them. */
  readonly commission: number
  readonly realised: number
}

export const isWorking = ({ status }: SimOrder): boolean =>
  status === 'PreSubmitted' || status === 'Submitted'

/** How an order waits, on the wire: one with a condition of price or time is not with the exchange yet. */
export const waitingStatus = (kind: OrderKind): OrderStatus =>
  kind === 'STP' || kind === 'MOC' ? 'PreSubmitted' : 'Submitted'
