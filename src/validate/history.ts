/** What the sessions before a day were like, by the slots of the session: returns and volumes of up to 20 of them. */
import type { Day } from './day.js'
import { type Centre, centreOf, median, NORMAL } from './robust.js'

/** Sessions that are remembered, and how many are needed to judge by them. */
export const SESSIONS_KEPT = 20
export const SESSIONS_NEEDED = 5

/** Of one symbol and interval. */
export class History {
  #slots = 0
  #returns = new Float64Array(0)
  #volumes = new Float64Array(0)
  /** Of each session: spread of its returns, middle of its log volumes, mean of its volumes. */
  readonly #spreads: number[] = []
  readonly #levels: number[] = []
  readonly #means: number[] = []
  #at = 0

  /** Sessions that are remembered. */
  get sessions(): number {
    return this.#spreads.length
  }

  /** Sessions whose volumes are: those since the last split. */
  get volumeSessions(): number {
    return this.#means.length
  }

  /** The usual spread of the returns of a session, as a standard deviation. */
  get spread(): number {
    return NORMAL * median(this.#spreads)
  }

  /** The middle of the log volumes of a session, and the mean of its volumes. */
  get level(): number {
    return median(this.#levels)
  }

  get meanVolume(): number {
    return median(this.#means)
  }

  returnsAt(slot: number): Centre {
    return this.#centre(this.#returns, slot)
  }

  volumesAt(slot: number): Centre {
    return this.#centre(this.#volumes, slot)
  }

  /** After a split volumes are counted in other shares. */
  forgetVolumes(): void {
    this.#volumes.fill(Number.NaN)
    this.#levels.length = 0
    this.#means.length = 0
  }

  /** Takes in a session; slots in which something was found teach nothing. */
  add(day: Day, { logVolumes, level, mean }: Volumes): void {
    const { returns, steps, isOdd, rowOf } = day
    this.#grow(rowOf.length)
    const kept = returns.map((value, slot) => (isOdd[slot] === 0 && steps[slot]! <= 1 ? value : Number.NaN))
    this.#spreads.push(centreOf(kept).mad)
    if (!Number.isNaN(level)) {
      this.#levels.push(level)
      this.#means.push(mean)
    }
    for (const list of [this.#spreads, this.#levels, this.#means])
      if (list.length > SESSIONS_KEPT) list.shift()
    for (let slot = 0; slot < this.#slots; slot++) {
      const at = slot * SESSIONS_KEPT + this.#at
      this.#returns[at] = slot < kept.length ? kept[slot]! : Number.NaN
      const volume = slot < kept.length && isOdd[slot] === 0 ? logVolumes[slot]! : Number.NaN
      this.#volumes[at] = Number.isFinite(volume) ? volume : Number.NaN
    }
    this.#at = (this.#at + 1) % SESSIONS_KEPT
  }

  #grow(slots: number): void {
    if (slots <= this.#slots) return
    const returns = new Float64Array(slots * SESSIONS_KEPT).fill(Number.NaN)
    const volumes = new Float64Array(slots * SESSIONS_KEPT).fill(Number.NaN)
    returns.set(this.#returns)
    volumes.set(this.#volumes)
    this.#returns = returns
    this.#volumes = volumes
    this.#slots = slots
  }

  #centre(values: Float64Array, slot: number): Centre {
    return centreOf(values.subarray(slot * SESSIONS_KEPT, (slot + 1) * SESSIONS_KEPT))
  }
}

/** The volumes of a session. */
export interface Volumes {
  /** By slot; NaN without a bar, or where none is known. */
  readonly logVolumes: Float64Array
  /** NaN where none is known. */
  readonly level: number
  readonly mean: number
}
