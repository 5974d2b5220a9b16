/** Between two pieces of long arithmetic: lets signals and timers in. */
import { setImmediate } from 'node:timers/promises'

const EVERY_MS = 25

/** Called often, it gives way now and then, and answers whether to stop. */
export function pauses(signal: AbortSignal): () => Promise<boolean> {
  let last = performance.now()
  return async () => {
    const now = performance.now()
    if (now - last > EVERY_MS) {
      last = now
      await setImmediate()
    }
    return signal.aborted
  }
}
