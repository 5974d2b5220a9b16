/**
 * The simulated gateway: the broker's text protocol on 127.0.0.1, a market from bars, and a virtual clock. Time goes on where
 * the clients have dealt with what they were sent.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { SECOND } from '../base/time.js'
import { sessionAt } from '../market/calendar.js'
import { sendPnl, sendPositions, sendSummary, sendUpdates } from './accounts.js'
import { ANSWERS, sendBar, sendQuote, welcome } from './answers.js'
import { type Speed, type Timers, VirtualClock } from './clock.js'
import { contractOf, localStamp } from './contracts.js'
import type { Desk, Limits } from './desk.js'
import { Exchange, type Terms } from './exchange.js'
import { SimLog, type Violation } from './log.js'
import type { SimExecution, SimOrder } from './orders.js'
import { commissionOf, execDetailsOf, openOrderOf, statusOf } from './reports.js'
import { Session, type SessionHost } from './session.js'
import type { Tape } from './tape.js'

/** All that it listens to. */
export const SIM_HOST = '127.0.0.1'
export const DEFAULT_ACCOUNT = 'DU1234567'
/** What the broker gives a paper account. */
export const DEFAULT_CASH = 1_000_000
export const NO_ORDER_LIMITS: Limits = {
  notional: Number.POSITIVE_INFINITY,
  quantity: Number.POSITIVE_INFINITY,
}

export interface SimOptions {
  readonly tape: Tape
  /** 0 takes one that is free. */
  readonly port: number
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
  /** Takes the lines of the log; null keeps none. */
  readonly log: ((line: string) => void) | null
  /** Told to a person: a client that is let go. */
  readonly note: (words: string) => void
}

/** Money and shares of one account at the end. */
export interface Statement {
  readonly account: string
  readonly cash: number
  readonly equity: number
  readonly realised: number
  readonly commissions: number
  readonly positions: Readonly<Record<string, number>>
}

/** A simulated gateway that runs. */
export interface Sim {
  readonly host: string
  readonly port: number
  /** Virtual epoch milliseconds. */
  now(): number
  /** The tape has ended, and every client has dealt with its last instant. */
  readonly ended: Promise<void>
  readonly violations: ReadonlyMap<Violation, number>
  statement(): Statement[]
  close(): Promise<void>
}

/** A client that is sent something is left so long to answer where it does not ask the time. */
const QUIET_MS = 5
/** A client that owes and says nothing for so long is not waited for. */
const PATIENCE_MS = 30_000
const MESSAGES_A_SECOND = 50

/** Opens the gateway. Throws 69 where the port is taken. */
export async function startSim(options: SimOptions): Promise<Sim> {
  const gate = new Gate(options)
  const server = createServer({ noDelay: true }, (socket) => gate.accept(socket))
  const port = await listen(server, options.port)
  gate.clock.poke()
  return {
    host: SIM_HOST,
    port,
    now: () => gate.clock.now(),
    ended: gate.ended,
    violations: gate.log.violations,
    statement: () => gate.statement(),
    close: async () => {
      gate.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE')
        reject(
          new Failure('unavailable', `port ${port} is taken`, {
            hint: 'name another with --port; 0 takes a free one',
          }),
        )
      else reject(systemFailure(error, `${SIM_HOST}:${port}`, true))
    })
    server.listen(port, SIM_HOST, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** The parts of the gateway, wired together. */
class Gate implements Desk, SessionHost {
  readonly #options: SimOptions
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
  readonly nextIds = new Map<number, number>()
  readonly usedIds = new Set<string>()
  isLinkDown = false
  dataType = 1
  isReadOnly = false
  readonly ended: Promise<void>
  #end: () => void = () => {}
  #day = Number.NaN

  constructor(options: SimOptions) {
    const { tape, timers, accounts, terms, cash } = options
    this.#options = options
    this.tape = tape
    this.accounts = accounts
    this.limits = options.limits
    this.fractional = terms.fractional
    this.serverVersion = options.serverVersion
    this.contracts = tape.symbols.map(contractOf)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.exchange = new Exchange({
      ...{ ...terms, tape, accounts, cash },
      onOrder: (order) => this.#report(order),
      onExecution: (order, execution) => this.#reportExecution(order, execution),
    })
    this.clock = new VirtualClock({
      ...{ startMs: options.nowMs ?? tape.firstMs, speed: options.speed, timers },
      next: (timeMs) => this.#next(timeMs),
      onEnded: (timeMs) => this.#tell(timeMs),
      onBegun: (timeMs) => this.exchange.meetBeginning(timeMs),
      isIdle: () => this.exchange.working.length === 0 && ![...this.sessions].some(isFollowing),
      waitsMs: () => this.#waitsMs(),
      onOver: () => this.#end(),
    })
    this.log = new SimLog({ write: options.log, now: () => this.clock.instantMs })
  }

  realMs = (): number => this.#options.timers.now()

  greeting = (): string => `${localStamp(this.clock.now())} EST`

  accept(socket: Socket): void {
    const session = new Session(
      {
        write: (bytes) => void socket.write(bytes),
        end: () => void socket.end(),
        destroy: () => void socket.destroy(),
      },
      this,
    )
    this.sessions.add(session)
    const gone = () => {
      if (!this.sessions.delete(session)) return
      session.gone()
      if (session.clientId !== null) this.log.connection(session.clientId, 'close')
      this.clock.poke()
    }
    socket.on('data', (bytes) => session.receive(bytes))
    socket.on('close', gone)
    // A reset is a client that has gone.
    socket.on('error', () => socket.destroy())
  }

  close(): void {
    this.clock.stop()
    for (const session of this.sessions) session.cut()
  }

  onStart = (session: Session): boolean => {
    const other = [...this.sessions].find(
      (one) => one !== session && one.isStarted && one.clientId === session.clientId,
    )
    if (other !== undefined) {
      this.log.connection(session.clientId, 'refused')
      session.error(
        -1,
        326,
        'Unable to connect as the client id is already in use. Retry with a unique client id.',
      )
      return false
    }
    this.log.connection(session.clientId, 'open')
    welcome(this, session)
    return true
  }

  onMessage = (session: Session, name: string, message: Parameters<SessionHost['onMessage']>[2]): void => {
    this.#count(session, name)
    ANSWERS[name]!(this, session, message)
    this.clock.poke()
  }

  onSend = (): boolean => true

  statement(): Statement[] {
    return this.accounts.map((account) => {
      const held = this.exchange.holdings.get(account)!
      const { cash, realised, commissions } = held
      const positions = Object.fromEntries(held.symbols.map((symbol) => [symbol, held.shares(symbol)]))
      const equity = cash + this.exchange.equity(account, this.clock.instantMs).value
      return { account, cash, equity, realised, commissions, positions }
    })
  }

  #next(timeMs: number): number {
    let next = this.tape.nextInstant(timeMs)
    for (const order of this.exchange.working)
      next = Math.min(next, Math.max(this.exchange.deadline(order), timeMs + 1))
    return next
  }

  /** What ended is told to everybody; orders that it reached come first, as they do at the broker. */
  #tell(timeMs: number): void {
    const session = sessionAt(timeMs)
    if (session !== null && session.day !== this.#day && timeMs >= session.openMs) {
      this.#day = session.day
      this.exchange.beginDay(session.openMs)
    }
    const parts = this.tape.ended(timeMs)
    this.exchange.meetEnded(parts, timeMs)
    for (const client of this.sessions) {
      if (!client.isStarted) continue
      for (const part of parts) sendBar(client, part)
      for (const [reqId, symbol] of client.quotes)
        if (parts.some((part) => part.symbol === symbol)) sendQuote(this, client, reqId, symbol)
      for (const reqId of client.pnl.keys()) sendPnl(this, client, reqId)
    }
  }

  #waitsMs(): number {
    const realMs = this.realMs()
    let waits = 0
    for (const session of this.sessions) {
      if (!session.isStarted || session.isLetGo) continue
      if (!session.isPaced) waits = Math.max(waits, session.trafficMs + QUIET_MS - realMs)
      else if (session.owed > 0) {
        const leftMs = session.heardMs + PATIENCE_MS - realMs
        if (leftMs <= 0) this.#letGo(session)
        else waits = Math.max(waits, leftMs)
      }
    }
    return waits
  }

  #letGo(session: Session): void {
    session.isLetGo = true
    session.owed = 0
    this.log.connection(session.clientId, 'let-go')
    this.#options.note(
      `client ${session.clientId} has said nothing for ${PATIENCE_MS / SECOND} s: the clock goes on without it`,
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

  #owners(clientId: number): Session[] {
    return [...this.sessions].filter((session) => session.isStarted && session.clientId === clientId)
  }

  #report(order: SimOrder): void {
    for (const session of this.#owners(order.clientId)) {
      session.send('openOrder', openOrderOf(order))
      session.send('orderStatus', statusOf(order))
      if (order.status === 'Cancelled')
        session.error(order.orderId, 202, `Order Canceled - reason:${order.reason}`)
    }
  }

  #reportExecution(order: SimOrder, execution: SimExecution): void {
    for (const session of this.#owners(order.clientId)) {
      session.send('execDetails', execDetailsOf(execution, -1))
      session.send('commissionReport', commissionOf(execution))
    }
    for (const session of this.sessions) {
      if (!session.isStarted) continue
      if (session.wantsPositions) sendPositions(this, session, order.account)
      if (session.updates === order.account) sendUpdates(this, session)
      for (const reqId of session.summaries.keys()) sendSummary(this, session, reqId)
    }
  }
}

/** Whether time goes on for a client: it follows something that time changes. */
const isFollowing = ({ isStarted, bars, quotes, pnl }: Session): boolean =>
  isStarted && bars.size + quotes.size + pnl.size > 0
