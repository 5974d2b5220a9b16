/**
 * An engine on TensorFlow.js. Backends answer in their own time, and the trainer asks and waits: so the backend lives in a
 * thread of its own, and a call blocks this one until the answer is there.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { type ExitName, Failure } from '../../../base/errors.js'
import type { Layout } from '../../network/network.js'
import type { AdamSettings, Engine, LossFigures, LossSettings, Minibatch, PolicyStep } from '../engine.js'
import type { Backend } from './backends.js'
import type { TfjsProgram } from './program.js'

/** What the thread is started with; it sets `flag` when an answer is at the port. */
export interface TfjsWorkerData {
  readonly backend: Backend
  readonly layout: Layout
  readonly flag: Int32Array
  readonly port: MessagePort
}

/** A call of the engine, as the thread gets it. */
export interface Call {
  readonly method: keyof TfjsProgram
  readonly args: readonly unknown[]
}

/** The result, a bug, or a failure that the user can do something about. */
export type Reply =
  | { readonly value: unknown }
  | { readonly error: string }
  | {
      readonly failure: {
        readonly kind: ExitName
        readonly message: string
        readonly hint: string | undefined
      }
    }

const WORKER = new URL('./worker.js', import.meta.url)

/** Throws an unavailable Failure where the backend cannot be had. */
export async function tfjsEngine(layout: Layout, backend: Backend, worker: URL = WORKER): Promise<Engine> {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const { port1, port2 } = new MessageChannel()
  const workerData: TfjsWorkerData = { backend, layout, flag, port: port2 }
  const thread = new Worker(worker, { workerData, transferList: [port2] })
  const reply = await new Promise<Reply>((resolve, reject) => {
    port1.once('message', resolve)
    thread.once('error', reject)
  })
  // From here on answers are fetched, and an idle engine keeps no process alive.
  port1.unref()
  thread.unref()
  if (!('value' in reply)) void thread.terminate()
  unwrapped(reply)
  return new TfjsEngine(layout, backend, { thread, port: port1, flag })
}

interface Line {
  readonly thread: Worker
  readonly port: MessagePort
  readonly flag: Int32Array
}

class TfjsEngine implements Engine {
  readonly name: string
  readonly layout: Layout
  readonly #line: Line

  constructor(layout: Layout, backend: Backend, line: Line) {
    this.name = `tfjs ${backend}`
    this.layout = layout
    this.#line = line
  }

  readParameters = () => this.#ask('readParameters') as Float32Array
  readGradient = () => this.#ask('readGradient') as Float32Array
  readMoments = () => this.#ask('readMoments') as ReturnType<Engine['readMoments']>

  writeParameters(values: ArrayLike<number>): void {
    this.#ask('writeParameters', Float32Array.from(values))
  }

  writeMoments({ first, second, steps }: Parameters<Engine['writeMoments']>[0]): void {
    this.#ask('writeMoments', { first: Float32Array.from(first), second: Float32Array.from(second), steps })
  }

  policyStep({ logits, values, ...step }: PolicyStep): void {
    const found = this.#ask('policyStep', step) as Awaited<ReturnType<TfjsProgram['policyStep']>>
    logits.set(found.logits)
    step.hidden.set(found.hidden)
    step.cell.set(found.cell)
    values?.set(found.values)
  }

  gradMinibatch(batch: Minibatch, settings: LossSettings): LossFigures {
    return this.#ask('gradMinibatch', batch, settings) as LossFigures
  }

  adamStep(settings: AdamSettings): number {
    return this.#ask('adamStep', settings) as number
  }

  dispose(): void {
    void this.#line.thread.terminate()
  }

  #ask(method: keyof TfjsProgram, ...args: readonly unknown[]): unknown {
    const { port, flag } = this.#line
    Atomics.store(flag, 0, 0)
    port.postMessage({ method, args } satisfies Call)
    Atomics.wait(flag, 0, 0)
    const received: { readonly message: Reply } | undefined = receiveMessageOnPort(port)
    if (received === undefined) throw new Error('the thread of TensorFlow.js gave no answer')
    return unwrapped(received.message)
  }
}

function unwrapped(reply: Reply): unknown {
  if ('value' in reply) return reply.value
  if ('error' in reply) throw new Error(reply.error)
  const { kind, message, hint } = reply.failure
  throw new Failure(kind, message, hint === undefined ? {} : { hint })
}
