/**
 * Feature sets: 12 numbers a bar and symbol, from that bar and earlier ones. One code serves whole files and live bars:
 * rows are asked for in order, and a row never looks past its own bar.
 */
import { type Market, SYMBOL_COUNT } from '../market/align.js'
import { classic } from './classic.js'
import { intraday } from './intraday.js'

export const FEATURES_PER_SYMBOL = 12

/** Where rows go: the first at `offset`, each next one `stride` numbers on. */
export interface RowsTarget {
  readonly out: Float32Array
  readonly offset: number
  readonly stride: number
}

/** Writes rows 0, 1, 2, ... of one symbol, each once and in order. */
export interface FeatureRows {
  row(t: number, out: Float32Array, offset: number): void
  /** The rows [start, end) at once, where that is faster; the same bits. */
  rows?(start: number, end: number, target: RowsTarget): void
}

export interface FeatureSet {
  readonly name: string
  /** Names of the 12 columns. */
  readonly columns: readonly string[]
  start(market: Market, symbol: number): FeatureRows
}

export const FEATURE_SETS: readonly FeatureSet[] = [intraday, classic]

export function featureSet(name: string): FeatureSet | undefined {
  return FEATURE_SETS.find((set) => set.name === name)
}

/** Numbers a bar in a feature matrix: 12 of the first symbol, then 12 of the second. */
export const FEATURE_WIDTH = SYMBOL_COUNT * FEATURES_PER_SYMBOL

/** Features of a market that may still grow. */
export class FeatureTable {
  readonly set: FeatureSet
  readonly #market: Market
  readonly #rows: readonly FeatureRows[]
  /** Row t at t * FEATURE_WIDTH. */
  values: Float32Array
  length = 0

  constructor(market: Market, set: FeatureSet) {
    this.set = set
    this.#market = market
    this.#rows = [set.start(market, 0), set.start(market, 1)]
    this.values = new Float32Array(Math.max(1, market.length) * FEATURE_WIDTH)
    this.update()
  }

  /** Computes the rows of bars appended since. */
  update(): void {
    const { length } = this.#market
    if (length * FEATURE_WIDTH > this.values.length) {
      const grown = new Float32Array(Math.max(length, 2 * this.length) * FEATURE_WIDTH)
      grown.set(this.values)
      this.values = grown
    }
    for (const [k, rows] of this.#rows.entries()) {
      if (rows.rows !== undefined) {
        const offset = this.length * FEATURE_WIDTH + k * FEATURES_PER_SYMBOL
        rows.rows(this.length, length, { out: this.values, offset, stride: FEATURE_WIDTH })
        continue
      }
      for (let t = this.length; t < length; t++) {
        rows.row(t, this.values, t * FEATURE_WIDTH + k * FEATURES_PER_SYMBOL)
      }
    }
    this.length = length
  }
}
