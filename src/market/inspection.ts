/**
 * What is in bars, of any symbols and intervals, in one pass: nothing is refused or repaired, everything is counted. Memory grows
 * with the number of symbols and intervals and, by a bit a bar, with the time that they span; not with the rows.
 */
import { Course } from '../base/sparkline.js'
import { DAY, newYorkDay, newYorkMidnight, type Zone } from '../base/time.js'
import { ADJUSTMENTS, type BarBatch, INTERVALS, type Interval, intervalMs, SESSIONS } from './bar.js'
import { isCovered, sessionAt, sessionOfBar, sessions, type TradingSession } from './calendar.js'
import { type Anchor, barStarts, isOnGrid, type MissingRange, missingRanges, sessionOfStart } from './grid.js'
import { describe, type Problem } from './problem.js'
import type { Reject } from './reading.js'
import { midnightOf, type RowJudge } from './row-check.js'
import { LOOK_AHEAD, Spacings } from './spacing.js'
import { type Split, SplitWatch } from './splits.js'
import { Starts } from './starts.js'

/** What rows can have that rows should not have, each counted by itself. */
export const ROW_FINDINGS = [
  /** Time shared with another bar; the same start as another; a start before that of the row before. */
  'overlap',
  'duplicate',
  'backwards',
  /** Against the calendar: not on the grid of the session, over its open, said to be in it and outside. */
  'off-grid',
  'straddling',
  'not-regular',
  /** Outside of the regular session, and in years that the calendar does not know. */
  'outside',
  'beyond-calendar',
] as const
export type RowFinding = (typeof ROW_FINDINGS)[number]

/** How often, from when to when, and the first few. */
export interface Tally {
  count: number
  fromMs: number
  toMs: number
  readonly samplesMs: number[]
}

/** From the last close of a date to the first open of the next one that has bars. */
export interface Move {
  readonly fromDay: number
  readonly toDay: number
  readonly close: number
  readonly open: number
}

export const SAMPLES = 3
const COURSE = 256

/** All bars of one symbol and interval. */
export class Inspected {
  readonly symbol: string
  readonly interval: Interval
  readonly lengthMs: number
  rows = 0
  firstMs = Number.POSITIVE_INFINITY
  lastMs = Number.NEGATIVE_INFINITY
  low = Number.POSITIVE_INFINITY
  high = Number.NEGATIVE_INFINITY
  lastClose = Number.NaN
  anchor: Anchor = 'open'
  /** Rows by source, and by what they say of adjustment; null where they say nothing. */
  readonly sources = new Map<string | null, number>()
  readonly adjusted = new Map<string | null, number>()
  readonly findings = new Map<RowFinding, Tally>()
  readonly splits: Split[] = []
  /** The largest, largest first. */
  readonly moves: Move[] = []
  readonly closes = new Course(COURSE)
  readonly starts: Starts
  readonly #spacings = new Spacings()
  readonly #watch = new SplitWatch()
  #beforeMs = Number.NEGATIVE_INFINITY
  #toMs = Number.NEGATIVE_INFINITY
  #day = 0
  #close = Number.NaN

  constructor(symbol: string, interval: Interval) {
    this.symbol = symbol
    this.interval = interval
    this.lengthMs = intervalMs(interval)
    this.starts = new Starts(this.lengthMs)
  }

  /** Another input begins: its rows stand in no order to those before. */
  turn(): void {
    this.#beforeMs = Number.NEGATIVE_INFINITY
  }

  /** The commonest distance of the first rows, in milliseconds; null for a single one. */
  get spacing(): number | null {
    return this.#spacings.commonest()
  }

  see(batch: BarBatch, i: number): void {
    const time = batch.time[i]!
    const close = batch.close[i]!
    if (this.rows++ < LOOK_AHEAD) this.#spacings.add(0, time)
    if (time < this.firstMs) this.firstMs = time
    if (time > this.lastMs) {
      this.lastMs = time
      this.lastClose = close
    }
    this.low = Math.min(this.low, batch.low[i]!)
    this.high = Math.max(this.high, batch.high[i]!)
    count(this.sources, batch.names.text(batch.source[i]!))
    count(this.adjusted, ADJUSTMENTS[batch.adjusted[i]!] ?? null)
    this.closes.add(close)
    if (time < this.#beforeMs) this.#find('backwards', time)
    else if (time > this.#beforeMs) this.#night(batch, i)
    this.#beforeMs = time
    this.#place(batch, i)
    const split = this.#watch.see(batch, i)
    if (split !== null) this.splits.push(split)
    // A row off the grid shares time with its neighbours: that is one thing, told once.
    if (this.#isOff(time)) this.#find('off-grid', time)
    else if (this.starts.has(time)) this.#find('duplicate', time)
    else if (!Number.isNaN(this.starts.add(time))) this.#find('overlap', time)
    else if (this.#isOfClock(time)) this.anchor = 'clock'
  }

  /** Where a row lies in the calendar. */
  #place(batch: BarBatch, i: number): void {
    const time = batch.time[i]!
    if (!isCovered(time)) {
      this.#find('beyond-calendar', time)
      return
    }
    const { lengthMs } = this
    if (sessionOfBar(time, lengthMs) === 'rth') return
    this.#find('outside', time)
    if (batch.session[i] === REGULAR) this.#find('not-regular', time)
    const openMs = sessionAt(time)?.openMs ?? Number.NaN
    if (lengthMs < DAY && time < openMs && time + lengthMs > openMs) this.#find('straddling', time)
  }

  /** Whether a row of the session begins on none of its grids. */
  #isOff(time: number): boolean {
    const session = this.#sessionOf(time)
    return session !== null && !isOnGrid(time, session, this.interval)
  }

  /** Whether it begins on the grid of the clock, and not on that of the open. */
  #isOfClock(time: number): boolean {
    const session = this.#sessionOf(time)
    return session !== null && (time - session.openMs) % this.lengthMs !== 0
  }

  /** That of a bar which is no day's. */
  #sessionOf(time: number): TradingSession | null {
    return this.lengthMs < DAY && isCovered(time) ? sessionOfStart(time, this.lengthMs) : null
  }

  /** The first row of a date against the last one of the date before. */
  #night(batch: BarBatch, i: number): void {
    const time = batch.time[i]!
    if (time < this.#toMs) {
      this.#close = batch.close[i]!
      return
    }
    const day = newYorkDay(time)
    if (this.#toMs > Number.NEGATIVE_INFINITY) {
      this.moves.push({ fromDay: this.#day, toDay: day, close: this.#close, open: batch.open[i]! })
      this.moves.sort((a, b) => sizeOf(b) - sizeOf(a))
      this.moves.length = Math.min(this.moves.length, SAMPLES)
    }
    this.#day = day
    this.#toMs = newYorkMidnight(day + 1)
    this.#close = batch.close[i]!
  }

  #find(finding: RowFinding, timeMs: number): void {
    let tally = this.findings.get(finding)
    if (tally === undefined) {
      tally = { count: 0, fromMs: timeMs, toMs: timeMs, samplesMs: [] }
      this.findings.set(finding, tally)
    }
    tally.count++
    if (timeMs < tally.fromMs) tally.fromMs = timeMs
    if (timeMs > tally.toMs) tally.toMs = timeMs
    if (tally.samplesMs.length < SAMPLES) tally.samplesMs.push(timeMs)
  }
}

/** How far a night went, up or down alike. */
const sizeOf = ({ open, close }: Move): number => Math.abs(Math.log(open / close))

const REGULAR = SESSIONS.indexOf('rth')

function count<T>(counts: Map<T, number>, key: T): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** What the sessions of a span hold of a symbol. */
export interface Presence {
  /** Sessions of the calendar, from the first bar of its interval to the last, and those of which nothing is there. */
  readonly sessions: number
  readonly absent: readonly number[]
  readonly absentCount: number
  /** Bars of the sessions that are there in part, and the ranges that they lack, the largest first. */
  readonly bars: number
  readonly lacking: number
  readonly ranges: readonly MissingRange[]
}

export interface InspectionOptions {
  /** Only rows of these. */
  readonly symbols?: readonly string[] | undefined
  readonly interval?: Interval | undefined
  readonly sources?: readonly string[] | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  /** In whose midnight the stamps of days may be written. */
  readonly zone?: Zone | null | undefined
}

/** Looks at every row of an input and leaves none out. */
export class Inspection implements RowJudge {
  readonly #options: InspectionOptions
  readonly #tracks = new Map<string, Inspected>()
  #names: BarBatch['names'] | null = null
  #byId: (Inspected | null)[] = []
  /** Rows that are no bars, by what is wrong with them. */
  readonly impossible = new Map<string, { count: number; readonly samples: string[] }>()
  rows = 0

  constructor(options: InspectionOptions = {}) {
    this.#options = options
  }

  /** In the order of their symbols, then from short to long. */
  get tracks(): Inspected[] {
    const key = ({ symbol, lengthMs }: Inspected) => [symbol, lengthMs] as const
    return [...this.#tracks.values()].sort((one, other) => {
      const [[a, m], [b, n]] = [key(one), key(other)]
      return a < b ? -1 : a > b ? 1 : m - n
    })
  }

  /** Another input begins. */
  turn(): void {
    for (const track of this.#tracks.values()) track.turn()
  }

  check(batch: BarBatch, i: number): null {
    const track = this.#trackOf(batch, i)
    if (track === null) return null
    if (track.lengthMs >= DAY) batch.time[i] = midnightOf(batch.time[i]!, this.#options.zone)
    const time = batch.time[i]!
    const { sources, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = this.#options
    if (time < fromMs || time >= toMs) return null
    if (sources !== undefined && !sources.includes(batch.names.text(batch.source[i]!) ?? '')) return null
    this.rows++
    track.see(batch, i)
    return null
  }

  take() {
    return { notes: [], warnings: [] }
  }

  /** A line that is no bar. */
  reject({ name, line, problem }: Reject): void {
    this.count(problem, `${name}:${line}`)
  }

  /** Rows that are no bars, of which the first is at `where`. */
  count(problem: Problem, where: string, rows = 1): void {
    const { rule } = problem
    const found = this.impossible.get(rule) ?? { count: 0, samples: [] }
    this.impossible.set(rule, found)
    found.count += rows
    if (found.samples.length < SAMPLES) found.samples.push(`${where}: ${describe(problem)}`)
  }

  /** Bars of the calendar that are there, over the span of all symbols of the interval; null beyond the calendar. */
  presence(track: Inspected): Presence | null {
    const same = this.tracks.filter(({ interval, rows }) => interval === track.interval && rows > 0)
    const first = Math.min(...same.map(({ firstMs }) => firstMs))
    const last = Math.max(...same.map(({ lastMs }) => lastMs))
    if (!isCovered(first) || !isCovered(last)) return null
    const { interval, anchor, starts } = track
    const absent: number[] = []
    let [total, absentCount, bars, lacking] = [0, 0, 0, 0]
    let ranges: MissingRange[] = []
    for (const session of sessions(newYorkDay(first), newYorkDay(last))) {
      total++
      const own = starts.within(newYorkMidnight(session.day), newYorkMidnight(session.day + 1))
      const missing = missingRanges(own, own.length, { sessions: [session], interval, anchor })
      if (missing.some(({ whole }) => whole)) {
        absentCount++
        if (absent.length < SAMPLES) absent.push(session.day)
        continue
      }
      bars += barStarts(session, interval, anchor).length
      if (missing.length === 0) continue
      lacking += missing.reduce((sum, range) => sum + range.count, 0)
      ranges = [...ranges, ...missing].sort((a, b) => b.count - a.count).slice(0, SAMPLES)
    }
    return { sessions: total, absent, absentCount, bars, lacking, ranges }
  }

  #trackOf(batch: BarBatch, i: number): Inspected | null {
    if (batch.names !== this.#names) {
      this.#names = batch.names
      this.#byId = []
    }
    const code = batch.interval[i]!
    const at = batch.symbol[i]! * INTERVALS.length + code
    const known = this.#byId[at]
    if (known !== undefined) return known
    const symbol = batch.names.text(batch.symbol[i]!) ?? ''
    const interval = INTERVALS[code]!
    const track = this.#wants(symbol, interval) ? this.#made(symbol, interval) : null
    this.#byId[at] = track
    return track
  }

  #wants(symbol: string, interval: Interval): boolean {
    const { symbols, interval: only } = this.#options
    return (symbols === undefined || symbols.includes(symbol)) && (only === undefined || only === interval)
  }

  #made(symbol: string, interval: Interval): Inspected {
    const key = `${symbol} ${interval}`
    const track = this.#tracks.get(key) ?? new Inspected(symbol, interval)
    this.#tracks.set(key, track)
    return track
  }
}
