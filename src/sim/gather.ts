/** From batches of bars to the series of a tape: any symbols, one interval, the regular session. */
import { badData } from '../base/errors.js'
import { type BarBatch, INTERVALS, type Interval } from '../market/bar.js'
import { isCovered, sessionOfBar } from '../market/calendar.js'
import { BAR_NUMBERS, COLUMNS, Series } from '../market/series.js'

/** Takes batches in the order of time. `symbols` in this order, others left aside; without it all, as they come. */
export class SeriesGatherer {
  readonly #symbols: readonly string[] | undefined
  readonly #wanted: Interval | undefined
  readonly #series = new Map<string, Series>()
  readonly #numbers = new Float64Array(BAR_NUMBERS)
  #interval: Interval | undefined
  /** Bars outside of the regular session, left aside. */
  outside = 0
  /** Bars that repeat a symbol and time: the last one counts. */
  duplicates = 0

  constructor(symbols: readonly string[] | undefined, interval: Interval | undefined) {
    this.#symbols = symbols
    this.#wanted = interval
    this.#interval = interval
  }

  get interval(): Interval {
    return this.#interval ?? '1m'
  }

  get series(): Series[] {
    const found = [...this.#series.values()]
    if (this.#symbols === undefined) return found
    return this.#symbols.flatMap((symbol) => found.filter((one) => one.symbol === symbol))
  }

  /** Bars that start in [from, to). Throws badData for a second interval, and for bars that go back in time or overlap. */
  push(batch: BarBatch, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < batch.length; i++) {
      if (batch.time[i]! < fromMs || batch.time[i]! >= toMs) continue
      const symbol = batch.names.text(batch.symbol[i]!) ?? ''
      if (this.#symbols !== undefined && !this.#symbols.includes(symbol)) continue
      const interval = INTERVALS[batch.interval[i]!]!
      if (this.#wanted !== undefined && interval !== this.#wanted) continue
      this.#interval ??= interval
      if (interval !== this.#interval)
        throw badData(`bars of ${this.#interval} and of ${interval}`, {
          hint: 'name one of them with --interval',
        })
      this.#add(symbol, batch, i)
    }
  }

  #add(symbol: string, batch: BarBatch, i: number): void {
    const timeMs = batch.time[i]!
    let series = this.#series.get(symbol)
    if (series === undefined) {
      series = new Series(symbol, this.interval)
      this.#series.set(symbol, series)
    }
    if (!isCovered(timeMs) || sessionOfBar(timeMs, series.intervalMs) !== 'rth') {
      this.outside++
      return
    }
    if (series.length > 0 && series.time[series.length - 1] === timeMs) {
      this.duplicates++
      series.length--
    }
    for (const [c, name] of COLUMNS.entries()) this.#numbers[c] = batch[name][i]!
    series.append(timeMs, this.#numbers)
  }
}
