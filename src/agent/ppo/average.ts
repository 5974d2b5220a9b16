/** The average of the weights over the last part of a run: the model that is scored and kept. */

/**
 * Of each iterate the weight of the next one is (ETA + 1) / (n + ETA), so that the average is over about the last fifth of the
 * updates there were, however many: polynomial-decay averaging (Shamir and Zhang, "Stochastic Gradient Descent for Non-smooth
 * Optimization", 2013, section 4).
 */
const ETA = 4

/** Running average of [size] float32 weights. */
export class WeightAverage {
  readonly values: Float32Array
  count = 0

  constructor(size: number) {
    this.values = new Float32Array(size)
  }

  /** Takes in the weights after one more update. */
  add(weights: ArrayLike<number>): void {
    const { values } = this
    this.count++
    // 1 for the first: what was there before counts for nothing.
    const part = (ETA + 1) / (this.count + ETA)
    for (let i = 0; i < values.length; i++) values[i]! += part * (weights[i]! - values[i]!)
  }
}
