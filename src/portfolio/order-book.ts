/** The orders of a run, what is open of them, and the executions that count. */
import { grown } from '../base/columns.js'
import { CORRECT, type Execution, FILL, isOpen, type Report, SENT, stateAfter } from './orders.js'

/** What the last report changed, with the execution as it counts now; overwritten by the next. */
export interface Change extends Execution {
  symbol: number
  /** Where the order stands in the columns of the book. */
  slot: number
  /** The first execution of an order that makes a trade. */
  isTrade: boolean
  /** When the order was decided, epoch milliseconds. */
  decidedMs: number
  /** Of the order, before and after. */
  before: number
  after: number
  /** False where the report came without an execution. */
  isExecution: boolean
  /** The execution that it takes the place of, where there was one; else zeros. */
  replaces: boolean
  oldShares: number
  oldPrice: number
  oldFees: number
  oldSlippage: number
}

/** No wish is refused. */
const NO_TARGET = 2

/** A book that is written out as numbers and strings: exact in JSON. */
export interface SavedOrders {
  readonly nextId: number
  readonly orders: readonly (readonly number[])[]
  readonly executions: readonly (readonly [order: number, id: number | string, ...numbers: number[]])[]
  readonly refused: readonly number[]
  readonly stuck: readonly number[]
  readonly rejectedToday: number
}

/**
 * The orders of a run and their executions, in columns that grow. With a simulated broker nothing arrives late, and the book is
 * emptied at each step; with a real one it is kept.
 */
export class OrderBook {
  /** Orders known. */
  length = 0
  id = new Float64Array(8)
  symbol = new Uint8Array(8)
  state = new Uint8Array(8)
  /** Signed shares ordered, and executed so far. */
  shares = new Float64Array(8)
  filled = new Float64Array(8)
  decidedMs = new Float64Array(8)
  aim = new Float64Array(8)
  mark = new Float64Array(8)
  /** 1 until an order that makes a trade has its first execution. */
  trade = new Uint8Array(8)
  /** Signed shares that may still be executed, bought and sold, by `measure`. */
  buying = 0
  selling = 0
  /** Entries that the broker rejected today: they use up trades of the day. */
  rejectedToday = 0
  readonly change: Change = {
    symbol: 0,
    slot: 0,
    isTrade: false,
    decidedMs: 0,
    before: SENT,
    after: SENT,
    isExecution: false,
    execution: 0,
    shares: 0,
    price: 0,
    fees: 0,
    slippage: 0,
    timeMs: 0,
    replaces: false,
    oldShares: 0,
    oldPrice: 0,
    oldFees: 0,
    oldSlippage: 0,
  }
  #nextId = 1
  /** Target of each symbol that the broker refused; NO_TARGET for none. */
  readonly #refused: Float64Array
  /** Side, -1 or 1, of the last way out of each symbol that was rejected, until something of it is executed; 0 for none. */
  readonly #stuck: Float64Array
  #executions = 0
  #executionOrder = new Float64Array(8)
  readonly #executionId: (number | string)[] = []
  /** Shares, price, fees, slippage of each. */
  #executed = new Float64Array(4 * 8)

  constructor(symbols: number) {
    this.#refused = new Float64Array(symbols).fill(NO_TARGET)
    this.#stuck = new Float64Array(symbols)
  }

  /** The next id is at least this. */
  raise(id: number): void {
    this.#nextId = Math.max(this.#nextId, id)
  }

  /**
   * Enters an order of signed `shares`, decided at `decidedMs` and a mark of `mark` dollars, that is to lead to a position of
   * `aim` shares; gives its id. Ids only go up. `trade` is 1 where its first execution makes a trade. In the hot path: no object.
   */
  send(symbol: number, shares: number, decidedMs: number, aim: number, mark: number, trade: number): number {
    if (this.length === this.id.length) this.#grow()
    const slot = this.length++
    const id = this.#nextId++
    this.id[slot] = id
    this.symbol[slot] = symbol
    this.state[slot] = SENT
    this.shares[slot] = shares
    this.filled[slot] = 0
    this.decidedMs[slot] = decidedMs
    this.aim[slot] = aim
    this.mark[slot] = mark
    this.trade[slot] = trade
    return id
  }

  /** Sums what may still be executed of a symbol's orders into `buying` and `selling`. */
  measure(symbol: number): void {
    this.buying = 0
    this.selling = 0
    for (let slot = 0; slot < this.length; slot++) {
      if (this.symbol[slot] !== symbol || !isOpen(this.state[slot]!)) continue
      const rest = this.shares[slot]! - this.filled[slot]!
      if (rest > 0) this.buying += rest
      else this.selling -= rest
    }
  }

  /**
   * Takes in a report; `change` says what it changed. False where it tells nothing new, as a repeated one. Throws a RangeError
   * for an order that was never sent, for numbers that are not finite, and for shares of the other side than the order's.
   */
  take(report: Report): boolean {
    const slot = this.#slotOf(report.order)
    const { kind } = report
    const { change } = this
    const before = this.state[slot]!
    change.symbol = this.symbol[slot]!
    change.slot = slot
    change.decidedMs = this.decidedMs[slot]!
    change.before = before
    change.timeMs = report.timeMs
    change.isExecution = kind === FILL || kind === CORRECT
    change.isTrade = false
    if (change.isExecution) {
      if (!this.#execute(slot, report)) return false
      change.isTrade = this.trade[slot] === 1
      this.trade[slot] = 0
      this.#stuck[change.symbol] = 0
    }
    const after = stateAfter(before, kind, this.filled[slot]!, this.shares[slot]!)
    change.after = after
    this.state[slot] = after
    return change.isExecution || after !== before
  }

  /** Drops every order: a simulated broker says nothing late. */
  clear(): void {
    this.length = 0
    this.#executions = 0
  }

  /** Remembers that the broker refused this target of a symbol. */
  refuse(symbol: number, target: number): void {
    this.#refused[symbol] = target
  }

  /** Whether the broker has refused this target, and nothing else was wished for since. Another wish is forgotten here. */
  isRefused(symbol: number, target: number): boolean {
    if (this.#refused[symbol] === NO_TARGET) return false
    if (this.#refused[symbol] === target) return true
    this.#refused[symbol] = NO_TARGET
    return false
  }

  /** Whether a rejected way out on this side, -1 or 1, is news: nothing of the symbol was executed since the last one. */
  isStuckAnew(symbol: number, side: number): boolean {
    if (this.#stuck[symbol] === side) return false
    this.#stuck[symbol] = side
    return true
  }

  /** A new day: what was refused may be asked for again. */
  beginDay(): void {
    this.rejectedToday = 0
    this.#refused.fill(NO_TARGET)
    this.#stuck.fill(0)
  }

  save(): SavedOrders {
    const orders = Array.from({ length: this.length }, (_, i) => [
      this.id[i]!,
      this.symbol[i]!,
      this.state[i]!,
      this.shares[i]!,
      this.filled[i]!,
      this.decidedMs[i]!,
      this.aim[i]!,
      this.mark[i]!,
      this.trade[i]!,
    ])
    const executions = Array.from(
      { length: this.#executions },
      (_, i) =>
        [
          this.#executionOrder[i]!,
          this.#executionId[i]!,
          ...this.#executed.subarray(4 * i, 4 * i + 4),
        ] as const,
    )
    return {
      nextId: this.#nextId,
      orders,
      executions,
      refused: [...this.#refused],
      stuck: [...this.#stuck],
      rejectedToday: this.rejectedToday,
    }
  }

  /** Puts a saved book in the place of this one. */
  restore({ nextId, orders, executions, refused, stuck, rejectedToday }: SavedOrders): void {
    this.clear()
    for (const [
      id = 0,
      symbol = 0,
      state = 0,
      shares = 0,
      filled = 0,
      decidedMs = 0,
      aim = 0,
      mark = 0,
      trade = 0,
    ] of orders) {
      const slot = this.length
      this.send(symbol, shares, decidedMs, aim, mark, trade)
      this.id[slot] = id
      this.state[slot] = state
      this.filled[slot] = filled
    }
    for (const [order, id, ...numbers] of executions) {
      this.#enter(order, id)
      this.#executed.set(numbers, 4 * (this.#executions - 1))
    }
    this.#nextId = nextId
    this.#refused.set(refused)
    this.#stuck.set(stuck)
    this.rejectedToday = rejectedToday
  }

  #slotOf(order: number): number {
    for (let slot = this.length - 1; slot >= 0; slot--) if (this.id[slot] === order) return slot
    throw new RangeError(`no order ${order} was sent`)
  }

  /** Books an execution; false where it is known already. A correction of one never seen is that execution. */
  #execute(slot: number, { kind, order, execution, shares, price, fees, slippage }: Report): boolean {
    const { change } = this
    let at = this.#executions - 1
    while (at >= 0 && (this.#executionOrder[at] !== order || this.#executionId[at] !== execution)) at--
    if (at >= 0 && kind === FILL) return false
    const sum = shares + price + fees + slippage
    if (sum - sum !== 0) throw new RangeError(`an execution of ${shares} at ${price}, fees ${fees}`)
    const ordered = this.shares[slot]!
    if (ordered * shares < 0 || (shares === 0 && kind === FILL))
      throw new RangeError(`an execution of ${shares} for an order of ${ordered}`)
    change.replaces = at >= 0
    if (at >= 0) {
      change.oldShares = this.#executed[4 * at]!
      change.oldPrice = this.#executed[4 * at + 1]!
      change.oldFees = this.#executed[4 * at + 2]!
      change.oldSlippage = this.#executed[4 * at + 3]!
      if (
        change.oldShares === shares &&
        change.oldPrice === price &&
        change.oldFees === fees &&
        change.oldSlippage === slippage
      )
        return false
    } else {
      change.oldShares = 0
      change.oldPrice = 0
      change.oldFees = 0
      change.oldSlippage = 0
      at = this.#executions
    }
    change.execution = execution
    change.shares = shares
    change.price = price
    change.fees = fees
    change.slippage = slippage
    this.filled[slot]! += shares - change.oldShares
    if (at === this.#executions) this.#enter(order, execution)
    const executed = this.#executed
    executed[4 * at] = shares
    executed[4 * at + 1] = price
    executed[4 * at + 2] = fees
    executed[4 * at + 3] = slippage
    return true
  }

  /** Makes room for one more execution. */
  #enter(order: number, id: number | string): void {
    const at = this.#executions++
    if (at === this.#executionOrder.length) {
      this.#executionOrder = grown(this.#executionOrder, 2 * at)
      this.#executed = grown(this.#executed, 8 * at)
    }
    this.#executionOrder[at] = order
    this.#executionId[at] = id
  }

  #grow(): void {
    const size = 2 * this.id.length
    this.id = grown(this.id, size)
    this.symbol = grown(this.symbol, size)
    this.state = grown(this.state, size)
    this.shares = grown(this.shares, size)
    this.filled = grown(this.filled, size)
    this.decidedMs = grown(this.decidedMs, size)
    this.aim = grown(this.aim, size)
    this.mark = grown(this.mark, size)
    this.trade = grown(this.trade, size)
  }
}
