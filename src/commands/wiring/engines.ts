/** The engine that the options name; never another one in its place. */
import { availableParallelism } from 'node:os'
import type { CpuOptions } from '../../agent/engines/cpu/engine.js'
import type { Engine } from '../../agent/engines/engine.js'
import { ADDON } from '../../agent/engines/native/native.js'
import type { Backend } from '../../agent/engines/tfjs/backends.js'
import type { Layout } from '../../agent/network/network.js'
import { usage } from '../../base/errors.js'
import { env, setVariables } from '../../cli/environment.js'
import { cardAt, type Gpu, nvidiaCards, variablesFor } from './gpus.js'

export interface EngineFlags {
  readonly gpu?: boolean
  readonly 'gpu-backend'?: 'node-gpu' | 'webgpu' | 'none' | undefined
  readonly 'gpu-tf32'?: boolean
  readonly 'gpu-device'?: number | undefined
  readonly threads?: number | undefined
  readonly native?: boolean | undefined
}

const MOST_THREADS = 8

export const threadsOf = (flags: EngineFlags): number =>
  flags.threads ?? Math.min(MOST_THREADS, availableParallelism())

/** The backend of the GPU; null for the CPU. Throws 64 for options of a GPU that is not asked for, or of another backend. */
export function backendOf(flags: EngineFlags): Backend | null {
  const named = flags['gpu-backend'] ?? (flags.gpu ? 'node-gpu' : 'none')
  const backend = named === 'none' ? null : named
  for (const name of ['gpu-device', 'gpu-tf32'] as const) {
    if (flags[name] === undefined || flags[name] === false || backend === 'node-gpu') continue
    throw usage(
      backend === null ? `--${name}: needs --gpu` : `--${name}: WebGPU has no such choice, only --gpu does`,
    )
  }
  return backend
}

/** Throws 69 where the GPU was asked for and cannot be had. */
export async function engineFor(layout: Layout, flags: EngineFlags): Promise<Engine> {
  const backend = backendOf(flags)
  if (backend === null) return processorEngine(layout, flags)
  const tf32 = flags['gpu-tf32'] === true
  if (backend === 'node-gpu') {
    outset ??= nvidiaCards().then((cards) => ({ cards, visible: env('CUDA_VISIBLE_DEVICES') }))
    const { cards, visible } = await outset
    const card = cardAt(flags['gpu-device'], visible, cards)
    setVariables(variablesFor(card, { tf32, logLevel: env('TF_CPP_MIN_LOG_LEVEL') }))
  }
  const { tfjsEngine } = await import('../../agent/engines/tfjs/engine.js')
  return tfjsEngine(layout, backend, {
    cpu: cpuOptions(flags),
    tf32,
    // For tests, see CONTRIBUTING.
    packages: env('JULES_NATIVE_TFJS') ?? null,
    withoutGpu: env('JULES_WITHOUT_GPU') === '1',
  })
}

/** What there was to choose from before the first engine narrowed it down to one. */
let outset:
  | Promise<{ readonly cards: readonly Gpu[] | null; readonly visible: string | undefined }>
  | undefined

/** The CPU engine with the threads and kernels of the options. */
export async function processorEngine(layout: Layout, flags: EngineFlags): Promise<Engine> {
  const { cpuEngine } = await import('../../agent/engines/cpu/engine.js')
  return cpuEngine(layout, cpuOptions(flags))
}

const cpuOptions = (flags: EngineFlags): CpuOptions => ({
  threads: threadsOf(flags),
  native: flags.native === true ? ADDON : null,
})
