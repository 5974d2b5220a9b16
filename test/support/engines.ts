/** What tests of engines share: the compiled kernels and thread script, which test/setup.ts has built, and a network. */
import type { CpuOptions } from '../../src/agent/engines/cpu/engine.js'
import { layoutOf } from '../../src/agent/network/network.js'

export const BUILT: Required<Pick<CpuOptions, 'kernels' | 'worker'>> = {
  kernels: new URL('../../dist/agent/engines/kernels.wasm', import.meta.url),
  worker: new URL('../../dist/agent/engines/cpu/worker.js', import.meta.url),
}

export const TFJS_WORKER = new URL('../../dist/agent/engines/tfjs/worker.js', import.meta.url)

/** The smallest network there is. */
export const TINY = layoutOf({
  inputs: 1,
  hidden: 8,
  actions: 2,
  lstm: 'shared',
  layers: 1,
  net: [],
  activation: 'tanh',
})
