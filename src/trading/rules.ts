/** What a run is played by: money, sizes, fills, costs, limits, reward. One object for training and backtest. */
import { DEFAULT_REWARD, type RewardTerms } from '../env/reward.js'
import { type Costs, DEFAULT_COSTS } from '../portfolio/costs.js'
import type { Fill } from '../portfolio/fills.js'
import { DEFAULT_LIMITS, type Limits } from '../risk/limits.js'
import type { Bounds } from '../risk/rules.js'

export interface Rules extends Bounds {
  /** Dollars at the start. */
  readonly capital: number
  /** Dollars of a full position; whole shares below it are bought. */
  readonly maxPosition: number
  /** A fixed count of shares instead. */
  readonly shares: number | null
  readonly fractional: boolean
  readonly fill: Fill
  readonly costs: Costs
  readonly limits: Limits
  /** Ends the run when (peak - equity) / peak passes it; null for never. */
  readonly maxDrawdown: number | null
  readonly reward: RewardTerms
}

export const DEFAULT_RULES: Rules = {
  capital: 5000,
  maxPosition: DEFAULT_LIMITS.maxPosition,
  shares: null,
  fractional: false,
  fill: 'open',
  costs: DEFAULT_COSTS,
  limits: DEFAULT_LIMITS,
  maxDrawdown: null,
  reward: DEFAULT_REWARD,
}

/**
 * The rules as files hold them: in models, manifests and the names of runs, whose bytes must not change with a name or an order
 * in the code. There the limit in dollars is `limits.maxDrawdown`, and the fraction `maxDrawdownFraction`.
 */
export function storedRules({ limits, costs, ...rules }: Rules) {
  return {
    capital: rules.capital,
    maxPosition: rules.maxPosition,
    shares: rules.shares,
    fractional: rules.fractional,
    fill: rules.fill,
    costs: {
      commission: costs.commission,
      costBps: costs.costBps,
      tradePenaltyBps: costs.tradePenaltyBps,
      halfSpreadBps: costs.halfSpreadBps,
      impactBps: costs.impactBps,
      participation: costs.participation,
    },
    limits: {
      maxPosition: limits.maxPosition,
      maxDayLoss: limits.maxDayLoss,
      maxDrawdown: limits.maxLoss,
      flatBeforeCloseMs: limits.flatBeforeCloseMs,
      noEntryBeforeCloseMs: limits.noEntryBeforeCloseMs,
      tradesPerDay: limits.tradesPerDay,
      ordersPerMinute: limits.ordersPerMinute,
      maxAgeMs: limits.maxAgeMs,
      // Bytes of runs that know no such limit stay as they are.
      ...(limits.maxLeverage === null ? {} : { maxLeverage: limits.maxLeverage }),
    },
    maxDrawdownFraction: rules.maxDrawdown,
    reward: rules.reward,
  }
}

export type StoredRules = ReturnType<typeof storedRules>

/** The rules that a file holds; JSON has no infinity, and what is lifted is null there. */
export function rulesOfStored({ costs, limits, maxDrawdownFraction, ...rules }: StoredRules): Rules {
  const most = (limit: number | null): number => limit ?? Number.POSITIVE_INFINITY
  const unlimited: { readonly [K in keyof typeof limits]: (typeof limits)[K] | null } = limits
  return {
    ...rules,
    costs,
    maxDrawdown: maxDrawdownFraction,
    limits: {
      maxPosition: most(unlimited.maxPosition),
      maxDayLoss: most(unlimited.maxDayLoss),
      maxLoss: most(unlimited.maxDrawdown),
      flatBeforeCloseMs: limits.flatBeforeCloseMs,
      noEntryBeforeCloseMs: unlimited.noEntryBeforeCloseMs ?? Number.NEGATIVE_INFINITY,
      tradesPerDay: most(unlimited.tradesPerDay),
      ordersPerMinute: most(unlimited.ordersPerMinute),
      maxAgeMs: most(unlimited.maxAgeMs),
      maxLeverage: limits.maxLeverage ?? null,
    },
  }
}
