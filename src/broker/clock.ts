/** What time it is at the broker, by its own words. */

/** A session's clock that goes on with the host's from what the broker said last. Epoch milliseconds. */
export class SyncedClock {
  readonly #host: () => number
  #toldMs: number
  #hostMs: number

  constructor(toldMs: number, host: () => number) {
    this.#host = host
    this.#toldMs = toldMs
    this.#hostMs = host()
  }

  now(): number {
    return this.#toldMs + (this.#host() - this.#hostMs)
  }

  /** The broker says whole seconds: it never sets the clock back, and forward where it is behind. */
  told(timeMs: number): void {
    if (timeMs <= this.now()) return
    this.#toldMs = timeMs
    this.#hostMs = this.#host()
  }
}

/** The clock of a gateway whose time waits for its readers: it stands at what was said last. */
export class ToldClock {
  #toldMs: number

  constructor(toldMs: number) {
    this.#toldMs = toldMs
  }

  now(): number {
    return this.#toldMs
  }

  told(timeMs: number): void {
    this.#toldMs = Math.max(this.#toldMs, timeMs)
  }
}
