/** Leaks that people build without noticing, planted on purpose: a test for leaks that does not find them is none. */
import { mean, standardDeviation } from '../../base/moments.js'
import { FEATURES_PER_SYMBOL, type FeatureRows, type FeatureSet } from '../../env/feature-set.js'
import { FEATURE_WIDTH, FeatureTable } from '../../env/features.js'
import { Market, SYMBOL_COUNT } from '../../market/market.js'
import { BAR_NUMBERS } from '../../market/series.js'
import type { Subject } from './subject.js'

/** Each leak by its name, planted in a feature set. */
export const plantedLeaks = (set: FeatureSet): readonly Subject[] => [
  { name: 'a feature that peeks one bar ahead', prepare: (all) => ({ market: all, set: peeking(set, all) }) },
  { name: 'a normaliser fitted on all bars', prepare: (all) => ({ market: all, set: fittedOn(set, all) }) },
  {
    name: 'a reward for the move that was just seen',
    prepare: (all) => ({ market: delayed(all), set: readingFrom(set, all) }),
  },
]

/** Rows that are computed from the first bar on; such a set cannot go on from what was saved. */
const rowsOf = (row: FeatureRows['row']): FeatureRows => ({
  row,
  save: () => [],
  restore: () => {
    throw new RangeError('a planted leak is not saved')
  },
})

/** The first column is that of the bar after. */
function peeking(set: FeatureSet, all: Market): FeatureSet {
  const { values } = new FeatureTable(all, set)
  return {
    ...set,
    start: (market, symbol) => {
      const own = set.start(market, symbol)
      return rowsOf((t, out, offset) => {
        own.row(t, out, offset)
        const next = Math.min(t + 1, all.length - 1)
        out[offset] = values[next * FEATURE_WIDTH + symbol * FEATURES_PER_SYMBOL]!
      })
    },
  }
}

/** Every column less its mean over all bars, by its deviation over all bars. */
function fittedOn(set: FeatureSet, all: Market): FeatureSet {
  const { values, length } = new FeatureTable(all, set)
  const column = (n: number) => Float64Array.from({ length }, (_, t) => values[t * FEATURE_WIDTH + n]!)
  const moments = Array.from({ length: FEATURE_WIDTH }, (_, n) => {
    const own = column(n)
    return { centre: mean(own), deviation: standardDeviation(own) || 1 }
  })
  return {
    ...set,
    start: (market, symbol) => {
      const own = set.start(market, symbol)
      return rowsOf((t, out, offset) => {
        own.row(t, out, offset)
        for (let n = 0; n < FEATURES_PER_SYMBOL; n++) {
          const { centre, deviation } = moments[symbol * FEATURES_PER_SYMBOL + n]!
          out[offset + n] = (out[offset + n]! - centre) / deviation
        }
      })
    },
  }
}

/** Features of other bars than those that are traded. */
const readingFrom = (set: FeatureSet, other: Market): FeatureSet => ({
  ...set,
  start: (_, symbol) => {
    const own = set.start(other, symbol)
    return rowsOf((t, out, offset) => own.row(t, out, offset))
  },
})

/** Each bar with the prices of the one before: a decision earns the move that its features end with. */
function delayed(market: Market): Market {
  const late = new Market(market.symbols, market.interval, market.length)
  const numbers = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  for (let i = 0; i < market.length; i++)
    late.append(market.time[i]!, market.numbers(Math.max(0, i - 1), numbers))
  return late
}
