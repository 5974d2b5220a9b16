/** How far apart rows are: the commonest distance, which a single odd row does not decide as it would the smallest. */
import { DAY, HOUR } from '../base/time.js'

/** Rows that are looked at. */
export const LOOK_AHEAD = 1000

/** The spacings of rows, by symbol, in whatever order the rows come. */
export class Spacings {
  readonly #times = new Map<number, number[]>()
  #rows = 0

  get rows(): number {
    return this.#rows
  }

  add(symbol: number, timeMs: number): void {
    this.#rows++
    const times = this.#times.get(symbol)
    if (times === undefined) this.#times.set(symbol, [timeMs])
    else times.push(timeMs)
  }

  /** Milliseconds; of equally common ones the smallest. Null where no symbol has two rows. */
  commonest(): number | null {
    const counts = new Map<number, number>()
    for (const times of this.#times.values()) {
      times.sort((a, b) => a - b)
      for (let i = 1; i < times.length; i++) {
        const gap = spacing(times[i]! - times[i - 1]!)
        if (gap > 0) counts.set(gap, (counts.get(gap) ?? 0) + 1)
      }
    }
    let best: number | null = null
    for (const [gap, count] of counts) {
      const most = best === null ? 0 : counts.get(best)!
      if (best === null || count > most || (count === most && gap < best)) best = gap
    }
    return best
  }
}

/** Midnights in a zone with daylight saving are 23 to 25 hours apart, and so on for more days: each counts as whole days. */
function spacing(ms: number): number {
  const days = Math.round(ms / DAY)
  return days >= 1 && Math.abs(ms - days * DAY) <= HOUR ? days * DAY : ms
}
