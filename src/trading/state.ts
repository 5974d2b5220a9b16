/** Everything of a run that lasts from one decision to the next: account, targets, orders, marks. */
import { numbersOf, setNumbers } from '../base/numbers.js'
import { actionOf, HOLD_BOTH, type Target } from '../env/actions.js'
import { SYMBOL_COUNT } from '../market/market.js'
import { Account } from '../portfolio/account.js'
import { OrderBook, type SavedOrders } from '../portfolio/order-book.js'

/** A state in a form that JSON keeps to the bit. */
export interface SavedState {
  readonly numbers: readonly number[]
  readonly orders: SavedOrders
}

/** The account and all that decides what is done next; overwritten in place by the transition. */
export class TradingState {
  readonly account: Account
  /** Direction of each symbol's target, and its shares, fixed when the target changed. */
  readonly target = new Float64Array(SYMBOL_COUNT)
  readonly size = new Float64Array(SYMBOL_COUNT)
  /** 1 from a change of target until its first fill: the trade is counted then. */
  readonly changing = new Float64Array(SYMBOL_COUNT)
  /** Last rule against each symbol, so that a refusal is told once and not every minute. */
  readonly lastRule = new Float64Array(SYMBOL_COUNT)
  /** 1 where a position came through a night in which it should have been flat. */
  readonly carried = new Float64Array(SYMBOL_COUNT)
  /** Dollars at the last mark, and the most so far: the only place that knows them. */
  equity: number
  peak: number
  /** Equity at the end of the session before. */
  dayStart: number
  lastAction = HOLD_BOTH
  trades = 0
  tradesToday = 0
  minute = -1
  ordersThisMinute = 0
  halted = 0
  stopped = 0
  // Apart from the numbers above: between two decisions of a simulated broker it is empty, and checkpoints of training, which
  // hold those numbers, have nothing to say of it.
  readonly #orders = new OrderBook(SYMBOL_COUNT)

  /** `capital` in dollars. */
  constructor(capital: number) {
    this.account = new Account(capital)
    this.equity = capital
    this.peak = capital
    this.dayStart = capital
  }

  get orders(): OrderBook {
    return this.#orders
  }

  /** The joint action that keeps the targets in force. */
  get heldAction(): number {
    return actionOf(this.target[0]! as Target, this.target[1]! as Target)
  }

  save(): SavedState {
    return { numbers: numbersOf(this), orders: this.#orders.save() }
  }

  /** Throws a RangeError where the numbers are not those of such a state. */
  restore({ numbers, orders }: SavedState): void {
    if (setNumbers(this, numbers) !== numbers.length) throw new RangeError('too many numbers for this state')
    this.#orders.restore(orders)
  }
}
