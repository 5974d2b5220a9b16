/** The thread that owns a TensorFlow.js backend which answers in its own time: it does what engine.ts asks, one call at a time. */
import { workerData } from 'node:worker_threads'
import { Failure } from '../../../base/errors.js'
import { loadBackend, packagesIn } from './backends.js'
import type { Call, Reply, TfjsWorkerData } from './engine.js'
import { GraphOps } from './graph.js'
import { Program } from './program.js'

const { backend, layout, packages, flag, port } = workerData as TfjsWorkerData

function answer(reply: Reply): void {
  port.postMessage(reply)
  Atomics.store(flag, 0, 1)
  Atomics.notify(flag, 0)
}

const failed = (error: unknown): Reply =>
  error instanceof Failure
    ? { failure: { kind: error.kind, message: error.message, hint: error.hint } }
    : { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }

try {
  const { tf, device } = await loadBackend(backend, packagesIn(packages))
  const program = new Program(new GraphOps(tf), layout)
  port.on('message', async ({ method, args }: Call) => {
    try {
      const run = program[method] as (...given: readonly unknown[]) => unknown
      answer({ value: await run.apply(program, [...args]) })
    } catch (error) {
      answer(failed(error))
    }
  })
  // The first word and the failure to start are listened to, not waited for.
  port.postMessage({ value: device } satisfies Reply)
} catch (error) {
  port.postMessage(failed(error))
}
