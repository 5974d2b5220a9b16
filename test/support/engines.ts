/** What tests of engines share: the compiled kernels and thread script, which test/setup.ts has built, and a network. */
import { existsSync } from 'node:fs'
import type { CpuOptions } from '../../src/agent/engines/cpu/engine.js'
import type { Engine } from '../../src/agent/engines/engine.js'
import { type TfjsOptions, tfjsEngine } from '../../src/agent/engines/tfjs/engine.js'
import { type Layout, layoutOf } from '../../src/agent/network/network.js'

export const BUILT: Required<Pick<CpuOptions, 'kernels' | 'worker'>> = {
  kernels: new URL('../../dist/agent/engines/kernels.wasm', import.meta.url),
  worker: new URL('../../dist/agent/engines/cpu/worker.js', import.meta.url),
}

export const TFJS: TfjsOptions = {
  cpu: BUILT,
  worker: new URL('../../dist/agent/engines/tfjs/worker.js', import.meta.url),
}

const addon = new URL('../../dist/native/kernels.node', import.meta.url)

/** The native kernels of the CPU engine; null where `npm run build:native` did not follow the build. */
export const ADDON = existsSync(addon) ? addon : null

/** What the name of a test says where there are none. */
export const NEEDS_ADDON = ADDON === null ? ' (skipped: npm run build:native was not run)' : ''

/** A folder whose node_modules hold @tensorflow/tfjs-node-gpu with its native part, see CONTRIBUTING; undefined without one. */
export const NATIVE = process.env.JULES_NATIVE_TFJS

/** What the name of a test says where there is none. */
export const NEEDS_NATIVE = NATIVE === undefined ? ' (skipped: JULES_NATIVE_TFJS names no folder)' : ''

/** TensorFlow itself, on a GPU or on its kernels for the CPU. */
export const nativeEngine = (layout: Layout): Promise<Engine> =>
  tfjsEngine(layout, 'node-gpu', { cpu: BUILT, packages: NATIVE ?? null, withoutGpu: true })

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
