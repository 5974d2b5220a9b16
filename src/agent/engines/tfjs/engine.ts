/**
 * An engine that learns on TensorFlow.js and plays on the CPU: a step of the policy is some ten microseconds of arithmetic, and
 * to ask a GPU for it costs a hundred times that. Parameters come back from the device when the policy is next asked.
 *
 * TensorFlow itself answers at once, so it lives in this thread. Other backends answer in their own time, and the trainer asks
 * and waits: such a backend lives in a thread of its own, and a call blocks this one until the answer is there.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { type ExitName, Failure, usage } from '../../../base/errors.js'
import type { Layout } from '../../network/network.js'
import { corrections } from '../adam.js'
import { type CpuOptions, cpuEngine } from '../cpu/engine.js'
import type { AdamSettings, Engine, Experience, LossFigures, LossSettings, PolicyStep } from '../engine.js'
import { type Backend, hold, loadBackend, packagesIn } from './backends.js'
import { type Binding, NativeOps } from './native.js'
import { cut, MOST_ROWS, tablesOf } from './pieces.js'
import { FIGURE_SIGNS, Program } from './program.js'

/** What the thread is started with; it sets `flag` when an answer is at the port. */
export interface TfjsWorkerData {
  readonly backend: Backend
  readonly layout: Layout
  readonly packages: string | null
  readonly flag: Int32Array
  readonly port: MessagePort
}

/** The program, wherever it runs. */
type Learner = Pick<Program<unknown, Float32Array>, keyof Program<unknown, Float32Array>>

/** A call of the program, as the thread gets it. */
export interface Call {
  readonly method: keyof Learner
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

/** `worker` is elsewhere where the source itself is run, as in tests. */
export interface TfjsOptions {
  /** The engine that plays. */
  readonly cpu?: CpuOptions
  readonly worker?: URL
  /** A folder under whose node_modules the packages are, instead of those of jules; for tests. */
  readonly packages?: string | null
  /** Products may be of TF32: said in the engine's name, for the bits are others. The caller has set the libraries to it. */
  readonly tf32?: boolean
  /** TensorFlow may do without a GPU, and says so in the engine's name; for tests. */
  readonly withoutGpu?: boolean
}

/** Throws an unavailable Failure where the backend cannot be had. */
export async function tfjsEngine(
  layout: Layout,
  backend: Backend,
  { cpu = {}, worker = WORKER, packages = null, tf32 = false, withoutGpu = false }: TfjsOptions = {},
): Promise<Engine> {
  const [device, learner] =
    backend === 'node-gpu'
      ? await inThisThread(layout, packages, withoutGpu)
      : await inItsOwn(layout, backend, packages, worker)
  return new TfjsEngine(`tfjs ${device}${tf32 ? ' tf32' : ''}`, learner, await cpuEngine(layout, cpu))
}

type Started = readonly [device: string, learner: Learner]

async function inThisThread(layout: Layout, packages: string | null, withoutGpu: boolean): Promise<Started> {
  const { tf, device } = await loadBackend('node-gpu', packagesIn(packages), withoutGpu)
  const { binding } = tf.backend() as unknown as { readonly binding: Binding }
  return [device, new Program(new NativeOps(binding), layout)]
}

async function inItsOwn(
  layout: Layout,
  backend: Backend,
  packages: string | null,
  worker: URL,
): Promise<Started> {
  hold(backend, packagesIn(packages))
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const { port1, port2 } = new MessageChannel()
  const workerData: TfjsWorkerData = { backend, layout, packages, flag, port: port2 }
  const thread = new Worker(worker, { workerData, transferList: [port2] })
  const reply = await new Promise<Reply>((resolve, reject) => {
    port1.once('message', resolve)
    thread.once('error', reject)
  })
  // From here on answers are fetched, and an idle engine keeps no process alive.
  port1.unref()
  thread.unref()
  if (!('value' in reply)) void thread.terminate()
  return [String(unwrapped(reply)), asked({ thread, port: port1, flag })]
}

interface Line {
  readonly thread: Worker
  readonly port: MessagePort
  readonly flag: Int32Array
}

/** The program of the thread at the other end. */
function asked({ thread, port, flag }: Line): Learner {
  const ask =
    (method: keyof Learner) =>
    (...args: readonly unknown[]): unknown => {
      Atomics.store(flag, 0, 0)
      port.postMessage({ method, args } satisfies Call)
      Atomics.wait(flag, 0, 0)
      const received: { readonly message: Reply } | undefined = receiveMessageOnPort(port)
      if (received === undefined) throw new Error('the thread of TensorFlow.js gave no answer')
      return unwrapped(received.message)
    }
  return new Proxy({} as Learner, {
    get: (_, method) => (method === 'dispose' ? () => void thread.terminate() : ask(method as keyof Learner)),
  })
}

function unwrapped(reply: Reply): unknown {
  if ('value' in reply) return reply.value
  if ('error' in reply) throw new Error(reply.error)
  const { kind, message, hint } = reply.failure
  throw new Failure(kind, message, hint === undefined ? {} : { hint })
}

class TfjsEngine implements Engine {
  readonly name: string
  readonly layout: Layout
  readonly #learner: Learner
  readonly #player: Engine
  #experience: Experience | null = null
  /** The player's parameters are older than the learner's. */
  #stale = false
  /** Of Adam. */
  #steps = 0
  /** Weights of the losses whose figures nobody has read yet, and how many norms. */
  #unread: Pick<LossSettings, 'valueCoefficient' | 'entropyCoefficient'>[] = []
  #norms = 0

  constructor(name: string, learner: Learner, player: Engine) {
    this.name = name
    this.layout = player.layout
    this.#learner = learner
    this.#player = player
  }

  readParameters(): Float32Array | Float64Array {
    this.#refresh()
    return this.#player.readParameters()
  }

  readGradient = (): Float32Array => this.#learner.read('gradient')

  readMoments() {
    const [first, second] = [this.#learner.read('first'), this.#learner.read('second')]
    return { first, second, steps: this.#steps }
  }

  writeParameters(values: ArrayLike<number>): void {
    this.#learner.write('parameters', Float32Array.from(values))
    this.#player.writeParameters(values)
    this.#stale = false
  }

  writeMoments({ first, second, steps }: Parameters<Engine['writeMoments']>[0]): void {
    this.#learner.write('first', Float32Array.from(first))
    this.#learner.write('second', Float32Array.from(second))
    this.#steps = steps
  }

  policyStep(step: PolicyStep): void {
    this.#refresh()
    this.#player.policyStep(step)
  }

  load(experience: Experience): void {
    const { steps, lanes, blocks } = experience
    if (steps * lanes * blocks >= MOST_ROWS) {
      throw usage(`a GPU takes rollouts of less than ${MOST_ROWS} steps`, {
        got: String(steps * lanes * blocks),
      })
    }
    this.#experience = experience
    this.#unread = []
    this.#norms = 0
    this.#learner.load(tablesOf(experience, this.layout))
  }

  gradient(chosen: readonly number[], settings: LossSettings): void {
    this.#learner.gradient(cut(this.#experience!, chosen, settings), settings)
    this.#unread.push(settings)
  }

  adamStep(settings: AdamSettings): void {
    this.#steps++
    this.#learner.adamStep({ ...settings, ...corrections(settings, this.#steps) })
    this.#stale = true
    this.#norms++
  }

  readFigures(): LossFigures[] {
    const unread = this.#unread.splice(0)
    if (unread.length === 0) return []
    const all = this.#learner.readFigures()
    return unread.map(({ valueCoefficient, entropyCoefficient }, k) => {
      const [policyLoss, valueLoss, entropy, approxKl, clipFraction] = FIGURE_SIGNS.map(
        (sign, n) => sign * all[k * FIGURE_SIGNS.length + n]!,
      ) as [number, number, number, number, number]
      const loss = policyLoss + valueCoefficient * valueLoss - entropyCoefficient * entropy
      return { loss, policyLoss, valueLoss, entropy, approxKl, clipFraction }
    })
  }

  readNorms(): number[] {
    if (this.#norms === 0) return []
    this.#norms = 0
    return [...this.#learner.readNorms()]
  }

  dispose(): void {
    this.#learner.dispose()
    this.#player.dispose()
  }

  #refresh(): void {
    if (!this.#stale) return
    this.#player.writeParameters(this.#learner.read('parameters'))
    this.#stale = false
  }
}
