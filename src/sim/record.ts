/**
 * A session with a real gateway, passed through and written down: its 5-second bars, and what went wrong as a scenario. Paper
 * accounts alone: nothing of a client but its start goes through before the gateway has said which accounts it manages.
 */

import { connect, createServer, type Socket } from 'node:net'
import { Failure, systemFailure } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { PART_MS } from '../market/bar.js'
import { sessionOfBar } from '../market/calendar.js'
import { localStamp } from './contracts.js'
import { faultNamed, faultsOfCode } from './faults.js'
import { BadFrame, FrameReader, fieldsOf, framed, HEAD } from './frames.js'
import { BadFields, type Message, read } from './layout.js'
import { INCOMING, LAST_VERSION, OUTGOING } from './messages.js'

/** Accounts with play money: the broker's paper accounts, and those of advisors. */
const PAPER = /^D[UF]\d+$/

/** Codes that say that something is over, with the code that began it. */
const ENDS: Readonly<Record<number, readonly number[]>> = {
  1101: [1100, 2110],
  1102: [1100, 2110],
  2104: [2103],
  2106: [2105],
}

interface Entry {
  readonly fault: string
  readonly on: Record<string, unknown>
  with?: Record<string, unknown>
}

/** What was seen of one session, frame by frame. */
export class Recorder {
  readonly #onBar: (line: string) => void
  readonly #entries: Entry[] = []
  /** Symbol by request number, of real-time bars. */
  readonly #symbols = new Map<string, string>()
  /** Number of each order id in the order of their coming. */
  readonly #orders = new Map<string, number>()
  /** When a code that has an end began, and its entry. */
  readonly #begun = new Map<number, { readonly atMs: number; readonly entry: Entry }>()
  #version = LAST_VERSION
  /** Accounts that the gateway manages; null before it has said. */
  accounts: readonly string[] | null = null
  bars = 0

  constructor(onBar: (line: string) => void) {
    this.#onBar = onBar
  }

  /** The greeting of the gateway. */
  greeted(fields: readonly string[]): void {
    this.#version = Number(fields[0])
  }

  /** A message of the client. */
  fromClient(fields: readonly string[]): void {
    const message = this.#read(INCOMING.get(Number(fields[0]))?.fields, fields)
    const name = INCOMING.get(Number(fields[0]))?.name
    if (message === null) return
    if (name === 'reqRealTimeBars') this.#symbols.set(String(message.reqId), String(message.symbol))
    if (name === 'placeOrder' && !this.#orders.has(String(message.orderId)))
      this.#orders.set(String(message.orderId), this.#orders.size + 1)
  }

  /** A message of the gateway. */
  fromGateway(fields: readonly string[], nowMs: number): void {
    const described = [...OUTGOING.values()].find(({ id }) => id === Number(fields[0]))
    const message = this.#read(described?.fields, fields)
    if (message === null) return
    if (described?.name === 'managedAccounts')
      this.accounts = String(message.accounts)
        .split(',')
        .filter((account) => account !== '')
    if (described?.name === 'realTimeBar') this.#bar(message)
    if (described?.name === 'error') this.#problem(message, nowMs)
  }

  /** The gateway has cut the connection. */
  cut(nowMs: number): void {
    this.#entries.push({ fault: 'drop', on: { time: localStamp(nowMs).slice(9) } })
  }

  /** The faults that were seen, a line each. */
  get scenario(): string {
    return this.#entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
  }

  #read(layout: Parameters<typeof read>[0] | undefined, fields: readonly string[]): Message | null {
    if (layout === undefined) return null
    try {
      return read(layout, this.#version, fields.slice(1))
    } catch (error) {
      // A real gateway may say more than is known here: it is passed through all the same.
      if (error instanceof BadFields) return null
      throw error
    }
  }

  #bar({ reqId, time, open, high, low, close, volume, wap, count }: Message): void {
    const symbol = this.#symbols.get(String(reqId))
    if (symbol === undefined) return
    const startMs = 1000 * Number(time)
    const known = (value: unknown) => (Number(value) >= 0 ? Number(value) : null)
    this.bars++
    this.#onBar(
      `${JSON.stringify({
        ...{
          type: 'bar',
          symbol,
          interval: '5s',
          time: formatTime(startMs),
          open: Number(open),
          high: Number(high),
        },
        ...{
          low: Number(low),
          close: Number(close),
          volume: known(volume),
          vwap: known(wap),
          trades: known(count),
        },
        ...{ adjusted: null, session: sessionOfBar(startMs, PART_MS), source: 'ib' },
      })}\n`,
    )
  }

  #problem({ id, code }: Message, nowMs: number): void {
    const number = Number(code)
    for (const begun of ENDS[number] ?? []) {
      const open = this.#begun.get(begun)
      if (open === undefined) continue
      this.#begun.delete(begun)
      open.entry.with = { seconds: Math.max(1, Math.round((nowMs - open.atMs) / 1000)) }
      return
    }
    const order = this.#orders.get(String(id))
    const names = faultsOfCode(number)
    const isOfOrder = (name: string) => faultNamed(name)!.on === 'order'
    const fault = names.find((name) => isOfOrder(name) === (order !== undefined)) ?? names[0]
    // Farms that are fine, and codes that stand for nothing here.
    if (fault === undefined || number in ENDS || number === 2158) return
    const on = isOfOrder(fault) ? { order: order ?? 1 } : { time: localStamp(nowMs).slice(9) }
    const { message } = faultNamed(fault)!
    const entry: Entry = { fault, on: message === undefined ? on : { message, nth: 1 } }
    this.#entries.push(entry)
    if (Object.values(ENDS).some((codes) => codes.includes(number)))
      this.#begun.set(number, { atMs: nowMs, entry })
  }
}

export interface RecordOptions {
  readonly host: string
  readonly port: number
  /** Where clients connect; 0 takes a free port. */
  readonly listenPort: number
  readonly clock: () => number
  readonly onBar: (line: string) => void
  readonly note: (words: string) => void
}

export interface Recording {
  readonly port: number
  readonly recorder: Recorder
  /** Rejects where the gateway cannot be reached, or manages an account that is none for play. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

const REACH_MS = 5000

/** Whether anything listens there; throws 69 where nothing does. */
function reached({ host, port }: RecordOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    socket.setTimeout(REACH_MS, () => socket.destroy(new Error('no answer')))
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', (error) => reject(noGateway({ host, port }, error)))
  })
}

/** Takes clients, one session at a time and after another, and passes each through to the gateway. Throws 69 where there is none. */
export async function startRecording(options: RecordOptions): Promise<Recording> {
  await reached(options)
  const recorder = new Recorder(options.onBar)
  const sockets = new Set<Socket>()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  // Until somebody waits for it.
  failed.catch(() => {})
  const server = createServer({ noDelay: true }, (client) => {
    const gateway = connect({ host: options.host, port: options.port, noDelay: true })
    for (const socket of [client, gateway]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    pass({ client, gateway, recorder, options, fail })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(systemFailure(error, `127.0.0.1:${options.listenPort}`, true)))
    server.listen(options.listenPort, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.listenPort,
    recorder,
    failed,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Passing {
  readonly client: Socket
  readonly gateway: Socket
  readonly recorder: Recorder
  readonly options: RecordOptions
  readonly fail: (error: unknown) => void
}

/** Both ways, frame by frame. */
function pass({ client, gateway, recorder, options, fail }: Passing): void {
  const fromClient = new FrameReader()
  const fromGateway = new FrameReader('gateway')
  let stage: 'handshake' | 'greeting' | 'accounts' | 'open' = 'handshake'
  let isEnding = false
  /** Frames of the client that wait until the accounts are known. */
  const held: Buffer[] = []
  const end = () => {
    isEnding = true
    client.destroy()
    gateway.destroy()
  }
  const guarded = (work: () => void) => {
    try {
      work()
    } catch (error) {
      if (error instanceof BadFrame) options.note(`a session ends: ${error.message}`)
      else fail(error)
      end()
    }
  }
  const forward = (frame: Buffer) => {
    recorder.fromClient(fieldsOf(frame))
    gateway.write(framed(frame))
  }
  client.on('data', (bytes) =>
    guarded(() => {
      for (const frame of fromClient.push(bytes)) {
        if (stage === 'handshake') {
          // From 201 on messages are no text.
          const range = frame
            .toString('latin1')
            .replace(
              /^v(\d+)\.\.(\d+)/,
              (_all, least, most) => `v${least}..${Math.min(Number(most), LAST_VERSION)}`,
            )
          gateway.write(Buffer.concat([HEAD, framed(Buffer.from(range, 'latin1'))]))
          stage = 'greeting'
        } else if (stage === 'open' || fieldsOf(frame)[0] === '71') forward(frame)
        else held.push(frame)
      }
    }),
  )
  gateway.on('data', (bytes) =>
    guarded(() => {
      for (const frame of fromGateway.push(bytes)) {
        const fields = fieldsOf(frame)
        if (stage === 'greeting') {
          recorder.greeted(fields)
          stage = 'accounts'
        } else recorder.fromGateway(fields, options.clock())
        const strange = recorder.accounts?.find((account) => !PAPER.test(account))
        if (strange !== undefined)
          throw new Failure('denied', `the gateway manages ${strange}, which is no paper account`, {
            hint: 'log the gateway in to a paper account: their names begin with DU or DF',
          })
        client.write(framed(frame))
        if (stage === 'accounts' && recorder.accounts !== null) {
          stage = 'open'
          for (const one of held.splice(0)) forward(one)
        }
      }
    }),
  )
  gateway.on('error', (error) => {
    if (stage === 'handshake' || stage === 'greeting') fail(noGateway(options, error))
    gateway.destroy()
  })
  gateway.on('close', () => {
    if (!isEnding && stage === 'open') recorder.cut(options.clock())
    end()
  })
  client.on('error', end)
  client.on('close', end)
}

const noGateway = ({ host, port }: Pick<RecordOptions, 'host' | 'port'>, cause: unknown): Failure =>
  new Failure('unavailable', `no gateway at ${host}:${port}`, { cause })
