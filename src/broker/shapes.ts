/**
 * From what the library says to what jules means. A value of the wire is believed only where it can be: what is impossible is a
 * RangeError, and the message counts as one that cannot be read.
 */
import type { Contract, Execution, Order, OrderState } from '@stoqey/ib'
import {
  DAY,
  daysFromCivil,
  daysInMonth,
  HOUR,
  MINUTE,
  newYork,
  SECOND,
  utc,
  zoneNamed,
} from '../base/time.js'
import { named } from '../base/words.js'
import type {
  CommissionReport,
  ExecutionReport,
  GatewayBar,
  OrderReport,
  OrderStanding,
  PositionReport,
  Side,
} from './listener.js'

/** The broker writes a class of shares after a blank, `BRK B`; jules after a point. */
export const fromBroker = (symbol: string): string => symbol.replaceAll(' ', '.')
export const toBroker = (symbol: string): string => symbol.replaceAll('.', ' ')

const UNSET_INT = 2 ** 31 - 1

/** The library gives undefined for the largest double; other clients' servers pass it on. */
const isSet = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && Math.abs(value) < 1e300

const numberOf = (value: number | undefined, what: string): number => {
  if (!isSet(value)) throw new RangeError(`${what} is not a number`)
  return value
}

const idOf = (value: number | undefined): number =>
  value === undefined || !Number.isInteger(value) || value < 0 || value === UNSET_INT ? 0 : value

/** `20241129 09:30:05 US/Eastern`, `20241129-14:30:05` (UTC): epoch milliseconds; null without a zone that is known. */
export function stampOf(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(-| {1,2})(\d\d):(\d\d):(\d\d)(?: (\S+))?$/.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = [1, 2, 3, 5, 6, 7].map((i) => Number(match[i])) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23) return null
  const zone = match[8] !== undefined ? zoneOf(match[8]) : match[4] === '-' ? utc : null
  if (zone === null) return null
  return zone.toInstant(
    daysFromCivil(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND,
  )
}

/** The broker's older words for New York are no zones. */
const zoneOf = (name: string) => (/^(EST|EDT|EST5EDT)$/.test(name) ? newYork : zoneNamed(name))

/** `20241129` and epoch seconds, as history has them; epoch milliseconds. */
export function barTimeOf(text: string, midnight: (day: number) => number): number {
  const date = /^(\d{4})(\d\d)(\d\d)$/.exec(text)
  if (date !== null) return midnight(daysFromCivil(Number(date[1]), Number(date[2]), Number(date[3])))
  const ms = /^\d{9,11}$/.test(text) ? Number(text) * SECOND : stampOf(text)
  if (ms === null) throw new RangeError(`the time of a bar, ${named(text)}`)
  return ms
}

export type BarNumbers = readonly [
  open: number | undefined,
  high: number | undefined,
  low: number | undefined,
  close: number | undefined,
  volume: number | undefined,
  vwap: number | undefined,
  trades: number | undefined,
]

/** -1 is the wire's word for an unknown amount. */
const amountOf = (value: number | undefined): number => (isSet(value) && value >= 0 ? value : Number.NaN)

/** A bar that cannot be, such as one whose high is below its low, is a RangeError. */
export function barOf(
  startMs: number,
  [open, high, low, close, volume, vwap, trades]: BarNumbers,
): GatewayBar {
  const bar = {
    startMs,
    open: numberOf(open, 'open'),
    high: numberOf(high, 'high'),
    low: numberOf(low, 'low'),
    close: numberOf(close, 'close'),
    volume: amountOf(volume),
    vwap: amountOf(vwap),
    trades: amountOf(trades),
  }
  const isPossible =
    Number.isSafeInteger(startMs) &&
    bar.low > 0 &&
    bar.low <= Math.min(bar.open, bar.close) &&
    bar.high >= Math.max(bar.open, bar.close)
  if (!isPossible) throw new RangeError(`a bar of ${bar.open} ${bar.high} ${bar.low} ${bar.close} cannot be`)
  return bar
}

const sideOf = (word: string | undefined): Side => {
  if (word === 'BOT' || word === 'BUY') return 'buy'
  if (word === 'SLD' || word === 'SELL' || word === 'SSHORT') return 'sell'
  throw new RangeError(`a side ${named(String(word))}`)
}

/** An execution and its corrections differ in what follows the last point: `0000e0d5.1.01` is corrected by `0000e0d5.1.02`. */
export function revisionOf(execId: string): { readonly exec: string; readonly revision: number } {
  const match = /^(.+)\.(\d+)$/.exec(execId)
  if (match !== null) return { exec: match[1]!, revision: Number(match[2]) }
  if (execId === '') throw new RangeError('an execution without an id')
  return { exec: execId, revision: 1 }
}

/** Whose client id it is. */
export interface Owner {
  readonly clientId: number
}

export function executionOf(contract: Contract, execution: Execution, { clientId }: Owner): ExecutionReport {
  const id = idOf(execution.orderId)
  const client = execution.clientId ?? -1
  const shares = numberOf(execution.shares, 'shares')
  const price = numberOf(execution.price, 'price')
  if (shares < 0 || price < 0) throw new RangeError(`an execution of ${shares} shares at ${price}`)
  return {
    id,
    permId: idOf(execution.permId),
    clientId: client,
    own: client === clientId && id !== 0,
    ref: execution.orderRef ?? '',
    ...revisionOf(execution.execId ?? ''),
    symbol: fromBroker(contract.symbol ?? ''),
    kind: contract.secType ?? '',
    side: sideOf(execution.side),
    shares,
    price,
    timeMs: stampOf(execution.time ?? ''),
    account: execution.acctNumber ?? '',
  }
}

/** Exactly -1 means that the commission is not known yet; other amounts below zero are rebates. */
const PENDING = -1

/** Null where the commission is not known yet. */
export function commissionOf(report: {
  readonly execId?: string | undefined
  readonly commission?: number | undefined
  readonly currency?: string | undefined
  readonly realizedPNL?: number | undefined
}): CommissionReport | null {
  const { execId = '', commission, currency = '', realizedPNL } = report
  if (Number.isNaN(commission)) throw new RangeError('a commission that is not a number')
  if (!isSet(commission) || commission === PENDING) return null
  return {
    ...revisionOf(execId),
    commission,
    currency,
    realised: isSet(realizedPNL) ? realizedPNL : null,
  }
}

const STANDINGS: Readonly<Record<string, OrderStanding>> = {
  ApiPending: 'pending',
  PendingSubmit: 'pending',
  PreSubmitted: 'open',
  Submitted: 'open',
  PendingCancel: 'open',
  Filled: 'filled',
  Cancelled: 'cancelled',
  ApiCancelled: 'cancelled',
  Inactive: 'inactive',
}

export const standingOf = (status: string): OrderStanding =>
  Object.hasOwn(STANDINGS, status) ? STANDINGS[status]! : 'unknown'

export function orderOf(
  id: number,
  contract: Contract,
  order: Order,
  state: OrderState,
  { clientId }: Owner,
): OrderReport {
  const status = String(state.status ?? '')
  const { permId, clientId: client } = order
  const extra = state as OrderState & { readonly completedStatus?: string; readonly rejectReason?: string }
  const reason = [extra.rejectReason, extra.completedStatus, state.warningText].find(
    (words) => words !== undefined && words !== '',
  )
  return {
    id: idOf(id),
    permId: idOf(permId),
    clientId: client ?? null,
    own: client === clientId && idOf(id) !== 0,
    ref: order.orderRef ?? null,
    account: order.account ?? null,
    symbol: fromBroker(contract.symbol ?? ''),
    side: sideOf(order.action),
    shares: isSet(order.totalQuantity) ? order.totalQuantity : null,
    status,
    standing: standingOf(status),
    filled: isSet(order.filledQuantity) ? order.filledQuantity : null,
    remaining: null,
    price: null,
    reason: reason ?? null,
  }
}

export interface StatusNumbers {
  readonly filled: number | undefined
  readonly remaining: number | undefined
  readonly price: number | undefined
  readonly permId: number | undefined
  readonly clientId: number | undefined
  readonly whyHeld: string | undefined
}

export function statusOf(
  id: number,
  status: string,
  numbers: StatusNumbers,
  { clientId }: Owner,
): OrderReport {
  const { filled, remaining, price, permId, clientId: client, whyHeld } = numbers
  return {
    id: idOf(id),
    permId: idOf(permId),
    clientId: client ?? null,
    own: client === clientId && idOf(id) !== 0,
    ref: null,
    account: null,
    symbol: null,
    side: null,
    shares: null,
    status,
    standing: standingOf(status),
    filled: numberOf(filled, 'filled'),
    remaining: numberOf(remaining, 'remaining'),
    price: isSet(price) && filled !== 0 ? price : null,
    reason: whyHeld === undefined || whyHeld === '' ? null : whyHeld,
  }
}

export function positionOf(
  account: string,
  contract: Contract,
  shares: number | undefined,
  cost: number | undefined,
): PositionReport {
  return {
    account,
    symbol: fromBroker(contract.symbol ?? ''),
    kind: contract.secType ?? '',
    contractId: contract.conId ?? 0,
    shares: numberOf(shares, 'position'),
    cost: isSet(cost) ? cost : Number.NaN,
  }
}
