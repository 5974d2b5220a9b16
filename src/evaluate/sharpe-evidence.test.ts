import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { skewedReturns } from '../../test/support/lehmer.js'
import { kurtosis, mean, skewness, standardDeviation } from '../base/moments.js'
import { normalDistribution } from '../base/normal.js'
import * as evidence from './sharpe-evidence.js'

const vectors = JSON.parse(readFileSync('test/fixtures/stats/evidence.json', 'utf8'))
const daily: number[] = JSON.parse(readFileSync('test/fixtures/stats/returns_daily.json', 'utf8')).returns
const series: Record<string, number[]> = {
  daily,
  skewed: skewedReturns(7, 60),
  losing: skewedReturns(11, 40).map((r) => -r),
  month: skewedReturns(5, 24),
}
const near = (found: number | null, expected: number, within: number): void => {
  expect(found).not.toBeNull()
  expect(Math.abs(found! - expected)).toBeLessThan(within * Math.max(1, Math.abs(expected)))
}

test('the normal distribution is that of scipy, in the tails too', () => {
  for (const [x, p] of vectors.normal as [number, number][])
    expect([x, Math.abs(normalDistribution(x) - p) <= Math.min(1e-15, 1e-6 * p)]).toEqual([x, true])
})

describe.each(Object.entries(series))('against scipy and ffn: %s', (name, returns) => {
  const known = vectors.series[name]
  const sample = {
    sharpe: mean(returns) / standardDeviation(returns),
    n: returns.length,
    skew: skewness(returns),
    kurtosis: kurtosis(returns),
  }
  const { trials, trial_sharpe_std: std } = known
  test('moments', () => {
    near(sample.sharpe, known.sharpe, 1e-12)
    near(sample.skew, known.skew, 1e-11)
    near(sample.kurtosis, known.kurtosis, 1e-11)
  })
  test('probabilistic and deflated Sharpe ratio', () => {
    near(evidence.probabilisticSharpe(sample), known.psr, 1e-10)
    near(evidence.probabilisticSharpeUnderNull(sample), known.psr_h0, 1e-10)
    near(evidence.deflatedSharpe(sample, trials, std), known.dsr_ffn, 1e-10)
    near(evidence.deflatedSharpe(sample, trials, evidence.nullDeviation(sample)), known.dsr_null_var, 1e-10)
    const effective = evidence.effectiveTrials(trials, known.trial_correlation)
    near(evidence.deflatedSharpe(sample, effective, std), known.dsr_neff, 1e-10)
  })
  test('least length of a record', () => {
    const length = evidence.minimumTrackRecord(sample)
    if (known.min_trl === null) expect(length).toBeNull()
    else near(length, known.min_trl, 1e-10)
  })
})

describe('examples of the papers', () => {
  test('2014: 2.5 a year over 1,250 days, the best of 100 trials of variance 1/2 a year: 0.9004', () => {
    const sample = { sharpe: 2.5 / Math.sqrt(250), n: 1250, skew: -3, kurtosis: 10 }
    const deviation = Math.sqrt(1 / 2 / 250)
    expect(evidence.expectedMaximumSharpe(100, deviation)).toBeCloseTo(0.1132, 4)
    expect(evidence.deflatedSharpe(sample, 100, deviation)).toBeCloseTo(0.9004, 4)
  })

  test('2012: 2 against 1 a year takes 2.73 years of normal days, 4.99 of skewed months', () => {
    const days = { sharpe: 2 / Math.sqrt(250), n: 500, skew: 0, kurtosis: 3 }
    expect(evidence.minimumTrackRecord(days, 1 / Math.sqrt(250))! / 250).toBeCloseTo(2.73, 2)
    const months = { sharpe: 2 / Math.sqrt(12), n: 24, skew: -0.72, kurtosis: 5.78 }
    expect(evidence.minimumTrackRecord(months, 1 / Math.sqrt(12))! / 12).toBeCloseTo(4.99, 2)
  })

  test('2025: under the null 0.987 against 0 and 0.939 against 0.1', () => {
    const sample = { sharpe: 0.036 / 0.079, n: 24, skew: -2.448, kurtosis: 10.164 }
    expect(evidence.probabilisticSharpeUnderNull(sample)).toBeCloseTo(0.987, 3)
    expect(evidence.probabilisticSharpeUnderNull(sample, 0.1)).toBeCloseTo(0.939, 3)
  })
})

describe('the best of trials', () => {
  test('as ffn and skfolio expect it', () => {
    for (const [trials, expected] of vectors.expected_max)
      near(evidence.expectedMaximumSharpe(trials, 1), expected, 1e-12)
  })

  test('one trial is deflated by nothing; a part of one more by little, never below 0', () => {
    expect(evidence.expectedMaximumSharpe(1, 0.1)).toBe(0)
    expect(evidence.expectedMaximumSharpe(1.05, 0.1)).toBe(0)
    expect(evidence.effectiveTrials(40, 1)).toBe(1)
    expect(evidence.effectiveTrials(40, -0.2)).toBe(40)
  })

  test('no variance is left where skew outweighs kurtosis', () => {
    const sample = { sharpe: 1, n: 30, skew: 3, kurtosis: 4 }
    expect(evidence.probabilisticSharpe(sample)).toBeNull()
    expect(evidence.minimumTrackRecord(sample)).toBeNull()
  })
})
