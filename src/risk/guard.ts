/**
 * The guard stands between every wish and every order. It answers with the position that may be ordered and the rule that
 * changed the wish, if one did. A reduction of a position always passes: no rule can lock one in.
 *
 * Its promise: no order is sent whose worst-case notional, at the last mark, exceeds `maxPosition` for its symbol; and from the
 * first mark at which a loss limit is reached, only orders that reduce are sent. An order lives until the next decision: a broker
 * cancels what is left of it before the next is sent, so the worst case is the position with the one order filled.
 */
import type { Limits } from './limits.js'

export type RiskAction = 'clip' | 'deny' | 'flatten' | 'halt'

/** The rules, in the order in which they are asked. 0 means that the wish was allowed. */
export const RULES: readonly { readonly name: string; readonly action: RiskAction }[] = [
  { name: 'allow', action: 'clip' },
  { name: 'max-drawdown', action: 'halt' },
  { name: 'max-day-loss', action: 'flatten' },
  { name: 'session-end', action: 'flatten' },
  { name: 'stale-data', action: 'deny' },
  { name: 'no-entry-before-close', action: 'deny' },
  { name: 'trades-per-day', action: 'deny' },
  { name: 'orders-per-minute', action: 'deny' },
  { name: 'size-zero', action: 'deny' },
  { name: 'max-position', action: 'clip' },
  { name: 'drawdown-fraction', action: 'halt' },
  { name: 'held-overnight', action: 'flatten' },
]

const ruleNumber = (name: string): number => RULES.findIndex((rule) => rule.name === name)

export const ALLOW = 0
export const MAX_DRAWDOWN = ruleNumber('max-drawdown')
export const MAX_DAY_LOSS = ruleNumber('max-day-loss')
export const SESSION_END = ruleNumber('session-end')
export const STALE_DATA = ruleNumber('stale-data')
export const NO_ENTRY = ruleNumber('no-entry-before-close')
export const TRADES_PER_DAY = ruleNumber('trades-per-day')
export const ORDERS_PER_MINUTE = ruleNumber('orders-per-minute')
export const SIZE_ZERO = ruleNumber('size-zero')
export const MAX_POSITION = ruleNumber('max-position')
export const DRAWDOWN_FRACTION = ruleNumber('drawdown-fraction')
export const HELD_OVERNIGHT = ruleNumber('held-overnight')

/** A fraction of a share sized at 1000 / mark may come to 1000.0000000000001. */
const ROUNDING = 1 + 1e-12

/** What the guard looks at; filled anew for each decision, so that none is allocated. */
export interface RiskView {
  /** The drawdown limit was reached: nothing but the way out, for good. */
  halted: boolean
  /** The day's loss limit was reached. */
  stopped: boolean
  /** A position came through the night that should not have: bars were missing before the close. */
  carried: boolean
  tradesToday: number
  /** Trades that the wish takes: one if it changes the target, and one to close each position then held. */
  tradesNeeded: number
  ordersThisMinute: number
  /** Milliseconds from the decision to the session's close. */
  toCloseMs: number
  /** Milliseconds until the next decision. */
  intervalMs: number
  /** Age of the newest bar at the decision. */
  ageMs: number
}

/** The rule that speaks against holding `wanted` shares instead of `held`, at the last mark; ALLOW if none does. */
export function ruleFor(limits: Limits, view: RiskView, held: number, wanted: number, mark: number): number {
  if (held === 0 && wanted === 0) return ALLOW
  if (view.halted) return MAX_DRAWDOWN
  if (view.stopped) return MAX_DAY_LOSS
  if (view.carried && held !== 0) return HELD_OVERNIGHT
  // One interval later would be too late.
  if (limits.flatBeforeCloseMs !== null && view.toCloseMs - view.intervalMs < limits.flatBeforeCloseMs)
    return SESSION_END
  if (!increases(held, wanted)) return ALLOW
  if (view.ageMs > limits.maxAgeMs) return STALE_DATA
  if (view.toCloseMs <= limits.noEntryBeforeCloseMs) return NO_ENTRY
  // The way out of what is entered counts too, so that the day stays within its number.
  if (view.tradesToday + view.tradesNeeded > limits.tradesPerDay) return TRADES_PER_DAY
  if (view.ordersThisMinute >= limits.ordersPerMinute) return ORDERS_PER_MINUTE
  return Math.abs(wanted) * mark > limits.maxPosition * ROUNDING ? MAX_POSITION : ALLOW
}

/** The position that `rule` leaves of a wish: all of it, the part that reduces, what the limit holds, or none. */
export function permitted(
  limits: Limits,
  rule: number,
  held: number,
  wanted: number,
  room: { readonly mark: number; readonly fractional: boolean },
): number {
  if (rule === ALLOW) return wanted
  const { action } = RULES[rule]!
  if (action === 'halt' || action === 'flatten') return 0
  const reduced = held * wanted < 0 ? 0 : Math.abs(wanted) < Math.abs(held) ? wanted : held
  if (action === 'deny') return reduced
  const most = wholeShares(limits.maxPosition / room.mark, room.fractional)
  const clipped = wanted < 0 ? -most : most
  return Math.abs(clipped) > Math.abs(reduced) ? clipped : reduced
}

export const wholeShares = (shares: number, fractional: boolean): number =>
  fractional ? shares : Math.floor(shares)

const increases = (held: number, wanted: number): boolean =>
  held * wanted < 0 || Math.abs(wanted) > Math.abs(held)
