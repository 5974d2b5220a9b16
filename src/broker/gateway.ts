/**
 * The broker's gateway as a trader needs it: one connection that is made again when it is lost, with the same client id; paper
 * accounts only; orders only while it is ready, and none kept for later; own ids that are only raised; requests that are answered,
 * refused, or unknown. What it finds out it tells, in order, to one listener.
 */
import { Failure, messageOf } from '../base/errors.js'
import { MINUTE, SECOND } from '../base/time.js'
import { named } from '../base/words.js'
import { type Act, judge, refuses } from './codes.js'
import type { ContractInfo } from './contracts.js'
import { OrderIds, RequestIds } from './ids.js'
import { Limiter } from './limiter.js'
import { type Line, type LineListener, openLine, refusedAt } from './line.js'
import type { ExecutionReport, GatewayBar, GatewayListener, OrderReport, PositionReport } from './listener.js'
import { OrderNews, type OrderWish, orderFields } from './orders.js'
import { Pulse } from './pulse.js'
import { type HistoryWish, type Profit, Questions, type SummaryRow } from './questions.js'
import { Refused, UnknownAnswer } from './requests.js'
import { Streams } from './streams.js'
import { deadline, type Timers } from './timers.js'

/** Accounts with paper money; advisors' have an F. */
const PAPER = /^D[UF]\d+$/

const GREETING_MS = 15 * SECOND
const AWAY_MS = MINUTE
const FIRST_PAUSE_MS = SECOND
const LONGEST_PAUSE_MS = MINUTE
/** How long a client id that is in use is waited for: the gateway takes a while to notice that a client is gone. */
const SAME_ID_MS = 5 * MINUTE
const BACK_OFF_MS = 2 * SECOND

export interface GatewayOptions {
  readonly host: string
  readonly port: number
  readonly clientId: number
  /** The one that trades, where the gateway has several. */
  readonly account?: string | undefined
  readonly heartbeatMs?: number
  /** Messages a second; a simulator takes more than the broker, and history as often as it is asked for. */
  readonly maxPerSecond?: number
  readonly timers: Timers
  /** 0 up to 1, for pauses that no two clients share. */
  readonly random: () => number
  /** Only looks: goes on where the gateway takes no orders, or has several accounts and none is named, and sends no order. */
  readonly looksOnly?: boolean
}

export type GatewayState = 'down' | 'connecting' | 'ready'

interface Greeting {
  version: number | null
  accounts: readonly string[] | null
  nextId: number | null
  readonly done: () => void
  readonly fail: (error: Failure) => void
}

/** The connection to one gateway, from `connect` to `close`. */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #listener: Partial<GatewayListener>
  readonly #timers: Timers
  readonly #ids = new OrderIds()
  readonly #requestIds = new RequestIds(this.#ids)
  readonly #limiter: Limiter
  readonly #questions: Questions
  readonly #streams: Streams
  readonly #contracts = new Map<string, ContractInfo>()
  readonly #news = new OrderNews()
  #state: GatewayState = 'down'
  #closed = false
  #line: Line | null = null
  #pulse: Pulse | null = null
  #greeting: Greeting | null = null
  #version = 0
  #accounts: readonly string[] = []
  #readOnly = false
  #wasReady = false
  /** The link between the gateway and the broker is lost, though the gateway is there. */
  #linkLost = false
  #farmBroken = false
  /** The last words of the connection, for the reason of its end. */
  #words: string | null = null
  #outage: { readonly sinceMs: number; readonly timer: unknown } | null = null
  #tries = 0
  #retry: unknown
  #inUseSinceMs: number | null = null
  #backOffs = 0

  constructor(options: GatewayOptions, listener: Partial<GatewayListener>) {
    const { timers, maxPerSecond = 45 } = options
    this.#options = options
    this.#listener = listener
    this.#timers = timers
    this.#limiter = new Limiter({ maxPerSecond, timers })
    this.#questions = new Questions({
      timers,
      ids: this.#requestIds,
      limiter: this.#limiter,
      line: () => this.#line,
      // Only a simulator takes more, and it may have a faster clock.
      isPaced: maxPerSecond <= BROKER_MOST,
      silent: (what) => this.#lost(`${what} stayed without an answer twice`),
    })
    this.#streams = new Streams({
      timers,
      isUp: () => this.#state === 'ready',
      send: (write) => this.#send(write),
      asked: () => void this.#pulse?.time().catch(() => {}),
      nextId: () => this.#requestIds.take(),
      bar: (symbol, bar) => this.#tell('bar', symbol, bar),
      gap: (symbol, lastMs) => this.#tell('gap', symbol, lastMs),
      dataType: (symbol, type) => this.#tell('dataType', symbol, type),
      halted: (symbol, halt) => this.#tell('halted', symbol, halt),
    })
  }

  get state(): GatewayState {
    return this.#state
  }

  /** Of the protocol; 0 before the gateway has greeted. */
  get version(): number {
    return this.#version
  }

  /** Those that the gateway manages. */
  get accounts(): readonly string[] {
    return this.#accounts
  }

  /** The one that trades; empty before the gateway has named it. */
  get account(): string {
    return this.#options.account ?? this.#accounts[0] ?? ''
  }

  /** Whether the gateway takes no orders. */
  get readOnly(): boolean {
    return this.#readOnly
  }

  /** How often the gateway said that messages came too fast. */
  get backOffs(): number {
    return this.#backOffs
  }

  /**
   * Resolves when orders may be sent. What fails at this first time is not tried again: the failure says what it was. Afterwards a
   * connection that is lost is made again until `close`.
   */
  async connect(): Promise<void> {
    if (this.#state !== 'down' || this.#wasReady || this.#closed) throw new Error('connected before')
    try {
      await this.#open()
      if (this.#linkLost) throw refusedAt(this.#options, 'it has no link to the broker')
    } catch (error) {
      this.#end()
      throw error
    }
    this.#ready()
  }

  /** The next order id is at least this. */
  raiseIds(floor: number): void {
    this.#ids.raise(floor)
  }

  nextId(): number {
    return this.#ids.take()
  }

  /**
   * Sends an order under an id of `nextId`. It goes out before every other message; where it has to wait and the connection is
   * lost meanwhile, `unsent` is told. Throws where the gateway is not ready: nothing is kept for later.
   */
  place(id: number, contract: ContractInfo, wish: OrderWish): void {
    const line = this.#readyLine()
    const fields = orderFields(wish, this.account)
    this.#limiter.order(
      () => line.place(id, { symbol: contract.symbol, id: contract.id }, fields),
      () => this.#tell('unsent', id),
    )
  }

  cancel(id: number): void {
    const line = this.#readyLine()
    this.#limiter.order(() => line.cancel(id))
  }

  /** Cancels every open order of the account, those of other clients and hands too. */
  globalCancel(): void {
    const line = this.#readyLine()
    this.#limiter.order(() => line.cancelAll())
  }

  /** The gateway's time, epoch milliseconds in whole seconds. Each call asks, also while the link to the broker is lost. */
  time(): Promise<number> {
    return this.#pulse?.time() ?? Promise.reject(new UnknownAnswer('the time', 'there is no connection'))
  }

  /** The one contract of a symbol: shares in dollars, on the smart route. */
  async contract(symbol: string): Promise<ContractInfo> {
    const contract = await this.#questions.contract(symbol)
    this.#contracts.set(symbol, contract)
    return contract
  }

  /** Bars of history in order of time, asked for no faster than the broker takes it. None only where it says so. */
  history(wish: HistoryWish): Promise<GatewayBar[]> {
    return this.#questions.history(wish)
  }

  /** All open orders of the account, those of other clients and hands too. */
  openOrders(): Promise<OrderReport[]> {
    return this.#questions.openOrders()
  }

  /** Orders of today that are done. */
  completedOrders(): Promise<OrderReport[]> {
    return this.#questions.completedOrders()
  }

  /** Of today. Their commissions are told before it resolves, those that are known. */
  executions(): Promise<ExecutionReport[]> {
    return this.#questions.executions()
  }

  /** All that is held, in every account. */
  positions(): Promise<PositionReport[]> {
    return this.#questions.positions()
  }

  summary(): Promise<SummaryRow[]> {
    return this.#questions.summary()
  }

  /** The broker's own profit and loss of today. */
  pnl(): Promise<Profit> {
    return this.#questions.profit(this.account)
  }

  /** Bars of five seconds, and the type of the data and halts; kept up over reconnects. */
  async subscribeBars(symbol: string): Promise<void> {
    const contract = this.#contracts.get(symbol) ?? (await this.contract(symbol))
    this.#streams.add({ symbol: contract.symbol, id: contract.id })
  }

  /** Nothing is told after it. */
  close(): void {
    if (!this.#closed) this.#end()
  }

  #end(): void {
    this.#closed = true
    this.#timers.clearTimeout(this.#retry)
    this.#hangUp('the connection was closed')
    this.#endOutage()
    this.#state = 'down'
  }

  #tell<E extends keyof GatewayListener>(event: E, ...args: Parameters<GatewayListener[E]>): void {
    if (this.#closed) return
    try {
      const listener = this.#listener as Partial<Record<E, (...args: Parameters<GatewayListener[E]>) => void>>
      listener[event]?.(...args)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The end: nothing is tried again, and nothing is sent. */
  #fail(error: unknown): void {
    if (this.#closed) return
    this.#end()
    this.#listener.failed?.(error)
  }

  #readyLine(): Line {
    if (this.#state !== 'ready' || this.#line === null) {
      throw new Failure('tryAgain', 'the gateway is not ready: no order is sent')
    }
    if (this.#readOnly) throw readOnlyFailure()
    if (this.#options.looksOnly === true) throw new Error('an order where nobody was to order')
    return this.#line
  }

  #send(write: (line: Line) => void): void {
    const line = this.#line
    if (line !== null) this.#limiter.other(() => write(line))
  }

  /** Connects and asks what has to be known before the first order; rejects where it cannot be known. */
  async #open(): Promise<void> {
    const { host, port, clientId, heartbeatMs = 5 * SECOND, looksOnly = false } = this.#options
    this.#state = 'connecting'
    this.#linkLost = false
    this.#words = null
    let callOff = (): void => {}
    const greeted = new Promise<void>((resolve, reject) => {
      this.#greeting = { version: null, accounts: null, nextId: null, done: resolve, fail: reject }
    })
    // It may fail before it is waited for.
    greeted.catch(() => {})
    try {
      const line = await openLine({ host, port, clientId }, this.#hearing())
      if (this.#closed) {
        line.close()
        throw new UnknownAnswer('the greeting', 'the connection was closed')
      }
      this.#line = line
      const words = `no greeting in ${GREETING_MS / SECOND} s`
      callOff = deadline(this.#timers, GREETING_MS, () =>
        this.#greeting?.fail(refusedAt(this.#options, words)),
      )
      await greeted
      const pulse = new Pulse({
        timers: this.#timers,
        everyMs: heartbeatMs,
        ask: () => this.#send((open) => open.time()),
        offset: (ms) => this.#tell('clock', ms),
        dead: (reason) => this.#lost(reason),
      })
      this.#pulse = pulse
      await pulse.time()
      try {
        // A gateway in read-only mode refuses to list orders that it could be asked to change.
        await this.#questions.ownOpenOrders()
        this.#readOnly = false
      } catch (error) {
        if (!(error instanceof Refused) || error.act !== 'read-only') throw error
        if (!looksOnly) throw readOnlyFailure()
        this.#readOnly = true
      }
      if (this.#line === null) throw refusedAt(this.#options, this.#words ?? 'the connection has ended')
    } catch (error) {
      this.#hangUp('the connection was not made')
      this.#state = 'down'
      throw error
    } finally {
      callOff()
      this.#greeting = null
    }
  }

  /** Ends the connection, if there is one; what was asked on it is unknown from now on. */
  #hangUp(why: string): void {
    this.#line?.close()
    this.#line = null
    this.#greeting?.fail(refusedAt(this.#options, this.#words ?? why))
    this.#pulse?.stop(why)
    this.#pulse = null
    this.#questions.lose(why)
    this.#streams.lost()
    this.#limiter.drop()
  }

  #ready(): void {
    if (this.#closed) return
    const again = this.#wasReady
    this.#wasReady = true
    this.#state = 'ready'
    this.#tries = 0
    this.#inUseSinceMs = null
    this.#endOutage()
    this.#tell('ready', { accounts: this.#accounts, floor: this.#ids.next, version: this.#version, again })
    if (this.#state === 'ready') this.#streams.askMissing()
  }

  #down(reason: string): void {
    if (this.#state !== 'ready') return
    this.#state = 'down'
    const sinceMs = this.#timers.now()
    const timer = this.#timers.setTimeout(() => this.#tell('away', { sinceMs, reason }), AWAY_MS)
    this.#outage = { sinceMs, timer }
    this.#tell('down', reason)
    this.#limiter.dropOrders()
  }

  #endOutage(): void {
    if (this.#outage !== null) this.#timers.clearTimeout(this.#outage.timer)
    this.#outage = null
  }

  /** The connection is lost, or given up: another is made. */
  #lost(reason: string): void {
    if (this.#closed) return
    this.#down(reason)
    this.#words ??= reason
    const isOpening = this.#greeting !== null
    this.#hangUp(reason)
    // While it is being made its maker goes on.
    if (this.#wasReady && !isOpening) this.#reconnectLater()
  }

  #reconnectLater(): void {
    if (this.#closed) return
    this.#state = 'down'
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.#tries++, LONGEST_PAUSE_MS)
    this.#timers.clearTimeout(this.#retry)
    this.#retry = this.#timers.setTimeout(
      () => void this.#reconnect(),
      longest * (0.5 + this.#options.random() / 2),
    )
  }

  async #reconnect(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#open()
    } catch (error) {
      if (this.#closed) return
      if (this.#isFinal(error)) this.#fail(error)
      else {
        this.#tell('note', `no connection yet: ${messageOf(error)}`)
        this.#reconnectLater()
      }
      return
    }
    if (this.#linkLost) this.#state = 'down'
    else this.#ready()
  }

  #isFinal(error: unknown): boolean {
    if (!(error instanceof Failure)) return true
    if (error instanceof Refused && error.act === 'same-id') {
      const now = this.#timers.now()
      this.#inUseSinceMs ??= now
      return now - this.#inUseSinceMs >= SAME_ID_MS
    }
    return error.kind === 'config' || error.kind === 'denied'
  }

  #hearing(): LineListener {
    const questions = this.#questions
    const end = (request: number): void => questions.end(request)
    return {
      heard: () => this.#pulse?.heard(),
      version: (version) => this.#heardVersion(version),
      accounts: (names) => this.#heardAccounts(names),
      nextId: (id) => {
        this.#ids.raise(id)
        if (this.#greeting === null) return
        this.#greeting.nextId = id
        if (this.#greeting.accounts === null) this.#send((line) => line.accounts())
        this.#greet()
      },
      message: (code, id, text) => this.#heardMessage(code, id, text),
      time: (epochMs) => this.#pulse?.answered(epochMs),
      order: (report) => {
        questions.tookOrder(report)
        const news = this.#news.take(report)
        if (news !== null) this.#tell('order', news)
      },
      openOrdersEnd: () => questions.openOrdersEnd(),
      completedOrder: (report) => questions.tookCompleted(report),
      completedOrdersEnd: () => questions.completedOrdersEnd(),
      execution: (request, report) => {
        if (request === null || !questions.tookExecution(request, report)) this.#tell('execution', report)
      },
      executionsEnd: end,
      commission: (report) => this.#tell('commission', report),
      position: (report) => questions.tookPosition(report),
      positionsEnd: () => questions.positionsEnd(),
      summary: (request, row) => questions.tookSummary(request, row),
      summaryEnd: end,
      profit: (request, profit) => questions.tookProfit(request, profit),
      details: (request, details) => questions.tookDetails(request, details),
      detailsEnd: end,
      history: (request, bar) => questions.tookHistory(request, bar),
      historyEnd: end,
      bar: (request, bar) => this.#streams.bar(request, bar),
      dataType: (request, type) => this.#streams.dataType(request, type),
      tick: (request, type, value) => this.#streams.tick(request, type, value),
      closed: (reason) => this.#lost(reason),
      failed: (error) => this.#fail(error),
    }
  }

  #heardVersion(version: number): void {
    if (!Number.isInteger(version)) {
      this.#lost('its greeting has no version')
      return
    }
    this.#version = version
    if (this.#greeting !== null) this.#greeting.version = version
  }

  /** The gate: a name that is not a paper account ends everything, whenever it comes. */
  #heardAccounts(names: readonly string[]): void {
    const other = names.find((name) => !PAPER.test(name))
    if (other !== undefined) {
      const failure = new Failure('denied', `${named(other)} is not a paper account: nothing is sent to it`, {
        hint: 'log in to the gateway with the paper account, whose name begins with DU',
      })
      this.#greeting?.fail(failure)
      this.#tell('denied', other)
      if (this.#wasReady) this.#fail(failure)
      else this.#end()
      return
    }
    if (names.length === 0) return
    this.#accounts = names
    const { account, looksOnly = false } = this.#options
    const problem = looksOnly ? null : accountProblem(names, account)
    if (problem !== null) {
      this.#greeting?.fail(problem)
      if (this.#greeting === null) this.#fail(problem)
      return
    }
    if (this.#greeting === null) return
    this.#greeting.accounts = names
    this.#greet()
  }

  #greet(): void {
    const greeting = this.#greeting
    if (greeting === null || greeting.version === null) return
    if (greeting.accounts !== null && greeting.nextId !== null) greeting.done()
  }

  #heardMessage(code: number, id: number | null, text: string): void {
    const { meaning, act } = judge(code, text)
    const isRequest = id !== null && this.#requestIds.has(id)
    const symbol = isRequest ? this.#streams.symbolOf(id) : null
    this.#tell('problem', { code, id: isRequest ? null : id, symbol, message: text, meaning, act })
    const refused = (what: string): Failure => new Refused(what, { code, act, meaning, text })
    if (isRequest && act === 'empty') this.#questions.end(id)
    else if (isRequest && refuses(act)) this.#questions.refuse(id, refused)
    this.#act(code, act, text, symbol, refused)
  }

  #act(
    code: number,
    act: Act,
    text: string,
    symbol: string | null,
    refused: (what: string) => Failure,
  ): void {
    switch (act) {
      case 'back-off':
        this.#backOffs++
        this.#limiter.pause(BACK_OFF_MS)
        return
      case 'read-only':
        this.#questions.refuseOrders(refused)
        return
      case 'same-id':
        this.#greeting?.fail(refused(`client id ${this.#options.clientId}`))
        return
      case 'reconnect':
        this.#words = text
        this.#lost(text)
        return
      case 'link-lost':
        this.#linkLost = true
        this.#down(text)
        return
      case 'link-back':
      case 'link-back-empty':
        this.#linkIsBack(act === 'link-back-empty')
        return
      case 'farm-broken':
        if (code === FARM_BROKEN) this.#farmBroken = true
        return
      case 'farm-fine':
        if (this.#farmBroken) this.#streams.farmIsBack()
        this.#farmBroken = false
        return
      case 'subscribe-again':
        if (symbol !== null) this.#streams.ended(symbol)
        return
      default:
        // The others are for those who know the orders and the run.
        return
    }
  }

  #linkIsBack(isEmpty: boolean): void {
    this.#linkLost = false
    if (this.#line === null || this.#greeting !== null || !this.#wasReady) return
    this.#ready()
    if (isEmpty && this.#state === 'ready') this.#streams.askAgain()
  }
}

/** Messages a second that the broker takes. */
const BROKER_MOST = 50

/** The farm of market data. */
const FARM_BROKEN = 2103

const readOnlyFailure = (): Failure =>
  new Failure('config', 'the gateway is in read-only mode: it takes no orders', {
    hint: 'clear "Read-Only API" in the settings of the gateway, under API',
  })

function accountProblem(names: readonly string[], account: string | undefined): Failure | null {
  if (account === undefined) {
    return names.length === 1
      ? null
      : new Failure('config', `the gateway has ${names.length} accounts: ${names.join(', ')}`, {
          hint: 'name the one that trades with --account',
        })
  }
  return names.includes(account)
    ? null
    : new Failure('config', `the gateway has no account ${named(account)}, but ${names.join(', ')}`)
}
