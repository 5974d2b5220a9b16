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

/** Open, high, low, close in the numbers of a bar. */
const PRICES = [0, 1, 2, 3] as const

/** A price that is further from the close before is held against history: after a farm's return they may all be off by a constant. */
const JUMP = 0.01

/** The stream and history differ by less in what is right. */
const TOLERANCE = 0.005

/** The bars of one time as far as they are to be believed, by symbol. */
export interface KnownSlot extends Slot {
  /** No entries on it. */
  readonly isDoubtful: readonly boolean[]
  /** The stream has brought nothing of what history has. */
  readonly isSilent: readonly boolean[]
}

interface Known {
  /** Null where a symbol has none. */
  readonly bar: readonly number[] | null
  readonly isDoubtful: boolean
}

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
  /** By symbol: its stream is to be held against history, and was found to bring other prices. */
  readonly #isUnchecked: boolean[] = new Array(SYMBOL_COUNT).fill(false)
  readonly #isWrong: boolean[] = new Array(SYMBOL_COUNT).fill(false)

  constructor(options: PaperOptions, inbox: Inbox) {
    this.#options = options
    this.#inbox = inbox
    this.#builder = new BarBuilder(options.live.options.market.interval)
  }

  /** The streams of both symbols have begun. */
  began(): void {
    for (let k = 0; k < SYMBOL_COUNT; k++) this.#builder.began(k, this.#options.clock.now())
    // Where time waits for its readers, it goes on from here.
    this.#ask()
    this.#ask()
  }

  /** The stream of a symbol has begun again after a break. */
  gap(symbol: number): void {
    this.#builder.began(symbol, this.#options.clock.now())
    this.#isUnchecked[symbol] = true
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
   * The next bars that are known; null where none is. What the stream brought in part, or not at all, comes from history, and what
   * it brought after a break, or far from the bar before, is held against it. No entries on bars with `isDoubtful`.
   */
  async next(): Promise<KnownSlot | null> {
    const slot = this.#builder.next(this.#closedMs)
    if (slot === null) return null
    const known = await Promise.all(slot.bars.map((_, k) => this.#known(slot, k)))
    return {
      ...slot,
      bars: known.map(({ bar }) => bar),
      isDoubtful: known.map(({ isDoubtful }) => isDoubtful),
      isSilent: slot.bars.map((bar, k) => bar === null && known[k]!.bar !== null),
    }
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

  /** The bar of a symbol as far as it is to be believed. */
  async #known({ timeMs, endMs, bars, isWhole }: Slot, k: number): Promise<Known> {
    const { live, tell } = this.#options
    const bar = bars[k]!
    const isStrange = bar !== null && (this.#isUnchecked[k]! || this.#jumps(k, bar))
    if (bar !== null && isWhole[k] && !isStrange) return { bar, isDoubtful: false }
    const symbol = live.options.market.symbols[k]!
    const history = await this.#history(k, timeMs, endMs).catch((error: unknown) => {
      tell.warn(`${symbol}: history does not know the bar at ${formatTime(timeMs)}: ${messageOf(error)}`)
      return []
    })
    const found = history.find(({ startMs }) => startMs === timeMs)
    const numbers = found === undefined ? null : numbersOfBar(found)
    // A symbol without a bar may have a stream that is dead.
    if (bar === null || !isWhole[k]) return { bar: numbers, isDoubtful: bar === null || numbers === null }
    if (numbers === null) return { bar, isDoubtful: true }
    const isSame = PRICES.every((price) => Math.abs(bar[price]! / numbers[price]! - 1) <= TOLERANCE)
    if (!isSame && !this.#isWrong[k])
      tell.warn(`${symbol}: the stream's prices are not those of history, which count: no entries meanwhile`)
    if (isSame && this.#isWrong[k]) tell.warn(`${symbol}: the stream's prices are right again`)
    this.#isWrong[k] = !isSame
    this.#isUnchecked[k] = !isSame
    return isSame ? { bar, isDoubtful: false } : { bar: numbers, isDoubtful: true }
  }

  /** A bar is far from the one before it. */
  #jumps(k: number, bar: readonly number[]): boolean {
    const { market } = this.#options.live.options
    const before = market.close[k]![market.length - 1]
    return before !== undefined && PRICES.some((price) => Math.abs(bar[price]! / before - 1) > JUMP)
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
