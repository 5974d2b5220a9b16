import { describe, expect, test } from 'vitest'
import { mockTape } from '../../test/support/sim.js'
import { type BareClient, SimBench } from '../../test/support/sim-bench.js'
import { Failure } from '../base/errors.js'
import { FAULT_NAMES, type FaultName, faultNamed } from './faults.js'
import { faultLines, readEntry, readScenario } from './scenario.js'

const tape = mockTape({ symbols: ['NVDA', 'MSFT'] })
const last = <T>(list: readonly T[]): T => list.at(-1)!

interface Scene {
  readonly bench: SimBench
  readonly client: BareClient
}

/** A client that follows NVDA by bars and quotes, and a fault that is to come. */
function scene(entry: object, clientId = 1): Scene {
  const bench = new SimBench({ tape, faults: [entry] })
  const client = bench.client()
  client.start(clientId)
  if (!client.isCut) {
    client.send('reqMktData', { reqId: 50, symbol: 'NVDA' })
    client.follow('NVDA')
  }
  return { bench, client }
}

/** Another client of the same id, after the first one has gone. */
function again({ bench, client }: Scene): BareClient {
  bench.gate.leave(client.session)
  const next = bench.client()
  next.start(1)
  return next
}

const order = ({ bench, client }: Scene) => {
  client.order(1)
  bench.play(client, 3)
}
const limit = ({ client }: Scene) => client.order(1, { orderType: 'LMT', lmtPrice: 50 })
const cancel = (scene: Scene) => {
  limit(scene)
  scene.client.send('cancelOrder', { orderId: 1 })
}
const pass = ({ bench, client }: Scene) => bench.play(client, 4)
const bars = ({ client }: Scene) => client.of('realTimeBar').length
const shares = ({ bench }: Scene) => bench.gate.statement()[0]!.positions.NVDA ?? 0
const statuses = ({ client }: Scene) => client.of('orderStatus').map(({ status }) => status)
const execIds = ({ client }: Scene) => client.of('execDetails').map(({ execId }) => execId)
const refused = (code: number): Row => [
  order,
  (it) => [last(it.client.codes()), it.bench.gate.exchange.orders.length],
  [code, 0],
]
const notCancelled = (code: number): Row => [
  cancel,
  (it) => [last(it.client.codes()), it.bench.gate.exchange.working.length],
  [code, 1],
]
const warned = (code: number): Row => [
  order,
  (it) => [it.client.codes().includes(code), shares(it)],
  [true, 5],
]
const AT = { on: { time: '09:30:10' } }
const said = (code: number): Row => [pass, (it) => [last(it.client.codes()), bars(it) > 3], [code, true], AT]

type Row = [act: (scene: Scene) => void, seen: (scene: Scene) => unknown, expected: unknown, entry?: object]

/** Of each fault: what happens, what is seen, and what that must be. */
const ROWS: Record<FaultName, Row> = {
  drop: [pass, ({ client }) => client.isCut, true, AT],
  'drop-after-order': [
    order,
    (it) => {
      const { isCut } = it.client
      const back = again(it)
      back.follow('NVDA')
      it.bench.play(back, 2)
      return [isCut, statuses(it), back.of('nextValidId')[0]!.orderId, shares(it)]
    },
    [true, [], '2', 5],
  ],
  'drop-before-order': [order, (it) => [it.client.isCut, it.bench.gate.exchange.orders.length], [true, 0]],
  'drop-after-fill': [order, (it) => [it.client.isCut, execIds(it), shares(it)], [true, [], 5]],
  'drop-before-greeting': [
    (it) => it.bench.client().greet(),
    ({ client }) => client.isCut,
    false,
    { on: { connect: 2 } },
  ],
  'no-greeting': [
    () => {},
    ({ bench }) => {
      const other = bench.client()
      other.greet()
      return [other.version, other.isCut]
    },
    [0, false],
    { on: { connect: 2 } },
  ],
  silence: [
    pass,
    (it) => {
      const before = it.client.heard.length
      it.client.send('reqIds', { count: 1 })
      it.client.send('reqCurrentTime')
      it.bench.timers.pass(1000)
      return [it.client.heard.length - before, it.client.isCut]
    },
    [0, false],
    AT,
  ],
  'torn-frame': [pass, ({ client }) => [client.isCut, last(client.raw).length], [true, 6], AT],
  'gateway-down': [
    pass,
    (it) => {
      const during = it.bench.isListening
      it.bench.timers.pass(250)
      return [it.client.isCut, during, it.bench.isListening]
    },
    [true, false, true],
    AT,
  ],
  'nightly-restart': [
    (it) => {
      order(it)
      it.client.order(2)
      it.bench.timers.settle()
    },
    (it) => [it.client.isCut, it.bench.gate.exchange.orders.length, again(it).of('nextValidId')[0]!.orderId],
    [true, 1, '1'],
    { on: { order: 2 } },
  ],
  'weekly-login': [
    pass,
    (it) => {
      it.bench.timers.pass(4000)
      const during = it.bench.isListening
      it.bench.timers.pass(1500)
      return [during, it.bench.isListening]
    },
    [false, true],
    AT,
  ],
  'client-id-in-use': [
    () => {},
    (it) => {
      const second = again(it)
      return [it.client.codes(), it.client.isCut, second.isCut]
    },
    [[326], true, false],
  ],
  'ids-rolled-back': [order, (it) => again(it).of('nextValidId')[0]!.orderId, '1', AT],
  'ids-raised': [
    order,
    (it) => {
      pass(it)
      return again(it).of('nextValidId')[0]!.orderId
    },
    '1002',
    { on: { time: '09:30:20' } },
  ],
  'live-account': [() => {}, ({ client }) => client.of('managedAccounts')[0]!.accounts, 'DU1234567,U7654321'],
  'read-only': refused(321),

  'link-lost': [
    (it) => {
      it.bench.play(it.client, 1)
      order(it)
      it.bench.timers.pass(200)
      pass(it)
    },
    (it) => [
      it.client.codes().filter((code) => code > 1000 && code < 2000),
      execIds(it),
      shares(it),
      bars(it) > 4,
    ],
    [[1100, 1102], [], 5, true],
    AT,
  ],
  'link-lost-data-lost': [
    (it) => it.bench.play(it.client, 20),
    ({ client }) => [client.codes().slice(-2), client.session.bars.size],
    [[1100, 1101], 0],
    AT,
  ],
  'orders-blocked': [
    (it) => it.bench.play(it.client, 10),
    ({ client }) => client.codes().slice(-2),
    [2110, 1102],
    AT,
  ],
  'farm-blip': [
    (it) => {
      it.bench.timers.pass(100)
      it.bench.play(it.client, 3)
    },
    (it) => {
      const before = bars(it)
      it.client.follow('NVDA')
      pass(it)
      return [it.client.codes().slice(-2), before, bars(it) > 3]
    },
    [[2103, 2104], 1, true],
    AT,
  ],
  'history-farm-broken': [
    (it) => it.bench.play(it.client, 10),
    ({ client }) => client.codes().slice(-2),
    [2105, 2106],
    AT,
  ],
  'farm-ok': said(2104),
  'history-farm-ok': said(2106),
  'definitions-ok': said(2158),
  'not-connected': said(504),
  'connect-failed': said(502),
  'decode-failed': said(505),

  'bars-stop': [pass, bars, 1, AT],
  'stream-ended': [
    pass,
    (it) => [last(it.client.codes()), bars(it), it.client.session.bars.size],
    [10225, 1, 0],
    AT,
  ],
  'updates-failed': [pass, (it) => [last(it.client.codes()), bars(it)], [10182, 1], AT],
  'competing-session': [pass, (it) => [last(it.client.codes()), bars(it)], [10197, 1], AT],
  'no-data': [pass, (it) => [last(it.client.codes()), bars(it)], [354, 1], AT],
  'data-not-subscribed': [
    pass,
    (it) => [last(it.client.codes()), last(it.client.of('marketDataType')).marketDataType, bars(it)],
    [10089, '3', 1],
    AT,
  ],
  'data-partly-subscribed': [pass, (it) => [last(it.client.codes()), bars(it)], [10090, 1], AT],
  'data-delayed': [pass, (it) => [last(it.client.codes()), bars(it)], [10167, 1], AT],
  'frozen-data': [pass, ({ client }) => last(client.of('marketDataType')).marketDataType, '2', AT],
  'price-offset': [
    pass,
    ({ client }) => {
      const [first, second] = client
        .of('realTimeBar')
        .slice(0, 2)
        .map(({ close }) => Number(close))
      return Math.round(second! - first!)
    },
    25,
    AT,
  ],
  halt: [
    order,
    (it) => [
      it.client.of('tickGeneric').map(({ tickType, value }) => [tickType, value]),
      shares(it),
      [...it.bench.gate.log.violations.keys()],
    ],
    [[['49', '1']], 0, ['in-halt']],
    { on: { time: '09:30:05' } },
  ],
  'clock-skew': [
    pass,
    (it) => Number(last(it.client.of('currentTime')).time) * 1000 - it.bench.gate.clock.instantMs + 5000,
    30_000,
  ],
  'history-empty': [
    ({ client }) => client.send('reqHistoricalData', { reqId: 5, symbol: 'NVDA' }),
    ({ client }) => last(client.codes()),
    162,
  ],
  'history-pacing': [
    ({ client }) => client.send('reqHistoricalData', { reqId: 5, symbol: 'NVDA' }),
    ({ client }) => [last(client.codes()), last(client.of('error')).id],
    [162, '5'],
  ],
  'no-answer': [
    ({ client }) => {
      client.send('reqPositions')
      client.send('reqPositions')
    },
    ({ client }) => client.of('positionEnd').length,
    1,
  ],
  'unknown-contract': [
    ({ client }) => client.send('reqContractDetails', { reqId: 4, symbol: 'NVDA' }),
    ({ client }) => [last(client.codes()), client.of('contractDetails').length],
    [200, 0],
  ],
  'bad-request': [
    ({ client }) => client.send('reqAccountSummary', { reqId: 4 }),
    ({ client }) => last(client.codes()),
    321,
  ],
  'rate-limit': said(100),

  'duplicate-id': refused(103),
  'price-variation': refused(110),
  'zero-size': refused(434),
  'unsupported-type': refused(387),
  'fractional-refused': refused(10243),
  'modify-mismatch': refused(105),
  'id-overflow': refused(320),
  'size-limit': refused(451),
  'value-limit': refused(10311),
  'price-limit': refused(109),
  reject: [order, (it) => [last(it.client.codes()), last(statuses(it)), shares(it)], [201, 'Inactive', 0]],
  'reject-malformed': [order, ({ client }) => last(client.of('error')).rejectJson, '{"rejects":['],
  'cancelled-by-broker': [
    (it) => {
      order(it)
      it.bench.play(it.client, 5)
    },
    (it) => [last(it.client.codes()), last(statuses(it)), shares(it)],
    [202, 'Cancelled', 2],
    { with: { seconds: 10, most: 2 } },
  ],
  'cannot-cancel': notCancelled(161),
  'cancel-not-found': notCancelled(10147),
  'cancel-too-late': notCancelled(10148),
  'order-held': warned(399),
  'order-held-for-shares': warned(404),
  'outside-hours-ignored': warned(2109),
  'tif-changed': warned(10349),
  unacknowledged: [order, (it) => [statuses(it), execIds(it), shares(it)], [[], [], 5]],
  inert: [
    (it) => {
      order(it)
      it.bench.play(it.client, 30)
    },
    (it) => [statuses(it), shares(it)],
    [['Submitted'], 0],
  ],
  'order-lost': [order, (it) => [statuses(it), it.bench.gate.exchange.orders.length], [[], 0]],
  'partial-fill': [order, (it) => [last(it.client.of('orderStatus')).filled, shares(it)], ['1', 1]],
  'two-perm-ids': [
    limit,
    ({ client }) => new Set(client.of('openOrder').map(({ permId }) => permId)).size,
    2,
  ],
  'foreign-order': [
    pass,
    (it) => {
      it.client.send('reqAllOpenOrders')
      return [shares(it), execIds(it)]
    },
    [1, []],
  ],

  'status-doubled': [order, (it) => statuses(it), ['Submitted', 'Filled', 'Filled']],
  'no-filled-status': [order, (it) => [statuses(it), execIds(it).length, shares(it)], [['Submitted'], 1, 5]],
  'late-open-order': [
    order,
    (it) => [last(statuses(it)), last(it.client.of('openOrder')).status],
    ['Filled', 'Submitted'],
  ],
  'late-commission': [
    (it) => {
      order(it)
      const before = it.client.of('commissionReport').length
      it.bench.play(it.client, 8)
      expect(before).toBe(0)
    },
    ({ client }) => client.of('commissionReport').map(({ commission }) => commission),
    ['0.35'],
  ],
  'pending-commission': [
    order,
    ({ client }) => client.of('commissionReport').map(({ commission }) => commission),
    ['-1.0', '0.35'],
  ],
  'no-commission': [
    (it) => {
      order(it)
      it.bench.play(it.client, 10)
    },
    ({ client }) => client.of('commissionReport'),
    [],
  ],
  rebate: [
    order,
    (it) => [
      last(it.client.of('commissionReport')).commission,
      it.bench.gate.statement()[0]!.commissions.toFixed(6),
    ],
    ['-0.05', '-0.050000'],
  ],
  'execution-repeated': [order, (it) => execIds(it), ['00000jul.00000001.01', '00000jul.00000001.01']],
  'execution-corrected': [
    (it) => {
      order(it)
      it.bench.play(it.client, 3)
    },
    (it) => {
      const [first, second] = it.client.of('execDetails')
      return [execIds(it), Math.round(100 * (Number(second!.price) - Number(first!.price))), shares(it)]
    },
    [['00000jul.00000001.01', '00000jul.00000001.02'], 1, 5],
  ],
  bust: [
    (it) => {
      order(it)
      it.bench.play(it.client, 3)
    },
    (it) => [execIds(it), last(it.client.of('execDetails')).shares, shares(it)],
    [['00000jul.00000001.01', '00000jul.00000001.02'], '0', 0],
  ],
  'fill-unseen': [
    order,
    (it) => {
      it.client.send('reqExecutions', { reqId: 9 })
      return [statuses(it), it.client.of('execDetails').map(({ reqId }) => reqId), shares(it)]
    },
    [['Submitted'], ['9'], 5],
  ],
}

test.each(Object.entries(ROWS))('%s', (name, [act, seen, expected, more = {}]) => {
  const it = scene({ fault: name, ...more })
  act(it)
  expect(seen(it)).toEqual(expected)
  expect(it.bench.records.filter(({ type }) => type === 'fault')).toMatchObject([{ fault: name }])
  // Whatever happens, money adds up: cash, cost and what was won.
  const [{ equity, realised } = expect.fail()] = it.bench.gate.statement()
  const { unrealised } = it.bench.gate.exchange.equity('DU1234567', it.bench.gate.clock.instantMs)
  expect(equity - 1_000_000).toBeCloseTo(realised + unrealised, 6)
})

test('there are many, each with words, and one for each code that the broker uses', () => {
  expect(FAULT_NAMES.length).toBeGreaterThanOrEqual(35)
  expect(Object.keys(ROWS).sort()).toEqual([...FAULT_NAMES].sort())
  const lines = faultLines()
  const codes = [
    ...[
      100, 103, 110, 321, 434, 387, 10243, 105, 161, 10147, 10148, 162, 200, 201, 202, 326, 10197, 10089,
      10225, 10182,
    ],
    ...[
      451, 10311, 109, 320, 354, 10090, 10167, 399, 404, 2109, 10349, 502, 504, 505, 1100, 2110, 1101, 1102,
    ],
    ...[2104, 2106, 2158, 2103, 2105],
  ]
  expect(codes.filter((code) => !lines.some((line) => new RegExp(`[(, ]${code}[),]`).test(line)))).toEqual([])
})

describe('a scenario', () => {
  test('is lines or an array; an entry is tied to the nth event, a symbol, a message, a time', () => {
    const entries = [
      { fault: 'reject', on: { order: 3, symbol: 'NVDA' } },
      { fault: 'no-answer', on: { message: 'reqExecutions', nth: 2 }, times: 2 },
      { fault: 'link-lost', on: { time: '10:15:00' }, with: { seconds: 5 } },
      { fault: 'drop', on: { time: '2025-08-01T14:15:00Z' } },
    ]
    const lines = readScenario(entries.map((one) => JSON.stringify(one)).join('\n'), 'x')
    expect(readScenario(JSON.stringify(entries), 'x')).toEqual(lines)
    expect(lines.map(({ event, nth, times }) => [event, nth, times])).toEqual([
      ['order', 3, 1],
      ['message', 2, 2],
      ['now', 1, 1],
      ['now', 1, 1],
    ])
    expect(lines[2]).toMatchObject({ params: { seconds: 5 }, time: { dayMs: 36_900_000 } })
  })

  test('strikes at what it is tied to alone', () => {
    const it = scene({ fault: 'reject', on: { order: 2, symbol: 'NVDA' }, times: 2 })
    const { client } = it
    for (const [i, symbol] of ['NVDA', 'MSFT', 'NVDA', 'MSFT', 'NVDA', 'NVDA'].entries())
      client.order(1 + i, { symbol, orderType: 'LMT', lmtPrice: 50 })
    expect(
      client
        .of('error')
        .filter(({ code }) => code === '201')
        .map(({ id }) => id),
    ).toEqual(['3', '5'])
    // By a time it begins to count then.
    const later = scene({ fault: 'order-lost', on: { order: 1, time: '09:30:20' } })
    later.client.order(1, { orderType: 'LMT', lmtPrice: 50 })
    later.bench.play(later.client, 5)
    later.client.order(2, { orderType: 'LMT', lmtPrice: 50 })
    expect(later.bench.gate.exchange.orders.map(({ orderId }) => orderId)).toEqual([1])
  })

  test.each([
    ['{', /not JSON/],
    ['3', /expected an object/],
    ['{}', /fault: expected the name/],
    ['{"fault":"drpo"}', /no fault "drpo"/, 'did you mean drop?'],
    ['{"fault":"drop","when":1}', /when: unknown key/],
    ['{"fault":"drop","on":{"hour":1}}', /on\.hour: unknown key/],
    ['{"fault":"drop","on":3}', /on: expected an object/],
    ['{"fault":"drop","on":{"time":"25:00"}}', /on\.time: expected/],
    ['{"fault":"drop","on":{"order":0}}', /on\.order: expected a whole number/],
    ['{"fault":"drop","on":{"order":1,"fill":1}}', /one event alone/],
    ['{"fault":"drop","on":{"order":1,"nth":2}}', /on\.nth: it goes with/],
    ['{"fault":"reject","on":{"fill":1}}', /on\.fill: reject strikes at the event order/],
    [
      '{"fault":"no-answer","on":{"message":"reqExecution"}}',
      /on\.message: no message/,
      'did you mean reqExecutions?',
    ],
    ['{"fault":"link-lost","with":{"minutes":3}}', /with\.minutes: unknown key/],
    ['{"fault":"link-lost","with":{"seconds":"3"}}', /with\.seconds: expected a number/],
    ['{"fault":"drop","times":-1}', /times: expected a whole number/],
  ])('refuses %s by entry and key', (text, words, hint?: string) => {
    const seen = (() => {
      try {
        return readScenario(`{"fault":"drop"}\n${text}`, 'faults.ndjson')
      } catch (error) {
        return error
      }
    })()
    expect(seen).toBeInstanceOf(Failure)
    const { message, where, kind } = seen as Failure
    expect([kind, where]).toEqual(['data', 'faults.ndjson:2'])
    expect(message).toMatch(words)
    if (hint !== undefined) expect((seen as Failure).hint).toBe(hint)
  })

  test('of an array names the entry by its number', () => {
    expect(() => readScenario('[{"fault":"drop"},{"fault":"drop","on":{"order":"x"}}]', 'f')).toThrow(
      expect.objectContaining({ where: 'f: entry 2' }),
    )
  })

  test('every fault takes its own parameters', () => {
    for (const name of FAULT_NAMES)
      expect(readEntry({ fault: name, with: { ...faultNamed(name)!.params } }, 'x').name).toBe(name)
  })
})
