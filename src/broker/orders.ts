/** Orders on their way out, and what is news of them on the way in. */
import type { OrderFields } from './line.js'
import type { OrderReport, OrderStanding, Side } from './listener.js'

/** What to trade. Prices in dollars. */
export interface OrderWish {
  /** Unique, and kept by an order that is sent again. */
  readonly ref: string
  readonly side: Side
  readonly shares: number
  readonly kind: 'market' | 'limit' | 'stop' | 'close'
  readonly limit?: number | null
  readonly stop?: number | null
}

const TYPES = { market: 'MKT', limit: 'LMT', stop: 'STP', close: 'MOC' } as const

/** Throws a RangeError for an order that the broker would refuse, or worse, would take. */
export function orderFields(wish: OrderWish, account: string): OrderFields {
  const { ref, side, shares, kind } = wish
  if (ref === '') throw new RangeError('an order without a reference')
  if (!Number.isSafeInteger(shares) || shares <= 0) throw new RangeError(`an order for ${shares} shares`)
  return {
    account,
    ref,
    side,
    shares,
    type: TYPES[kind],
    limit: priceOf(wish.limit ?? null, kind === 'limit', 'limit'),
    stop: priceOf(wish.stop ?? null, kind === 'stop', 'stop'),
  }
}

function priceOf(price: number | null, isNeeded: boolean, what: string): number | null {
  if ((price !== null) !== isNeeded)
    throw new RangeError(`a ${what} price where there is to be ${isNeeded ? 'one' : 'none'}`)
  if (price === null) return null
  const cents = Math.round(price * 100)
  if (!(price > 0) || cents / 100 !== price)
    throw new RangeError(`a ${what} of ${price} dollars is not on the grid of cents`)
  return price
}

const ENDS: ReadonlySet<OrderStanding> = new Set<OrderStanding>(['filled', 'cancelled'])

/**
 * What is news about orders: the broker says things twice, and late. What was filled only grows, and an order that has ended does
 * not live again, though one that was cancelled may turn out to be filled.
 */
export class OrderNews {
  readonly #known = new Map<string, OrderReport>()

  /** What to tell of a report, with what earlier ones said added; null where it is no news. */
  take(report: OrderReport): OrderReport | null {
    const key = keyOf(report)
    const before = this.#known.get(key) ?? this.#ofId(report, key)
    // An open order says what was ordered, and not how much of it was filled.
    const isWhole = report.standing === 'filled' && report.filled === null && report.shares !== null
    const merged: OrderReport = {
      ...report,
      ref: report.ref ?? before?.ref ?? null,
      account: report.account ?? before?.account ?? null,
      symbol: report.symbol ?? before?.symbol ?? null,
      side: report.side ?? before?.side ?? null,
      shares: report.shares ?? before?.shares ?? null,
      filled: isWhole ? report.shares : (report.filled ?? before?.filled ?? null),
      remaining: isWhole ? 0 : (report.remaining ?? before?.remaining ?? null),
      price: report.price ?? before?.price ?? null,
      reason: report.reason ?? before?.reason ?? null,
    }
    if (before !== undefined) {
      const isLate =
        (ENDS.has(before.standing) && !ENDS.has(report.standing)) ||
        (before.standing === 'filled' && report.standing === 'cancelled') ||
        (merged.filled ?? 0) < (before.filled ?? 0)
      if (isLate || isSame(before, merged)) return null
    }
    this.#known.set(key, merged)
    return merged
  }

  /** What is known of each, in the order in which they were first heard of. */
  all(): OrderReport[] {
    return [...this.#known.values()]
  }

  /** The first report may come before the broker has given the order its lasting id. */
  #ofId(report: OrderReport, key: string): OrderReport | undefined {
    const early = `id ${report.clientId ?? ''} ${report.id}`
    const known = report.id === 0 || key === early ? undefined : this.#known.get(early)
    if (known !== undefined) this.#known.delete(early)
    return known
  }
}

/** The lasting id where there is one: orders of other hands have the order id 0. */
const keyOf = ({ permId, clientId, id }: OrderReport): string =>
  permId !== 0 ? `perm ${permId}` : `id ${clientId ?? ''} ${id}`

const isSame = (a: OrderReport, b: OrderReport): boolean =>
  (Object.keys(b) as (keyof OrderReport)[]).every((key) => a[key] === b[key])
