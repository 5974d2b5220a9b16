/** The compiled kernels and thread script: test/setup.ts has built them. */
import type { CpuOptions } from '../../src/agent/cpu/engine.js'

export const BUILT: Required<Pick<CpuOptions, 'kernels' | 'worker'>> = {
  kernels: new URL('../../dist/agent/kernels.wasm', import.meta.url),
  worker: new URL('../../dist/agent/cpu/worker.js', import.meta.url),
}

export const TFJS_WORKER = new URL('../../dist/agent/tfjs/worker.js', import.meta.url)
