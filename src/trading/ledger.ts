/** What happened in a run, in columns: one row a decision, one row an event. Statistics are made from it. */
import { grown } from '../base/columns.js'
import type { Change } from '../portfolio/order-book.js'
import { MAX_DAY_LOSS } from '../risk/rules.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
import type { TradingState } from './state.js'

export const ORDER = 0
export const FILL = 1
export const RISK = 2

/** In place of a symbol: the event concerns the whole account. */
const NO_SYMBOL = 2

const COLUMNS = 4

/** Orders, fills and refusals in the order in which they happened. */
class Events {
  length = 0
  /** The decision, the kind, the symbol. */
  step = new Int32Array(1024)
  kind = new Uint8Array(1024)
  symbol = new Uint8Array(1024)
  /**
   * Four numbers a row. Order: signed shares, rule behind it, 1 if it completes a partial fill, -. Fill: signed shares, price,
   * fees, slippage. Risk: rule, wanted shares, allowed shares, the value looked at.
   */
  numbers = new Float64Array(COLUMNS * 1024)

  add(step: number, kind: number, symbol: number, a: number, b: number, c: number, d: number): void {
    if (this.length === this.step.length) this.#grow()
    const i = this.length++
    this.step[i] = step
    this.kind[i] = kind
    this.symbol[i] = symbol
    const at = COLUMNS * i
    this.numbers[at] = a
    this.numbers[at + 1] = b
    this.numbers[at + 2] = c
    this.numbers[at + 3] = d
  }

  /** Writes over the last fill of a symbol that has these numbers; false where there is none. */
  amend(symbol: number, old: readonly number[], now: readonly number[]): boolean {
    for (let row = this.length - 1; row >= 0; row--) {
      if (this.kind[row] !== FILL || this.symbol[row] !== symbol) continue
      if (old.some((value, column) => this.number(row, column) !== value)) continue
      this.numbers.set(now, COLUMNS * row)
      return true
    }
    return false
  }

  number(row: number, column: number): number {
    return this.numbers[COLUMNS * row + column]!
  }

  #grow(): void {
    this.step = grown(this.step, 2 * this.step.length)
    this.kind = grown(this.kind, 2 * this.kind.length)
    this.symbol = grown(this.symbol, 2 * this.symbol.length)
    this.numbers = grown(this.numbers, 2 * this.numbers.length)
  }
}

/**
 * The ledger of a run, written by the transition: one row a decision, one an event. It grows as the run goes on, so that a live
 * one needs no end.
 */
export class Ledger implements Listener {
  /** Bar of the first decision. */
  readonly first: number
  /** Decisions taken. */
  length = 0
  /** After each decision, at the close of the bar that follows. */
  action: Uint8Array<ArrayBuffer>
  /** Dollars. */
  cash: Float64Array<ArrayBuffer>
  equity: Float64Array<ArrayBuffer>
  /** Signed shares. */
  position: readonly [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  readonly events = new Events()
  /** Dollars a share at the end, where bars that one symbol has alone come after the last decision; else null. */
  lastMarks: readonly [number, number] | null = null

  /** `decisions` is how many are expected; there may be more. */
  constructor(first: number, decisions: number) {
    this.first = first
    const capacity = Math.max(1, decisions)
    this.action = new Uint8Array(capacity)
    this.cash = new Float64Array(capacity)
    this.equity = new Float64Array(capacity)
    this.position = [new Float64Array(capacity), new Float64Array(capacity)]
  }

  refused(_timeMs: number, k: number, { rule, wanted, allowed, value }: Outcome): void {
    this.events.add(this.length, RISK, k, rule[k]!, wanted[k]!, allowed[k]!, value[k]!)
  }

  ordered(_timeMs: number, k: number, { ordered, rule, completes }: Outcome): void {
    this.events.add(this.length, ORDER, k, ordered[k]!, rule[k]!, completes[k]!, 0)
  }

  reported(change: Change): void {
    if (!change.isExecution) return
    const { symbol, shares, price, fees, slippage } = change
    if (change.replaces && this.#corrected(change)) return
    this.events.add(this.length, FILL, symbol, shares, price, fees, slippage)
  }

  /** What was corrected never happened; a ledger that began later takes it back, and false says that the rest is to be added. */
  #corrected(change: Change): boolean {
    const { symbol, shares, price, fees, slippage, oldShares, oldPrice, oldFees, oldSlippage } = change
    if (
      this.events.amend(symbol, [oldShares, oldPrice, oldFees, oldSlippage], [shares, price, fees, slippage])
    )
      return true
    this.events.add(this.length, FILL, symbol, -oldShares, oldPrice, -oldFees, -oldSlippage)
    return false
  }

  settled(_t: number, { account, equity }: TradingState, outcome: Outcome): void {
    if (this.length === this.cash.length) this.#grow()
    const i = this.length++
    this.action[i] = outcome.action
    this.cash[i] = account.cash
    this.equity[i] = equity
    this.position[0][i] = account.position[0]!
    this.position[1][i] = account.position[1]!
    if (outcome.dayLoss !== null && !outcome.terminated)
      this.events.add(i, RISK, NO_SYMBOL, MAX_DAY_LOSS, 0, 0, outcome.dayLoss)
    if (outcome.terminated) this.events.add(i, RISK, NO_SYMBOL, outcome.endedBy, 0, 0, outcome.endValue)
  }

  /** The last row is that of the end of the data. */
  marked(_timeMs: number, { account, equity }: TradingState, marks: ArrayLike<number>): void {
    const i = this.length - 1
    if (i < 0) return
    this.cash[i] = account.cash
    this.equity[i] = equity
    this.position[0][i] = account.position[0]!
    this.position[1][i] = account.position[1]!
    this.lastMarks = [marks[0]!, marks[1]!]
  }

  #grow(): void {
    const capacity = 2 * this.cash.length
    this.action = grown(this.action, capacity)
    this.cash = grown(this.cash, capacity)
    this.equity = grown(this.equity, capacity)
    this.position = [grown(this.position[0], capacity), grown(this.position[1], capacity)]
  }
}
