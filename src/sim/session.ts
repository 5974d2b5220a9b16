/** One client of the simulated gateway: its handshake, its messages by name, what it is subscribed to and what it owes. */
import { BadFrame, FrameReader, fieldsOf, framed, frameOf } from './frames.js'
import type { LiveBar } from './history.js'
import { BadFields, type Message, read, type Values, write } from './layout.js'
import type { SimLog } from './log.js'
import { FIRST_VERSION, INCOMING, LAST_VERSION, OUTGOING, type Outgoing } from './messages.js'

/** The wire to a client. */
export interface Wire {
  readonly write: (bytes: Buffer) => void
  readonly end: () => void
  /** Cuts it without a word. */
  readonly destroy: () => void
}

export interface SessionHost {
  readonly log: SimLog
  readonly serverVersion: number
  /** Real time, for who is silent. */
  readonly realMs: () => number
  /** Whether what comes from a client is heard. */
  readonly hears: (session: Session) => boolean
  /** The words after the version in the greeting; null sends none. */
  readonly greeting: (session: Session) => string | null
  /** The client has started the API; false where it is turned away. */
  readonly onStart: (session: Session, message: Message) => boolean
  readonly onMessage: (session: Session, name: string, message: Message) => void
  /** Whether a message goes out: a fault may hold it. */
  readonly onSend: (session: Session) => boolean
}

/** Bars of a symbol that a request number stands for. */
export interface BarSubscription {
  readonly symbol: string
  readonly regular: boolean
}

/** A client, from its first byte to its last. Nothing that it sends throws. */
export class Session {
  readonly #wire: Wire
  readonly #host: SessionHost
  readonly #reader = new FrameReader()
  #stage: 'handshake' | 'greeted' | 'started' | 'closed' = 'handshake'
  version = 0
  clientId: number | null = null
  /** Subscriptions by request number. */
  readonly bars = new Map<number, BarSubscription>()
  readonly quotes = new Map<number, string>()
  readonly liveBars = new Map<number, LiveBar>()
  readonly pnl = new Map<number, { readonly account: string; readonly conId: number | null }>()
  readonly summaries = new Map<number, readonly string[]>()
  /** Account whose updates it gets; null for none. */
  updates: string | null = null
  wantsPositions = false
  marketDataType = 1
  /** Questions for the time that are to come before the clock goes on: two for an instant at which it was sent bars. */
  owed = 0
  /** Streams that it asked for have ended without its doing: it waits for bars that do not come. */
  isStarved = false
  /** It has asked the time since it asked for bars: the clock waits for it. */
  isPaced = false
  /** It was quiet once since it came, or, one that asks the time, since it asked for bars. */
  isSettled = false
  /** It has asked the time at all. */
  hasAsked = false
  /** It owed and said nothing for long: the clock goes on without it until it asks the time. */
  isLetGo = false
  heardMs = 0
  trafficMs = 0
  /** Virtual time at which the last bar of each symbol was sent to it. */
  readonly barSentMs = new Map<string, number>()
  /** Virtual times of its last messages and history requests, for the pacing rules. */
  readonly messagesMs: number[] = []
  readonly history: { readonly timeMs: number; readonly key: string; readonly symbol: string }[] = []

  constructor(wire: Wire, host: SessionHost) {
    this.#wire = wire
    this.#host = host
    this.heardMs = host.realMs()
  }

  get isStarted(): boolean {
    return this.#stage === 'started'
  }

  get isClosed(): boolean {
    return this.#stage === 'closed'
  }

  /** Takes bytes as they come. */
  receive(bytes: Buffer): void {
    if (this.#host.hears(this)) {
      this.heardMs = this.#host.realMs()
      this.trafficMs = this.heardMs
    }
    let frames: Buffer[]
    try {
      frames = this.#reader.push(bytes)
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      this.#host.log.violation(this.clientId, 'bad-handshake', error.message)
      this.close()
      return
    }
    for (const frame of frames) {
      if (this.#stage === 'closed') return
      if (this.#stage === 'handshake') this.#greet(frame)
      else this.#take(fieldsOf(frame))
    }
  }

  send(name: Outgoing, values: Values = {}): void {
    if (this.#stage === 'closed' || !this.#host.onSend(this)) return
    this.sendNow(name, values)
  }

  /** Sends whatever a fault would do to it. */
  sendNow(name: Outgoing, values: Values = {}): void {
    if (this.#stage === 'closed') return
    const { id, fields } = OUTGOING.get(name)!
    this.trafficMs = this.#host.realMs()
    this.#wire.write(frameOf([String(id), ...write(fields, this.version, values)]))
  }

  /** Bytes as they are, for faults of the wire. */
  sendRaw(bytes: Buffer): void {
    if (this.#stage !== 'closed') this.#wire.write(bytes)
  }

  error(id: number, code: number, text: string, rejectJson = ''): void {
    this.send('error', { id, code, text, rejectJson })
  }

  /** Streams of bars end without a word; the client believes that they go on. */
  loseStreams(): void {
    this.isStarved ||= this.bars.size > 0
    this.bars.clear()
    this.owed = 0
  }

  /** Every subscription is gone. */
  unsubscribe(): void {
    this.loseStreams()
    this.isStarved ||= this.quotes.size > 0
    this.quotes.clear()
    this.liveBars.clear()
    this.pnl.clear()
  }

  close(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#wire.end()
  }

  /** Cuts the connection: what was not read is lost. */
  cut(): void {
    this.#stage = 'closed'
    this.#wire.destroy()
  }

  /** The other side has gone. */
  gone(): void {
    this.#stage = 'closed'
  }

  #greet(frame: Buffer): void {
    const match = /^v(\d{1,4})(?:\.\.(\d{1,4}))?( .*)?$/.exec(frame.toString('latin1'))
    if (match === null) {
      this.#host.log.violation(null, 'bad-handshake', 'no range of versions')
      this.close()
      return
    }
    const [least, most] = [Number(match[1]), Number(match[2] ?? match[1])]
    this.version = Math.min(most, this.#host.serverVersion)
    if (this.version < FIRST_VERSION || this.version < least) {
      this.version = LAST_VERSION
      this.#host.log.violation(null, 'bad-handshake', `versions ${least} to ${most}`)
      this.sendNow('error', {
        ...{ id: -1, code: 506 },
        text: `Unsupported version: this gateway speaks ${FIRST_VERSION} to ${this.#host.serverVersion}`,
      })
      this.close()
      return
    }
    this.#stage = 'greeted'
    const greeting = this.#host.greeting(this)
    if (greeting !== null && !this.isClosed) this.#wire.write(frameOf([String(this.version), greeting]))
  }

  #take(fields: readonly string[]): void {
    const { log } = this.#host
    const [number = '', ...rest] = fields
    const described = INCOMING.get(Number(number))
    if (described === undefined || !/^\d{1,3}$/.test(number)) {
      log.violation(this.clientId, 'unknown-message', number.slice(0, 40))
      return
    }
    let message: Message
    try {
      message = read(described.fields, this.version, rest)
    } catch (error) {
      if (!(error instanceof BadFields)) throw error
      log.violation(this.clientId, 'malformed-message', `${described.name}: ${error.message}`)
      this.error(-1, 320, `Error reading request: ${described.name}: ${error.message}`)
      return
    }
    log.message(this.clientId, described.name, message)
    if (described.name === 'startApi') this.#start(message)
    else if (this.#stage !== 'started') log.violation(this.clientId, 'before-start', described.name)
    else this.#host.onMessage(this, described.name, message)
  }

  #start(message: Message): void {
    const id = Number(message.clientId)
    if (this.#stage === 'started' || !Number.isInteger(id) || id < 0) {
      this.error(-1, 321, 'Error validating request: cause - the client id is not a number of 0 or more')
      return
    }
    this.clientId = id
    if (!this.#host.onStart(this, message)) this.close()
    else this.#stage = 'started'
  }
}

/** A frame that is none, for faults: its length says more than follows. */
export const tornFrame = (): Buffer => framed(Buffer.from('4\x002\0', 'latin1')).subarray(0, 6)
