/** Executions, their costs and their corrections, in any order. */
import { describe, expect, test } from 'vitest'
import type { ExecutionReport } from '../../broker/listener.js'
import { DEFAULT_COSTS } from '../../portfolio/costs.js'
import { CORRECT, FILL } from '../../portfolio/orders.js'
import { Executions } from './executions.js'
import type { SentOrder } from './replayed.js'

const OPEN = 100
const sent: SentOrder = { order: 1, id: 7, ref: 'jules:r:1', symbol: 0, shares: -5, decidedMs: 1000 }

const execution = (revision: number, shares: number, price = 99): ExecutionReport => ({
  exec: 'e',
  revision,
  shares,
  price,
  side: 'sell',
  symbol: 'NVDA',
  kind: 'STK',
  account: 'DU1',
  id: 7,
  ref: sent.ref,
  own: true,
  clientId: 1,
  permId: 9,
  timeMs: 1001,
})
const cost = (revision: number, commission: number) =>
  ({ exec: 'e', revision, commission, currency: 'USD', realised: null }) as const

function begun(): Executions {
  const executions = new Executions(DEFAULT_COSTS, new Map())
  executions.expect(sent)
  executions.opened(0, 1000, OPEN)
  return executions
}

const settled = (executions: Executions) =>
  executions
    .settle(null)
    .map(({ report: { kind, shares, price, fees }, execution: { revision } }) => [
      kind,
      revision,
      shares,
      price,
      fees,
    ])

test('it waits for its commission, and counts once', () => {
  const executions = begun()
  expect(executions.take(sent, execution(1, 5), 1001)).toBe(true)
  expect(executions.take(sent, execution(1, 5), 1001)).toBe(false)
  expect(settled(executions)).toEqual([])
  expect([executions.pending(0), executions.pendingOf(1), executions.pendingCash()]).toEqual([-5, 5, 495])
  executions.commission(cost(1, 0.35))
  expect(executions.pendingCash()).toBeCloseTo(494.65, 9)
  expect(settled(executions)).toEqual([[FILL, 1, -5, 99, 0.35]])
  expect(executions.take(sent, execution(1, 5), 1001)).toBe(false)
  expect([executions.pending(0), executions.pendingOf(1), executions.pendingCash()]).toEqual([0, 0, 0])
  expect(executions.slippage.seen).toBeCloseTo(5, 9)
})

describe('a correction', () => {
  const filled = (): Executions => {
    const executions = begun()
    executions.take(sent, execution(1, 5), 1001)
    executions.commission(cost(1, 0.35))
    executions.settle(null)
    return executions
  }

  test.each([
    ['of the price', execution(2, 5, 98), 0, -5],
    ['of the shares', execution(2, 3), 2, -198],
    ['to nothing', execution(2, 0), 5, -495],
  ] as const)('%s: what is pending is the difference', (_, corrected, shares, cash) => {
    const executions = filled()
    executions.take(sent, corrected, 1001)
    expect(executions.pending(0)).toBe(shares)
    expect(executions.pendingOf(1)).toBe(shares === 0 ? 0 : -shares)
    expect(executions.pendingCash()).toBeCloseTo(cash, 9)
    executions.commission(cost(2, 0.4))
    expect(executions.pendingCash()).toBeCloseTo(cash - 0.05, 9)
    expect(settled(executions)).toEqual([[CORRECT, 2, -corrected.shares, corrected.price, 0.4]])
    expect([executions.pending(0), executions.pendingCash()]).toEqual([0, 0])
    // What it replaces counts no more.
    expect(executions.slippage.seen).toBeCloseTo(corrected.shares * (OPEN - corrected.price), 9)
  })

  test('of what the account has not heard of takes its place', () => {
    const executions = begun()
    executions.take(sent, execution(1, 5), 1001)
    executions.take(sent, execution(2, 3), 1001)
    executions.commission(cost(2, 0.35))
    expect(settled(executions)).toEqual([[FILL, 2, -3, 99, 0.35]])
    expect(executions.take(sent, execution(1, 5), 1001)).toBe(false)
  })

  test('to nothing, of what the account has not heard of: its costs stay', () => {
    const executions = begun()
    executions.take(sent, execution(2, 0), 1001)
    expect(settled(executions)).toEqual([])
    executions.commission(cost(2, 0.35))
    expect(settled(executions)).toEqual([
      [FILL, 1, -1, 99, 0],
      [CORRECT, 2, -0, 99, 0.35],
    ])
    expect(executions.take(sent, execution(1, 5), 1001)).toBe(false)
    expect(executions.slippage.seen).toBeCloseTo(0, 9)
  })
})

test('what the journal knows is known', () => {
  const known = { revision: 2, shares: -5, price: 99, fees: 0.35, slippage: 5, modelled: 4 }
  const executions = new Executions(DEFAULT_COSTS, new Map([['e', known]]))
  expect(executions.take(sent, execution(1, 5), 1001)).toBe(false)
  expect(executions.take(sent, execution(2, 5), 1001)).toBe(false)
  expect(executions.slippage).toEqual({ seen: 5, modelled: 4 })
  executions.take(sent, execution(3, 4), 1001)
  expect(executions.pending(0)).toBe(1)
})
