/** Where a gateway is, as options name it, and the time that it runs on. */
import { usage } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { formatTime } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Timers } from '../../broker/timers.js'
import type { Timers as SimTimers } from '../../sim/clock.js'

export interface GatewayPlace {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT`, with brackets around an address that has colons. */
export function gatewayPlace(text: string): GatewayPlace {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    throw usage('expected HOST:PORT such as 127.0.0.1:4002', { got: quote(text) })
  }
  return { host: match[1] ?? match[2]!, port }
}

/** A time of the market's clock, epoch milliseconds. */
export function instant(text: string): number {
  const parsed = parseTime(text, null)
  if ('epochMs' in parsed) return parsed.epochMs
  throw usage('expected a time with its zone, such as 2025-08-01T14:00:00Z', { got: quote(text) })
}

/** Throws 64 for a clock that is to begin when all bars have ended. */
export function refuseLate(now: number | undefined, endMs: number): void {
  if (now !== undefined && now >= endMs)
    throw usage(`--now is after the last bar, which ends ${formatTime(endMs)}`)
}

/** The time of the machine. */
export const machineTimers = (clock: () => number): Timers => ({
  now: clock,
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
})

/** Real time for the clock of a simulated gateway. */
export const simTimers: SimTimers = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  soon: (call) => void setImmediate(call),
}
