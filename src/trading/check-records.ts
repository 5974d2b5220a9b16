/**
 * What the records of a run must keep, whoever decides: judged from what is told and the bars alone, by its own count. It asks
 * nothing of the guard.
 */
import { formatDate, formatTime, MINUTE } from '../base/time.js'
import { sessionAt } from '../market/calendar.js'
import { endOfBar } from '../market/grid.js'
import { type Market, SYMBOL_COUNT } from '../market/market.js'
import { DUST } from '../portfolio/account.js'
import type { Change } from '../portfolio/order-book.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
import type { Rules } from './rules.js'

/** By what is promised, what broke it first; null while it is kept. */
export const RECORD_CHECKS = [
  'a fill never comes before its order',
  'records come in the order of time',
  'nothing is opened near the close',
  'no position is left at the close',
  'no day has more trades than allowed',
] as const
type RecordCheckName = (typeof RECORD_CHECKS)[number]

/** An order waits this long for a bar, or as long as the bars are. */
const PATIENCE_MS = 2 * MINUTE

/** Listens to a run. `finish` is to be called at its end. */
export class RecordCheck implements Listener {
  readonly problems = new Map<RecordCheckName, string>()
  readonly #market: Market
  readonly #rules: Rules
  readonly #position = new Float64Array(SYMBOL_COUNT)
  #lastMs = Number.NEGATIVE_INFINITY
  /** Close of the session under way, and its changes of a position's side. */
  #closeMs = Number.NaN
  #trades = 0

  constructor(market: Market, rules: Rules) {
    this.#market = market
    this.#rules = rules
  }

  refused(timeMs: number): void {
    this.#see(timeMs)
  }

  ordered(timeMs: number, k: number, { ordered }: Outcome): void {
    this.#see(timeMs)
    const held = this.#position[k]!
    const after = held + ordered[k]!
    const enters = held * after < 0 || Math.abs(after) > Math.abs(held)
    const { noEntryBeforeCloseMs } = this.#rules.limits
    if (enters && this.#closeMs - timeMs <= noEntryBeforeCloseMs)
      this.#break(
        'nothing is opened near the close',
        `${this.#name(k)} ${formatTime(timeMs)}: ${ordered[k]} shares`,
      )
  }

  reported({ isExecution, symbol: k, timeMs, decidedMs, shares, oldShares }: Change): void {
    if (!isExecution) return
    if (timeMs < decidedMs) {
      const words = `${this.#name(k)}: ordered at ${formatTime(decidedMs)}, filled at ${formatTime(timeMs)}`
      this.#break('a fill never comes before its order', words)
    }
    this.#see(timeMs)
    const before = Math.sign(this.#position[k]!)
    const after = this.#position[k]! + shares - oldShares
    this.#position[k] = Math.abs(after) < DUST ? 0 : after
    if (Math.sign(this.#position[k]!) !== before) this.#trades++
    const { tradesPerDay } = this.#rules.limits
    if (this.#trades > tradesPerDay)
      this.#break(
        'no day has more trades than allowed',
        `${formatTime(timeMs)}: ${this.#trades} of ${tradesPerDay}`,
      )
  }

  settled(t: number): void {
    this.#see(this.#market.endOf(t + 1))
  }

  marked(timeMs: number): void {
    this.#see(timeMs)
  }

  /** Judges the session that was under way at the end. */
  finish(): void {
    if (!Number.isNaN(this.#closeMs) && this.#lastMs >= this.#closeMs) this.#judgeClose()
  }

  /** Something is told: it is not older than what was told before, and may be of a new session. */
  #see(timeMs: number): void {
    if (timeMs < this.#lastMs)
      this.#break(
        'records come in the order of time',
        `${formatTime(timeMs)} after ${formatTime(this.#lastMs)}`,
      )
    this.#lastMs = timeMs
    if (timeMs <= this.#closeMs) return
    if (!Number.isNaN(this.#closeMs)) this.#judgeClose()
    // What ends at the close is still of the session.
    this.#closeMs = sessionAt(timeMs - 1)?.closeMs ?? sessionAt(timeMs)?.closeMs ?? Number.NaN
    this.#trades = 0
  }

  #judgeClose(): void {
    const { limits, costs } = this.#rules
    // A cap on the volume may leave a rest that no bar took.
    if (limits.flatBeforeCloseMs === null || costs.participation !== null) return
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const held = this.#position[k]!
      if (held === 0 || !this.#couldClose(k, limits.flatBeforeCloseMs)) continue
      const day = formatDate(sessionAt(this.#closeMs)!.day)
      this.#break('no position is left at the close', `${this.#name(k)} ${day}: ${held} shares`)
    }
  }

  /** Whether the last bars of a symbol in the session left room for an order that closes: one to decide on, one to be filled at. */
  #couldClose(k: number, flatBeforeCloseMs: number): boolean {
    const { intervalMs, anchor } = this.#market
    const [previous, last] = this.#lastTwo(k)
    const endMs = endOfBar(previous, intervalMs, anchor)
    const isDue = this.#closeMs - endMs - intervalMs < flatBeforeCloseMs
    return isDue && last - endMs <= Math.max(PATIENCE_MS, intervalMs)
  }

  /** Starts of the last two bars of a symbol in the session under way; minus infinity where there is none. */
  #lastTwo(k: number): readonly [number, number] {
    const { time, length, alone } = this.#market
    const openMs = sessionAt(this.#closeMs)!.openMs
    const starts: number[] = []
    for (const [column, count] of [
      [time, length],
      [alone[k]!.time, alone[k]!.length],
    ] as const) {
      for (let i = count - 1, found = 0; i >= 0 && column[i]! >= openMs && found < 2; i--) {
        if (column[i]! >= this.#closeMs) continue
        starts.push(column[i]!)
        found++
      }
    }
    const [last = Number.NEGATIVE_INFINITY, previous = Number.NEGATIVE_INFINITY] = starts.sort(
      (a, b) => b - a,
    )
    return [previous, last]
  }

  #break(name: RecordCheckName, words: string): void {
    if (!this.problems.has(name)) this.problems.set(name, words)
  }

  readonly #name = (k: number): string => this.#market.symbols[k]!
}
