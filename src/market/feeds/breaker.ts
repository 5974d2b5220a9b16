/** Which of the sources of a run may still be asked: one that fails again and again is left alone, one that sets a limit until then. */
import { MINUTE } from '../../base/time.js'
import type { FeedFailure } from './history.js'

/** Failures in a row after which a source is left alone, and for how long. Each was tried several times already. */
const MOST_FAILURES = 3
const REST_MS = 5 * MINUTE

/** The circuit of one source. */
export class Breaker {
  #untilMs = Number.NEGATIVE_INFINITY
  #failures = 0
  /** Why it was not asked, or gave nothing; null as long as it answers. */
  last: FeedFailure | null = null
  /** It has answered at least once. */
  hasAnswered = false
  /** Some question was left open because of a limit; because of anything else. */
  wasLimited = false
  hasFailed = false

  isOpen(nowMs: number): boolean {
    return nowMs >= this.#untilMs
  }

  answered(): void {
    this.#failures = 0
    this.hasAnswered = true
  }

  failed(failure: FeedFailure, nowMs: number): void {
    this.last = failure
    if (failure.kind === 'tryAgain') {
      this.wasLimited = true
      this.#untilMs = failure.untilMs ?? Number.POSITIVE_INFINITY
      return
    }
    this.hasFailed = true
    // A key that is refused is refused tomorrow as well.
    if (failure.kind === 'denied') this.#untilMs = Number.POSITIVE_INFINITY
    else if (++this.#failures >= MOST_FAILURES) this.#untilMs = nowMs + REST_MS
  }
}
