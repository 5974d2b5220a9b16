/**
 * Generated bars for the sessions of the calendar. Log prices in basis points: m += rw * z, z = sqrt(.7) own +
 * sqrt(.3) common, with a U over the day, overnight gaps and rare jumps. `noise` has nothing to find; `mean-revert` and
 * `trend` add a planted signal. Every random stream is named by seed, symbol and date, and price levels are counted from
 * one anchor date: a symbol's day is the same bytes whatever range or company it is asked for in, unless bars are left out or
 * flawed: those places are drawn for all symbols together.
 */
import { exp, log } from '../../base/math.js'
import { stream } from '../../base/rng.js'
import { daysFromCivil, formatDate, HOUR, MINUTE } from '../../base/time.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  copyRow,
  INTERVALS,
  type Interval,
  intervalMs,
  Names,
  newBatch,
  SESSIONS,
} from '../bar.js'
import { nextSession, previousSession, sessionOn, sessions, type TradingSession } from '../calendar.js'
import { hand, type RecordBlock } from '../reading.js'
import { bounded, type Feed } from './feed.js'
import { type DefectOptions, Defects } from './mock-defects.js'

export const REGIMES = ['noise', 'mean-revert', 'trend'] as const
type Regime = (typeof REGIMES)[number]

/** What the generator does, whatever is asked of it. */
export interface MockSettings extends Pick<DefectOptions, 'defects' | 'onDefect'> {
  readonly seed: number
  readonly regime: Regime
  /** Standard deviation a minute of the random walk; by regime when undefined: 5 for mean-revert, else 8. */
  readonly noiseBps?: number | undefined
  readonly revertBps?: number
  readonly revertHalfLifeMinutes?: number
  readonly trendBps?: number
  readonly trendMinutes?: number
  /** Probability of leaving a bar out. */
  readonly gaps?: number
}

export interface MockOptions extends MockSettings {
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly sessions: readonly TradingSession[]
}

const OWN = Math.sqrt(0.7)
const COMMON = Math.sqrt(0.3)
const GAP_BPS = 60
const JUMP_BPS = 40
/** About one jump a symbol a week. */
const JUMPS_PER_MINUTE = 1 / 1950
const VOLUME_SPREAD = 0.4
const SHARES_PER_TRADE = 90
const SOURCE = 'mock'
const BATCH_ROWS = 8192

/** The session at whose open each symbol has its base price. */
const ANCHOR_DAY = daysFromCivil(2025, 7, 7)

/** Base price in dollars and shares a session, near what they were in summer 2025. */
const KNOWN: Readonly<Record<string, { price: number; volume: number }>> = {
  NVDA: { price: 178, volume: 180e6 },
  MSFT: { price: 520, volume: 22e6 },
}

/** Generates the regular sessions of the dates that are wanted. */
export function mockFeed(settings: MockSettings): Feed {
  return {
    name: SOURCE,
    bars: async function* (wanted, { signal }) {
      const { symbols, interval, fromDay, toDay, session } = bounded(SOURCE, wanted)
      if (session === 'eth') return
      const days = sessions(fromDay, toDay)
      for (const block of mockBars({ ...settings, symbols, interval, sessions: days })) {
        signal.throwIfAborted()
        yield block
      }
      signal.throwIfAborted()
    },
  }
}

/** Batches of bars in order of time, then of `symbols`; each is valid until the next. A defect may be a record of its own. */
export function* mockBars(options: MockOptions): Generator<RecordBlock> {
  const names = new Names()
  const out = newBatch(BATCH_ROWS, names)
  const grid = options.interval === '1s' || options.interval === '5s' ? intervalMs(options.interval) : MINUTE
  const walks = options.symbols.map((symbol) => new Walk(symbol, options, grid))
  const defects = (options.defects ?? []).length > 0 ? new Defects(options) : null
  for (const session of options.sessions) {
    const steps = stepsOf(session, grid)
    const common = commonNoise(options.seed, session, grid)
    for (const walk of walks) walk.run(session, common)
    const day = newBatch((Math.ceil(steps / perBar(options.interval, grid)) + 2) * walks.length, names)
    writeSession(day, walks, session, steps, grid, options)
    if (defects !== null) {
      yield* defects.rows(day, session)
      continue
    }
    for (let i = 0; i < day.length; i++) {
      copyRow(day, i, out)
      if (out.length === out.capacity) yield* hand(out)
    }
  }
  if (out.length > 0) yield* hand(out)
}

const stepsOf = (session: TradingSession, grid: number): number =>
  Math.round((session.closeMs - session.openMs) / grid)

/** A U over the day for volatility (mean square 1) and volume (mean 1), by step. */
interface Shape {
  readonly volatility: Float64Array
  readonly volume: Float64Array
}

const shapes = new Map<number, Shape>()

function shapeOf(steps: number): Shape {
  const known = shapes.get(steps)
  if (known !== undefined) return known
  const volatility = new Float64Array(steps)
  const volume = new Float64Array(steps)
  let squares = 0
  let sum = 0
  for (let i = 0; i < steps; i++) {
    const x = (2 * (i + 0.5)) / steps - 1
    volatility[i] = 0.7 + 0.9 * x * x
    volume[i] = 0.5 + 1.5 * x * x
    squares += volatility[i]! * volatility[i]!
    sum += volume[i]!
  }
  for (let i = 0; i < steps; i++) {
    volatility[i]! /= Math.sqrt(squares / steps)
    volume[i]! /= sum
  }
  const shape = { volatility, volume }
  shapes.set(steps, shape)
  return shape
}

/** The part of z that all symbols share. */
function commonNoise(seed: number, session: TradingSession, grid: number): Float64Array {
  const z = new Float64Array(stepsOf(session, grid))
  const rng = stream(seed, 'common', formatDate(session.day), grid)
  for (let i = 0; i < z.length; i++) z[i] = rng.normal()
  return z
}

/** The price path of one symbol: its level at one open, and the columns of the session generated last. */
class Walk {
  readonly symbol: string
  readonly #options: MockOptions
  readonly #grid: number
  readonly #minutes: number
  readonly #noise: number
  readonly #revert: number
  readonly #decay: number
  readonly #kick: number
  readonly #base: number
  readonly #volume: number
  /** The random walk at the open of the session `#day`, gap included, in bps of log price from the base. */
  #day = ANCHOR_DAY
  #open = 0
  /** Where the walk of `#day` ends, once it is known. */
  #end: number | null = null
  /** Log price in bps from the base at each step of the session; the first is the open. */
  #path = new Float64Array(0)
  open = new Float64Array(0)
  high = new Float64Array(0)
  low = new Float64Array(0)
  close = new Float64Array(0)
  volume = new Float64Array(0)
  trades = new Float64Array(0)

  constructor(symbol: string, options: MockOptions, grid: number) {
    this.symbol = symbol
    this.#options = options
    this.#grid = grid
    this.#minutes = grid / MINUTE
    const { regime, noiseBps, revertHalfLifeMinutes = 10, revertBps = 25 } = options
    this.#noise = (noiseBps ?? (regime === 'mean-revert' ? 5 : 8)) * Math.sqrt(this.#minutes)
    this.#revert = revertBps
    this.#decay = exp((-Math.LN2 * this.#minutes) / revertHalfLifeMinutes)
    this.#kick = revertBps * Math.sqrt(1 - this.#decay * this.#decay)
    const known = Object.hasOwn(KNOWN, symbol) ? KNOWN[symbol] : undefined
    const invented = stream(0, 'symbol', symbol)
    this.#base = known?.price ?? 20 + Math.round(invented.uniform() * 380)
    this.#volume = known?.volume ?? 2e6 * exp(2 * invented.normal())
  }

  run(session: TradingSession, common: Float64Array): void {
    while (this.#day < session.day) this.#stepTo(nextSession(this.#day))
    while (this.#day > session.day) this.#stepTo(previousSession(this.#day))
    const steps = common.length
    if (this.open.length < steps) this.#allocate(steps)
    const shape = shapeOf(steps)
    this.#end = this.#walk(session, common)
    this.#revertingPart(session, steps)
    const path = this.#path
    const rng = stream(this.#options.seed, 'bars', this.symbol, formatDate(session.day), this.#grid)
    let open = cents(this.#base, path[0]!)
    for (let i = 0; i < steps; i++) {
      const level = path[i]!
      const next = path[i + 1]!
      const close = cents(this.#base, next)
      // The extremes of a Brownian bridge between the two ends: P(max > x) = exp(-2 (x - a)(x - b) / sd^2).
      const sd = this.#noise * shape.volatility[i]!
      const span = (next - level) * (next - level)
      const above = (level + next + Math.sqrt(span - 2 * sd * sd * log(rng.uniform32()))) / 2
      const below = (level + next - Math.sqrt(span - 2 * sd * sd * log(rng.uniform32()))) / 2
      this.open[i] = open
      this.close[i] = close
      this.high[i] = Math.max(cents(this.#base, above), open, close)
      this.low[i] = Math.min(cents(this.#base, below), open, close)
      const busy = exp(VOLUME_SPREAD * rng.normal() - (VOLUME_SPREAD * VOLUME_SPREAD) / 2)
      const volume = Math.max(1, Math.round(this.#volume * shape.volume[i]! * busy))
      this.volume[i] = volume
      this.trades[i] = Math.max(1, Math.round((volume / SHARES_PER_TRADE) * (0.8 + 0.4 * rng.uniform32())))
      // The next bar opens on the same or the other side of the spread: half of them one tick away.
      const side = rng.uint32() >>> 30
      open = Math.max(1, close + (side === 0 ? -1 : side === 1 ? 1 : 0))
    }
  }

  #allocate(steps: number): void {
    this.#path = new Float64Array(steps + 1)
    for (const name of ['open', 'high', 'low', 'close', 'volume', 'trades'] as const) {
      this[name] = new Float64Array(steps)
    }
  }

  /** Moves the open level to a neighbouring session: on over this session and the gap after it, or back over both. */
  #stepTo(session: TradingSession): void {
    if (session.day > this.#day) {
      const end = this.#end ?? this.#endOf(sessionOn(this.#day)!)
      this.#open = end + this.#gapBefore(session)
    } else {
      const gap = this.#gapBefore(sessionOn(this.#day)!)
      const from = this.#open
      this.#open = 0
      this.#open = from - gap - this.#endOf(session)
    }
    this.#day = session.day
    this.#end = null
  }

  #endOf(session: TradingSession): number {
    const common = commonNoise(this.#options.seed, session, this.#grid)
    if (this.open.length < common.length) this.#allocate(common.length)
    return this.#walk(session, common)
  }

  /** The move in bps from the close before a session to its open. */
  #gapBefore({ day }: TradingSession): number {
    const { seed } = this.#options
    const own = stream(seed, 'gap', this.symbol, formatDate(day), this.#grid).normal()
    const common = stream(seed, 'common gap', formatDate(day), this.#grid).normal()
    return GAP_BPS * (OWN * own + COMMON * common)
  }

  /** Writes the random walk of a session, with jumps and the drift of a trend, from `#open`; returns its end. */
  #walk(session: TradingSession, common: Float64Array): number {
    const { regime, seed, trendBps = 1.5, trendMinutes = 60 } = this.#options
    const date = formatDate(session.day)
    const rng = stream(seed, 'walk', this.symbol, date, this.#grid)
    const signal = regime === 'trend' ? stream(seed, 'trend', this.symbol, date, this.#grid) : null
    const steps = common.length
    const { volatility } = shapeOf(steps)
    const path = this.#path
    const jumps = JUMPS_PER_MINUTE * this.#minutes
    let level = this.#open
    let drift = signal === null ? 0 : (signal.int(3) - 1) * trendBps
    path[0] = level
    for (let i = 0; i < steps; i++) {
      level += this.#noise * volatility[i]! * (OWN * rng.normal() + COMMON * common[i]!)
      if (rng.uniform32() < jumps) level += JUMP_BPS * rng.normal()
      if (signal !== null) {
        if (signal.uniform32() < this.#minutes / trendMinutes) drift = (signal.int(3) - 1) * trendBps
        level += drift * this.#minutes
      }
      path[i + 1] = level
    }
    return level
  }

  /** Adds the Ornstein-Uhlenbeck part, which starts each session from its stationary distribution. */
  #revertingPart(session: TradingSession, steps: number): void {
    if (this.#options.regime !== 'mean-revert') return
    const rng = stream(this.#options.seed, 'revert', this.symbol, formatDate(session.day), this.#grid)
    let x = this.#revert * rng.normal()
    this.#path[0]! += x
    for (let i = 1; i <= steps; i++) {
      x = this.#decay * x + this.#kick * rng.normal()
      this.#path[i]! += x
    }
  }
}

/** A price in whole cents, the tick. */
const cents = (base: number, bps: number): number => Math.max(1, Math.round(100 * base * exp(bps / 10_000)))

/** Steps of the grid in one bar; a daily bar takes the whole session. */
function perBar(interval: Interval, grid: number): number {
  return interval === '1d' ? Number.POSITIVE_INFINITY : intervalMs(interval) / grid
}

function writeSession(
  day: BarBatch,
  walks: readonly Walk[],
  session: TradingSession,
  steps: number,
  grid: number,
  { interval, seed, gaps = 0 }: MockOptions,
): void {
  const each = Math.min(steps, perBar(interval, grid))
  const length = intervalMs(interval)
  // A daily bar starts at midnight, so that its end lies after the close.
  const start = interval === '1d' ? midnightOf(session) : session.openMs
  const lost = stream(seed, 'gaps', formatDate(session.day))
  for (let from = 0, bar = 0; from < steps; from += each, bar++) {
    const to = Math.min(steps, from + each)
    for (const walk of walks) {
      if (gaps > 0 && lost.uniform() < gaps) continue
      appendBar(day, walk, from, to)
      const i = day.length - 1
      day.interval[i] = INTERVALS.indexOf(interval)
      day.time[i] = start + bar * length
    }
  }
}

/** Openings are at 09:30. */
const midnightOf = ({ openMs }: TradingSession): number => openMs - 9 * HOUR - 30 * MINUTE

/** The steps `[from, to)` of a walk as one bar. */
function appendBar(day: BarBatch, walk: Walk, from: number, to: number): void {
  let high = 0
  let low = Number.POSITIVE_INFINITY
  let volume = 0
  let trades = 0
  let turnover = 0
  for (let k = from; k < to; k++) {
    high = Math.max(high, walk.high[k]!)
    low = Math.min(low, walk.low[k]!)
    volume += walk.volume[k]!
    trades += walk.trades[k]!
    turnover += walk.volume[k]! * (walk.open[k]! + walk.high[k]! + walk.low[k]! + walk.close[k]!) * 0.25
  }
  const i = day.length++
  day.symbol[i] = day.names.id(walk.symbol)
  day.open[i] = walk.open[from]! / 100
  day.high[i] = high / 100
  day.low[i] = low / 100
  day.close[i] = walk.close[to - 1]! / 100
  day.volume[i] = volume
  day.vwap[i] = Math.round((turnover / volume) * 100) / 10_000
  day.trades[i] = trades
  day.adjusted[i] = ADJUSTMENTS.indexOf('splits')
  day.session[i] = SESSIONS.indexOf('rth')
  day.source[i] = day.names.id(SOURCE)
  day.line[i] = 0
}
