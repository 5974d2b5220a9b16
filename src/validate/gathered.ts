/**
 * Every row of an input, kept for the checks: what is a bar in columns by symbol and interval; of what parses and is none, where it
 * belongs and what is wrong with it. Lines that are no records at all end the reading.
 */
import { DAY, type Zone } from '../base/time.js'
import { type BarBatch, INTERVALS, type Interval, Names } from '../market/bar.js'
import { describe, type Problem, type Rule } from '../market/problem.js'
import { type Reject, rejectFailure } from '../market/reading.js'
import { midnightOf, type RowJudge } from '../market/row-check.js'
import type { CheckId } from './check.js'
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
export class Gathered implements RowJudge {
  readonly #options: GatheredOptions
  readonly #tracks = new Map<string, Track>()
  readonly #strangers = new Map<string, Stranger>()
  readonly #sources = new Names()
  readonly flawed: Flawed[] = []
  #names: BarBatch['names'] | null = null
  #byId: (Track | Stranger | null)[] = []
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

  check(batch: BarBatch, i: number): null {
    const track = this.#trackOf(batch, i)
    if (track === null) return null
    const source = this.#sourceIds[batch.source[i]!] ?? this.#learn(batch, batch.source[i]!)
    if (source < 0) return null
    this.rows++
    if (track instanceof Track) {
      if (track.lengthMs >= DAY) batch.time[i] = midnightOf(batch.time[i]!, this.#options.zone)
      track.add(batch, i, source)
      return null
    }
    const time = batch.time[i]!
    track.count++
    track.firstMs = Math.min(track.firstMs, time)
    track.lastMs = Math.max(track.lastMs, time)
    return null
  }

  take() {
    return { notes: [], warnings: [] }
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

  #trackOf(batch: BarBatch, i: number): Track | Stranger | null {
    if (batch.names !== this.#names) {
      this.#names = batch.names
      this.#byId = []
      this.#sourceIds = []
    }
    const at = batch.symbol[i]! * INTERVALS.length + batch.interval[i]!
    const known = this.#byId[at]
    if (known !== undefined) return known
    const made = this.#made(batch.names.text(batch.symbol[i]!) ?? '', INTERVALS[batch.interval[i]!]!)
    this.#byId[at] = made
    return made
  }

  #made(symbol: string, interval: Interval): Track | Stranger | null {
    const { symbols, interval: only } = this.#options
    if (only !== undefined && only !== interval) return null
    if (!symbols.includes(symbol)) {
      const stranger = this.#strangers.get(symbol) ?? {
        ...{ symbol, count: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY },
      }
      this.#strangers.set(symbol, stranger)
      return stranger
    }
    const key = `${symbol} ${interval}`
    const track = this.#tracks.get(key) ?? new Track(symbol, interval)
    this.#tracks.set(key, track)
    return track
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
