/**
 * One connection to a gateway: the only file that knows the library. Each connection has a client object of its own, which dies
 * with it, so that nothing the library keeps for later is ever sent on another connection, and no event of an old socket reaches
 * a new one.
 *
 * The library lets what it cannot decode escape from the handler of the socket, hangs on lengths that are not positive, and takes
 * host and port from a file in the working directory where they are not given. Here its bytes are cut into messages before it
 * sees them, each message is decoded under guard, and all its settings are given.
 */

import type { Socket } from 'node:net'
import type { Contract, ContractDetails, IBApi, Order } from '@stoqey/ib'
import { Failure, messageOf } from '../base/errors.js'
import { newYorkMidnight } from '../base/time.js'
import type {
  CommissionReport,
  ExecutionReport,
  GatewayBar,
  OrderReport,
  PositionReport,
  Side,
} from './listener.js'
import {
  barOf,
  barTimeOf,
  commissionOf,
  executionOf,
  orderOf,
  positionOf,
  statusOf,
  toBroker,
} from './shapes.js'

/** What comes in. Errors and notices are one: which of the two the library makes of a message depends on its id alone. */
export interface LineListener {
  /** A message came, whatever it says. */
  heard(): void
  version(version: number): void
  accounts(names: readonly string[]): void
  nextId(id: number): void
  /** `id` is null where the message names no order and no request. */
  message(code: number, id: number | null, text: string): void
  time(epochMs: number): void
  order(report: OrderReport): void
  openOrdersEnd(): void
  completedOrder(report: OrderReport): void
  completedOrdersEnd(): void
  /** `request` is null where nobody asked. */
  execution(request: number | null, report: ExecutionReport): void
  executionsEnd(request: number): void
  commission(report: CommissionReport): void
  position(report: PositionReport): void
  positionsEnd(): void
  summary(
    request: number,
    row: { readonly account: string; readonly tag: string; readonly value: string },
  ): void
  summaryEnd(request: number): void
  /** Dollars; null where the broker has not said. */
  profit(
    request: number,
    profit: {
      readonly daily: number | null
      readonly unrealised: number | null
      readonly realised: number | null
    },
  ): void
  details(request: number, details: ContractDetails): void
  detailsEnd(request: number): void
  history(request: number, bar: GatewayBar): void
  historyEnd(request: number): void
  bar(request: number, bar: GatewayBar): void
  dataType(request: number, type: number): void
  tick(request: number, type: number, value: number): void
  /** The connection has ended, by the other side or by a fault. */
  closed(reason: string): void
  /** A listener threw: a fault of jules, not of the gateway. */
  failed(error: unknown): void
}

export interface LineOptions {
  readonly host: string
  readonly port: number
  readonly clientId: number
}

/** A contract as far as requests name it. */
export interface ContractName {
  readonly symbol: string
  /** 0 where it is not known yet. */
  readonly id: number
}

export interface HistoryQuery {
  readonly contract: ContractName
  /** Epoch milliseconds; null for now. */
  readonly endMs: number | null
  /** As the protocol has it, such as `1 D`. */
  readonly duration: string
  /** As the protocol has it, such as `1 min`. */
  readonly size: string
  readonly rth: boolean
}

/** What is sent of an order; all else has the same value in every order. */
export interface OrderFields {
  readonly account: string
  readonly ref: string
  readonly side: Side
  readonly shares: number
  readonly type: 'MKT' | 'LMT' | 'STP' | 'MOC'
  readonly limit: number | null
  readonly stop: number | null
}

export interface Line {
  time(): void
  accounts(): void
  /** Of this client id. */
  ownOpenOrders(): void
  openOrders(): void
  completedOrders(): void
  executions(request: number): void
  positions(): void
  positionsDone(): void
  summary(request: number, tags: string): void
  summaryDone(request: number): void
  profit(request: number, account: string): void
  profitDone(request: number): void
  details(request: number, symbol: string): void
  history(request: number, query: HistoryQuery): void
  historyDone(request: number): void
  dataType(type: number): void
  quotes(request: number, contract: ContractName): void
  quotesDone(request: number): void
  bars(request: number, contract: ContractName): void
  barsDone(request: number): void
  place(id: number, contract: ContractName, order: OrderFields): void
  cancel(id: number): void
  cancelAll(): void
  /** Nothing is heard after it. */
  close(): void
}

/** Largest message that is believed: the library's own bound. */
const LARGEST_MESSAGE = 0xffffff
const ERROR_MESSAGE = '4'
const UNREADABLE = 505
const BAD_BYTES = 507

/** Never reached: the layer above counts messages, and nothing is to wait here, where it would be lost with the connection. */
const LIBRARY_RATE = 1e7

/** What is used of the library's inside. It has no other place where a message that cannot be decoded may be caught. */
interface Inside {
  readonly socket: {
    readonly client?: Socket
    dataFragment: string
    onData(data: Buffer): void
    onMessage(text: string): void
  }
  readonly decoder: { drainQueue(): void }
}

function insideOf(api: IBApi): Inside {
  const inside = (api as unknown as { controller?: Partial<Inside> }).controller
  const { socket, decoder } = inside ?? {}
  if (typeof socket?.onMessage !== 'function' || typeof decoder?.drainQueue !== 'function') {
    throw new Error('@stoqey/ib is not the version that jules knows')
  }
  return { socket, decoder }
}

/** Messages name no order and no request by these. */
const noId = (id: number): number | null => (Number.isInteger(id) && id > 0 && id < 2 ** 31 - 1 ? id : null)

const unset = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) || Math.abs(value) > 1e300 ? null : value

/** Starts to connect; what comes of it is told. */
export async function openLine({ host, port, clientId }: LineOptions, listener: LineListener): Promise<Line> {
  const { EventName, IBApi, OrderAction, OrderType, SecType, TimeInForce, WhatToShow } = await import(
    '@stoqey/ib'
  )
  const api = new IBApi({ host, port, clientId, maxReqPerSec: LIBRARY_RATE })
  const { socket, decoder } = insideOf(api)
  let closed = false

  /** Tells, and says so where a listener throws: nothing may escape into the library. */
  const tell = (run: () => void): void => {
    if (closed) return
    try {
      run()
    } catch (error) {
      listener.failed(error)
    }
  }
  const close = (): void => {
    if (closed) return
    closed = true
    api.removeAllListeners()
    api.disconnect()
  }
  const end = (reason: string): void => {
    if (closed) return
    close()
    try {
      listener.closed(reason)
    } catch (error) {
      listener.failed(error)
    }
  }
  const unreadable = (words: string): void =>
    tell(() => listener.message(UNREADABLE, null, `a message that cannot be read: ${words}`))
  /** Turns what came into what it means; where it means nothing, that is told. */
  const read = <T>(convert: () => T, then: (value: T) => void): void => {
    let value: T
    try {
      value = convert()
    } catch (error) {
      unreadable(messageOf(error))
      return
    }
    tell(() => then(value))
  }

  const decode = (text: string): void => {
    tell(() => listener.heard())
    if (closed) return
    try {
      socket.dataFragment = ''
      socket.onMessage(text)
    } catch (error) {
      decoder.drainQueue()
      const [message, , id, code, words] = text.split('\0')
      // The code and words of a message with a damaged attachment stand before it.
      if (message === ERROR_MESSAGE && /^\d+$/.test(code ?? '')) {
        tell(() => listener.message(Number(code), noId(Number(id)), words ?? ''))
      } else unreadable(messageOf(error))
    }
  }
  let buffered: Buffer = Buffer.alloc(0)
  socket.onData = (data) => {
    if (closed) return
    buffered = buffered.length === 0 ? data : Buffer.concat([buffered, data])
    while (!closed && buffered.length >= 4) {
      const length = buffered.readUInt32BE()
      if (length === 0 || length > LARGEST_MESSAGE) {
        tell(() => listener.message(BAD_BYTES, null, `a message of ${length} bytes`))
        return end(`bytes that make no messages: a length of ${length}`)
      }
      if (buffered.length < 4 + length) return
      const text = buffered.toString('utf8', 4, 4 + length)
      buffered = buffered.subarray(4 + length)
      // The library would put what follows the last separator before the next message.
      decode(text.endsWith('\0') ? text : `${text}\0`)
    }
  }

  const owner = { clientId }
  api
    .on(EventName.server, (version) => tell(() => listener.version(version)))
    .on(EventName.disconnected, () => end('the connection has ended'))
    .on(EventName.error, (error: Error, code: number, id: number) =>
      tell(() => listener.message(code, noId(id), error.message)),
    )
    .on(EventName.info, (text, code) => tell(() => listener.message(code, null, text)))
    .on(EventName.managedAccounts, (list) =>
      read(
        () =>
          list
            .split(',')
            .map((name) => name.trim())
            .filter((name) => name !== ''),
        listener.accounts,
      ),
    )
    .on(EventName.nextValidId, (id) => tell(() => listener.nextId(id)))
    .on(EventName.currentTime, (seconds) =>
      read(() => {
        if (!Number.isSafeInteger(seconds) || seconds <= 0) throw new RangeError(`a time of ${seconds}`)
        return seconds * 1000
      }, listener.time),
    )
    .on(EventName.openOrder, (id, contract, order, state) =>
      read(() => orderOf(id, contract, order, state, owner), listener.order),
    )
    .on(EventName.openOrderEnd, () => tell(() => listener.openOrdersEnd()))
    .on(
      EventName.orderStatus,
      (id, status, filled, remaining, price, permId, _parent, _last, client, whyHeld) =>
        read(
          () => statusOf(id, status, { filled, remaining, price, permId, clientId: client, whyHeld }, owner),
          listener.order,
        ),
    )
    .on(EventName.completedOrder, (contract, order, state) =>
      read(() => orderOf(0, contract, order, state, owner), listener.completedOrder),
    )
    .on(EventName.completedOrdersEnd, () => tell(() => listener.completedOrdersEnd()))
    .on(EventName.execDetails, (request, contract, execution) =>
      read(
        () => executionOf(contract, execution, owner),
        (report) => listener.execution(noId(request), report),
      ),
    )
    .on(EventName.execDetailsEnd, (request) => tell(() => listener.executionsEnd(request)))
    .on(EventName.commissionReport, (report) =>
      read(
        () => commissionOf(report),
        (commission) => {
          if (commission !== null) listener.commission(commission)
        },
      ),
    )
    .on(EventName.position, (account, contract, shares, cost) =>
      read(() => positionOf(account, contract, shares, cost), listener.position),
    )
    .on(EventName.positionEnd, () => tell(() => listener.positionsEnd()))
    .on(EventName.accountSummary, (request, account, tag, value) =>
      tell(() => listener.summary(request, { account, tag, value })),
    )
    .on(EventName.accountSummaryEnd, (request) => tell(() => listener.summaryEnd(request)))
    .on(EventName.pnl, (request, daily, unrealised, realised) =>
      tell(() =>
        listener.profit(request, {
          daily: unset(daily),
          unrealised: unset(unrealised),
          realised: unset(realised),
        }),
      ),
    )
    .on(EventName.contractDetails, (request, details) => tell(() => listener.details(request, details)))
    .on(EventName.contractDetailsEnd, (request) => tell(() => listener.detailsEnd(request)))
    .on(EventName.historicalData, (request, time, open, high, low, close, volume, count, vwap) => {
      if (time.startsWith('finished')) tell(() => listener.historyEnd(request))
      else
        read(
          () => barOf(barTimeOf(time, newYorkMidnight), [open, high, low, close, volume, vwap, count]),
          (bar) => listener.history(request, bar),
        )
    })
    .on(EventName.realtimeBar, (request, seconds, open, high, low, close, volume, vwap, count) =>
      read(
        () => barOf(seconds * 1000, [open, high, low, close, volume, vwap, count]),
        (bar) => listener.bar(request, bar),
      ),
    )
    .on(EventName.marketDataType, (request, type) => tell(() => listener.dataType(request, type)))
    .on(EventName.tickGeneric, (request, type, value) => tell(() => listener.tick(request, type, value)))

  const fieldsOf = ({ symbol, id }: ContractName): Contract => ({
    ...(id === 0 ? {} : { conId: id }),
    symbol: toBroker(symbol),
    secType: SecType.STK,
    // Positions and executions name the exchange of the moment; orders and data go to the smart route.
    exchange: 'SMART',
    currency: 'USD',
  })
  const types = { MKT: OrderType.MKT, LMT: OrderType.LMT, STP: OrderType.STP, MOC: OrderType.MOC }

  api.connect()
  // Small messages go out at once: an order does not wait for the answer to the one before.
  socket.client?.setNoDelay(true)

  return {
    time: () => void api.reqCurrentTime(),
    accounts: () => void api.reqManagedAccts(),
    ownOpenOrders: () => void api.reqOpenOrders(),
    openOrders: () => void api.reqAllOpenOrders(),
    completedOrders: () => void api.reqCompletedOrders(false),
    executions: (request) => void api.reqExecutions(request, {}),
    positions: () => void api.reqPositions(),
    positionsDone: () => void api.cancelPositions(),
    summary: (request, tags) => void api.reqAccountSummary(request, 'All', tags),
    summaryDone: (request) => void api.cancelAccountSummary(request),
    profit: (request, account) => void api.reqPnL(request, account),
    profitDone: (request) => void api.cancelPnL(request),
    details: (request, symbol) => void api.reqContractDetails(request, fieldsOf({ symbol, id: 0 })),
    history: (request, { contract, endMs, duration, size, rth }) =>
      void api.reqHistoricalData(
        request,
        fieldsOf(contract),
        endMs === null ? '' : utcStamp(endMs),
        duration,
        size as Parameters<IBApi['reqHistoricalData']>[4],
        WhatToShow.TRADES,
        rth,
        2,
        false,
      ),
    historyDone: (request) => void api.cancelHistoricalData(request),
    dataType: (type) => void api.reqMarketDataType(type),
    quotes: (request, contract) => void api.reqMktData(request, fieldsOf(contract), '', false, false),
    quotesDone: (request) => void api.cancelMktData(request),
    bars: (request, contract) =>
      void api.reqRealTimeBars(request, fieldsOf(contract), 5, WhatToShow.TRADES, true),
    barsDone: (request) => void api.cancelRealTimeBars(request),
    place: (id, contract, { account, ref, side, shares, type, limit, stop }) => {
      const order: Order = {
        account,
        orderRef: ref,
        action: side === 'buy' ? OrderAction.BUY : OrderAction.SELL,
        totalQuantity: shares,
        orderType: types[type],
        tif: TimeInForce.DAY,
        transmit: true,
        outsideRth: false,
        ...(limit === null ? {} : { lmtPrice: limit }),
        ...(stop === null ? {} : { auxPrice: stop }),
      }
      api.placeOrder(id, fieldsOf(contract), order)
    },
    cancel: (id) => void api.cancelOrder(id),
    cancelAll: () => void api.reqGlobalCancel(),
    close,
  }
}

/** `20241129-14:30:00`, which is UTC: a time without a zone will be refused one day. */
function utcStamp(epochMs: number): string {
  const text = new Date(epochMs).toISOString()
  return `${text.slice(0, 10).replaceAll('-', '')}-${text.slice(11, 19)}`
}

/** A refusal at the door, by its words. */
export const refusedAt = ({ host, port }: LineOptions, words: string): Failure =>
  new Failure('unavailable', `the gateway at ${host}:${port} does not answer: ${words}`, {
    hint: 'start the gateway, and look at its API settings: the port, and "Enable ActiveX and Socket Clients"',
  })
