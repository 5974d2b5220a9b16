/**
 * What the vendors over HTTP have in common as sources of history: a wish is asked for in pieces, a month of bars or a year of
 * days, and what comes is held against it. A bar that has not ended yet is none.
 */
import { usage } from '../../base/errors.js'
import { civilFromDays, DAY, daysFromCivil, daysInMonth } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { JsonObject } from '../../stream/json.js'
import {
  ADJUSTMENTS,
  type Adjusted,
  type BarBatch,
  copyRow,
  copyRows,
  INTERVALS,
  type Interval,
  intervalMs,
  newBatch,
} from '../bar.js'
import { dateOf, dayStart, isCovered, sessionAt, sessionOn } from '../calendar.js'
import { putRow } from '../fields.js'
import { documentRows } from '../formats/document.js'
import { describe } from '../problem.js'
import { settledDay } from './client.js'
import { keepWanted } from './feed.js'
import { completeBars } from './file.js'
import { FeedFailure, type HistorySource, type HistoryWish, type HistoryWorld } from './history.js'
import type { HttpSource } from './keys.js'

export interface Piece {
  readonly symbol: string
  readonly interval: Interval
  /** How the vendor writes the interval. */
  readonly length: string
  readonly fromDay: number
  readonly toDay: number
  readonly session: 'rth' | undefined
}

export interface Pages {
  /** One document of bars, as `documentRows` knows it. */
  readonly add: (document: JsonObject) => void
  /** Bars that end later are not whole, epoch milliseconds. */
  readonly wholeUntil: (ms: number) => void
}

export interface PiecewiseSource {
  readonly name: HttpSource
  readonly adjusted: Adjusted
  /** How the vendor writes the intervals that it has. */
  readonly lengths: Readonly<Partial<Record<Interval, string>>>
  /** Whether pieces are cut where dates are settled, so that those before it are kept. */
  readonly cut: boolean
  readonly ask: (piece: Piece, world: HistoryWorld, pages: Pages) => Promise<void>
  /** The stamps of a piece before anything is made of them. */
  readonly restamp?: (batch: BarBatch, piece: Piece, world: HistoryWorld) => void
}

/** A source that is asked piece by piece. */
export function piecewise(source: PiecewiseSource): HistorySource {
  const { name, adjusted, lengths, cut } = source
  let isTold = false
  const tell = (batch: BarBatch, { interval }: Piece, world: HistoryWorld) => {
    if (isTold || !straddles(batch, interval)) return
    isTold = true
    world.note(
      `${name}: a bar of ${interval} begins before the session and ends in it: it is in no session, and none begins at the open`,
    )
  }
  return {
    name,
    adjusted,
    bars: async function* (wish, world) {
      const { interval } = wish
      const length = lengths[interval]
      if (length === undefined) {
        const known = INTERVALS.filter((one) => lengths[one] !== undefined)
        throw usage(`${name} has no bars of ${interval}: ${known.join(', ')}`)
      }
      for (const days of pieces(wish, cut ? settledDay(world) : null)) {
        world.signal.throwIfAborted()
        const batch = await gather(source, { ...wish, length, ...days }, { world, tell })
        if (batch.length > 0) yield batch
      }
    },
  }
}

interface Gathering {
  readonly world: HistoryWorld
  readonly tell: (batch: BarBatch, piece: Piece, world: HistoryWorld) => void
}

async function gather(source: PiecewiseSource, piece: Piece, { world, tell }: Gathering): Promise<BarBatch> {
  const { name, adjusted } = source
  let batch = newBatch(FIRST_ROWS, world.names)
  let wholeMs = world.clock()
  let row = 0
  await source.ask(piece, world, {
    wholeUntil: (ms) => {
      wholeMs = Math.min(wholeMs, ms)
    },
    add: (document) => {
      const found = documentRows(document, name, { interval: piece.interval })
      if (found === null) throw new FeedFailure('data', 'an answer without bars', { where: name })
      for (const loose of found.rows) {
        row++
        if (batch.length === batch.capacity) batch = longer(batch)
        const problem = putRow(batch, loose, row, found.options)
        if (problem !== null) world.onBad(`${name}: ${piece.symbol}: ${describe(problem)}: ${quote(loose)}`)
      }
    },
  })
  source.restamp?.(batch, piece, world)
  const whole = keepWhole(batch, piece.interval, wholeMs)
  if (whole > 0) world.detail(`${name}: ${piece.symbol}: ${whole} bars have not ended yet and are left out`)
  batch.adjusted.fill(ADJUSTMENTS.indexOf(adjusted))
  batch.source.fill(world.names.id(name))
  completeBars(batch)
  tell(batch, piece, world)
  const { symbol, interval, fromDay, toDay, session } = piece
  keepWanted(batch, { symbols: [symbol], interval, fromDay, toDay, session })
  return byTime(batch)
}

const FIRST_ROWS = 4096

function longer(batch: BarBatch): BarBatch {
  const next = newBatch(batch.capacity * 2, batch.names)
  copyRows(batch, 0, batch.length, next)
  return next
}

/** Leaves out, in place, bars that end after an instant; gives how many. Bars of a day come to stand at midnight. */
function keepWhole(batch: BarBatch, interval: Interval, wholeMs: number): number {
  const length = intervalMs(interval)
  const count = batch.length
  batch.length = 0
  for (let i = 0; i < count; i++) {
    let end = batch.time[i]! + length
    if (length >= DAY) {
      const covered = isCovered(batch.time[i]!)
      end = (covered ? sessionOn(dateOf(batch.time[i]!))?.closeMs : undefined) ?? end
      batch.time[i] = dayStart(batch.time[i]!)
    }
    if (end <= wholeMs) copyRow(batch, i, batch)
  }
  return count - batch.length
}

/** Whether a bar begins before the open and ends after it, as one of the full hour does. */
function straddles({ length, time }: BarBatch, interval: Interval): boolean {
  const long = intervalMs(interval)
  for (let i = 0; i < length && long < DAY; i++) {
    const session = isCovered(time[i]!) ? sessionAt(time[i]!) : null
    if (session !== null && time[i]! < session.openMs && time[i]! + long > session.openMs) return true
  }
  return false
}

/** Bars of one start keep the order they came in. */
function byTime(batch: BarBatch): BarBatch {
  let i = 1
  while (i < batch.length && batch.time[i]! >= batch.time[i - 1]!) i++
  if (i >= batch.length) return batch
  const order = Array.from({ length: batch.length }, (_, row) => row)
  order.sort((a, b) => batch.time[a]! - batch.time[b]!)
  const sorted = newBatch(batch.length, batch.names)
  for (const row of order) copyRow(batch, row, sorted)
  return sorted
}

interface Days {
  readonly fromDay: number
  readonly toDay: number
}

/** Whole months, or years of days, as far as they are wanted. */
function* pieces({ interval, fromDay, toDay }: HistoryWish, settled: number | null): Generator<Days> {
  for (let day = fromDay; day <= toDay; ) {
    const { year, month } = civilFromDays(day)
    const period =
      interval === '1d' ? daysFromCivil(year, 12, 31) : daysFromCivil(year, month, daysInMonth(year, month))
    const last = Math.min(period, toDay)
    const end = settled !== null && day <= settled ? Math.min(last, settled) : last
    yield { fromDay: day, toDay: end }
    day = end + 1
  }
}
