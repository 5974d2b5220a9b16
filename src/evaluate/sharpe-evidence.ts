/**
 * What a Sharpe ratio proves: whether it is above 0 by more than chance, alone or as the best of many trials, and how long a
 * record would have to be. Every Sharpe ratio here is one of single periods, mean over sample deviation (n - 1), never annual:
 * the formulas hold for no other.
 */
import { normalDistribution, normalQuantile } from '../base/normal.js'

/** A series as these formulas see it. */
export interface SharpeSample {
  /** Mean over sample standard deviation of a period. */
  readonly sharpe: number
  /** Periods, those alone that have a return. */
  readonly n: number
  /** G1. */
  readonly skew: number
  /** G2 + 3: not the excess, 3 for a normal distribution. */
  readonly kurtosis: number
}

/** (n - 1) times the variance of an estimated Sharpe ratio whose true value is `sharpe`: Mertens (2002). */
const spread = (sharpe: number, { skew, kurtosis }: SharpeSample): number =>
  1 - skew * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe

/**
 * Probabilistic Sharpe ratio: the probability that the true ratio is above the benchmark, with the variance at the estimate.
 * Bailey and Lopez de Prado, The Sharpe ratio efficient frontier (2012). Null where skew and kurtosis leave no variance.
 */
export function probabilisticSharpe(sample: SharpeSample, benchmark = 0): number | null {
  const variance = spread(sample.sharpe, sample)
  if (!(variance > 0)) return null
  return normalDistribution(((sample.sharpe - benchmark) * Math.sqrt(sample.n - 1)) / Math.sqrt(variance))
}

/**
 * The same with the variance under the null hypothesis, that the true ratio is the benchmark, over n: 1 minus the p-value of a
 * test of it. Lopez de Prado, Lipton and Zoonekynd, How to use the Sharpe ratio (2025). Against 0 skew and kurtosis play no part.
 */
export function probabilisticSharpeUnderNull(sample: SharpeSample, benchmark = 0): number | null {
  const variance = spread(benchmark, sample)
  if (!(variance > 0)) return null
  return normalDistribution(((sample.sharpe - benchmark) * Math.sqrt(sample.n)) / Math.sqrt(variance))
}

/**
 * Periods after which this Sharpe ratio is above the benchmark with the confidence given: 1 + variance (z / distance)^2, of the
 * same paper. Not a whole number. Null where the ratio is not above the benchmark, or no variance is left.
 */
export function minimumTrackRecord(sample: SharpeSample, benchmark = 0, confidence = 0.95): number | null {
  const variance = spread(sample.sharpe, sample)
  if (!(variance > 0) || !(sample.sharpe > benchmark)) return null
  const z = normalQuantile(confidence) / (sample.sharpe - benchmark)
  return 1 + variance * z * z
}

const EULER_MASCHERONI = 0.5772156649015329

/**
 * The largest Sharpe ratio to be expected of `trials` without any skill, whose ratios have the standard deviation given and the
 * mean 0; in the unit of that deviation. Bailey and Lopez de Prado, The deflated Sharpe ratio (2014). It is an
 * approximation for many: never below 0, and 0 for one trial, which was not chosen from any. `trials` need not be whole.
 */
export function expectedMaximumSharpe(trials: number, deviation: number): number {
  if (!(trials > 1)) return 0
  const first = normalQuantile(1 - 1 / trials)
  const second = normalQuantile(1 - 1 / (trials * Math.E))
  return deviation * Math.max(0, (1 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second)
}

/**
 * Deflated Sharpe ratio: the probabilistic one against what the best of the trials has without skill (2014). The deviation
 * is that of the trials' Sharpe ratios, of single periods.
 */
export function deflatedSharpe(sample: SharpeSample, trials: number, deviation: number): number | null {
  return probabilisticSharpe(sample, expectedMaximumSharpe(trials, deviation))
}

/** Standard deviation of the Sharpe ratios of trials without skill over n periods, where theirs is not known: sqrt(1 / (n - 1)). */
export const nullDeviation = ({ n }: Pick<SharpeSample, 'n'>): number => Math.sqrt(1 / (n - 1))

/**
 * How many independent trials `trials` with the mean correlation given are worth: N (1 - r) + r, between 1 where they are all the
 * same and N where they have nothing in common: the paper of 2014, appendix 3. A mean below 0 counts as 0.
 */
export function effectiveTrials(trials: number, correlation: number): number {
  const r = Math.min(1, Math.max(0, correlation))
  return trials * (1 - r) + r
}
