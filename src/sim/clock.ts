/**
 * The virtual clock: it goes from instant to instant, at the pace of the day, a multiple of it, or as fast as the clients deal
 * with what they are sent. At each instant first what has ended is told, then orders meet what begins.
 */

export const SPEEDS = ['1', '60', 'max'] as const
export type Speed = number | 'max'

/** Real time, as the caller has it. */
export interface Timers {
  /** Milliseconds that only go on. */
  readonly now: () => number
  /** Calls later; gives what takes it back. */
  readonly after: (ms: number, call: () => void) => () => void
  /** Calls when what waits on sockets was looked at. */
  readonly soon: (call: () => void) => void
}

export interface ClockOptions {
  readonly startMs: number
  readonly speed: Speed
  readonly timers: Timers
  /** The first instant after this one at which something happens; infinite where nothing more does. */
  readonly next: (timeMs: number) => number
  /** What ended at an instant is told. */
  readonly onEnded: (timeMs: number) => void
  /** Orders meet what begins at it. */
  readonly onBegun: (timeMs: number) => void
  /** At `max`: whether there is nobody that time would go on for. */
  readonly isIdle: () => boolean
  /** At `max`: real milliseconds after which to look again whether the clients have dealt with the instant; 0 where they have. */
  readonly waitsMs: () => number
  /** Nothing more happens. */
  readonly onOver: () => void
}

/** Time between the instants of the tape. */
export class VirtualClock {
  readonly #options: ClockOptions
  #instantMs: number
  /** Real time at which the last instant was. */
  #realMs: number
  /** What ended at the instant is told, and the clients are waited for; at the start, until somebody is there. */
  #isWaiting = true
  #isScheduled = false
  #isStopped = false
  #cancel: () => void = () => {}

  constructor(options: ClockOptions) {
    this.#options = options
    this.#instantMs = options.startMs
    this.#realMs = options.timers.now()
  }

  /** The last instant: what everybody was told. */
  get instantMs(): number {
    return this.#instantMs
  }

  /** Virtual epoch milliseconds. */
  now(): number {
    const { speed, timers, next } = this.#options
    if (speed === 'max') return this.#instantMs
    const passed = this.#instantMs + (timers.now() - this.#realMs) * speed
    // Not beyond an instant that is due and has not been told.
    return Math.floor(Math.min(passed, next(this.#instantMs)))
  }

  /** When an order that comes now is there: what begins at the instant was met already unless the clients are waited for. */
  arrivalMs(): number {
    return this.#options.speed === 'max' && !this.#isWaiting ? this.#instantMs + 1 : this.now()
  }

  /** Something has changed: a message came, a client left, an order waits. */
  poke(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    this.#cancel()
    this.#options.timers.soon(() => {
      this.#isScheduled = false
      if (!this.#isStopped) this.#turn()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #turn(): void {
    if (this.#options.speed === 'max') this.#turnFast(this.#options)
    else this.#turnAtPace(this.#options.speed)
  }

  #turnFast({ isIdle, waitsMs, next, onEnded, onBegun, onOver, timers }: ClockOptions): void {
    // Who was told of the instant has gone, and may come back to it; at the start nobody was there yet.
    if (this.#isWaiting && isIdle()) return
    const waits = waitsMs()
    if (waits > 0) {
      this.#cancel = timers.after(waits, () => this.poke())
      return
    }
    if (this.#isWaiting) {
      this.#isWaiting = false
      onBegun(this.#instantMs)
    }
    const timeMs = next(this.#instantMs)
    if (timeMs === Number.POSITIVE_INFINITY) {
      onOver()
      return
    }
    if (isIdle()) return
    this.#instantMs = timeMs
    this.#isWaiting = true
    onEnded(timeMs)
    this.poke()
  }

  #turnAtPace(speed: number): void {
    const { next, onEnded, onBegun, onOver, timers } = this.#options
    const timeMs = next(this.#instantMs)
    if (timeMs === Number.POSITIVE_INFINITY) {
      onOver()
      return
    }
    const dueMs = this.#realMs + (timeMs - this.#instantMs) / speed
    const leftMs = dueMs - timers.now()
    if (leftMs > 0) {
      this.#cancel = timers.after(Math.min(leftMs, MOST_WAIT_MS), () => this.poke())
      return
    }
    this.#instantMs = timeMs
    // From when it was due, not from now: what is late does not make the day longer.
    this.#realMs = dueMs
    onEnded(timeMs)
    onBegun(timeMs)
    this.poke()
  }
}

/** Timers of a day would do; a host that slept is seen sooner. */
const MOST_WAIT_MS = 60_000
