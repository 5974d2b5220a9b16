/** How far the trials of a search lie apart: what a deflated Sharpe ratio must know of them, from their returns. */
import { mean, standardDeviation } from '../base/moments.js'
import { type Figure, isConstant, tooFew } from './metrics.js'
import { completePeriods } from './overfitting.js'

export interface TrialSpread {
  readonly trials: number
  /** Periods that all trials have, and those that some lack. */
  readonly periods: number
  readonly lacking: number
  /** Sharpe ratio of each trial, of single periods; 0 for one that stands still. */
  readonly sharpes: Float64Array
  /** Their sample standard deviation. */
  readonly sharpeStd: Figure
  /** Mean correlation of the returns of two trials; one that stands still has none with any, 0. */
  readonly correlation: Figure
}

/**
 * The spread of trials by periods, NaN where a trial lacks one: as `overfitting` takes them, all trials and not the good ones
 * alone. Throws 65 for rows of different lengths or infinite returns.
 */
export function trialSpread(trials: readonly ArrayLike<number>[]): TrialSpread {
  const kept = completePeriods(trials)
  const { length } = kept
  const all = trials[0]?.length ?? 0
  const sharpes = new Float64Array(trials.length)
  // The sum over trials of what is apart from their means, in deviations: its squares hold every correlation.
  const together = new Float64Array(length)
  let moving = 0
  let endless = 0
  for (const [k, trial] of trials.entries()) {
    const values = Float64Array.from(kept, (i) => trial[i]!)
    const [centre, deviation] = [mean(values), standardDeviation(values)]
    if (isConstant(values, deviation)) {
      if (centre !== 0) endless++
      continue
    }
    moving++
    sharpes[k] = centre / deviation
    for (let i = 0; i < length; i++) together[i]! += (values[i]! - centre) / deviation
  }
  const none = (reason: string): Figure => ({ value: null, reason })
  const why =
    trials.length < 2
      ? none('fewer than 2 trials have no spread')
      : (tooFew(kept) ?? (endless > 0 ? none(`${endless} of the trials have constant returns`) : null))
  let squares = 0
  for (const value of together) squares += value * value
  const pairs = trials.length * (trials.length - 1)
  return {
    trials: trials.length,
    periods: length,
    lacking: all - length,
    sharpes,
    sharpeStd: why ?? { value: standardDeviation(sharpes) },
    correlation: why ?? { value: (squares / (length - 1) - moving) / pairs },
  }
}
