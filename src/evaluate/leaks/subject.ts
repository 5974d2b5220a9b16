/** What is tested for leaks: from all the bars that there are to those that are traded and what is seen of them. */
import type { FeatureSet } from '../../env/feature-set.js'
import type { Market } from '../../market/market.js'

/** What an agent trades on, and the features that it sees. */
export interface Prepared {
  readonly market: Market
  readonly set: FeatureSet
}

/** All bars are given, those after a decision too: whoever looks at them has a leak. */
export interface Subject {
  readonly name: string
  readonly prepare: (all: Market) => Prepared
}

/** The one that trains, backtests and trades: bars as they are, features of their own bars alone. */
export const ownSubject = (set: FeatureSet): Subject => ({
  name: 'none',
  prepare: (market) => ({ market, set }),
})
