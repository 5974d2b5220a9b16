/**
 * The guard stands between every wish and every order. It answers with the position that may be ordered and the rule that
 * changed the wish, if one did. A reduction of a position always passes: no rule can lock one in.
 *
 * Its promise: no order is sent whose worst case, which is the position with all that is open and the order executed, exceeds
 * `maxPosition` for its symbol at the last mark; and from the first mark at which a loss limit is reached, only orders that
 * reduce are sent.
 */
import type { Limits } from './limits.js'
import {
  ALLOW,
  ANSWER,
  DENY,
  HELD_OVERNIGHT,
  MAX_DAY_LOSS,
  MAX_LEVERAGE,
  MAX_LOSS,
  MAX_POSITION,
  NO_ENTRY,
  ORDER_REJECTED,
  ORDERS_PER_MINUTE,
  type RiskView,
  SESSION_END,
  STALE_DATA,
  TRADES_PER_DAY,
} from './rules.js'

/** A fraction of a share sized at 1000 / mark may come to 1000.0000000000001. */
const ROUNDING = 1 + 1e-12

/** The rule that speaks against holding `wanted` shares instead of `held`, at the last mark; ALLOW if none does. */
export function ruleFor(limits: Limits, view: RiskView, held: number, wanted: number, mark: number): number {
  if (held === 0 && wanted === 0) return ALLOW
  if (view.halted) return MAX_LOSS
  if (view.stopped) return MAX_DAY_LOSS
  if (view.carried && held !== 0) return HELD_OVERNIGHT
  // One interval later would be too late.
  if (limits.flatBeforeCloseMs !== null && view.toCloseMs - view.intervalMs < limits.flatBeforeCloseMs)
    return SESSION_END
  if (!increases(held, wanted)) return ALLOW
  if (view.rejected) return ORDER_REJECTED
  if (view.ageMs > limits.maxAgeMs) return STALE_DATA
  if (view.toCloseMs <= limits.noEntryBeforeCloseMs) return NO_ENTRY
  // The way out of what is entered counts too, so that the day stays within its number.
  if (view.tradesToday + view.tradesNeeded > limits.tradesPerDay) return TRADES_PER_DAY
  if (view.needsOrder && view.ordersThisMinute >= limits.ordersPerMinute) return ORDERS_PER_MINUTE
  if (limits.maxLeverage !== null && view.leverage > limits.maxLeverage) return MAX_LEVERAGE
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
  const answer = ANSWER[rule]!
  if (answer > DENY) return 0
  const reduced = held * wanted < 0 ? 0 : Math.abs(wanted) < Math.abs(held) ? wanted : held
  if (answer === DENY) return reduced
  const most = wholeShares(limits.maxPosition / room.mark, room.fractional)
  const clipped = wanted < 0 ? -most : most
  return Math.abs(clipped) > Math.abs(reduced) ? clipped : reduced
}

/**
 * Signed shares that may be ordered now to get from `held` to `allowed` while `buying` and `selling` shares of other orders may
 * still be executed: all that is missing where nothing is open; else the part that reduces whatever becomes of those, and never
 * passes zero. The rest waits until they have ended.
 */
export function orderable(held: number, buying: number, selling: number, allowed: number): number {
  if (buying === 0 && selling === 0) return allowed - held
  const missing = allowed - held
  if (held > 0 && missing < 0) {
    const sold = Math.min(-missing, held - selling)
    return sold > 0 ? -sold : 0
  }
  if (held < 0 && missing > 0) {
    return Math.max(0, Math.min(missing, -held - buying))
  }
  return 0
}

/** Which of the open orders are to be cancelled: a sum of BUYS and SELLS. */
export const NEITHER = 0
export const BUYS = 1
export const SELLS = 2

/** The sides on which what is open leads away from `allowed`. */
export const leadsAway = (held: number, buying: number, selling: number, allowed: number): number =>
  (buying > 0 && held + buying > allowed ? BUYS : NEITHER) +
  (selling > 0 && held - selling < allowed ? SELLS : NEITHER)

export const wholeShares = (shares: number, fractional: boolean): number =>
  fractional ? shares : Math.floor(shares)

/** Whether a position of `wanted` shares is more than one of `held`, or on the other side. */
export const increases = (held: number, wanted: number): boolean =>
  held * wanted < 0 || Math.abs(wanted) > Math.abs(held)
