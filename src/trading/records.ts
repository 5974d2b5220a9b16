/**
 * Order, fill, risk and equity records, the same lines wherever they come from. Times: an order stands at the end of the bar
 * it was decided on, its fill at the start of the next (at the same time where fills are at the close), equity at the end of
 * the next bar.
 */
import { formatTime } from '../base/time.js'
import type { Market } from '../market/align.js'
import { RULES } from '../risk/guard.js'
import { FILL, type Ledger, NO_SYMBOL, ORDER } from './ledger.js'
import type { Fill, Rules } from './step.js'

export const RECORD_TYPES = ['order', 'fill', 'risk', 'equity', 'summary'] as const
export type RecordType = (typeof RECORD_TYPES)[number]

export interface RecordSource {
  readonly run: string
  readonly market: Market
  readonly ledger: Ledger
  readonly rules: Rules
}

/** `NVDA-20250730T133100Z`: one order a symbol and decision, so that a repeated run names the same order. */
export const orderReference = (symbol: string, timeMs: number): string =>
  `${symbol}-${formatTime(timeMs).replace(/[-:]|\.\d+/g, '')}`

/** NDJSON lines in the order of time; those of a type not in `types` are left out. */
export function* recordLines(source: RecordSource, types: ReadonlySet<RecordType>): Generator<string> {
  const { ledger } = source
  const { events } = ledger
  const lines = new Lines(source)
  const equity = types.has('equity')
  let row = 0
  for (let i = 0; i < ledger.length; i++) {
    for (; row < events.length && events.step[row] === i; row++) {
      const kind = events.kind[row]!
      if (types.has(kind === ORDER ? 'order' : kind === FILL ? 'fill' : 'risk')) yield lines.event(i, row)
    }
    lines.mark(i)
    if (equity) yield lines.equity(i)
  }
}

class Lines {
  readonly #source: RecordSource
  readonly #run: string
  readonly #symbols: readonly string[]
  #peak: number
  #dayStart: number
  #before: number
  /** Cash and positions as text: they change with fills only. */
  #cash = Number.NaN
  #first = Number.NaN
  #second = Number.NaN
  #account = ''

  constructor(source: RecordSource) {
    this.#source = source
    this.#run = JSON.stringify(source.run)
    this.#symbols = source.market.symbols.map((symbol) => JSON.stringify(symbol))
    const { capital } = source.rules
    this.#peak = capital
    this.#dayStart = capital
    this.#before = capital
  }

  event(i: number, row: number): string {
    const { market, ledger, rules } = this.#source
    const { events } = ledger
    const k = events.symbol[row]!
    const t = ledger.first + i
    const decided = market.endOf(t)
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => events.number(row, n)) as [number, number, number, number]
    const kind = events.kind[row]!
    if (kind === ORDER) {
      const reason = c === 1 ? 'complete' : b === 0 ? 'target' : RULES[b]!.name
      const reference = orderReference(market.symbols[k]!, decided)
      return `{"type":"order","time":"${formatTime(decided)}","run":${this.#run},"symbol":${this.#symbols[k]},"side":"${side(a)}","qty":${Math.abs(a)},"kind":"market","limit":null,"ref":"${reference}","reason":"${reason}"}\n`
    }
    if (kind === FILL) {
      const time = formatTime(fillTime(market, t, rules.fill))
      const reference = orderReference(market.symbols[k]!, decided)
      return `{"type":"fill","time":"${time}","run":${this.#run},"symbol":${this.#symbols[k]},"side":"${side(a)}","qty":${Math.abs(a)},"price":${b},"commission":${c},"slippage":${d},"ref":"${reference}","exec":"${reference}.1"}\n`
    }
    const ends = k === NO_SYMBOL
    const time = formatTime(ends ? market.endOf(t + 1) : decided)
    const { name, action } = RULES[a]!
    // With nothing held there is nothing to flatten: the wish is refused.
    const held = ends || (i > 0 && ledger.position[k]![i - 1]! !== 0)
    const answer = action === 'flatten' && !held ? 'deny' : action
    const limit = limitOf(rules, name)
    const detail = {
      ...(ends ? {} : { symbol: market.symbols[k], wanted: b, allowed: c }),
      value: d,
      limit,
      ...(LOSS_RULES.has(name) && limit !== null ? { overshoot: d - limit } : {}),
    }
    return `{"type":"risk","time":"${time}","run":${this.#run},"rule":"${name}","action":"${answer}","detail":${JSON.stringify(detail)}}\n`
  }

  /** Takes in the equity after decision `i`: the peak, and the start of the day. */
  mark(i: number): void {
    const { market, ledger } = this.#source
    const t = ledger.first + i + 1
    const equity = ledger.equity[i]!
    if (market.session[t]! !== market.session[t - 1]!) this.#dayStart = this.#before
    if (equity > this.#peak) this.#peak = equity
    this.#before = equity
  }

  equity(i: number): string {
    const { market, ledger, rules } = this.#source
    const t = ledger.first + i + 1
    const equity = ledger.equity[i]!
    const [first, second] = this.#symbols
    const cash = ledger.cash[i]!
    const [a, b] = [ledger.position[0][i]!, ledger.position[1][i]!]
    if (cash !== this.#cash || a !== this.#first || b !== this.#second) {
      this.#cash = cash
      this.#first = a
      this.#second = b
      this.#account = `","run":${this.#run},"cash":${cash},"positions":{${first}:${a},${second}:${b}},"marks":{${first}:`
    }
    return `{"type":"equity","time":"${formatTime(market.endOf(t))}${this.#account}${market.close[0][t]!},${second}:${market.close[1][t]!}},"equity":${equity},"pnl_day":${equity - this.#dayStart},"pnl_total":${equity - rules.capital},"drawdown":${(this.#peak - equity) / this.#peak}}\n`
  }
}

const side = (shares: number): 'buy' | 'sell' => (shares > 0 ? 'buy' : 'sell')

const fillTime = (market: Market, t: number, fill: Fill): number =>
  fill === 'open' ? market.time[t + 1]! : market.endOf(t)

/** Rules of which a record says how far past the limit the account was. */
const LOSS_RULES: ReadonlySet<string> = new Set(['max-drawdown', 'max-day-loss', 'drawdown-fraction'])

/** What a rule holds the value against, in the same unit; null where it is not a number. */
function limitOf({ limits, maxPosition, maxDrawdownFraction }: Rules, rule: string): number | null {
  const numbers: Record<string, number | null> = {
    'max-drawdown': limits.maxDrawdown,
    'max-day-loss': limits.maxDayLoss,
    'session-end': limits.flatBeforeCloseMs,
    'stale-data': limits.maxAgeMs,
    'no-entry-before-close': limits.noEntryBeforeCloseMs,
    'trades-per-day': limits.tradesPerDay,
    'orders-per-minute': limits.ordersPerMinute,
    'size-zero': maxPosition,
    'max-position': limits.maxPosition,
    'drawdown-fraction': maxDrawdownFraction,
  }
  return numbers[rule] ?? null
}
