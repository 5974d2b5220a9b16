/**
 * When a request for history may be sent. The broker refuses the same request within 15 s, six for one contract within 2 s,
 * more than 60 in 10 minutes, and more than 50 at a time.
 */
import { MINUTE, SECOND } from '../base/time.js'

const SAME_MS = 15 * SECOND
const CONTRACT_MS = 2 * SECOND
const CONTRACT_MOST = 5
const LONG_MS = 10 * MINUTE
const LONG_MOST = 60
const OPEN_MOST = 50

interface Sent {
  readonly key: string
  readonly contract: number
  readonly timeMs: number
}

/** What was asked for, and so when the next request may be. */
export class HistoryPacing {
  #sent: Sent[] = []
  #open = 0

  /** Milliseconds until a request may be sent, at `nowMs`; Infinity where another has to end first. */
  waitMs(key: string, contract: number, nowMs: number): number {
    if (this.#open >= OPEN_MOST) return Number.POSITIVE_INFINITY
    this.#sent = this.#sent.filter(({ timeMs }) => nowMs - timeMs < LONG_MS)
    const rest = (of: readonly Sent[], most: number, ms: number): number => {
      const at = of[of.length - most]
      return at === undefined ? 0 : at.timeMs + ms - nowMs
    }
    return Math.max(
      0,
      rest(
        this.#sent.filter((sent) => sent.key === key),
        1,
        SAME_MS,
      ),
      rest(
        this.#sent.filter((sent) => sent.contract === contract),
        CONTRACT_MOST,
        CONTRACT_MS,
      ),
      rest(this.#sent, LONG_MOST, LONG_MS),
    )
  }

  begin(key: string, contract: number, nowMs: number): void {
    this.#sent.push({ key, contract, timeMs: nowMs })
    this.#open++
  }

  end(): void {
    this.#open--
  }
}
