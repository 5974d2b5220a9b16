/**
 * Intervals for a statistic of a series whose values lean on those before them: the stationary bootstrap, which draws blocks of
 * random lengths around a circle (Politis and Romano, The stationary bootstrap, 1994). Deterministic from its seed.
 */
import { log, pow } from '../base/math.js'
import { mean } from '../base/moments.js'
import { stream } from '../base/rng.js'
import { quantileOf } from './metrics.js'

export interface BootstrapOptions {
  /** Mean length of a block in values, 1 or more. Default: that of `blockLength`. */
  readonly block?: number
  readonly resamples?: number
  /** Share of the resamples inside the interval. */
  readonly level?: number
  readonly seed?: number
}

/** A percentile interval: the quantiles (1 - level) / 2 and (1 + level) / 2 of the statistic over the resamples. */
export type Interval =
  | { readonly low: number; readonly high: number }
  | { readonly low: null; readonly high: null; readonly reason: string }

export interface Bootstrap<Name extends string> {
  readonly block: number
  readonly resamples: number
  readonly level: number
  readonly seed: number
  readonly intervals: Readonly<Record<Name, Interval>>
}

/** Values between two looks around. */
const PIECE = 1 << 18
const TWO_32 = 4_294_967_296
export const RESAMPLES = 2000
export const LEVEL = 0.95

/**
 * Percentile intervals of several statistics, all over the same resamples of `values`. A statistic that is not finite for a
 * resample, such as the Sharpe ratio of one without deviation, has no interval.
 */
export const stationaryBootstrap = <Name extends string>(
  values: ArrayLike<number>,
  statistics: Readonly<Record<Name, (sample: Float64Array) => number>>,
  options: BootstrapOptions = {},
): Bootstrap<Name> => ended(bootstrapWork(values, statistics, options))

/** The same in pieces, between which signals can be looked at: it yields the part that is done, from 0 to 1. */
export function* bootstrapWork<Name extends string>(
  values: ArrayLike<number>,
  statistics: Readonly<Record<Name, (sample: Float64Array) => number>>,
  options: BootstrapOptions = {},
): Generator<number, Bootstrap<Name>> {
  const { block = yield* blockWork(values), resamples = RESAMPLES, level = LEVEL, seed = 1 } = options
  const rng = stream(seed, 'stationary-bootstrap')
  const n = values.length
  const names = Object.keys(statistics) as Name[]
  const found = names.map(() => new Float64Array(resamples))
  const sample = new Float64Array(n)
  // A new block begins with probability 1 / block: their lengths are geometric.
  const limit = TWO_32 / block
  // Uneven by at most n / 2^32, which no interval sees.
  const perWord = n / TWO_32
  let at = 0
  // Apart from the work in pieces: V8 leaves the loops of a generator slow.
  const draw = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      if (i === 0 || block === 1 || rng.uint32() < limit) at = Math.floor(rng.uint32() * perWord)
      else if (++at === n) at = 0
      sample[i] = values[at]!
    }
  }
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < n; i += PIECE) {
      draw(i, Math.min(n, i + PIECE))
      yield r / resamples
    }
    for (const [k, name] of names.entries()) found[k]![r] = statistics[name](sample)
  }
  const intervals = names.map((name, k) => [name, intervalOf(found[k]!, level)])
  return { block, resamples, level, seed, intervals: Object.fromEntries(intervals) }
}

function intervalOf(found: Float64Array, level: number): Interval {
  const without = found.filter((value) => !Number.isFinite(value)).length
  if (without > 0) {
    const reason = `${without} of ${found.length} resamples have none`
    return { low: null, high: null, reason }
  }
  const sorted = found.sort()
  return { low: quantileOf(sorted, (1 - level) / 2), high: quantileOf(sorted, (1 + level) / 2) }
}

/**
 * The mean length of blocks that serves the stationary bootstrap of the mean best, 1 or more: Politis and White, Automatic
 * block-length selection for the dependent bootstrap (2004), as Patton, Politis and White corrected it (2009). The window of the
 * autocorrelations ends where K = max(5, log10 n) of them in a row are within 2 sqrt(log10(n) / n); at most 3 sqrt(n), and n / 3.
 */
export const blockLength = (values: ArrayLike<number>): number => ended(blockWork(values))

function* blockWork(values: ArrayLike<number>): Generator<number, number> {
  const n = values.length
  const decades = log(n) / Math.LN10
  const run = Math.max(5, Math.floor(decades))
  const most = Math.ceil(Math.sqrt(n)) + run
  const { covariance, correlation } = yield* autocovariance(values, Math.min(most, n - 2))
  const last = covariance.length - 1
  const threshold = 2 * Math.sqrt(decades / n)
  let window = last
  for (let lag = 0, below = 0; lag < last; lag++) {
    below = correlation[lag]! < threshold ? below + 1 : 0
    if (below < run) continue
    window = Math.min(last, 2 * Math.max(1, lag - run + 1))
    break
  }
  // The flat-top kernel of Politis and Romano (1995): 1 up to half the window, then down to 0.
  let g = 0
  let spectrum = covariance[0]!
  for (let lag = 1; lag <= window; lag++) {
    const weight = 2 * Math.min(1, 2 * (1 - lag / window)) * covariance[lag]!
    g += lag * weight
    spectrum += weight
  }
  const cap = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3))
  const length = pow(((g * g) / (spectrum * spectrum)) * n, 1 / 3)
  // Constant values, but for what rounding leaves; a spectrum of 0 asks for a block without end.
  const centre = mean(values)
  if (!(covariance[0]! > 1e-24 * centre * centre)) return 1
  return Math.max(1, Number.isFinite(length) ? Math.min(cap, length) : cap)
}

/** Autocovariances of lag 0 to `most`, and sizes of autocorrelations: over the squares of values that follow and precede. */
function* autocovariance(values: ArrayLike<number>, most: number): Generator<number, Autocovariance> {
  const n = values.length
  const centre = mean(values)
  const apart = Float64Array.from(values as ArrayLike<number>, (value) => value - centre)
  const covariance = new Float64Array(most + 1)
  const correlation = new Float64Array(most + 1)
  const at = (lag: number) => {
    let [cross, after, before] = [0, 0, 0]
    for (let i = lag; i < n; i++) cross += apart[i]! * apart[i - lag]!
    for (let i = lag + 1; i < n; i++) {
      after += apart[i]! * apart[i]!
      before += apart[i - lag - 1]! * apart[i - lag - 1]!
    }
    covariance[lag] = cross / n
    correlation[lag] = Math.abs(cross) / Math.sqrt(after * before)
  }
  for (let lag = 0; lag <= most; lag++) {
    at(lag)
    yield 0
  }
  return { covariance, correlation }
}

interface Autocovariance {
  readonly covariance: Float64Array
  readonly correlation: Float64Array
}

/** What work comes to, done in one go. */
export function ended<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}
