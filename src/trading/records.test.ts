import { describe, expect, test } from 'vitest'
import { actionOf, HOLD_BOTH } from '../env/actions.js'
import { Market } from '../market/market.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../risk/limits.js'
import { Backtest } from './backtest.js'
import { replay } from './policies.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES, type Rules } from './rules.js'

const FREE = { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 } as const
const LONG_FIRST = actionOf(1, 0)

/** Closes of the first symbol, which opens where it closed before; the second stays at 500. */
function market(start: string, closes: readonly number[]): Market {
  const made = new Market(['NVDA', 'MSFT'], '1m')
  let open = closes[0]!
  for (const [i, close] of closes.entries()) {
    const [high, low] = [Math.max(open, close), Math.min(open, close)]
    made.append(Date.parse(start) + i * 60_000, [open, high, low, close, 9, 500, 500, 500, 500, 9])
    open = close
  }
  return made
}

function records(bars: Market, actions: readonly number[], more: Partial<Rules> = {}) {
  const rules = { ...DEFAULT_RULES, costs: FREE, ...more }
  const policy = replay('test', actions)
  const lines: string[] = []
  const types = new Set(RECORD_TYPES)
  const listener = new RecordWriter({
    run: 'r',
    market: bars,
    rules,
    types,
    write: (line) => lines.push(line),
  })
  const run = new Backtest({
    market: bars,
    features: null,
    rules,
    policy,
    longOnly: false,
    warmup: 0,
    listener,
  })
  while (!run.advance(100));
  return lines
}

const risks = (lines: readonly string[]) =>
  lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'risk')

test('the lines of a decision, byte by byte', () => {
  const lines = records(market('2025-07-30T13:30:00Z', [100, 100, 110]), [LONG_FIRST, HOLD_BOTH])
  expect(lines).toEqual([
    '{"type":"order","time":"2025-07-30T13:31:00Z","run":"r","symbol":"NVDA","side":"buy","qty":10,"kind":"market","limit":null,"ref":"NVDA-20250730T133100Z","reason":"target"}\n',
    '{"type":"fill","time":"2025-07-30T13:31:00Z","run":"r","symbol":"NVDA","side":"buy","qty":10,"price":100,"commission":0,"slippage":0,"ref":"NVDA-20250730T133100Z","exec":"NVDA-20250730T133100Z.1"}\n',
    '{"type":"equity","time":"2025-07-30T13:32:00Z","run":"r","cash":4000,"positions":{"NVDA":10,"MSFT":0},"marks":{"NVDA":100,"MSFT":500},"equity":5000,"pnl_day":0,"pnl_total":0,"drawdown":0}\n',
    '{"type":"order","time":"2025-07-30T13:32:00Z","run":"r","symbol":"NVDA","side":"sell","qty":10,"kind":"market","limit":null,"ref":"NVDA-20250730T133200Z","reason":"target"}\n',
    '{"type":"fill","time":"2025-07-30T13:32:00Z","run":"r","symbol":"NVDA","side":"sell","qty":10,"price":100,"commission":0,"slippage":0,"ref":"NVDA-20250730T133200Z","exec":"NVDA-20250730T133200Z.1"}\n',
    '{"type":"equity","time":"2025-07-30T13:33:00Z","run":"r","cash":5000,"positions":{"NVDA":0,"MSFT":0},"marks":{"NVDA":110,"MSFT":500},"equity":5000,"pnl_day":0,"pnl_total":0,"drawdown":0}\n',
  ])
})

test('where bars are missing, all orders of a decision stand before its fills', () => {
  const bars = market('2025-07-30T13:30:00Z', [100])
  bars.append(Date.parse('2025-07-30T13:33:00Z'), [100, 100, 100, 100, 9, 500, 500, 500, 500, 9])
  const lines = records(bars, [actionOf(1, 1)]).map((line) => JSON.parse(line))
  expect(lines.map(({ type, symbol, time }) => [type, symbol, time.slice(11, 16)])).toEqual([
    ['order', 'NVDA', '13:31'],
    ['order', 'MSFT', '13:31'],
    ['fill', 'NVDA', '13:33'],
    ['fill', 'MSFT', '13:33'],
    ['equity', undefined, '13:34'],
  ])
})

test('a fill at the close stands at the end of the bar it was decided on', () => {
  const lines = records(market('2025-07-30T13:30:00Z', [100, 100]), [LONG_FIRST], { fill: 'close' })
  expect(lines.map((line) => JSON.parse(line).time.slice(11, 16))).toEqual(['13:31', '13:31', '13:32'])
})

describe('risk records', () => {
  test('flatten what is held, refuse what is not, and tell the overshoot', () => {
    const found = risks(
      records(market('2025-07-30T13:30:00Z', [100, 100, 93, 93, 93, 93]), [
        LONG_FIRST,
        LONG_FIRST,
        LONG_FIRST,
        HOLD_BOTH,
        LONG_FIRST,
      ]),
    )
    const detail = { symbol: 'NVDA', wanted: 10, allowed: 0, value: 70, limit: 50 }
    expect(found).toEqual([
      {
        type: 'risk',
        time: '2025-07-30T13:33:00Z',
        run: 'r',
        rule: 'max-day-loss',
        action: 'flatten',
        detail,
      },
      {
        type: 'risk',
        time: '2025-07-30T13:34:00Z',
        run: 'r',
        rule: 'max-day-loss',
        action: 'flatten',
        detail: { value: 70, limit: 50, overshoot: 20 },
      },
      {
        type: 'risk',
        time: '2025-07-30T13:35:00Z',
        run: 'r',
        rule: 'max-day-loss',
        action: 'deny',
        detail: { ...detail, overshoot: 20 },
      },
    ])
  })

  test('the overshoot is what was lost in the end, not at the mark at which the limit was reached', () => {
    // 10 shares bought at 101: 80 are lost at the mark of 93, and 9.3 more by the sale at 93 less a percent.
    const found = risks(
      records(market('2025-07-30T13:30:00Z', [100, 100, 93, 93, 93]), Array(4).fill(LONG_FIRST), {
        costs: { ...FREE, halfSpreadBps: 100 },
      }),
    ).map(({ detail }) => [detail.symbol, detail.value, detail.overshoot])
    expect(found).toEqual([
      ['NVDA', 80, undefined],
      [undefined, expect.closeTo(89.3, 9), expect.closeTo(39.3, 9)],
    ])
  })

  test('the drawdown limit halts, and its end is a record even where nothing is held', () => {
    const limits = { ...DEFAULT_LIMITS, maxDayLoss: 1e9 }
    const held = risks(
      records(market('2025-07-30T13:30:00Z', [100, 100, 88, 88, 88]), Array(4).fill(LONG_FIRST), { limits }),
    )
    expect(held.map(({ time, action, detail }) => [time.slice(11, 16), action, detail])).toEqual([
      ['13:33', 'halt', { symbol: 'NVDA', wanted: 10, allowed: 0, value: 120, limit: 100 }],
      ['13:34', 'halt', { value: 120, limit: 100, overshoot: 20 }],
    ])
    // Sold at the open of the bar in which the limit is passed: a half spread of 11 % is what passes it.
    const costs = { ...FREE, halfSpreadBps: 1100 }
    const sold = risks(
      records(market('2025-07-30T13:30:00Z', [100, 100, 100]), [LONG_FIRST, HOLD_BOTH], {
        limits: { ...limits, maxLoss: 200 },
        costs,
      }),
    )
    expect(sold.map(({ action, detail }) => [action, detail.limit, Math.round(detail.value)])).toEqual([
      ['halt', 200, 220],
    ])
  })

  test('a fraction ends the run without flattening', () => {
    const lines = records(market('2025-07-30T13:30:00Z', [100, 100, 88, 88]), Array(3).fill(LONG_FIRST), {
      limits: NO_LIMITS,
      maxDrawdown: 0.02,
    })
    const [risk] = risks(lines)
    expect([risk.rule, risk.action, risk.detail.limit]).toEqual(['max-drawdown', 'halt', 0.02])
    expect(risk.detail.value).toBeCloseTo(120 / 5000, 12)
    expect(JSON.parse(lines.at(-1)!).positions.NVDA).toBe(10)
  })

  test('a share that costs more than a position', () => {
    const [risk] = risks(records(market('2025-07-30T13:30:00Z', [1500, 1500]), [LONG_FIRST]))
    expect([risk.rule, risk.action, risk.detail]).toEqual([
      'size-zero',
      'deny',
      { symbol: 'NVDA', wanted: 0, allowed: 0, value: 1500, limit: 1000 },
    ])
  })
})
