import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { leaningReturns } from '../../test/support/lehmer.js'
import { mean } from '../base/moments.js'
import { blockLength, bootstrapWork, stationaryBootstrap } from './bootstrap.js'
import { sharpe } from './metrics.js'

const vectors = JSON.parse(readFileSync('test/fixtures/stats/evidence.json', 'utf8'))
const daily: number[] = JSON.parse(readFileSync('test/fixtures/stats/returns_daily.json', 'utf8')).returns

test('block lengths are those of arch, and 1 where it has less', () => {
  for (const { seed, n, rho, arch } of vectors.block)
    expect(blockLength(leaningReturns(seed, n, rho))).toBeCloseTo(Math.max(1, arch), 9)
  expect(blockLength(daily)).toBe(1)
  expect(blockLength(Array(50).fill(0.01))).toBe(1)
})

describe('intervals', () => {
  const { daily_sharpe, ar_mean, ar } = vectors.interval
  test('are those of arch, as near as chance lets 4,000 resamples be', () => {
    const yearly = { sharpe: (sample: Float64Array) => sharpe(sample).value! }
    const { sharpe: found } = stationaryBootstrap(daily, yearly, { block: 1, resamples: 4000 }).intervals
    expect(Math.abs(found.low! - daily_sharpe[0])).toBeLessThan(0.12)
    expect(Math.abs(found.high! - daily_sharpe[1])).toBeLessThan(0.12)
    const leaning = leaningReturns(ar.seed, ar.n, ar.rho).map((x) => x + ar.shift)
    const of = (block: number) =>
      stationaryBootstrap(leaning, { mean }, { block, resamples: 4000 }).intervals.mean
    expect(Math.abs(of(8).low! - ar_mean[0])).toBeLessThan(2e-4)
    expect(Math.abs(of(8).high! - ar_mean[1])).toBeLessThan(2e-4)
    // Blocks of one value lose what leans on the one before.
    expect(of(1).high! - of(1).low!).toBeLessThan(0.6 * (ar_mean[1] - ar_mean[0]))
  })

  test('are the same for the same seed, and all that is asked for comes from one draw', () => {
    const all = stationaryBootstrap(daily, { mean, last: (sample) => sample.at(-1)! }, { resamples: 200 })
    const again = stationaryBootstrap(daily, { mean }, { resamples: 200 })
    expect(again.intervals.mean).toEqual(all.intervals.mean)
    const other = stationaryBootstrap(daily, { mean }, { resamples: 200, seed: 2 })
    expect(other.intervals.mean).not.toEqual(all.intervals.mean)
  })

  test('a statistic that some resamples lack has none', () => {
    const values = [...Array<number>(30).fill(0), 0.01]
    const { intervals } = stationaryBootstrap(
      values,
      { sharpe: (sample) => sharpe(sample).value ?? Number.NaN },
      { block: 1, resamples: 100 },
    )
    expect(intervals.sharpe).toMatchObject({ low: null })
    expect(intervals.sharpe).toHaveProperty('reason', expect.stringMatching(/^\d+ of 100 resamples/))
  })
})

test('a long series gives way before its blocks are known, and within each resample', () => {
  const values = new Float64Array(2 ** 19 + 1)
  expect(bootstrapWork(values.subarray(0, 2000), { mean }).next()).toEqual({ done: false, value: 0 })
  const parts = [...bootstrapWork(values, { mean }, { block: 4, resamples: 2 })]
  expect(parts).toEqual([0, 0, 0, 0.5, 0.5, 0.5])
})
