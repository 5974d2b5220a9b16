/** Ids of orders and requests. */
import { Failure } from '../base/errors.js'

/** The largest id that the protocol carries; the broker answers a larger one with 320. */
export const LARGEST_ID = 2 ** 31 - 1

/**
 * Ids of orders are only raised, whatever the gateway says after a restart: an id that is given twice changes the first order
 * instead of sending a second.
 */
export class OrderIds {
  #next = 1

  /** The next id is at least this. */
  raise(floor: number): void {
    if (Number.isInteger(floor)) this.#next = Math.max(this.#next, floor)
  }

  get next(): number {
    return this.#next
  }

  take(): number {
    if (this.#next > LARGEST_ID) {
      throw new Failure(
        'config',
        `the order ids of the gateway are used up: ${this.#next} is above ${LARGEST_ID}`,
        {
          hint: 'reset the API order id sequence in the settings of the gateway, under API',
        },
      )
    }
    return this.#next++
  }
}

const HALF = 2 ** 30
/** So many ids are taken in turn; no more than a few are in use at a time. */
const RANGE = 2 ** 28

/**
 * Ids of requests, which messages name as they name orders: they come from the half of the numbers that orders are not in, so that
 * a message says which of the two it is about.
 */
export class RequestIds {
  readonly #orders: OrderIds
  #count = 0

  constructor(orders: OrderIds) {
    this.#orders = orders
  }

  take(): number {
    this.#count = (this.#count % RANGE) + 1
    return this.#base + this.#count
  }

  /** Whether a message with this id is about a request. */
  has(id: number): boolean {
    return id > this.#base && id <= this.#base + RANGE
  }

  get #base(): number {
    return this.#orders.next < HALF ? HALF : 0
  }
}
