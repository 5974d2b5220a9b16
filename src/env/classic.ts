/**
 * The `classic` features, as the users' earlier system had them: in prices and shares, so a learner needs a normaliser.
 * C is the close, V the volume, i counts bars from 0. Pinned by golden vectors.
 */
import { cos, sin } from '../base/math.js'
import { civilFromDays, DAY, daysFromCivil } from '../base/time.js'
import type { Market } from '../market/market.js'
import type { FeatureRows, FeatureSet } from './feature-set.js'

const RSI_BARS = 14
const BARS = 20
const MOMENTUM_BARS = 10
const EARLY_VOLATILITY = 0.02

export const classic: FeatureSet = {
  name: 'classic',
  columns: [
    'rsi',
    'ema_short',
    'ema_long',
    'vwap',
    'volatility',
    'momentum',
    'time_sin',
    'time_cos',
    'volume_sma',
    'price_change',
    'returns',
    'volume',
  ],
  start: (market, symbol) => new ClassicRows(market, symbol),
}

class ClassicRows implements FeatureRows {
  readonly #market: Market
  readonly #symbol: number
  readonly #short = new Ema(12)
  readonly #long = new Ema(26)
  /** Of the last bars, by bar number modulo their length. */
  readonly #gains = new Float64Array(RSI_BARS)
  readonly #losses = new Float64Array(RSI_BARS)
  readonly #returns = new Float64Array(BARS)
  readonly #volumes = new Float64Array(BARS)
  readonly #turnovers = new Float64Array(BARS)
  readonly #rings = [this.#gains, this.#losses, this.#returns, this.#volumes, this.#turnovers]
  /** Rows written: rings go on in step with it wherever the market begins. */
  #count = 0
  #day = Number.NaN
  #sin = 0
  #cos = 0

  constructor(market: Market, symbol: number) {
    this.#market = market
    this.#symbol = symbol
  }

  row(i: number, out: Float32Array, offset: number): void {
    const close = this.#market.close[this.#symbol]!
    const volumes = this.#market.volume[this.#symbol]!
    const n = this.#count++
    const price = close[i]!
    const volume = known(volumes[i]!)
    const before = n > 0 ? close[i - 1]! : price
    this.#date(this.#market.time[i]!)
    const move = price - before
    const r14 = n % RSI_BARS
    this.#gains[r14] = move > 0 ? move : 0
    this.#losses[r14] = move > 0 ? 0 : -move
    out[offset] = n < RSI_BARS - 1 ? 50 : rsi(this.#gains, this.#losses)
    out[offset + 1] = this.#short.next(price)
    out[offset + 2] = this.#long.next(price)
    const r20 = n % BARS
    this.#volumes[r20] = volume
    this.#turnovers[r20] = price * volume
    const full = n >= BARS - 1
    const shares = full ? sum(this.#volumes) : 0
    const turnover = full ? sum(this.#turnovers) : 0
    out[offset + 3] = shares > 0 ? turnover / shares : price
    const change = price / before - 1
    this.#returns[r20] = change
    out[offset + 4] = n < BARS ? EARLY_VOLATILITY : volatility(this.#returns)
    out[offset + 5] = n < MOMENTUM_BARS ? 0 : price / close[i - MOMENTUM_BARS]! - 1
    out[offset + 6] = this.#sin
    out[offset + 7] = this.#cos
    out[offset + 8] = n < BARS - 1 ? volume : shares / BARS
    out[offset + 9] = move
    out[offset + 10] = change
    out[offset + 11] = volume
  }

  save(): readonly number[] {
    const emas = [...this.#short.save(), ...this.#long.save()]
    return [this.#count, ...emas, ...this.#rings.flatMap((ring) => [...ring])]
  }

  restore(numbers: readonly number[], t: number): void {
    if (t === 0) return
    this.#count = numbers[0]!
    this.#short.restore(numbers.slice(1, 3))
    this.#long.restore(numbers.slice(3, 5))
    let at = 5
    for (const ring of this.#rings) {
      ring.set(numbers.slice(at, at + ring.length))
      at += ring.length
    }
  }

  /** Day of the year as an angle, 2 pi doy / 365, by the UTC date. */
  #date(time: number): void {
    const day = Math.floor(time / DAY)
    if (day === this.#day) return
    this.#day = day
    const doy = day - daysFromCivil(civilFromDays(day).year, 1, 1) + 1
    const angle = (2 * Math.PI * doy) / 365
    this.#sin = sin(angle)
    this.#cos = cos(angle)
  }
}

/** An unknown volume counts as none. */
const known = (volume: number): number => (Number.isNaN(volume) ? 0 : volume)

/** Sum of an even number of elements, in two chains that the processor adds side by side. */
function sum(ring: Float64Array): number {
  let even = 0
  let odd = 0
  for (let k = 0; k < ring.length; k += 2) {
    even += ring[k]!
    odd += ring[k + 1]!
  }
  return even + odd
}

/** 100 - 100/(1 + gains/losses) over the last 14 differences, the undefined first one counted 0. */
function rsi(gains: Float64Array, losses: Float64Array): number {
  const up = sum(gains)
  const down = sum(losses)
  if (down === 0) return up === 0 ? 50 : 100
  return 100 - 100 / (1 + up / down)
}

/** Standard deviation (n - 1) of the last 20 one-bar returns. */
function volatility(returns: Float64Array): number {
  const mean = sum(returns) / BARS
  let even = 0
  let odd = 0
  for (let k = 0; k < BARS; k += 2) {
    even += (returns[k]! - mean) * (returns[k]! - mean)
    odd += (returns[k + 1]! - mean) * (returns[k + 1]! - mean)
  }
  return Math.sqrt((even + odd) / (BARS - 1))
}

/** Exponential mean with weights (1 - a)^k over all bars so far, a = 2/(span + 1): pandas' ewm(adjust=True). */
class Ema {
  readonly #keep: number
  #sum = 0
  #weight = 0

  constructor(span: number) {
    this.#keep = 1 - 2 / (span + 1)
  }

  next(value: number): number {
    this.#sum = value + this.#keep * this.#sum
    this.#weight = 1 + this.#keep * this.#weight
    return this.#sum / this.#weight
  }

  save(): readonly number[] {
    return [this.#sum, this.#weight]
  }

  restore([sum = 0, weight = 0]: readonly number[]): void {
    this.#sum = sum
    this.#weight = weight
  }
}
