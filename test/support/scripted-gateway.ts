/**
 * A server that speaks just enough of the gateway's protocol to be scripted: it greets, and answers what it was told to answer. It
 * can say what no simulator should: damaged messages, silence, other people's accounts.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

export type Fields = readonly (string | number)[]
type Answer = (fields: string[], server: ScriptedGateway) => void

export const frame = (...fields: Fields): Buffer => {
  const body = Buffer.from(`${fields.join('\0')}\0`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** Numbers of the messages of a client. */
export const SENT = {
  quotes: '1',
  quotesDone: '2',
  place: '3',
  cancel: '4',
  ownOpenOrders: '5',
  executions: '7',
  details: '9',
  openOrders: '16',
  accounts: '17',
  history: '20',
  historyDone: '25',
  time: '49',
  bars: '50',
  barsDone: '51',
  globalCancel: '58',
  dataType: '59',
  positions: '61',
  positionsDone: '64',
  start: '71',
} as const

export const OTHER = '2147483647'

export class ScriptedGateway {
  accounts = 'DU1234567'
  nextId = 1
  version = 193
  /** Of the time answers, epoch milliseconds. */
  now: () => number = Date.now
  /** What all clients have sent since the greeting, in order. */
  readonly received: string[][] = []
  /** By the number of the client's message; in place of the usual answer. */
  readonly answers: Record<string, Answer> = {}
  /** Connections that were made. */
  connections = 0
  /** Connections that have ended. */
  ended = 0
  /** Called with each new connection in place of the greeting. */
  refuse: ((socket: Socket) => void) | null = null
  readonly #server: Server
  #socket: Socket | null = null
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = []

  static async start(
    settings: Partial<Pick<ScriptedGateway, 'accounts' | 'nextId' | 'version' | 'now'>> = {},
  ) {
    const gateway = new ScriptedGateway()
    Object.assign(gateway, settings)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  private constructor() {
    this.#server = createServer((socket) => this.#connected(socket))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  send(...fields: Fields): void {
    this.#socket?.write(frame(...fields))
  }

  raw(bytes: Buffer): void {
    this.#socket?.write(bytes)
  }

  /** Ends the connection as a machine that dies does. */
  cut(): void {
    this.#socket?.resetAndDestroy()
  }

  /** Messages of one kind. */
  of(message: string): string[][] {
    return this.received.filter(([first]) => first === message)
  }

  /** Resolves when it holds, looked at after every message. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }))
  }

  async close(): Promise<void> {
    this.#socket?.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connected(socket: Socket): void {
    this.connections++
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => {})
    if (this.refuse !== null) {
      this.refuse(socket)
      return
    }
    let bytes: Buffer = Buffer.alloc(0)
    let greeted = false
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data])
      if (!greeted) {
        if (bytes.length < 8 || bytes.length < 8 + bytes.readUInt32BE(4)) return
        bytes = bytes.subarray(8 + bytes.readUInt32BE(4))
        greeted = true
        socket.write(frame(this.version, '20241129 09:30:00 Somewhere/Else'))
      }
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
        const length = bytes.readUInt32BE()
        const fields = bytes
          .toString('utf8', 4, 4 + length)
          .split('\0')
          .slice(0, -1)
        bytes = bytes.subarray(4 + length)
        this.received.push(fields)
        const answer = this.answers[fields[0]!] ?? USUAL[fields[0]!]
        answer?.(fields, this)
      }
      this.#look()
    })
    socket.on('close', () => {
      this.ended++
      this.#look()
    })
  }

  #look(): void {
    const [done, rest] = [
      this.#waiting.filter(({ holds }) => holds()),
      this.#waiting.filter(({ holds }) => !holds()),
    ]
    this.#waiting = rest
    for (const { resolve } of done) resolve()
  }
}

const USUAL: Record<string, Answer> = {
  [SENT.start]: (_, server) => {
    server.send(15, 1, server.accounts)
    server.send(9, 1, server.nextId)
    server.send(4, 2, -1, 2104, 'Market data farm connection is OK:usfarm', '')
  },
  [SENT.accounts]: (_, server) => server.send(15, 1, server.accounts),
  [SENT.time]: (_, server) => server.send(49, 1, Math.floor(server.now() / 1000)),
  [SENT.ownOpenOrders]: (_, server) => server.send(53, 1),
  [SENT.openOrders]: (_, server) => server.send(53, 1),
  [SENT.positions]: (_, server) => server.send(62, 1),
  [SENT.executions]: ([, , request], server) => server.send(55, 1, request!),
  [SENT.details]: ([, , request, , symbol], server) => {
    server.send(...details(request!, symbol!))
    server.send(52, 1, request!)
  },
}

/** Contract details as version 193 has them. */
export const details = (
  request: string,
  symbol: string,
  { id = 4815747, hours = '20241129:0930-20241129:1300;20241130:CLOSED' } = {},
): Fields =>
  // biome-ignore format: one field after the other
  [
    10, request, symbol, 'STK', '', '', 0, '', 'SMART', 'USD', symbol, 'NMS', 'NMS', id, 0.01, '', 'LMT,MKT', 'SMART,NASDAQ', 1, 0,
    'A COMPANY', 'NASDAQ', '', 'Technology', 'Semiconductors', '', 'US/Eastern', hours, hours, '', 0, 0, 1, '', '', '26', '',
    'COMMON', 0.0001, 0.0001, 100, 0,
  ]

/** What version 193 says of an execution. */
export const execution = (
  request: number | string,
  {
    id = 1,
    exec = '00000jul.1.01',
    side = 'BOT',
    shares = 10,
    price = 179.25,
    permId = 900,
    clientId = 7,
    ref = 'jules:run:1',
    time = '20241129 09:31:00 US/Eastern',
    account = 'DU1234567',
    symbol = 'NVDA',
  } = {},
): Fields =>
  // biome-ignore format: one field after the other
  [
    11, request, id, 4815747, symbol, 'STK', '', 0, '', '', 'NASDAQ', 'USD', symbol, 'NMS', exec, time, account, 'NASDAQ', side,
    shares, price, permId, clientId, 0, shares, price, ref, '', '', '', 1, 0,
  ]

/** What version 193 says of the status of an order. */
export const status = (
  id: number,
  word: string,
  { filled = 0, remaining = 10, price = 0, permId = 900, clientId = 7, whyHeld = '' } = {},
): Fields => [3, id, word, filled, remaining, price, permId, 0, price, clientId, whyHeld, 0]

/** A bar of a stream. */
export const streamBar = (request: string, startSeconds: number, price: number): Fields => [
  50,
  3,
  request,
  startSeconds,
  price,
  price,
  price,
  price,
  100,
  price,
  5,
]
