/**
 * The 26 numbers that an agent sees: 12 features of the first symbol and its position, 12 of the second and its position. A
 * position is signed shares held over the shares of the current target size, within [-1, 1]; what is left of a position whose
 * target is flat counts whole.
 */
import { FEATURES_PER_SYMBOL } from './feature-set.js'
import { FEATURE_WIDTH, type FeatureTable } from './features.js'

export const OBSERVATION_SIZE = FEATURE_WIDTH + 2

/** Writes the observation at decision `t` at `offset` of `out`. */
export function observe(
  features: FeatureTable,
  t: number,
  position: Float64Array,
  size: Float64Array,
  out: Float32Array,
  offset = 0,
): void {
  const { values } = features
  let from = t * FEATURE_WIDTH
  let to = offset
  for (let k = 0; k < 2; k++) {
    for (let n = 0; n < FEATURES_PER_SYMBOL; n++) out[to++] = values[from++]!
    out[to++] = exposure(position[k]!, size[k]!)
  }
}

/** Signed part of `size` shares that a position of `position` shares is, within [-1, 1]. */
export function exposure(position: number, size: number): number {
  if (position === 0) return 0
  const part = position / size
  return part > 1 ? 1 : part < -1 ? -1 : part
}
