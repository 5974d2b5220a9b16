/** The rows of one symbol and interval in columns, as they came, and then in the order of time. */
import { type BarBatch, type Interval, intervalMs } from '../market/bar.js'

const FLOATS = ['time', 'open', 'high', 'low', 'close', 'volume', 'rest'] as const
type Columns = { [K in (typeof FLOATS)[number]]: Float64Array }

/** Grows with its rows: 61 bytes each. */
export class Track implements Columns {
  readonly symbol: string
  readonly interval: Interval
  readonly lengthMs: number
  length = 0
  time = new Float64Array(FIRST_ROOM)
  open = new Float64Array(FIRST_ROOM)
  high = new Float64Array(FIRST_ROOM)
  low = new Float64Array(FIRST_ROOM)
  close = new Float64Array(FIRST_ROOM)
  volume = new Float64Array(FIRST_ROOM)
  /** A number that is another one where vwap or trades are. */
  rest = new Float64Array(FIRST_ROOM)
  source = new Int32Array(FIRST_ROOM)
  session = new Uint8Array(FIRST_ROOM)
  /** Starts of rows that begin before the row above them, as they came. */
  readonly backwardMs: number[] = []
  #beforeMs = Number.NEGATIVE_INFINITY
  #isSorted = true
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(symbol: string, interval: Interval) {
    this.symbol = symbol
    this.interval = interval
    this.lengthMs = intervalMs(interval)
  }

  /** Another input begins: its rows stand in no order to those before. */
  turn(): void {
    this.#beforeMs = Number.NEGATIVE_INFINITY
  }

  add(batch: BarBatch, i: number, source: number): void {
    const at = this.length++
    if (at === this.time.length) this.#grow()
    const time = batch.time[i]!
    this.time[at] = time
    this.open[at] = batch.open[i]!
    this.high[at] = batch.high[i]!
    this.low[at] = batch.low[i]!
    this.close[at] = batch.close[i]!
    this.volume[at] = batch.volume[i]!
    this.rest[at] = batch.vwap[i]! * IRRATIONAL + batch.trades[i]!
    this.source[at] = source
    this.session[at] = batch.session[i]!
    if (time < this.#beforeMs) this.backwardMs.push(time)
    if (time < this.#lastMs) this.#isSorted = false
    else this.#lastMs = time
    this.#beforeMs = time
  }

  /** Puts the rows in the order of time; those of one start stay as they came. */
  sort(): void {
    if (this.#isSorted) return
    const { length, time } = this
    const order = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => time[a]! - time[b]! || a - b)
    for (const name of FLOATS)
      this[name] = this[name].map((_, i) => (i < length ? this[name][order[i]!]! : 0))
    this.source = this.source.map((_, i) => (i < length ? this.source[order[i]!]! : 0))
    this.session = this.session.map((_, i) => (i < length ? this.session[order[i]!]! : 0))
    this.#isSorted = true
  }

  /** Whether two rows say the same, but for their session. */
  isSame(a: number, b: number): boolean {
    return FLOATS.every((name) => Object.is(this[name][a], this[name][b]))
  }

  #grow(): void {
    const room = 4 * this.time.length
    for (const name of FLOATS) {
      const grown = new Float64Array(room)
      grown.set(this[name])
      this[name] = grown
    }
    const source = new Int32Array(room)
    source.set(this.source)
    this.source = source
    const session = new Uint8Array(room)
    session.set(this.session)
    this.session = session
  }
}

const IRRATIONAL = Math.SQRT2
const FIRST_ROOM = 1 << 15
