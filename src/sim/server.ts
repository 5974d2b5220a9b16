/**
 * The simulated gateway: the broker's text protocol on 127.0.0.1, a market from bars, and a virtual clock. Time goes on where
 * the clients have dealt with what they were sent.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import type { Limits } from './desk.js'
import { Gate, type GateOptions, type Statement } from './gate.js'
import type { Violation } from './log.js'
import type { Wire } from './session.js'

/** All that it listens to. */
export const SIM_HOST = '127.0.0.1'
/** Where a gateway for paper trading listens. */
export const DEFAULT_PORT = 4002
export const DEFAULT_ACCOUNT = 'DU1234567'
/** What the broker gives a paper account. */
export const DEFAULT_CASH = 1_000_000
export const NO_ORDER_LIMITS: Limits = {
  notional: Number.POSITIVE_INFINITY,
  quantity: Number.POSITIVE_INFINITY,
}

export interface SimOptions extends Omit<GateOptions, 'listen'> {
  /** 0 takes one that is free. */
  readonly port: number
}

/** A simulated gateway that runs. */
export interface Sim {
  readonly host: string
  readonly port: number
  /** Virtual epoch milliseconds. */
  now(): number
  /** The tape has ended, and every client has dealt with its last instant. */
  readonly ended: Promise<void>
  /** How often each was seen. */
  readonly violations: ReadonlyMap<Violation, number>
  statement(): Statement[]
  /** A fault by its entry, as a scenario has it. Throws badData for one that is wrong. */
  strike(entry: unknown, where: string): void
  close(): Promise<void>
}

/** Opens the gateway. Throws 69 where the port is taken. */
export async function startSim(options: SimOptions): Promise<Sim> {
  const server = createServer({ noDelay: true })
  let port = options.port
  let isClosed = false
  const gate = new Gate({
    ...options,
    listen: (isOn) => {
      if (!isOn) server.close()
      else if (!isClosed && !server.listening) server.listen(port, SIM_HOST)
    },
  })
  server.on('connection', (socket) => {
    const session = gate.accept(wireOf(socket))
    socket.on('data', (bytes) => session.receive(bytes))
    socket.on('close', () => gate.leave(session))
    // A reset is a client that has gone.
    socket.on('error', () => socket.destroy())
  })
  port = await listen(server, port)
  gate.start()
  return {
    host: SIM_HOST,
    port,
    now: () => gate.clock.now(),
    ended: gate.ended,
    violations: gate.log.violations,
    statement: () => gate.statement(),
    strike: (entry, where) => gate.strike(entry, where),
    close: async () => {
      isClosed = true
      gate.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A socket to which all that is said at once goes in one write. */
function wireOf(socket: Socket): Wire {
  let waiting: Buffer[] = []
  const flush = () => {
    if (waiting.length === 0) return
    const bytes = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
    waiting = []
    socket.write(bytes)
  }
  return {
    write: (bytes) => {
      if (waiting.push(bytes) === 1) queueMicrotask(flush)
    },
    end: () => {
      flush()
      socket.end()
    },
    destroy: () => {
      waiting = []
      socket.destroy()
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
