/**
 * The simulated broker of training and backtest: what becomes of an order at the next bar of its symbol. Orders are for the day
 * and for that bar: what finds none in time expires, and what is not filled then is cancelled before the next decision.
 */
import { badData, type Failure } from '../base/errors.js'
import { formatTime, MINUTE } from '../base/time.js'
import { type Costs, feesOf, fillable, slippageOf, slippagePaid } from './costs.js'
import { CANCEL, EXPIRE, FILL, type Report } from './orders.js'

export const FILLS = ['open', 'close'] as const
/** The price that an order gets: the next bar's open, or the close it was decided on, which no market offers. */
export type Fill = (typeof FILLS)[number]

/** Longest wait of an order for its bar, unless the bars themselves are longer. */
const PATIENCE_MS = 2 * MINUTE

export interface FillTerms {
  readonly fill: Fill
  readonly costs: Costs
  /** Parts of shares may be filled. */
  readonly fractional: boolean
  /** An order decided on the last bar of a session is filled in the next one. */
  readonly overnight: boolean
  /** Length of the bars. */
  readonly intervalMs: number
}

/** What an order meets; one object may serve for all. Dollars a share; the mean price is that of the two symbols. */
export interface Offer {
  /** When it is filled, and the start of the bar, for messages. */
  timeMs: number
  barMs: number
  price: number
  meanPrice: number
  /** Shares of the bar; NaN where unknown. */
  volume: number
}

/** Answers orders, one report each in an object of its own that is overwritten. Throws where a volume is needed and unknown. */
export class SimulatedBroker {
  readonly #terms: FillTerms
  readonly #needsVolume: boolean
  readonly #patienceMs: number

  constructor(terms: FillTerms) {
    this.#terms = terms
    this.#needsVolume = terms.costs.participation !== null || terms.costs.impactBps > 0
    this.#patienceMs = Math.max(PATIENCE_MS, terms.intervalMs)
  }

  /** Whether a bar at `barMs` comes in time for an order decided at `decidedMs`; `isNight` where they are of two sessions. */
  isInTime(decidedMs: number, barMs: number, isNight: boolean): boolean {
    const { fill, overnight } = this.#terms
    if (fill === 'close') return true
    return isNight ? overnight : barMs - decidedMs <= this.#patienceMs
  }

  /** Reports that an order decided at `decidedMs` has found no bar in time. */
  expire(report: Report, decidedMs: number): void {
    report.kind = EXPIRE
    report.timeMs = decidedMs
  }

  /** Reports on an order of signed `shares` of a symbol that has met its bar: a fill of all or a part, or a cancel. */
  answer(report: Report, symbol: string, shares: number, offer: Offer): void {
    const { costs, fractional } = this.#terms
    const { volume } = offer
    report.timeMs = offer.timeMs
    if (this.#needsVolume && !(volume >= 0)) throw volumeUnknown(symbol, offer.barMs)
    const filled = fillable(costs, Math.abs(shares), volume, fractional)
    if (filled === 0) {
      report.kind = CANCEL
      return
    }
    const slip = slippageOf(costs, filled, offer.price, volume)
    const price = shares > 0 ? offer.price + slip : offer.price - slip
    report.kind = FILL
    report.execution = 1
    report.shares = shares > 0 ? filled : -filled
    report.price = price
    report.fees = feesOf(costs, filled, price, offer.meanPrice)
    report.slippage = slippagePaid(report.shares, price, offer.price)
  }
}

function volumeUnknown(symbol: string, barMs: number): Failure {
  return badData(`${symbol} ${formatTime(barMs)}: the volume is unknown`, {
    hint: 'a participation cap and market impact need volumes',
  })
}
