import { expect, test } from 'vitest'
import { commissionOf, DEFAULT_COSTS, feesOf, fillable, slippageOf } from './costs.js'

test.each([
  // 10 x 0.0035 is below the least; 1,000 shares are above it.
  ['ib-tiered', 10, 100, 0.35],
  ['ib-tiered', 1000, 10, 3.5],
  // 1 % of $20 is less than the least amount, and is what is charged.
  ['ib-tiered', 10, 2, 0.2],
  ['ib-fixed', 100, 50, 1],
  ['ib-fixed', 500, 20, 2.5],
  ['ib-fixed', 1000, 0.25, 2.5],
  ['none', 1000, 100, 0],
] as const)('%s: %i shares at %d cost %d', (schedule, shares, price, expected) => {
  expect(commissionOf(schedule, shares, price)).toBeCloseTo(expected, 12)
})

test('fees are commission, a charge by value, and a penalty on the mean price', () => {
  const costs = { ...DEFAULT_COSTS, costBps: 2, tradePenaltyBps: 5 }
  // 0.35 + 10 x 100 x 0.0002 + 10 x 300 x 0.0005
  expect(feesOf(costs, 10, 100, 300)).toBeCloseTo(0.35 + 0.2 + 1.5, 12)
})

test('a cap on participation lets whole shares through, or parts', () => {
  const costs = { ...DEFAULT_COSTS, participation: 0.01 }
  expect(fillable(costs, 10, 550, false)).toBe(5)
  expect(fillable(costs, 10, 550, true)).toBeCloseTo(5.5, 12)
  expect(fillable(costs, 5, 550, false)).toBe(5)
  expect(fillable(DEFAULT_COSTS, 10, 0, false)).toBe(10)
})

test('impact goes with the square root of the part of the volume, at most all of it', () => {
  const costs = { ...DEFAULT_COSTS, halfSpreadBps: 1, impactBps: 10 }
  expect(slippageOf(costs, 25, 100, 100)).toBeCloseTo(100 * (1 + 10 * 0.5) * 1e-4, 12)
  expect(slippageOf(costs, 500, 100, 100)).toBeCloseTo(100 * 11e-4, 12)
  expect(slippageOf(costs, 5, 100, 0)).toBeCloseTo(100 * 11e-4, 12)
})
