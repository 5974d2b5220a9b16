/**
 * What happens to a run comes into one queue and is dealt with one after the other, so that a run depends on what happened and not
 * on when the process had time for it.
 */
import type {
  CommissionReport,
  ExecutionReport,
  GatewayBar,
  OrderReport,
  Problem,
  Ready,
} from '../../broker/listener.js'
import type { Ending, PaperOptions } from './options.js'

export type Message =
  | { readonly kind: 'part'; readonly symbol: string; readonly bar: GatewayBar; readonly atMs: number }
  | { readonly kind: 'order'; readonly report: OrderReport }
  | { readonly kind: 'execution'; readonly report: ExecutionReport }
  | { readonly kind: 'commission'; readonly report: CommissionReport }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'ready'; readonly ready: Ready }
  | { readonly kind: 'down'; readonly reason: string }
  | { readonly kind: 'time'; readonly timeMs: number; readonly endMs: number }
  | { readonly kind: 'unsent'; readonly id: number }
  | {
      readonly kind: 'guard'
      readonly symbol: string
      readonly what: 'type' | 'halt'
      readonly value: number
    }
  | { readonly kind: 'gap'; readonly symbol: string }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ending'; readonly ending: Ending; readonly words: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'over' }

/** What time brings: while reports are waited for, it waits. */
const BAR_KINDS: ReadonlySet<Message['kind']> = new Set(['part', 'time', 'tick', 'over'])

/** Waiting for reports looks at the clock this often, milliseconds of the host. */
const LOOK_MS = 50

/** The queue of one run. */
export class Inbox {
  readonly #options: Pick<PaperOptions, 'host' | 'later'>
  readonly #messages: Message[] = []
  #wake: (() => void) | null = null

  constructor(options: Pick<PaperOptions, 'host' | 'later'>) {
    this.#options = options
  }

  push(message: Message): void {
    this.#messages.push(message)
    this.#wake?.()
    this.#wake = null
  }

  /** The oldest message, once there is one. */
  async take(): Promise<Message> {
    while (this.#messages.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.#messages.shift()!
  }

  /** Hands on what comes until `done`, or for so long, host time: reports alone, or all. Whether it is done. */
  async until(
    done: () => boolean,
    { patienceMs, what }: { readonly patienceMs: number; readonly what: 'reports' | 'all' },
    handle: (message: Message) => Promise<void>,
  ): Promise<boolean> {
    const { host } = this.#options
    const untilMs = host() + patienceMs
    while (!done()) {
      if (host() >= untilMs) return false
      const at = this.#messages.findIndex(({ kind }) => what === 'all' || !BAR_KINDS.has(kind))
      if (at >= 0) await handle(this.#messages.splice(at, 1)[0]!)
      else await this.#news()
    }
    return true
  }

  /** Resolves when something has come, or soon. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.later(resolve, LOOK_MS)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
