import { describe, expect, test } from 'vitest'
import { OrderBook } from './order-book.js'
import {
  ACK,
  CANCEL,
  CORRECT,
  EXPIRE,
  FILL,
  isOpen,
  LOSE,
  newReport,
  ORDER_STATES,
  type OrderState,
  REJECT,
  REPORT_KINDS,
  type Report,
  type ReportKind,
} from './orders.js'

/** Sends an order as the transition does. */
const send = (orders: OrderBook, symbol: number, shares: number): number =>
  orders.send(symbol, shares, 1000, shares, 100, 1)

/** A book with one order of 10 shares, and its id. */
function book() {
  const orders = new OrderBook(2)
  const id = send(orders, 0, 10)
  let executions = 0
  const report = (kind: number, more: Partial<Report> = {}) => {
    if (kind === FILL) executions++
    return orders.take({
      ...newReport(),
      order: id,
      kind,
      execution: executions,
      price: 100,
      timeMs: 2000,
      ...more,
    })
  }
  return { orders, report, state: () => ORDER_STATES[orders.state[0]!]!, filled: () => orders.filled[0]! }
}

/** How an order gets into each state, nothing or 4 shares of it being executed. */
const WAYS: Record<OrderState, (report: ReturnType<typeof book>['report']) => void> = {
  sent: () => {},
  acknowledged: (report) => report(ACK),
  'partly-filled': (report) => report(FILL, { shares: 4 }),
  filled: (report) => report(FILL, { shares: 10 }),
  rejected: (report) => report(REJECT),
  cancelled: (report) => report(CANCEL),
  expired: (report) => report(EXPIRE),
  unknown: (report) => report(LOSE),
}

/** Where each report leads from each state: `fill` is of all that is left, `part` of one share, `correct` takes 4 for all. */
const EXPECTED: Record<OrderState, Record<ReportKind | 'part', OrderState>> = {
  sent: to('acknowledged', 'filled', 'partly-filled', 'partly-filled'),
  acknowledged: to('acknowledged', 'filled', 'partly-filled', 'partly-filled'),
  'partly-filled': to('partly-filled', 'filled', 'partly-filled', 'partly-filled'),
  unknown: to('acknowledged', 'filled', 'partly-filled', 'partly-filled'),
  filled: stays('filled'),
  rejected: { ...stays('rejected'), fill: 'filled' },
  cancelled: { ...stays('cancelled'), fill: 'filled' },
  expired: { ...stays('expired'), fill: 'filled' },
}

function to(ack: OrderState, fill: OrderState, part: OrderState, correct: OrderState) {
  return {
    ack,
    fill,
    part,
    correct,
    reject: 'rejected',
    cancel: 'cancelled',
    expire: 'expired',
    lose: 'unknown',
  } as const
}

function stays(state: OrderState): Record<ReportKind | 'part', OrderState> {
  return {
    ack: state,
    fill: state,
    part: state,
    correct: state,
    reject: state,
    cancel: state,
    expire: state,
    lose: state,
  }
}

describe.each(ORDER_STATES)('an order that is %s', (from) => {
  test.each([...REPORT_KINDS, 'part'] as const)('on %s', (what) => {
    const { orders, report, state, filled } = book()
    WAYS[from](report)
    expect(state()).toBe(from)
    const before = filled()
    const left = 10 - before
    if (what === 'part') report(FILL, { shares: 1 })
    else if (what === 'fill') report(FILL, { shares: Math.max(left, 1) })
    else if (what === 'correct') report(CORRECT, { execution: 1, shares: 4 })
    else report(REPORT_KINDS.indexOf(what))
    expect(state()).toBe(EXPECTED[from][what])
    // What is executed counts whatever the order was thought to be.
    const executed = { part: before + 1, fill: before + Math.max(left, 1), correct: 4 }
    expect(filled()).toBe(what in executed ? executed[what as keyof typeof executed] : before)
    orders.measure(0)
    const open = ['sent', 'acknowledged', 'partly-filled', 'unknown'].includes(state())
    expect([isOpen(orders.state[0]!), orders.buying, orders.selling]).toEqual([
      open,
      open ? 10 - filled() : 0,
      0,
    ])
  })
})

test('an acknowledgement after the outcome was unknown says how far the order is', () => {
  const { report, state } = book()
  report(FILL, { shares: 4 })
  report(LOSE)
  report(ACK)
  expect(state()).toBe('partly-filled')
})

test('two executions of one order add up, a repeated one does not', () => {
  const { orders, report, state, filled } = book()
  expect([report(FILL, { execution: 'a', shares: 4 }), report(FILL, { execution: 'b', shares: 6 })]).toEqual([
    true,
    true,
  ])
  expect([state(), filled()]).toEqual(['filled', 10])
  expect(report(FILL, { execution: 'a', shares: 4 })).toBe(false)
  // The id says which execution it is, not the numbers: only a correction changes those.
  expect(report(FILL, { execution: 'a', shares: 9, price: 1 })).toBe(false)
  expect([state(), filled(), orders.change.shares]).toEqual(['filled', 10, 6])
})

test('a correction replaces its execution, and one of an execution never seen is that execution', () => {
  const { orders, report, filled } = book()
  report(FILL, { execution: 'a', shares: 4, price: 100, fees: 1 })
  expect(report(CORRECT, { execution: 'a', shares: 3, price: 101, fees: 0.35 })).toBe(true)
  const { oldShares, oldPrice, oldFees, shares, price, fees } = orders.change
  expect([oldShares, oldPrice, oldFees, shares, price, fees, filled()]).toEqual([4, 100, 1, 3, 101, 0.35, 3])
  expect(report(CORRECT, { execution: 'a', shares: 3, price: 101, fees: 0.35 })).toBe(false)
  expect(report(CORRECT, { execution: 'b', shares: 2 })).toBe(true)
  expect([orders.change.oldShares, filled()]).toEqual([0, 5])
})

test.each([
  ['fees that are no number', { shares: 10, fees: Number.NaN }],
  ['a price without end', { shares: 10, price: Number.POSITIVE_INFINITY }],
  ['no shares', { shares: 0 }],
  ['the other side', { shares: -10 }],
])('an execution of %s is refused, and changes nothing', (_name, numbers) => {
  const { report, state, filled } = book()
  expect(() => report(FILL, numbers)).toThrow(RangeError)
  expect([state(), filled()]).toEqual(['sent', 0])
})

test('a report on an order that was never sent is refused', () => {
  expect(() => book().orders.take({ ...newReport(), order: 7 })).toThrow('no order 7 was sent')
})

test('ids only go up, also from a number that is given', () => {
  const orders = new OrderBook(2)
  expect([send(orders, 0, 1), send(orders, 1, 1)]).toEqual([1, 2])
  orders.raise(90)
  expect([send(orders, 0, 1), send(orders, 0, 1)]).toEqual([90, 91])
  orders.raise(5)
  orders.clear()
  expect(send(orders, 0, 1)).toBe(92)
})

test('a target that was refused is forgotten with another wish, or the day', () => {
  const orders = new OrderBook(2)
  orders.refuse(0, 1)
  expect([orders.isRefused(0, 1), orders.isRefused(1, 1)]).toEqual([true, false])
  expect([orders.isRefused(0, 0), orders.isRefused(0, 1)]).toEqual([false, false])
  orders.refuse(0, -1)
  orders.beginDay()
  expect(orders.isRefused(0, -1)).toBe(false)
})

test('a book of many orders and executions comes back from its text', () => {
  const orders = new OrderBook(2)
  for (let n = 0; n < 40; n++) {
    const id = send(orders, n % 2, n % 3 === 0 ? -n - 1 : n + 1)
    for (let part = 0; part < 3; part++)
      orders.take({
        ...newReport(),
        kind: FILL,
        order: id,
        execution: part % 2 === 0 ? part : `x.${part}`,
        shares: n % 3 === 0 ? -0.1 : 0.1,
      })
    if (n % 5 === 0) orders.take({ ...newReport(), kind: LOSE, order: id })
  }
  orders.refuse(1, -1)
  orders.rejectedToday = 3
  const text = JSON.stringify(orders.save())
  const other = new OrderBook(2)
  other.restore(JSON.parse(text))
  expect(JSON.stringify(other.save())).toBe(text)
  expect(send(other, 0, 1)).toBe(41)
  // It still knows what it has booked.
  expect(other.take({ ...newReport(), kind: FILL, order: 40, execution: 'x.1', shares: 0.1 })).toBe(false)
})
