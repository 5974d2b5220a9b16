/** What the gateway is asked, and the answers, put together from the messages that they come in. */
import type { ContractDetails } from '@stoqey/ib'
import type { Failure } from '../base/errors.js'
import { DAY, MINUTE, SECOND } from '../base/time.js'
import { type ContractInfo, contractOf } from './contracts.js'
import type { RequestIds } from './ids.js'
import type { Limiter } from './limiter.js'
import type { Line } from './line.js'
import type { ExecutionReport, GatewayBar, OrderReport, PositionReport } from './listener.js'
import { OrderNews } from './orders.js'
import { HistoryPacing } from './pacing.js'
import { type Kind, Refused, Requests, UnknownAnswer } from './requests.js'
import type { Timers } from './timers.js'

const ANSWER_MS = 10 * SECOND
const HISTORY_MS = MINUTE
/** After the broker said that history was asked for too often. */
const PACING_MS = 10 * SECOND
const PACING_TRIES = 3

/** The bars of history that are wanted. */
export interface HistoryWish {
  readonly contract: ContractInfo
  readonly interval: keyof typeof SIZES
  /** Bars up to here, epoch milliseconds; null for now. */
  readonly endMs: number | null
  readonly lengthMs: number
  readonly rth: boolean
}

const SIZES = {
  '1s': '1 secs',
  '5s': '5 secs',
  '1m': '1 min',
  '5m': '5 mins',
  '15m': '15 mins',
  '30m': '30 mins',
  '1h': '1 hour',
  '1d': '1 day',
} as const

export interface SummaryRow {
  readonly account: string
  readonly tag: string
  readonly value: string
}

const TAGS = 'TotalCashValue,NetLiquidation,GrossPositionValue,AvailableFunds,BuyingPower'

/** Dollars; null where the broker has not said. */
export interface Profit {
  readonly daily: number | null
  readonly unrealised: number | null
  readonly realised: number | null
}

export interface QuestionsOptions {
  readonly timers: Timers
  readonly ids: RequestIds
  readonly limiter: Limiter
  /** The connection, where there is one. */
  readonly line: () => Line | null
  /** History is asked for no faster than the broker allows. */
  readonly isPaced: boolean
  /** The gateway has left the same question without an answer twice. */
  readonly silent: (what: string) => void
}

/** Asks, and takes in what comes. All that is not answered when the connection goes is unknown. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #requests: Requests
  readonly #pacing: HistoryPacing | null
  readonly #pauses = new Set<(why: string) => void>()
  /** What has come of each answer. */
  readonly #executions = new Map<number, ExecutionReport[]>()
  readonly #details = new Map<number, ContractDetails[]>()
  readonly #history = new Map<number, GatewayBar[]>()
  readonly #summaries = new Map<number, SummaryRow[]>()
  readonly #profits = new Map<number, Profit[]>()
  #openOrders = new OrderNews()
  #completed: OrderReport[] = []
  #positions: PositionReport[] = []

  constructor(options: QuestionsOptions) {
    this.#options = options
    this.#pacing = options.isPaced ? new HistoryPacing() : null
    this.#requests = new Requests(options.timers, options.silent)
  }

  async contract(symbol: string): Promise<ContractInfo> {
    const answers = await this.#ask(`the contract ${symbol}`, this.#details, (line, id) =>
      line.details(id, symbol),
    )
    return contractOf(symbol, answers)
  }

  /** Bars in order of time. None is an answer too, where the broker says that there are none. */
  async history({ contract, interval, endMs, lengthMs, rth }: HistoryWish): Promise<GatewayBar[]> {
    const what = `history of ${contract.symbol}`
    const query = {
      contract: { symbol: contract.symbol, id: contract.id },
      endMs,
      duration: lengthMs <= DAY ? `${Math.ceil(lengthMs / SECOND)} S` : `${Math.ceil(lengthMs / DAY)} D`,
      size: SIZES[interval],
      rth,
    }
    const key = JSON.stringify(query)
    for (let tries = 1; ; tries++) {
      await this.#paced(what, key, contract.id)
      try {
        const bars = await this.#ask(what, this.#history, (line, id) => line.history(id, query), {
          within: HISTORY_MS,
          abandon: (line, id) => line.historyDone(id),
        })
        return bars.sort((a, b) => a.startMs - b.startMs)
      } catch (error) {
        if (!(error instanceof Refused) || error.act !== 'wait' || tries === PACING_TRIES) throw error
        await this.#pause(PACING_MS, what)
      } finally {
        this.#pacing?.end()
      }
    }
  }

  /** Those of this client id; a gateway in read-only mode refuses it. */
  async ownOpenOrders(): Promise<OrderReport[]> {
    return this.#ordersBy((line) => line.ownOpenOrders())
  }

  /** Those of the account, of other clients and hands too. */
  async openOrders(): Promise<OrderReport[]> {
    return this.#ordersBy((line) => line.openOrders())
  }

  async completedOrders(): Promise<OrderReport[]> {
    await this.#askKind(
      'completed orders',
      (line) => line.completedOrders(),
      () => {
        this.#completed = []
      },
    )
    return this.#completed
  }

  async executions(): Promise<ExecutionReport[]> {
    return this.#ask('executions', this.#executions, (line, id) => line.executions(id))
  }

  async positions(): Promise<PositionReport[]> {
    await this.#askKind(
      'positions',
      (line) => line.positions(),
      () => {
        this.#positions = []
      },
    )
    // Otherwise every change of a position would come from now on.
    this.#send((line) => line.positionsDone())
    return this.#positions.filter(({ shares }) => shares !== 0)
  }

  async summary(): Promise<SummaryRow[]> {
    const done = (line: Line, id: number): void => line.summaryDone(id)
    return this.#ask('the account summary', this.#summaries, (line, id) => line.summary(id, TAGS), {
      done,
      abandon: done,
    })
  }

  async profit(account: string): Promise<Profit> {
    const done = (line: Line, id: number): void => line.profitDone(id)
    const [profit] = await this.#ask(
      'profit and loss',
      this.#profits,
      (line, id) => line.profit(id, account),
      {
        done,
        abandon: done,
      },
    )
    return profit!
  }

  tookOrder(report: OrderReport): void {
    this.#openOrders.take(report)
  }

  openOrdersEnd(): void {
    this.#requests.endKind('open orders')
  }

  tookCompleted(report: OrderReport): void {
    this.#completed.push(report)
  }

  completedOrdersEnd(): void {
    this.#requests.endKind('completed orders')
  }

  tookPosition(report: PositionReport): void {
    this.#positions.push(report)
  }

  positionsEnd(): void {
    this.#requests.endKind('positions')
  }

  /** Whether somebody asked for it. */
  tookExecution(request: number, report: ExecutionReport): boolean {
    return this.#executions.get(request)?.push(report) !== undefined
  }

  tookDetails(request: number, details: ContractDetails): void {
    this.#details.get(request)?.push(details)
  }

  tookHistory(request: number, bar: GatewayBar): void {
    this.#history.get(request)?.push(bar)
  }

  tookSummary(request: number, row: SummaryRow): void {
    this.#summaries.get(request)?.push(row)
  }

  /** The first is the answer: more would come with every change. */
  tookProfit(request: number, profit: Profit): void {
    this.#profits.get(request)?.push(profit)
    this.#requests.end(request)
  }

  /** The end of the answer to a request. */
  end(request: number): void {
    this.#requests.end(request)
  }

  refuse(request: number, failure: (what: string) => Failure): void {
    this.#requests.refuse(request, failure)
  }

  /** What a gateway in read-only mode does not answer. */
  refuseOrders(failure: (what: string) => Failure): void {
    this.#requests.refuseKind('open orders', failure)
    this.#requests.refuseKind('completed orders', failure)
  }

  /** The connection is gone. */
  lose(why: string): void {
    this.#requests.lose(why)
    for (const stop of this.#pauses) stop(why)
    this.#pauses.clear()
  }

  async #ordersBy(write: (line: Line) => void): Promise<OrderReport[]> {
    let found = this.#openOrders
    await this.#askKind('open orders', write, () => {
      found = new OrderNews()
      this.#openOrders = found
    })
    return found.all()
  }

  #send(write: (line: Line) => void): void {
    const line = this.#options.line()
    if (line !== null) this.#options.limiter.other(() => write(line))
  }

  #line(what: string): Line {
    const line = this.#options.line()
    if (line === null) throw new UnknownAnswer(what, 'there is no connection')
    return line
  }

  /** A request with an id: gives the rows of its answer. */
  async #ask<T>(
    what: string,
    answers: Map<number, T[]>,
    write: (line: Line, id: number) => void,
    {
      within = ANSWER_MS,
      done,
      abandon,
    }: {
      readonly within?: number
      /** Sent after the answer. */
      readonly done?: (line: Line, id: number) => void
      /** Sent where none came. */
      readonly abandon?: (line: Line, id: number) => void
    } = {},
  ): Promise<T[]> {
    const line = this.#line(what)
    const id = this.#options.ids.take()
    const rows: T[] = []
    answers.set(id, rows)
    const send = (): void => this.#options.limiter.other(() => write(line, id))
    try {
      await this.#requests.ask(id, { what, within, send })
      if (done !== undefined) this.#send((open) => done(open, id))
      return rows
    } catch (error) {
      if (abandon !== undefined && error instanceof UnknownAnswer) this.#send((open) => abandon(open, id))
      throw error
    } finally {
      answers.delete(id)
    }
  }

  #askKind(kind: Kind, write: (line: Line) => void, begin: () => void): Promise<void> {
    const send = (): void => {
      const line = this.#line(kind)
      this.#options.limiter.other(() => write(line))
    }
    return this.#requests.askKind(kind, { what: kind, within: ANSWER_MS, send }, begin)
  }

  /** Waits until the broker's pacing lets a request for history through, and counts it. */
  async #paced(what: string, key: string, contract: number): Promise<void> {
    const { timers } = this.#options
    for (;;) {
      this.#line(what)
      const waitMs = this.#pacing?.waitMs(key, contract, timers.now()) ?? 0
      if (waitMs === 0) break
      // Another request may end, and make room, at any time.
      await this.#pause(Math.min(waitMs, SECOND), what)
    }
    this.#pacing?.begin(key, contract, timers.now())
  }

  /** Ends early, as unknown, where the connection goes. */
  #pause(ms: number, what: string): Promise<void> {
    const { timers } = this.#options
    return new Promise((resolve, reject) => {
      const stop = (why: string): void => {
        timers.clearTimeout(timer)
        reject(new UnknownAnswer(what, why))
      }
      const timer = timers.setTimeout(() => {
        this.#pauses.delete(stop)
        resolve()
      }, ms)
      this.#pauses.add(stop)
    })
  }
}
