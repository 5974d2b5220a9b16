/** What the simulator saw, as NDJSON: every message of a client by name, each violation, each fault. Virtual time alone. */
import { formatTime } from '../base/time.js'
import type { Message } from './layout.js'

/** What a client that is trusted does not do, and what it means. */
export const VIOLATIONS = {
  'bad-handshake': 'the first bytes are no handshake of the protocol',
  'before-start': 'a message before startApi',
  'unknown-message': 'a message of a number that is not known',
  'malformed-message': 'fields that are not those of the message',
  'duplicate-id': 'an order id that was used',
  'duplicate-ref': 'an order ref that another order has',
  'no-ref': 'an order without a ref',
  'wrong-account': 'an order for an account that is none of the gateway, or for none',
  'fractional-quantity': 'parts of a share',
  'off-tick-price': 'a price off the grid of a cent',
  'over-notional': 'position and open orders are worth more than the limit',
  'over-quantity': 'more shares than the limit',
  'not-transmitted': 'an order that is not to be transmitted',
  'stale-data': 'an order that adds to a position on bars that are old',
  'in-halt': 'an order for a symbol that is halted',
  'link-down': 'an order while the link to the broker is lost',
  'too-many-messages': 'over 50 messages in a second',
  'history-pacing': 'history asked for too often',
} as const
export type Violation = keyof typeof VIOLATIONS

export interface LogOptions {
  /** Takes one line with its end; null keeps none. */
  readonly write: ((line: string) => void) | null
  readonly now: () => number
}

/** The log, and how often each violation was seen. */
export class SimLog {
  readonly #options: LogOptions
  readonly violations = new Map<Violation, number>()

  constructor(options: LogOptions) {
    this.#options = options
  }

  message(client: number | null, name: string, fields: Message): void {
    if (this.#options.write === null) return
    // What is empty says nothing: an order has a hundred fields.
    const given = Object.entries(fields).filter(([, value]) => value.length > 0)
    this.#line({ type: 'message', client, name, fields: Object.fromEntries(given) })
  }

  violation(client: number | null, rule: Violation, detail: string): void {
    this.violations.set(rule, (this.violations.get(rule) ?? 0) + 1)
    this.#line({ type: 'violation', client, rule, detail, count: this.violations.get(rule) })
  }

  connection(client: number | null, event: string): void {
    this.#line({ type: 'connection', client, event })
  }

  fault(fault: string, detail: unknown): void {
    this.#line({ type: 'fault', fault, detail })
  }

  #line({ type, ...rest }: { readonly type: string; readonly [key: string]: unknown }): void {
    const { write, now } = this.#options
    write?.(`${JSON.stringify({ type, time: formatTime(now()), ...rest })}\n`)
  }
}
