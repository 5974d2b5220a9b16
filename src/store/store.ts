/** What a store can do, whatever database stands behind it. */
import type { BarBatch, Interval } from '../market/bar.js'
import type { Problem } from '../market/problem.js'
import type { OtherRecord } from '../market/reading.js'

/** Which bars; dates are instants already, `fromMs` inclusive, `toMs` exclusive. */
export interface Selection {
  readonly symbols?: readonly string[] | undefined
  readonly intervals?: readonly Interval[] | undefined
  readonly sources?: readonly string[] | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

/** Which bars go; at least one condition is given. */
export interface Purge extends Selection {
  /** Rows without a source, beside those of `sources`. */
  readonly nullSource?: boolean
}

/** What exists, for an empty selection's message. */
export interface Holding {
  readonly symbol: string
  readonly interval: string
  readonly source: string | null
  readonly rows: number
  readonly firstMs: number
  readonly lastMs: number
}

export interface Counts {
  /** Rows inserted or changed. */
  written: number
  /** Rows that stood there already, equal in every column, or kept by `--on-conflict nothing`. */
  unchanged: number
  /** Rows of the input replaced by a later row of the same key in the same batch. */
  superseded: number
  /** Rows that were read back after their commit and are what was given; 0 unless that is asked for. */
  verified: number
}

export interface LoadOptions {
  readonly onConflict: 'update' | 'nothing'
  readonly allowMock: boolean
  /** Remembers progress under this name, so that a second run goes on where the first one stopped. */
  readonly importId?: string | undefined
  /** Reads each batch back after its commit, and ends the load where it is not what was given. */
  readonly verify?: boolean | undefined
}

/** A running load: batches go in, are committed one transaction each, and counts come out. */
export interface Load {
  readonly counts: Counts
  /** Rows that this run has committed. */
  readonly committed: number
  bars(batch: BarBatch): Promise<void>
  others(records: readonly OtherRecord[]): Promise<void>
  /** Commits what is gathered. */
  finish(): Promise<void>
  /** Gives up what is gathered and waits for the batch under way, so that `committed` is final. Never rejects. */
  settle(): Promise<void>
}

/** Rows of the table that are no bars. */
export interface BadRows {
  readonly problem: Problem
  /** The first of them, `market_data of NVDA 1m 2025-07-30T13:30:00Z`. */
  readonly where: string
  readonly count: number
}

export interface Reading {
  /** Rows come together that have these in common, by time within; else by time, then symbol. */
  readonly groups?: readonly ('symbol' | 'interval' | 'date')[] | undefined
  /** Takes rows that are no bars; without it the first of them ends the reading (65). */
  readonly onBad?: ((rows: BadRows) => void) | undefined
}

export interface Store {
  /** Where it is, for messages; never with a password. */
  readonly name: string
  load(options: LoadOptions): Promise<Load>
  /** Bars by time, then symbol (in the order asked for, else NVDA, MSFT, then by name), then interval. */
  bars(selection: Selection, signal: AbortSignal, reading?: Reading): AsyncGenerator<BarBatch>
  holdings(): Promise<Holding[]>
  /** What a purge would delete. */
  matching(what: Purge): Promise<Holding[]>
  /** Deletes bars; returns how many. */
  purge(what: Purge): Promise<number>
  close(): Promise<void>
}
