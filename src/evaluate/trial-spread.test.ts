import { expect, test } from 'vitest'
import { lehmer } from '../../test/support/lehmer.js'
import { mean, standardDeviation } from '../base/moments.js'
import { trialSpread } from './trial-spread.js'

const noise = (seed: number, trials: number, periods: number): number[][] =>
  Array.from({ length: trials }, (_, k) => lehmer(100 * seed + k + 1, periods).map((u) => u / 50))

/** Pearson's, by its definition. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)]
  const products = a.reduce((sum, x, i) => sum + (x - ma) * (b[i]! - mb), 0)
  return products / (a.length - 1) / (standardDeviation(a) * standardDeviation(b))
}

test('the spread of Sharpe ratios and the mean of all correlations, pair by pair', () => {
  const trials = noise(1, 6, 50)
  trials[4] = trials[4]!.map((x, i) => x + 2 * trials[2]![i]!)
  const found = trialSpread(trials)
  const sharpes = trials.map((trial) => mean(trial) / standardDeviation(trial))
  expect(found.sharpeStd).toEqual({ value: expect.closeTo(standardDeviation(sharpes), 12) })
  const pairs = trials.flatMap((a, k) => trials.slice(k + 1).map((b) => correlation(a, b)))
  expect(found.correlation).toEqual({ value: expect.closeTo(mean(pairs), 12) })
})

test('one that stands still has the ratio 0 and goes along with nobody', () => {
  const moving = noise(2, 3, 30)
  const found = trialSpread([...moving, Array(30).fill(0)])
  expect(found.sharpes[3]).toBe(0)
  const pairs = [
    [0, 1],
    [0, 2],
    [1, 2],
  ].map(([a, b]) => correlation(moving[a!]!, moving[b!]!))
  const sum = pairs.reduce((all, r) => all + r, 0)
  expect(found.correlation).toEqual({ value: expect.closeTo(sum / 6, 12) })
})

test('periods that a trial lacks are left out and counted; too few give no figure', () => {
  const trials = noise(3, 3, 25)
  trials[1]![4] = Number.NaN
  const without = trials.map((trial) => trial.filter((_, i) => i !== 4))
  expect(trialSpread(trials)).toEqual({ ...trialSpread(without), lacking: 1 })
  const reason = (rows: number[][]) => trialSpread(rows).sharpeStd
  expect(reason(noise(3, 3, 19))).toEqual({ value: null, reason: '19 returns, fewer than 20' })
  expect(reason(noise(3, 1, 30))).toEqual({ value: null, reason: 'fewer than 2 trials have no spread' })
  expect(reason([...noise(3, 2, 30), Array(30).fill(0.01)])).toEqual({
    value: null,
    reason: '1 of the trials have constant returns',
  })
})
