/** What the gateway answers: one entry for each message of a client. */
import { SECOND } from '../base/time.js'
import { accountValues, positionsOf, sendPnl, sendPositions, sendSummary, sendUpdates } from './accounts.js'
import { type Contract, contractNamed, hoursFrom, localStamp } from './contracts.js'
import { type Desk, nextIdOf } from './desk.js'
import { countOf, historyOf, isNaive, LiveBar } from './history.js'
import type { Message } from './layout.js'
import { cancelOrder, globalCancel, placeOrder } from './order-desk.js'
import { isWorking, type SimOrder } from './orders.js'
import { commissionOf, completedOf, execDetailsOf, openOrderOf, statusOf } from './reports.js'
import type { Session } from './session.js'
import type { Part } from './tape.js'

type Answer = (desk: Desk, session: Session, message: Message) => void

const numberOf = (value: Message[string] | undefined): number => Number(value)
const reqIdOf = ({ reqId }: Message): number => Number(reqId)
const nothing: Answer = () => {}

/** Answers by the name of the message. */
export const ANSWERS: Readonly<Record<string, Answer>> = {
  reqIds: (desk, session) => session.send('nextValidId', { orderId: nextIdOf(desk, session) }),
  reqManagedAccounts: ({ accounts }, session) =>
    session.send('managedAccounts', { accounts: accounts.join(',') }),
  reqCurrentTime: ({ clock, effects }, session) => {
    session.hasAsked = true
    if (session.bars.size > 0) session.isPaced = true
    session.isLetGo = false
    session.owed = Math.max(0, session.owed - 1)
    session.send('currentTime', { time: Math.floor((clock.now() + effects.clockSkewMs) / SECOND) })
    clock.poke()
  },
  setServerLogLevel: nothing,
  reqMarketDataType: (_desk, session, message) => {
    session.marketDataType = numberOf(message.marketDataType)
  },
  reqContractDetails,
  reqMktData,
  cancelMktData: (_desk, session, message) => void session.quotes.delete(reqIdOf(message)),
  reqRealTimeBars,
  cancelRealTimeBars: (_desk, session, message) => {
    session.bars.delete(reqIdOf(message))
    if (session.bars.size === 0) session.owed = 0
  },
  reqHistoricalData,
  cancelHistoricalData: (_desk, session, message) => void session.liveBars.delete(reqIdOf(message)),
  reqHeadTimestamp: ({ tape, contracts }, session, message) => {
    if (known(contracts, session, message) === null) return
    session.send('headTimestamp', { reqId: reqIdOf(message), time: localStamp(tape.firstMs, '-') })
  },
  cancelHeadTimestamp: nothing,
  placeOrder,
  cancelOrder,
  globalCancel,
  reqOpenOrders: (desk, session) =>
    sendOpenOrders(
      session,
      desk.exchange.working.filter(({ clientId }) => clientId === session.clientId),
    ),
  reqAllOpenOrders: (desk, session) => sendOpenOrders(session, desk.exchange.working),
  reqAutoOpenOrders: nothing,
  reqCompletedOrders: ({ exchange }, session) => {
    for (const order of exchange.orders)
      if (!isWorking(order)) session.send('completedOrder', completedOf(order))
    session.send('completedOrdersEnd')
  },
  reqExecutions,
  reqPositions: (desk, session) => {
    session.wantsPositions = true
    for (const account of desk.accounts) sendPositions(desk, session, account)
    session.send('positionEnd')
  },
  cancelPositions: (_desk, session) => {
    session.wantsPositions = false
  },
  reqPositionsMulti: (desk, session, message) => {
    const account = String(message.account ?? '') || desk.accounts[0]!
    const reqId = reqIdOf(message)
    if (desk.accounts.includes(account))
      for (const values of positionsOf(desk, account)) session.send('positionMulti', { reqId, ...values })
    session.send('positionMultiEnd', { reqId })
  },
  cancelPositionsMulti: nothing,
  reqAccountSummary: (desk, session, message) => {
    const reqId = reqIdOf(message)
    session.summaries.set(reqId, String(message.tags ?? '').split(','))
    sendSummary(desk, session, reqId)
    session.send('accountSummaryEnd', { reqId })
  },
  cancelAccountSummary: (_desk, session, message) => void session.summaries.delete(reqIdOf(message)),
  reqAccountUpdates: (desk, session, message) => {
    const isOn = message.subscribe === '1' || message.subscribe === 'true'
    const account = String(message.account ?? '') || desk.accounts[0]!
    session.updates = isOn ? account : null
    if (!isOn) return
    if (!desk.accounts.includes(account)) {
      session.error(-1, 321, `Error validating request: cause - Invalid account code '${account}'`)
      return
    }
    sendUpdates(desk, session)
    session.send('accountDownloadEnd', { account })
  },
  reqAccountUpdatesMulti: (desk, session, message) => {
    const account = String(message.account ?? '') || desk.accounts[0]!
    const reqId = reqIdOf(message)
    if (desk.accounts.includes(account))
      for (const [key, value, currency] of accountValues(desk, account))
        session.send('accountUpdateMulti', { reqId, account, key, value, currency })
    session.send('accountUpdateMultiEnd', { reqId })
  },
  cancelAccountUpdatesMulti: nothing,
  reqFamilyCodes: ({ accounts }, session) =>
    session.send('familyCodes', { codes: accounts.map((account) => ({ account, code: '' })) }),
  reqMatchingSymbols: ({ contracts }, session, message) => {
    const pattern = String(message.pattern ?? '').toUpperCase()
    session.send('symbolSamples', {
      reqId: reqIdOf(message),
      samples: contracts
        .filter(({ symbol }) => symbol.startsWith(pattern))
        .map(({ conId, symbol }) => ({ conId, symbol, primaryExchange: 'NASDAQ', description: symbol })),
    })
  },
  reqMarketRule: (_desk, session, message) =>
    session.send('marketRule', {
      marketRuleId: numberOf(message.marketRuleId),
      increments: [{ lowEdge: 0, increment: 0.01 }],
    }),
  reqPnl: (desk, session, message) => {
    const account = String(message.account)
    if (refusesAccount(desk, session, message)) return
    session.pnl.set(reqIdOf(message), { account, conId: null })
    sendPnl(desk, session, reqIdOf(message))
  },
  cancelPnl: (_desk, session, message) => void session.pnl.delete(reqIdOf(message)),
  reqPnlSingle: (desk, session, message) => {
    if (refusesAccount(desk, session, message)) return
    session.pnl.set(reqIdOf(message), { account: String(message.account), conId: numberOf(message.conId) })
    sendPnl(desk, session, reqIdOf(message))
  },
  cancelPnlSingle: (_desk, session, message) => void session.pnl.delete(reqIdOf(message)),
  reqTickByTickData: (_desk, session, message) =>
    session.error(reqIdOf(message), 10189, 'Failed to request tick-by-tick data: this gateway has none'),
  cancelTickByTickData: nothing,
  reqUserInfo: (_desk, session, message) => session.send('userInfo', { reqId: reqIdOf(message) }),
}

/** What follows the start of the API. */
export function welcome(desk: Desk, session: Session): void {
  const { effects, accounts } = desk
  session.send('managedAccounts', { accounts: (effects.toldAccounts ?? accounts).join(',') })
  session.send('nextValidId', { orderId: effects.toldId ?? nextIdOf(desk, session) })
  effects.toldId = null
  for (const [code, text] of FARMS) session.error(-1, code, text)
}

/** The farms of data, that all is well with them. */
export const FARMS = [
  [2104, 'Market data farm connection is OK:usfarm'],
  [2106, 'HMDS data farm connection is OK:ushmds'],
  [2158, 'Sec-def data farm connection is OK:secdefnj'],
] as const

function refusesAccount({ accounts }: Desk, session: Session, message: Message): boolean {
  if (accounts.includes(String(message.account))) return false
  session.error(
    reqIdOf(message),
    321,
    `Error validating request: cause - Invalid account code '${String(message.account)}'`,
  )
  return true
}

/** The contract that a request names. Says so to the client where there is none. */
function known(contracts: readonly Contract[], session: Session, message: Message): Contract | null {
  const contract = contractNamed(contracts, message)
  if (contract === null)
    session.error(reqIdOf(message), 200, 'No security definition has been found for the request')
  return contract
}

function reqContractDetails({ contracts, clock }: Desk, session: Session, message: Message): void {
  const contract = known(contracts, session, message)
  if (contract === null) return
  const { symbol, conId } = contract
  const reqId = reqIdOf(message)
  session.send('contractDetails', {
    ...{ reqId, symbol, conId, localSymbol: symbol, longName: symbol, primaryExchange: 'NASDAQ' },
    ...{ tradingHours: hoursFrom(clock.now(), false), liquidHours: hoursFrom(clock.now(), true) },
  })
  session.send('contractDetailsEnd', { reqId })
}

function reqMktData(desk: Desk, session: Session, message: Message): void {
  const contract = known(desk.contracts, session, message)
  if (contract === null) return
  const reqId = reqIdOf(message)
  session.send('tickReqParams', { reqId, bboExchange: '9c0001' })
  session.send('marketDataType', { reqId, marketDataType: dataTypeOf(desk, session) })
  if (desk.exchange.halted.has(contract.symbol))
    session.send('tickGeneric', { reqId, tickType: 49, value: 1 })
  sendQuote(desk, session, reqId, contract.symbol)
  if (message.snapshot === '1' || message.snapshot === 'true') session.send('tickSnapshotEnd', { reqId })
  else session.quotes.set(reqId, contract.symbol)
}

/** The kind of data a client gets: live, unless a fault has taken that away; what it asked for beyond live does not matter then. */
export const dataTypeOf = ({ dataType }: Desk, session: Session): number =>
  dataType === 1 ? 1 : session.marketDataType >= 3 ? 3 : dataType

const TICK = { bidSize: 0, bid: 1, ask: 2, askSize: 3, last: 4, lastSize: 5, lastTime: 45 } as const
/** Numbers of the same ticks where they are delayed. */
const DELAYED = { bidSize: 69, bid: 66, ask: 67, askSize: 70, last: 68, lastSize: 71, lastTime: 88 } as const

/** Bid, ask and last price of a symbol. */
export function sendQuote(desk: Desk, session: Session, reqId: number, symbol: string): void {
  const quote = desk.exchange.quote(symbol, desk.clock.instantMs)
  if (quote === null || isMuted(desk.effects, symbol)) return
  const { size } = quote
  const offset = offsetOf(desk.effects, symbol)
  const [bid, ask, last] = [quote.bid + offset, quote.ask + offset, quote.last + offset]
  const tick = dataTypeOf(desk, session) >= 3 ? DELAYED : TICK
  session.send('tickPrice', { reqId, tickType: tick.bid, price: bid, size, attributes: 1 })
  session.send('tickPrice', { reqId, tickType: tick.ask, price: ask, size, attributes: 1 })
  session.send('tickPrice', { reqId, tickType: tick.last, price: last, size: 100 })
  session.send('tickString', {
    reqId,
    tickType: tick.lastTime,
    value: Math.floor(desk.clock.instantMs / SECOND),
  })
}

function reqRealTimeBars(desk: Desk, session: Session, message: Message): void {
  const contract = known(desk.contracts, session, message)
  if (contract === null) return
  const reqId = reqIdOf(message)
  if (message.barSize !== '5' && message.barSize !== '0') {
    session.error(reqId, 321, 'Error validating request: cause - bars of 5 seconds alone are served')
    return
  }
  // What it was sent before is not owed any more: the client begins again.
  session.isPaced = false
  session.owed = 0
  session.isStarved = false
  // One that keeps the time has more to ask for before it asks the time.
  if (session.hasAsked) session.isSettled = false
  session.bars.set(reqId, { symbol: contract.symbol, regular: message.useRth === '1' })
  desk.clock.poke()
}

/** Dollars that a fault adds to what is told of a symbol. */
const offsetOf = ({ offsets }: Desk['effects'], symbol: string): number =>
  offsets.get(symbol) ?? offsets.get('*') ?? 0

/** Whether bars and quotes of a symbol are told. */
export const isMuted = ({ muted }: Desk['effects'], symbol: string): boolean =>
  muted.has(symbol) || muted.has('*')

/** The answer to the first question for the time says that all bars of the instant have come; the second, that they are dealt with. */
const OWED = 2

/** A 5-second bar to a client, as often as it asked for the symbol. Bars that are not live are not told. */
export function sendBar({ effects, dataType }: Desk, session: Session, part: Part): void {
  if (isMuted(effects, part.symbol) || dataType !== 1) return
  const offset = offsetOf(effects, part.symbol)
  for (const [reqId, { symbol }] of session.bars) {
    if (symbol !== part.symbol) continue
    const { startMs, volume } = part
    const [open, high, low] = [part.open + offset, part.high + offset, part.low + offset]
    const close = part.close + offset
    if (session.isPaced && !session.isLetGo) session.owed = OWED
    session.barSentMs.set(symbol, part.endMs)
    session.send('realTimeBar', {
      ...{ reqId, time: startMs / SECOND, open, high, low, close },
      ...{
        volume: Number.isNaN(volume) ? -1 : volume,
        wap: (high + low + close) / 3,
        count: countOf(volume),
      },
    })
  }
}

/** The broker's pacing of history: none alike in 15 s, fewer than 6 of a contract in 2 s, 60 in 10 minutes. */
function pacingOf(session: Session, message: Message, nowMs: number): string | null {
  const { reqId: _, ...asked } = message
  const key = JSON.stringify(asked)
  const symbol = String(message.symbol)
  const { history } = session
  const recent = history.filter(({ timeMs }) => timeMs > nowMs - 600 * SECOND)
  history.splice(0, history.length, ...recent, { timeMs: nowMs, key, symbol })
  if (recent.some((one) => one.key === key && one.timeMs > nowMs - 15 * SECOND))
    return 'the same request within 15 s'
  if (recent.filter((one) => one.symbol === symbol && one.timeMs > nowMs - 2 * SECOND).length >= 5)
    return '6 requests for one contract within 2 s'
  return recent.length >= 60 ? 'more than 60 requests within 10 minutes' : null
}

function reqHistoricalData(desk: Desk, session: Session, message: Message): void {
  const reqId = reqIdOf(message)
  const nowMs = desk.clock.now()
  const pacing = pacingOf(session, message, nowMs)
  if (pacing !== null) {
    desk.log.violation(session.clientId, 'history-pacing', pacing)
    session.error(
      reqId,
      162,
      `Historical Market Data Service error message:Historical data request pacing violation: ${pacing}`,
    )
    return
  }
  const contract = known(desk.contracts, session, message)
  if (contract === null) return
  if (isNaive(String(message.endDateTime)))
    session.error(
      reqId,
      2174,
      'Warning: You submitted request with date-time attributes without explicit time zone.',
    )
  const answer = historyOf(desk.tape, contract.symbol, { message, nowMs })
  if (isRefusal(answer)) session.error(reqId, answer.code, answer.text)
  else {
    session.send('historicalData', { reqId, ...answer })
    if (message.keepUpToDate === '1' || message.keepUpToDate === 'true')
      session.liveBars.set(reqId, new LiveBar(desk.tape, contract.symbol, { message, nowMs }))
  }
}

/** The bar that is being made, to clients that want history kept up to date. */
export function sendLiveBars({ effects, dataType }: Desk, session: Session, part: Part): void {
  if (isMuted(effects, part.symbol) || dataType !== 1) return
  for (const [reqId, live] of session.liveBars)
    if (live.symbol === part.symbol) session.send('historicalDataUpdate', { reqId, ...live.add(part) })
}

const isRefusal = (answer: object): answer is { code: number; text: string } => 'code' in answer

function sendOpenOrders(session: Session, orders: readonly SimOrder[]): void {
  for (const order of orders) {
    session.send('openOrder', openOrderOf(order))
    session.send('orderStatus', statusOf(order))
  }
  session.send('openOrderEnd')
}

function reqExecutions({ exchange }: Desk, session: Session, message: Message): void {
  const reqId = reqIdOf(message)
  const wanted = (name: string, value: string) => !message[name] || message[name] === value
  for (const execution of exchange.executions) {
    const { clientId, account, symbol, side } = execution
    if (Number(message.clientId) > 0 && Number(message.clientId) !== clientId) continue
    if (!wanted('account', account) || !wanted('symbol', symbol)) continue
    if (!wanted('side', side > 0 ? 'BUY' : 'SELL')) continue
    session.send('execDetails', execDetailsOf(execution, reqId))
    session.send('commissionReport', commissionOf(execution))
  }
  session.send('execDetailsEnd', { reqId })
}
