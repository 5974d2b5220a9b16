/** Advantages as the loss takes them, where an engine works that out beside its kernels. */
import type { LossSettings } from './engine.js'

/** What is taken from an advantage and what it is then multiplied by: 0 and 1 where they are not normalised. */
export interface AdvantageScale {
  /** Valid rows. */
  readonly count: number
  readonly mean: number
  readonly scale: number
}

/** To mean 0 and deviation 1 over the valid rows of a minibatch, n - 1, in float64. The rows come in the order of the sums. */
export function advantageScale(
  valid: ArrayLike<number>,
  advantages: ArrayLike<number>,
  { normaliseAdvantage }: Pick<LossSettings, 'normaliseAdvantage'>,
): AdvantageScale {
  let count = 0
  let sum = 0
  for (let r = 0; r < valid.length; r++) {
    if (valid[r] === 0) continue
    count++
    sum += advantages[r]!
  }
  if (!normaliseAdvantage) return { count, mean: 0, scale: 1 }
  const mean = sum / count
  let squares = 0
  for (let r = 0; r < valid.length; r++) {
    if (valid[r] === 1) squares += (advantages[r]! - mean) * (advantages[r]! - mean)
  }
  return { count, mean, scale: 1 / ((count > 1 ? Math.sqrt(squares / (count - 1)) : 0) + 1e-8) }
}
