import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mean, standardDeviation } from '../base/moments.js'
import * as metrics from './metrics.js'

const golden = JSON.parse(readFileSync('test/fixtures/stats/returns_daily.json', 'utf8'))
const returns: number[] = golden.returns
const { empyrical, numpy } = golden.expected

describe('against empyrical and numpy, 504 daily returns', () => {
  const curve = [1]
  for (const r of returns) curve.push(curve.at(-1)! * (1 + r))
  const cases: [string, number | metrics.Figure, number][] = [
    ['mean', mean(returns), numpy.mean],
    ['standard deviation', standardDeviation(returns), numpy.std_ddof1],
    ['total return', metrics.totalReturn(returns), empyrical.total_return],
    ['annual return', metrics.annualReturn(returns), empyrical.annual_return],
    ['volatility', metrics.volatility(returns), empyrical.annual_volatility],
    ['Sharpe', metrics.sharpe(returns), empyrical.sharpe],
    ['Sortino', metrics.sortino(returns), empyrical.sortino],
    ['largest drawdown', -metrics.maxDrawdown(curve).fraction, empyrical.max_drawdown],
    ['duration of drawdown', metrics.maxDrawdown(curve).duration, numpy.longest_dd_bars],
    ['Calmar', metrics.calmar(returns, metrics.maxDrawdown(curve)), empyrical.calmar],
    ['VaR', metrics.valueAtRisk(returns), empyrical.var_5pct],
    ['CVaR', metrics.conditionalValueAtRisk(returns), empyrical.cvar_5pct],
    ['profit factor', metrics.profitFactor(returns), numpy.profit_factor],
    ['hit rate', metrics.hitRate(returns), numpy.hit_rate_nonzero],
  ]
  test.each(cases)('%s', (_name, found, expected) => {
    const value = typeof found === 'number' ? found : found.value
    expect(value).not.toBeNull()
    expect(Math.abs(value! - expected)).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected)))
  })
})

describe('samples that support no figure', () => {
  const reason = (figure: metrics.Figure) => (figure.value === null ? figure.reason : figure.value)
  test('fewer than 20 returns', () => {
    for (const figure of [
      metrics.sharpe,
      metrics.sortino,
      metrics.annualReturn,
      metrics.volatility,
      metrics.valueAtRisk,
    ]) {
      expect(reason(figure(returns.slice(0, 19)))).toBe('19 returns, fewer than 20')
      expect(typeof reason(figure(returns.slice(0, 20)))).toBe('number')
    }
  })

  test('constant returns, no loss, no trade', () => {
    expect(reason(metrics.sharpe(Array(30).fill(0.001)))).toBe('the returns are constant')
    expect(reason(metrics.sharpe(Array(30).fill(0)))).toBe('the returns are constant')
    expect(reason(metrics.sortino(Array(30).fill(0.001)))).toBe('no return is below 0')
    expect(reason(metrics.calmar(Array(30).fill(0.001), metrics.maxDrawdown([1, 2])))).toBe(
      'there was no drawdown',
    )
    expect(reason(metrics.profitFactor([]))).toBe('there were no trades')
    expect(reason(metrics.profitFactor([1]))).toBe('nothing was lost')
    expect(reason(metrics.hitRate([0]))).toBe('there were no trades with a result')
    expect(reason(metrics.annualReturn(Array(30).fill(-1)))).toBe('everything was lost')
  })

  test('t by hand: ten sessions of 1 and ten of 3 have mean 2, s^2 = 20/19, t = 2 sqrt(19)', () => {
    const values = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 1 : 3))
    expect(reason(metrics.tStatistic(values))).toBeCloseTo(2 * Math.sqrt(19), 12)
    expect(reason(metrics.tStatistic(values.slice(1)))).toBe('19 sessions, fewer than 20')
    expect(reason(metrics.tStatistic(Array(30).fill(1)))).toBe('the sessions are all alike')
  })

  test('a drawdown by hand: 100, 120, 90, 110, 121', () => {
    expect(metrics.maxDrawdown([100, 120, 90, 110, 121])).toEqual({
      fraction: 0.25,
      dollars: 30,
      duration: 2,
    })
  })
})
