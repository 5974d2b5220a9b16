/**
 * The `intraday` features: stationary, so one scale serves every price and year. j counts bars of the session from 0, O is
 * the session's first open, C the close, V the volume. s is the volatility of a bar: the square root of an exponential
 * mean (span 120 bars) of squared log returns, where the first bar of a session counts from its own open, so that no
 * overnight gap enters. All are cut at +-5.
 *
 *   return_k   ln(C[t]/C[t-k]) / (s sqrt(k)) for k = 1, 5, 15, 30, 60 bars; from O with sqrt(j + 1) where j < k
 *   to_vwap    (C/vwap - 1) / (s sqrt(min(j + 1, 60))), vwap of the session with (H + L + C)/3 as the price
 *   to_ema_k   (C/ema_k - 1) / (s sqrt(k)) for spans k = 20, 60 of the close within the session
 *   quiet      ln of the root mean square return of the last 20 bars of the session over s
 *   volume     ln(1 + V) less its exponential mean (span 120)
 *   minute_sin, minute_cos   sin and cos of 2 pi (minutes since the open at the end of the bar) / (minutes of the session)
 */
import { cos, log, sin } from '../base/math.js'
import type { Market } from '../market/market.js'
import type { FeatureRows, FeatureSet, RowsTarget } from './feature-set.js'

const HORIZONS = [1, 5, 15, 30, 60] as const
const LIMIT = 5
const RECENT = 20
/** A tenth of a basis point: below, prices stand still and ratios mean nothing. */
const LEAST_VARIANCE = 1e-10

export const intraday: FeatureSet = {
  name: 'intraday',
  columns: [
    'return_1',
    'return_5',
    'return_15',
    'return_30',
    'return_60',
    'to_vwap',
    'to_ema_20',
    'to_ema_60',
    'quiet',
    'volume',
    'minute_sin',
    'minute_cos',
  ],
  start: (market, symbol) => new IntradayRows(market, symbol),
}

const clip = (x: number): number => (x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : x)

const KEEP_120 = 1 - 2 / 121
const KEEP_20 = 1 - 2 / 21
const KEEP_60 = 1 - 2 / 61
/** 1 / sqrt(k) */
const PER_ROOT = Float64Array.from({ length: 61 }, (_, k) => 1 / Math.sqrt(k))
/** Rows of one call: enough calls that the compiler takes notice early. */
const SPAN = 512
/** Longest horizon, as a power of two for a ring. */
const RING = 64

class IntradayRows implements FeatureRows {
  readonly #market: Market
  readonly #symbol: number
  /** Log closes and squared returns of the last bars, by bar number modulo RING. */
  readonly #logs = new Float64Array(RING)
  readonly #squares = new Float64Array(RING)
  #session = -1
  #first = 0
  /** Rows written. */
  #next = 0
  #openLog = 0
  /** The session's open, its length, and sin and cos of its seconds. */
  #openMs = 0
  #seconds = 0
  #clock = new Float32Array(2)
  /** Sums and weights between two calls, in the order in which `rows` reads them. */
  readonly #kept = new Float64Array(11)

  constructor(market: Market, symbol: number) {
    this.#market = market
    this.#symbol = symbol
  }

  row(t: number, out: Float32Array, offset: number): void {
    this.rows(t, t + 1, { out, offset, stride: 0 })
  }

  rows(start: number, end: number, { out, offset, stride }: RowsTarget): void {
    for (let t = start; t < end; t += SPAN) {
      this.#span(t, Math.min(end, t + SPAN), { out, offset: offset + (t - start) * stride, stride })
    }
  }

  /** A loop over locals: a method a bar would go through the fields at each step. */
  #span(start: number, end: number, { out, offset, stride }: RowsTarget): void {
    const market = this.#market
    const k = this.#symbol
    const closes = market.close[k]!
    const highs = market.high[k]!
    const lows = market.low[k]!
    const volumes = market.volume[k]!
    const { session, time, intervalMs } = market
    const logs = this.#logs
    const squares = this.#squares
    const kept = this.#kept
    // Of the last squared returns of the session; exponential means and their weights; of the session's trades.
    let sum = kept[0]!
    let variances = kept[1]!
    let varianceWeight = kept[2]!
    let sizes = kept[3]!
    let sizeWeight = kept[4]!
    let turnover = kept[5]!
    let shares = kept[6]!
    let ema20 = kept[7]!
    let weight20 = kept[8]!
    let ema60 = kept[9]!
    let weight60 = kept[10]!
    let current = this.#session
    let first = this.#first
    let openLog = this.#openLog
    let openMs = this.#openMs
    let seconds = this.#seconds
    let clock = this.#clock
    for (let t = start, at = offset; t < end; t++, at += stride) {
      if (session[t]! !== current) {
        this.#open(t)
        current = this.#session
        first = t
        openLog = this.#openLog
        openMs = this.#openMs
        seconds = this.#seconds
        clock = this.#clock
        sum = turnover = shares = ema20 = weight20 = ema60 = weight60 = 0
      }
      const close = closes[t]!
      const j = t - first
      const logClose = log(close)
      const r = logClose - (j === 0 ? openLog : logs[(t - 1) & (RING - 1)]!)
      const square = r * r
      variances = square + KEEP_120 * variances
      varianceWeight = 1 + KEEP_120 * varianceWeight
      let variance = variances / varianceWeight
      if (variance < LEAST_VARIANCE) variance = LEAST_VARIANCE
      const perS = 1 / Math.sqrt(variance)
      for (let h = 0; h < HORIZONS.length; h++) {
        const bars = HORIZONS[h]!
        const from = j < bars ? openLog : logs[(t - bars) & (RING - 1)]!
        out[at + h] = clip((logClose - from) * perS * PER_ROOT[j < bars ? j + 1 : bars]!)
      }
      const known = volumes[t]!
      const volume = known >= 0 ? known : 0
      turnover += (volume * (highs[t]! + lows[t]! + close)) / 3
      shares += volume
      const toVwap = shares > 0 ? (close * shares) / turnover - 1 : 0
      ema20 = close + KEEP_20 * ema20
      weight20 = 1 + KEEP_20 * weight20
      ema60 = close + KEEP_60 * ema60
      weight60 = 1 + KEEP_60 * weight60
      out[at + 5] = clip(toVwap * perS * PER_ROOT[j < 60 ? j + 1 : 60]!)
      out[at + 6] = clip(((close * weight20) / ema20 - 1) * perS * PER_ROOT[20]!)
      out[at + 7] = clip(((close * weight60) / ema60 - 1) * perS * PER_ROOT[60]!)
      // Within a session a running sum: what rounding leaves in it is gone the next morning.
      sum += square
      if (j >= RECENT) sum -= squares[(t - RECENT) & (RING - 1)]!
      let recent = sum / (j < RECENT ? j + 1 : RECENT)
      if (recent < LEAST_VARIANCE) recent = LEAST_VARIANCE
      out[at + 8] = clip(0.5 * log(recent / variance))
      const size = log(1 + volume)
      sizes = size + KEEP_120 * sizes
      sizeWeight = 1 + KEEP_120 * sizeWeight
      out[at + 9] = clip(size - sizes / sizeWeight)
      logs[t & (RING - 1)] = logClose
      squares[t & (RING - 1)] = square
      const second = (time[t]! + intervalMs - openMs) / 1000
      const entry = 2 * (second < seconds ? Math.round(second) : seconds)
      out[at + 10] = clock[entry]!
      out[at + 11] = clock[entry + 1]!
    }
    kept[0] = sum
    kept[1] = variances
    kept[2] = varianceWeight
    kept[3] = sizes
    kept[4] = sizeWeight
    kept[5] = turnover
    kept[6] = shares
    kept[7] = ema20
    kept[8] = weight20
    kept[9] = ema60
    kept[10] = weight60
    this.#next = end
  }

  save(): readonly number[] {
    const ring = (values: Float64Array) =>
      Array.from({ length: RING }, (_, i) => values[(this.#next - RING + i) & (RING - 1)]!)
    const bars = this.#next - this.#first
    return [bars, this.#openLog, ...this.#kept, ...ring(this.#logs), ...ring(this.#squares)]
  }

  restore(numbers: readonly number[], t: number): void {
    if (t === 0) return
    const [bars = 0, openLog = 0] = numbers
    this.#session = this.#market.session[t - 1]!
    this.#begin(t - bars, openLog)
    this.#next = t
    this.#kept.set(numbers.slice(2, 13))
    for (let i = 0; i < RING; i++) {
      const at = (t - RING + i) & (RING - 1)
      this.#logs[at] = numbers[13 + i]!
      this.#squares[at] = numbers[13 + RING + i]!
    }
  }

  #open(t: number): void {
    const market = this.#market
    this.#session = market.session[t]!
    this.#begin(t, log(market.open[this.#symbol]![t]!))
  }

  /** The current session began with bar `first`. */
  #begin(first: number, openLog: number): void {
    this.#first = first
    this.#openLog = openLog
    const { openMs, closeMs } = this.#market.sessions[this.#session]!
    this.#openMs = openMs
    this.#seconds = Math.round((closeMs - openMs) / 1000)
    this.#clock = clockTable(this.#seconds)
  }
}

const clocks = new Map<number, Float32Array<ArrayBuffer>>()

/** sin and cos by second of a session of `length` seconds. */
function clockTable(length: number): Float32Array<ArrayBuffer> {
  let table = clocks.get(length)
  if (table === undefined) {
    table = new Float32Array(2 * (length + 1))
    for (let second = 0; second <= length; second++) {
      const angle = length === 0 ? 0 : (2 * Math.PI * second) / length
      table[2 * second] = sin(angle)
      table[2 * second + 1] = cos(angle)
    }
    clocks.set(length, table)
  }
  return table
}
