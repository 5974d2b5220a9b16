/** What happened in a run, in columns: one row a decision, one row an event. Records are made from it when asked for. */

export const ORDER = 0
export const FILL = 1
export const RISK = 2

/** In place of a symbol: the event concerns the whole account. */
export const NO_SYMBOL = 2

const COLUMNS = 4

/** Orders, fills and refusals in the order in which they happened. */
export class Events {
  length = 0
  /** The decision, the kind, the symbol. */
  step = new Int32Array(1024)
  kind = new Uint8Array(1024)
  symbol = new Uint8Array(1024)
  /**
   * Four numbers a row. Order: signed shares, rule behind it, 1 if it completes a partial fill, -. Fill: signed shares, price,
   * fees, slippage. Risk: rule, wanted shares, allowed shares, value at risk.
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

  number(row: number, column: number): number {
    return this.numbers[COLUMNS * row + column]!
  }

  #grow(): void {
    const grown = <T extends Int32Array | Uint8Array | Float64Array>(old: T, to: T): T => {
      to.set(old)
      return to
    }
    this.step = grown(this.step, new Int32Array(2 * this.step.length))
    this.kind = grown(this.kind, new Uint8Array(2 * this.kind.length))
    this.symbol = grown(this.symbol, new Uint8Array(2 * this.symbol.length))
    this.numbers = grown(this.numbers, new Float64Array(2 * this.numbers.length))
  }
}

export class Ledger {
  /** Bar of the first decision. */
  readonly first: number
  /** Decisions taken. */
  length = 0
  /** After each decision, at the close of the bar that follows. */
  readonly action: Uint8Array
  readonly cash: Float64Array
  readonly equity: Float64Array
  readonly position: readonly [Float64Array, Float64Array]
  readonly events = new Events()

  constructor(first: number, decisions: number) {
    this.first = first
    this.action = new Uint8Array(decisions)
    this.cash = new Float64Array(decisions)
    this.equity = new Float64Array(decisions)
    this.position = [new Float64Array(decisions), new Float64Array(decisions)]
  }
}
