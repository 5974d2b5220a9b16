/**
 * Feature sets: 12 numbers a bar and symbol, from that bar and earlier ones. One code serves whole files and live bars:
 * rows are asked for in order, and a row never looks past its own bar.
 */
import { grown } from '../base/columns.js'
import { type Market, SYMBOL_COUNT } from '../market/market.js'
import { classic } from './classic.js'
import { FEATURES_PER_SYMBOL, type FeatureRows, type FeatureSet } from './feature-set.js'
import { intraday } from './intraday.js'

export const FEATURE_SETS: readonly FeatureSet[] = [intraday, classic]

/** The set of that name, or undefined. */
export function featureSet(name: string): FeatureSet | undefined {
  return FEATURE_SETS.find((set) => set.name === name)
}

/** Numbers a bar in a feature matrix: 12 of the first symbol, then 12 of the second. */
export const FEATURE_WIDTH = SYMBOL_COUNT * FEATURES_PER_SYMBOL

/** A table in a form that JSON keeps to the bit: the last row, and what the next one needs, by symbol. */
export interface SavedFeatures {
  readonly set: string
  readonly last: readonly number[]
  readonly rows: readonly (readonly number[])[]
}

/** Features of a market that may still grow. */
export class FeatureTable {
  readonly set: FeatureSet
  readonly #market: Market
  readonly #rows: readonly FeatureRows[]
  /** Row t at t * FEATURE_WIDTH. */
  values: Float32Array<ArrayBuffer>
  /** Rows computed: those of all bars when `update` was last called. */
  length = 0

  /** `from` is what a table saved whose last bars `market` holds: it goes on there, and earlier rows stay empty. */
  constructor(market: Market, set: FeatureSet, from: SavedFeatures | null = null) {
    this.set = set
    this.#market = market
    this.#rows = [set.start(market, 0), set.start(market, 1)]
    this.values = new Float32Array(Math.max(1, market.length) * FEATURE_WIDTH)
    if (from === null) this.update()
    else this.#restore(from)
  }

  /** Computes the rows of bars appended since. */
  update(): void {
    const { length } = this.#market
    if (length * FEATURE_WIDTH > this.values.length) {
      this.values = grown(this.values, Math.max(length, 2 * this.length) * FEATURE_WIDTH)
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

  save(): SavedFeatures {
    const last = this.values.subarray(
      Math.max(0, this.length - 1) * FEATURE_WIDTH,
      this.length * FEATURE_WIDTH,
    )
    return { set: this.set.name, last: [...last], rows: this.#rows.map((rows) => rows.save()) }
  }

  #restore({ set, last, rows }: SavedFeatures): void {
    if (set !== this.set.name) throw new RangeError(`features ${set} were saved, not ${this.set.name}`)
    this.length = this.#market.length
    this.values.set(last, Math.max(0, this.length - 1) * FEATURE_WIDTH)
    for (const [k, one] of this.#rows.entries()) one.restore(rows[k]!, this.length)
  }
}
