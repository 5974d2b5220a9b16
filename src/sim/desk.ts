/** What the simulated gateway is made of. */
import type { VirtualClock } from './clock.js'
import type { Contract } from './contracts.js'
import type { Effects } from './effects.js'
import type { Exchange } from './exchange.js'
import type { SimLog } from './log.js'
import type { Session } from './session.js'
import type { Tape } from './tape.js'

/** What the gateway is made of. */
export interface Desk {
  readonly tape: Tape
  readonly clock: VirtualClock
  readonly exchange: Exchange
  readonly log: SimLog
  readonly accounts: readonly string[]
  readonly contracts: readonly Contract[]
  readonly sessions: ReadonlySet<Session>
  readonly limits: Limits
  readonly effects: Effects
  /** Whether parts of a share may be ordered. */
  readonly fractional: boolean
  /** The next order id of a client, by client id; only raised. */
  readonly nextIds: Map<number, number>
  /** The link from the gateway to the broker is lost, by fault. */
  isLinkDown: boolean
  /** The kind of data that comes, by fault; 1 is live. */
  dataType: number
  /** Requests are refused: the setting of the gateway that keeps orders out. */
  isReadOnly: boolean
}

/** What orders of a client are held against in the log; infinite for no limit. */
export interface Limits {
  readonly notional: number
  readonly quantity: number
}

/** The next order id of a client. */
export const nextIdOf = ({ nextIds }: Desk, { clientId }: Session): number => nextIds.get(clientId!) ?? 1
