/**
 * Order, fill, risk and equity records: the same lines wherever they come from, written as things happen. Times: an order stands
 * at the end of the bar it was decided on, its fill when it was executed (in a backtest at the start of the next bar, or at the
 * same time where fills are at the close), equity at the end of the next bar.
 */
import { formatTime } from '../base/time.js'
import type { Market } from '../market/market.js'
import type { Change } from '../portfolio/order-book.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
import { fillRow, type Judged, lossOf, orderRow, refusal, riskRow, sinceThen } from './record-rows.js'
import type { Rules } from './rules.js'
import type { TradingState } from './state.js'

export const RECORD_TYPES = ['order', 'fill', 'risk', 'equity', 'summary'] as const
export type RecordType = (typeof RECORD_TYPES)[number]

export interface RecordOptions {
  /** Name of the run. */
  readonly run: string
  readonly market: Market
  readonly rules: Rules
  /** Lines of other types are not made. */
  readonly types: ReadonlySet<RecordType>
  /** Takes each line, with its line feed, at once. */
  readonly write: (line: string) => void
}

/** Writes the records of a run: an NDJSON line for each event, in the order of the events. */
export class RecordWriter implements Listener {
  readonly #options: RecordOptions
  readonly #run: string
  readonly #symbols: readonly string[]
  readonly #orders: boolean
  readonly #fills: boolean
  readonly #risks: boolean
  readonly #equities: boolean
  /** Cash and positions as text: they change with fills only. */
  #cash = Number.NaN
  #first = Number.NaN
  #second = Number.NaN
  #account = ''

  constructor(options: RecordOptions) {
    this.#options = options
    this.#run = JSON.stringify(options.run)
    this.#symbols = options.market.symbols.map((symbol) => JSON.stringify(symbol))
    this.#orders = options.types.has('order')
    this.#fills = options.types.has('fill')
    this.#risks = options.types.has('risk')
    this.#equities = options.types.has('equity')
  }

  refused(timeMs: number, k: number, outcome: Outcome): void {
    if (this.#risks) this.#risk(timeMs, refusal(this.#options.market.symbols[k]!, k, outcome))
  }

  ordered(timeMs: number, k: number, outcome: Outcome): void {
    if (!this.#orders) return
    const row = orderRow(this.#options.market.symbols[k]!, timeMs, k, outcome)
    this.#options.write(
      `{"type":"order","time":"${formatTime(row.time)}","run":${this.#run},"symbol":${this.#symbols[k]},"side":"${row.side}","qty":${row.qty},"kind":"${row.kind}","limit":${row.limit},"ref":"${row.ref}","reason":"${row.reason}"}\n`,
    )
  }

  reported(change: Change): void {
    if (!this.#fills || !change.isExecution) return
    const row = fillRow(this.#options.market.symbols[change.symbol]!, change)
    this.#options.write(
      `{"type":"fill","time":"${formatTime(row.time)}","run":${this.#run},"symbol":${this.#symbols[change.symbol]},"side":"${row.side}","qty":${row.qty},"price":${row.price},"commission":${row.commission},"slippage":${row.slippage},"ref":"${row.ref}","exec":${JSON.stringify(row.exec)}}\n`,
    )
  }

  settled(t: number, state: TradingState, outcome: Outcome): void {
    const { market } = this.#options
    const loss = this.#risks ? lossOf(outcome) : null
    if (loss !== null) this.#risk(market.endOf(t + 1), loss)
    if (this.#equities)
      this.#equity(market.endOf(t + 1), state, market.close[0][t + 1]!, market.close[1][t + 1]!)
  }

  marked(timeMs: number, state: TradingState, marks: ArrayLike<number>): void {
    if (this.#equities) this.#equity(timeMs, state, marks[0]!, marks[1]!)
  }

  #risk(timeMs: number, judged: Judged): void {
    const row = riskRow(timeMs, judged, this.#options.rules)
    this.#options.write(
      `{"type":"risk","time":"${formatTime(row.time)}","run":${this.#run},"rule":"${row.rule}","action":"${row.action}","detail":${JSON.stringify(row.detail)}}\n`,
    )
  }

  #equity(timeMs: number, state: TradingState, firstMark: number, secondMark: number): void {
    const { day, total, drawdown } = sinceThen(state, this.#options.rules)
    const [first, second] = this.#symbols
    const both = !this.#options.market.isSingle
    const { cash, position } = state.account
    const [a, b] = [position[0]!, position[1]!]
    if (cash !== this.#cash || a !== this.#first || b !== this.#second) {
      this.#cash = cash
      this.#first = a
      this.#second = b
      this.#account = `","run":${this.#run},"cash":${cash},"positions":{${first}:${a}${both ? `,${second}:${b}` : ''}},"marks":{${first}:`
    }
    this.#options.write(
      `{"type":"equity","time":"${formatTime(timeMs)}${this.#account}${firstMark}${both ? `,${second}:${secondMark}` : ''}},"equity":${state.equity},"pnl_day":${day},"pnl_total":${total},"drawdown":${drawdown}}\n`,
    )
  }
}
