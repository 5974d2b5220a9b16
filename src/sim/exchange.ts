/**
 * The market and the accounts of the simulated gateway: orders meet the 5-second bars of the tape by the fills and the costs of
 * the backtest. A market order gets the open of the first one that begins when it is there, or later.
 */
import { sessionAt } from '../market/calendar.js'
import { type Costs, feesOf, fillable } from '../portfolio/costs.js'
import { SimulatedBroker } from '../portfolio/fills.js'
import { EXPIRE, FILL, newReport } from '../portfolio/orders.js'
import { Holdings, type SavedHoldings } from './holdings.js'
import { isWorking, type SimExecution, type SimOrder, waitingStatus } from './orders.js'
import type { Part, Tape } from './tape.js'

/** The price that a market order gets: by the model of the backtest, or the quote at its arrival. */
export const FILL_MODES = ['model', 'quote'] as const
export type FillMode = (typeof FILL_MODES)[number]

export interface Terms {
  readonly costs: Costs
  readonly fills: FillMode
  /** Parts of shares may be ordered. */
  readonly fractional: boolean
  /** Orders of one session wait for the next one. */
  readonly overnight: boolean
}

export interface ExchangeOptions extends Terms {
  readonly tape: Tape
  readonly accounts: readonly string[]
  /** Dollars of each account at the start. */
  readonly cash: number
  /** Something has changed that is to survive; before anybody is told of it. */
  readonly onChange: () => void
  /** Told of what happens, in its order. */
  readonly onOrder: (order: SimOrder) => void
  readonly onExecution: (order: SimOrder, execution: SimExecution) => void
  /** An execution was another one than was said. */
  readonly onCorrection: (order: SimOrder, execution: SimExecution) => void
}

/** Bid and ask around the last price. */
export interface Quote {
  readonly last: number
  readonly bid: number
  readonly ask: number
  readonly size: number
}

/** What a state file has of it. */
export interface SavedExchange {
  readonly nextPermId: number
  readonly nextExecution: number
  readonly orders: readonly SimOrder[]
  readonly executions: readonly SimExecution[]
  readonly holdings: readonly (readonly [account: string, saved: SavedHoldings, dayEquity: number])[]
}

/** Longest wait of an order for its bar, as in the backtest, unless the bars themselves are longer. */
const PATIENCE_MS = 120_000
const FIRST_PERM_ID = 1_600_000_001
const toCents = (price: number): number => Math.round(price * 100) / 100

/** Orders, executions and accounts. Time is the caller's: it only goes on. */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #broker: SimulatedBroker
  readonly #report = newReport()
  #nextPermId = FIRST_PERM_ID
  /** Of orders that have ended and of executions, as JSON. */
  readonly #texts = new WeakMap<SimOrder | SimExecution, string>()
  #nextExecution = 1
  /** Of the session of today and, where they still work, before. */
  readonly orders: SimOrder[] = []
  readonly #working = new Set<SimOrder>()
  readonly executions: SimExecution[] = []
  readonly holdings: ReadonlyMap<string, Holdings>
  /** Dollars of each account as its day began, for the result of the day. */
  readonly dayEquity = new Map<string, number>()
  /** Order refs of all orders that were ever taken. */
  readonly refs = new Set<string>()
  /** Symbols in which nothing trades, by fault. */
  readonly halted = new Set<string>()
  /** Orders, by permId, that nothing happens to, by fault. */
  readonly inert = new Set<number>()
  /** Shares that the next fills give at most, by fault: symbol, or `*`. */
  readonly caps = new Map<string, number>()

  constructor(options: ExchangeOptions) {
    this.#options = options
    const { costs, fractional, overnight, tape } = options
    this.#broker = new SimulatedBroker({
      fill: 'open',
      costs,
      fractional,
      overnight,
      intervalMs: tape.intervalMs,
    })
    this.holdings = new Map(options.accounts.map((account) => [account, new Holdings(options.cash)]))
    for (const account of options.accounts) this.dayEquity.set(account, options.cash)
  }

  /** The working order of a client by its id, or any with that id that has ended. */
  find(clientId: number, orderId: number): SimOrder | undefined {
    return this.orders.findLast((order) => order.clientId === clientId && order.orderId === orderId)
  }

  newPermId(): number {
    return this.#nextPermId++
  }

  /** Orders that have not ended, oldest first. */
  get working(): SimOrder[] {
    return [...this.#working]
  }

  /** Takes an order that was found right. */
  place(order: Omit<SimOrder, 'permId' | 'status' | 'filled' | 'value' | 'lastPrice'>): SimOrder {
    const taken: SimOrder = {
      ...order,
      permId: this.#nextPermId++,
      status: waitingStatus(order.kind),
      filled: 0,
      value: 0,
      lastPrice: 0,
    }
    this.orders.push(taken)
    this.#working.add(taken)
    if (taken.ref !== '') this.refs.add(taken.ref)
    this.#options.onChange()
    this.#options.onOrder(taken)
    if (this.#options.fills === 'quote' && taken.kind === 'MKT') this.#fillAtQuote(taken)
    return taken
  }

  /** New quantity and prices of a working order. It stands at the back again. */
  modify(order: SimOrder, { quantity, limit, stop, timeMs }: Changes): void {
    order.quantity = quantity
    order.limit = limit
    order.stop = stop
    order.arrivedMs = timeMs
    this.#options.onChange()
    this.#options.onOrder(order)
  }

  /** Ends a working order without more fills. */
  end(order: SimOrder, status: 'Cancelled' | 'Inactive', reason: string, timeMs: number): void {
    order.status = status
    order.reason = reason
    this.#working.delete(order)
    order.endedMs = timeMs
    this.#options.onChange()
    this.#options.onOrder(order)
  }

  /** Bars have ended: limits and stops that they reached, and orders for the close. */
  meetEnded(parts: readonly Part[], timeMs: number): void {
    for (const part of parts) {
      const session = sessionAt(part.startMs)
      for (const order of this.#waiting(part)) {
        if (order.arrivedMs > part.startMs) continue
        if (order.kind === 'MOC' && session !== null && part.endMs === session.closeMs)
          this.#fill(order, part, part.close, timeMs)
        else if (order.kind === 'LMT' && reaches(order, part)) this.#fill(order, part, order.limit, timeMs)
        else if (order.kind === 'STP' && !order.isTriggered && touches(order, part)) {
          order.isTriggered = true
          this.#fill(order, part, order.stop, timeMs)
        }
      }
    }
  }

  /** Orders that wait meet the bars that begin now; those that find none in time expire. */
  meetBeginning(timeMs: number): void {
    const { tape } = this.#options
    for (const order of this.working) {
      if (this.inert.has(order.permId)) continue
      const part = tape.partFrom(order.symbol, Math.max(order.arrivedMs, timeMs))
      if (
        part !== null &&
        part.startMs === timeMs &&
        order.arrivedMs <= timeMs &&
        !this.halted.has(order.symbol)
      )
        this.#meetOpen(order, part, timeMs)
      if (isWorking(order) && this.deadline(order) <= timeMs) this.#expire(order, timeMs)
    }
  }

  /** When a working order ends if nothing happens; infinite where it will meet a bar. */
  deadline(order: SimOrder): number {
    const { tape, overnight } = this.#options
    const { kind, arrivedMs, isTriggered, symbol } = order
    if (this.inert.has(order.permId)) return Number.POSITIVE_INFINITY
    const session = sessionAt(arrivedMs)
    const closeMs = session === null || arrivedMs >= session.closeMs ? arrivedMs : session.closeMs
    const fromMs = Number.isNaN(order.filledBarMs) ? arrivedMs : Math.max(arrivedMs, order.filledBarMs + 1)
    if (kind !== 'MKT' && !(kind === 'STP' && isTriggered))
      return overnight ? Number.POSITIVE_INFINITY : closeMs
    const part = tape.partFrom(symbol, fromMs)
    const isNight = part !== null && part.startMs >= closeMs
    if (part !== null && this.#broker.isInTime(arrivedMs, part.startMs, isNight))
      return Number.POSITIVE_INFINITY
    const patientMs = arrivedMs + Math.max(PATIENCE_MS, tape.intervalMs)
    return overnight ? patientMs : Math.min(closeMs, patientMs)
  }

  quote(symbol: string, timeMs: number): Quote | null {
    const part = this.#options.tape.lastPart(symbol, timeMs)
    if (part === null) return null
    const half = Math.max(0.01, toCents(part.close * (this.#options.costs.halfSpreadBps / 1e4)))
    const { close, barVolume } = part
    const size = Number.isNaN(barVolume) ? 100 : Math.max(1, Math.round(barVolume / 100))
    return { last: close, bid: toCents(close - half), ask: toCents(close + half), size }
  }

  /** Dollars of an account at the last prices. */
  equity(account: string, timeMs: number): { value: number; unrealised: number } {
    const held = this.holdings.get(account)!
    let [value, unrealised] = [0, 0]
    for (const symbol of held.symbols) {
      const price = this.#options.tape.lastPart(symbol, timeMs)?.close ?? held.averageCost(symbol)
      value += held.shares(symbol) * price
      unrealised += held.unrealised(symbol, price)
    }
    return { value, unrealised }
  }

  /** Dollars of a symbol, long or short, if this order and all open ones were filled; an order that it changes left out. */
  worstCase(
    account: string,
    symbol: string,
    {
      shares,
      except,
      timeMs,
    }: { readonly shares: number; readonly except: SimOrder | undefined; readonly timeMs: number },
  ): number {
    const held = this.holdings.get(account)?.shares(symbol) ?? 0
    let [most, least] = [held + Math.max(shares, 0), held + Math.min(shares, 0)]
    for (const order of this.working) {
      if (order === except || order.account !== account || order.symbol !== symbol) continue
      const rest = order.quantity - order.filled
      if (order.side > 0) most += rest
      else least -= rest
    }
    const price = this.#options.tape.lastPart(symbol, timeMs)?.close ?? 0
    // Only the side that the order adds to: a way out of a position that is too large is none too many.
    return price * (shares > 0 ? Math.max(most, 0) : Math.max(-least, 0))
  }

  /** What an order would cost now, for what-if: dollars of commission, and of the value traded. */
  estimate(symbol: string, quantity: number, timeMs: number): { commission: number; value: number } {
    const { costs, tape } = this.#options
    const price = tape.lastPart(symbol, timeMs)?.close ?? tape.partFrom(symbol, timeMs)?.open ?? 0
    return {
      commission: feesOf(costs, quantity, price, this.#meanPrice(timeMs, price)),
      value: price * quantity,
    }
  }

  /** An execution was another one: the broker takes it back and says what it was. Gives the execution that counts now. */
  correct(
    execId: string,
    change: { readonly shares?: number; readonly price?: number },
  ): SimExecution | null {
    const at = this.executions.findIndex((one) => one.execId === execId)
    const old = this.executions[at]
    if (old === undefined) return null
    const order = this.orders.find(({ permId }) => permId === old.permId)
    const held = this.holdings.get(old.account)!
    const { shares = old.shares, price = old.price } = change
    // The reverse of the fill, then the right one: cash comes out exactly, cost by the broker's average.
    held.cash += old.side * old.shares * old.price + old.commission
    held.cash -= old.side * shares * price + old.commission
    held.adjust(old.symbol, {
      shares: old.side * (shares - old.shares),
      cost: old.side * (shares * price - old.shares * old.price),
    })
    const revision = Number(old.execId.slice(-2)) + 1
    const corrected: SimExecution = {
      ...old,
      execId: `${old.execId.slice(0, -2)}${String(revision).padStart(2, '0')}`,
      shares,
      price,
    }
    this.executions[at] = corrected
    if (order !== undefined) {
      this.#texts.delete(order)
      order.filled += shares - old.shares
      order.value += shares * price - old.shares * old.price
      this.#options.onChange()
      this.#options.onCorrection(order, corrected)
    }
    return corrected
  }

  /** The commission of an execution is another one; negative is a rebate. Gives the execution that counts now. */
  charge(execId: string, commission: number): SimExecution | null {
    const at = this.executions.findIndex((one) => one.execId === execId)
    const old = this.executions[at]
    if (old === undefined) return null
    this.holdings.get(old.account)!.charge(old.symbol, commission - old.commission)
    const changed = {
      ...old,
      commission,
      realised: old.realised === 0 ? 0 : old.realised + old.commission - commission,
    }
    this.executions[at] = changed
    this.#options.onChange()
    return changed
  }

  /** Forgets orders and executions of days before this instant, as the broker does. */
  beginDay(openMs: number): void {
    const kept = this.orders.filter((order) => isWorking(order) || order.endedMs >= openMs)
    this.orders.splice(0, this.orders.length, ...kept)
    const today = this.executions.filter(({ timeMs }) => timeMs >= openMs)
    this.executions.splice(0, this.executions.length, ...today)
    for (const [account, { cash }] of this.holdings)
      this.dayEquity.set(account, cash + this.equity(account, openMs).value)
  }

  /** What a state file has of it, as JSON. What does not change any more is made into text once. */
  text(): string {
    const holdings = [...this.holdings].map(([account, held]) => [
      account,
      held.save(),
      this.dayEquity.get(account)!,
    ])
    return `{"nextPermId":${this.#nextPermId},"nextExecution":${this.#nextExecution},"orders":[${this.orders
      .map((order) => this.#textOf(order, !isWorking(order)))
      .join()}],"executions":[${this.executions
      .map((execution) => this.#textOf(execution, true))
      .join()}],"holdings":${JSON.stringify(holdings)}}`
  }

  restore(saved: SavedExchange): void {
    this.#nextPermId = saved.nextPermId
    this.#nextExecution = saved.nextExecution
    const real = (value: number | null) => value ?? Number.NaN
    for (const order of saved.orders)
      this.orders.push({
        ...order,
        limit: real(order.limit),
        stop: real(order.stop),
        filledBarMs: real(order.filledBarMs),
        endedMs: real(order.endedMs),
      })
    for (const order of this.orders) if (isWorking(order)) this.#working.add(order)
    this.executions.push(...saved.executions)
    for (const { ref } of saved.orders) if (ref !== '') this.refs.add(ref)
    for (const [account, holdings, dayEquity] of saved.holdings) {
      this.holdings.get(account)?.restore(holdings)
      this.dayEquity.set(account, dayEquity)
    }
  }

  #textOf(value: SimOrder | SimExecution, isFinal: boolean): string {
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const text = JSON.stringify(value)
    if (isFinal) this.#texts.set(value, text)
    return text
  }

  #waiting(part: Part): SimOrder[] {
    if (this.halted.has(part.symbol)) return []
    return this.working.filter(
      ({ symbol, filledBarMs, permId }) =>
        symbol === part.symbol && filledBarMs !== part.barMs && !this.inert.has(permId),
    )
  }

  #meetOpen(order: SimOrder, part: Part, timeMs: number): void {
    if (order.filledBarMs === part.barMs) return
    const { kind, side, limit, stop } = order
    if (kind === 'MKT' || (kind === 'STP' && order.isTriggered)) this.#fill(order, part, part.open, timeMs)
    else if (kind === 'LMT' && side * (limit - part.open) >= 0) this.#fill(order, part, part.open, timeMs)
    else if (kind === 'STP' && side * (part.open - stop) >= 0) {
      order.isTriggered = true
      this.#fill(order, part, part.open, timeMs)
    }
  }

  /** A market price by the simulated broker of the backtest; a limit order never pays more than its limit. */
  #fill(order: SimOrder, part: Part, reference: number, timeMs: number): void {
    const left = order.quantity - order.filled
    const report = this.#report
    const offer = {
      timeMs,
      barMs: part.barMs,
      price: reference,
      meanPrice: this.#meanPrice(timeMs, reference),
      volume: part.barVolume,
    }
    const cap = this.caps.get(order.symbol) ?? this.caps.get('*') ?? Number.POSITIVE_INFINITY
    this.#broker.answer(report, order.symbol, order.side * Math.min(left, cap), offer)
    if (report.kind !== FILL) return
    const shares = Math.abs(report.shares)
    const isBeyond = order.kind === 'LMT' && order.side * (report.price - order.limit) > 0
    const price = isBeyond ? order.limit : report.price
    const fees = isBeyond ? feesOf(this.#options.costs, shares, price, offer.meanPrice) : report.fees
    order.filledBarMs = part.barMs
    this.#book(order, shares, price, fees, timeMs)
  }

  #fillAtQuote(order: SimOrder): void {
    const { costs, fractional } = this.#options
    const timeMs = order.arrivedMs
    const quote = this.quote(order.symbol, timeMs)
    const last = this.#options.tape.lastPart(order.symbol, timeMs)
    if (quote === null || last === null || this.halted.has(order.symbol)) return
    const cap = this.caps.get(order.symbol) ?? this.caps.get('*') ?? Number.POSITIVE_INFINITY
    const shares = fillable(costs, Math.min(order.quantity, cap), last.barVolume, fractional)
    if (shares === 0) return
    const price = order.side > 0 ? quote.ask : quote.bid
    this.#book(order, shares, price, feesOf(costs, shares, price, this.#meanPrice(timeMs, price)), timeMs)
  }

  #book(order: SimOrder, shares: number, price: number, fees: number, timeMs: number): void {
    const realised = this.holdings.get(order.account)!.fill(order.symbol, order.side * shares, price, fees)
    order.filled += shares
    order.value += shares * price
    order.lastPrice = price
    const { clientId, orderId, permId, account, symbol, side, ref } = order
    const execution: SimExecution = {
      ...{ execId: execIdOf(this.#nextExecution++), clientId, orderId, permId, account, symbol, side },
      ...{ shares, price, timeMs, cumQuantity: order.filled, avgPrice: order.value / order.filled, ref },
      ...{ commission: fees, realised },
    }
    this.executions.push(execution)
    if (order.filled >= order.quantity) {
      order.status = 'Filled'
      this.#working.delete(order)
      order.endedMs = timeMs
    }
    this.#options.onChange()
    this.#options.onExecution(order, execution)
    this.#options.onOrder(order)
  }

  #expire(order: SimOrder, timeMs: number): void {
    this.#broker.expire(this.#report, order.arrivedMs)
    if (this.#report.kind === EXPIRE) this.end(order, 'Cancelled', 'order expired', timeMs)
  }

  /** Of the last closes of all symbols. */
  #meanPrice(timeMs: number, fallback: number): number {
    const { tape } = this.#options
    let [sum, count] = [0, 0]
    for (const symbol of tape.symbols) {
      const part = tape.lastPart(symbol, timeMs)
      if (part === null) continue
      sum += part.close
      count++
    }
    return count === 0 ? fallback : sum / count
  }
}

interface Changes {
  readonly quantity: number
  readonly limit: number
  readonly stop: number
  readonly timeMs: number
}

const reaches = ({ side, limit }: SimOrder, { low, high }: Part): boolean =>
  side > 0 ? low <= limit : high >= limit

const touches = ({ side, stop }: SimOrder, { low, high }: Part): boolean =>
  side > 0 ? high >= stop : low <= stop

/** As the broker's look; what stands after the last point is the revision. */
const execIdOf = (number: number): string => `00000jul.${number.toString(16).padStart(8, '0')}.01`
