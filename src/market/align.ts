/**
 * Two symbols on one time axis: an inner join of their bars, regular session only. What finds no partner is kept aside, counted
 * and named by range; too much of it is refused, for a backtest on holes proves nothing.
 */
import { badData, Failure } from '../base/errors.js'
import { DAY, formatTime } from '../base/time.js'
import { type BarBatch, INTERVALS, INVENTED_SOURCES, type Interval, MISSING_CODE, SESSIONS } from './bar.js'
import { sessionAt, sessionOfBar } from './calendar.js'
import { endOfBar } from './grid.js'
import { Market, type Pair, SYMBOL_COUNT } from './market.js'
import { rangeWords } from './missing.js'
import { OVERLAP_HINT } from './problem.js'
import { BAR_NUMBERS, orderProblem } from './series.js'
import { type Split, SplitWatch } from './splits.js'

/** Bars in a row of one symbol at whose times the other one has none. */
export interface DroppedRange {
  /** The one that lacks bars. */
  readonly symbol: string
  readonly fromMs: number
  toMs: number
  count: number
}

export interface AlignOptions {
  /** Two symbols; the same one twice gives a market of one symbol, whose second column repeats the first. */
  readonly symbols: Pair<string>
  /** For messages: the name of the input. */
  readonly name: string
  /** Refuse when at a larger fraction of the times one of the symbols has no bar. */
  readonly maxMissing: number
  /** Only rows of these; others are left aside. */
  readonly interval?: Interval | undefined
  readonly sources?: readonly string[] | undefined
  /** Start of the bar, [from, to). */
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

/** Bars of one time that has not ended. */
interface Slot {
  readonly numbers: Float64Array
  readonly present: readonly boolean[]
}

/**
 * Joins batches of bars as they come. Of bars of the past `finish` gives the market, or says why there is none.
 * `closeThrough` is for bars that come as they end.
 */
export class Aligner {
  readonly #options: AlignOptions
  #market: Market | null = null
  readonly #numbers = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  /** Which symbols have a bar at `#time`. */
  readonly #present = [false, false]
  #time = Number.NEGATIVE_INFINITY
  /** Bars come as they end: `closeThrough` was called. */
  #lives = false
  /** Bars that have come and not ended, by start: those of two live streams come in no common order. */
  readonly #waiting = new Map<number, Slot>()
  /** Start of the newest bar that was closed. */
  #closedMs = Number.NEGATIVE_INFINITY
  /** Start of the last bar of each symbol. */
  readonly #last = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  /** Name ids of the two symbols, by batch names table. */
  #names: BarBatch['names'] | null = null
  readonly #ids = [-1, -1]
  readonly #seen = [0, 0]
  readonly #sources = new Set<string>()
  readonly #sourceIds = new Set<number>()
  readonly #others = new Map<string, number>()
  readonly dropped: DroppedRange[] = []
  readonly #openRange: (DroppedRange | null)[] = [null, null]
  /** Whether rows of a source, by its name id, are wanted. */
  readonly #wanted: boolean[] = []
  /** Rows of the two symbols within sessions. */
  rows = 0
  /** Rows outside of the regular session, left aside. */
  outside = 0
  /** Bars that begin before the open and end after it, left aside too, and the first of them in words. */
  straddling = 0
  firstStraddling = ''
  /** Nights that look like a split for which the prices are not adjusted. */
  readonly splits: Split[] = []
  readonly #splitWatches = [new SplitWatch(), new SplitWatch()] as const
  /** Rows that repeat a symbol and time; the last one counts. */
  duplicates = 0
  /** Rows of the two symbols that are kept out, by what is not wanted of them: intervals and sources by name, dates. */
  readonly #unwanted = new Map<string, number>()

  constructor(options: AlignOptions) {
    this.#options = options
  }

  /** The market so far; null before the first bar. */
  get market(): Market | null {
    return this.#market
  }

  /**
   * Ends what has ended at `nowMs`: a bar of both symbols is in the market when its time is up, not when the next one comes.
   * From the first call on, bars that have not ended may come in any order. Gives the market's length.
   */
  closeThrough(nowMs: number): number {
    if (!this.#lives && (this.#present[0] || this.#present[1])) this.#hold(this.#time)
    this.#lives = true
    const market = this.#market
    if (market === null) return 0
    const ended = [...this.#waiting.keys()].filter(
      (time) => endOfBar(time, market.intervalMs, market.anchor) <= nowMs,
    )
    for (const time of ended.sort((one, other) => one - other)) {
      this.#take(this.#waiting.get(time)!)
      this.#waiting.delete(time)
      this.#time = time
      this.#close()
    }
    return market.length
  }

  /** Makes the bars of a slot the current ones. */
  #take({ numbers, present }: Slot): void {
    this.#numbers.set(numbers)
    for (let k = 0; k < SYMBOL_COUNT; k++) this.#present[k] = present[k]!
  }

  /** Puts the current bars aside until their time is up. */
  #hold(time: number): void {
    this.#waiting.set(time, { numbers: this.#numbers.slice(), present: [...this.#present] })
    this.#present.fill(false)
  }

  get sources(): readonly string[] {
    return [...this.#sources].sort()
  }

  get droppedRows(): number {
    return this.dropped.reduce((sum, range) => sum + range.count, 0)
  }

  push(batch: BarBatch): void {
    if (this.#names !== batch.names) {
      this.#names = batch.names
      this.#wanted.length = 0
      for (let k = 0; k < SYMBOL_COUNT; k++) this.#ids[k] = batch.names.id(this.#options.symbols[k]!)
    }
    const { interval, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = this.#options
    const code = interval === undefined ? -1 : INTERVALS.indexOf(interval)
    for (let i = 0; i < batch.length; i++) {
      const id = batch.symbol[i]!
      const k = id === this.#ids[0] ? 0 : id === this.#ids[1] ? 1 : -1
      if (k < 0) {
        const name = batch.names.text(id) ?? ''
        this.#others.set(name, (this.#others.get(name) ?? 0) + 1)
        continue
      }
      const time = batch.time[i]!
      if (code >= 0 && code !== batch.interval[i]!) {
        this.#leave(`of interval ${INTERVALS[batch.interval[i]!]!}`)
      } else if (!this.#isWanted(batch.source[i]!)) {
        this.#leave(`of source ${batch.names.text(batch.source[i]!) ?? 'unknown'}`)
      } else if (time < fromMs || time >= toMs) this.#leave('of other dates')
      else this.#row(batch, i, k, time)
    }
  }

  #leave(reason: string): void {
    this.#unwanted.set(reason, (this.#unwanted.get(reason) ?? 0) + 1)
  }

  /** Whether a source, by its number, is one of those asked for; asked of each number once. */
  #isWanted(id: number): boolean {
    const known = this.#wanted[id]
    if (known !== undefined) return known
    const { sources } = this.#options
    const source = this.#names?.text(id) ?? null
    const wanted = sources === undefined || (source !== null && sources.includes(source))
    this.#wanted[id] = wanted
    return wanted
  }

  #row(batch: BarBatch, i: number, k: number, time: number): void {
    const interval = INTERVALS[batch.interval[i]!]!
    this.#market ??= new Market(this.#options.symbols, interval)
    if (interval !== this.#market.interval) {
      throw this.#bad(batch, i, `mixed intervals: ${this.#market.interval} before, ${interval} here`, {
        hint: 'choose one with --interval',
      })
    }
    const { intervalMs } = this.#market
    const code = batch.session[i]!
    const session = code === MISSING_CODE ? sessionOfBar(time, intervalMs) : SESSIONS[code]
    if (session !== 'rth') {
      this.outside++
      this.#noteStraddling(k, time)
      return
    }
    if (code !== MISSING_CODE && sessionOfBar(time, intervalMs) !== 'rth') {
      const words = `${this.#options.symbols[k]} ${formatTime(time)} is said to be of the regular session and lies outside of it`
      throw this.#bad(batch, i, words, { hint: 'leave the field session out: the calendar knows it' })
    }
    const last = this.#last[k]!
    // Live bars may come after their time was closed: repeated, or without the partner, who went on alone.
    if (this.#lives && time <= this.#closedMs) {
      if (time === last) this.duplicates++
      if (time <= last) return
      this.#last[k] = time
      this.#put(batch, i, k)
      this.#market.alone[k]!.append(time, this.#numbers, k * BAR_NUMBERS)
      return
    }
    if (!this.#lives) {
      if (time < this.#time) {
        const [now, before] = [formatTime(time), formatTime(this.#time)]
        throw this.#bad(batch, i, `time goes backwards: ${now} after ${before}`, {
          hint: 'sort the bars by time, then symbol, or load them into the store',
        })
      }
      if (time > this.#time) this.#close()
      this.#time = time
    }
    if (time - last < intervalMs && time > last) {
      const words = orderProblem(this.#options.symbols[k]!, last, time, intervalMs)
      if (words !== null) throw this.#bad(batch, i, words, { hint: OVERLAP_HINT })
    }
    this.#last[k] = Math.max(last, time)
    this.rows++
    this.#seen[k]!++
    if (!this.#sourceIds.has(batch.source[i]!)) {
      this.#sourceIds.add(batch.source[i]!)
      this.#sources.add(batch.names.text(batch.source[i]!) ?? 'unknown')
    }
    const split = this.#splitWatches[k]!.see(batch, i)
    if (split !== null) this.splits.push(split)
    const waiting = this.#lives ? this.#waiting.get(time) : undefined
    if (waiting !== undefined) this.#take(waiting)
    if (this.#present[k]) this.duplicates++
    this.#present[k] = true
    this.#put(batch, i, k)
    if (this.#lives) this.#hold(time)
  }

  /** A bar of a full hour that begins before the open has a part of the session that nobody else has. */
  #noteStraddling(k: number, time: number): void {
    const { intervalMs } = this.#market!
    if (intervalMs >= DAY) return
    const openMs = sessionAt(time)?.openMs ?? Number.NaN
    if (!(time < openMs && time + intervalMs > openMs)) return
    if (this.straddling++ === 0)
      this.firstStraddling = `${this.#options.symbols[k]} ${formatTime(time)}, before the open at ${formatTime(openMs)}`
  }

  #put(batch: BarBatch, i: number, k: number): void {
    const from = k * BAR_NUMBERS
    this.#numbers[from] = batch.open[i]!
    this.#numbers[from + 1] = batch.high[i]!
    this.#numbers[from + 2] = batch.low[i]!
    this.#numbers[from + 3] = batch.close[i]!
    this.#numbers[from + 4] = batch.volume[i]!
  }

  /** Ends the current time: both symbols make a bar, one alone is dropped. */
  #close(): void {
    const a = this.#present[0]!
    const one = this.#ids[0] === this.#ids[1]
    if (one && a) {
      this.#numbers.copyWithin(BAR_NUMBERS, 0, BAR_NUMBERS)
      this.#seen[1] = this.#seen[0]!
    }
    const b = one ? a : this.#present[1]!
    if (a || b) this.#closedMs = this.#time
    if (a && b) {
      this.#market!.append(this.#time, this.#numbers)
      this.#openRange[0] = null
      this.#openRange[1] = null
    } else if (a || b) {
      const k = a ? 0 : 1
      this.#market!.alone[k]!.append(this.#time, this.#numbers, k * BAR_NUMBERS)
      this.#drop(1 - k)
    }
    this.#present[0] = false
    this.#present[1] = false
  }

  /** Symbol `k` has no bar at the current time, and the other one has. */
  #drop(k: number): void {
    const range = this.#openRange[k]
    if (range != null) {
      range.toMs = this.#time
      range.count++
      return
    }
    const opened = { symbol: this.#options.symbols[k]!, fromMs: this.#time, toMs: this.#time, count: 1 }
    this.#openRange[k] = opened
    this.dropped.push(opened)
  }

  /** The joined market. Fails when a symbol is absent, too much was dropped, or invented bars stand beside real ones. */
  finish(): Market {
    this.#close()
    const { symbols, name, maxMissing } = this.#options
    if (this.rows === 0)
      throw new Failure('noInput', `no bars of ${symbols.join(' or ')}${this.#what()}`, { where: name })
    for (const [k, symbol] of symbols.entries()) {
      if (this.#seen[k] === 0) {
        throw badData(`no bars of ${symbol}${this.#what()}`, {
          where: name,
          hint: 'name the two symbols with --symbols',
        })
      }
    }
    const invented = this.sources.filter((source) => INVENTED_SOURCES.includes(source))
    if (invented.length > 0 && invented.length < this.#sources.size) {
      throw badData(`invented bars mixed with real ones: ${this.sources.join(', ')}`, {
        where: name,
        hint: 'choose one with --source',
      })
    }
    // Each dropped row is a time that the market lacks.
    const { droppedRows } = this
    const lost = droppedRows / (droppedRows + (this.#market?.length ?? 0))
    if (lost > maxMissing) {
      throw badData(
        `${percent(lost)} of the times lack a bar of one symbol, more than ${percent(maxMissing)}: ${this.describeDropped()}`,
        { where: name, hint: 'fill the gaps, or allow them with --max-missing' },
      )
    }
    return this.#market!
  }

  /** Who lacks what, the largest ranges first, such as `MSFT lacks 2025-07-30T13:31:00Z to 2025-07-30T13:45:00Z (15)`. */
  describeDropped(most = 3): string {
    return this.#options.symbols
      .map((symbol) => ({ symbol, ranges: this.dropped.filter((range) => range.symbol === symbol) }))
      .filter(({ ranges }) => ranges.length > 0)
      .map(({ symbol, ranges }) => `${symbol} lacks ${rangeWords(ranges, most)}`)
      .join('; ')
  }

  #what(): string {
    const found = [...this.#others.keys()]
    const parts = []
    for (const [reason, rows] of this.#unwanted) parts.push(`${rows} rows are ${reason}`)
    if (found.length > 0)
      parts.push(`the input holds ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', ...' : ''}`)
    if (this.outside > 0) parts.push(`${this.outside} rows lie outside of the regular session`)
    return parts.length === 0 ? '' : `: ${parts.join('; ')}`
  }

  #bad(batch: BarBatch, i: number, message: string, more: { hint: string }): Failure {
    const line = batch.line[i]!
    return badData(message, {
      where: line > 0 ? `${this.#options.name}:${line}` : this.#options.name,
      ...more,
    })
  }
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`
