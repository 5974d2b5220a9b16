/** What the simulated gateway is to know after a restart: orders, executions, accounts, ids, where the clock was. */
import { badData } from '../base/errors.js'
import type { SavedExchange } from './exchange.js'

export interface SavedSim {
  readonly version: 1
  readonly nowMs: number
  /** New York date of the session that has begun. */
  readonly day: number | null
  readonly exchange: SavedExchange
  readonly nextIds: readonly (readonly [clientId: number, id: number])[]
  readonly isReadOnly: boolean
  /** Of each fault of the scenario: events until it strikes, strikes left. */
  readonly faults: readonly (readonly number[])[]
}

/** Takes what is to survive, at once: who calls tells a client next. */
export interface StateKeeper {
  /** All of it, as `stateText` writes it. */
  readonly book: (text: string) => void
  /** The clock alone has gone on. */
  readonly clock: (nowMs: number) => void
}

const CLOCK_HEAD = '{"version":1,"nowMs":'
/** Of the clock in the text: it is written in its place when nothing else has changed. */
export const CLOCK_AT: number = CLOCK_HEAD.length
const CLOCK_WIDTH = 16

/** The clock as it stands in the text, always as long. */
export const clockText = (nowMs: number): string => String(nowMs).padStart(CLOCK_WIDTH)

/** The text of a state. `exchange` is its part, as JSON. */
export function stateText(
  { nowMs, day, nextIds, isReadOnly, faults }: Omit<SavedSim, 'version' | 'exchange'>,
  exchange: string,
): string {
  const rest = JSON.stringify({ day, nextIds, isReadOnly, faults })
  return `${CLOCK_HEAD}${clockText(nowMs)},"exchange":${exchange},${rest.slice(1)}`
}

/** The state in a text. Throws badData for a text that is none. */
export function readSimState(text: string, name: string): SavedSim {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (isSaved(value)) return value
  throw badData(`${name}: not a state of the simulator`, { hint: 'remove it, and the simulator begins anew' })
}

function isSaved(value: unknown): value is SavedSim {
  if (typeof value !== 'object' || value === null) return false
  const { version, nowMs, exchange, nextIds, faults } = value as Record<string, unknown>
  if (version !== 1 || typeof nowMs !== 'number' || typeof exchange !== 'object' || exchange === null)
    return false
  const { orders, executions, holdings } = exchange as Record<string, unknown>
  return [nextIds, faults, orders, executions, holdings].every(Array.isArray)
}
