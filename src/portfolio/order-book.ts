/** The orders of a run, what is open of them, and the executions that count. */
import { CORRECT, FILL, isOpen, type Report, SENT, stateAfter } from './orders.js'

/** What the last report changed; overwritten by the next. */
export interface Change {
  symbol: number
  /** When the order was decided, epoch milliseconds. */
  decidedMs: number
  /** Of the order, before and after. */
  before: number
  after: number
  /** The execution as it counts now. `isExecution` false: none came with the report. */
  isExecution: boolean
  execution: number | string
  shares: number
  price: number
  fees: number
  slippage: number
  timeMs: number
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
  /** Signed shares that may still be executed, bought and sold, by `measure`. */
  buying = 0
  selling = 0
  /** Entries that the broker rejected today: they use up trades of the day. */
  rejectedToday = 0
  readonly change: Change = {
    symbol: 0,
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
  #executions = 0
  #executionOrder = new Float64Array(8)
  readonly #executionId: (number | string)[] = []
  /** Shares, price, fees, slippage of each. */
  #executed = new Float64Array(4 * 8)

  constructor(symbols: number) {
    this.#refused = new Float64Array(symbols).fill(NO_TARGET)
  }

  /** Enters an order of signed `shares`; gives its id. Ids only go up, from `floor` if that is higher. */
  send(symbol: number, shares: number, decidedMs: number, floor = 0): number {
    if (this.length === this.id.length) this.#grow()
    const slot = this.length++
    const id = Math.max(this.#nextId, floor)
    this.#nextId = id + 1
    this.id[slot] = id
    this.symbol[slot] = symbol
    this.state[slot] = SENT
    this.shares[slot] = shares
    this.filled[slot] = 0
    this.decidedMs[slot] = decidedMs
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
   * for an order that was never sent.
   */
  take(report: Report): boolean {
    const slot = this.#slotOf(report.order)
    const { kind } = report
    const { change } = this
    const before = this.state[slot]!
    change.symbol = this.symbol[slot]!
    change.decidedMs = this.decidedMs[slot]!
    change.before = before
    change.timeMs = report.timeMs
    change.isExecution = kind === FILL || kind === CORRECT
    if (change.isExecution && !this.#execute(slot, report)) return false
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

  /** A new day: what was refused may be asked for again. */
  beginDay(): void {
    this.rejectedToday = 0
    this.#refused.fill(NO_TARGET)
  }

  save(): SavedOrders {
    const orders = Array.from({ length: this.length }, (_, i) => [
      this.id[i]!,
      this.symbol[i]!,
      this.state[i]!,
      this.shares[i]!,
      this.filled[i]!,
      this.decidedMs[i]!,
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
      rejectedToday: this.rejectedToday,
    }
  }

  /** Puts a saved book in the place of this one. */
  restore({ nextId, orders, executions, refused, rejectedToday }: SavedOrders): void {
    this.clear()
    for (const [id = 0, symbol = 0, state = 0, shares = 0, filled = 0, decidedMs = 0] of orders) {
      const slot = this.length
      this.send(symbol, shares, decidedMs)
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
    change.replaces = at >= 0
    if (at >= 0) {
      if (kind === FILL) return false
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
      this.#executionOrder = grown(this.#executionOrder, new Float64Array(2 * at))
      this.#executed = grown(this.#executed, new Float64Array(8 * at))
    }
    this.#executionOrder[at] = order
    this.#executionId[at] = id
  }

  #grow(): void {
    const size = 2 * this.id.length
    this.id = grown(this.id, new Float64Array(size))
    this.symbol = grown(this.symbol, new Uint8Array(size))
    this.state = grown(this.state, new Uint8Array(size))
    this.shares = grown(this.shares, new Float64Array(size))
    this.filled = grown(this.filled, new Float64Array(size))
    this.decidedMs = grown(this.decidedMs, new Float64Array(size))
  }
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
