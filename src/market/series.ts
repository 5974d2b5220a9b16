/** Bars of one symbol in columns that grow: oldest first, none that overlaps another. */
import { grown } from '../base/columns.js'
import { badData } from '../base/errors.js'
import { formatTime, lengthWords } from '../base/time.js'
import { type Interval, intervalMs } from './bar.js'
import { overlaps } from './grid.js'
import { OVERLAP_HINT } from './problem.js'

export const COLUMNS = ['open', 'high', 'low', 'close', 'volume'] as const
/** Numbers of one bar as `append` takes them: open, high, low, close, volume. */
export const BAR_NUMBERS = COLUMNS.length

/** One symbol alone: columns of which the first `length` entries count. */
export class Series {
  readonly symbol: string
  readonly intervalMs: number
  length = 0
  /** Bar start, epoch milliseconds UTC. */
  time = new Float64Array(0)
  /** Dollars a share. */
  open = new Float64Array(0)
  high = new Float64Array(0)
  low = new Float64Array(0)
  close = new Float64Array(0)
  /** Shares; NaN where unknown. */
  volume = new Float64Array(0)

  constructor(symbol: string, interval: Interval) {
    this.symbol = symbol
    this.intervalMs = intervalMs(interval)
  }

  /** Adds a bar: its numbers stand at `from` of `numbers`. Throws badData unless it begins after the last one's end. */
  append(time: number, numbers: ArrayLike<number>, from = 0): void {
    if (this.length === this.time.length) this.#grow()
    const i = this.length
    if (i > 0) refuseDisorder(this.symbol, this.time[i - 1]!, time, this.intervalMs)
    this.length++
    this.time[i] = time
    for (let c = 0; c < BAR_NUMBERS; c++) this[COLUMNS[c]!][i] = numbers[from + c]!
  }

  #grow(): void {
    const capacity = Math.max(64, 2 * this.time.length)
    this.time = grown(this.time, capacity)
    for (const name of COLUMNS) this[name] = grown(this[name], capacity)
  }
}

/** Why a bar may not follow another of its symbols; null where it may. */
export function orderProblem(
  symbols: string,
  beforeMs: number,
  timeMs: number,
  lengthMs: number,
): string | null {
  if (timeMs - beforeMs >= lengthMs) return null
  if (timeMs <= beforeMs)
    return `time goes backwards: ${symbols} ${formatTime(timeMs)} after ${formatTime(beforeMs)}`
  return overlaps(beforeMs, timeMs, lengthMs) ? overlapWords(symbols, beforeMs, timeMs, lengthMs) : null
}

/** Words for two bars that share time: symbol, starts, and the length that makes them overlap. */
export function overlapWords(symbols: string, oneMs: number, otherMs: number, lengthMs: number): string {
  const [first, second] = [formatTime(Math.min(oneMs, otherMs)), formatTime(Math.max(oneMs, otherMs))]
  return `bars overlap: ${symbols} ${second} begins before the end of ${first}, which is ${lengthWords(lengthMs)} long`
}

/** Throws badData where a bar may not follow another. */
export function refuseDisorder(symbols: string, beforeMs: number, timeMs: number, lengthMs: number): void {
  const words = orderProblem(symbols, beforeMs, timeMs, lengthMs)
  if (words !== null) throw badData(words, { hint: OVERLAP_HINT })
}
