import { expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { FeatureTable, featureSet } from '../env/features.js'
import { buyHold, smaCross } from '../trading/policies.js'
import type { Policy } from '../trading/policy.js'
import { DEFAULT_RULES } from '../trading/rules.js'
import { stitch } from './stitched.js'
import { rivalsOver, type Tested, testOn } from './tested.js'

const market = randomMarket({ sessions: 6, seed: 8, bps: 5 })
const testing = {
  market,
  features: (part: typeof market) => new FeatureTable(part, featureSet('intraday')!),
  rules: DEFAULT_RULES,
  longOnly: false,
  warmup: 50,
  pause: async () => {},
}
const days = market.sessions.map(({ day }) => day)

test('a stretch is traded as if the bars after it were not there', async () => {
  const one = await testOn(testing, { from: 2, to: 4 }, smaCross())
  expect(one.sessions.map(({ day }) => day)).toEqual(days.slice(2, 4))
  const cut = { ...testing, market: market.slice(0, market.sessions[4]!.first) }
  expect(await testOn(cut, { from: 2, to: 4 }, smaCross())).toEqual(one)
  // Two sessions of 390 bars; the last bar is only marked.
  expect([one.decisions, one.curve.length]).toEqual([779, 779])
  const sum = one.sessions.reduce((total, { pnl }) => total + pnl, 0)
  expect(one.pnl).toBeCloseTo(sum, 9)
  expect(one.curve.at(-1)).toBeCloseTo(sum, 9)
  expect(one.trades).toBeGreaterThan(10)
  expect(one.cost).toBeGreaterThan(0)
  expect(rivalsOver(testing, { from: 2, to: 4 })['sma-cross']).toBeCloseTo(one.pnl, 9)
})

test('the first stretch begins after the warm-up, and one without a decision is refused', async () => {
  expect((await testOn(testing, { from: 0, to: 1 }, buyHold)).decisions).toBe(390 - 50 - 1)
  const none = testOn({ ...testing, warmup: 389 }, { from: 0, to: 1 }, buyHold)
  await expect(none).rejects.toThrow('no decision')
})

test('sessions after a limit ended the run earn nothing, and count', async () => {
  const strict = { ...testing, rules: { ...DEFAULT_RULES, maxDrawdown: 1e-6 } }
  const one = await testOn(strict, { from: 1, to: 5 }, buyHold)
  expect(one.ending).toBe('max-drawdown')
  expect(one.sessions.map(({ day }) => day)).toEqual(days.slice(1, 5))
  expect(one.sessions.slice(1).map(({ pnl }) => pnl)).toEqual([0, 0, 0])
  expect(one.curve.length).toBe(4 * 390 - 1)
  expect(new Set(one.curve.subarray(one.decisions)).size).toBe(1)
})

test('a program decides in one stretch after the other, and is told no end', async () => {
  const ends: number[] = []
  const policy: Policy = { ...buyHold, isForeign: true, ended: (decisions) => ends.push(decisions) }
  for (const from of [1, 2]) await testOn(testing, { from, to: from + 1 }, policy)
  expect(ends).toEqual([])
})

test('a test ends with what a pause throws, after one more answer of a program', async () => {
  const answers: number[] = []
  const policy: Policy = {
    ...buyHold,
    isForeign: true,
    act: (decision) => {
      answers.push(decision.t)
      return buyHold.act(decision)
    },
  }
  const pause = async () => {
    if (answers.length === 3) throw new Error('interrupted')
  }
  await expect(testOn({ ...testing, pause }, { from: 1, to: 2 }, policy)).rejects.toThrow('interrupted')
  expect(answers).toEqual([390, 391, 392])
})

const tested = (pnl: readonly number[], curve: readonly number[], more: Partial<Tested> = {}): Tested => ({
  sessions: pnl.map((dollars, i) => ({ day: i, pnl: dollars })),
  curve: Float64Array.from(curve),
  pnl: pnl.reduce((sum, x) => sum + x, 0),
  trades: 4,
  decisions: curve.length,
  cost: 1,
  turnover: 100,
  ending: 'data',
  random: Float64Array.of(5, -1),
  ...more,
})

test('stretches follow each other, and what was tested twice counts by its mean', () => {
  const stitched = stitch(
    [
      { from: 5, tested: tested([-6], [2, -6]) },
      { from: 0, tested: tested([10, -4], [10, 6]) },
      { from: 0, tested: tested([20, 4], [20, 24], { trades: 8 }) },
    ],
    1000,
  )
  expect(stitched.sessions.map(({ pnl }) => pnl)).toEqual([15, 0, -6])
  expect([...stitched.equity]).toEqual([1000, 1015, 1015, 1009])
  expect(stitched).toMatchObject({ pnl: 9, trades: 6 + 4, decisions: 4, cost: 2, turnover: 200 })
  // Equity after each decision: 1015, 1015, 1017, 1009.
  expect([...stitched.random]).toEqual([-2, 10])
  expect(stitched.maxDrawdown).toEqual({ fraction: 8 / 1017, dollars: 8 })
})
