/**
 * Every row of an input, kept for the checks: what is a bar in columns by symbol and interval; of what parses and is none, where it
 * belongs and what is wrong with it. Lines that are no records at all end the reading.
 */
import { DAY, type Zone } from '../base/time.js'
import { type BarBatch, INTERVALS, type Interval, Names } from '../market/bar.js'
import { describe, type Problem, type Rule } from '../market/problem.js'
import { type Reject, rejectFailure } from '../market/reading.js'
import { midnightOf } from '../market/row-check.js'
import type { CheckId } from './check-ids.js'
import { Track } from './track.js'

export interface GatheredOptions {
  /** Symbols that were asked for: rows of others are counted. */
  readonly symbols: readonly string[]
  readonly interval?: Interval | undefined
  readonly sources?: readonly string[] | undefined
  /** In whose midnight the stamps of days may be written. */
  readonly zone?: Zone | null | undefined
}

/** Rows that are no bars. */
export interface Flawed {
  readonly check: CheckId
  readonly symbol: string | null
  readonly interval: Interval | undefined
  readonly timeMs: number | undefined
  readonly count: number
  /** `stdin:173: close: expected a number, got null` */
  readonly sample: string
}

interface Stranger {
  readonly symbol: string
  count: number
  firstMs: number
  lastMs: number
}

/** A line with one of these is no record: the stream is damaged, or is none. */
const NO_RECORD: ReadonlySet<Rule> = new Set([
  'not-utf8',
  'not-an-object',
  'web-page',
  'a-document',
  'no-interval',
])

const CHECK_OF: Readonly<Partial<Record<Rule, CheckId>>> = {
  'high-below-low': 'ohlc',
  'low-above-price': 'ohlc',
  'high-below-price': 'ohlc',
  'not-positive': 'price',
}

const checkOf = ({ rule, field }: Problem): CheckId =>
  rule === 'negative' && field === 'volume' ? 'negative-volume' : (CHECK_OF[rule] ?? 'schema')

/** Takes every row and leaves none out. */
export class Gathered {
  readonly #options: GatheredOptions
  readonly #tracks = new Map<string, Track>()
  readonly #strangers = new Map<string, Stranger>()
  readonly #sources = new Names()
  readonly flawed: Flawed[] = []
  #names: BarBatch['names'] | null = null
  #byId: (Track | null)[] = []
  #sourceIds: number[] = []
  rows = 0

  constructor(options: GatheredOptions) {
    this.#options = options
  }

  /** By interval from short to long, then in the order of the symbols. */
  get tracks(): Track[] {
    const { symbols } = this.#options
    return [...this.#tracks.values()].sort(
      (one, other) =>
        one.lengthMs - other.lengthMs || symbols.indexOf(one.symbol) - symbols.indexOf(other.symbol),
    )
  }

  get strangers(): readonly Readonly<Stranger>[] {
    return [...this.#strangers.values()].sort((one, other) => (one.symbol < other.symbol ? -1 : 1))
  }

  sourceName(id: number): string | null {
    return this.#sources.text(id)
  }

  /** Another input begins. */
  turn(): void {
    for (const track of this.#tracks.values()) track.turn()
  }

  /** Takes all rows of a batch. */
  add(batch: BarBatch): void {
    if (batch.names !== this.#names) {
      this.#names = batch.names
      this.#byId = []
      this.#sourceIds = []
    }
    const { length, symbol, interval, source } = batch
    for (let i = 0; i < length; i++) {
      const at = symbol[i]! * INTERVALS.length + interval[i]!
      let track = this.#byId[at]
      if (track === undefined) {
        track = this.#made(batch.names.text(symbol[i]!) ?? '', INTERVALS[interval[i]!]!)
        this.#byId[at] = track
      }
      const from = this.#sourceIds[source[i]!] ?? this.#learn(batch, source[i]!)
      if (from < 0) continue
      if (track === null) {
        this.#addOther(batch, i)
        continue
      }
      if (track.lengthMs >= DAY) batch.time[i] = midnightOf(batch.time[i]!, this.#options.zone)
      track.add(batch, i, from)
      this.rows++
    }
  }

  /** A line that is no bar. Throws 65 where it is no record either. */
  reject(reject: Reject): void {
    const { name, line, problem } = reject
    if (NO_RECORD.has(problem.rule)) throw rejectFailure(reject)
    this.count(problem, `${name}:${line}`)
  }

  /** Rows that are no bars, of which the first is at `where`. */
  count(problem: Problem, where: string, count = 1): void {
    const { bar } = problem
    this.rows += count
    this.flawed.push({
      check: checkOf(problem),
      symbol: bar?.symbol ?? null,
      interval: bar?.interval,
      timeMs: bar?.timeMs,
      count,
      sample: `${where}: ${describe(problem)}`,
    })
  }

  /** Null where its rows are not wanted. */
  #made(symbol: string, interval: Interval): Track | null {
    const { symbols, interval: only } = this.#options
    if ((only !== undefined && only !== interval) || !symbols.includes(symbol)) return null
    const key = `${symbol} ${interval}`
    const track = this.#tracks.get(key) ?? new Track(symbol, interval)
    this.#tracks.set(key, track)
    return track
  }

  /** A row that is not wanted: counted where that is for its symbol. */
  #addOther(batch: BarBatch, i: number): void {
    const symbol = batch.names.text(batch.symbol[i]!) ?? ''
    if (this.#options.symbols.includes(symbol)) return
    const time = batch.time[i]!
    const stranger = this.#strangers.get(symbol) ?? { symbol, count: 0, firstMs: time, lastMs: time }
    this.#strangers.set(symbol, stranger)
    this.rows++
    stranger.count++
    stranger.firstMs = Math.min(stranger.firstMs, time)
    stranger.lastMs = Math.max(stranger.lastMs, time)
  }

  /** The number of a source over all inputs; -1 where its rows are not wanted. */
  #learn(batch: BarBatch, id: number): number {
    const { sources } = this.#options
    const name = batch.names.text(id)
    const own = sources !== undefined && !sources.includes(name ?? '') ? -1 : this.#sources.id(name)
    this.#sourceIds[id] = own
    return own
  }
}
