/**
 * The bars of one symbol and interval on one New York date, laid on the grid of its session. What a row is by itself and beside its
 * neighbours is told here, in one pass over the rows; what prices and volumes say is told by those who read the grid.
 */
import { DAY, HOUR, newYorkDay, newYorkMidnight } from '../base/time.js'
import { type Interval, intervalMs, SESSIONS } from '../market/bar.js'
import { nextSession, sessionOn, type TradingSession } from '../market/calendar.js'
import { type Anchor, barStarts, isOnGrid, overlaps } from '../market/grid.js'
import type { CheckId } from './check-ids.js'
import type { Columns } from './columns.js'
import type { Flawed } from './gathered.js'
import type { Jump, StaleRun, VolumeOutlier } from './seen.js'
import { type Drift, driftsOf, mainSource } from './sources.js'
import type { Track } from './track.js'

/** How often, from when to when, and the first few. */
export interface Tally {
  count: number
  fromMs: number
  toMs: number
  readonly samples: string[]
  readonly samplesMs: number[]
}

export const SAMPLES = 3

/** Its columns hold until the next day of the symbol is made. */
export class Day {
  readonly symbol: string
  readonly interval: Interval
  readonly lengthMs: number
  /** Days since 1970-01-01. */
  readonly day: number
  readonly session: TradingSession | null
  readonly track: Track | null
  /** Whether its session should be there: bars of the night before do not promise one. */
  readonly isExpected: boolean
  /** Bars of the session, and the start of each. */
  readonly slots: number
  readonly startAt: (slot: number) => number
  /** The row that stands in each slot; -1 where there is none. */
  readonly rowOf: Int32Array
  /** Slots of which there is a row that is no usable bar: flawed, and not missing. */
  readonly isFlawed: Uint8Array
  /** Slots in which something was found, which says nothing about the rest of the day. */
  readonly isOdd: Uint8Array
  /**
   * Returns, of the close against the close of the bar before; of the first one against its open. NaN without a bar, and once the day
   * is judged where something was found or bars before are missing: those teach nothing.
   */
  readonly returns: Float64Array
  /** Volumes; NaN without a bar, where none is known or it is 0, and where something was found. */
  readonly volumes: Float64Array
  /** Slots from the bar before to this one. */
  readonly steps: Int32Array
  readonly tallies = new Map<CheckId, Tally>()
  /** Rows of the date, in or outside of the session. */
  rows = 0
  /** Bars of the session that are there. */
  present = 0
  /** The source of most of its rows; null where they name none. */
  source: string | null = null
  drifts: readonly Drift[] = []
  /** Median absolute deviation of its returns. */
  spread = Number.NaN
  /** Slots with a volume of 0. */
  zeros: readonly number[] = []
  stale: readonly StaleRun[] = []
  jumps: readonly Jump[] = []
  volumeOutliers: readonly VolumeOutlier[] = []
  /** Shares of the session, and what the sessions before would have had in as many bars; null where nobody can say. */
  total: { readonly volume: number; readonly expected: number; readonly ratio: number } | null = null
  /** Sessions before it that its prices and its volumes were held against. */
  history = 0
  volumeHistory = 0
  /** Dates of the first and the last row of the series. */
  readonly seriesFrom: number
  readonly seriesTo: number

  /** One with its slots, and nothing in them. A class, as an object put together from parts is slow to look into. */
  constructor(
    { columns, symbol, interval, track, anchor, seriesFrom, seriesTo }: Of,
    { day, isExpected }: { readonly day: number; readonly isExpected: boolean },
  ) {
    const session = sessionOn(day)
    this.symbol = symbol
    this.interval = interval
    this.lengthMs = intervalMs(interval)
    this.day = day
    this.session = session
    this.track = track
    this.isExpected = isExpected
    const { slots, startAt } = slotsOf(session, { interval, lengthMs: this.lengthMs, anchor })
    this.slots = slots
    this.startAt = startAt
    const made = columns.next(slots)
    this.rowOf = made.rowOf
    this.isFlawed = made.isFlawed
    this.isOdd = made.isOdd
    this.returns = made.returns
    this.volumes = made.volumes
    this.steps = made.steps
    this.seriesFrom = seriesFrom
    this.seriesTo = seriesTo
  }
}

/** From this hour of the evening to this one of the morning bars belong to the session that follows. */
const EVENING = 20 * HOUR
const MORNING = 4 * HOUR

const REGULAR = SESSIONS.indexOf('rth')
const EXTENDED = SESSIONS.indexOf('eth')

/** The date that a bar belongs to: its own in New York, in the night that of the next session. */
export function tradeDay(startMs: number, lengthMs: number): number {
  const day = newYorkDay(startMs)
  if (lengthMs >= DAY) return day
  const intoDay = startMs - newYorkMidnight(day)
  if (intoDay >= EVENING) return nextSession(day).day
  return intoDay < MORNING && sessionOn(day) === null ? nextSession(day).day : day
}

/** The first instant after `startMs` at which bars may belong to another date. */
export function tradeEnd(startMs: number, lengthMs: number): number {
  const day = newYorkDay(startMs)
  if (lengthMs >= DAY) return newYorkMidnight(day + 1)
  const intoDay = startMs - newYorkMidnight(day)
  if (intoDay < MORNING && sessionOn(day) === null) return newYorkMidnight(day) + MORNING
  if (intoDay < EVENING) return newYorkMidnight(day) + EVENING
  return newYorkMidnight(day + 1) + (sessionOn(day + 1) === null ? MORNING : EVENING)
}

/** Of what days are. */
interface Of {
  readonly columns: Columns
  readonly symbol: string
  readonly interval: Interval
  readonly track: Track | null
  readonly anchor: Anchor
  readonly seriesFrom: number
  readonly seriesTo: number
}

/** The grid of a session: by rule where it counts from the open, as there are hundreds of bars a day. */
function slotsOf(
  session: TradingSession | null,
  { interval, lengthMs, anchor }: { interval: Interval; lengthMs: number; anchor: Anchor },
): Pick<Day, 'slots' | 'startAt'> {
  if (session === null) return { slots: 0, startAt: () => Number.NaN }
  const { openMs, closeMs } = session
  if (lengthMs < DAY && anchor === 'open')
    return {
      slots: Math.ceil((closeMs - openMs) / lengthMs),
      startAt: (slot) => openMs + slot * lengthMs,
    }
  const starts = barStarts(session, interval, anchor)
  return { slots: starts.length, startAt: (slot) => starts[slot]! }
}

export interface Rows {
  readonly track: Track
  readonly anchor: Anchor
  /** Rows of the track, [from, to), in the order of time. */
  readonly from: number
  readonly to: number
  readonly sourceName: (id: number) => string | null
}

/** Puts rows of its date into a day, in the order of time. */
export function place(made: Day, { track, from, to, sourceName, anchor }: Rows): void {
  const { session } = made
  const { time, source, session: said, lengthMs } = track
  const isDaily = lengthMs >= DAY
  const openMs = session?.openMs ?? Number.POSITIVE_INFINITY
  const closeMs = session?.closeMs ?? Number.NEGATIVE_INFINITY
  const main = mainSource(track, from, to)
  made.rows += to - from
  made.source = sourceName(main.id)
  let beforeMs = Number.NEGATIVE_INFINITY
  let kept = -1
  for (let row = from; row < to; row++) {
    const start = time[row]!
    const isInside = session !== null && (isDaily || (start >= openMs && start < closeMs))
    const slot = isInside ? slotOf(start, made, anchor) : -1
    if (isInside && slot < 0 && !isOnGrid(start, session, track.interval)) {
      tally(made, 'off-grid', start)
      flaw(made, Math.floor((start - openMs) / lengthMs))
      continue
    }
    if (start === beforeMs) {
      // The later row of a source stands, and that of the source that most of the day is from.
      if (source[row] === source[kept]) {
        tally(made, track.isSame(kept, row) ? 'duplicate' : 'conflict', start)
      } else if (source[kept] === main.id) continue
      kept = row
      if (slot >= 0) stand(made, slot, row)
      continue
    }
    if (start - beforeMs < lengthMs && !isDaily && overlaps(beforeMs, start, lengthMs))
      tally(made, 'overlap', start)
    beforeMs = start
    kept = row
    if (isInside) {
      if (said[row] === EXTENDED) tally(made, 'label', start)
      if (slot >= 0) stand(made, slot, row)
    } else if (session === null && !isOvernight(start, lengthMs)) tally(made, 'holiday', start)
    else if (said[row] === REGULAR) tally(made, 'outside-session', start)
  }
  if (main.isMixed) made.drifts = driftsOf(track, { from, to, main: main.id, sourceName })
}

/** Gives a slot its row. */
function stand(made: Day, slot: number, row: number): void {
  if (made.rowOf[slot]! < 0) made.present++
  made.rowOf[slot] = row
}

/** The slot that begins at an instant; -1 for none. */
function slotOf(startMs: number, { session, slots, startAt, lengthMs }: Day, anchor: Anchor): number {
  if (lengthMs >= DAY) return 0
  if (anchor === 'open') {
    const slot = (startMs - session!.openMs) / lengthMs
    return Number.isInteger(slot) && slot >= 0 && slot < slots ? slot : -1
  }
  for (let slot = 0; slot < slots; slot++) if (startAt(slot) === startMs) return slot
  return -1
}

/** Whether a bar is one of the night, which belongs to the session that follows. */
export function isOvernight(startMs: number, lengthMs: number): boolean {
  if (lengthMs >= DAY) return false
  const intoDay = startMs - newYorkMidnight(newYorkDay(startMs))
  return intoDay >= EVENING || intoDay < MORNING
}

function tally(made: Day, check: CheckId, timeMs: number): void {
  count(made, check, { timeMs, rows: 1 })
}

function count(
  made: Day,
  check: CheckId,
  { timeMs, rows, sample }: { readonly timeMs: number; readonly rows: number; readonly sample?: string },
): void {
  let found = made.tallies.get(check)
  if (found === undefined) {
    found = { count: 0, fromMs: timeMs, toMs: timeMs, samples: [], samplesMs: [] }
    made.tallies.set(check, found)
  }
  found.count += rows
  found.fromMs = Math.min(found.fromMs, timeMs)
  found.toMs = Math.max(found.toMs, timeMs)
  if (found.samplesMs.length < SAMPLES) found.samplesMs.push(timeMs)
  if (sample !== undefined && found.samples.length < SAMPLES) found.samples.push(sample)
}

function flaw(made: Day, slot: number): void {
  if (slot < 0 || slot >= made.isFlawed.length) return
  made.isFlawed[slot] = 1
}

/** Takes in a row of the date that is no bar. */
export function addFlawed(
  made: Day,
  { check, timeMs, count: rows, sample }: Flawed & { timeMs: number },
): void {
  count(made, check, { timeMs, rows, sample })
  made.rows += rows
  const { slots, startAt } = made
  for (let slot = 0; slot < slots; slot++) if (startAt(slot) === timeMs) flaw(made, slot)
}

/** Takes in a row that begins before the one above it. */
export const addBackward = (made: Day, timeMs: number): void => tally(made, 'out-of-order', timeMs)
