/**
 * Threads that share the parts of a job. One word says all: number of the job, how many parts it has, which is next; a thread
 * takes a part by a compare-and-swap of that word, so a late riser can never run a part of a job that is over. Which thread
 * runs a part changes nothing in its result.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { Layout } from '../../network/network.js'
import type { BatchPlan } from './plan.js'
import { PHASES, type Phase, type ProgramPlaces } from './program.js'

/** Words of the control block. */
const TICKET = 0
const DONE = 1
const FAILED = 2
const STOP = 3
const PLAN = 4
const PHASE = 5
const WORDS = 6

/** What the threads work on: a phase of the minibatch whose plan has this number. */
export interface Job {
  readonly plan: number
  readonly phase: Phase
}

/** A byte of the ticket counts them. */
export const MOST_PARTS = 255

const ticket = (job: number, count: number, next: number): number =>
  ((job & 0x7fff) << 16) | (count << 8) | next

/** How often a thread looks before it sleeps: some hundred microseconds, as long as the pause between two minibatches. */
const LOOKS = 20_000
const STUCK_MS = 120_000

/** What a thread is started with. */
export interface WorkerData {
  readonly control: SharedArrayBuffer
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** Address of the native kernels' file; null without them. */
  readonly native: string | null
  readonly layout: Layout
  readonly places: ProgramPlaces
  readonly plans: MessagePort
}

/** The threads of one engine. The caller of `run` works with them, so a crew of n makes n + 1. */
export class Crew {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * WORDS))
  readonly #members: { readonly worker: Worker; readonly plans: MessagePort }[] = []
  #job = 0
  /** What a thread died of, once the event loop has heard of it. */
  #failure: unknown

  /** Starts one thread for each of `places`; each needs a scratch of its own. */
  constructor(
    script: URL,
    common: Pick<WorkerData, 'memory' | 'module' | 'native' | 'layout'>,
    places: readonly ProgramPlaces[],
  ) {
    for (const own of places) {
      const { port1, port2 } = new MessageChannel()
      const workerData: WorkerData = {
        control: this.#control.buffer as SharedArrayBuffer,
        ...common,
        places: own,
        plans: port2,
      }
      const worker = new Worker(script, { workerData, transferList: [port2] })
      // A thread that dies while a job waits for it says so in the control block, for no event is heard then.
      worker.on('error', (error) => {
        this.#failure = error
        Atomics.store(this.#control, FAILED, 1)
      })
      worker.unref()
      port1.unref()
      this.#members.push({ worker, plans: port1 })
    }
  }

  /** Makes a plan known to every thread. */
  announce(plan: BatchPlan): void {
    for (const { plans } of this.#members) plans.postMessage(plan)
  }

  /** Runs each of `parts` parts once, here and in the threads; returns when all are done. */
  run(job: Job, parts: number, work: (part: number) => void): void {
    const control = this.#control
    if (Atomics.load(control, FAILED) !== 0) throw this.#failed()
    control[PLAN] = job.plan
    control[PHASE] = PHASES.indexOf(job.phase)
    Atomics.store(control, DONE, 0)
    this.#job++
    Atomics.store(control, TICKET, ticket(this.#job, parts, 0))
    Atomics.notify(control, TICKET)
    for (;;) {
      const part = take(control)
      if (part < 0) break
      work(part)
      Atomics.add(control, DONE, 1)
    }
    for (let looks = 0; looks < LOOKS; looks++) if (Atomics.load(control, DONE) === parts) break
    for (;;) {
      const done = Atomics.load(control, DONE)
      if (Atomics.load(control, FAILED) !== 0) throw this.#failed()
      if (done === parts) return
      if (Atomics.wait(control, DONE, done, STUCK_MS) === 'timed-out')
        throw new Error('a thread of the cpu engine does not answer')
    }
  }

  #failed(): Error {
    return new Error('a thread of the cpu engine failed', { cause: this.#failure })
  }

  /** Ends the threads. */
  dispose(): void {
    Atomics.store(this.#control, STOP, 1)
    Atomics.add(this.#control, TICKET, 1 << 16)
    Atomics.notify(this.#control, TICKET)
    for (const { plans } of this.#members) plans.close()
    this.#members.length = 0
  }
}

/** The number of a part that nobody else has; -1 if none is left. */
function take(control: Int32Array): number {
  for (;;) {
    const word = Atomics.load(control, TICKET)
    const count = (word >> 8) & 0xff
    const next = word & 0xff
    if (next >= count) return -1
    if (Atomics.compareExchange(control, TICKET, word, word + 1) === word) return next
  }
}

/** Life of a thread: takes parts until it is told to stop. */
export function serve(control: Int32Array, work: (job: Job, part: number, parts: number) => void): void {
  for (;;) {
    if (Atomics.load(control, STOP) === 1) return
    const seen = Atomics.load(control, TICKET)
    const part = take(control)
    if (part >= 0) {
      try {
        // The job cannot end before this part is done, so these are its words.
        const parts = (Atomics.load(control, TICKET) >> 8) & 0xff
        work({ plan: control[PLAN]!, phase: PHASES[control[PHASE]!]! }, part, parts)
      } catch (error) {
        Atomics.store(control, FAILED, 1)
        throw error
      } finally {
        Atomics.add(control, DONE, 1)
        Atomics.notify(control, DONE)
      }
      continue
    }
    let looks = 0
    while (looks < LOOKS && Atomics.load(control, TICKET) === seen) looks++
    if (looks === LOOKS) Atomics.wait(control, TICKET, seen)
  }
}
