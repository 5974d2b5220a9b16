/** Mean, deviation, skew and kurtosis. */

/** Arithmetic mean; NaN of none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** Sample standard deviation (n - 1), in two passes. */
export function standardDeviation(values: ArrayLike<number>): number {
  const centre = mean(values)
  let squares = 0
  for (let i = 0; i < values.length; i++) {
    const apart = values[i]! - centre
    squares += apart * apart
  }
  return Math.sqrt(squares / (values.length - 1))
}

/** Skew G1, the unbiased one: Joanes and Gill, Comparing measures of sample skewness and kurtosis (1998). Of 3 values or more. */
export function skewness(values: ArrayLike<number>): number {
  const n = values.length
  const { m2, m3 } = centralMoments(values)
  return ((m3 / (m2 * Math.sqrt(m2))) * Math.sqrt(n * (n - 1))) / (n - 2)
}

/** Kurtosis G2 + 3, from the unbiased excess of the same source: about 3 for a normal sample. Of 4 values or more. */
export function kurtosis(values: ArrayLike<number>): number {
  const n = values.length
  const { m2, m4 } = centralMoments(values)
  const excess = m4 / (m2 * m2) - 3
  return ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * excess + 6) + 3
}

function centralMoments(values: ArrayLike<number>): { m2: number; m3: number; m4: number } {
  const n = values.length
  const centre = mean(values)
  let [m2, m3, m4] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const apart = values[i]! - centre
    const squared = apart * apart
    m2 += squared
    m3 += squared * apart
    m4 += squared * squared
  }
  return { m2: m2 / n, m3: m3 / n, m4: m4 / n }
}
