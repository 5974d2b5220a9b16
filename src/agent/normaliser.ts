/** Running mean and variance by batches (Chan, Golub and LeVeque, 1979), as VecNormalize of Stable-Baselines3 keeps them. */

const EPSILON = 1e-8

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
      for (let r = 0; r < rows; r++) squares += (values[r * size + k]! - mean) ** 2
      const delta = mean - this.mean[k]!
      const all = this.variance[k]! * this.count + squares + (delta * delta * this.count * rows) / total
      this.mean[k]! += (delta * rows) / total
      this.variance[k] = all / total
    }
    this.count = total
  }

  /** (x - mean) / sd, cut at +-limit, in place. */
  apply(values: Float32Array, rows: number, limit: number): void {
    const size = this.mean.length
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < size; k++) {
        const i = r * size + k
        const scaled = (values[i]! - this.mean[k]!) / Math.sqrt(this.variance[k]! + EPSILON)
        values[i] = Math.max(-limit, Math.min(limit, scaled))
      }
    }
  }
}
