/** Student's t distribution. */
import { cos, sin } from './math.js'

/**
 * The t that |T| stays below with probability `p`, for a whole number of degrees of freedom from 1 on. The distribution is the
 * finite sum of Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4, in the angle
 * theta = arctan(t / sqrt(degrees)); it rises with theta, which is found by halving.
 */
export function studentQuantile(p: number, degrees: number): number {
  let [low, high] = [0, Math.PI / 2]
  // Each half takes a bit; a double has 53.
  for (let i = 0; i < 60; i++) {
    const theta = (low + high) / 2
    if (within(theta, degrees) < p) low = theta
    else high = theta
  }
  return (Math.sqrt(degrees) * sin(low)) / cos(low)
}

/** A(t | degrees): the probability of |T| < t. */
function within(theta: number, degrees: number): number {
  const [sine, cosine] = [sin(theta), cos(theta)]
  const odd = degrees % 2
  if (degrees === 1) return (2 * theta) / Math.PI
  let term = odd === 1 ? cosine : 1
  let sum = term
  for (let k = odd === 1 ? 3 : 2; k < degrees; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k
    sum += term
  }
  return odd === 1 ? (2 / Math.PI) * (theta + sine * sum) : sine * sum
}
