/**
 * What is checked of each row once it is a bar: that it overlaps no other one, that its session is that of the calendar, and
 * that it begins on the grid; a bar of a day is put on midnight in New York of its date. In the path that sees every row: one call
 * a row, nothing allocated.
 */
import {
  DAY,
  formatDate,
  formatTime,
  lengthWords,
  newYorkDay,
  newYorkMidnight,
  type Zone,
} from '../base/time.js'
import { type BarBatch, INTERVALS, type Interval, intervalMs, MISSING_CODE, SESSIONS } from './bar.js'
import { dayStart, isCovered, sessionAt, sessionOfBar } from './calendar.js'
import { isOnGrid } from './grid.js'
import type { Problem } from './problem.js'
import { overlapWords } from './series.js'
import { LOOK_AHEAD, Spacings } from './spacing.js'
import { type Split, SplitWatch, splitWords } from './splits.js'
import { Starts } from './starts.js'

/** Who looks at each row of an input, once it is a bar. */
export interface RowJudge {
  /** What is wrong with row `i`, which is then left out; or null. */
  check(batch: BarBatch, i: number): Problem | null
  /** What is to be told of the rows since the last call. */
  take(): { readonly notes: string[]; readonly warnings: string[] }
}

export interface RowCheckOptions {
  /** In whose midnight the stamps of days may be written. */
  readonly zone?: Zone | null | undefined
  /** What the rows without an interval are said to be. */
  readonly interval?: Interval | undefined
  /** Watch for splits that the prices are not adjusted for. */
  readonly splits?: boolean
}

/** Bars of one symbol and interval. */
interface Track {
  readonly symbol: string
  readonly interval: Interval
  readonly lengthMs: number
  readonly starts: Starts
  readonly splits: SplitWatch
}

/** Fewer rows that name their own length may be so far apart for other reasons. */
const TELLING_ROWS = 20

const DAILY = INTERVALS.indexOf('1d')
const REGULAR = SESSIONS.indexOf('rth')

/** The rows of an input, of one source or several, held against each other and the calendar. */
export class RowCheck implements RowJudge {
  readonly #options: RowCheckOptions
  readonly #tracks = new Map<string, Track>()
  /** The same by symbol and interval of one names table. */
  #names: BarBatch['names'] | null = null
  #byId: (Track | undefined)[] = []
  /** How far apart the first rows are, by interval. */
  readonly #spacings = new Map<number, Spacings>()
  #sampled = 0
  /** Since `take`: rows, and the first of them in words. */
  #beyond = 0
  #offGrid = 0
  #firstOffGrid = ''
  #dayless = 0
  #firstDayless = ''
  readonly #found = new Map<string, Split>()

  constructor(options: RowCheckOptions = {}) {
    this.#options = options
  }

  /** What is wrong with row `i`, or null; then a bar of a day has its midnight, and a session that nobody knows is null. */
  check(batch: BarBatch, i: number): Problem | null {
    const track = this.#trackOf(batch, i)
    const { lengthMs } = track
    if (batch.interval[i] === DAILY) batch.time[i] = midnightOf(batch.time[i]!, this.#options.zone)
    const time = batch.time[i]!
    if (this.#sampled < LOOK_AHEAD) this.#sample(batch, i)
    const covered = isCovered(time)
    if (!covered) batch.session[i] = MISSING_CODE
    else if (batch.session[i] === REGULAR && sessionOfBar(time, lengthMs) !== 'rth')
      return notRegular(track, time)
    const other = track.starts.add(time)
    if (!Number.isNaN(other)) return overlapping(track, other, time)
    if (!covered) this.#beyond++
    else if (lengthMs >= DAY) {
      if (sessionOfBar(time, lengthMs) !== 'rth') this.#lacksSession(track, time, batch.line[i]!)
    } else {
      const session = sessionAt(time)
      const isInside = session !== null && time >= session.openMs && time < session.closeMs
      if (isInside && !isOnGrid(time, session, track.interval)) this.#leavesGrid(track, time, batch.line[i]!)
    }
    if (this.#options.splits === true) {
      const split = track.splits.see(batch, i)
      // One night is one split, in bars of whatever length.
      if (split !== null) this.#found.set(`${split.symbol} ${split.fromDay} ${split.toDay}`, split)
    }
    return null
  }

  /** What is to be told of the rows since the last call: what is worth knowing, and what should be looked at. */
  take(): { readonly notes: string[]; readonly warnings: string[] } {
    const notes: string[] = []
    if (this.#beyond > 0)
      notes.push(`${this.#beyond} rows lie beyond the calendar, 2000 to 2028: their session is not known`)
    if (this.#offGrid > 0)
      notes.push(`${this.#offGrid} rows do not begin on the grid of their session: ${this.#firstOffGrid}`)
    const splits = [...this.#found.values()].sort((a, b) => a.toDay - b.toDay)
    const warnings = [...this.#intervalWords(), ...splits.map(splitWords)]
    if (this.#dayless > 0) {
      warnings.push(
        `${this.#dayless} bars of a day have a date without a session: ${this.#firstDayless}: are the stamps midnight of another zone? Name it with --tz`,
      )
    }
    this.#beyond = 0
    this.#offGrid = 0
    this.#dayless = 0
    this.#found.clear()
    return { notes, warnings }
  }

  #trackOf(batch: BarBatch, i: number): Track {
    if (batch.names !== this.#names) {
      this.#names = batch.names
      this.#byId = []
    }
    const at = batch.symbol[i]! * INTERVALS.length + batch.interval[i]!
    const known = this.#byId[at]
    if (known !== undefined) return known
    const symbol = batch.names.text(batch.symbol[i]!) ?? ''
    const interval = INTERVALS[batch.interval[i]!]!
    const key = `${symbol} ${interval}`
    let track = this.#tracks.get(key)
    if (track === undefined) {
      const lengthMs = intervalMs(interval)
      track = { symbol, interval, lengthMs, starts: new Starts(lengthMs), splits: new SplitWatch() }
      this.#tracks.set(key, track)
    }
    this.#byId[at] = track
    return track
  }

  #sample({ interval, symbol, time }: BarBatch, i: number): void {
    this.#sampled++
    const code = interval[i]!
    let spacings = this.#spacings.get(code)
    if (spacings === undefined) {
      spacings = new Spacings()
      this.#spacings.set(code, spacings)
    }
    spacings.add(symbol[i]!, time[i]!)
  }

  /** Rows that are further apart than the length they are given: nothing overlaps, so only this tells of a wrong one. */
  #intervalWords(): string[] {
    const words: string[] = []
    for (const [code, spacings] of this.#spacings) {
      const interval = INTERVALS[code]!
      const common = spacings.commonest()
      if (common === null || common <= intervalMs(interval)) continue
      const apart = `${lengthWords(common)} apart: are they of another length?`
      if (this.#options.interval === interval)
        words.push(`--interval says ${interval}, and the rows are ${apart}`)
      else if (spacings.rows >= TELLING_ROWS) words.push(`the rows are called ${interval} and are ${apart}`)
    }
    this.#spacings.clear()
    this.#sampled = LOOK_AHEAD
    return words
  }

  #leavesGrid({ symbol, interval }: Track, timeMs: number, line: number): void {
    if (this.#offGrid++ > 0) return
    this.#firstOffGrid = `${symbol} ${interval} ${formatTime(timeMs)}${lineWords(line)}`
  }

  #lacksSession({ symbol }: Track, timeMs: number, line: number): void {
    if (this.#dayless++ > 0) return
    this.#firstDayless = `${symbol} ${formatDate(newYorkDay(timeMs))}${lineWords(line)}`
  }
}

const lineWords = (line: number): string => (line > 0 ? ` in line ${line}` : '')

/** Midnight in New York of a day's bar, whose date may be written in the zone of the input. */
export function midnightOf(timeMs: number, zone: Zone | null | undefined): number {
  const local = zone == null ? Number.NaN : timeMs + zone.offsetAt(timeMs)
  return local % DAY === 0 ? newYorkMidnight(local / DAY) : dayStart(timeMs)
}

const overlapping = ({ symbol, lengthMs }: Track, otherMs: number, timeMs: number): Problem => ({
  field: null,
  rule: 'overlap',
  words: overlapWords(symbol, otherMs, timeMs, lengthMs),
  value: timeMs,
})

const notRegular = ({ symbol }: Track, timeMs: number): Problem => ({
  field: 'session',
  rule: 'not-regular',
  words: `${symbol} ${formatTime(timeMs)} is said to be of the regular session and lies outside of it`,
  value: 'rth',
})
