/** The program of `--policy exec:CMD`. A policy answers at once, and a pipe does not: a thread has the pipes, and this one waits for it. */
import { once } from 'node:events'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Context } from '../../cli/context.js'
import type { Heard, Program } from '../../trading/exec-policy.js'

/** Words of the control block: how many replies there were, and the process group of the program, 0 when there is none. */
export const COUNT = 0
export const PID = 1

/** How long a program has to end when its input does. */
export const GRACE_MS = 2000

/** What the thread is started with. It takes lines at `port`, and null for the end. */
export interface ExecWorkerData {
  readonly command: string
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly control: Int32Array
  readonly port: MessagePort
}

export type Reply = Heard | { readonly kind: 'over'; readonly unasked: number }

export type ExecWorld = Pick<Context, 'cwd' | 'environment' | 'onEnd' | 'onForcedExit' | 'kill'>

const WORKER = new URL('./exec-worker.js', import.meta.url)

/** Starts the command by a shell; it is ended with the run, whatever comes of that. */
export function startProgram(
  { cwd, environment, onEnd, onForcedExit, kill }: ExecWorld,
  command: string,
  patienceMs: number,
  worker: URL = WORKER,
): Program {
  const control = new Int32Array(new SharedArrayBuffer(8))
  const { port1: port, port2 } = new MessageChannel()
  const workerData: ExecWorkerData = {
    ...{ command, cwd, control, port: port2 },
    environment: { ...environment },
  }
  const thread = new Worker(worker, { workerData, transferList: [port2] })
  const exit = once(thread, 'exit')
  // A program that waits for a question keeps no process alive.
  thread.unref()
  let over: number | null = null
  const next = (withinMs: number): Reply | null => {
    const endMs = performance.now() + withinMs
    for (;;) {
      const count = Atomics.load(control, COUNT)
      const received: { readonly message: Reply } | undefined = receiveMessageOnPort(port)
      if (received !== undefined) return received.message
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) return null
      Atomics.wait(control, COUNT, count, leftMs)
    }
  }
  const forget = onForcedExit(() => {
    const group = Atomics.load(control, PID)
    if (group > 0) kill(-group, 'SIGKILL')
  })
  onEnd(async () => {
    thread.ref()
    if (over === null) port.postMessage(null)
    await exit
    forget()
  })
  return {
    ask: (line) => {
      port.postMessage(line)
      const reply = next(patienceMs)
      if (reply === null) return { kind: 'late' }
      if (reply.kind === 'over') throw new Error('a program that was ended is asked')
      return reply
    },
    finish: () => {
      port.postMessage(null)
      for (;;) {
        const reply = next(Number.POSITIVE_INFINITY)
        if (reply?.kind !== 'over') continue
        over = reply.unasked
        return over
      }
    },
  }
}
