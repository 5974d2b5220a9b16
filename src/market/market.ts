/**
 * The market of two symbols: their bars by common start time, on which decisions stand, and beside them the bars that one symbol
 * has alone. It may live: bars are appended as they end.
 */
import { grown } from '../base/columns.js'
import { badData } from '../base/errors.js'
import { DAY, formatTime, HOUR, newYorkDay } from '../base/time.js'
import { type Interval, intervalMs } from './bar.js'
import { type Anchor, anchorOf, endOfBar, sessionOfStart } from './grid.js'
import { BAR_NUMBERS, COLUMNS, refuseDisorder, Series } from './series.js'

export const SYMBOL_COUNT = 2

export type Pair<T> = readonly [T, T]

/** A session as far as there are bars of it. */
export interface MarketSession {
  /** New York date, days since 1970-01-01. */
  readonly day: number
  readonly openMs: number
  readonly closeMs: number
  /** Its first bar. */
  readonly first: number
}

/** The last bars of a market in a form that JSON keeps to the bit; null for an unknown volume. */
export interface SavedBars {
  readonly symbols: Pair<string>
  readonly interval: Interval
  /** Start of each, then open, high, low, close, volume of the first symbol and of the second. */
  readonly bars: readonly (readonly (number | null)[])[]
}

/** Bars of two symbols by common start time, oldest first, in columns that grow as bars are appended. */
export class Market {
  readonly symbols: Pair<string>
  readonly interval: Interval
  readonly intervalMs: number
  length = 0
  /** Bar start, epoch milliseconds UTC. */
  time: Float64Array<ArrayBuffer>
  open: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  high: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  low: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  close: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  /** NaN where unknown. */
  volume: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]
  /** Index into `sessions` of each bar. */
  session: Int32Array<ArrayBuffer>
  readonly sessions: MarketSession[] = []
  /** Bars of each symbol at whose time the other one has none: no decision stands on them. */
  readonly alone: Pair<Series>
  /** First bars after sessions that were taken out (`without`), oldest first: no episode goes across them. */
  readonly cuts: number[] = []
  #anchor: Anchor = 'open'

  constructor(symbols: Pair<string>, interval: Interval, capacity = 1024) {
    this.symbols = symbols
    this.interval = interval
    this.intervalMs = intervalMs(interval)
    const column = () => new Float64Array(capacity)
    this.time = column()
    this.open = [column(), column()]
    this.high = [column(), column()]
    this.low = [column(), column()]
    this.close = [column(), column()]
    this.volume = [column(), column()]
    this.session = new Int32Array(capacity)
    this.alone = [new Series(symbols[0], interval), new Series(symbols[1], interval)]
  }

  /** One symbol stands in both places, and the second is not traded. */
  get isSingle(): boolean {
    return this.symbols[0] === this.symbols[1]
  }

  /** The symbols that are traded: both, or the one. */
  get traded(): readonly string[] {
    return this.isSingle ? [this.symbols[0]] : this.symbols
  }

  /**
   * Adds a bar of both symbols; `numbers` holds open, high, low, close, volume of the first, then of the second. Throws badData
   * where time does not move on, the bar overlaps the one before, or lies outside of the sessions of the calendar.
   */
  append(time: number, numbers: ArrayLike<number>): void {
    if (this.length === this.time.length) this.#grow()
    const i = this.length
    if (i > 0 && time - this.time[i - 1]! < this.intervalMs)
      refuseDisorder(this.symbols.join(' and '), this.time[i - 1]!, time, this.intervalMs)
    this.session[i] = this.#sessionOf(time, i)
    this.length++
    this.time[i] = time
    if (this.#anchor === 'open' && this.intervalMs === HOUR) this.#anchor = anchorOf([time], 1, this.interval)
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const from = k * BAR_NUMBERS
      this.open[k]![i] = numbers[from]!
      this.high[k]![i] = numbers[from + 1]!
      this.low[k]![i] = numbers[from + 2]!
      this.close[k]![i] = numbers[from + 3]!
      this.volume[k]![i] = numbers[from + 4]!
    }
  }

  /** The grid that the bars lie on, as far as they tell: bars of hours may be those of the clock. */
  get anchor(): Anchor {
    return this.#anchor
  }

  /** The bars [from, to) as a market of their own, with those that one symbol has alone in their time. */
  slice(from: number, to: number): Market {
    if (!(from >= 0 && from <= to && to <= this.length))
      throw new RangeError(`no bars ${from} to ${to} of ${this.length}`)
    const part = new Market(this.symbols, this.interval, Math.max(1, to - from))
    part.#anchor = this.#anchor
    part.length = to - from
    part.time.set(this.time.subarray(from, to))
    for (const name of COLUMNS) {
      for (let k = 0; k < SYMBOL_COUNT; k++) part[name][k]!.set(this[name][k]!.subarray(from, to))
    }
    const first = this.session[from] ?? 0
    for (let i = from; i < to; i++) part.session[i - from] = this.session[i]! - first
    const sessions = to === from ? [] : this.sessions.slice(first, this.session[to - 1]! + 1)
    part.sessions.push(...sessions.map((one) => ({ ...one, first: Math.max(0, one.first - from) })))
    part.cuts.push(...this.cuts.filter((cut) => cut > from && cut < to).map((cut) => cut - from))
    const numbers = new Float64Array(BAR_NUMBERS)
    const fromMs = from === 0 ? Number.NEGATIVE_INFINITY : (this.time[from] ?? Number.POSITIVE_INFINITY)
    const toMs = to < this.length ? this.time[to]! : Number.POSITIVE_INFINITY
    for (const [k, series] of this.alone.entries()) {
      for (let i = 0; i < series.length; i++) {
        if (series.time[i]! < fromMs || series.time[i]! >= toMs) continue
        for (const [c, name] of COLUMNS.entries()) numbers[c] = series[name][i]!
        part.alone[k]!.append(series.time[i]!, numbers)
      }
    }
    return part
  }

  /** The numbers of bar `i` as `append` takes them, in `out`: float64[10]. */
  numbers(i: number, out: Float64Array): Float64Array {
    for (const [c, name] of COLUMNS.entries()) {
      for (let k = 0; k < SYMBOL_COUNT; k++) out[k * BAR_NUMBERS + c] = this[name][k]![i]!
    }
    return out
  }

  /** The market as if the sessions of these New York dates (days since 1970-01-01) had never been. */
  without(isOut: (day: number) => boolean): Market {
    const part = new Market(this.symbols, this.interval, Math.max(1, this.length))
    const numbers = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
    let last = -1
    for (let i = 0; i < this.length; i++) {
      const session = this.session[i]!
      if (isOut(this.sessions[session]!.day)) continue
      const isCut = part.length > 0 && this.sessions.slice(last + 1, session).some(({ day }) => isOut(day))
      if (session !== last && isCut) part.cuts.push(part.length)
      last = session
      part.append(this.time[i]!, this.numbers(i, numbers))
    }
    for (const [k, series] of this.alone.entries()) {
      for (let i = 0; i < series.length; i++) {
        if (isOut(newYorkDay(series.time[i]!))) continue
        for (const [c, name] of COLUMNS.entries()) numbers[c] = series[name][i]!
        part.alone[k]!.append(series.time[i]!, numbers)
      }
    }
    return part
  }

  /** All bars of symbol `k`, those among them that it has alone, oldest first. */
  series(k: number): Series {
    const series = new Series(this.symbols[k]!, this.interval)
    const alone = this.alone[k]!
    const numbers = new Float64Array(BAR_NUMBERS)
    let next = 0
    for (let i = 0; i <= this.length; i++) {
      const untilMs = i < this.length ? this.time[i]! : Number.POSITIVE_INFINITY
      for (; next < alone.length && alone.time[next]! < untilMs; next++) {
        for (const [c, name] of COLUMNS.entries()) numbers[c] = alone[name][next]!
        series.append(alone.time[next]!, numbers)
      }
      if (i === this.length) break
      for (const [c, name] of COLUMNS.entries()) numbers[c] = this[name][k]![i]!
      series.append(this.time[i]!, numbers)
    }
    return series
  }

  /** The last `count` bars, or all. */
  save(count: number): SavedBars {
    const { symbols, interval, length } = this
    const bars: (number | null)[][] = []
    for (let i = Math.max(0, length - count); i < length; i++) {
      const numbers = [0, 1].flatMap((k) => COLUMNS.map((name) => this[name][k]![i]!))
      bars.push([this.time[i]!, ...numbers.map((value) => (Number.isNaN(value) ? null : value))])
    }
    return { symbols, interval, bars }
  }

  static from({ symbols, interval, bars }: SavedBars): Market {
    const market = new Market(symbols, interval, Math.max(64, bars.length))
    for (const [time, ...numbers] of bars)
      market.append(
        time!,
        numbers.map((value) => value ?? Number.NaN),
      )
    return market
  }

  /** The end of bar `i`, which may be cut short: from then on it is known. */
  endOf(i: number): number {
    const end = this.time[i]! + this.intervalMs
    if (this.intervalMs >= DAY) return end
    const { openMs, closeMs } = this.sessions[this.session[i]!]!
    if (this.#anchor === 'clock' && this.time[i]! === openMs)
      return endOfBar(openMs, this.intervalMs, 'clock')
    return Math.min(end, closeMs)
  }

  #sessionOf(time: number, i: number): number {
    const last = this.sessions.at(-1)
    if (last !== undefined && time >= last.openMs && time < last.closeMs) return this.sessions.length - 1
    const session = sessionOfStart(time, this.intervalMs)
    if (session === null)
      throw badData(`${this.symbols.join(' and ')}: ${formatTime(time)} lies outside of the regular session`)
    const { day, openMs, closeMs } = session
    if (last?.day !== day) this.sessions.push({ day, openMs, closeMs, first: i })
    return this.sessions.length - 1
  }

  #grow(): void {
    const capacity = Math.max(1024, 2 * this.time.length)
    this.time = grown(this.time, capacity)
    for (const name of COLUMNS) this[name] = [grown(this[name][0], capacity), grown(this[name][1], capacity)]
    this.session = grown(this.session, capacity)
  }
}
