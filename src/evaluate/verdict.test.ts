import { describe, expect, test } from 'vitest'
import { type Evidence, skillDoubt, threshold, verdictOf } from './verdict.js'

/** 24 sessions of a model on a market, that nothing speaks against. */
const good: Evidence = {
  pnl: 312.4,
  trades: 80,
  cost: 41,
  t: { value: 3.1 },
  sessions: 24,
  trials: 1,
  seen: [],
  fill: 'open',
  sources: ['ib'],
  missing: 0.01,
  average: 200,
}
const few = { value: null, reason: '8 sessions, fewer than 20' } as const
const seen = 'the model has seen sessions up to 2025-07-01: only a result on later ones counts'

describe('a verdict', () => {
  const cases: [string, Partial<Evidence>, boolean, boolean, string[]][] = [
    ['a clear gain', {}, true, true, ['t 3.10 over 24 sessions is above 2.07']],
    [
      'the best of ten trials',
      { trials: 10 },
      true,
      true,
      ['t 3.10 over 24 sessions is above 3.09, for the best of 10 trials'],
    ],
    [
      'the best of twenty trials',
      { trials: 20 },
      true,
      false,
      ['no evidence of skill: t 3.10 over 24 sessions is not above 3.38, for the best of 20 trials'],
    ],
    ['no training', { trials: null }, true, true, ['t 3.10 over 24 sessions is above 2.07']],
    [
      'a gain by chance',
      { t: { value: 1.2 } },
      true,
      false,
      ['no evidence of skill: t 1.20 over 24 sessions is not above 2.07'],
    ],
    [
      'too few sessions',
      { sessions: 8, t: few },
      true,
      false,
      ['no evidence of skill: 8 sessions, fewer than 20'],
    ],
    [
      'a loss',
      { pnl: -12.3, t: { value: -4 } },
      false,
      false,
      ['it lost $12.30 net of costs', 'no evidence of skill: t -4.00 over 24 sessions is not above 2.07'],
    ],
    [
      'no trades',
      { pnl: 0, cost: 0, trades: 0, t: { value: null, reason: 'the sessions are all alike' } },
      false,
      false,
      ['no evidence of skill: there were no trades'],
    ],
    ['sessions that the model has seen', { seen: [seen] }, true, false, [seen]],
    [
      'fills at the close',
      { fill: 'close' },
      true,
      false,
      ['fills at the close of the decision bar: not executable'],
    ],
    ['no costs', { cost: 0 }, true, false, ['no costs were charged']],
    [
      'generated bars',
      { sources: ['mock'] },
      true,
      false,
      ['generated bars (mock) prove nothing about a market'],
    ],
    [
      'holes',
      { missing: 0.123 },
      true,
      false,
      ['12.3 % of the bars of the calendar are missing, more than 5 %'],
    ],
    [
      'skill that earns less than a moving average',
      { average: 312.5 },
      true,
      true,
      ['t 3.10 over 24 sessions is above 2.07', 'a moving average earned more: sma-cross $312.50'],
    ],
    [
      'no skill, and less than a moving average',
      { cost: 0, average: 312.5 },
      true,
      false,
      ['no costs were charged', 'a moving average earned more: sma-cross $312.50'],
    ],
    [
      'everything at once, in its order',
      { pnl: -1, cost: 0, sessions: 8, t: few, seen: [seen], fill: 'close', sources: ['sim'], missing: 0.5 },
      false,
      false,
      [
        'it lost $1.00 net of costs',
        'no evidence of skill: 8 sessions, fewer than 20',
        seen,
        'fills at the close of the decision bar: not executable',
        'no costs were charged',
        'generated bars (sim) prove nothing about a market',
        '50.0 % of the bars of the calendar are missing, more than 5 %',
      ],
    ],
  ]
  test.each(cases)('%s', (_title, more, earned, believable, reasons) => {
    expect(verdictOf({ ...good, ...more })).toEqual({ earned, believable, reasons })
  })
})

test('the threshold rises with the trials and falls with the sessions', () => {
  // Hand-worked: 1 - 0.95^(1/20) = 0.0025614, half of it above 3.27 of 30 and 3.02 of the normal.
  expect(threshold(21, null)).toBeCloseTo(2.086, 3)
  expect(threshold(21, 1)).toBe(threshold(21, null))
  expect(threshold(100_000, 20)).toBeCloseTo(3.016, 2)
  const rising = [1, 2, 5, 10, 100, 1000].map((trials) => threshold(24, trials))
  expect(rising).toEqual([...rising].sort((a, b) => a - b))
  const falling = [20, 40, 80, 500].map((sessions) => threshold(sessions, 5))
  expect(falling).toEqual([...falling].sort((a, b) => b - a))
})

test('one level for all trials: the doubt of a summary and its verdict agree', () => {
  for (let t = 0; t < 5; t += 0.1)
    for (const trials of [null, 1, 3, 50]) {
      const evidence = { ...good, t: { value: t }, trials }
      expect(verdictOf(evidence).believable).toBe(skillDoubt(evidence) === null)
    }
})
