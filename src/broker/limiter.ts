/**
 * The broker takes 50 messages a second from a client and cuts it off soon after. Orders go before all else, and other messages
 * leave room for them, so that no order waits because of a request.
 */
import { SECOND } from '../base/time.js'
import type { Timers } from './timers.js'

/** Of the messages of a second these are kept for orders. */
const KEPT_FOR_ORDERS = 10

interface Message {
  readonly write: () => void
  /** Told where the message is dropped before it was written. */
  readonly dropped: (() => void) | undefined
}

export interface LimiterOptions {
  /** Messages in any second; Infinity for a gateway that does not count. */
  readonly maxPerSecond: number
  readonly timers: Timers
}

/** Writes messages at once where the rate allows it, else as soon as it does, in their order. */
export class Limiter {
  readonly #max: number
  readonly #timers: Timers
  /** When the messages of the last second were written, in order of time. */
  #times: number[] = []
  #orders: Message[] = []
  #others: Message[] = []
  #pausedUntil = 0
  #timer: unknown

  constructor({ maxPerSecond, timers }: LimiterOptions) {
    this.#max = maxPerSecond
    this.#timers = timers
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#orders.length + this.#others.length
  }

  order(write: () => void, dropped?: () => void): void {
    this.#orders.push({ write, dropped })
    this.#run()
  }

  other(write: () => void): void {
    this.#others.push({ write, dropped: undefined })
    this.#run()
  }

  /** Writes nothing for a while. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#timers.now() + ms)
  }

  /** Forgets the orders that wait: they were for a moment that is over. */
  dropOrders(): void {
    const gone = this.#orders
    this.#orders = []
    for (const { dropped } of gone) dropped?.()
  }

  /** Forgets all that waits: the connection it was for is gone. */
  drop(): void {
    this.#others = []
    this.#timers.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pausedUntil = 0
    this.dropOrders()
  }

  #run(): void {
    for (;;) {
      const isOrder = this.#orders.length > 0
      const queue = isOrder ? this.#orders : this.#others
      if (queue.length === 0) return
      const waitMs = this.#waitMs(isOrder)
      if (waitMs > 0) {
        this.#timers.clearTimeout(this.#timer)
        this.#timer = this.#timers.setTimeout(() => this.#run(), waitMs)
        return
      }
      const { write } = queue.shift()!
      if (this.#max !== Number.POSITIVE_INFINITY) this.#times.push(this.#timers.now())
      write()
    }
  }

  #waitMs(isOrder: boolean): number {
    const now = this.#timers.now()
    if (now < this.#pausedUntil) return this.#pausedUntil - now
    if (this.#max === Number.POSITIVE_INFINITY) return 0
    this.#times = this.#times.filter((time) => now - time < SECOND)
    const room = isOrder ? this.#max : Math.max(1, this.#max - KEPT_FOR_ORDERS)
    if (this.#times.length < room) return 0
    return this.#times[this.#times.length - room]! + SECOND - now
  }
}
