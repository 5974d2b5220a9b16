/** What the gateway needs of time; given, so that tests and a virtual clock own it. */
export interface Timers {
  setTimeout(run: () => void, ms: number): unknown
  /** Takes what `setTimeout` gave, and undefined. */
  clearTimeout(timer: unknown): void
  /** Epoch milliseconds. */
  now(): number
}
