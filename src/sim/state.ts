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
  readonly usedIds: readonly string[]
  readonly isReadOnly: boolean
  /** Of each fault of the scenario: events until it strikes, strikes left. */
  readonly faults: readonly (readonly number[])[]
}

/** The state in a text. Throws badData for a text that is none. */
export function readSimState(text: string, name: string): SavedSim {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (typeof value === 'object' && value !== null && (value as { version?: unknown }).version === 1)
    return value as SavedSim
  throw badData(`${name}: not a state of the simulator`, { hint: 'remove it, and the simulator begins anew' })
}
