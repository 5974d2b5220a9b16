/** The thread that owns a TensorFlow.js backend: answers calls of engine.ts, one at a time. */
import { workerData } from 'node:worker_threads'
import { Failure } from '../../../base/errors.js'
import { loadBackend } from './backends.js'
import type { Call, Reply, TfjsWorkerData } from './engine.js'
import { TfjsProgram } from './program.js'

const { backend, layout, flag, port } = workerData as TfjsWorkerData

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
  const { tf, device } = await loadBackend(backend)
  const program = new TfjsProgram(tf, layout)
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
