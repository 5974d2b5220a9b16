/**
 * Bars of an interval from the 5-second bars of a broker. A bar is known once its last part has come, or once the clock says that
 * nothing of it comes any more. Those of one time come together: that both symbols have one is known then as well.
 */
import { type Interval, intervalMs, PART_MS } from '../market/bar.js'
import { endOfBar, sessionOfStart } from '../market/grid.js'
import { SYMBOL_COUNT } from '../market/market.js'
import { BAR_NUMBERS } from '../market/series.js'

/** A 5-second bar: dollars a share, shares; NaN for an unknown volume. */
export interface Part {
  readonly startMs: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** The bars of one time, by symbol; null where a symbol has none. */
export interface Slot {
  readonly timeMs: number
  readonly endMs: number
  /** Open, high, low, close, volume. */
  readonly bars: readonly (readonly number[] | null)[]
  /** False where parts were missed, as the stream began too late. */
  readonly isWhole: readonly boolean[]
}

interface Building {
  readonly timeMs: number
  readonly endMs: number
  readonly bars: (number[] | null)[]
}

/** Builds the bars of some symbols; parts of a symbol come in the order of time. */
export class BarBuilder {
  readonly #lengthMs: number
  readonly #slots: Building[] = []
  /** By symbol: when its stream began, and the end of its last part. */
  readonly #since: number[]
  readonly #until: number[]
  /** Start of the last slot that was given. */
  #given = Number.NEGATIVE_INFINITY

  constructor(interval: Interval, symbols: number = SYMBOL_COUNT) {
    this.#lengthMs = intervalMs(interval)
    this.#since = new Array(symbols).fill(Number.POSITIVE_INFINITY)
    this.#until = new Array(symbols).fill(Number.NEGATIVE_INFINITY)
  }

  /** The stream of a symbol has begun, or begun again after a break: bars under way are not whole. */
  began(symbol: number, atMs: number): void {
    this.#since[symbol] = atMs
  }

  /** Bars that begin at this time or before it are known from elsewhere. */
  skip(timeMs: number): void {
    this.#given = Math.max(this.#given, timeMs)
    while (this.#slots[0] !== undefined && this.#slots[0].timeMs <= this.#given) this.#slots.shift()
  }

  /** The start of the bar that a part belongs to; null for none to come: outside of the session, repeated, or too late. */
  push(symbol: number, { startMs, open, high, low, close, volume }: Part): number | null {
    const session = sessionOfStart(startMs, PART_MS)
    if (session === null || startMs < this.#until[symbol]!) return null
    const timeMs = startMs - ((startMs - session.openMs) % this.#lengthMs)
    if (timeMs <= this.#given) return null
    this.#until[symbol] = startMs + PART_MS
    const slot = this.#slotAt(timeMs)
    const bar = slot.bars[symbol]
    if (bar === null || bar === undefined) slot.bars[symbol] = [open, high, low, close, volume]
    else {
      bar[1] = Math.max(bar[1]!, high)
      bar[2] = Math.min(bar[2]!, low)
      bar[3] = close
      bar[BAR_NUMBERS - 1]! += volume
    }
    return timeMs
  }

  /** The next bars that are known: all their parts have come, or they had ended at `closedMs`. Null where none is. */
  next(closedMs: number): Slot | null {
    const slot = this.#slots[0]
    if (slot === undefined) return null
    const { timeMs, endMs, bars } = slot
    if (endMs > closedMs && this.#until.some((until) => until < endMs)) return null
    this.#slots.shift()
    this.#given = timeMs
    return { timeMs, endMs, bars, isWhole: this.#since.map((since) => since <= timeMs) }
  }

  #slotAt(timeMs: number): Building {
    let at = this.#slots.length
    while (at > 0 && this.#slots[at - 1]!.timeMs > timeMs) at--
    const before = this.#slots[at - 1]
    if (before?.timeMs === timeMs) return before
    const slot = { timeMs, endMs: endOfBar(timeMs, this.#lengthMs), bars: this.#since.map(() => null) }
    this.#slots.splice(at, 0, slot)
    return slot
  }
}
