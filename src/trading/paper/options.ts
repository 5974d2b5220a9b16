/** What a run on paper is given, and what it tells. */
import type { ContractInfo } from '../../broker/contracts.js'
import type { Gateway } from '../../broker/gateway.js'
import type { Journal } from '../../broker/journal.js'
import type { LiveRun } from '../live.js'
import type { Past } from './replayed.js'

/** The part of the gateway that paper trading uses. */
export type Broker = Pick<
  Gateway,
  | 'state'
  | 'account'
  | 'nextId'
  | 'place'
  | 'cancel'
  | 'time'
  | 'openOrders'
  | 'completedOrders'
  | 'executions'
  | 'positions'
  | 'history'
  | 'summary'
>

/** What time it is for a run. */
export interface SessionClock {
  /** Epoch milliseconds of the session. */
  now(): number
  /** The broker has told the time. */
  told(timeMs: number): void
}

export interface PaperOptions {
  readonly live: LiveRun
  readonly broker: Broker
  /** Of both symbols. */
  readonly contracts: readonly ContractInfo[]
  readonly journal: Journal
  readonly past: Past
  readonly clock: SessionClock
  /** Of the host, for what is told of the host: epoch milliseconds. */
  readonly host: () => number
  /** The gateway's time is not the host's: it waits for its readers. */
  readonly timeWaits: boolean
  /** The gateway is a simulated one in this process: its clock is not held against the host's. */
  readonly isPlayed: boolean
  /** Calls later, host time; gives what takes it back. */
  readonly later: (call: () => void, ms: number) => () => void
  readonly run: string
  /** Bars that a decision looks back on. */
  readonly warmup: number
  /** Nothing is sent. */
  readonly dryRun: boolean
  /** Starts of the last bar that will come, and of the last of both symbols, on which nothing is decided; infinity where nobody knows. */
  readonly lastBarMs: number
  readonly lastJointMs: number
  /** When the session closes with which the run ends; infinity where the bars decide. */
  readonly closeMs: number
  /** Shares that no execution explains are taken over. */
  readonly adopt: boolean
  /** What is held is closed at the end, whatever ended it. */
  readonly flattens: boolean
  /** Writes records that were made since. */
  readonly flush: () => Promise<void>
  readonly tell: Told
}

/** What people are told of. */
export interface Told {
  /** A bar was dealt with. */
  bar(state: BarState, live: LiveRun): void
  note(words: string): void
  warn(words: string): void
  /** To be told at once, wherever somebody listens. */
  alarm(kind: Alarm, words: string): void
}

/**
 * `gateway`: it says what cannot be; `held`: shares over the close that were to be sold before it; `failed`: the run ends though
 * nobody wanted it to.
 */
export type Alarm = 'halt' | 'limit' | 'disconnect' | 'reconcile' | 'gateway' | 'held' | 'failed'

/** For `state` records. */
export interface BarState {
  readonly timeMs: number
  readonly connection: Broker['state']
  readonly ageMs: number
  /** From the arrival of the last part of the bar to the order, or to where none was. */
  readonly latencyMs: number
  /** The broker's clock minus the host's, as far as it was told. */
  readonly offsetMs: number | null
}

/** `data`: no more bars; `session`: it has closed; `limit`: a loss limit; `halt`: the kill switch; `stop`: a signal. */
export type Ending = 'data' | 'session' | 'limit' | 'halt' | 'stop'

/** What a run traded on: `sim`, or the address of a gateway; and the sources of the bars that a simulated one played. */
export interface Venue {
  readonly gateway: string
  readonly sources: readonly string[] | null
}
