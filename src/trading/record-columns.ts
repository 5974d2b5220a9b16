/**
 * The records of one type of a run as the rows of a table: what `RecordWriter` writes as lines, in columns. An equity record is put
 * down without an object made for it.
 */
import type { Market } from '../market/market.js'
import type { Change } from '../portfolio/order-book.js'
import type { Layout, TableWriter } from '../stream/parquet/table.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
import { fillRow, type Judged, lossOf, orderRow, refusal, riskRow, sinceThen } from './record-rows.js'
import type { Rules } from './rules.js'
import type { TradingState } from './state.js'

/** Types of records that are rows of a table while a run goes on. */
export type TableType = 'order' | 'fill' | 'risk' | 'equity'

const time = { name: 'time', kind: 'time' } as const
const number = (name: string) => ({ name, kind: 'number' }) as const
const text = (name: string) => ({ name, kind: 'text' }) as const

/** The columns of the records of a type: its fields, in the order of its lines. */
export function layoutOf(type: TableType, { traded }: Pick<Market, 'traded'>): Layout {
  return { type, fields: fieldsOf(type, traded) }
}

function fieldsOf(type: TableType, symbols: readonly string[]): Layout['fields'] {
  const head = [time, text('run')]
  const order = [...head, text('symbol'), text('side'), number('qty')]
  switch (type) {
    case 'order':
      return [
        ...order,
        text('kind'),
        { name: 'limit', kind: 'number', isOptional: true },
        text('ref'),
        text('reason'),
      ]
    case 'fill':
      return [
        ...order,
        number('price'),
        number('commission'),
        number('slippage'),
        text('ref'),
        { name: 'exec', kind: 'text', isOptional: true },
      ]
    case 'risk':
      return [...head, text('rule'), text('action'), { name: 'detail', kind: 'json' }]
    case 'equity':
      return [
        ...head,
        number('cash'),
        { name: 'positions', numbers: symbols },
        { name: 'marks', numbers: symbols },
        ...['equity', 'pnl_day', 'pnl_total', 'drawdown'].map(number),
      ]
  }
}

export interface ColumnsOptions {
  /** Name of the run. */
  readonly run: string
  readonly market: Market
  readonly rules: Rules
  readonly type: TableType
  /** Has the layout of the type. */
  readonly table: TableWriter
}

/** Puts the records of one type into a table, in the order of the events. */
export class RecordColumns implements Listener {
  readonly #options: ColumnsOptions

  constructor(options: ColumnsOptions) {
    this.#options = options
  }

  refused(timeMs: number, k: number, outcome: Outcome): void {
    if (this.#options.type === 'risk') this.#risk(timeMs, refusal(this.#symbol(k), k, outcome))
  }

  ordered(timeMs: number, k: number, outcome: Outcome): void {
    if (this.#options.type === 'order') this.#put(orderRow(this.#symbol(k), timeMs, k, outcome))
  }

  reported(change: Change): void {
    if (this.#options.type === 'fill' && change.isExecution)
      this.#put(fillRow(this.#symbol(change.symbol), change))
  }

  settled(t: number, state: TradingState, outcome: Outcome): void {
    const { market, type } = this.#options
    const loss = type === 'risk' ? lossOf(outcome) : null
    if (loss !== null) this.#risk(market.endOf(t + 1), loss)
    if (type === 'equity')
      this.#equity(market.endOf(t + 1), state, market.close[0][t + 1]!, market.close[1][t + 1]!)
  }

  marked(timeMs: number, state: TradingState, marks: ArrayLike<number>): void {
    if (this.#options.type === 'equity') this.#equity(timeMs, state, marks[0]!, marks[1]!)
  }

  #symbol(k: number): string {
    return this.#options.market.symbols[k]!
  }

  #put(row: object): void {
    this.#options.table.put({ ...row, run: this.#options.run })
  }

  #risk(timeMs: number, judged: Judged): void {
    this.#put(riskRow(timeMs, judged, this.#options.rules))
  }

  /** In the order of the layout. */
  #equity(timeMs: number, state: TradingState, firstMark: number, secondMark: number): void {
    const { table, run, rules, market } = this.#options
    const { account } = state
    const { day, total, drawdown } = sinceThen(state, rules)
    const { rows } = table
    const { numbers, length: i } = rows
    let k = 0
    numbers[k++]![i] = timeMs
    rows.text(k++, run)
    numbers[k++]![i] = account.cash
    numbers[k++]![i] = account.position[0]!
    if (!market.isSingle) numbers[k++]![i] = account.position[1]!
    numbers[k++]![i] = firstMark
    if (!market.isSingle) numbers[k++]![i] = secondMark
    numbers[k++]![i] = state.equity
    numbers[k++]![i] = day
    numbers[k++]![i] = total
    numbers[k]![i] = drawdown
    table.next()
  }
}
