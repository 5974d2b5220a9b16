/** The end of a command that serves until it is told to stop. */
import type { Context } from '../../cli/context.js'

export interface Stopping {
  /** Resolves with a signal; rejects with the first failure. */
  readonly stopped: Promise<void>
  readonly fail: (error: unknown) => void
}

/** What a command that serves waits for. */
export function untilStopped({ signal }: Context): Stopping {
  let fail: Stopping['fail'] = () => {}
  const stopped = new Promise<void>((resolve, reject) => {
    fail = reject
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  // Until somebody waits for it.
  stopped.catch(() => {})
  return { stopped, fail }
}
