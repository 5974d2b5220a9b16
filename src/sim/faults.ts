/**
 * What can go wrong between a trader and the broker, as a table: each row a fault by name, what it is, when it strikes where
 * nothing else is said, its parameters, and what it does. Users have met every one of them.
 */
import type { Desk } from './desk.js'
import type { Effects } from './effects.js'
import type { Message } from './layout.js'
import { isWorking, type SimExecution, type SimOrder } from './orders.js'
import { commissionOf, execDetailsOf, openOrderOf, statusOf } from './reports.js'
import { type Session, tornFrame } from './session.js'

/** What a fault may be tied to. `now`: nothing has to happen. */
export type FaultEvent = 'connect' | 'message' | 'order' | 'fill' | 'now'

/** What has happened, as far as the event has it. */
export interface Hit {
  readonly session?: Session | undefined
  readonly name?: string | undefined
  readonly message?: Message | undefined
  readonly order?: SimOrder | undefined
  readonly execution?: SimExecution | undefined
  readonly symbol?: string | undefined
}

/** What a fault can reach. */
export interface Stage {
  readonly desk: Desk
  readonly effects: Effects
  /** Clients that have started the API. */
  readonly clients: () => readonly Session[]
  /** Calls after so much virtual time. */
  readonly later: (ms: number, call: () => void) => void
  /** Calls after so much real time: while nobody is connected, virtual time may stand. */
  readonly laterReal: (ms: number, call: () => void) => void
  /** Stops and begins to take connections. */
  readonly listen: (isOn: boolean) => void
  /** Handles a message of a client as if there were no fault. */
  readonly handle: (session: Session, name: string, message: Message) => void
}

export type Params = Readonly<Record<string, number | string | boolean>>

export interface Fault {
  /** In plain words, what a client sees. */
  readonly words: string
  /** The code of the broker that it begins with. */
  readonly code?: number
  /** When it strikes where the scenario names no event. */
  readonly on: FaultEvent
  /** Of messages: the one it is meant for. */
  readonly message?: string
  /** Parameters with what they are without a word. */
  readonly params: Params
  /** True: what happened is dealt with, and is not handled as usual. */
  readonly act: (stage: Stage, hit: Hit, params: Params) => boolean
}

const idOf = ({ message }: Hit): number => Number(message?.orderId ?? message?.reqId ?? -1)

/** Says something to everybody, with the id -1 of what is about no request. */
function tell({ clients }: Stage, code: number, text: string): void {
  for (const session of clients()) session.error(-1, code, text)
}

/** The message is answered by an error, and by nothing else. */
function refusal(words: string, code: number, text: string, more: Partial<Fault> = {}): Fault {
  return {
    words: `${words} (${code})`,
    code,
    on: 'order',
    params: { text },
    act: (_stage, hit, params) => {
      hit.session?.error(idOf(hit), code, String(params.text))
      return true
    },
    ...more,
  }
}

/** A warning comes about an order that lives all the same. */
function warning(code: number, text: string): Fault {
  return {
    words: `a warning about an order that lives all the same (${code})`,
    code,
    on: 'order',
    params: { text },
    act: ({ handle }, hit, params) => {
      handle(hit.session!, hit.name!, hit.message!)
      hit.session?.error(idOf(hit), code, String(params.text))
      return true
    },
  }
}

/** Something is said to everybody. */
function word(words: string, code: number, text: string): Fault {
  return {
    words: `${words} (${code})`,
    code,
    on: 'now',
    params: { text },
    act: (stage, _hit, params) => {
      tell(stage, code, String(params.text))
      return false
    },
  }
}

/** Live data is taken away: the kind changes unasked, or a stream stops. */
function dataLost(
  words: string,
  code: number,
  { text, type, stops }: { readonly text: string; readonly type: number; readonly stops: boolean },
): Fault {
  return {
    words: `${words} (${code})`,
    code,
    on: 'now',
    params: { text, seconds: 0 },
    act: (stage, _hit, params) => {
      const { desk, effects } = stage
      const switchTo = (kind: number) => {
        desk.dataType = kind
        for (const session of stage.clients())
          for (const reqId of session.quotes.keys())
            session.send('marketDataType', { reqId, marketDataType: kind })
      }
      for (const session of stage.clients())
        for (const reqId of [...session.bars.keys(), ...session.quotes.keys()])
          session.error(reqId, code, String(params.text))
      if (type !== 1) switchTo(type)
      if (stops) effects.muted.add('*')
      if (Number(params.seconds) > 0)
        stage.later(1000 * Number(params.seconds), () => {
          if (type !== 1) switchTo(1)
          effects.muted.delete('*')
        })
      return false
    },
  }
}

/** Everybody's connection is cut. */
function cutAll({ desk, effects }: Stage): void {
  for (const session of [...desk.sessions]) session.cut()
  effects.deaf.clear()
}

function linkLost(
  stage: Stage,
  params: Params,
  back: { readonly code: number; readonly text: string },
): boolean {
  const { desk, effects } = stage
  desk.isLinkDown = true
  effects.reportsHeld = true
  effects.muted.add('*')
  tell(stage, 1100, 'Connectivity between IBKR and Trader Workstation has been lost.')
  stage.later(1000 * Number(params.seconds), () => {
    desk.isLinkDown = false
    effects.reportsHeld = false
    effects.muted.delete('*')
    if (back.code === 1101) for (const session of stage.clients()) session.unsubscribe()
    tell(stage, back.code, back.text)
  })
  return false
}

/** The execution as usual, after which something more is done. */
function afterFill(
  words: string,
  params: Params,
  more: (
    stage: Stage,
    hit: Hit & { session: Session; order: SimOrder; execution: SimExecution },
    params: Params,
  ) => void,
): Fault {
  return {
    words,
    on: 'fill',
    params,
    act: (stage, hit, given) => {
      const { session, order, execution } = hit
      if (session === undefined || order === undefined || execution === undefined) return false
      session.send('execDetails', execDetailsOf(execution, -1))
      more(stage, { ...hit, session, order, execution }, given)
      return true
    },
  }
}

const symbolOf = (hit: Hit, params: Params): string => String(params.symbol || hit.symbol || '*')

/** Every fault by its name. */
export const FAULTS = {
  // Connections
  drop: {
    words: 'every connection is cut at once',
    on: 'now',
    params: {},
    act: (stage) => {
      cutAll(stage)
      return false
    },
  },
  'drop-after-order': {
    words: 'an order arrives and lives, and the connection is cut before its sender hears of it',
    on: 'order',
    params: {},
    act: ({ handle }, { session, name, message }) => {
      session!.cut()
      handle(session!, name!, message!)
      return true
    },
  },
  'drop-before-order': {
    words: 'an order is written into a dying socket and is lost',
    on: 'order',
    params: {},
    act: (_stage, { session }) => {
      session!.cut()
      return true
    },
  },
  'drop-after-fill': {
    words: 'an order is filled, and the connection is cut before its owner hears of it',
    on: 'fill',
    params: {},
    act: (_stage, { session }) => {
      session?.cut()
      return true
    },
  },
  'drop-before-greeting': {
    words: 'the connection is cut before the greeting with the version',
    on: 'connect',
    params: {},
    act: (_stage, { session }) => {
      session!.cut()
      return true
    },
  },
  'no-greeting': {
    words: 'the connection stands, and no greeting comes',
    on: 'connect',
    params: {},
    act: () => true,
  },
  silence: {
    words: 'the socket stays open, and nothing comes any more, answers included',
    on: 'now',
    params: {},
    act: ({ effects, clients }) => {
      for (const session of clients()) effects.deaf.add(session)
      return false
    },
  },
  'torn-frame': {
    words: 'half a frame comes, and then the end of the connection',
    on: 'now',
    params: {},
    act: ({ clients }) => {
      for (const session of clients()) {
        session.sendRaw(tornFrame())
        session.close()
      }
      return false
    },
  },
  'gateway-down': {
    words: 'every connection is cut, and new ones are refused for `ms` of real time',
    on: 'now',
    params: { ms: 200 },
    act: (stage, _hit, params) => {
      stage.listen(false)
      cutAll(stage)
      stage.laterReal(Number(params.ms), () => stage.listen(true))
      return false
    },
  },
  'nightly-restart': {
    words:
      'the restart of the night: connections are cut, an order that was just written is lost, and the next id that is told goes back by `back`',
    on: 'order',
    params: { back: 1, ms: 200 },
    act: (stage, hit, params) => {
      const { desk, effects } = stage
      const next = desk.nextIds.get(hit.session?.clientId ?? 0) ?? 1
      effects.toldId = Math.max(1, next - Number(params.back))
      stage.listen(false)
      cutAll(stage)
      stage.laterReal(Number(params.ms), () => stage.listen(true))
      return hit.message !== undefined
    },
  },
  'weekly-login': {
    words:
      'the log-in of the week is due: connections are cut, and the gateway is down until `ms` of real time have passed',
    on: 'now',
    params: { ms: 5000 },
    act: (stage, _hit, params) => {
      stage.listen(false)
      cutAll(stage)
      stage.laterReal(Number(params.ms), () => stage.listen(true))
      return false
    },
  },
  'client-id-in-use': refusal(
    'the client id is said to be in use, as after a connection that the gateway has not seen end',
    326,
    'Unable to connect as the client id is already in use. Retry with a unique client id.',
    {
      on: 'message',
      message: 'startApi',
      act: (_stage, { session }, params) => {
        session!.error(-1, 326, String(params.text))
        session!.close()
        return true
      },
    },
  ),
  'ids-rolled-back': {
    words: 'clients that connect are told an order id that was used',
    on: 'now',
    params: { id: 1 },
    act: ({ effects }, _hit, params) => {
      effects.toldId = Number(params.id)
      return false
    },
  },
  'ids-raised': {
    words: 'clients that connect are told an order id far above the last one',
    on: 'now',
    params: { by: 1000 },
    act: ({ desk, effects }, _hit, params) => {
      effects.toldId = Math.max(1, ...desk.nextIds.values()) + Number(params.by)
      return false
    },
  },
  'live-account': {
    words: 'clients that connect are told of an account that is no paper account',
    on: 'now',
    params: { account: 'U7654321' },
    act: ({ effects, desk }, _hit, params) => {
      effects.toldAccounts = [...desk.accounts, String(params.account)]
      return false
    },
  },
  'read-only': {
    words: 'the gateway is set to read-only: orders are refused (321)',
    on: 'now',
    params: {},
    act: ({ desk }) => {
      desk.isReadOnly = true
      return false
    },
  },

  // The link and its farms
  'link-lost': {
    code: 1100,
    words:
      'the link to the broker is lost for `seconds` and comes back with the data kept; fills meanwhile are seen by asking only (1100, 1102)',
    on: 'now',
    params: { seconds: 60 },
    act: (stage, _hit, params) =>
      linkLost(stage, params, {
        code: 1102,
        text: 'Connectivity between IBKR and Trader Workstation has been restored - data maintained.',
      }),
  },
  'link-lost-data-lost': {
    words:
      'the link to the broker is lost for `seconds` and comes back with every subscription gone (1100, 1101)',
    on: 'now',
    params: { seconds: 60 },
    act: (stage, _hit, params) =>
      linkLost(stage, params, {
        code: 1101,
        text: 'Connectivity between IBKR and Trader Workstation has been restored - data lost.',
      }),
  },
  'orders-blocked': {
    code: 2110,
    words:
      'the gateway has no link and orders are not sent; it comes back by itself after `seconds` (2110, 1102)',
    on: 'now',
    params: { seconds: 30 },
    act: (stage, _hit, params) => {
      stage.desk.isLinkDown = true
      tell(
        stage,
        2110,
        'Connectivity between Trader Workstation and server is broken. It will be restored automatically.',
      )
      stage.later(1000 * Number(params.seconds), () => {
        stage.desk.isLinkDown = false
        tell(
          stage,
          1102,
          'Connectivity between IBKR and Trader Workstation has been restored - data maintained.',
        )
      })
      return false
    },
  },
  'farm-blip': {
    code: 2103,
    words:
      'the farm of market data breaks for `seconds` and is fine again, and the bars stay away until they are asked for anew (2103, 2104)',
    on: 'now',
    params: { seconds: 10 },
    act: (stage, _hit, params) => {
      tell(stage, 2103, 'Market data farm connection is broken:usfarm')
      stage.effects.muted.add('*')
      stage.later(1000 * Number(params.seconds), () => {
        stage.effects.muted.delete('*')
        for (const session of stage.clients()) session.loseStreams()
        tell(stage, 2104, 'Market data farm connection is OK:usfarm')
      })
      return false
    },
  },
  'history-farm-broken': {
    code: 2105,
    words: 'the farm of history breaks for `seconds` and is fine again (2105, 2106)',
    on: 'now',
    params: { seconds: 30 },
    act: (stage, _hit, params) => {
      tell(stage, 2105, 'HMDS data farm connection is broken:ushmds')
      stage.later(1000 * Number(params.seconds), () =>
        tell(stage, 2106, 'HMDS data farm connection is OK:ushmds'),
      )
      return false
    },
  },
  'farm-ok': word('a farm says that it is fine', 2104, 'Market data farm connection is OK:usfarm'),
  'history-farm-ok': word(
    'the farm of history says that it is fine',
    2106,
    'HMDS data farm connection is OK:ushmds',
  ),
  'definitions-ok': word(
    'the farm of definitions says that it is fine',
    2158,
    'Sec-def data farm connection is OK:secdefnj',
  ),
  'not-connected': word('the gateway says that it is not connected', 504, 'Not connected'),
  'connect-failed': word('the gateway says that it cannot connect', 502, "Couldn't connect to TWS."),
  'decode-failed': word(
    'the gateway says that a message was not understood',
    505,
    'Fatal Error: Unknown message id.',
  ),

  // Market data
  'bars-stop': {
    words: 'the bars of a symbol, or of all, stop without a word, for `seconds` (0: for good)',
    on: 'now',
    params: { symbol: '', seconds: 0 },
    act: ({ effects, later }, hit, params) => {
      const symbol = symbolOf(hit, params)
      effects.muted.add(symbol)
      if (Number(params.seconds) > 0) later(1000 * Number(params.seconds), () => effects.muted.delete(symbol))
      return false
    },
  },
  'stream-ended': {
    code: 10225,
    words: 'the real-time bars end with an error, though all looks alive (10225)',
    on: 'now',
    params: {
      text: 'Bust event occurred, current subscription is deactivated. Please resubscribe real-time bars immediately',
    },
    act: ({ clients }, _hit, params) => {
      for (const session of clients()) {
        const ids = [...session.bars.keys()]
        session.loseStreams()
        for (const id of ids) session.error(id, 10225, String(params.text))
      }
      return false
    },
  },
  'updates-failed': {
    code: 10182,
    words: 'live updates of a stream fail, and it ends (10182)',
    on: 'now',
    params: { text: 'Failed to request live updates (disconnected).' },
    act: ({ clients }, _hit, params) => {
      for (const session of clients()) {
        const ids = [...session.bars.keys()]
        session.loseStreams()
        for (const id of ids) session.error(id, 10182, String(params.text))
      }
      return false
    },
  },
  'competing-session': dataLost('a live log-in elsewhere holds the data', 10197, {
    ...{ text: 'No market data during competing live session', type: 1, stops: true },
  }),
  'data-not-subscribed': dataLost('the data is not subscribed to', 10089, {
    text: 'Requested market data requires additional subscription for API. Delayed market data is available.',
    ...{ type: 3, stops: false },
  }),
  'data-partly-subscribed': dataLost('a part of the data is not subscribed to', 10090, {
    text: 'Part of requested market data is not subscribed. Subscription-independent ticks are still active.',
    ...{ type: 3, stops: false },
  }),
  'data-delayed': dataLost('delayed data comes instead of live data', 10167, {
    text: 'Requested market data is not subscribed. Displaying delayed market data.',
    ...{ type: 3, stops: false },
  }),
  'no-data': dataLost('there is no data', 354, {
    text: 'Requested market data is not subscribed.',
    ...{ type: 1, stops: true },
  }),
  'frozen-data': {
    words: 'the kind of data switches to frozen, unasked, for `seconds` (0: for good)',
    on: 'now',
    params: { seconds: 0 },
    act: (stage, _hit, params) => {
      const { desk } = stage
      const switchTo = (kind: number) => {
        desk.dataType = kind
        for (const session of stage.clients())
          for (const reqId of session.quotes.keys())
            session.send('marketDataType', { reqId, marketDataType: kind })
      }
      switchTo(2)
      if (Number(params.seconds) > 0) stage.later(1000 * Number(params.seconds), () => switchTo(1))
      return false
    },
  },
  'price-offset': {
    words:
      'the prices of a symbol, or of all, are wrong by a constant number of `dollars`, as after the return of a farm, for `seconds`',
    on: 'now',
    params: { symbol: '', dollars: 25, seconds: 60 },
    act: ({ effects, later }, hit, params) => {
      const symbol = symbolOf(hit, params)
      effects.offsets.set(symbol, Number(params.dollars))
      later(1000 * Number(params.seconds), () => effects.offsets.delete(symbol))
      return false
    },
  },
  halt: {
    words:
      'a symbol is halted for `seconds`: tick 49 has `kind` 1 for a halt, 2 for a volatility pause; nothing trades, and no bars come',
    on: 'now',
    params: { symbol: '', seconds: 300, kind: 1 },
    act: (stage, hit, params) => {
      const symbol = symbolOf(hit, params)
      const halted = symbol === '*' ? stage.desk.tape.symbols : [symbol]
      const say = (value: number) => {
        for (const session of stage.clients())
          for (const [reqId, quoted] of session.quotes)
            if (halted.includes(quoted)) session.send('tickGeneric', { reqId, tickType: 49, value })
      }
      for (const one of halted) {
        stage.desk.exchange.halted.add(one)
        stage.effects.muted.add(one)
      }
      say(Number(params.kind))
      stage.later(1000 * Number(params.seconds), () => {
        for (const one of halted) {
          stage.desk.exchange.halted.delete(one)
          stage.effects.muted.delete(one)
        }
        say(0)
      })
      return false
    },
  },
  'clock-skew': {
    words: "the gateway's clock is wrong by `seconds`",
    on: 'now',
    params: { seconds: 30 },
    act: ({ effects }, _hit, params) => {
      effects.clockSkewMs = 1000 * Number(params.seconds)
      return false
    },
  },
  'history-empty': refusal(
    'history has no data',
    162,
    'Historical Market Data Service error message:HMDS query returned no data',
    {
      ...{ on: 'message', message: 'reqHistoricalData' },
    },
  ),
  'history-pacing': refusal(
    'history is asked for too often',
    162,
    'Historical Market Data Service error message:Historical data request pacing violation',
    { on: 'message', message: 'reqHistoricalData' },
  ),
  'no-answer': {
    words: 'a request is not answered; without `message` of the event the next one for positions',
    on: 'message',
    message: 'reqPositions',
    params: {},
    act: () => true,
  },
  'unknown-contract': refusal(
    'a contract is not known',
    200,
    'No security definition has been found for the request',
    { on: 'message', message: 'reqContractDetails' },
  ),
  'bad-request': refusal('a request is not valid', 321, 'Error validating request: cause - Invalid request', {
    ...{ on: 'message', message: 'reqAccountSummary' },
  }),
  'rate-limit': {
    code: 100,
    words: 'messages are said to come too fast (100)',
    on: 'now',
    params: { text: 'Max rate of messages per second has been exceeded' },
    act: (stage, _hit, params) => {
      tell(stage, 100, String(params.text))
      return false
    },
  },

  // Orders
  'duplicate-id': refusal('an order id is said to be in use', 103, 'Duplicate order id'),
  'price-variation': refusal(
    'a price is off the grid',
    110,
    'The price does not conform to the minimum price variation for this contract.',
  ),
  'zero-size': refusal('the size of an order is zero', 434, 'The order size cannot be zero.'),
  'unsupported-type': refusal(
    'the type of an order is not served',
    387,
    'Unsupported order type for this exchange and security type.',
  ),
  'fractional-refused': refusal(
    'parts of shares are refused',
    10243,
    'Fractional-sized order cannot be placed via API.',
  ),
  'modify-mismatch': refusal(
    'an order is said to be another one than the one it changes',
    105,
    'Order being modified does not match original order',
  ),
  'id-overflow': refusal('an order id is too large', 320, 'Error reading request: the order id is too large'),
  'size-limit': refusal(
    'the precautionary limit on the size of an order',
    451,
    'The order size exceeds the precautionary size limit of the preset.',
  ),
  'value-limit': refusal(
    'the precautionary limit on the value of an order',
    10311,
    'This order will be directly routed and exceeds a precautionary setting.',
  ),
  'price-limit': refusal(
    'the precautionary limit on the price of an order',
    109,
    'Price is out of the range defined by the precautionary settings.',
  ),
  reject: {
    code: 201,
    words: 'an order is rejected after it was taken (201)',
    on: 'order',
    params: { text: 'Order rejected - reason:The order was rejected by the exchange' },
    act: ({ handle, desk }, hit, params) => {
      const { session, name, message } = hit
      handle(session!, name!, message!)
      const order = desk.exchange.find(session!.clientId!, idOf(hit))
      if (order !== undefined && isWorking(order)) {
        desk.exchange.end(order, 'Inactive', String(params.text), desk.clock.instantMs)
        session!.error(order.orderId, 201, String(params.text))
      }
      return true
    },
  },
  'reject-malformed': {
    words: 'an order is rejected with details that are no JSON (201)',
    on: 'order',
    params: { json: '{"rejects":[' },
    act: (_stage, hit, params) => {
      hit.session!.error(idOf(hit), 201, 'Order rejected - reason:malformed details', String(params.json))
      return true
    },
  },
  'cancelled-by-broker': {
    code: 202,
    words: 'the broker cancels an order `seconds` after it came; the part that is filled stays (202)',
    on: 'order',
    params: { seconds: 0, most: 0 },
    act: ({ handle, desk, later }, hit, params) => {
      const { session, name, message } = hit
      const symbol = String(message?.symbol ?? '*')
      if (Number(params.most) > 0) desk.exchange.caps.set(symbol, Number(params.most))
      handle(session!, name!, message!)
      const cancel = () => {
        const order = desk.exchange.find(session!.clientId!, idOf(hit))
        desk.exchange.caps.delete(symbol)
        if (order !== undefined && isWorking(order))
          desk.exchange.end(order, 'Cancelled', 'cancelled by the broker', desk.clock.instantMs)
      }
      if (Number(params.seconds) > 0) later(1000 * Number(params.seconds), cancel)
      else cancel()
      return true
    },
  },
  'cannot-cancel': refusal(
    'an order is not in a state to be cancelled',
    161,
    'Cancel attempted when order is not in a cancellable state.',
    {
      ...{ on: 'message', message: 'cancelOrder' },
    },
  ),
  'cancel-not-found': refusal(
    'an order that is to be cancelled is not found',
    10147,
    'OrderId that needs to be cancelled is not found.',
    {
      ...{ on: 'message', message: 'cancelOrder' },
    },
  ),
  'cancel-too-late': refusal(
    'an order that is to be cancelled was filled',
    10148,
    'OrderId that needs to be cancelled cannot be cancelled, state: Filled.',
    {
      ...{ on: 'message', message: 'cancelOrder' },
    },
  ),
  'order-held': warning(
    399,
    'Order Message: Warning: your order will not be placed at the exchange until the open',
  ),
  'order-held-for-shares': warning(404, 'Order held while securities are located.'),
  'outside-hours-ignored': warning(
    2109,
    'Order Event Warning: Attribute Outside Regular Trading Hours is ignored',
  ),
  'tif-changed': warning(10349, 'Order TIF was set to DAY based on order preset.'),
  unacknowledged: {
    words: 'an order lives, and nothing is said of it: not that it came, not that it was filled',
    on: 'order',
    params: {},
    act: ({ handle, desk, effects }, hit) => {
      const { session, name, message } = hit
      effects.reportsHeld = true
      handle(session!, name!, message!)
      effects.reportsHeld = false
      const order = desk.exchange.find(session!.clientId!, idOf(hit))
      if (order !== undefined) effects.untold.add(order.permId)
      return true
    },
  },
  inert: {
    words: 'an order is acknowledged and does nothing: it is not filled and does not expire',
    on: 'order',
    params: {},
    act: ({ handle, desk }, hit) => {
      const { session, name, message } = hit
      handle(session!, name!, message!)
      const order = desk.exchange.find(session!.clientId!, idOf(hit))
      if (order !== undefined) desk.exchange.inert.add(order.permId)
      return true
    },
  },
  'order-lost': {
    words: 'an order disappears without a word',
    on: 'order',
    params: {},
    act: () => true,
  },
  'partial-fill': {
    words: 'orders of a symbol are filled in parts of at most `shares` a bar, for `seconds`',
    on: 'order',
    params: { symbol: '', shares: 1, seconds: 600 },
    act: ({ desk, later }, hit, params) => {
      const symbol = symbolOf(hit, params)
      desk.exchange.caps.set(symbol, Number(params.shares))
      later(1000 * Number(params.seconds), () => desk.exchange.caps.delete(symbol))
      return false
    },
  },
  'two-perm-ids': {
    words: 'an order that is changed gets a second permId, as in an outage',
    on: 'order',
    params: {},
    act: ({ handle, desk }, hit) => {
      const { session, name, message } = hit
      handle(session!, name!, message!)
      const order = desk.exchange.find(session!.clientId!, idOf(hit))
      if (order !== undefined && isWorking(order)) {
        order.permId = desk.exchange.newPermId()
        session!.send('openOrder', openOrderOf(order))
        session!.send('orderStatus', statusOf(order))
      }
      return true
    },
  },
  'foreign-order': {
    words: 'somebody buys or sells by hand at the broker: an order with the id 0',
    on: 'now',
    params: { symbol: '', shares: 1, side: 'BUY' },
    act: ({ desk }, hit, params) => {
      const symbol = symbolOf(hit, params) === '*' ? desk.tape.symbols[0]! : symbolOf(hit, params)
      desk.exchange.place({
        ...{ clientId: 0, orderId: 0, account: desk.accounts[0]!, symbol, kind: 'MKT' },
        ...{ side: params.side === 'SELL' ? -1 : 1, quantity: Number(params.shares), tif: 'DAY', ref: '' },
        ...{ limit: Number.NaN, stop: Number.NaN, arrivedMs: desk.clock.arrivalMs() },
        ...{ filledBarMs: Number.NaN, isTriggered: false, reason: '', endedMs: Number.NaN },
      })
      return false
    },
  },

  // Executions
  'status-doubled': afterFill(
    'the state of a filled order comes twice',
    {},
    ({ later }, { session, order, execution }) => {
      session.send('commissionReport', commissionOf(execution))
      later(0, () => session.send('orderStatus', statusOf(order)))
    },
  ),
  'no-filled-status': afterFill(
    'an execution comes, and no state that says filled',
    {},
    ({ effects }, { session, order, execution }) => {
      effects.unfinished.add(order.permId)
      session.send('commissionReport', commissionOf(execution))
    },
  ),
  'late-open-order': afterFill(
    'after the fill the order is shown as open once more',
    {},
    ({ later }, { session, order, execution }) => {
      session.send('commissionReport', commissionOf(execution))
      later(0, () => session.send('openOrder', { ...openOrderOf(order), status: 'Submitted' }))
    },
  ),
  'late-commission': afterFill(
    'the commission comes `seconds` late',
    { seconds: 30 },
    ({ later }, { session, execution }, params) =>
      later(1000 * Number(params.seconds), () => session.send('commissionReport', commissionOf(execution))),
  ),
  'pending-commission': afterFill(
    'the commission is -1 at first, which means that it is not known, and comes `seconds` later',
    { seconds: 5 },
    ({ later }, { session, execution }, params) => {
      session.send('commissionReport', { ...commissionOf(execution), commission: '-1.0' })
      later(1000 * Number(params.seconds), () => session.send('commissionReport', commissionOf(execution)))
    },
  ),
  'no-commission': afterFill('the commission of an execution never comes', {}, () => {}),
  rebate: afterFill(
    'the commission is a rebate of `dollars`',
    { dollars: 0.05 },
    ({ desk }, { session, execution }, params) => {
      const changed = desk.exchange.charge(execution.execId, -Number(params.dollars))
      if (changed !== null) session.send('commissionReport', commissionOf(changed))
    },
  ),
  'execution-repeated': afterFill('an execution comes twice', {}, (_stage, { session, execution }) => {
    session.send('execDetails', execDetailsOf(execution, -1))
    session.send('commissionReport', commissionOf(execution))
  }),
  'execution-corrected': afterFill(
    'an execution is corrected `seconds` later: the price by `cents`, under the revision .02',
    { seconds: 10, cents: 1 },
    ({ desk, later }, { session, execution }, params) => {
      session.send('commissionReport', commissionOf(execution))
      later(1000 * Number(params.seconds), () =>
        desk.exchange.correct(execution.execId, { price: execution.price + Number(params.cents) / 100 }),
      )
    },
  ),
  bust: afterFill(
    'an execution is taken back `seconds` later: no shares under the revision .02',
    { seconds: 10 },
    ({ desk, later }, { session, execution }, params) => {
      session.send('commissionReport', commissionOf(execution))
      later(1000 * Number(params.seconds), () => desk.exchange.correct(execution.execId, { shares: 0 }))
    },
  ),
  'fill-unseen': {
    words: 'an order is filled, and nothing is said of it: it is seen by asking only',
    on: 'fill',
    params: {},
    act: ({ effects }, { order }) => {
      effects.untold.add(order!.permId)
      return true
    },
  },
} as const satisfies Readonly<Record<string, Fault>>

export type FaultName = keyof typeof FAULTS

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]

/** A fault by its name, or undefined. */
export const faultNamed = (name: string): Fault | undefined =>
  Object.hasOwn(FAULTS, name) ? FAULTS[name as FaultName] : undefined

/** The faults that a code of the broker may stand for. */
export const faultsOfCode = (code: number): FaultName[] =>
  FAULT_NAMES.filter((name) => faultNamed(name)!.code === code)
