/** What the last step did; one object a transition, overwritten by each step. */
import { SYMBOL_COUNT } from '../market/market.js'
import { ALLOW } from '../risk/rules.js'

/** By symbol where it is an array. */
export class Outcome {
  /** Signed shares ordered, and the order's id. */
  readonly ordered = new Float64Array(SYMBOL_COUNT)
  readonly order = new Float64Array(SYMBOL_COUNT)
  /** The sides, BUYS and SELLS, on which what is open of a symbol leads away from the wish: a broker is to cancel them. */
  readonly cancels = new Int32Array(SYMBOL_COUNT)
  /** Signed shares executed since the decision, of whatever order; dollars of the last price; dollars traded. */
  readonly filled = new Float64Array(SYMBOL_COUNT)
  readonly price = new Float64Array(SYMBOL_COUNT)
  readonly traded = new Float64Array(SYMBOL_COUNT)
  /** Dollars. */
  readonly fees = new Float64Array(SYMBOL_COUNT)
  readonly slippage = new Float64Array(SYMBOL_COUNT)
  /** Dollars of market movement earned, before costs. */
  readonly pnl = new Float64Array(SYMBOL_COUNT)
  /**
   * The wish before the guard, what became of it, and the rule that spoke; where that is news `told` is 1, and, where someone
   * listens, its answer and what it looked at stand beside it.
   */
  readonly wanted = new Float64Array(SYMBOL_COUNT)
  readonly allowed = new Float64Array(SYMBOL_COUNT)
  readonly rule = new Int32Array(SYMBOL_COUNT)
  /** Index into ANSWERS. */
  readonly answer = new Int32Array(SYMBOL_COUNT)
  readonly told = new Int32Array(SYMBOL_COUNT)
  /** What the rule looked at, in the unit of its limit. */
  readonly value = new Float64Array(SYMBOL_COUNT)
  /** 1 where the order only goes on with what a partial fill has left. */
  readonly completes = new Int32Array(SYMBOL_COUNT)
  action = 0
  reward = 0
  /** Ended by a limit, by this rule, which looked at this value. */
  terminated = false
  endedBy = ALLOW
  endValue = 0
  /** Dollars that a day has cost whose limit was reached, in the step in which the last position was closed; else null. */
  dayLoss: number | null = null
}
