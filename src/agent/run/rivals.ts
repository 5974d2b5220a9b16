/** What a model is held against at the end of its training: the simple policies on the sessions that chose it. */
import { stream } from '../../base/rng.js'
import { type BacktestOptions, earned } from '../../trading/backtest.js'
import { buyHold, randomPolicy, smaCross } from '../../trading/policies.js'

/** Net dollars by the names that the policies have in a backtest. */
export interface Rivals {
  readonly 'sma-cross': number
  readonly 'buy-hold': number
  /** The mean of several seeds, as one is good or bad by chance. */
  readonly random: number
}

const RANDOM_SEEDS = 10

/** The policies over a stretch, under its rules and from the same fresh account as the model. */
export function rivalsOn(stretch: Omit<BacktestOptions, 'policy'>): Rivals {
  const of = (policy: BacktestOptions['policy']) => earned({ ...stretch, policy })
  let random = 0
  for (let seed = 1; seed <= RANDOM_SEEDS; seed++)
    random += of(randomPolicy(stream(seed, 'random-policy'))) / RANDOM_SEEDS
  return { 'sma-cross': of(smaCross()), 'buy-hold': of(buyHold), random }
}
