/**
 * Generated bars for the sessions of the calendar. Log prices in basis points: m += rw * z, z = sqrt(.7) own +
 * sqrt(.3) common, with a U over the day, overnight gaps and rare jumps. `noise` has nothing to find; `mean-revert` and
 * `trend` add a planted signal. Every random stream is named by seed, symbol and date, so the shape of a symbol's day does
 * not depend on what else is asked for.
 */
import { exp, log } from '../../base/math.js'
import { type Rng, stream } from '../../base/rng.js'
import { formatDate, HOUR, MINUTE } from '../../base/time.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  barAt,
  copyRow,
  INTERVALS,
  type Interval,
  intervalMs,
  Names,
  newBatch,
  SESSIONS,
} from '../bar.js'
import type { TradingSession } from '../calendar.js'

export const REGIMES = ['noise', 'mean-revert', 'trend'] as const
export type Regime = (typeof REGIMES)[number]

/** Flaws that `defects` puts into each session, one of each. The last three stand in lines that no bar can hold. */
export const DEFECTS = [
  'duplicate',
  'conflict',
  'out-of-order',
  'missing',
  'zero-volume',
  'stale',
  'spike',
  'outside-session',
  'high-below-low',
  'negative-price',
  'null-price',
] as const
export type Defect = (typeof DEFECTS)[number]

export interface MockOptions {
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly sessions: readonly TradingSession[]
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
  readonly defects?: boolean
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

/** First price in dollars and shares a session, near what they were in summer 2025. */
const KNOWN: Readonly<Record<string, { price: number; volume: number }>> = {
  NVDA: { price: 178, volume: 180e6 },
  MSFT: { price: 520, volume: 22e6 },
}

/** Batches of bars in order of time, then of `symbols`; each is valid until the next. `raw` is a line no bar can hold. */
export function* mockBars(options: MockOptions): Generator<BarBatch | { raw: string }> {
  const names = new Names()
  const out = newBatch(BATCH_ROWS, names)
  const grid = options.interval === '1s' || options.interval === '5s' ? intervalMs(options.interval) : MINUTE
  const walks = options.symbols.map((symbol) => new Walk(symbol, options, grid))
  for (const session of options.sessions) {
    const steps = Math.round((session.closeMs - session.openMs) / grid)
    const shape = shapeOf(steps)
    const common = commonNoise(options.seed, session, steps)
    for (const walk of walks) walk.run(session, steps, shape, common)
    const day = newBatch(
      (Math.ceil(steps / perBar(options.interval, grid)) + 2) * walks.length + DEFECTS.length,
      names,
    )
    writeSession(day, walks, session, steps, grid, options)
    if (options.defects) {
      yield* drain(out)
      yield* withDefects(day, session, options)
      continue
    }
    for (let i = 0; i < day.length; i++) {
      copyRow(day, i, out)
      if (out.length === out.capacity) yield* drain(out)
    }
  }
  yield* drain(out)
}

function* drain(batch: BarBatch): Generator<BarBatch> {
  if (batch.length > 0) yield batch
  batch.length = 0
}

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

/** The part of z that all symbols share; the last entry is the overnight gap's. */
function commonNoise(seed: number, session: TradingSession, steps: number): Float64Array {
  const rng = stream(seed, 'common', formatDate(session.day))
  const z = new Float64Array(steps + 1)
  for (let i = 0; i <= steps; i++) z[i] = rng.normal()
  return z
}

/** The price path of one symbol; holds its state between sessions and the columns of the current one. */
class Walk {
  readonly symbol: string
  readonly #options: MockOptions
  readonly #minutes: number
  readonly #noise: number
  readonly #decay: number
  readonly #kick: number
  readonly #base: number
  readonly #volume: number
  /** Log price in bps from the base: the random walk, and the mean-reverting part. */
  #walk = 0
  #reverting = 0
  #drift = 0
  #first = true
  open = new Float64Array(0)
  high = new Float64Array(0)
  low = new Float64Array(0)
  close = new Float64Array(0)
  volume = new Float64Array(0)
  trades = new Float64Array(0)

  constructor(symbol: string, options: MockOptions, grid: number) {
    this.symbol = symbol
    this.#options = options
    this.#minutes = grid / MINUTE
    const { regime, noiseBps, revertHalfLifeMinutes = 10, revertBps = 25 } = options
    this.#noise = (noiseBps ?? (regime === 'mean-revert' ? 5 : 8)) * Math.sqrt(this.#minutes)
    this.#decay = exp((-Math.LN2 * this.#minutes) / revertHalfLifeMinutes)
    this.#kick = revertBps * Math.sqrt(1 - this.#decay * this.#decay)
    const known = Object.hasOwn(KNOWN, symbol) ? KNOWN[symbol] : undefined
    const invented = stream(0, 'symbol', symbol)
    this.#base = known?.price ?? 20 + Math.round(invented.uniform() * 380)
    this.#volume = known?.volume ?? 2e6 * exp(2 * invented.normal())
  }

  run(session: TradingSession, steps: number, shape: Shape, common: Float64Array): void {
    if (this.open.length < steps) this.#allocate(steps)
    const rng = stream(this.#options.seed, 'symbol', this.symbol, formatDate(session.day))
    this.#overnight(rng, common[steps]!)
    let level = this.#level()
    let open = cents(this.#base, level)
    for (let i = 0; i < steps; i++) {
      const sd = this.#noise * shape.volatility[i]!
      this.#walk += sd * (OWN * rng.normal() + COMMON * common[i]!) + this.#jump(rng)
      this.#signal(rng)
      const next = this.#level()
      const close = cents(this.#base, next)
      // The extremes of a Brownian bridge between the two ends: P(max > x) = exp(-2 (x - a)(x - b) / sd^2).
      const span = (next - level) * (next - level)
      const above = (level + next + Math.sqrt(span - 2 * sd * sd * log(rng.uniform()))) / 2
      const below = (level + next - Math.sqrt(span - 2 * sd * sd * log(rng.uniform()))) / 2
      this.open[i] = open
      this.close[i] = close
      this.high[i] = Math.max(cents(this.#base, above), open, close)
      this.low[i] = Math.max(1, Math.min(cents(this.#base, below), open, close))
      const busy = exp(VOLUME_SPREAD * rng.normal() - (VOLUME_SPREAD * VOLUME_SPREAD) / 2)
      const volume = Math.max(1, Math.round(this.#volume * shape.volume[i]! * busy))
      this.volume[i] = volume
      this.trades[i] = Math.max(1, Math.round((volume / SHARES_PER_TRADE) * (0.8 + 0.4 * rng.uniform())))
      open = close
      level = next
    }
  }

  #allocate(steps: number): void {
    for (const name of ['open', 'high', 'low', 'close', 'volume', 'trades'] as const)
      this[name] = new Float64Array(steps)
  }

  #level(): number {
    return this.#walk + this.#reverting
  }

  #overnight(rng: Rng, common: number): void {
    const gap = GAP_BPS * (OWN * rng.normal() + COMMON * common)
    const start = rng.normal()
    if (!this.#first) this.#walk += gap
    else if (this.#options.regime === 'mean-revert') this.#reverting = (this.#options.revertBps ?? 25) * start
    this.#first = false
  }

  #jump(rng: Rng): number {
    if (rng.uniform() >= JUMPS_PER_MINUTE * this.#minutes) return 0
    return JUMP_BPS * rng.normal()
  }

  #signal(rng: Rng): void {
    const { regime, trendBps = 1.5, trendMinutes = 60 } = this.#options
    if (regime === 'mean-revert') this.#reverting = this.#decay * this.#reverting + this.#kick * rng.normal()
    else if (regime === 'trend') {
      if (rng.uniform() < this.#minutes / trendMinutes) this.#drift = (rng.int(3) - 1) * trendBps
      this.#walk += this.#drift * this.#minutes
    }
  }
}

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

/** The rows of a session with one defect of each kind, at places drawn from a stream of their own. */
function* withDefects(
  day: BarBatch,
  session: TradingSession,
  { seed, interval }: MockOptions,
): Generator<BarBatch | { raw: string }> {
  const rng = stream(seed, 'defects', formatDate(session.day))
  const at = new Map<number, Defect>()
  for (const defect of DEFECTS) {
    let row = rng.int(day.length)
    // A session too short for all of them gets what fits.
    for (let tries = 0; at.has(row) && tries < day.length; tries++) row = (row + 1) % day.length
    if (!at.has(row)) at.set(row, defect)
  }
  const out = newBatch(day.length + 2 * DEFECTS.length + STALE_BARS, day.names)
  for (let i = 0; i < day.length; i++) {
    const defect = at.get(i)
    const line = defect === undefined ? null : rawLine(day, i, defect)
    if (line !== null) {
      yield* drain(out)
      yield { raw: line }
      continue
    }
    if (defect !== 'missing') copyRow(day, i, out)
    if (defect !== undefined) spoil(out, day, i, defect, session, intervalMs(interval))
  }
  yield* drain(out)
}

const STALE_BARS = 10

/** Changes or adds to the last row of `out`, which is a copy of row `i`. */
function spoil(
  out: BarBatch,
  day: BarBatch,
  i: number,
  defect: Defect,
  session: TradingSession,
  length: number,
): void {
  const last = out.length - 1
  switch (defect) {
    case 'duplicate':
      copyRow(day, i, out)
      return
    case 'conflict':
      copyRow(day, i, out)
      out.volume[last + 1] = out.volume[last]! + 100
      return
    case 'out-of-order':
      if (last >= 2) swapTimes(out, last, last - 2)
      return
    case 'zero-volume':
      out.volume[last] = 0
      return
    case 'stale':
      // The same price again and again: what a feed that hangs sends.
      for (let k = Math.max(0, last - STALE_BARS); k <= last; k++) {
        if (out.symbol[k] !== out.symbol[last]) continue
        for (const column of [out.open, out.high, out.low, out.close, out.vwap]) column[k] = out.open[last]!
      }
      return
    case 'spike':
      out.high[last] = Math.round(out.high[last]! * 120) / 100
      return
    case 'outside-session':
      copyRow(day, i, out)
      out.time[last + 1] = session.closeMs + HOUR - length
      out.session[last + 1] = SESSIONS.indexOf('eth')
      return
    default:
      return
  }
}

function swapTimes(batch: BarBatch, i: number, j: number): void {
  const time = batch.time[i]!
  batch.time[i] = batch.time[j]!
  batch.time[j] = time
}

function rawLine(day: BarBatch, i: number, defect: Defect): string | null {
  const bar = barAt(day, i)
  if (defect === 'high-below-low') return JSON.stringify({ ...bar, high: bar.low, low: bar.high + 0.01 })
  if (defect === 'negative-price') return JSON.stringify({ ...bar, low: -bar.low })
  if (defect === 'null-price') return JSON.stringify({ ...bar, close: null })
  return null
}
