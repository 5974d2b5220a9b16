/** A market as far as it is known at a decision: what a policy may read. */
import type { Market } from './market.js'

/** What lies beyond its end cannot be read: a RangeError says so. Only who made it can move the end. */
export class MarketView {
  readonly #market: Market
  /** One number, which who made the view moves. */
  readonly #end: Int32Array

  constructor(market: Market, end: Int32Array) {
    this.#market = market
    this.#end = end
  }

  /** Bars that have ended. */
  get length(): number {
    return this.#end[0]!
  }

  /** Those that are traded. */
  get symbols(): readonly string[] {
    return this.#market.traded
  }

  /** Start of bar `i`, epoch milliseconds. */
  time(i: number): number {
    return this.#known(this.#market.time[i], i)
  }

  /** End of bar `i`: from then on it is known. */
  endOf(i: number): number {
    this.time(i)
    return this.#market.endOf(i)
  }

  /** Dollars a share, of symbol `k` in bar `i`. */
  open(k: number, i: number): number {
    return this.#known(this.#market.open[k]![i], i)
  }

  high(k: number, i: number): number {
    return this.#known(this.#market.high[k]![i], i)
  }

  low(k: number, i: number): number {
    return this.#known(this.#market.low[k]![i], i)
  }

  close(k: number, i: number): number {
    return this.#known(this.#market.close[k]![i], i)
  }

  /** Shares; NaN where unknown. */
  volume(k: number, i: number): number {
    return this.#known(this.#market.volume[k]![i], i)
  }

  /** There is no value before the first bar or between two. */
  #known(value: number | undefined, i: number): number {
    if (i < this.#end[0]! && value !== undefined) return value
    throw new RangeError(`bar ${i} is not among the ${this.#end[0]} that have ended`)
  }
}
