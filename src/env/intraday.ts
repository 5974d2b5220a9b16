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
import type { Market } from '../market/align.js'
import type { FeatureRows, FeatureSet } from './features.js'

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
/** Longest horizon, as a power of two for a ring. */
const RING = 64

class IntradayRows implements FeatureRows {
  readonly #market: Market
  readonly #symbol: number
  /** Log closes and squared returns of the last bars, by bar number modulo RING. */
  readonly #logs = new Float64Array(RING)
  readonly #squares = new Float64Array(RING)
  /** Of the last squared returns of the session. */
  #sum = 0
  #session = -1
  #first = 0
  #openLog = 0
  #variance = 0
  #varianceWeight = 0
  #volume = 0
  #volumeWeight = 0
  #turnover = 0
  #shares = 0
  #ema20 = 0
  #weight20 = 0
  #ema60 = 0
  #weight60 = 0

  constructor(market: Market, symbol: number) {
    this.#market = market
    this.#symbol = symbol
  }

  row(t: number, out: Float32Array, offset: number): void {
    const market = this.#market
    const k = this.#symbol
    const close = market.close[k]![t]!
    if (market.session[t]! !== this.#session) this.#open(t)
    const j = t - this.#first
    const logs = this.#logs
    const logClose = log(close)
    const r = logClose - (j === 0 ? this.#openLog : logs[(t - 1) & (RING - 1)]!)
    logs[t & (RING - 1)] = logClose
    this.#squares[t & (RING - 1)] = r * r
    this.#variance = r * r + KEEP_120 * this.#variance
    this.#varianceWeight = 1 + KEEP_120 * this.#varianceWeight
    const variance = Math.max(LEAST_VARIANCE, this.#variance / this.#varianceWeight)
    const perS = 1 / Math.sqrt(variance)
    for (let h = 0; h < HORIZONS.length; h++) {
      const bars = HORIZONS[h]!
      const from = j < bars ? this.#openLog : logs[(t - bars) & (RING - 1)]!
      out[offset + h] = clip((logClose - from) * perS * PER_ROOT[j < bars ? j + 1 : bars]!)
    }
    this.#trades(t, j, close, perS, out, offset)
    out[offset + 8] = clip(0.5 * log(this.#recent(t, j, r * r) / variance))
    this.#clock(t, out, offset)
  }

  /** Distances to the session's mean prices, and the volume. */
  #trades(t: number, j: number, close: number, perS: number, out: Float32Array, offset: number): void {
    const market = this.#market
    const k = this.#symbol
    const known = market.volume[k]![t]!
    const volume = Number.isNaN(known) ? 0 : known
    this.#turnover += (volume * (market.high[k]![t]! + market.low[k]![t]! + close)) / 3
    this.#shares += volume
    const toVwap = this.#shares > 0 ? (close * this.#shares) / this.#turnover - 1 : 0
    this.#ema20 = close + KEEP_20 * this.#ema20
    this.#weight20 = 1 + KEEP_20 * this.#weight20
    this.#ema60 = close + KEEP_60 * this.#ema60
    this.#weight60 = 1 + KEEP_60 * this.#weight60
    out[offset + 5] = clip(toVwap * perS * PER_ROOT[j < 60 ? j + 1 : 60]!)
    out[offset + 6] = clip(((close * this.#weight20) / this.#ema20 - 1) * perS * PER_ROOT[20]!)
    out[offset + 7] = clip(((close * this.#weight60) / this.#ema60 - 1) * perS * PER_ROOT[60]!)
    const size = log(1 + volume)
    this.#volume = size + KEEP_120 * this.#volume
    this.#volumeWeight = 1 + KEEP_120 * this.#volumeWeight
    out[offset + 9] = clip(size - this.#volume / this.#volumeWeight)
  }

  /** Mean squared return of up to 20 bars of the session, floored as s is; `square` is the newest. */
  #recent(t: number, j: number, square: number): number {
    // Within a session a running sum: what rounding leaves in it is gone the next morning.
    this.#sum += square
    if (j >= RECENT) this.#sum -= this.#squares[(t - RECENT) & (RING - 1)]!
    const mean = this.#sum / (j < RECENT ? j + 1 : RECENT)
    return mean > LEAST_VARIANCE ? mean : LEAST_VARIANCE
  }

  #clock(t: number, out: Float32Array, offset: number): void {
    const { openMs, closeMs } = this.#market.sessions[this.#session]!
    const length = closeMs - openMs
    const at = Math.min(this.#market.endOf(t) - openMs, length)
    const seconds = Math.round(at / 1000)
    const table = clockTable(Math.round(length / 1000))
    out[offset + 10] = table[2 * seconds]!
    out[offset + 11] = table[2 * seconds + 1]!
  }

  #open(t: number): void {
    this.#session = this.#market.session[t]!
    this.#first = t
    this.#openLog = log(this.#market.open[this.#symbol]![t]!)
    this.#sum = 0
    this.#turnover = 0
    this.#shares = 0
    this.#ema20 = 0
    this.#weight20 = 0
    this.#ema60 = 0
    this.#weight60 = 0
  }
}

const clocks = new Map<number, Float32Array>()
let lastLength = -1
let lastTable: Float32Array = new Float32Array(0)

/** sin and cos by second of a session of `length` seconds. */
function clockTable(length: number): Float32Array {
  if (length === lastLength) return lastTable
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
  lastLength = length
  lastTable = table
  return table
}
