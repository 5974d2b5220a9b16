/** Orders on their way to the broker, and what it says of them on its way into the account. */
import type { JournalEvent } from '../../broker/journal.js'
import type { CommissionReport, ExecutionReport, OrderReport } from '../../broker/listener.js'
import { ACK, CANCEL, isOpen, newReport, type Report, SENT, UNKNOWN } from '../../portfolio/orders.js'
import type { Orders } from '../live.js'
import { Executions } from './executions.js'
import type { Notes } from './notes.js'
import type { PaperOptions } from './options.js'
import type { SentOrder } from './replayed.js'

/** The orders of one run. */
export class OrderDesk {
  readonly #options: PaperOptions
  readonly #notes: Notes
  /** Told, once each, of what others trade in our account of what we trade. */
  readonly #foreign: (words: string) => void
  readonly #executions: Executions
  readonly #orders: Map<number, SentOrder>
  readonly #byId = new Map<number, SentOrder>()
  /** When an order that had worked for too long was last cancelled, session time. */
  readonly #cancelledMs = new Map<number, number>()
  /** Executions of others, once each. */
  readonly #foreigners = new Set<string>()
  /** When the last order was written, host time; null since the mark was taken away. */
  placedMs: number | null = null

  constructor(options: PaperOptions, notes: Notes, foreign: (words: string) => void) {
    const { live, past, run } = options
    this.#options = options
    this.#notes = notes
    this.#foreign = foreign
    this.#executions = new Executions(live.options.rules.costs, past.executions)
    this.#orders = new Map(past.orders)
    const { orders } = live.state
    for (let slot = 0; slot < orders.length; slot++) {
      const order = orders.id[slot]!
      // One whose intent did not reach the journal was never sent.
      const sent = this.#orders.get(order) ?? {
        order,
        id: 0,
        ref: referenceOf(run, order),
        symbol: orders.symbol[slot]!,
        shares: orders.shares[slot]!,
        decidedMs: orders.decidedMs[slot]!,
      }
      this.#orders.set(order, sent)
      if (!isOpen(orders.state[slot]!)) continue
      if (sent.id !== 0) this.#byId.set(sent.id, sent)
      this.#executions.expect(sent)
    }
  }

  /** Journal first, then the wire; where nothing may be sent, the orders end at once. */
  async send({ cancels, intents }: Orders, canSend: (symbol: number) => boolean): Promise<void> {
    const { broker, run } = this.#options
    const orders = intents.map(
      ({ order, symbol, shares, decidedMs }): SentOrder => ({
        order,
        id: canSend(symbol) ? broker.nextId() : 0,
        ref: referenceOf(run, order),
        symbol,
        shares,
        decidedMs,
      }),
    )
    this.#notes.note(...orders.map(intentOf))
    // Nothing goes out that is not on the disk.
    if (orders.length > 0) await this.#notes.write({ sync: true })
    for (const order of cancels) this.cancel(order)
    for (const one of orders) {
      this.#orders.set(one.order, one)
      if (one.id !== 0) this.#place(one)
      else this.report(one, CANCEL)
    }
  }

  /** Sends an order again that never reached the broker, under a new id. */
  async resend(sent: SentOrder): Promise<void> {
    sent.id = this.#options.broker.nextId()
    this.#notes.note(intentOf(sent))
    await this.#notes.write({ sync: true })
    this.#place(sent)
  }

  /** Asks the broker to cancel what is left of an order. */
  cancel(order: number): void {
    const { broker } = this.#options
    const sent = this.#orders.get(order)
    if (sent !== undefined && broker.state === 'ready') broker.cancel(sent.id)
  }

  get slippage(): Executions['slippage'] {
    return this.#executions.slippage
  }

  /** Orders of which more may be executed than is known. */
  working(): SentOrder[] {
    const { orders } = this.#options.live.state
    const working: SentOrder[] = []
    // A journal has the orders of months: the book says which few are open.
    for (let slot = 0; slot < orders.length; slot++) {
      const sent = isOpen(orders.state[slot]!) ? this.#orders.get(orders.id[slot]!) : undefined
      if (sent !== undefined && this.#executions.pendingOf(sent.order) < Math.abs(sent.shares))
        working.push(sent)
    }
    return working
  }

  /** Orders that have worked for longer than `ageMs` are cancelled: asked for once in that time. */
  cancelOld(ageMs: number): void {
    const nowMs = this.#options.clock.now()
    for (const { order, decidedMs } of this.working()) {
      if (nowMs - Math.max(decidedMs, this.#cancelledMs.get(order) ?? 0) < ageMs) continue
      this.#cancelledMs.set(order, nowMs)
      this.cancel(order)
    }
  }

  /** The broker knows an order of ours by this id. */
  found(sent: SentOrder, id: number): void {
    sent.id = id
    this.#byId.set(id, sent)
    this.report(sent, ACK)
  }

  /** The order of ours with this id at the broker. */
  withId(id: number): SentOrder | undefined {
    return this.#byId.get(id)
  }

  /** A price at which a symbol has traded at the beginning of a bar: executions are measured against it. */
  opened(symbol: number, startMs: number, price: number): void {
    this.#executions.opened(symbol, startMs, price)
  }

  /** Signed shares of a symbol that we hold by all that is known. */
  held(symbol: number): number {
    return this.#options.live.state.account.position[symbol]! + this.#executions.pending(symbol)
  }

  /** Dollars of cash by all that is known. */
  cash(): number {
    return this.#options.live.state.account.cash + this.#executions.pendingCash()
  }

  /** The broker says how an order stands. */
  stands(report: OrderReport): void {
    const sent = this.#sentOf(report)
    if (sent === undefined) return
    if (report.standing === 'open' || report.standing === 'pending') this.report(sent, ACK)
    else if (report.standing === 'cancelled') this.closed(sent, CANCEL)
  }

  /** Something was traded. */
  execution(report: ExecutionReport): void {
    const sent = this.#sentOf(report)
    if (sent === undefined) this.#byOthers(report)
    else if (this.#executions.take(sent, report, report.timeMs ?? this.#options.clock.now()))
      this.settle(false)
  }

  /** What an execution has cost. */
  commission(report: CommissionReport): void {
    this.#executions.commission(report)
    this.settle(false)
  }

  /** Executions of which all is known reach the account; with `all` those too of which something is still to come. */
  settle(all: boolean): void {
    if (this.#executions.isEmpty) return
    const { live } = this.#options
    const mark = live.options.market.close.map((column) => column[live.t] ?? Number.NaN)
    for (const { report, execution, modelled } of this.#executions.settle(all ? { mark } : null)) {
      const { revision, permId } = execution
      this.#notes.note({ event: 'report', report, revision, perm: permId, modelled })
      live.apply(report)
    }
  }

  /** An order has ended, if there is one; the broker may have said why. */
  closed(sent: SentOrder | undefined, kind: number, why?: string): void {
    if (sent === undefined) return
    this.settle(false)
    this.report(sent, kind, why)
  }

  /** Tells the account of an order that has not ended. */
  report({ order, decidedMs }: SentOrder, kind: number, why?: string): void {
    const state = this.#stateOf(order)
    if (state === null || !isOpen(state)) return
    // Brokers say many times that an order lives.
    if (kind === ACK && state !== SENT && state !== UNKNOWN) return
    const report: Report = { ...newReport(), kind, order, timeMs: decidedMs }
    this.#notes.note({ event: 'report', report, ...(why === undefined ? {} : { why }) })
    this.#options.live.apply(report)
  }

  /** Sends an order whose intent is on the disk. */
  #place(one: SentOrder): void {
    const { broker, contracts, host } = this.#options
    this.#byId.set(one.id, one)
    this.#executions.expect(one)
    // The connection may have gone while the disk was written to.
    if (broker.state !== 'ready') {
      this.report(one, CANCEL)
      return
    }
    broker.place(one.id, contracts[one.symbol]!, {
      ref: one.ref,
      side: one.shares > 0 ? 'buy' : 'sell',
      shares: Math.abs(one.shares),
      kind: 'market',
    })
    this.placedMs = host()
    this.#notes.note({ event: 'sent', order: one.order, id: one.id })
  }

  #stateOf(order: number): number | null {
    const { orders } = this.#options.live.state
    for (let slot = orders.length - 1; slot >= 0; slot--)
      if (orders.id[slot] === order) return orders.state[slot]!
    return null
  }

  /** Somebody else trades what we trade, in our account: from now on nobody knows whose the shares are. */
  #byOthers({ account, symbol, kind, exec, side, shares }: ExecutionReport): void {
    const { broker, live } = this.#options
    if (account !== broker.account || kind !== 'STK' || !live.options.market.symbols.includes(symbol)) return
    if (this.#foreigners.has(exec)) return
    this.#foreigners.add(exec)
    this.#foreign(`an order that is not ours: ${side} ${shares} ${symbol}`)
  }

  /** The order of ours that a report is about, by the reference that it keeps, else by its id. */
  #sentOf({
    id,
    ref,
    own,
  }: {
    readonly id: number
    readonly ref: string | null
    readonly own: boolean
  }): SentOrder | undefined {
    const prefix = referenceOf(this.#options.run, '')
    if (ref?.startsWith(prefix)) return this.#orders.get(Number(ref.slice(prefix.length)))
    return own && id !== 0 ? this.#byId.get(id) : undefined
  }
}

/** An order keeps it for good: by it the broker is asked what became of it. */
const referenceOf = (run: string, order: number | ''): string => `jules:${run}:${order}`

const intentOf = ({ order, id, ref, symbol, shares, decidedMs }: SentOrder): JournalEvent => ({
  event: 'intent',
  order,
  id,
  ref,
  symbol,
  shares,
  time: decidedMs,
})
