import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { permutationP } from './baselines.js'
import { parseReturns } from './return-rows.js'
import { seriesFigures } from './series-figures.js'

const golden = JSON.parse(readFileSync('test/fixtures/stats/returns_daily.json', 'utf8'))
const returns: number[] = golden.returns
const { empyrical, numpy } = golden.expected
const known = JSON.parse(readFileSync('test/fixtures/stats/evidence.json', 'utf8')).series.daily

test('against empyrical, numpy and scipy, 504 daily returns', () => {
  const found = seriesFigures(returns, {
    trials: known.trials,
    trialSharpeStd: known.trial_sharpe_std,
    trialCorrelation: known.trial_correlation,
  })
  const expected = {
    n: 504,
    total_return: empyrical.total_return,
    annual_return: empyrical.annual_return,
    mean: numpy.mean,
    volatility: empyrical.annual_volatility,
    sharpe: empyrical.sharpe,
    sharpe_period: empyrical.sharpe / Math.sqrt(252),
    sortino: empyrical.sortino,
    calmar: empyrical.calmar,
    max_drawdown: empyrical.max_drawdown,
    max_drawdown_periods: numpy.longest_dd_bars,
    var95_hist: empyrical.var_5pct,
    cvar95_hist: empyrical.cvar_5pct,
    skew: known.skew,
    kurtosis: known.kurtosis,
    hit_rate: numpy.hit_rate_nonzero,
    profit_factor: numpy.profit_factor,
    psr: known.psr,
    psr_h0: known.psr_h0,
    dsr: known.dsr_ffn,
    dsr_null_var: known.dsr_null_var,
    dsr_neff: known.dsr_neff,
    min_trl: known.min_trl,
  }
  for (const [key, value] of Object.entries(expected))
    expect([key, found[key as keyof typeof expected]]).toEqual([key, expect.closeTo(value, 10)])
  expect(found.reasons).toEqual({})
})

describe('where there is no figure', () => {
  test('trials that nobody counted, and a spread that nobody knows', () => {
    const none = seriesFigures(returns)
    expect([none.dsr, none.dsr_null_var, none.sharpe_expected_max]).toEqual([null, null, null])
    expect(none.reasons.dsr).toBe('the number of trials is not given')
    const counted = seriesFigures(returns, { trials: 40 })
    expect(counted.dsr_null_var).toBeCloseTo(known.dsr_null_var, 10)
    expect(counted.reasons).toEqual({
      sharpe_expected_max: 'the spread of the Sharpe ratios of the trials is not given',
      dsr: 'the spread of the Sharpe ratios of the trials is not given',
      dsr_neff: 'the spread of the Sharpe ratios of the trials is not given',
    })
  })

  test('one trial is not deflated', () => {
    const { psr, dsr, dsr_neff, dsr_null_var, sharpe_expected_max } = seriesFigures(returns, { trials: 1 })
    expect([dsr, dsr_neff, dsr_null_var, sharpe_expected_max]).toEqual([psr, psr, psr, 0])
  })

  test('few, constant and losing returns', () => {
    const few = seriesFigures(returns.slice(0, 19), { trials: 2, trialSharpeStd: 0.1 })
    expect([few.psr, few.reasons.psr]).toEqual([null, '19 returns, fewer than 20'])
    expect(few.sharpe_expected_max).not.toBeNull()
    const still = seriesFigures(Array(30).fill(0))
    expect([still.max_drawdown, still.sharpe_ci95]).toEqual([0, null])
    expect(still.reasons).toMatchObject({
      sharpe: 'the returns are constant',
      skew: 'the returns are constant',
      hit_rate: 'no return differs from 0',
    })
    const lost = seriesFigures(returns.map((r) => -r))
    expect(lost.reasons.min_trl).toBe('the Sharpe ratio is not above 0')
  })

  test('what is no return is no period', () => {
    expect(() => seriesFigures([0.01, Number.NaN])).toThrow('return 2: expected a finite number, got NaN')
    expect(() => seriesFigures([0.01, -1.5])).toThrow('return 2: expected -1 or more, got -1.5')
  })
})

describe('rows', () => {
  const read = (text: string) => {
    const { returns, from, to } = parseReturns(text, 'r')
    return [[...returns], from, to]
  }
  const rows = '{"time":"2025-07-29","return":0.01}\n{"time":"2025-07-30","return":-0.02}\n'

  test.each([
    ['numbers', '0.01\n\n-2e-2\r\n', null, null],
    ['an array', '[0.01,\n -0.02]', null, null],
    ['objects', rows, '2025-07-29', '2025-07-30'],
    ['an array of objects', `[${rows.trim().replace('\n', ',')}]`, '2025-07-29', '2025-07-30'],
    ['CSV', '\ufeffdate,Return,note\n2025-07-29,0.01,a\n2025-07-30,"-0.02",b\n', '2025-07-29', '2025-07-30'],
    ['CSV of one column', 'return\n0.01\n-0.02\n', null, null],
    [
      'epochs',
      '{"time":1753795800000,"return":0.01}\n{"time":1753882200000,"return":-0.02}',
      '1753795800000',
      '1753882200000',
    ],
  ])('%s', (_title, text, from, to) => {
    expect(read(text)).toEqual([[0.01, -0.02], from, to])
  })

  test.each([
    ['0.01\nNaN\n', 'r:2: return: expected a number, got "NaN"'],
    ['0.01\nnull\n', 'r:2: return: expected a number, got "null"'],
    ['[0.01,null]', 'r: element 2: return: expected a number, got null'],
    ['{"return":"0.01"}', 'r:1: return: expected a number, got "0.01"'],
    ['{"time":"2025-07-29"}', 'r:1: return: is missing'],
    ['{"return":1e999}', 'r:1: return: expected a finite number, got Infinity'],
    ['0.5\n-1.2\n', 'r:2: return: expected -1 or more, got -1.2'],
    ['{"return":0.1,"return":0.2}', 'r:1: key "return" stands twice'],
    [
      '{"time":"2025-07-30","return":0.1}\n{"time":"2025-07-30","return":0.1}',
      'r:2: time: "2025-07-30" is not after "2025-07-30" of the row before',
    ],
    [`${rows}0.03\n`, 'r:3: time: is missing, and the rows before have one'],
    [`0.03\n${rows}`, 'r:2: time: the rows before have none'],
    ['{"time":"soon","return":0.1}', 'r:1: time: expected a time'],
    ['date,return\n2025-07-30\n', 'r:2: expected 2 cells, got 1'],
    ['date,return,return\n', 'r:1: column return stands twice'],
    ['[0.1', 'r: is not a JSON array'],
    ['\n \n', 'r: has no returns'],
    ['[]', 'r: has no returns'],
    ['return\n', 'r: has no returns'],
  ])('%j is refused', (text, message) => {
    let said = ''
    try {
      parseReturns(text, 'r')
    } catch (error) {
      const { where, message: words } = error as { where: string; message: string }
      said = `${where}: ${words}`
    }
    expect(said.slice(0, message.length)).toBe(message)
  })
})

test('a permutation p-value by hand: 2 of 9 reach 3, so 3 of 10; never 0', () => {
  const sorted = Float64Array.from([-4, -3, -2, -1, 0, 1, 2, 3, 5])
  expect(permutationP(sorted, 3)).toBe(0.3)
  expect(permutationP(sorted, 6)).toBe(0.1)
  expect(permutationP(sorted, -9)).toBe(1)
})

test('returns too large for a number have no figure made from them, and a reason beside each', () => {
  const figures = seriesFigures([...Array(5).fill(1e200), ...Array(20).fill([0.1, -0.1]).flat()])
  const absent = [
    'total_return',
    'annual_return',
    'volatility',
    'sharpe',
    'calmar',
    'max_drawdown',
    'psr',
    'skew',
  ]
  for (const key of absent) {
    expect([key, figures[key as keyof typeof figures]]).toEqual([key, null])
    expect(figures.reasons[key]).toBe('the returns are too large for a number')
  }
  expect(figures.var95_hist).toBe(-0.1)
})
