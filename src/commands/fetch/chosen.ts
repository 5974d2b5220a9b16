/** What a kind of feed hands to the command: where bars come from, and what is said once they are written. */
import type { Interval } from '../../market/bar.js'
import type { Feed, Wanted } from '../../market/feeds/feed.js'
import type { HistorySource } from '../../market/feeds/history.js'
import type { Format } from '../../stream/source.js'
import type { Rejects } from '../wiring/rejects.js'

export interface Chosen {
  readonly feed: Feed
  readonly wanted: Wanted
  /** Throws where the feed gives what a format cannot hold. */
  readonly check?: (format: Format) => void
  /** Of files: bad lines that are passed over. */
  readonly rejects?: Rejects
  /** Types of records that only say again what was told: formats that hold bars alone leave them out. */
  readonly told?: readonly string[]
  /** After the last bar, before a file takes its name. Throws where what was written is not what was asked for. */
  readonly finish?: () => Promise<void> | void
  /** Lets go of what is open, whatever came. */
  readonly close?: () => Promise<void>
}

/** What is fetched. */
export interface Task {
  readonly sources: readonly HistorySource[]
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly session: 'rth' | undefined
}
