/** Time for tests of the gateway: by hand, or faster than real. */
import type { Timers } from '../../src/broker/timers.js'

/** Time that goes on when told. */
export class ManualTimers implements Timers {
  #now = 1_000_000
  #next = 1
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>()

  now(): number {
    return this.#now
  }

  setTimeout(run: () => void, ms: number): number {
    this.#timers.set(this.#next, { at: this.#now + ms, run })
    return this.#next++
  }

  clearTimeout(timer: unknown): void {
    if (typeof timer === 'number') this.#timers.delete(timer)
  }

  /** Runs what falls due, in the order of time, then of setting. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [due] = [...this.#timers]
        .filter(([, { at }]) => at <= end)
        .sort(([a, x], [b, y]) => x.at - y.at || a - b)
      if (due === undefined) break
      this.#timers.delete(due[0])
      this.#now = Math.max(this.#now, due[1].at)
      due[1].run()
    }
    this.#now = end
  }
}

/** Real timers that are `factor` times as fast, those that are set from now on. */
export class FastTimers implements Timers {
  readonly #pending = new Set<NodeJS.Timeout>()
  #factor: number
  #atMs = Date.now()
  #since = performance.now()

  constructor(factor: number) {
    this.#factor = factor
  }

  set factor(factor: number) {
    this.#atMs = this.now()
    this.#since = performance.now()
    this.#factor = factor
  }

  /** Timers that are set and have not run. */
  get pending(): number {
    return this.#pending.size
  }

  now(): number {
    return this.#atMs + (performance.now() - this.#since) * this.#factor
  }

  setTimeout(run: () => void, ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#pending.delete(timer)
      run()
    }, ms / this.#factor)
    this.#pending.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    const known = timer as NodeJS.Timeout | undefined
    clearTimeout(known)
    if (known !== undefined) this.#pending.delete(known)
  }
}
