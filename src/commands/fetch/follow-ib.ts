/**
 * Bars of the broker as they end: its bars of five seconds put together, closed by its clock. What a stream has missed is asked of
 * history; a bar that neither has is told.
 */
import { newYorkDay, SECOND } from '../../base/time.js'
import { BarBuilder } from '../../broker/bars.js'
import type { Gateway } from '../../broker/gateway.js'
import type { GatewayListener } from '../../broker/listener.js'
import { type BarBatch, type Interval, intervalMs, Names } from '../../market/bar.js'
import { sessions } from '../../market/calendar.js'
import type { Feed, FeedWorld } from '../../market/feeds/feed.js'
import { type BrokerBar, brokerBatch, type HistoryClient } from '../../market/feeds/ib.js'
import { appended, inOrder, noRows } from '../../market/feeds/rows.js'
import { barStarts, endOfBar } from '../../market/grid.js'
import { rangeWords } from '../../market/missing.js'
import type { RecordBlock } from '../../market/reading.js'

export interface StreamOptions {
  readonly symbols: readonly string[]
  readonly interval: Interval
  /** Bars that have ended since then come first, from history; undefined: none. */
  readonly fromMs: number | undefined
  /** Connects a gateway that tells this listener. */
  readonly connect: (listener: Partial<GatewayListener>) => Promise<Gateway>
  readonly historyOf: (gateway: Gateway) => HistoryClient
  readonly wait: (ms: number) => Promise<void>
}

/** How long after its end a bar is closed without its last parts. */
const GRACE_MS = 3 * SECOND
const LOOK_EVERY_MS = 250

/** The feed of a stream; it ends with the signal's reason, or with the failure of the gateway. */
export function ibStream(options: StreamOptions): Feed {
  return {
    name: 'ib',
    bars: async function* (_, world) {
      const stream = new Stream(options, world)
      yield* stream.blocks()
    },
  }
}

class Stream {
  readonly #options: StreamOptions
  readonly #world: FeedWorld
  readonly #names = new Names()
  readonly #builder: BarBuilder
  /** Start of the last bar that was passed on or given up, by symbol. */
  readonly #last: number[]
  #offsetMs = 0
  #failure: unknown

  constructor(options: StreamOptions, world: FeedWorld) {
    this.#options = options
    this.#world = world
    this.#builder = new BarBuilder(options.interval, options.symbols.length)
    this.#last = options.symbols.map(() => Number.NaN)
  }

  async *blocks(): AsyncGenerator<RecordBlock> {
    const { symbols, connect, historyOf, wait, fromMs } = this.#options
    const { warn, note, signal } = this.#world
    const gateway = await connect({
      bar: (symbol, bar) => this.#part(symbol, bar),
      gap: (symbol) => this.#builder.began(symbols.indexOf(symbol), this.#now()),
      dataType: (symbol, type) => {
        if (type !== 1) warn(`${symbol}: the data of the gateway is not live (type ${type})`)
      },
      halted: (symbol, halt) => note(`${symbol}: ${halt === 0 ? 'trading goes on' : 'trading is halted'}`),
      down: (reason) => warn(`the gateway is gone: ${reason}`),
      ready: ({ again }) => {
        if (again) note('the gateway is there again')
      },
      clock: (offsetMs) => {
        this.#offsetMs = offsetMs
      },
      note: (words) => note(words),
      failed: (error) => {
        this.#failure = error
      },
    })
    const history = historyOf(gateway)
    for (const [k, symbol] of symbols.entries()) {
      await gateway.subscribeBars(symbol)
      this.#builder.began(k, this.#now())
    }
    this.#last.fill((fromMs ?? this.#now()) - 1)
    for (;;) {
      signal.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      const ended = this.#now() - GRACE_MS
      const found = await this.#ended(history, ended)
      if (found.length > 0) yield { kind: 'bars', batch: found }
      await wait(LOOK_EVERY_MS)
    }
  }

  /** The broker's clock. */
  #now(): number {
    return this.#world.clock() + this.#offsetMs
  }

  #part(symbol: string, bar: BrokerBar): void {
    this.#builder.push(this.#options.symbols.indexOf(symbol), bar)
  }

  /** All bars that have ended by then and were not passed on, in the order of time and of the symbols. */
  async #ended(history: HistoryClient, endedMs: number): Promise<BarBatch> {
    const { symbols, interval } = this.#options
    const known = symbols.map(() => new Map<number, BrokerBar>())
    let untilMs = endedMs
    for (let slot = this.#builder.next(endedMs); slot !== null; slot = this.#builder.next(endedMs)) {
      // All its parts are there, though it has only just ended.
      untilMs = Math.max(untilMs, slot.endMs)
      for (const k of symbols.keys()) {
        const bar = slot.bars[k]
        if (bar !== null && bar !== undefined && slot.isWhole[k])
          known[k]!.set(slot.timeMs, barOf(slot.timeMs, bar))
      }
    }
    const lists: BarBatch[] = []
    for (const [k, symbol] of symbols.entries()) {
      const due = startsBetween(this.#last[k]!, untilMs, interval)
      const last = due.at(-1)
      if (last === undefined) continue
      const lacking = due.filter((start) => !known[k]!.has(start))
      await this.#fill(history, symbol, lacking, known[k]!)
      const bars = due.flatMap((start) => known[k]!.get(start) ?? [])
      const still = due.filter((start) => !known[k]!.has(start))
      if (still.length > 0) {
        this.#world.warn(
          `bars are missing: ${symbol} ${rangeWords([{ fromMs: still[0]!, toMs: still.at(-1)!, count: still.length }], 1)}`,
        )
      }
      const days = { fromDay: newYorkDay(due[0]!), toDay: newYorkDay(last) }
      const onBad = (words: string) => this.#world.warn(`${words}: left out`)
      lists.push(brokerBatch(bars, { symbol, interval, ...days }, { names: this.#names, onBad }))
      this.#last[k] = last
    }
    let rows = noRows(this.#names)
    for (const [list, row] of inOrder(lists)) rows = appended(rows, lists[list]!, row)
    return rows
  }

  /** Asks history for bars that the stream has not, or not as a whole. */
  async #fill(
    history: HistoryClient,
    symbol: string,
    lacking: readonly number[],
    known: Map<number, BrokerBar>,
  ): Promise<void> {
    const { interval } = this.#options
    const [first, last] = [lacking[0], lacking.at(-1)]
    if (first === undefined || last === undefined) return
    const endMs = endOfBar(last, intervalMs(interval))
    const wanted = new Set(lacking)
    try {
      const bars = await history.history({ symbol, interval, endMs, lengthMs: endMs - first, rth: true })
      for (const bar of bars) if (wanted.has(bar.startMs)) known.set(bar.startMs, bar)
    } catch (error) {
      this.#world.signal.throwIfAborted()
      this.#world.warn(`history of ${symbol}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

const barOf = (startMs: number, numbers: readonly number[]): BrokerBar => {
  const [open = Number.NaN, high = Number.NaN, low = Number.NaN, close = Number.NaN, volume = Number.NaN] =
    numbers
  return { startMs, open, high, low, close, volume, vwap: Number.NaN, trades: Number.NaN }
}

/** Starts of bars of the regular session after one instant that have ended by another. */
function startsBetween(afterMs: number, endedMs: number, interval: Interval): number[] {
  return sessions(newYorkDay(afterMs), newYorkDay(endedMs))
    .flatMap((session) => barStarts(session, interval))
    .filter((start) => start > afterMs && endOfBar(start, intervalMs(interval)) <= endedMs)
}
