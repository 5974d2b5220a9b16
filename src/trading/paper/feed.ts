/**
 * The bars of a run: parts from the stream, made into the model's interval and closed by the broker's clock; what the stream did
 * not bring whole comes from history.
 */
import { messageOf } from '../../base/errors.js'
import { formatTime, MINUTE, SECOND } from '../../base/time.js'
import { BarBuilder, type Slot } from '../../broker/bars.js'
import type { GatewayBar } from '../../broker/listener.js'
import { PART_MS } from '../../market/bar.js'
import { endOfBar, sessionOfStart } from '../../market/grid.js'
import { SYMBOL_COUNT } from '../../market/market.js'
import type { Inbox } from './inbox.js'
import type { PaperOptions } from './options.js'

/** History is asked for by its length, up to now. */
const HISTORY_MARGIN_MS = MINUTE

/** What of a bar has not come this long after its last part, host time, will not come. */
export const GRACE_MS = 3 * SECOND

/** The bars of one run. */
export class BarFeed {
  readonly #options: PaperOptions
  readonly #inbox: Inbox
  readonly #builder: BarBuilder
  /** End of the newest part, after which the broker was asked the time, and when it came, host time. */
  #askedMs = Number.NEGATIVE_INFINITY
  #askedAtMs = 0
  /** The same, once it was answered. */
  #answeredMs = Number.NEGATIVE_INFINITY
  /** Of what had ended by then nothing comes any more: by the stream itself, not by a clock that may be wrong. */
  #closedMs = Number.NEGATIVE_INFINITY

  constructor(options: PaperOptions, inbox: Inbox) {
    this.#options = options
    this.#inbox = inbox
    this.#builder = new BarBuilder(options.live.options.market.interval)
  }

  /** The streams of both symbols have begun. */
  began(): void {
    for (let k = 0; k < SYMBOL_COUNT; k++) this.gap(k)
    // Where time waits for its readers, it goes on from here.
    this.#ask()
    this.#ask()
  }

  /** The stream of a symbol has begun again after a break. */
  gap(symbol: number): void {
    this.#builder.began(symbol, this.#options.clock.now())
  }

  /** Bars that begin at this time or before it are known from elsewhere. */
  skip(timeMs: number): void {
    this.#builder.skip(timeMs)
  }

  /** The start of the bar that a part belongs to; null for none to come. */
  push(symbol: number, bar: GatewayBar): number | null {
    return this.#builder.push(symbol, bar)
  }

  /** A part was dealt with that came at `atMs`, host time: asks the broker the time, once for each end of a part. */
  passed({ startMs }: GatewayBar, atMs: number): void {
    const endMs = startMs + PART_MS
    if (endMs <= this.#askedMs) return
    this.#askedMs = endMs
    this.#askedAtMs = atMs
    this.#ask()
  }

  /**
   * The answer to a question for the time; false for one that is known already. Where time waits for its readers it comes after
   * all parts that had ended when the question was asked; the next question, `goOn`, says that they are dealt with.
   */
  told(endMs: number): boolean {
    if (endMs <= this.#answeredMs) return false
    this.#answeredMs = endMs
    if (this.#options.timeWaits) this.#closedMs = endMs
    return true
  }

  /** Where time waits for its readers: all is dealt with that had come. */
  goOn(): void {
    this.#ask()
  }

  /** Looks at the clock of the host: the last part is old, and nothing else of its bar will come. */
  tick(): void {
    const { host, timeWaits } = this.#options
    if (!timeWaits && host() - this.#askedAtMs >= GRACE_MS)
      this.#closedMs = Math.max(this.#closedMs, this.#askedMs)
  }

  /** No part comes any more. */
  close(): void {
    this.#closedMs = Number.POSITIVE_INFINITY
  }

  /**
   * The next bars that are known; null where none is. What the stream brought in part, or not at all, comes from history;
   * `isSilent` says for which symbols it brought nothing.
   */
  async next(): Promise<(Slot & { readonly isSilent: readonly boolean[] }) | null> {
    const slot = this.#builder.next(this.#closedMs)
    if (slot === null) return null
    const isSilent = slot.bars.map((bar) => bar === null)
    return { ...slot, isSilent, bars: await this.#completed(slot) }
  }

  /** Bars from history that begin at `fromMs` or later and have ended, in the order of time. */
  async since(fromMs: number): Promise<Slot[]> {
    const { live, clock } = this.#options
    const { intervalMs } = live.options.market
    const nowMs = clock.now()
    const slots = new Map<number, Slot & { readonly bars: (number[] | null)[] }>()
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      for (const bar of await this.#history(k, fromMs, nowMs)) {
        const endMs = endOfBar(bar.startMs, intervalMs)
        if (endMs > nowMs || sessionOfStart(bar.startMs, intervalMs) === null) continue
        const slot = slots.get(bar.startMs) ?? {
          timeMs: bar.startMs,
          endMs,
          bars: new Array(SYMBOL_COUNT).fill(null),
          isWhole: new Array(SYMBOL_COUNT).fill(true),
        }
        slot.bars[k] = numbersOfBar(bar)
        slots.set(bar.startMs, slot)
      }
    }
    return [...slots.values()].sort((a, b) => a.timeMs - b.timeMs)
  }

  async #completed({ timeMs, endMs, bars, isWhole }: Slot): Promise<(readonly number[] | null)[]> {
    const { live, tell } = this.#options
    return Promise.all(
      bars.map(async (bar, k) => {
        // A symbol without a bar may have a stream that is dead.
        if (isWhole[k] && bar !== null) return bar
        const history = await this.#history(k, timeMs, endMs).catch((error: unknown) => {
          const symbol = live.options.market.symbols[k]!
          tell.warn(`${symbol}: the bar at ${formatTime(timeMs)} is not known: ${messageOf(error)}`)
          return []
        })
        const found = history.find(({ startMs }) => startMs === timeMs)
        return found === undefined ? null : numbersOfBar(found)
      }),
    )
  }

  /** Bars of a symbol that begin in [fromMs, toMs). */
  async #history(k: number, fromMs: number, toMs: number): Promise<readonly GatewayBar[]> {
    const { broker, contracts, live, clock } = this.#options
    const bars = await broker.history({
      contract: contracts[k]!,
      interval: live.options.market.interval,
      endMs: null,
      lengthMs: Math.max(0, clock.now() - fromMs) + HISTORY_MARGIN_MS,
      rth: true,
    })
    return bars.filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
  }

  #ask(): void {
    const endMs = this.#askedMs
    this.#options.broker.time().then(
      (timeMs) => this.#inbox.push({ kind: 'time', timeMs, endMs }),
      () => {},
    )
  }
}

const numbersOfBar = ({ open, high, low, close, volume }: GatewayBar): number[] => [
  open,
  high,
  low,
  close,
  volume,
]
