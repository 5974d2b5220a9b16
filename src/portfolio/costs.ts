/**
 * What trading costs: commission, a charge by traded value, half the spread, market impact. The same numbers serve
 * training and backtest.
 */

import { DUST } from './account.js'

/** Interactive Brokers' published rates for US stocks: a rate a share, a least amount an order, a largest share of its value. */
const SCHEDULES = {
  'ib-tiered': { perShare: 0.0035, least: 0.35, mostFraction: 0.01 },
  'ib-fixed': { perShare: 0.005, least: 1, mostFraction: 0.01 },
  none: { perShare: 0, least: 0, mostFraction: 0 },
} as const

export type Commission = keyof typeof SCHEDULES
export const COMMISSIONS = Object.keys(SCHEDULES) as Commission[]

export interface Costs {
  readonly commission: Commission
  /** Charged on traded value. */
  readonly costBps: number
  /** Charged for each share traded, on the mean price of the two symbols. */
  readonly tradePenaltyBps: number
  /** Paid against the reference price. */
  readonly halfSpreadBps: number
  /** Largest part of a bar's volume that one order may take; null for no cap. */
  readonly participation: number | null
  /** Impact of an order as large as the bar's volume; smaller ones pay by the square root of their part. */
  readonly impactBps: number
}

export const DEFAULT_COSTS: Costs = {
  commission: 'ib-tiered',
  costBps: 0,
  tradePenaltyBps: 0,
  halfSpreadBps: 1,
  participation: null,
  impactBps: 0,
}

/** Commission of an order in dollars. The largest share of its value wins over the least amount, as the broker has it. */
export function commissionOf(schedule: Commission, shares: number, price: number): number {
  const { perShare, least, mostFraction } = SCHEDULES[schedule]
  const byShare = perShare * shares
  const most = mostFraction * shares * price
  return Math.min(Math.max(byShare, least), most)
}

/** Fees of a fill in dollars: commission, the charge by value, the penalty. `meanPrice` is that of the two symbols. */
export function feesOf(costs: Costs, shares: number, price: number, meanPrice: number): number {
  return (
    commissionOf(costs.commission, shares, price) +
    shares * price * (costs.costBps / 1e4) +
    shares * meanPrice * (costs.tradePenaltyBps / 1e4)
  )
}

/** Shares of an order that the bar's volume lets through, whole ones unless `fractional`. */
export function fillable(costs: Costs, shares: number, volume: number, fractional: boolean): number {
  if (costs.participation === null) return shares
  const most = costs.participation * volume
  if (shares <= most) return shares
  if (!fractional) return Math.floor(most)
  return shares - most < DUST ? shares : most
}

/**
 * What an execution of signed shares has paid against a reference price, in dollars; below zero where it was better. Of the two
 * prices alone, so that a simulated execution and a broker's report of the same prices have the same number.
 */
export const slippagePaid = (shares: number, price: number, reference: number): number =>
  shares * (price - reference)

/** What a fill pays above the reference price (or gets below it), in dollars a share: half spread and square-root impact. */
export function slippageOf(costs: Costs, shares: number, price: number, volume: number): number {
  let bps = costs.halfSpreadBps
  if (costs.impactBps > 0) bps += costs.impactBps * Math.sqrt(shares < volume ? shares / volume : 1)
  return price * (bps / 1e4)
}
