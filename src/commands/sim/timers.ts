/** Real time for the clock of a simulator. */
import type { Timers } from '../../sim/clock.js'

export const nodeTimers: Timers = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  soon: (call) => void setImmediate(call),
}
