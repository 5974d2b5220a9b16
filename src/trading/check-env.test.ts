import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { Failure } from '../base/errors.js'
import { stream } from '../base/rng.js'
import type { FeatureSet } from '../env/feature-set.js'
import { FEATURE_SETS } from '../env/features.js'
import { Market } from '../market/market.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { NO_LIMITS } from '../risk/limits.js'
import { checkEnv } from './check-env.js'
import { RECORD_CHECKS } from './check-records.js'
import { buyHold } from './policies.js'
import type { Policy } from './policy.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import type { TradingState } from './state.js'
import { Transition } from './step.js'

const market = randomMarket({ sessions: 3, seed: 5 })
const holed = randomMarket({ sessions: 4, seed: 6, gaps: 0.05 })

const failed = (rules: Rules, more: Partial<Parameters<typeof checkEnv>[0]> = {}) =>
  [
    ...checkEnv({ market, set: FEATURE_SETS[0]!, rules, longOnly: false, warmup: 50, seed: 3, ...more }),
  ].filter(({ problem }) => problem !== null)

describe('the environment passes its checks', () => {
  const cases: [string, Rules, Partial<Parameters<typeof checkEnv>[0]>?][] = [
    ['with the defaults', DEFAULT_RULES],
    ['long only', DEFAULT_RULES, { longOnly: true }],
    ['with classic features and no warm-up', DEFAULT_RULES, { set: FEATURE_SETS[1]!, warmup: 0 }],
    ['with fills at the close', { ...DEFAULT_RULES, fill: 'close' }],
    ['without limits', { ...DEFAULT_RULES, limits: NO_LIMITS }],
    [
      'with tight limits',
      { ...DEFAULT_RULES, limits: { ...DEFAULT_RULES.limits, maxDayLoss: 3, maxLoss: 8 } },
    ],
    ['on bars with holes', DEFAULT_RULES, { market: holed }],
    [
      'with partial fills, impact and parts of shares',
      {
        ...DEFAULT_RULES,
        fractional: true,
        costs: { ...DEFAULT_COSTS, participation: 0.002, impactBps: 20 },
      },
      { market: holed },
    ],
  ]
  test.each(cases)('%s', (_title, rules, more = {}) => {
    expect(failed(rules, more)).toEqual([])
  })
})

describe('a broken environment is found out', () => {
  const leaky: FeatureSet = {
    ...FEATURE_SETS[0]!,
    start: (source, symbol) => ({
      row: (t, out, offset) => {
        // The close after next to come, where there is one.
        out.fill(source.close[symbol]![Math.min(t + 1, source.length - 1)]! / 1000, offset, offset + 12)
      },
      save: () => [],
      restore: () => {},
    }),
  }

  test('features that look one bar ahead', () => {
    expect(failed(DEFAULT_RULES, { set: leaky }).map(({ name }) => name)).toEqual([
      'features of the whole market equal those bar by bar',
      'bars after a decision change nothing up to it',
    ])
  })

  test.each([
    [
      'a fill that forgets its fees',
      'execute',
      'cash + positions = equity, explained by fills, costs and moves',
    ],
    [
      'a guard that is not asked',
      'decide',
      'orders keep the position limit, and only reduce after a loss limit',
    ],
  ] as const)('%s', (_title, method, name) => {
    const original = Transition.prototype[method] as (...args: never[]) => void
    const broken = function (this: Transition, state: TradingState, ...args: never[]) {
      original.call(this, state as never, ...args)
      if (method === 'execute') this.outcome.fees.fill(0)
      else {
        this.outcome.ordered[0] = 40
        this.outcome.order[0] = state.orders.send(0, 40, 0, 40, 100, 1)
      }
    }
    Object.assign(Transition.prototype, { [method]: broken })
    try {
      expect(failed(DEFAULT_RULES).map((check) => check.name)).toContain(name)
    } finally {
      Object.assign(Transition.prototype, { [method]: original })
    }
  })
})

test('a policy is run in it, and what it breaks has its name', () => {
  const nan: Policy = { name: 'mine', observes: false, act: () => Number.NaN }
  expect(() => failed(DEFAULT_RULES, { policy: nan })).toThrow(RangeError)
  const lost: Policy = {
    name: 'mine',
    observes: false,
    act: () => {
      throw new Failure('bug', 'a logit of NaN')
    },
  }
  expect(failed(DEFAULT_RULES, { policy: lost })).toEqual([
    { name: 'mine: decides at every bar', problem: 'a logit of NaN' },
  ])
  const names = [
    ...checkEnv({
      market: holed,
      set: FEATURE_SETS[0]!,
      rules: DEFAULT_RULES,
      longOnly: false,
      warmup: 50,
      seed: 3,
      policy: buyHold,
    }),
  ].map(({ name, problem }) => `${problem ?? 'ok'} ${name}`)
  for (const check of RECORD_CHECKS) {
    expect(names).toContain(`ok buy-hold: ${check}`)
    expect(names).toContain(`ok random: ${check}`)
  }
})

test('bars that one symbol has alone break nothing', () => {
  const rng = stream(11, 'halts')
  const bars = new Market(['NVDA', 'MSFT'], '1m')
  for (let i = 0; i < market.length; i++) {
    const numbers = [0, 1].map((k) =>
      [market.open, market.high, market.low, market.close, market.volume].map((column) => column[k]![i]!),
    )
    const time = market.time[i]!
    const halted = i % 100 > 80 ? i % 2 : -1
    if (halted < 0 || rng.uniform() < 0.1) bars.append(time, numbers.flat())
    else bars.alone[1 - halted]!.append(time, numbers[1 - halted]!)
  }
  expect(bars.alone[0].length).toBeGreaterThan(20)
  const tight = { ...DEFAULT_RULES, limits: { ...DEFAULT_RULES.limits, maxDayLoss: 3, maxLoss: 8 } }
  for (const rules of [DEFAULT_RULES, tight]) expect(failed(rules, { market: bars })).toEqual([])
})
