/**
 * The simulated broker of training and backtest: what becomes of an order in the bar after its decision. Orders are for the day
 * and for the next bar: what finds none in time expires, and what is not filled then is cancelled before the next decision.
 */
import { badData, type Failure } from '../base/errors.js'
import { formatTime, MINUTE } from '../base/time.js'
import type { Market } from '../market/market.js'
import { type Costs, feesOf, fillable, slippageOf } from './costs.js'
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
}

/** When a fill decided at bar `t` happens: epoch milliseconds. */
const fillTime = (market: Market, t: number, fill: Fill): number =>
  fill === 'open' ? market.time[t + 1]! : market.endOf(t)

/** Answers orders, one report each in an object of its own that is overwritten. Throws where a volume is needed and unknown. */
export class SimulatedBroker {
  readonly #market: Market
  readonly #terms: FillTerms
  readonly #needsVolume: boolean
  readonly #patienceMs: number

  constructor(market: Market, terms: FillTerms) {
    this.#market = market
    this.#terms = terms
    this.#needsVolume = terms.costs.participation !== null || terms.costs.impactBps > 0
    this.#patienceMs = Math.max(PATIENCE_MS, market.intervalMs)
  }

  /** Whether orders decided at bar `t` find a bar in time; `t + 1` must exist. */
  finds(t: number): boolean {
    const { fill, overnight } = this.#terms
    if (fill === 'close') return true
    const { session, time } = this.#market
    if (session[t + 1]! !== session[t]!) return overnight
    return time[t + 1]! - this.#market.endOf(t) <= this.#patienceMs
  }

  /** Reports on an order of signed `shares` of a symbol, decided at bar `t`: a fill of all or a part, an expiry, or a cancel. */
  answer(report: Report, symbol: number, shares: number, t: number): void {
    const market = this.#market
    const { fill, costs, fractional } = this.#terms
    if (!this.finds(t)) {
      report.kind = EXPIRE
      report.timeMs = market.endOf(t)
      return
    }
    const atOpen = fill === 'open'
    const bar = atOpen ? t + 1 : t
    report.timeMs = fillTime(market, t, fill)
    const reference = atOpen ? market.open[symbol]![bar]! : market.close[symbol]![bar]!
    const volume = market.volume[symbol]![bar]!
    if (this.#needsVolume && !(volume >= 0)) throw volumeUnknown(market, symbol, bar)
    const filled = fillable(costs, Math.abs(shares), volume, fractional)
    if (filled === 0) {
      report.kind = CANCEL
      return
    }
    const slip = slippageOf(costs, filled, reference, volume)
    const price = shares > 0 ? reference + slip : reference - slip
    const meanPrice = (market.close[0]![t]! + market.close[1]![t]!) / 2
    report.kind = FILL
    report.execution = 1
    report.shares = shares > 0 ? filled : -filled
    report.price = price
    report.fees = feesOf(costs, filled, price, meanPrice)
    report.slippage = slip * filled
  }
}

function volumeUnknown(market: Market, symbol: number, bar: number): Failure {
  const { symbols, time } = market
  return badData(`${symbols[symbol]!} ${formatTime(time[bar]!)}: the volume is unknown`, {
    hint: 'a participation cap and market impact need volumes',
  })
}
