import { describe, expect, test } from 'vitest'
import { FIGURE_NAMES, GATES, judged, requirements } from './requirements.js'

const summary = {
  command: 'evaluate',
  pnl: 1200,
  pnl_at_cost: { '1x': 1200, '2x': -3 },
  max_drawdown: 0.013,
  trades: 140,
  windows_positive: 0.6,
  dsr: null,
  reasons: { dsr: 'the spread of the trials is not known' },
}

test.each([
  ['pnl>1000', true, 'met: pnl > 1000: it is 1200'],
  ['pnl>=1200', true, 'met: pnl >= 1200: it is 1200'],
  ['pnl>1200', false, 'not met: pnl > 1200: it is 1200'],
  ['net_pnl<1e4', true, 'met: pnl < 10000: it is 1200'],
  ['net_pnl_2x_cost>0', false, 'not met: net_pnl_2x_cost > 0: it is -3'],
  ['maxdd<0.02', true, 'met: maxdd < 0.02: it is 0.013'],
  [' Max_Drawdown <= .013 ', true, 'met: maxdd <= 0.013: it is 0.013'],
  ['trades>100', true, 'met: trades > 100: it is 140'],
  ['windows_positive>0.6', false, 'not met: windows_positive > 0.6: it is 0.6'],
  ['dsr>0.95', false, 'not met: dsr > 0.95: the spread of the trials is not known'],
  ['uptime>0.99', false, 'not met: uptime > 0.99: evaluate has no such figure'],
])('%s: %s', (text, pass, reason) => {
  expect(judged(requirements(text), summary)).toEqual({ pass, reasons: [reason] })
})

test('all must be met, and each is said', () => {
  const verdict = judged(requirements('pnl>1000,trades>100,dsr>0.95'), summary)
  expect(verdict.pass).toBe(false)
  expect(verdict.reasons.map((reason) => reason.split(':')[0])).toEqual(['met', 'met', 'not met'])
})

test('a drawdown is a part that was lost, whichever sign a summary gives it', () => {
  expect(judged(requirements('maxdd<0.02'), { max_drawdown: -0.13 }).pass).toBe(false)
  expect(judged(requirements('maxdd<0.02'), { max_drawdown: -0.01 }).pass).toBe(true)
})

test('what is no number is never met, whatever is asked', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '1200', true, [1200], undefined]) {
    for (const operator of ['>', '>=', '<', '<='])
      expect(judged(requirements(`pnl${operator}0`), { pnl: value }).pass).toBe(false)
  }
})

test('a value near its bound is shown with the digits that tell them apart', () => {
  const [reason] = judged(requirements('dsr>0.95'), { dsr: 0.950000001 }).reasons
  expect(reason).toBe('met: dsr > 0.95: it is 0.950000001')
})

describe('the gate demo', () => {
  const demo = requirements(GATES.demo)
  test.each([
    [{ pnl: 1000, max_drawdown: 0.02, uptime: 0.991 }, true],
    [{ pnl: 999.99, max_drawdown: 0.02, uptime: 0.991 }, false],
    [{ pnl: 1000, max_drawdown: 0.0201, uptime: 0.991 }, false],
    [{ pnl: 1000, max_drawdown: 0.02, uptime: 0.99 }, false],
    [{ pnl: 1000, max_drawdown: 0.02 }, false],
  ])('%o: %s', (figures, pass) => {
    expect(judged(demo, figures).pass).toBe(pass)
  })
})

test.each([
  ['', 'expected FIGURE>NUMBER'],
  ['dsr', 'expected FIGURE>NUMBER'],
  ['dsr=1', 'expected FIGURE>NUMBER'],
  ['dsr>0.95,', 'expected FIGURE>NUMBER'],
  ['dsr>>1', 'dsr: expected a number, got ">1"'],
  ['dsr>1x', 'dsr: expected a number, got "1x"'],
  ['dsr>1e999', 'dsr: expected a number, got "1e999"'],
  ['drs>1', 'no figure is called "drs"'],
  ['__proto__>1', 'no figure is called "__proto__"'],
  ['constructor<1', 'no figure is called "constructor"'],
])('%s is refused', (text, words) => {
  expect(() => requirements(text)).toThrow(expect.objectContaining({ code: 64 }))
  expect(() => requirements(text)).toThrow(words)
})

test.each([
  [{ dsr: Number.POSITIVE_INFINITY }, 'it is no finite number: Infinity'],
  [{ dsr: '0.99' }, 'it is no finite number: "0.99"'],
  [{ dsr: null, command: { toString: 1 } }, 'this summary has no such figure'],
  [{ reasons: { dsr: { toString: 1 } }, command: 'paper' }, 'paper has no such figure'],
  [{ reasons: { dsr: 'no trials' } }, 'no trials'],
])('of %o: %s', (summary, why) => {
  const { pass, reasons } = judged(requirements('dsr>0.95'), summary)
  expect([pass, reasons]).toEqual([false, [`not met: dsr > 0.95: ${why}`]])
})

test('every figure can be asked for', () => {
  for (const name of FIGURE_NAMES) expect(requirements(`${name}>0`)[0]!.figure).toBe(name)
})
