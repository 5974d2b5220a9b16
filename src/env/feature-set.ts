/** What a feature set is: 12 numbers a bar and symbol, from that bar and earlier ones, asked for in the order of the bars. */
import type { Market } from '../market/market.js'

export const FEATURES_PER_SYMBOL = 12

/** Where rows go: the first at `offset`, each next one `stride` numbers on. */
export interface RowsTarget {
  readonly out: Float32Array
  readonly offset: number
  readonly stride: number
}

/** Writes rows 0, 1, 2, ... of one symbol, each once and in order. */
export interface FeatureRows {
  /** Writes 12 numbers at `offset` of `out`: float32, from bars up to `t`. */
  row(t: number, out: Float32Array, offset: number): void
  /** The rows [start, end) at once, where that is faster; the same bits. */
  rows?(start: number, end: number, target: RowsTarget): void
  /** What the next row needs of the bars before, beyond the last LOOKBACK of them: exact in JSON. */
  save(): readonly number[]
  /** Goes on after `t` rows of a market that holds at least the last LOOKBACK bars of those seen, or all. */
  restore(numbers: readonly number[], t: number): void
}

/** Bars that rows may look back to in the market itself, and policies too. */
export const LOOKBACK = 64

export interface FeatureSet {
  readonly name: string
  /** Names of the 12 columns. */
  readonly columns: readonly string[]
  start(market: Market, symbol: number): FeatureRows
}
