/** What can be seen in the prices and volumes of a day. */

/** A move that prices do not make. */
export interface Jump {
  readonly kind: 'spike' | 'split' | 'return-outlier'
  /** Slots of the bars that are off, both included; of a split the first bar after it. */
  readonly from: number
  readonly to: number
  /** The move, as a part of the price. */
  readonly move: number
  /** In standard deviations of the minute; null for a split. */
  readonly z: number | null
  /** For people: what of the bar is off, or what the split looks like. */
  readonly detail: string
}

/** Bars that say the same again and again; slots, both included. */
export interface StaleRun {
  readonly from: number
  readonly to: number
  readonly close: number
  readonly volume: number
}

/** A bar with far more volume than its minute has. */
export interface VolumeOutlier {
  readonly slot: number
  readonly volume: number
  /** What the sessions before had in that minute, at the pace of this day. */
  readonly expected: number
  /** Of the log volume, in standard deviations. */
  readonly z: number
}

/** A correlation, and what it is held against. */
export interface Together {
  readonly symbols: readonly [string, string]
  readonly observed: number
  readonly expected: number
  readonly z: number
}
