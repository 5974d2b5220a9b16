/** Orders, accounts, clock and log of the simulated gateway, by frames and without real time. */
import { describe, expect, test } from 'vitest'
import { mockTape, tapeOf } from '../../test/support/sim.js'
import { ManualTimers, SimBench } from '../../test/support/sim-bench.js'
import { stream } from '../base/rng.js'
import { DEFAULT_COSTS, feesOf, slippageOf } from '../portfolio/costs.js'
import { VirtualClock } from './clock.js'
import { FAULT_NAMES, faultNamed } from './faults.js'
import { VIOLATIONS } from './log.js'

const FREE = { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 } as const
const MODEL = { fills: 'model', fractional: false, overnight: false } as const

/** A minute that rises from 100 to 101, one that falls to 98, one that stays. */
const BARS = {
  NVDA: [
    [100, 101, 100, 101, 1200],
    [101, 101, 98, 98, 1200],
    [98, 98, 98, 98, 1200],
    [98, 98, 98, 98, 600],
  ],
}

/** A gateway on those bars, without costs, and a client that follows them. */
function bench(options: ConstructorParameters<typeof SimBench>[0] = {}) {
  const made = new SimBench({ tape: tapeOf(BARS), terms: { ...MODEL, costs: FREE }, ...options })
  const client = made.client()
  client.start()
  client.follow('NVDA')
  return { bench: made, client }
}

const SOAK = mockTape({ symbols: ['NVDA'] })

const last = <T>(list: readonly T[]): T => list.at(-1)!

describe('a market order', () => {
  test('gets the open of the next 5-second bar, with the slippage and fees of the backtest', () => {
    const tape = mockTape()
    const { bench: made, client } = bench({ tape, terms: { ...MODEL, costs: DEFAULT_COSTS } })
    client.follow('NVDA', 'MSFT')
    // The clock was at the end of the first 5 seconds: a minute has passed eleven instants later.
    made.play(client, 11)
    expect(made.gate.clock.instantMs).toBe(tape.firstMs + 60_000)
    client.order(1)
    made.play(client, 1)
    const { open, volume } = { open: tape.series('NVDA').open[1]!, volume: tape.series('NVDA').volume[1]! }
    const price = open + slippageOf(DEFAULT_COSTS, 5, open, volume)
    const mean = (tape.series('NVDA').close[0]! + tape.series('MSFT').close[0]!) / 2
    const [execution] = client.of('execDetails')
    expect(execution).toMatchObject({
      price: String(price),
      shares: '5',
      side: 'BOT',
      cumQty: '5',
      clientId: '1',
    })
    expect(execution).toMatchObject({ time: '20250801 09:31:00 US/Eastern', execId: '00000jul.00000001.01' })
    const fees = feesOf(DEFAULT_COSTS, 5, price, mean)
    expect(client.of('commissionReport')).toMatchObject([{ commission: String(fees), currency: 'USD' }])
    expect(client.of('orderStatus').map(({ status, filled }) => [status, filled])).toEqual([
      ['Submitted', '0'],
      ['Filled', '5'],
    ])
    expect(made.gate.statement()[0]!.cash).toBe(1_000_000 - (5 * price + fees))
  })

  test('is filled in parts, one a bar of the tape, where a cap says so', () => {
    const { bench: made, client } = bench({ terms: { ...MODEL, costs: { ...FREE, participation: 0.001 } } })
    client.order(1, { totalQuantity: 3 })
    made.play(client, 40)
    expect(
      client.of('execDetails').map(({ time, shares, cumQty }) => [String(time).slice(9, 17), shares, cumQty]),
    ).toEqual([
      ['09:30:05', '1', '1'],
      ['09:31:00', '1', '2'],
      ['09:32:00', '1', '3'],
    ])
  })

  test('that finds no bar in time expires', () => {
    const { bench: made, client } = bench()
    made.play(client, 47)
    client.order(1)
    made.play(client, 3)
    expect(last(client.of('orderStatus'))).toMatchObject({ status: 'Cancelled', filled: '0', remaining: '5' })
    expect(last(client.of('error'))).toMatchObject({
      code: '202',
      id: '1',
      text: 'Order Canceled - reason:order expired',
    })
  })

  test('is filled at the quote at once where that is asked for', () => {
    const { bench: made, client } = bench({ terms: { ...MODEL, costs: DEFAULT_COSTS, fills: 'quote' } })
    made.play(client, 2)
    const { ask } = made.gate.exchange.quote('NVDA', made.gate.clock.instantMs)!
    client.order(1)
    expect(client.of('execDetails')).toMatchObject([{ price: String(ask) }])
  })
})

test('an order is there when it comes; after orders have met an instant it waits for the next one', () => {
  const timers = new ManualTimers()
  const arrivals: [string, number][] = []
  const clock: VirtualClock = new VirtualClock({
    ...{ startMs: 0, speed: 'max', timers, isIdle: () => false, waitsMs: () => 0, onOver: () => {} },
    next: (timeMs) => (timeMs < 10 ? timeMs + 5 : Number.POSITIVE_INFINITY),
    onEnded: () => void arrivals.push(['ended', clock.arrivalMs()]),
    onBegun: () => void arrivals.push(['begun', clock.arrivalMs()]),
  })
  clock.poke()
  timers.settle()
  expect(arrivals).toEqual([
    ['begun', 1],
    ['ended', 5],
    ['begun', 6],
    ['ended', 10],
    ['begun', 11],
  ])
})

describe('orders with a price', () => {
  test('a limit is filled where a bar reaches it, at no worse a price', () => {
    const { bench: made, client } = bench()
    client.order(1, { orderType: 'LMT', lmtPrice: 98.5 })
    client.order(2, { orderType: 'LMT', lmtPrice: 97 })
    // A limit above the market is a market order with an end to its price.
    client.order(3, { orderType: 'LMT', lmtPrice: 150 })
    made.play(client, 46)
    expect(client.of('execDetails').map(({ orderId, price }) => [orderId, price])).toEqual([
      ['3', '100'],
      ['1', '98.5'],
    ])
    expect(made.gate.exchange.working.map(({ orderId }) => orderId)).toEqual([2])
  })

  test('a limit is never passed by the slippage', () => {
    const { bench: made, client } = bench({ terms: { ...MODEL, costs: { ...FREE, halfSpreadBps: 5 } } })
    client.order(1, { orderType: 'LMT', lmtPrice: 150 })
    made.play(client, 1)
    // Within the limit it pays its slippage.
    const { open } = made.gate.tape.partFrom('NVDA', made.gate.tape.firstMs + 5000)!
    expect(Number(last(client.of('execDetails')).price)).toBe(open + open * 5e-4)
    client.order(2, { orderType: 'LMT', lmtPrice: 99 })
    made.play(client, 26)
    expect(last(client.of('execDetails'))).toMatchObject({ orderId: '2', price: '99' })
  })

  test('a stop becomes a market order where its price is reached', () => {
    const { bench: made, client } = bench()
    client.order(1, { action: 'SELL', orderType: 'STP', auxPrice: 99 })
    expect(last(client.of('orderStatus'))).toMatchObject({ status: 'PreSubmitted' })
    made.play(client, 60)
    expect(client.of('execDetails')).toMatchObject([{ side: 'SLD', price: '99' }])
  })

  test('one for the close gets the last price of the session', () => {
    const tape = mockTape({ symbols: ['NVDA'], interval: '1h' })
    const { bench: made, client } = bench({ tape })
    client.order(1, { orderType: 'MOC' })
    made.play(client, 390 * 12)
    const close = last([...tape.series('NVDA').close.subarray(0, tape.series('NVDA').length)])
    expect(client.of('execDetails')).toMatchObject([
      { price: String(close), time: '20250801 16:00:00 US/Eastern' },
    ])
  })

  test('is changed, and cancelled', () => {
    const { bench: made, client } = bench()
    client.order(1, { orderType: 'LMT', lmtPrice: 90 })
    const [first] = client.of('openOrder')
    client.order(1, { orderType: 'LMT', lmtPrice: 91, totalQuantity: 6 })
    expect(last(client.of('openOrder'))).toMatchObject({
      lmtPrice: '91',
      totalQuantity: '6',
      permId: first!.permId!,
    })
    client.send('cancelOrder', { orderId: 1 })
    expect(last(client.of('orderStatus'))).toMatchObject({ status: 'Cancelled', remaining: '6' })
    client.send('cancelOrder', { orderId: 1 })
    client.send('cancelOrder', { orderId: 9 })
    expect(client.codes().slice(-3)).toEqual([202, 10148, 10147])
    client.order(2, { orderType: 'LMT', lmtPrice: 90 })
    client.order(3, { orderType: 'STP', auxPrice: 150 })
    client.send('globalCancel')
    expect(made.gate.exchange.working).toEqual([])
    client.send('reqCompletedOrders', { apiOnly: 0 })
    expect(client.of('completedOrder').map(({ status }) => status)).toEqual([
      'Cancelled',
      'Cancelled',
      'Cancelled',
    ])
  })
})

test('what is wrong with an order has the code of the broker', () => {
  const { client } = bench()
  const wrong: [object, number][] = [
    [{ symbol: 'IBM' }, 200],
    [{ secType: 'OPT' }, 200],
    [{ totalQuantity: 0 }, 434],
    [{ totalQuantity: 1.5 }, 10243],
    [{ orderType: 'REL' }, 387],
    [{ orderType: 'LMT', lmtPrice: 100.001 }, 110],
    [{ orderType: 'LMT' }, 110],
    [{ action: 'HOLD' }, 321],
    [{ account: 'DU9' }, 321],
    [{ orderId: 2 ** 31 }, 320],
  ]
  for (const [i, [more, code]] of wrong.entries()) {
    client.order(10 + i, more as never)
    expect(last(client.codes()), JSON.stringify(more)).toBe(code)
  }
  client.order(50, { orderType: 'LMT', lmtPrice: 90 })
  client.order(50, { orderType: 'LMT', lmtPrice: 90, action: 'SELL' })
  expect(last(client.codes())).toBe(105)
  // Ids only go up: one that was passed over is as one that was used.
  client.order(40)
  expect(last(client.codes())).toBe(103)
})

test('what-if says what an order would cost and makes none', () => {
  const { bench: made, client } = bench({ terms: { ...MODEL, costs: DEFAULT_COSTS } })
  client.order(1, { whatIf: 1 })
  expect(client.of('openOrder')).toMatchObject([{ whatIf: '1', commission: '0.35', status: 'PreSubmitted' }])
  expect(made.gate.exchange.orders).toEqual([])
})

test('cash, cost, what was won and what is open add up, short and across zero', () => {
  const { bench: made, client } = bench({ terms: { ...MODEL, costs: DEFAULT_COSTS } })
  client.send('reqPnl', { reqId: 7, account: 'DU1234567' })
  client.send('reqPnlSingle', { reqId: 8, account: 'DU1234567', conId: 4815747 })
  for (const [i, [action, totalQuantity]] of (
    [
      ['BUY', 5],
      ['SELL', 8],
      ['BUY', 2],
      ['BUY', 1],
    ] as const
  ).entries()) {
    client.order(1 + i, { action, totalQuantity })
    made.play(client, 3)
    const [{ cash, equity, realised, positions } = expect.fail()] = made.gate.statement()
    const { unrealised } = made.gate.exchange.equity('DU1234567', made.gate.clock.instantMs)
    expect(equity - 1_000_000).toBeCloseTo(realised + unrealised, 6)
    expect(positions.NVDA).toBe([5, -3, -1, 0][i])
    expect(cash).toBeLessThan(2_000_000)
    expect(Number(last(client.of('pnl')).dailyPnl)).toBeCloseTo(equity - 1_000_000, 6)
    expect(Number(last(client.of('pnlSingle')).realizedPnl)).toBeCloseTo(realised, 9)
  }
  const reports = client.of('commissionReport').map(({ realizedPnl }) => Number(realizedPnl))
  // What opens realises nothing: an unset number.
  expect(reports[0]).toBe(Number.MAX_VALUE)
  expect(reports.slice(1).reduce((sum, one) => sum + one, 0)).toBeCloseTo(
    made.gate.statement()[0]!.realised,
    9,
  )
})

describe('the clock at max', () => {
  test('waits for each bar to be paid for by asking the time, which is told after all of an instant', () => {
    const tape = tapeOf({ NVDA: BARS.NVDA, MSFT: BARS.NVDA })
    const made = new SimBench({ tape })
    const client = made.client()
    client.start()
    client.follow('NVDA', 'MSFT')
    expect(client.of('realTimeBar')).toHaveLength(2)
    made.timers.pass(20_000)
    expect(client.of('realTimeBar')).toHaveLength(2)
    client.send('reqCurrentTime')
    expect(client.of('realTimeBar')).toHaveLength(2)
    client.send('reqCurrentTime')
    expect(client.of('realTimeBar')).toHaveLength(4)
    expect(client.of('currentTime').map(({ time }) => Number(time) * 1000 - tape.firstMs)).toEqual([
      0, 5000, 5000,
    ])
  })

  test('goes on without a client that owes and is silent for 30 s, until it asks the time', () => {
    const { bench: made, client } = bench()
    made.timers.pass(29_999)
    expect(client.of('realTimeBar')).toHaveLength(1)
    made.timers.pass(10)
    expect(client.of('realTimeBar').length).toBeGreaterThan(1)
    expect(made.notes).toEqual(['client 1 has said nothing for 30 s: the clock goes on without it'])
    expect(made.records.filter(({ event }) => event === 'let-go')).toHaveLength(1)
  })

  test('stands while nobody follows anything', () => {
    const made = new SimBench()
    made.timers.pass(1000)
    const client = made.client()
    client.start()
    made.timers.pass(1000)
    expect(made.gate.clock.instantMs).toBe(made.gate.tape.firstMs)
  })

  test('gives a client that asks for no time a pause, and ends with the tape', async () => {
    const made = new SimBench({ tape: tapeOf(BARS) })
    const client = made.client()
    client.start()
    client.send('reqRealTimeBars', { reqId: 1, symbol: 'NVDA', barSize: 5, useRth: 1 })
    made.timers.pass(6)
    expect(client.of('realTimeBar').length).toBeLessThan(4)
    made.timers.pass(1000)
    expect(client.of('realTimeBar')).toHaveLength(48)
    await made.gate.ended
  })
})

test('at 60 a minute of the market takes a second', () => {
  const made = new SimBench({ tape: tapeOf(BARS), speed: 60 })
  const client = made.client()
  client.start()
  client.follow('NVDA')
  made.timers.pass(500)
  expect(client.of('realTimeBar')).toHaveLength(6)
  client.send('reqCurrentTime')
  expect(Number(last(client.of('currentTime')).time) * 1000).toBe(made.gate.tape.firstMs + 30_000)
  client.order(1)
  made.timers.pass(600)
  expect(client.of('execDetails')).toMatchObject([{ time: '20250801 09:30:35 US/Eastern' }])
})

describe('history', () => {
  const ask = (more: object) => {
    const { bench: made, client } = bench({
      tape: mockTape({ from: '2025-07-30', to: '2025-08-01', symbols: ['NVDA'] }),
      nowMs: Date.parse('2025-08-01T14:00:02Z'),
    })
    client.send('reqHistoricalData', {
      ...{
        reqId: 5,
        symbol: 'NVDA',
        barSize: '1 min',
        duration: '1 D',
        useRth: 1,
        whatToShow: 'TRADES',
        formatDate: 2,
      },
      ...more,
    })
    return { made, client, bars: (client.of('historicalData')[0]?.bars ?? []) as Record<string, string>[] }
  }
  test('is the bars of the tape that have ended', () => {
    const { bars, made } = ask({})
    const series = made.gate.tape.series('NVDA')
    expect(bars).toHaveLength(30)
    expect(Number(last(bars).date) * 1000).toBe(Date.parse('2025-08-01T13:59:00Z'))
    const at = series.time.indexOf(Date.parse('2025-08-01T13:59:00Z'))
    expect([last(bars).open, last(bars).volume]).toEqual([String(series.open[at]), String(series.volume[at])])
  })
  test('of seconds, days and weeks, of longer bars and of parts', () => {
    expect(ask({ duration: '3600 S' }).bars).toHaveLength(60)
    expect(ask({ duration: '2 D' }).bars).toHaveLength(420)
    expect(ask({ duration: '1 W', barSize: '5 mins' }).bars).toHaveLength(2 * 78 + 6)
    expect(ask({ duration: '2 D', barSize: '1 day', formatDate: 1 }).bars.map(({ date }) => date)).toEqual([
      '20250731',
      '20250801',
    ])
    const parts = ask({ duration: '60 S', barSize: '5 secs' }).bars
    expect([parts.length, Number(last(parts).date) * 1000]).toEqual([12, Date.parse('2025-08-01T14:00:00Z')])
    expect(ask({ formatDate: 1, duration: '60 S' }).bars).toMatchObject([
      { date: '20250801 09:59:00 US/Eastern' },
    ])
    expect(ask({ endDateTime: '20250731 10:00:00 US/Eastern' }).bars).toHaveLength(30)
    expect(last(ask({ endDateTime: '20250731 10:00:00' }).client.codes())).toBe(2174)
    expect(ask({ endDateTime: '20250731-14:00:00' }).bars).toHaveLength(30)
  })
  test('is kept up to date, bar by bar as they are made', () => {
    const { made, client } = ask({ keepUpToDate: 1, duration: '60 S' })
    made.play(client, 14)
    const updates = client.of('historicalDataUpdate')
    const series = made.gate.tape.series('NVDA')
    const at = series.time.indexOf(Date.parse('2025-08-01T14:00:00Z'))
    // The clock was 5 s into the minute: the first part was over, and counts.
    expect(updates.filter(({ date }) => Number(date) * 1000 === series.time[at])).toHaveLength(11)
    expect(updates[10]).toMatchObject({
      open: String(series.open[at]),
      high: String(series.high[at]),
      volume: String(series.volume[at]),
    })
    client.send('cancelHistoricalData', { reqId: 5 })
    made.play(client, 3)
    expect(client.of('historicalDataUpdate').length).toBe(updates.length)
  })
  test('that is not served says why', () => {
    expect(last(ask({ barSize: '7 ticks' }).client.codes())).toBe(321)
    expect(last(ask({ duration: 'ever' }).client.codes())).toBe(321)
    expect(last(ask({ endDateTime: 'yesterday' }).client.codes())).toBe(10314)
    expect(last(ask({ endDateTime: '20240101 00:00:00' }).client.codes())).toBe(162)
    expect(last(ask({ symbol: 'IBM' }).client.codes())).toBe(200)
  })
})

describe('a violation', () => {
  const order = (more: object) => (client: ReturnType<typeof bench>['client']) =>
    client.order(1, more as never)
  const cases: Record<string, [(client: ReturnType<typeof bench>['client']) => void, object?]> = {
    'no-ref': [order({ orderRef: '' })],
    'wrong-account': [order({ account: 'U1' })],
    'fractional-quantity': [order({ totalQuantity: 0.5 })],
    'off-tick-price': [order({ orderType: 'LMT', lmtPrice: 100.005 })],
    'not-transmitted': [order({ transmit: 0 })],
    'over-quantity': [order({}), { limits: { notional: Number.POSITIVE_INFINITY, quantity: 4 } }],
    'over-notional': [order({ totalQuantity: 11 }), { limits: { notional: 1000, quantity: 100 } }],
    'unknown-message': [(client) => client.bytes(Buffer.from([0, 0, 0, 4, 0x35, 0x35, 0x35, 0]))],
    'malformed-message': [(client) => client.bytes(Buffer.from([0, 0, 0, 4, 0x38, 0, 0x31, 0]))],
    'in-halt': [order({}), { faults: [{ fault: 'halt' }] }],
    'link-down': [order({}), { faults: [{ fault: 'link-lost', with: { seconds: 600 } }] }],
    'duplicate-ref': [
      (client) => {
        client.order(1)
        client.order(2, { orderRef: 'r:1' })
      },
    ],
    'duplicate-id': [
      (client) => {
        client.order(1)
        client.order(1)
      },
    ],
    'too-many-messages': [
      (client) => {
        for (let i = 0; i < 60; i++) client.send('reqIds', { count: 1 })
      },
    ],
    'history-pacing': [
      (client) => {
        for (let i = 0; i < 2; i++)
          client.send('reqHistoricalData', { reqId: i, symbol: 'NVDA', barSize: '1 min', duration: '1 D' })
      },
    ],
  }
  test.each(Object.entries(cases))('%s is counted', (rule, [act, options]) => {
    const { bench: made, client } = bench(options as never)
    if (rule === 'over-notional') made.play(client, 2)
    act(client)
    expect(made.gate.log.violations.get(rule as never)).toBe(1)
    expect(made.records.filter(({ type }) => type === 'violation')).toMatchObject([
      { rule, client: 1, count: 1 },
    ])
  })

  test('stale-data: an order on bars that are two minutes old', () => {
    const { bench: made, client } = bench({ faults: [{ fault: 'bars-stop', on: { time: '09:30:30' } }] })
    made.play(client, 6)
    made.timers.pass(150)
    client.order(1)
    expect([...made.gate.log.violations.keys()]).toEqual(['stale-data'])
  })

  test('before-start and bad-handshake', () => {
    const made = new SimBench()
    const early = made.client()
    early.greet()
    early.send('reqIds', { count: 1 })
    made.client().bytes(Buffer.from('GET / HTTP/1.1'))
    const old = made.client()
    old.greet('v100..160')
    expect(old.codes()).toEqual([506])
    expect([...made.gate.log.violations]).toEqual([
      ['before-start', 1],
      ['bad-handshake', 2],
    ])
  })

  test('of every kind has a case', () => {
    const others = ['stale-data', 'before-start', 'bad-handshake']
    expect([...Object.keys(cases), ...others].sort()).toEqual(Object.keys(VIOLATIONS).sort())
  })

  test('is none of orders as they should be', () => {
    const { bench: made, client } = bench({ limits: { notional: 1100, quantity: 10 } })
    made.play(client, 2)
    client.order(1, { totalQuantity: 10 })
    made.play(client, 2)
    client.order(2, { totalQuantity: 10, action: 'SELL' })
    made.play(client, 2)
    client.order(3, { orderType: 'LMT', lmtPrice: 99.99, totalQuantity: 1 })
    expect([...made.gate.log.violations]).toEqual([])
  })
})

test('the same seed and messages give the same bytes', () => {
  const run = () => {
    const { bench: made, client } = bench({
      tape: mockTape({ symbols: ['NVDA'] }),
      faults: [{ fault: 'reject', on: { order: 2 } }],
    })
    for (let n = 1; n < 6; n++) {
      client.order(n)
      made.play(client, 5)
    }
    return [made.log, Buffer.concat(client.raw).toString('latin1')]
  }
  expect(run()).toEqual(run())
})

test('two clients of one id, and an account that is announced', () => {
  const { bench: made, client } = bench({ accounts: ['U123', 'DU5'] })
  expect(client.of('managedAccounts')).toMatchObject([{ accounts: 'U123,DU5' }])
  const other = made.client()
  other.start(1)
  expect([other.codes(), other.isCut]).toEqual([[326], true])
  const third = made.client()
  third.start(2)
  expect(third.codes()).toEqual([2104, 2106, 2158])
  client.order(4, { account: 'DU5', orderType: 'LMT', lmtPrice: 90 })
  third.send('reqOpenOrders')
  third.send('reqAllOpenOrders')
  expect(third.of('openOrder')).toMatchObject([{ orderId: '4', account: 'DU5', clientId: '1' }])
})

test('what was known before a restart is known after it', () => {
  const saved: string[] = []
  const faults = [{ fault: 'order-lost', on: { order: 3 } }]
  const keep = { book: (text: string) => void saved.push(text), clock: () => {} }
  const options = { faults, keep }
  const { bench: made, client } = bench(options)
  client.order(1)
  made.play(client, 3)
  client.order(2, { orderType: 'LMT', lmtPrice: 90 })
  const before = made.gate.statement()
  const restored = JSON.parse(last(saved))
  const again = bench({ ...options, restored })
  const money = ([one]: typeof before) => [one!.cash, one!.commissions, one!.positions]
  expect(money(again.bench.gate.statement())).toEqual(money(before))
  expect(again.bench.gate.clock.instantMs).toBeGreaterThanOrEqual(made.gate.clock.instantMs)
  expect(again.client.of('nextValidId')).toMatchObject([{ orderId: '3' }])
  again.client.send('reqAllOpenOrders')
  expect(again.client.of('openOrder')).toMatchObject([{ orderId: '2', lmtPrice: '90', status: 'Submitted' }])
  again.client.send('reqExecutions', { reqId: 3 })
  expect(again.client.of('execDetails')).toMatchObject([{ orderId: '1', execId: '00000jul.00000001.01' }])
  // An id and a ref that were used stay used, and the fault strikes at the third order, not at the fifth.
  again.client.order(9)
  again.client.order(1)
  again.client.order(3, { orderRef: 'r:1' })
  expect([...again.bench.gate.log.violations.keys()]).toEqual(['duplicate-id', 'duplicate-ref'])
  expect(again.bench.records.filter(({ type }) => type === 'fault')).toHaveLength(1)
})

test('whatever happens, cash and shares are those of the executions', () => {
  const faults = FAULT_NAMES.filter(
    (name) => !/drop|greeting|restart|down|login|torn|in-use|silence/.test(name),
  )
  for (let seed = 1; seed <= 40; seed++) {
    const rng = stream(seed, 'soak')
    const entries = Array.from({ length: 3 }, () => {
      const fault = faults[rng.int(faults.length)]!
      const { on, message } = faultNamed(fault)!
      if (message !== undefined) return { fault, on: { message } }
      return { fault, on: on === 'now' ? { time: `09:${31 + rng.int(4)}:05` } : { [on]: 1 + rng.int(6) } }
    })
    const { bench: made, client } = bench({
      tape: SOAK,
      terms: { ...MODEL, costs: { ...DEFAULT_COSTS, participation: rng.int(2) === 0 ? null : 1e-5 } },
      faults: entries,
    })
    for (let n = 1; n <= 25; n++) {
      const orderType = (['MKT', 'MKT', 'LMT', 'STP'] as const)[rng.int(4)]!
      const price = Math.round(SOAK.lastPart('NVDA', made.gate.clock.instantMs)!.close + rng.int(5) - 2)
      const action = rng.int(2) === 0 ? 'BUY' : 'SELL'
      client.order(n, { action, totalQuantity: 1 + rng.int(9), orderType, lmtPrice: price, auxPrice: price })
      if (rng.int(4) === 0) client.send('cancelOrder', { orderId: 1 + rng.int(n) })
      if (rng.int(20) === 0) client.send('globalCancel')
      made.play(client, rng.int(6))
    }
    const { executions } = made.gate.exchange
    const [{ cash, positions, realised, equity } = expect.fail()] = made.gate.statement()
    const paid = executions.reduce((sum, one) => sum + one.side * one.shares * one.price + one.commission, 0)
    const shares = executions.reduce((sum, one) => sum + one.side * one.shares, 0)
    const { unrealised } = made.gate.exchange.equity('DU1234567', made.gate.clock.instantMs)
    const where = `seed ${seed}: ${JSON.stringify(entries)}`
    expect(cash, where).toBeCloseTo(1_000_000 - paid, 6)
    expect(positions.NVDA ?? 0, where).toBeCloseTo(shares, 9)
    expect(equity - 1_000_000, where).toBeCloseTo(realised + unrealised, 6)
    expect(new Set(executions.map(({ execId }) => execId)).size, where).toBe(executions.length)
    for (const order of made.gate.exchange.orders)
      expect(order.filled, where).toBeLessThanOrEqual(order.quantity)
  }
})
