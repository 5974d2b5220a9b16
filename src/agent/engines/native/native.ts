/** The kernels in C, an addon that `npm run build:native` makes: some of those of WebAssembly, with the same bits and faster. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Failure, messageOf } from '../../../base/errors.js'

/** Where it lies beside the compiled engines. */
export const ADDON = new URL('../../../native/kernels.node', import.meta.url)

const BUILD = 'npm run build:native'

/** Whether it was built. */
export const isBuilt = (file: URL = ADDON): boolean => existsSync(file)

/** What addon.c has. */
interface Addon {
  bind(bytes: Uint8Array): object
}

/** The kernels that it has, by their names, at work on a memory. Throws 69 where it is not built, or not for this machine. */
export function nativeKernels(file: URL, memory: WebAssembly.Memory): object {
  if (!isBuilt(file)) throw new Failure('unavailable', 'the native kernels are not built', { hint: BUILD })
  try {
    const addon = createRequire(import.meta.url)(fileURLToPath(file)) as Addon
    return addon.bind(new Uint8Array(memory.buffer))
  } catch (error) {
    const reason = messageOf(error).split('\n')[0]
    throw new Failure('unavailable', `the native kernels cannot be loaded: ${reason}`, {
      hint: `build them on this machine: ${BUILD}`,
      cause: error,
    })
  }
}
