/** What the gateway needs of time; given, so that tests and a virtual clock own it. */
export interface Timers {
  setTimeout(run: () => void, ms: number): unknown
  /** Takes what `setTimeout` gave, and undefined. */
  clearTimeout(timer: unknown): void
  /** Epoch milliseconds. */
  now(): number
}

/**
 * Calls when `ms` have passed and what had arrived by then was read: a process that was held up is not to take that for silence.
 * Gives the way to call it off.
 */
export function deadline(timers: Timers, ms: number, run: () => void): () => void {
  let timer = timers.setTimeout(() => {
    // The next turn of the event loop comes after sockets were read.
    timer = timers.setTimeout(run, 1)
  }, ms)
  return () => timers.clearTimeout(timer)
}
