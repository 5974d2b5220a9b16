/** A broker that does by chance what brokers do: acknowledge, fill in parts, repeat, correct, reject, cancel, or say nothing. */
import type { Rng } from '../../src/base/rng.js'
import {
  ACK,
  CANCEL,
  CORRECT,
  EXPIRE,
  FILL,
  LOSE,
  newReport,
  REJECT,
  type Report,
} from '../../src/portfolio/orders.js'

/** A broker by chance, with books of its own: it asks nothing of the transition's. */
export class ChanceBroker {
  readonly #rng: Rng
  readonly #orders: { id: number; symbol: number; shares: number; filled: number; open: boolean }[] = []
  /** What counts, by order and execution. */
  readonly #executions = new Map<string, Report & { symbol: number }>()
  #count = 0

  constructor(rng: Rng) {
    this.#rng = rng
  }

  send(id: number, symbol: number, shares: number): void {
    this.#orders.push({ id, symbol, shares, filled: 0, open: true })
  }

  /** The next report, or null for silence. */
  next(price: (symbol: number) => number, timeMs: number): Report | null {
    const rng = this.#rng
    const recent = this.#orders.slice(-6)
    const order = recent[rng.int(Math.max(1, recent.length))]
    if (order === undefined) return null
    const base = { ...newReport(), order: order.id, timeMs }
    const at = () => price(order.symbol) * (1 + 0.002 * rng.normal())
    const kind = rng.int(12)
    if (kind === 0) return { ...base, kind: ACK }
    if (kind === 1) return { ...base, kind: LOSE }
    if (kind === 2 && order.open) {
      order.open = false
      return { ...base, kind: [REJECT, CANCEL, EXPIRE][rng.int(3)]! }
    }
    const known = [...this.#executions].filter(([, one]) => one.order === order.id)
    if (kind === 3 && known.length > 0) return { ...known[rng.int(known.length)]![1], kind: FILL }
    if (kind === 4 && known.length > 0) {
      const [key, one] = known[rng.int(known.length)]!
      // A price, a part, or the fees were other ones.
      const shares = rng.int(2) === 0 ? one.shares : Math.trunc(one.shares / 2)
      const corrected = { ...one, kind: CORRECT, shares, price: at(), fees: rng.uniform() }
      order.filled += shares - one.shares
      this.#executions.set(key, corrected)
      return corrected
    }
    const left = Math.abs(order.shares - order.filled)
    // Also of an order that has ended: fills and cancels cross.
    if (left === 0 || (!order.open && rng.int(3) > 0)) return null
    const shares = Math.sign(order.shares) * (1 + rng.int(left))
    order.filled += shares
    if (order.filled === order.shares) order.open = false
    const execution = rng.int(2) === 0 ? ++this.#count : `e.${++this.#count}`
    const report = {
      ...base,
      kind: FILL,
      execution,
      shares,
      price: at(),
      fees: rng.uniform(),
      slippage: 0.01,
    }
    this.#executions.set(`${order.id} ${execution}`, { ...report, symbol: order.symbol })
    return report
  }

  /** Shares held, and what they and all else cost. */
  account(capital: number) {
    const position = [0, 0]
    let cash = capital
    for (const { symbol, shares, price, fees } of this.#executions.values()) {
      position[symbol]! += shares
      cash -= shares * price + fees
    }
    return { position, cash }
  }

  /** Signed shares still open on the side of `shares`, that order left out. */
  open(symbol: number, shares: number, but: number): number {
    return this.#orders
      .filter((one) => one.open && one.symbol === symbol && one.id !== but && one.shares * shares > 0)
      .reduce((sum, one) => sum + one.shares - one.filled, 0)
  }
}
