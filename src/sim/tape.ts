/**
 * What the market does: bars of any symbols and one interval, and the 5-second bars that they are cut into. The parts of a bar
 * add up to it again to the bit: the first opens where it opens, the last closes where it closes, its high and its low are
 * reached, and the volumes add up in their order. A cut depends on the seed, the symbol and the start of the bar alone.
 */
import { badData } from '../base/errors.js'
import { type Rng, stream } from '../base/rng.js'
import { DAY } from '../base/time.js'
import { type Interval, intervalMs, PART_MS } from '../market/bar.js'
import { type Anchor, anchorOf, endOfBar, sessionOfStart } from '../market/grid.js'
import type { Series } from '../market/series.js'

/** One 5-second bar. Dollars a share, shares; NaN where the volume is unknown. */
export interface Part {
  readonly symbol: string
  readonly startMs: number
  readonly endMs: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  /** The bar that it is cut from: its row in the columns, and its volume, which fills go by. */
  readonly bar: number
  readonly barMs: number
  readonly barVolume: number
}

interface Bar {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** Volumes beyond this have no exact whole parts. */
const MOST_WHOLE = 2 ** 52

const isCents = (price: number): boolean => Math.round(price * 100) / 100 === price

/** Prices at the bounds of `count` parts: the first is the open, the last the close, all within low and high. */
function pathOf({ open, high, low, close }: Bar, count: number, rng: Rng): Float64Array {
  const path = new Float64Array(count + 1)
  const onGrid = isCents(open) && isCents(high) && isCents(low) && isCents(close)
  for (let i = 1; i < count; i++) {
    const straight = open + (close - open) * (i / count)
    const wanted = straight + (rng.uniform() - 0.5) * 0.5 * (high - low)
    const price = onGrid ? Math.round(wanted * 100) / 100 : wanted
    path[i] = Math.min(Math.max(price, low), high)
  }
  path[0] = open
  path[count] = close
  return path
}

/** Whole shares but for the last part: what the first ones have is at least half, so that the rest is exact. */
function volumesOf(volume: number, count: number, rng: Rng): Float64Array {
  const parts = new Float64Array(count)
  if (Number.isNaN(volume)) return parts.fill(Number.NaN)
  const last = count - 1
  const most = Math.floor(volume)
  if (last === 0 || most === 0 || volume >= MOST_WHOLE) {
    parts[last] = volume
    return parts
  }
  const first = Math.min(most, Math.max(Math.ceil(volume / 2), Math.floor((volume * last) / count)))
  const weights = Float64Array.from({ length: last }, () => 0.5 + rng.uniform())
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let given = 0
  let weight = 0
  for (let i = 0; i < last; i++) {
    weight += weights[i]!
    const upTo = i === last - 1 ? first : Math.min(first, Math.floor(first * (weight / total)))
    parts[i] = upTo - given
    given = upTo
  }
  parts[last] = volume - first
  return parts
}

/** Cuts a bar into `count` parts in the order of time. */
export function cut(bar: Bar, count: number, rng: Rng): Bar[] {
  if (count === 1) return [bar]
  const path = pathOf(bar, count, rng)
  const volumes = volumesOf(bar.volume, count, rng)
  const highAt = rng.int(count)
  const lowAt = (highAt + 1 + rng.int(count - 1)) % count
  return Array.from({ length: count }, (_, i) => {
    const [open, close] = [path[i]!, path[i + 1]!]
    return {
      open,
      close,
      high: i === highAt ? bar.high : Math.max(open, close),
      low: i === lowAt ? bar.low : Math.min(open, close),
      volume: volumes[i]!,
    }
  })
}

/** Bars whose parts are kept: the one that the clock is in, and its neighbours. */
const KEPT = 3

/** The bars of one symbol. */
class Track {
  readonly series: Series
  /** Of each bar on the clock of the exchange. */
  readonly starts: Float64Array
  readonly ends: Float64Array
  readonly #seed: number
  readonly #cuts = new Map<number, readonly Part[]>()

  constructor(series: Series, seed: number, anchor: Anchor) {
    this.series = series
    this.#seed = seed
    const { time, intervalMs, length } = series
    this.starts = new Float64Array(length)
    this.ends = new Float64Array(length)
    for (let bar = 0; bar < length; bar++) {
      const session = intervalMs < DAY ? null : sessionOfStart(time[bar]!, intervalMs)
      this.starts[bar] = session?.openMs ?? time[bar]!
      this.ends[bar] = session?.closeMs ?? endOfBar(time[bar]!, intervalMs, anchor)
    }
  }

  get length(): number {
    return this.series.length
  }

  parts(bar: number): readonly Part[] {
    const known = this.#cuts.get(bar)
    if (known !== undefined) return known
    const { series } = this
    const startMs = this.starts[bar]!
    const endMs = this.ends[bar]!
    const whole: Bar = {
      open: series.open[bar]!,
      high: series.high[bar]!,
      low: series.low[bar]!,
      close: series.close[bar]!,
      volume: series.volume[bar]!,
    }
    const rng = stream(this.#seed, 'tape', series.symbol, startMs)
    const parts = cut(whole, Math.max(1, Math.ceil((endMs - startMs) / PART_MS)), rng).map((part, i) => ({
      ...part,
      symbol: series.symbol,
      startMs: startMs + i * PART_MS,
      endMs: Math.min(startMs + (i + 1) * PART_MS, endMs),
      bar,
      barMs: series.time[bar]!,
      barVolume: whole.volume,
    }))
    this.#cuts.set(bar, parts)
    const [oldest] = this.#cuts.keys()
    if (this.#cuts.size > KEPT) this.#cuts.delete(oldest!)
    return parts
  }

  /** The first bar that ends after an instant; the length where there is none. */
  barAfter(timeMs: number): number {
    let [from, to] = [0, this.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.ends[middle]! > timeMs) to = middle
      else from = middle + 1
    }
    return from
  }

  /** The first part that begins at or after an instant; null where there is none. */
  partFrom(timeMs: number): Part | null {
    for (let bar = this.barAfter(timeMs); bar < this.length; bar++) {
      const part = this.parts(bar)[Math.max(0, Math.ceil((timeMs - this.starts[bar]!) / PART_MS))]
      if (part !== undefined) return part
    }
    return null
  }

  /** The part that ends at an instant; null where none does. */
  partTo(timeMs: number): Part | null {
    const bar = this.barAfter(timeMs - 1)
    if (bar >= this.length || this.starts[bar]! >= timeMs) return null
    const part = this.parts(bar)[Math.ceil((timeMs - this.starts[bar]!) / PART_MS) - 1]
    return part?.endMs === timeMs ? part : null
  }

  /** The next instant at which a part begins or ends. */
  nextInstant(timeMs: number): number {
    const bar = this.barAfter(timeMs)
    if (bar >= this.length) return Number.POSITIVE_INFINITY
    const startMs = this.starts[bar]!
    if (timeMs < startMs) return startMs
    return Math.min(startMs + (Math.floor((timeMs - startMs) / PART_MS) + 1) * PART_MS, this.ends[bar]!)
  }

  /** The last part that has ended at an instant; null where none has. */
  lastPart(timeMs: number): Part | null {
    const bar = this.barAfter(timeMs)
    if (bar < this.length && this.starts[bar]! < timeMs) {
      const part = this.parts(bar)[Math.floor((timeMs - this.starts[bar]!) / PART_MS) - 1]
      if (part !== undefined) return part
    }
    return bar === 0 ? null : this.parts(bar - 1).at(-1)!
  }
}

/** Bars of all symbols, by symbol. Throws badData where a bar cannot be cut. */
export class Tape {
  readonly interval: Interval
  readonly intervalMs: number
  readonly symbols: readonly string[]
  /** When the first bar begins and the last one ends. */
  readonly firstMs: number
  readonly endMs: number
  readonly #tracks: ReadonlyMap<string, Track>

  constructor(
    series: readonly Series[],
    { interval, seed }: { readonly interval: Interval; readonly seed: number },
  ) {
    this.interval = interval
    this.intervalMs = intervalMs(interval)
    if (this.intervalMs < PART_MS)
      throw badData(`bars of ${interval} are shorter than the 5 seconds of a real-time bar`, {
        hint: 'give bars of 5s or longer',
      })
    const isOfClock = series.some((one) => anchorOf(one.time, one.length, interval) === 'clock')
    this.symbols = series.map(({ symbol }) => symbol)
    const tracks = series.map((one) => new Track(one, seed, isOfClock ? 'clock' : 'open'))
    this.#tracks = new Map(tracks.map((one) => [one.series.symbol, one]))
    const used = tracks.filter(({ length }) => length > 0)
    if (used.length === 0) throw badData('there are no bars of the regular session')
    this.firstMs = Math.min(...used.map(({ starts }) => starts[0]!))
    this.endMs = Math.max(...used.map(({ ends }) => ends.at(-1)!))
  }

  #track(symbol: string): Track {
    const track = this.#tracks.get(symbol)
    if (track === undefined) throw new RangeError(`no bars of ${symbol}`)
    return track
  }

  series(symbol: string): Series {
    return this.#track(symbol).series
  }

  /** How many bars of a symbol have ended at an instant. */
  barsEnded(symbol: string, timeMs: number): number {
    return this.#track(symbol).barAfter(timeMs)
  }

  startOf(symbol: string, bar: number): number {
    return this.#track(symbol).starts[bar]!
  }

  endOf(symbol: string, bar: number): number {
    return this.#track(symbol).ends[bar]!
  }

  /** The 5-second bars that end at an instant, in the order of the symbols. */
  ended(timeMs: number): Part[] {
    const parts: Part[] = []
    for (const track of this.#tracks.values()) {
      const part = track.partTo(timeMs)
      if (part !== null) parts.push(part)
    }
    return parts
  }

  /** The first 5-second bar of a symbol that begins at or after an instant; null where there is none. */
  partFrom(symbol: string, timeMs: number): Part | null {
    return this.#track(symbol).partFrom(timeMs)
  }

  /** The last 5-second bar of a symbol that has ended at an instant; null where none has. */
  lastPart(symbol: string, timeMs: number): Part | null {
    return this.#track(symbol).lastPart(timeMs)
  }

  /** The next instant at which a 5-second bar of any symbol begins or ends; infinite after the last one. */
  nextInstant(timeMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const track of this.#tracks.values()) next = Math.min(next, track.nextInstant(timeMs))
    return next
  }
}
