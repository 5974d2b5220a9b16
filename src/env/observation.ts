/**
 * The 26 numbers that an agent sees: 12 features of the first symbol and its position, 12 of the second and its position. A
 * position is signed shares held over the shares of the current target size, within [-1, 1]; what is left of a position whose
 * target is flat counts whole.
 */
import { Failure } from '../base/errors.js'
import { FEATURES_PER_SYMBOL } from './feature-set.js'
import { FEATURE_WIDTH, type FeatureTable } from './features.js'

export const OBSERVATION_SIZE = FEATURE_WIDTH + 2

/** What the 26 numbers are called. */
export const inputNames = (symbols: readonly string[], columns: readonly string[]): string[] =>
  symbols.flatMap((symbol) => [...columns, 'position'].map((column) => `${symbol} ${column}`))

/** Writes the observation at decision `t` at `offset` of `out`. Throws 70 where a number of it is not finite: nobody decides on that. */
export function observe(
  features: FeatureTable,
  t: number,
  position: Float64Array,
  size: Float64Array,
  out: Float32Array,
  offset = 0,
): void {
  if (t >= features.length) throw new RangeError(`no features of bar ${t} of ${features.length}`)
  const { values } = features
  let from = t * FEATURE_WIDTH
  let to = offset
  let sum = 0
  for (let k = 0; k < 2; k++) {
    for (let n = 0; n < FEATURES_PER_SYMBOL; n++) {
      const value = values[from++]!
      sum += value
      out[to++] = value
    }
    const part = exposure(position[k]!, size[k]!)
    sum += part
    out[to++] = part
  }
  if (sum - sum !== 0) throw notFinite(features, t, out.subarray(offset, offset + OBSERVATION_SIZE))
}

function notFinite({ set }: FeatureTable, t: number, observation: Float32Array): Failure {
  const at = observation.findIndex((value) => !Number.isFinite(value))
  const name = set.columns[at % (FEATURES_PER_SYMBOL + 1)] ?? 'position'
  const symbol = at < OBSERVATION_SIZE / 2 ? 'first' : 'second'
  return new Failure(
    'bug',
    `${name} of the ${symbol} symbol is ${observation[at]} at bar ${t}: nothing is traded on it`,
    {
      hint: 'bars with a volume and positive prices have finite features; choose other --features, or mend the bars',
    },
  )
}

/** Signed part of `size` shares that a position of `position` shares is, within [-1, 1]. */
export function exposure(position: number, size: number): number {
  if (position === 0) return 0
  const part = position / size
  return part > 1 ? 1 : part < -1 ? -1 : part
}
