import type { Order, OrderState } from '@stoqey/ib'
import { describe, expect, test } from 'vitest'
import { contractOf } from './contracts.js'
import { hourDifferences, parseHours } from './hours.js'
import type { OrderReport } from './listener.js'
import { OrderNews, orderFields } from './orders.js'
import { barTimeOf, commissionOf, orderOf, revisionOf, stampOf, standingOf } from './shapes.js'

test.each([
  ['20241129 09:30:05 US/Eastern', '2024-11-29T14:30:05Z'],
  ['20241129  09:30:05 EST', '2024-11-29T14:30:05Z'],
  ['20240729 09:30:05 America/New_York', '2024-07-29T13:30:05Z'],
  ['20241129-14:30:05', '2024-11-29T14:30:05Z'],
  ['20241129 15:30:05 Europe/Berlin', '2024-11-29T14:30:05Z'],
  ['20241129 09:30:05', null],
  ['20241129 09:30:05 Nowhere/At_All', null],
  ['20241329 09:30:05 US/Eastern', null],
  ['', null],
])('the time %s is %s', (text, instant) => {
  expect(stampOf(text)).toBe(instant === null ? null : Date.parse(instant))
})

test('bars of history have epoch seconds, or a date whatever was asked for', () => {
  const midnight = (day: number): number => day
  expect(barTimeOf('1732890600', midnight)).toBe(1732890600000)
  expect(barTimeOf('20241129', midnight)).toBe(20056)
  expect(() => barTimeOf('tomorrow', midnight)).toThrow('time of a bar')
})

test.each([
  ['0000e0d5.60f8a1b2.01.01', '0000e0d5.60f8a1b2.01', 1],
  ['0000e0d5.60f8a1b2.01.02', '0000e0d5.60f8a1b2.01', 2],
  ['odd', 'odd', 1],
])('execution %s is revision %s of %s', (id, exec, revision) => {
  expect(revisionOf(id)).toEqual({ exec, revision })
})

test.each([
  [-1, null],
  [-1.0001, -1.0001],
  [-0.25, -0.25],
  [0, 0],
  [undefined, null],
  [Number.MAX_VALUE, null],
])('a commission of %s is %s', (commission, known) => {
  expect(commissionOf({ execId: 'a.01', commission, currency: 'USD' })?.commission ?? null).toBe(known)
})

test('a word that is no status stands for nothing', () => {
  expect(standingOf('Submitted')).toBe('open')
  expect(standingOf('constructor')).toBe('unknown')
})

test('what is unset is null', () => {
  const order = { action: 'BUY', totalQuantity: 10, permId: 2147483647, clientId: 7, orderRef: 'r' } as Order
  const report = orderOf(3, { symbol: 'BRK B' }, order, { status: 'Submitted' } as OrderState, {
    clientId: 7,
  })
  expect(report).toMatchObject({
    id: 3,
    permId: 0,
    own: true,
    symbol: 'BRK.B',
    filled: null,
    price: null,
    reason: null,
  })
})

describe('orders to send', () => {
  const wish = { ref: 'r', side: 'buy', shares: 1, kind: 'market' } as const
  test.each([
    [{ ...wish, shares: 0.5 }, '0.5 shares'],
    [{ ...wish, shares: 0 }, '0 shares'],
    [{ ...wish, shares: -1 }, '-1 shares'],
    [{ ...wish, shares: Number.NaN }, 'NaN shares'],
    [{ ...wish, ref: '' }, 'reference'],
    [{ ...wish, limit: 10 }, 'limit'],
    [{ ...wish, kind: 'limit' as const }, 'limit'],
    [{ ...wish, kind: 'limit' as const, limit: 10.005 }, 'grid'],
    [{ ...wish, kind: 'limit' as const, limit: -1 }, 'grid'],
    [{ ...wish, kind: 'stop' as const, stop: Number.NaN }, 'grid'],
  ])('%o is refused here', (bad, words) => {
    expect(() => orderFields(bad, 'DU1')).toThrow(words)
  })

  test('every price in cents is on the grid', () => {
    const off: number[] = []
    for (let cents = 1; cents < 200_000; cents += 7) {
      const price = cents / 100
      if (orderFields({ ...wish, kind: 'limit', limit: price }, 'DU1').limit !== price) off.push(price)
    }
    expect(off).toEqual([])
  })
})

describe('news of orders', () => {
  const report = (status: string, more: Partial<OrderReport> = {}): OrderReport => ({
    id: 1,
    permId: 9,
    clientId: 7,
    own: true,
    ref: null,
    account: null,
    symbol: null,
    side: null,
    shares: null,
    status,
    standing: standingOf(status),
    filled: null,
    remaining: null,
    price: null,
    reason: null,
    ...more,
  })
  const told = (...reports: OrderReport[]): (string | null)[] => {
    const news = new OrderNews()
    return reports.map((one) => news.take(one)?.status ?? null)
  }

  test('a late open order does not move a filled one back', () => {
    expect(told(report('Filled', { filled: 10 }), report('Submitted'))).toEqual(['Filled', null])
    expect(told(report('Cancelled'), report('PreSubmitted'))).toEqual(['Cancelled', null])
  })

  test('a cancelled order may turn out to be filled, not the other way', () => {
    expect(told(report('Cancelled', { filled: 0 }), report('Filled', { filled: 10 }))).toEqual([
      'Cancelled',
      'Filled',
    ])
    expect(told(report('Filled', { filled: 10 }), report('Cancelled', { filled: 10 }))).toEqual([
      'Filled',
      null,
    ])
  })

  test('what was filled only grows', () => {
    expect(told(report('Submitted', { filled: 5 }), report('Submitted', { filled: 3 }))).toEqual([
      'Submitted',
      null,
    ])
  })

  test('an open order that is shown as filled is filled as a whole', () => {
    const news = new OrderNews()
    news.take(report('Submitted', { filled: 2, remaining: 8 }))
    expect(news.take(report('Filled', { shares: 10 }))).toMatchObject({ filled: 10, remaining: 0 })
  })

  test('reports add up, from before the lasting id was known', () => {
    const news = new OrderNews()
    news.take(report('PendingSubmit', { permId: 0, ref: 'r', symbol: 'NVDA' }))
    expect(news.take(report('Submitted', { filled: 0, remaining: 10 }))).toMatchObject({
      ref: 'r',
      symbol: 'NVDA',
      remaining: 10,
    })
    expect(news.all()).toHaveLength(1)
  })

  test('orders of other hands have the id 0 and are kept apart', () => {
    const news = new OrderNews()
    for (const permId of [1, 2]) news.take(report('Submitted', { id: 0, permId, clientId: 0 }))
    expect(news.all()).toHaveLength(2)
  })
})

describe('hours', () => {
  test('as the calendar has them differ in nothing', () => {
    const text = '20241128:CLOSED;20241129:0930-20241129:1300;20241130:CLOSED;20241202:0930-20241202:1600'
    for (const zone of ['US/Eastern', 'EST', 'EST (Eastern Standard Time)', 'America/New_York']) {
      expect(hourDifferences(parseHours(text, zone)!)).toEqual([])
    }
  })

  test('others are named by date', () => {
    const days = parseHours(
      '20241127:0930-20241127:1300;20241128:0930-20241128:1600;20241129:CLOSED',
      'US/Eastern',
    )!
    expect(hourDifferences(days)).toEqual([
      '2024-11-27: the broker has 09:30 to 13:00, the calendar of jules 09:30 to 16:00',
      '2024-11-28: the broker has 09:30 to 16:00, the calendar of jules closed',
      '2024-11-29: the broker has closed, the calendar of jules 09:30 to 13:00',
    ])
  })

  test('several openings of a day are one, from the first to the last', () => {
    expect(hourDifferences(parseHours('20241202:0930-1200,1300-1600', 'US/Eastern')!)).toEqual([])
    expect(
      hourDifferences(parseHours('20241202:0930-20241202:1200,20241202:1200-20241202:1600', 'US/Eastern')!),
    ).toEqual([])
  })

  test.each([
    ['20241202:0930-1600', 'Nowhere/At_All'],
    ['tomorrow', 'US/Eastern'],
    ['20241202:1600-20241202:0930', 'US/Eastern'],
  ])('%s in %s cannot be read', (text, zone) => {
    expect(parseHours(text, zone)).toBe(null)
  })
})

describe('contracts', () => {
  const details = (id: number, exchange: string) => ({
    contract: { symbol: 'X', conId: id, primaryExch: exchange, currency: 'USD' },
  })
  test('none and several are failures that say so', () => {
    expect(() => contractOf('X', [])).toThrow('knows no shares X')
    expect(() => contractOf('X', [details(1, 'NYSE'), details(2, 'LSE')])).toThrow(
      'X is several contracts of the broker: NYSE, LSE',
    )
    expect(contractOf('X', [details(1, 'NYSE'), details(1, 'NYSE')])).toMatchObject({
      id: 1,
      days: null,
      minTick: 0.01,
    })
  })
})
