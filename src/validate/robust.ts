/** Middle values, which a few wild ones do not move. */

/** From the median absolute deviation to the standard deviation of a normal distribution. */
export const NORMAL = 1.4826

/** The middle of values, NaN among them left out; NaN of none. */
export function median(values: ArrayLike<number>, length = values.length): number {
  const sorted = new Float64Array(length)
  let count = 0
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    if (!Number.isNaN(value)) sorted[count++] = value
  }
  return middle(sorted.subarray(0, count).sort())
}

function middle(sorted: Float64Array): number {
  const { length } = sorted
  if (length === 0) return Number.NaN
  const half = length >> 1
  return length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

export interface Centre {
  readonly median: number
  /** Median of the distances from it. */
  readonly mad: number
  /** Of how many values. */
  readonly count: number
}

/** Median and median absolute deviation; NaN values are left out. */
export function centreOf(values: ArrayLike<number>): Centre {
  const kept: number[] = []
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) kept.push(values[i]!)
  const mid = median(kept)
  return { median: mid, mad: median(kept.map((value) => Math.abs(value - mid))), count: kept.length }
}
