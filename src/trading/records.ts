/**
 * Order, fill, risk and equity records: the same lines wherever they come from, written as things happen. Times: an order stands
 * at the end of the bar it was decided on, its fill when it was executed (in a backtest at the start of the next bar, or at the
 * same time where fills are at the close), equity at the end of the next bar.
 */
import { formatTime } from '../base/time.js'
import type { Market } from '../market/market.js'
import type { Change } from '../portfolio/order-book.js'
import { ANSWERS, MAX_DAY_LOSS, RULES } from '../risk/rules.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
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

/** `NVDA-20250730T133100Z`: one order a symbol and decision, so that a repeated run names the same order. */
const orderReference = (symbol: string, timeMs: number): string =>
  `${symbol}-${formatTime(timeMs).replace(/[-:]|\.\d+/g, '')}`

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

  refused(timeMs: number, k: number, { rule, answer, wanted, allowed, value }: Outcome): void {
    if (!this.#risks) return
    const detail = { symbol: this.#options.market.symbols[k], wanted: wanted[k]!, allowed: allowed[k]! }
    this.#risk(timeMs, { rule: rule[k]!, answer: ANSWERS[answer[k]!]!, value: value[k]!, detail })
  }

  ordered(timeMs: number, k: number, { ordered, rule, completes }: Outcome): void {
    if (!this.#orders) return
    const shares = ordered[k]!
    const reason = completes[k] === 1 ? 'complete' : rule[k] === 0 ? 'target' : RULES[rule[k]!]!.name
    const reference = orderReference(this.#options.market.symbols[k]!, timeMs)
    this.#options.write(
      `{"type":"order","time":"${formatTime(timeMs)}","run":${this.#run},"symbol":${this.#symbols[k]},"side":"${side(shares)}","qty":${Math.abs(shares)},"kind":"market","limit":null,"ref":"${reference}","reason":"${reason}"}\n`,
    )
  }

  reported(change: Change): void {
    const { isExecution, symbol: k, decidedMs, timeMs, execution, shares, price, fees, slippage } = change
    if (!this.#fills || !isExecution) return
    const reference = orderReference(this.#options.market.symbols[k]!, decidedMs)
    // The simulated broker counts the executions of an order; a real one has ids of its own.
    const id = typeof execution === 'number' ? `"${reference}.${execution}"` : JSON.stringify(execution)
    this.#options.write(
      `{"type":"fill","time":"${formatTime(timeMs)}","run":${this.#run},"symbol":${this.#symbols[k]},"side":"${side(shares === 0 ? change.oldShares : shares)}","qty":${Math.abs(shares)},"price":${price},"commission":${fees},"slippage":${slippage},"ref":"${reference}","exec":${id}}\n`,
    )
  }

  settled(t: number, state: TradingState, outcome: Outcome): void {
    const { market } = this.#options
    if (outcome.terminated && this.#risks) {
      const { endedBy, endValue } = outcome
      this.#risk(market.endOf(t + 1), {
        rule: endedBy,
        answer: RULES[endedBy]!.action,
        value: endValue,
        detail: {},
      })
    }
    if (outcome.dayLoss !== null && !outcome.terminated && this.#risks) {
      const { action } = RULES[MAX_DAY_LOSS]!
      this.#risk(market.endOf(t + 1), {
        rule: MAX_DAY_LOSS,
        answer: action,
        value: outcome.dayLoss,
        detail: {},
      })
    }
    if (this.#equities)
      this.#equity(market.endOf(t + 1), state, market.close[0][t + 1]!, market.close[1][t + 1]!)
  }

  marked(timeMs: number, state: TradingState, marks: ArrayLike<number>): void {
    if (this.#equities) this.#equity(timeMs, state, marks[0]!, marks[1]!)
  }

  #risk(
    timeMs: number,
    given: {
      readonly rule: number
      readonly answer: string
      readonly value: number
      readonly detail: object
    },
  ): void {
    const { name, limit, overshoots } = RULES[given.rule]!
    const bound = limit(this.#options.rules)
    // By how much a limit was passed is known once nothing is left to close.
    const isOver = overshoots && bound !== null && (given.answer === 'deny' || !('symbol' in given.detail))
    const overshoot = isOver ? { overshoot: given.value - bound } : {}
    const detail = { ...given.detail, value: given.value, limit: bound, ...overshoot }
    this.#options.write(
      `{"type":"risk","time":"${formatTime(timeMs)}","run":${this.#run},"rule":"${name}","action":"${given.answer}","detail":${JSON.stringify(detail)}}\n`,
    )
  }

  #equity(
    timeMs: number,
    { account, equity, peak, dayStart }: TradingState,
    firstMark: number,
    secondMark: number,
  ): void {
    const { rules } = this.#options
    const [first, second] = this.#symbols
    const both = !this.#options.market.isSingle
    const { cash, position } = account
    const [a, b] = [position[0]!, position[1]!]
    if (cash !== this.#cash || a !== this.#first || b !== this.#second) {
      this.#cash = cash
      this.#first = a
      this.#second = b
      this.#account = `","run":${this.#run},"cash":${cash},"positions":{${first}:${a}${both ? `,${second}:${b}` : ''}},"marks":{${first}:`
    }
    this.#options.write(
      `{"type":"equity","time":"${formatTime(timeMs)}${this.#account}${firstMark}${both ? `,${second}:${secondMark}` : ''}},"equity":${equity},"pnl_day":${equity - dayStart},"pnl_total":${equity - rules.capital},"drawdown":${(peak - equity) / peak}}\n`,
    )
  }
}

const side = (shares: number): 'buy' | 'sell' => (shares > 0 ? 'buy' : 'sell')
