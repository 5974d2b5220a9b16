/**
 * The bars that one symbol has alone between two decisions, and what they have done to the account so far. It walks over them in
 * the order of time; what each of them does is the transition's.
 */
import { type Market, SYMBOL_COUNT } from '../market/market.js'
import type { Series } from '../market/series.js'
import { Outcome } from './outcome.js'

/** Bar `i` of symbol `k` alone, and the close of its session. */
export interface LoneBar {
  readonly k: number
  readonly i: number
  readonly timeMs: number
  readonly closeMs: number
}

/** One object a transition, for the step under way alone: nothing of it lasts to the next. */
export class Apart {
  readonly #market: Market
  /** Of each symbol, the first bar alone that was not passed, for the decision after `#at`. */
  readonly #next = new Int32Array(SYMBOL_COUNT)
  #at = -1
  #untilMs = 0
  /** The bar that `next` has given, among those of its symbol alone. */
  index = 0
  /** Bars of one symbol alone were passed in this step. */
  isPassed = false
  /** Equity at the decision, dollars. */
  equity = 0
  /** Dollars a share of each symbol at its last bar, and the close of the session that it was in. */
  readonly mark = new Float64Array(SYMBOL_COUNT)
  readonly markedIn = new Float64Array(SYMBOL_COUNT)
  /** Dollars of market movement, of that over nights, and the shares filled, all of them up to that bar. */
  readonly pnl = new Float64Array(SYMBOL_COUNT)
  gap = 0
  readonly filled = new Float64Array(SYMBOL_COUNT)
  /** Close of the trading day under way. */
  closeMs = 0
  /** End of the last bar passed. */
  endMs = 0
  /** Largest part of the peak that was lost at one of the marks. */
  drawdown = 0
  /** What the guard does at such bars, for listeners. */
  readonly outcome = new Outcome()

  constructor(market: Market) {
    this.#market = market
  }

  /** Whether there are such bars between decision `t` and the next one, or the end of the data. */
  find(t: number): boolean {
    const { alone, time, length } = this.#market
    if (alone[0].length === 0 && alone[1].length === 0) return false
    const fromMs = time[t]!
    this.#untilMs = t + 1 < length ? time[t + 1]! : Number.POSITIVE_INFINITY
    let found = false
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const series = alone[k]!
      if (this.#at !== t) this.#next[k] = firstAfter(series, fromMs)
      const next = this.#next[k]!
      if (next < series.length && series.time[next]! < this.#untilMs) found = true
    }
    this.#at = t + 1
    return found
  }

  /** The marks and sums of decision `t`, before the first of these bars. */
  begin(t: number, equity: number, filled: Float64Array): void {
    const { close, sessions, session } = this.#market
    this.isPassed = true
    this.equity = equity
    this.gap = 0
    this.drawdown = 0
    this.closeMs = sessions[session[t]!]!.closeMs
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      this.mark[k] = close[k]![t]!
      this.markedIn[k] = this.closeMs
      this.pnl[k] = 0
      this.filled[k] = filled[k]!
    }
  }

  /** The symbol whose bar is the next one, which is then in `index`; -1 after the last. */
  next(): number {
    const { alone } = this.#market
    let symbol = -1
    let earliest = this.#untilMs
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const next = this.#next[k]!
      const series = alone[k]!
      if (next >= series.length || series.time[next]! >= earliest) continue
      earliest = series.time[next]!
      symbol = k
    }
    if (symbol >= 0) this.index = this.#next[symbol]!++
    return symbol
  }
}

/** Number of the first bar that begins after an instant. */
function firstAfter({ time, length }: Series, timeMs: number): number {
  let from = 0
  let to = length
  while (from < to) {
    const middle = (from + to) >> 1
    if (time[middle]! > timeMs) to = middle
    else from = middle + 1
  }
  return from
}
