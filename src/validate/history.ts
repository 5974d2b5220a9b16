/** What the sessions before a day were like, by the slots of the session: returns and volumes of up to 20 of them. */

import { type Centre, centreOf, median, NORMAL } from '../base/robust.js'
import type { Day } from './day.js'

/** Sessions that are remembered, and how many are needed to judge by them. */
export const SESSIONS_KEPT = 20
export const SESSIONS_NEEDED = 5

/** Fewer returns are no measure. */
export const FEW = 20

/** Of one symbol and interval. */
export class History {
  /** By slot; NaN where there is none, or something was found. */
  readonly #returns: Float64Array[] = []
  readonly #volumes: Float64Array[] = []
  /** Of each session: spread of its returns, middle and mean of its volumes. */
  readonly #spreads: number[] = []
  readonly #levels: number[] = []
  readonly #means: number[] = []

  /** Sessions that are remembered. */
  get sessions(): number {
    return this.#spreads.length
  }

  /** Sessions whose volumes are: those since the last split. */
  get volumeSessions(): number {
    return this.#means.length
  }

  /** The usual spread of the returns of a session, as a standard deviation; NaN where there are too few. */
  get spread(): number {
    const [last] = this.#returns.slice(-1)
    if (last === undefined || last.length > FEW) return NORMAL * median(this.#spreads)
    // A few bars a session tell nothing alone.
    const { mad, count } = centreOf(this.#returns.flatMap((session) => [...session]))
    return count < FEW ? Number.NaN : NORMAL * mad
  }

  /** What is usual as the middle of the volumes of a session, and as their mean. */
  get level(): number {
    return median(this.#levels)
  }

  get meanVolume(): number {
    return median(this.#means)
  }

  returnsAt(slot: number): Centre {
    return centreOf(this.#returns.map((session) => session[slot] ?? Number.NaN))
  }

  /** Of the logarithms. */
  volumesAt(slot: number): Centre {
    return centreOf(this.#volumes.map((session) => Math.log(session[slot] ?? Number.NaN)))
  }

  /** After a split volumes are counted in other shares. */
  forgetVolumes(): void {
    this.#volumes.length = 0
    this.#levels.length = 0
    this.#means.length = 0
  }

  /** Takes in a session that has been judged. */
  add({ returns, spread, volumes }: Day, { level, mean }: Pace): void {
    remember(this.#returns, returns)
    this.#spreads.push(spread)
    if (!Number.isNaN(level)) {
      remember(this.#volumes, volumes)
      this.#levels.push(level)
      this.#means.push(mean)
    }
    for (const list of [this.#spreads, this.#levels, this.#means])
      if (list.length > SESSIONS_KEPT) list.shift()
  }
}

/** Adds a copy, in the place of the oldest where there are enough. */
function remember(sessions: Float64Array[], values: Float64Array): void {
  const oldest = sessions.length < SESSIONS_KEPT ? undefined : sessions.shift()
  const own = oldest?.length === values.length ? oldest : new Float64Array(values.length)
  own.set(values)
  sessions.push(own)
}

/** How much is traded a bar of a session: the middle and the mean; NaN where too little of it is there. */
export interface Pace {
  readonly level: number
  readonly mean: number
}
