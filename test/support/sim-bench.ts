/** A simulated gateway without sockets and without real time: a test moves the clock and speaks frames by name. */
import { DEFAULT_COSTS } from '../../src/portfolio/costs.js'
import type { Timers } from '../../src/sim/clock.js'
import { fieldsOf, framed, frameOf } from '../../src/sim/frames.js'
import { Gate, type GateOptions } from '../../src/sim/gate.js'
import { type Message, read, type Values, write } from '../../src/sim/layout.js'
import { INCOMING, OUTGOING } from '../../src/sim/messages.js'
import { readEntry } from '../../src/sim/scenario.js'
import { DEFAULT_ACCOUNT, DEFAULT_CASH, NO_ORDER_LIMITS } from '../../src/sim/server.js'
import type { Session } from '../../src/sim/session.js'
import { mockTape } from './sim.js'

const IN = new Map([...INCOMING.values()].map((one) => [one.name, one]))
const OUT = new Map([...OUTGOING.values()].map((one) => [one.id, one]))

/** Time that goes on when it is told to. */
export class ManualTimers implements Timers {
  #nowMs = 0
  #soon: (() => void)[] = []
  readonly #later: { atMs: number; call: () => void }[] = []
  now = () => this.#nowMs
  after = (ms: number, call: () => void) => {
    const one = { atMs: this.#nowMs + ms, call }
    this.#later.push(one)
    return () => {
      const at = this.#later.indexOf(one)
      if (at >= 0) this.#later.splice(at, 1)
    }
  }
  soon = (call: () => void) => void this.#soon.push(call)

  /** Runs what is due now, and what that makes due. */
  settle(): void {
    for (let turns = 0; this.#soon.length > 0; turns++) {
      if (turns > 1_000_000) throw new Error('the clock does not come to rest')
      for (const call of this.#soon.splice(0)) call()
    }
  }

  /** Real milliseconds pass. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      this.settle()
      const next = this.#later.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#later.splice(this.#later.indexOf(next), 1)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.call()
    }
    this.#nowMs = endMs
    this.settle()
  }
}

export type Heard = { readonly name: string } & Message

/** A client by frames. */
export class BareClient {
  readonly session: Session
  readonly heard: Heard[] = []
  readonly raw: Buffer[] = []
  version = 0
  isCut = false
  readonly #bench: SimBench

  constructor(bench: SimBench) {
    this.#bench = bench
    this.session = bench.gate.accept({
      write: (bytes) => this.#take(bytes),
      end: () => this.#gone(),
      destroy: () => this.#gone(),
    })
  }

  bytes(bytes: Buffer): void {
    this.session.receive(bytes)
    this.#bench.timers.settle()
  }

  greet(range = 'v100..193'): void {
    this.bytes(Buffer.concat([Buffer.from('API\0'), framed(Buffer.from(range))]))
  }

  send(name: string, values: Values = {}): void {
    const { id, fields } = IN.get(name)!
    const version = name === 'startApi' ? { version: 2 } : { version: 1 }
    this.bytes(frameOf([String(id), ...write(fields, this.version, { ...version, ...values })]))
  }

  start(clientId = 1): void {
    this.greet()
    this.send('startApi', { clientId })
  }

  of(name: string): Heard[] {
    return this.heard.filter((one) => one.name === name)
  }

  codes(): number[] {
    return this.of('error').map(({ code }) => Number(code))
  }

  /** Asks for bars and the time: the clock waits for this client from now on. */
  follow(...symbols: string[]): void {
    for (const [i, symbol] of symbols.entries())
      this.send('reqRealTimeBars', {
        reqId: 100 + i,
        symbol,
        secType: 'STK',
        barSize: 5,
        whatToShow: 'TRADES',
        useRth: 1,
      })
    this.send('reqCurrentTime')
  }

  order(orderId: number, more: Values = {}): void {
    this.send('placeOrder', {
      ...{ orderId, symbol: 'NVDA', secType: 'STK', exchange: 'SMART', currency: 'USD', action: 'BUY' },
      ...{
        totalQuantity: 5,
        orderType: 'MKT',
        tif: 'DAY',
        account: DEFAULT_ACCOUNT,
        orderRef: `r:${orderId}`,
      },
      ...{ transmit: 1, ...more },
    })
  }

  #take(bytes: Buffer): void {
    this.raw.push(bytes)
    if (this.version === 0) {
      const [first] = fieldsOf(bytes.subarray(4))
      if (/^\d+$/.test(first ?? '') && first !== '4') {
        this.version = Number(first)
        return
      }
    }
    const [id, ...fields] = fieldsOf(bytes.subarray(4))
    const described = OUT.get(Number(id) as never)
    if (described === undefined || bytes.length < 8 || bytes.readUInt32BE() !== bytes.length - 4) return
    this.heard.push({ name: described.name, ...read(described.fields, this.version || 193, fields) } as Heard)
  }

  #gone(): void {
    if (this.isCut) return
    this.isCut = true
    // As a socket tells it: later.
    this.#bench.timers.soon(() => this.#bench.gate.leave(this.session))
  }
}

/** A gateway, its clients and its time. */
export class SimBench {
  readonly timers = new ManualTimers()
  readonly gate: Gate
  log = ''
  readonly notes: string[] = []
  isListening = true

  constructor({
    faults = [],
    ...options
  }: Partial<GateOptions> & { readonly faults?: readonly object[] } = {}) {
    this.gate = new Gate({
      ...{ tape: options.tape ?? mockTape(), speed: 'max', serverVersion: 193, accounts: [DEFAULT_ACCOUNT] },
      ...{ cash: DEFAULT_CASH, limits: NO_ORDER_LIMITS, timers: this.timers },
      terms: { costs: DEFAULT_COSTS, fills: 'model', fractional: false, overnight: false },
      log: (line) => {
        this.log += line
      },
      note: (words) => void this.notes.push(words),
      listen: (isOn) => {
        this.isListening = isOn
      },
      scenario: faults.map((entry) => readEntry(entry, 'test')),
      ...options,
    })
    this.gate.start()
    this.timers.settle()
  }

  client(): BareClient {
    return new BareClient(this)
  }

  /** The client answers every bar it is sent until it has had `count` instants, or as many as there are. */
  play(client: BareClient, count: number): void {
    for (let i = 0; i < count && !client.isCut; i++) {
      const owed = client.session.owed
      if (owed === 0) this.timers.pass(6)
      for (let n = 0; n < owed; n++) client.send('reqCurrentTime')
    }
  }

  get records(): Record<string, unknown>[] {
    return this.log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
}
