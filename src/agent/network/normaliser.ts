/** Running mean and variance by batches (Chan, Golub and LeVeque, 1979), as VecNormalize of Stable-Baselines3 keeps them. */

const EPSILON = 1e-8

/** Normalised observations and rewards are cut at +-CUT. */
export const CUT = 10

/** Mean and variance of each column, [size] each, over all rows seen; 0 and 1 before, which count for 1e-4 rows. */
export class RunningMoments {
  readonly mean: Float64Array
  readonly variance: Float64Array
  count = 1e-4

  constructor(size: number) {
    this.mean = new Float64Array(size)
    this.variance = new Float64Array(size).fill(1)
  }

  /** Takes in `rows` rows of values. */
  update(values: ArrayLike<number>, rows: number): void {
    const size = this.mean.length
    const total = this.count + rows
    for (let k = 0; k < size; k++) {
      let sum = 0
      for (let r = 0; r < rows; r++) sum += values[r * size + k]!
      const mean = sum / rows
      let squares = 0
      for (let r = 0; r < rows; r++) {
        const apart = values[r * size + k]! - mean
        squares += apart * apart
      }
      const delta = mean - this.mean[k]!
      const all = this.variance[k]! * this.count + squares + (delta * delta * this.count * rows) / total
      this.mean[k]! += (delta * rows) / total
      this.variance[k] = all / total
    }
    this.count = total
  }

  /** (x - mean) / sd, cut at +-CUT, in place. */
  apply(values: Float32Array, rows: number): void {
    const size = this.mean.length
    for (let k = 0; k < size; k++) {
      const mean = this.mean[k]!
      const deviation = Math.sqrt(this.variance[k]! + EPSILON)
      for (let r = 0; r < rows; r++) {
        const i = r * size + k
        values[i] = Math.max(-CUT, Math.min(CUT, (values[i]! - mean) / deviation))
      }
    }
  }

  /** A reward over the deviation of the discounted return, without its mean. */
  scale(reward: number): number {
    return Math.max(-CUT, Math.min(CUT, reward / Math.sqrt(this.variance[0]! + EPSILON)))
  }
}
