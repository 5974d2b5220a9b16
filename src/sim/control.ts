/**
 * A Unix socket at which somebody runs the simulator: a JSON line is a fault as in a scenario, or `{"ask":"status"}`; each is
 * answered by one line.
 */
import { chmodSync, existsSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import type { Sim } from './server.js'

/** Of one line; a client that sends more without an end is cut. */
const MOST_LINE = 1 << 16

/** Opens the socket. Throws 69 where another process listens there. Gives what closes it. */
export async function openControl(path: string, sim: Sim): Promise<() => Promise<void>> {
  const clients = new Set<Socket>()
  const server = createServer((socket) => {
    clients.add(socket)
    socket.on('close', () => clients.delete(socket))
    socket.on('error', () => socket.destroy())
    let rest = ''
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines)
        if (line.trim() !== '') socket.write(`${JSON.stringify(answerOf(line, sim))}\n`)
      if (rest.length > MOST_LINE) socket.destroy()
    })
  })
  await listenAt(server, path)
  return async () => {
    for (const socket of clients) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

function answerOf(line: string, sim: Sim): object {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { ok: false, error: 'not JSON' }
  }
  if (typeof value === 'object' && value !== null && 'ask' in value)
    return value.ask === 'status'
      ? { ok: true, ...statusOf(sim) }
      : { ok: false, error: 'ask: expected "status"' }
  try {
    sim.strike(value, 'control')
    return { ok: true }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { ok: false, error: error.message, hint: error.hint ?? null }
  }
}

/** Where the simulator is: time, accounts, violations. */
export const statusOf = (sim: Sim) => ({
  time: formatTime(sim.now()),
  accounts: sim.statement(),
  violations: Object.fromEntries(sim.violations),
})

async function listenAt(server: Server, path: string): Promise<void> {
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    })
  try {
    await listen().catch(async (error) => {
      if (systemCode(error) !== 'EADDRINUSE' || (await isServed(path))) throw error
      // Left by a process that was killed.
      unlinkSync(path)
      await listen()
    })
    chmodSync(path, 0o600)
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE')
      throw new Failure('unavailable', `${path}: another process listens there`, { cause: error })
    // That is what listen(2) is made to say of a folder that is not there.
    const isNowhere = systemCode(error) === 'EACCES' && !existsSync(dirname(path))
    throw systemFailure(isNowhere ? { code: 'ENOENT' } : error, path, true)
  }
}

const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
