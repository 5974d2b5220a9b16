/**
 * Streams of five-second bars, one a symbol, with the quotes that tell the type of the data and halts. A stream may end though all
 * looks alive: then it is asked for again, and the gap is told.
 */
import { SECOND } from '../base/time.js'
import { PART_MS } from '../market/bar.js'
import type { ContractName, Line } from './line.js'
import type { GatewayBar } from './listener.js'
import type { Timers } from './timers.js'

/** After a farm's return a stream may stay silent. */
const SILENT_BARS = 2
const LONGEST_WAIT_MS = 64 * SECOND
/** The kind of tick that tells a halt. */
const HALTED = 49

interface Stream {
  readonly contract: ContractName
  bars: number
  quotes: number
  lastMs: number | null
  /** Times it was asked for again since its last bar. */
  again: number
  timer: unknown
}

export interface StreamsOptions {
  readonly timers: Timers
  readonly isUp: () => boolean
  readonly send: (write: (line: Line) => void) => void
  /** Streams were asked for: the time is asked behind them, so that a clock that waits for its clients waits for this one. */
  readonly asked: () => void
  readonly nextId: () => number
  readonly bar: (symbol: string, bar: GatewayBar) => void
  readonly gap: (symbol: string, lastMs: number | null) => void
  readonly dataType: (symbol: string, type: number) => void
  readonly halted: (symbol: string, halt: 0 | 1 | 2) => void
}

export class Streams {
  readonly #options: StreamsOptions
  readonly #streams = new Map<string, Stream>()
  readonly #byRequest = new Map<number, Stream>()

  constructor(options: StreamsOptions) {
    this.#options = options
  }

  symbolOf(request: number): string | null {
    return this.#byRequest.get(request)?.contract.symbol ?? null
  }

  /** A symbol that has a stream keeps it. */
  add(contract: ContractName): void {
    if (this.#streams.has(contract.symbol)) return
    const stream: Stream = { contract, bars: 0, quotes: 0, lastMs: null, again: 0, timer: undefined }
    this.#streams.set(contract.symbol, stream)
    // Without a connection it is asked for on the next one.
    if (!this.#options.isUp()) return
    this.#options.send((line) => line.dataType(1))
    this.#ask(stream)
    this.#options.asked()
  }

  /** All of them, after they were lost. */
  askAgain(): void {
    this.#askEach([...this.#streams.values()])
  }

  /** Those that were not asked for on this connection. */
  askMissing(): void {
    this.#askEach([...this.#streams.values()].filter(({ bars }) => !this.#byRequest.has(bars)))
  }

  /** A stream has ended: at once, and with growing pauses where no bar comes in between. */
  ended(symbol: string): void {
    const stream = this.#streams.get(symbol)
    if (stream === undefined) return
    if (stream.again === 0) this.#askAgain(stream)
    else this.#later(stream, Math.min(SECOND * 2 ** (stream.again - 1), LONGEST_WAIT_MS))
  }

  /** The data farm is back: each stream is given two bars' time to speak. */
  farmIsBack(): void {
    for (const stream of this.#streams.values()) this.#later(stream, SILENT_BARS * PART_MS)
  }

  /** The connection is gone, and the streams with it. */
  lost(): void {
    this.#byRequest.clear()
    for (const stream of this.#streams.values()) {
      this.#options.timers.clearTimeout(stream.timer)
      stream.timer = undefined
      stream.again = 0
    }
  }

  bar(request: number, bar: GatewayBar): void {
    const stream = this.#byRequest.get(request)
    if (stream === undefined || request !== stream.bars) return
    this.#options.timers.clearTimeout(stream.timer)
    stream.timer = undefined
    stream.again = 0
    // A stream that is asked for again may begin with a bar that was there before.
    if (stream.lastMs !== null && bar.startMs <= stream.lastMs) return
    stream.lastMs = bar.startMs
    this.#options.bar(stream.contract.symbol, bar)
  }

  dataType(request: number, type: number): void {
    const symbol = this.symbolOf(request)
    if (symbol !== null) this.#options.dataType(symbol, type)
  }

  tick(request: number, type: number, value: number): void {
    const symbol = this.symbolOf(request)
    if (symbol !== null && type === HALTED && (value === 0 || value === 1 || value === 2)) {
      this.#options.halted(symbol, value)
    }
  }

  #askEach(streams: readonly Stream[]): void {
    if (streams.length === 0) return
    this.#options.send((line) => line.dataType(1))
    for (const stream of streams) this.#askAgain(stream)
    this.#options.asked()
  }

  #later(stream: Stream, ms: number): void {
    const { timers } = this.#options
    timers.clearTimeout(stream.timer)
    stream.timer = timers.setTimeout(() => this.#askAgain(stream), ms)
  }

  #askAgain(stream: Stream): void {
    const { timers, send, gap } = this.#options
    timers.clearTimeout(stream.timer)
    stream.timer = undefined
    stream.again++
    const { bars, quotes } = stream
    // Only what this connection knows can be cancelled.
    if (this.#byRequest.delete(bars)) send((line) => line.barsDone(bars))
    if (this.#byRequest.delete(quotes)) send((line) => line.quotesDone(quotes))
    this.#ask(stream)
    gap(stream.contract.symbol, stream.lastMs)
  }

  #ask(stream: Stream): void {
    const { send, nextId } = this.#options
    stream.quotes = nextId()
    stream.bars = nextId()
    const { bars, quotes, contract } = stream
    this.#byRequest.set(quotes, stream)
    this.#byRequest.set(bars, stream)
    send((line) => line.quotes(quotes, contract))
    send((line) => line.bars(bars, contract))
  }
}
