/**
 * Executions on their way into the account. The broker says in one message what was traded, in another what it cost; and against
 * what price it is measured, the open of the first bar after the decision, the stream says. A report is made when all three are
 * known. An execution counts once, and a correction takes the place of what it corrects.
 */
import type { CommissionReport, ExecutionReport } from '../../broker/listener.js'
import { type Costs, feesOf, slippageOf, slippagePaid } from '../../portfolio/costs.js'
import { CORRECT, FILL, type Report } from '../../portfolio/orders.js'
import type { Known, SentOrder } from './replayed.js'

interface Waiting {
  readonly sent: SentOrder
  readonly execution: ExecutionReport
  readonly timeMs: number
}

/** What is known of the prices when a report is made without waiting any longer. */
export interface Marks {
  /** Dollars a share by symbol, the last known. */
  readonly mark: ArrayLike<number>
}

/** An execution that is complete. */
export interface Settled {
  readonly report: Report
  readonly execution: ExecutionReport
  /** Dollars that the cost model would have taken for slippage. */
  readonly modelled: number
}

const NOTHING: Omit<Known, 'revision'> = { shares: 0, price: 0, fees: 0, slippage: 0, modelled: 0 }

/** The executions of a run. */
export class Executions {
  readonly #costs: Costs
  /** What the account knows of each, by the broker's id. */
  readonly #done: Map<string, Known>
  readonly #waiting = new Map<string, Waiting>()
  /** Those that were settled with the commission of the model. */
  readonly #estimated = new Map<string, Waiting>()
  readonly #commission = new Map<string, number>()
  /** By order: the open of the first bar after its decision. */
  readonly #reference = new Map<number, number>()
  readonly #open = new Map<number, SentOrder>()

  constructor(costs: Costs, done: ReadonlyMap<string, Known>) {
    this.#costs = costs
    this.#done = new Map(done)
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** Dollars against the reference prices: what the executions were, and what the model expects of them. */
  get slippage(): { readonly seen: number; readonly modelled: number } {
    const sum = { seen: 0, modelled: 0 }
    for (const { slippage, modelled } of this.#done.values()) {
      sum.seen += slippage
      sum.modelled += modelled
    }
    return sum
  }

  /** Signed shares of a symbol that were executed and have not reached the account. */
  pending(symbol: number): number {
    let shares = 0
    for (const [exec, { sent, execution }] of this.#waiting)
      if (sent.symbol === symbol) shares += signedOf(sent, execution) - this.#knownOf(exec).shares
    return shares
  }

  /** Dollars that executions have moved which have not reached the account; a commission that is not known is not among them. */
  pendingCash(): number {
    let cash = 0
    for (const [exec, { sent, execution }] of this.#waiting) {
      const before = this.#knownOf(exec)
      const fees = this.#commission.get(`${exec}.${execution.revision}`) ?? before.fees
      cash -= signedOf(sent, execution) * execution.price - before.shares * before.price + fees - before.fees
    }
    return cash
  }

  /** Shares of an order that were executed and have not reached the account. */
  pendingOf(order: number): number {
    let shares = 0
    for (const [exec, { sent, execution }] of this.#waiting)
      if (sent.order === order) shares += execution.shares - Math.abs(this.#knownOf(exec).shares)
    return shares
  }

  /** An order that may be executed from now on. */
  expect(sent: SentOrder): void {
    this.#open.set(sent.order, sent)
  }

  /** A price at which a symbol has traded at the beginning of a bar. */
  opened(symbol: number, startMs: number, price: number): void {
    for (const sent of this.#open.values()) {
      if (sent.symbol !== symbol || sent.decidedMs > startMs) continue
      this.#reference.set(sent.order, price)
      this.#open.delete(sent.order)
    }
  }

  /** Takes an execution of an order of ours; false for one that is known already. */
  take(sent: SentOrder, execution: ExecutionReport, timeMs: number): boolean {
    const { exec, revision } = execution
    if ((this.#done.get(exec)?.revision ?? -1) >= revision) return false
    if ((this.#waiting.get(exec)?.execution.revision ?? -1) >= revision) return false
    this.#waiting.set(exec, { sent, execution, timeMs })
    return true
  }

  /** What an execution has cost; one that was settled without is corrected. */
  commission({ exec, revision, commission }: CommissionReport): void {
    this.#commission.set(`${exec}.${revision}`, commission)
    const estimated = this.#estimated.get(exec)
    if (estimated?.execution.revision !== revision) return
    this.#estimated.delete(exec)
    this.#waiting.set(exec, estimated)
  }

  /** Reports on the executions of which all is known; with `marks` on all, the rest with the costs of the model. */
  settle(marks: Marks | null): Settled[] {
    const settled: Settled[] = []
    for (const [exec, waiting] of this.#waiting) {
      const { sent, execution, timeMs } = waiting
      const { revision, shares, price } = execution
      const isCorrection = this.#done.has(exec)
      const known = this.#commission.get(`${exec}.${revision}`)
      const reference = this.#reference.get(sent.order)
      if ((known === undefined || reference === undefined) && marks === null) continue
      const { mark } = marks ?? { mark: [price, price] }
      const fees = known ?? feesOf(this.#costs, shares, price, (mark[0]! + mark[1]!) / 2)
      const from = reference ?? mark[sent.symbol]!
      const signed = signedOf(sent, execution)
      const slippage = slippagePaid(signed, price, from)
      const modelled = slippageOf({ ...this.#costs, impactBps: 0 }, shares, from, 0) * shares
      this.#waiting.delete(exec)
      this.#reference.set(sent.order, from)
      if (known === undefined) this.#estimated.set(exec, waiting)
      else this.#commission.delete(`${exec}.${revision}`)
      this.#done.set(exec, { revision, shares: signed, price, fees, slippage, modelled })
      const report = { order: sent.order, execution: exec, price, timeMs }
      if (shares === 0 && !isCorrection) {
        // Taken back before we heard of it: one share stands for those that nobody told of, as its costs stay.
        const one = { shares: Math.sign(sent.shares), fees: 0, slippage: 0 }
        settled.push({
          execution: { ...execution, revision: revision - 1 },
          modelled: 0,
          report: { ...report, ...one, kind: FILL },
        })
      }
      settled.push({
        execution,
        modelled,
        report: {
          ...report,
          kind: isCorrection || shares === 0 ? CORRECT : FILL,
          shares: signed,
          fees,
          slippage,
        },
      })
    }
    return settled
  }

  #knownOf(exec: string): Omit<Known, 'revision'> {
    return this.#done.get(exec) ?? NOTHING
  }
}

const signedOf = ({ shares }: SentOrder, execution: ExecutionReport): number =>
  shares > 0 ? execution.shares : -execution.shares
