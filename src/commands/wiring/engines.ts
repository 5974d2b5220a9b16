/** The engine that the options name; never another one in its place. */
import { availableParallelism } from 'node:os'
import type { Engine } from '../../agent/engines/engine.js'
import type { Backend } from '../../agent/engines/tfjs/backends.js'
import type { Layout } from '../../agent/network/network.js'
import { env } from '../../cli/environment.js'

export interface EngineFlags {
  readonly gpu?: boolean
  readonly 'gpu-backend'?: 'node-gpu' | 'webgpu' | undefined
  readonly threads?: number | undefined
}

const MOST_THREADS = 8

export const threadsOf = (flags: EngineFlags): number =>
  flags.threads ?? Math.min(MOST_THREADS, availableParallelism())

/** The GPU's backend; null for the CPU. */
const backendOf = (flags: EngineFlags): Backend | null =>
  flags['gpu-backend'] ?? (flags.gpu ? 'node-gpu' : null)

/** Throws 69 where the GPU was asked for and cannot be had. */
export async function engineFor(layout: Layout, flags: EngineFlags): Promise<Engine> {
  const backend = backendOf(flags)
  if (backend !== null) {
    const { tfjsEngine } = await import('../../agent/engines/tfjs/engine.js')
    return tfjsEngine(layout, backend, {
      cpu: { threads: threadsOf(flags) },
      // For tests, see CONTRIBUTING.
      packages: env('JULES_NATIVE_TFJS') ?? null,
      withoutGpu: env('JULES_WITHOUT_GPU') === '1',
    })
  }
  const { cpuEngine } = await import('../../agent/engines/cpu/engine.js')
  return cpuEngine(layout, { threads: threadsOf(flags) })
}
