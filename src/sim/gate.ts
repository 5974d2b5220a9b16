/** The parts of the simulated gateway, wired together: clients, clock, market, faults. */
import { SECOND } from '../base/time.js'
import { sessionAt } from '../market/calendar.js'
import { sendPnl, sendPositions, sendSummary, sendUpdates } from './accounts.js'
import { ANSWERS, sendBar, sendLiveBars, sendQuote, welcome } from './answers.js'
import { type Speed, type Timers, VirtualClock } from './clock.js'
import { contractOf, localStamp } from './contracts.js'
import type { Desk, Limits } from './desk.js'
import { newEffects } from './effects.js'
import { Exchange, type Terms } from './exchange.js'
import type { Stage } from './faults.js'
import type { Message } from './layout.js'
import { SimLog } from './log.js'
import type { SimExecution, SimOrder } from './orders.js'
import { commissionOf, execDetailsOf, openOrderOf, statusOf } from './reports.js'
import { type Entry, readEntry, Scenario } from './scenario.js'
import { Session, type SessionHost, type Wire } from './session.js'
import { type SavedSim, type StateKeeper, stateText } from './state.js'
import type { Tape } from './tape.js'

export interface GateOptions {
  readonly tape: Tape
  readonly speed: Speed
  /** Where the clock begins; the start of the tape without it. */
  readonly nowMs?: number | undefined
  readonly serverVersion: number
  readonly accounts: readonly string[]
  /** Dollars of each account at the start. */
  readonly cash: number
  readonly terms: Terms
  readonly limits: Limits
  readonly timers: Timers
  readonly scenario?: readonly Entry[] | undefined
  /** Where it was when it ended. */
  readonly restored?: SavedSim | undefined
  /** Takes what it is to know after a restart, before anybody is told; absent keeps nothing. */
  readonly keep?: StateKeeper | undefined
  /** Takes the lines of the log; null keeps none. */
  readonly log: ((line: string) => void) | null
  /** Told to a person: a client that is let go. */
  readonly note: (words: string) => void
  /** Stops and begins to take connections, for faults. */
  readonly listen: (isOn: boolean) => void
}

/** Money and shares of one account. */
export interface Statement {
  readonly account: string
  readonly cash: number
  readonly equity: number
  readonly realised: number
  readonly commissions: number
  readonly positions: Readonly<Record<string, number>>
}

/** A client that is sent something is left so long to answer where it does not ask the time. */
const QUIET_MS = 5
/** And longer the first time after it has come, or has asked for bars, when it has more to say than it knows yet. */
const SETTLING_MS = 500
/** A client that owes and says nothing for so long is not waited for. */
const PATIENCE_MS = 30_000
const MESSAGES_A_SECOND = 50

/** The gateway without its socket. */
export class Gate implements Desk, SessionHost, Stage {
  readonly #options: GateOptions
  readonly tape: Tape
  readonly clock: VirtualClock
  readonly exchange: Exchange
  readonly log: SimLog
  readonly accounts: readonly string[]
  readonly contracts
  readonly sessions = new Set<Session>()
  readonly limits: Limits
  readonly fractional: boolean
  readonly serverVersion: number
  readonly nextIds: Map<number, number>
  readonly effects = newEffects()
  readonly listen: (isOn: boolean) => void
  isLinkDown = false
  dataType = 1
  isReadOnly: boolean
  readonly ended: Promise<void>
  #end: () => void = () => {}
  #day: number
  /** Symbols of which a bar ended at the last instant. */
  #endedSymbols: ReadonlySet<string> = new Set()
  /** Real time of the last instant. */
  #instantRealMs = 0
  readonly #scenario: Scenario
  /** Calls to come by virtual time, the next one first. */
  readonly #due: { readonly atMs: number; readonly call: () => void }[] = []

  constructor(options: GateOptions) {
    const { tape, timers, accounts, terms, cash, restored } = options
    this.#options = options
    this.tape = tape
    this.accounts = accounts
    this.limits = options.limits
    this.fractional = terms.fractional
    this.serverVersion = options.serverVersion
    this.listen = options.listen
    this.contracts = tape.symbols.map(contractOf)
    this.nextIds = new Map(restored?.nextIds)
    this.isReadOnly = restored?.isReadOnly ?? false
    this.#day = restored?.day ?? Number.NaN
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.exchange = new Exchange({
      ...{ ...terms, tape, accounts, cash },
      onChange: () => this.#keep(),
      onOrder: (order) => this.#report(order),
      onExecution: (order, execution) => this.#reportExecution(order, execution),
      onCorrection: (order, execution) => this.#reportCorrection(order, execution),
    })
    if (restored !== undefined) this.exchange.restore(restored.exchange)
    this.clock = new VirtualClock({
      ...{ startMs: restored?.nowMs ?? options.nowMs ?? tape.firstMs, speed: options.speed, timers },
      next: (timeMs) => this.#next(timeMs),
      onEnded: (timeMs) => this.#tell(timeMs),
      onBegun: (timeMs) => this.#meet(timeMs),
      isIdle: () => this.#isIdle(),
      waitsMs: () => this.#waitsMs(),
      onOver: () => this.#end(),
    })
    this.log = new SimLog({ write: options.log, now: () => this.clock.instantMs })
    this.#scenario = new Scenario(this, ({ name, params }) => {
      this.log.fault(name, params)
      this.#keep()
    })
    for (const entry of options.scenario ?? []) this.#scenario.add(entry, this.clock.instantMs)
    if (restored !== undefined) this.#scenario.restore(restored.faults)
  }

  get desk(): Desk {
    return this
  }

  /** Begins: what is tied to nothing strikes. */
  start(): void {
    this.#scenario.tick(this.clock.instantMs)
    this.clock.poke()
  }

  realMs = (): number => this.#options.timers.now()

  hears = (session: Session): boolean => !this.effects.deaf.has(session)

  greeting = (session: Session): string | null =>
    this.#scenario.hit('connect', { session }, this.clock.instantMs)
      ? null
      : `${localStamp(this.clock.now())} EST`

  clients = (): readonly Session[] => [...this.sessions].filter(({ isStarted }) => isStarted)

  later = (ms: number, call: () => void): void => {
    const atMs = this.clock.instantMs + ms
    const at = this.#due.findIndex((one) => one.atMs > atMs)
    this.#due.splice(at === -1 ? this.#due.length : at, 0, { atMs, call })
    this.clock.poke()
  }

  laterReal = (ms: number, call: () => void): void => {
    this.#options.timers.after(ms, call)
  }

  handle = (session: Session, name: string, message: Message): void => ANSWERS[name]!(this, session, message)

  /** A client has connected. */
  accept(wire: Wire): Session {
    const session = new Session(wire, this)
    this.sessions.add(session)
    return session
  }

  /** A client has gone. */
  leave(session: Session): void {
    if (!this.sessions.delete(session)) return
    this.effects.deaf.delete(session)
    session.gone()
    if (session.clientId !== null) this.log.connection(session.clientId, 'close')
    this.clock.poke()
  }

  close(): void {
    this.clock.stop()
    for (const session of this.sessions) session.cut()
    // What follows, as the ends of their sockets, is told to nobody.
    this.sessions.clear()
  }

  onStart = (session: Session, message: Message): boolean => {
    if (this.#strikes(session, 'startApi', message)) return false
    const { clientId } = session
    if (this.clients().some((one) => one !== session && one.clientId === clientId)) {
      this.log.connection(clientId, 'refused')
      session.error(
        -1,
        326,
        'Unable to connect as the client id is already in use. Retry with a unique client id.',
      )
      return false
    }
    this.log.connection(clientId, 'open')
    welcome(this, session)
    return true
  }

  onMessage = (session: Session, name: string, message: Message): void => {
    if (!this.hears(session)) return
    this.#count(session, name)
    if (!this.#strikes(session, name, message)) this.handle(session, name, message)
    this.#runDue()
    this.clock.poke()
  }

  onSend = (session: Session): boolean => this.hears(session)

  /** A fault by its entry, as a scenario has it, at once. Throws badData for one that is wrong. */
  strike(entry: unknown, where: string): void {
    this.#scenario.add(readEntry(entry, where), this.clock.instantMs)
    this.#scenario.tick(this.clock.instantMs)
    this.clock.poke()
  }

  statement(): Statement[] {
    return this.accounts.map((account) => {
      const held = this.exchange.holdings.get(account)!
      const { cash, realised, commissions } = held
      const positions = Object.fromEntries(held.symbols.map((symbol) => [symbol, held.shares(symbol)]))
      const equity = cash + this.exchange.equity(account, this.clock.instantMs).value
      return { account, cash, equity, realised, commissions, positions }
    })
  }

  /** Whether a fault deals with a message. */
  #strikes(session: Session, name: string, message: Message): boolean {
    const nowMs = this.clock.instantMs
    const symbol = String(message.symbol ?? '')
    const hit = { session, name, message, symbol }
    const isDone = this.#scenario.hit('message', hit, nowMs)
    return (name === 'placeOrder' && this.#scenario.hit('order', hit, nowMs)) || isDone
  }

  #next(timeMs: number): number {
    let next = Math.min(this.tape.nextInstant(timeMs), this.#scenario.next(timeMs))
    const [due] = this.#due
    if (due !== undefined) next = Math.min(next, Math.max(due.atMs, timeMs + 1))
    for (const order of this.exchange.working)
      next = Math.min(next, Math.max(this.exchange.deadline(order), timeMs + 1))
    return next
  }

  /** Time stands where nobody is there that follows something, or waits for an order or the end of a fault. */
  #isIdle(): boolean {
    const { working } = this.exchange
    return !this.clients().some(
      (client) =>
        isFollowing(client) ||
        this.#due.length > 0 ||
        working.some(({ clientId }) => clientId === client.clientId),
    )
  }

  #runDue(): void {
    while (this.#due[0] !== undefined && this.#due[0].atMs <= this.clock.instantMs) this.#due.shift()!.call()
  }

  /** What ended is told to everybody; orders that it reached come first, as they do at the broker. */
  #tell(timeMs: number): void {
    this.#instantRealMs = this.realMs()
    const session = sessionAt(timeMs)
    if (session !== null && session.day !== this.#day && timeMs >= session.openMs) {
      this.#day = session.day
      this.exchange.beginDay(session.openMs)
      this.#keep()
    }
    this.#runDue()
    this.#scenario.tick(timeMs)
    const parts = this.tape.ended(timeMs)
    this.#endedSymbols = new Set(parts.map(({ symbol }) => symbol))
    this.exchange.meetEnded(parts, timeMs)
    this.#options.keep?.clock(timeMs)
    for (const client of this.clients()) {
      for (const part of parts) {
        sendBar(this, client, part)
        sendLiveBars(this, client, part)
      }
      for (const [reqId, symbol] of client.quotes)
        if (parts.some((part) => part.symbol === symbol)) sendQuote(this, client, reqId, symbol)
      for (const reqId of client.pnl.keys()) sendPnl(this, client, reqId)
    }
  }

  #meet(timeMs: number): void {
    this.exchange.meetBeginning(timeMs)
    this.#runDue()
  }

  #waitsMs(): number {
    const realMs = this.realMs()
    let waits = 0
    for (const session of this.clients()) {
      if (session.isLetGo) continue
      if ((session.isPaced && session.owed > 0) || !this.hears(session)) {
        const leftMs = session.heardMs + PATIENCE_MS - realMs
        if (leftMs <= 0) this.#letGo(session)
        else waits = Math.max(waits, leftMs)
      } else if (!session.isPaced || this.#isStarved(session)) {
        const fromMs = Math.max(session.trafficMs, this.#isStarved(session) ? this.#instantRealMs : 0)
        const pauseMs = session.isPaced || session.isSettled ? QUIET_MS : SETTLING_MS
        const leftMs = fromMs + pauseMs - realMs
        if (leftMs <= 0) session.isSettled = true
        waits = Math.max(waits, leftMs)
      }
    }
    return waits
  }

  /** It waits for something that did not come at this instant: it is to have the time to see that. */
  #isStarved({ isStarved, bars, barSentMs, clientId }: Session): boolean {
    if (isStarved) return true
    if (bars.size === 0) return this.exchange.working.some((order) => order.clientId === clientId)
    const { instantMs } = this.clock
    const isDue = (symbol: string) => this.#endedSymbols.has(symbol) && barSentMs.get(symbol) !== instantMs
    return [...bars.values()].some(({ symbol }) => isDue(symbol))
  }

  #letGo(session: Session): void {
    session.isLetGo = true
    session.owed = 0
    this.log.connection(session.clientId, 'let-go')
    const seconds = PATIENCE_MS / SECOND
    this.#options.note(
      `client ${session.clientId} has said nothing for ${seconds} s: the clock goes on without it`,
    )
  }

  /** Messages of one virtual second. Asking the time is how a client keeps the clock. */
  #count(session: Session, name: string): void {
    if (name === 'reqCurrentTime') return
    const nowMs = this.clock.now()
    const times = session.messagesMs
    while (times.length > 0 && times[0]! <= nowMs - SECOND) times.shift()
    times.push(nowMs)
    if (times.length !== MESSAGES_A_SECOND + 1) return
    this.log.violation(
      session.clientId,
      'too-many-messages',
      `more than ${MESSAGES_A_SECOND} within a second`,
    )
    session.error(-1, 100, 'Max rate of messages per second has been exceeded')
  }

  #owners({ clientId, permId }: { readonly clientId: number; readonly permId: number }): Session[] {
    if (this.effects.reportsHeld || this.effects.untold.has(permId)) return []
    return this.clients().filter((session) => session.clientId === clientId)
  }

  #report(order: SimOrder): void {
    if (order.status === 'Filled' && this.effects.unfinished.has(order.permId)) return
    for (const session of this.#owners(order)) {
      session.send('openOrder', openOrderOf(order))
      session.send('orderStatus', statusOf(order))
      if (order.status === 'Cancelled')
        session.error(order.orderId, 202, `Order Canceled - reason:${order.reason}`)
    }
  }

  #reportExecution(order: SimOrder, execution: SimExecution): void {
    const owners = this.#owners(order)
    const hit = { session: owners[0], order, execution, symbol: order.symbol }
    if (!this.#scenario.hit('fill', hit, this.clock.instantMs)) {
      for (const session of owners) {
        session.send('execDetails', execDetailsOf(execution, -1))
        session.send('commissionReport', commissionOf(execution))
      }
    }
    this.#tellAccounts(order.account)
  }

  #reportCorrection(order: SimOrder, execution: SimExecution): void {
    for (const session of this.#owners(order)) {
      session.send('execDetails', execDetailsOf(execution, -1))
      session.send('commissionReport', commissionOf(execution))
    }
    this.#tellAccounts(order.account)
  }

  #tellAccounts(account: string): void {
    if (this.effects.reportsHeld) return
    for (const session of this.clients()) {
      if (session.wantsPositions) sendPositions(this, session, account)
      if (session.updates === account) sendUpdates(this, session)
      for (const reqId of session.summaries.keys()) sendSummary(this, session, reqId)
    }
  }

  #keep(): void {
    const day = Number.isNaN(this.#day) ? null : this.#day
    const { nextIds, isReadOnly } = this
    this.#options.keep?.book(
      stateText(
        {
          nowMs: this.clock.instantMs,
          day,
          nextIds: [...nextIds],
          isReadOnly,
          faults: this.#scenario.save(),
        },
        this.exchange.text(),
      ),
    )
  }
}

/** Whether a client follows something that time changes. */
const isFollowing = ({ isStarved, bars, quotes, pnl, liveBars }: Session): boolean =>
  isStarved || bars.size + quotes.size + pnl.size + liveBars.size > 0
