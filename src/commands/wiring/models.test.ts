import { describe, expect, test } from 'vitest'
import type { DataSpan, SeenSpan } from '../../agent/model/model.js'
import { ACTION_TARGETS } from '../../agent/model/policy.js'
import type { Context } from '../../cli/context.js'
import { actionMask } from '../../env/actions.js'
import { DEFAULT_RULES, storedRules } from '../../trading/rules.js'
import { followModel, type LoadedModel, seenNotes, seenTo } from './models.js'

/** A model trained from 1 to 10 March, validated until 15, after those before it. */
const trained = (before?: readonly SeenSpan[]): LoadedModel => {
  const data: DataSpan = {
    sha256: '',
    symbols: ['NVDA', 'MSFT'],
    sources: ['x'],
    train: ['2025-03-01', '2025-03-10'],
    validation: ['2025-03-11', '2025-03-15'],
    ...(before === undefined ? {} : { before }),
  }
  return { path: 'm', sha256: '', model: { data } as LoadedModel['model'] }
}

describe('sessions that a model has seen, itself or as one that it started from', () => {
  const JUNE: SeenSpan = ['2025-06-01', '2025-06-30']
  const JANUARY: SeenSpan = ['2025-01-01', '2025-01-31']
  test.each<[before: readonly SeenSpan[] | undefined, from: string, to: string, last: string | null]>([
    [undefined, '2025-03-16', '2025-07-01', null],
    [undefined, '2025-03-15', '2025-07-01', '2025-03-15'],
    [undefined, '2025-01-01', '2025-02-28', null],
    [[JUNE], '2025-03-16', '2025-05-31', null],
    [[JUNE], '2025-03-16', '2025-06-01', '2025-06-30'],
    [[JUNE], '2025-03-01', '2025-07-01', '2025-06-30'],
    [[JUNE], '2025-07-01', '2025-08-01', null],
    [[JANUARY, JUNE], '2025-01-15', '2025-02-01', '2025-01-31'],
    [[JANUARY, null], '2025-07-01', '2025-08-01', null],
  ])('after %j, from %s to %s: %s', (before, from, to, last) => {
    expect(seenTo(trained(before), from, to)).toBe(last)
    expect(seenNotes(trained(before), from, to)).toEqual([
      ...(last === null
        ? []
        : [`the model has seen sessions up to ${last}: only a result on later ones counts`]),
      ...(before?.includes(null)
        ? ['the model it started from does not say which sessions it has seen']
        : []),
    ])
  })
})

describe('a model that holds what no option would take is refused by the name of the option', () => {
  type Stored = ReturnType<typeof storedRules>
  const stored = (change: (rules: Stored) => unknown): unknown => {
    const rules = JSON.parse(JSON.stringify(storedRules(DEFAULT_RULES))) as Stored
    return change(rules) ?? rules
  }
  const put = (value: unknown, ...names: readonly string[]) =>
    stored((rules) => {
      let at = rules as unknown as Record<string, Record<string, unknown>>
      for (const name of names.slice(0, -1)) at = at[name] as unknown as typeof at
      Object.assign(at, { [names.at(-1)!]: value })
    })
  test.each<[rules: unknown, problem: string]>([
    [null, 'rules: got null'],
    ['x', 'rules: got null'],
    [{}, 'rules: got null'],
    [put(null, 'costs'), 'rules: got null'],
    [put([], 'limits'), 'max-day-loss: expected a number, got "undefined"'],
    [put(null, 'capital'), 'capital: expected a number, got "null"'],
    [put('5000', 'capital'), 'capital: got "5000"'],
    [put(-1e308, 'capital'), 'capital: expected 0.01 to 1000000000000, got -1e+308'],
    [put(1.5, 'shares'), 'shares: expected a whole number, got "1.5"'],
    [put('no', 'fractional'), 'fractional: got "no"'],
    [put('never', 'fill'), 'fill: expected one of open, close, got "never"'],
    [
      put('__proto__', 'costs', 'commission'),
      'commission: expected one of ib-tiered, ib-fixed, none, got "__proto__"',
    ],
    [put(-500, 'costs', 'halfSpreadBps'), 'half-spread-bps: expected 0 to 10000, got -500'],
    [put(-3, 'costs', 'participation'), 'participation: expected 0.000001 to 1, got -3'],
    [put('x', 'limits', 'maxLeverage'), 'max-leverage: expected a number, got "x"'],
    [put(7, 'maxDrawdownFraction'), 'max-drawdown: expected 0 to 1, got 7'],
  ])('%j', (rules, problem) => {
    const spec = { features: null, mask: [1], actions: null }
    const loaded = { path: 'm', model: { spec, settings: { rules } } } as unknown as LoadedModel
    const context = { settings: new Map() } as unknown as Context
    const follow = () => followModel(context, {} as Parameters<typeof followModel>[1], loaded)
    expect(follow).toThrow(
      expect.objectContaining({
        code: 65,
        where: 'm',
        message: `what it was trained by is damaged: ${problem}`,
      }),
    )
  })
})

test('every rule that a model holds stands for the option that is not set', () => {
  const { costs, limits } = DEFAULT_RULES
  const rules = storedRules({
    ...DEFAULT_RULES,
    ...{ capital: 9000, maxPosition: 700, shares: 3, fractional: true, fill: 'close', maxDrawdown: 0.2 },
    costs: {
      ...costs,
      ...{
        commission: 'none',
        costBps: 1,
        tradePenaltyBps: 2,
        halfSpreadBps: 3,
        impactBps: 4,
        participation: 0.5,
      },
    },
    limits: { ...limits, maxDayLoss: 20, maxLoss: 40, flatBeforeCloseMs: null, maxLeverage: 2 },
  })
  const spec = {
    features: { set: 'classic', columns: [] },
    mask: [...actionMask(true)],
    actions: ACTION_TARGETS,
  }
  const loaded = { path: 'm', sha256: '', model: { spec, settings: { rules } } } as unknown as LoadedModel
  const context = { settings: new Map() } as unknown as Context
  const { given, notes } = followModel(context, {} as Parameters<typeof followModel>[1], loaded)
  expect([given, notes]).toEqual([
    {
      ...{ capital: 9000, 'max-position': 700, shares: 3, fractional: true, fill: 'close' },
      ...{ commission: 'none', 'cost-bps': 1, 'trade-penalty-bps': 2, 'half-spread-bps': 3, 'impact-bps': 4 },
      ...{ participation: 0.5, 'no-limits': false, overnight: true, 'max-day-loss': 20, 'max-loss': 40 },
      ...{ 'max-drawdown': 0.2, 'max-leverage': 2, features: 'classic', 'long-only': true },
    },
    [],
  ])
})
