import { expect, test } from 'vitest'
import { ACTS, type Act, CODES, judge, refuses } from './codes.js'

/** What is to be done about each code, written down a second time. */
const TABLE: readonly (readonly [code: number, text: string, act: Act])[] = [
  [100, 'Max rate of messages per second has been exceeded', 'back-off'],
  [103, 'Duplicate order id', 'new-id'],
  [105, 'Order being modified does not match original order', 'halt'],
  [109, 'Price is out of the range', 'reject'],
  [110, 'The price does not conform to the minimum price variation', 'reject'],
  [161, 'Cancel attempted when order is not in a cancellable state', 'settle'],
  [162, 'Historical Market Data Service error message:Historical data request pacing violation', 'wait'],
  [
    162,
    'Historical Market Data Service error message:HMDS query returned no data: NVDA@SMART Trades',
    'empty',
  ],
  [162, 'Historical Market Data Service error message:API historical data query cancelled: 7', 'note'],
  [
    162,
    'Historical Market Data Service error message:No market data permissions for ISLAND STK',
    'data-guard',
  ],
  [162, 'Historical Market Data Service error message:something else', 'reject'],
  [200, 'No security definition has been found for the request', 'unknown-contract'],
  [201, 'Order rejected - reason:', 'stop-symbol'],
  [202, 'Order Canceled - reason:', 'cancelled'],
  [202, 'Order Canceled - reason: order expired', 'expired'],
  [300, "Can't find EId with tickerId:7", 'none'],
  [320, 'Error reading request', 'alarm'],
  [321, 'Error validating request.-bW : cause - Please enter exchange', 'reject'],
  [
    321,
    "Error validating request.-'b7' : cause - The API interface is currently in Read-Only mode.",
    'read-only',
  ],
  [326, 'Unable to connect as the client id is already in use', 'same-id'],
  [354, 'Requested market data is not subscribed', 'data-guard'],
  [366, 'No historical data query found for ticker id:7', 'none'],
  [387, 'Unsupported order type for this exchange and security type', 'reject'],
  [399, 'Order Message: Warning: your order will not be placed until', 'lives'],
  [404, 'Shares for this order are not immediately available for short sale', 'lives'],
  [420, 'Invalid Real-time Query:No market data permissions', 'data-guard'],
  [420, 'Invalid Real-time Query:Historical data request pacing violation', 'subscribe-again'],
  [434, 'The order size cannot be zero', 'reject'],
  [451, 'Order size exceeds the limit', 'reject'],
  [501, 'Already connected', 'none'],
  [502, "Couldn't connect to TWS", 'reconnect'],
  [503, 'The TWS is out of date and must be upgraded', 'reconnect'],
  [504, 'Not connected', 'reconnect'],
  [505, 'Fatal error: unknown message id', 'alarm'],
  [506, 'Unsupported version', 'reconnect'],
  [507, 'Bad message length', 'reconnect'],
  [508, 'Bad message', 'reconnect'],
  [1100, 'Connectivity between IB and Trader Workstation has been lost', 'link-lost'],
  [1101, 'restored - data lost', 'link-back-empty'],
  [1102, 'restored - data maintained', 'link-back'],
  [2103, 'Market data farm connection is broken', 'farm-broken'],
  [2104, 'Market data farm connection is OK', 'farm-fine'],
  [2105, 'HMDS data farm connection is broken', 'farm-broken'],
  [2106, 'HMDS data farm connection is OK', 'farm-fine'],
  [2107, 'HMDS data farm connection is inactive', 'farm-fine'],
  [2108, 'Market data farm connection is inactive', 'farm-fine'],
  [2109, 'Order Event Warning: Attribute Outside Regular Trading Hours is ignored', 'lives'],
  [2110, 'Connectivity between TWS and server is broken', 'link-lost'],
  [2119, 'Market data farm is connecting', 'none'],
  [2158, 'Sec-def data farm connection is OK', 'none'],
  [2174, 'You have not specified a time zone', 'note'],
  [10089, 'Requested market data requires additional subscription', 'data-guard'],
  [10089, 'a competing live session', 'data-guard'],
  [10090, 'Part of requested market data is not subscribed', 'data-guard'],
  [10147, 'OrderId 7 that needs to be cancelled is not found', 'settle'],
  [10148, 'OrderId 7 that needs to be cancelled can not be cancelled, state: Filled', 'settle'],
  [10167, 'Displaying delayed market data', 'data-guard'],
  [10168, 'Delayed market data is not enabled', 'data-guard'],
  [10182, 'Failed to request live updates (disconnected)', 'subscribe-again'],
  [10186, 'Requested market data is not subscribed', 'data-guard'],
  [10197, 'No market data during competing live session', 'data-guard'],
  [10225, 'Bust event occurred, current subscription is deactivated', 'subscribe-again'],
  [10243, 'Fractional-sized order cannot be placed via API', 'reject'],
  [10311, 'This order will be directly routed', 'reject'],
  [10314, 'End Date/Time: The date, time, or time-zone entered is invalid', 'reject'],
  [10349, 'Order TIF was set to DAY based on order preset', 'lives'],
]

test.each(TABLE)('%i %s: %s', (code, text, act) => {
  expect(judge(code, text).act).toBe(act)
})

test('every code has a row here, every rule of a row too, and every act is used', () => {
  expect([...CODES.keys()].sort((a, b) => a - b)).toEqual([...new Set(TABLE.map(([code]) => code))])
  for (const [code, { when = [] }] of CODES) {
    const judged = TABLE.filter(([other]) => other === code).map(([, text]) => judge(code, text))
    // 354 and its kin have one rule between them.
    if (code !== 354)
      for (const rule of when) if ([162, 202, 321, 420, 10089].includes(code)) expect(judged).toContain(rule)
  }
  const used = new Set(
    [...CODES.values()].flatMap(({ act, when = [] }) => [act, ...when.map((rule) => rule.act)]),
  )
  expect([...used].sort()).toEqual(Object.keys(ACTS).sort())
})

test('no code has two rows', () => {
  const codes = [...CODES.values()]
  expect(new Set(codes).size).toBe(new Set(codes.map(({ codes: [first] }) => first)).size)
  const all = [...new Set(codes)].flatMap((row) => row.codes)
  expect(all).toHaveLength(new Set(all).size)
})

test('a live login elsewhere is named as such', () => {
  expect(judge(10089, 'No market data during competing live session').meaning).toContain(
    'live login elsewhere',
  )
  expect(judge(10197, '').meaning).toContain('live login elsewhere')
})

test('a code without a row makes the broker say what became of the order', () => {
  expect(judge(98765, 'new')).toEqual({ meaning: 'a code that is not known', act: 'settle' })
})

test('a warning about a request is not its refusal', () => {
  expect([...(Object.keys(ACTS) as Act[])].filter((act) => !refuses(act))).toEqual([
    'none',
    'note',
    'lives',
    'farm-fine',
  ])
})
