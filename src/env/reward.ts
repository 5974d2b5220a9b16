/**
 * The reward of a step: the change in equity net of costs, in dollars. At $1,000 a symbol one minute's standard deviation is
 * then near 1; rewards ten times larger, or a thousand, learn nothing. The other terms are off unless asked for.
 */
import { HOLD_BOTH } from './actions.js'

export interface RewardTerms {
  /** Reward a dollar of net equity change. */
  readonly scale: number
  /** Added when both targets are flat. */
  readonly holdBonus: number
  /** Taken when the action differs from the last one. */
  readonly changePenalty: number
  /** Taken for each trade of the day above `tradeCap`, counted before the step. */
  readonly tradeCapPenalty: number
  readonly tradeCap: number
  /** Taken on traded value, in basis points. */
  readonly turnoverPenaltyBps: number
  /** Times equity / peak - 1, which is never above 0. */
  readonly highWaterMark: number
}

export const DEFAULT_REWARD: RewardTerms = {
  scale: 1,
  holdBonus: 0,
  changePenalty: 0,
  tradeCapPenalty: 0,
  tradeCap: 50,
  turnoverPenaltyBps: 0,
  highWaterMark: 0,
}

/** What a step did, as far as the reward asks. */
export interface StepResult {
  /** Change in equity in dollars, net of costs. */
  change: number
  action: number
  lastAction: number
  tradesBefore: number
  /** Value traded in dollars. */
  turnover: number
  equity: number
  peak: number
}

/** Reward of a step: dollars times `scale`, and what the other terms add or take. */
export function rewardOf(terms: RewardTerms, step: StepResult): number {
  let reward = step.change * terms.scale - turnoverPenalty(terms, step.turnover)
  const over = step.tradesBefore - terms.tradeCap
  if (over > 0) reward -= terms.tradeCapPenalty * over
  if (step.action === HOLD_BOTH) reward += terms.holdBonus
  if (step.action !== step.lastAction) reward -= terms.changePenalty
  return reward + terms.highWaterMark * (step.equity / step.peak - 1)
}

/** Never below 0, so that churning is never paid. */
export const turnoverPenalty = (terms: RewardTerms, turnover: number): number =>
  turnover > 0 ? (terms.turnoverPenaltyBps / 1e4) * turnover : 0
