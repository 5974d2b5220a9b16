/** Options of the strategy, its costs and limits: one wording and one set of defaults for train, backtest and check-env. */
import { usage } from '../../base/errors.js'
import { choice, flag, integer, real, under } from '../../cli/options.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { FEATURE_SETS, featureSet } from '../../env/features.js'
import { DEFAULT_REWARD } from '../../env/reward.js'
import type { Interval } from '../../market/bar.js'
import { COMMISSIONS, type Costs, DEFAULT_COSTS } from '../../portfolio/costs.js'
import { FILLS } from '../../portfolio/fills.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../../risk/limits.js'
import { wordsOf } from '../../risk/rules.js'
import { DEFAULT_RULES, type Rules } from '../../trading/rules.js'

const money = { min: 0.01, max: 1e12 }
const bps = { min: 0, max: 10_000 }

const DEFAULT_WARMUP = 50

export const strategyOptions = under(
  'Rules and costs',
  {
    capital: real('DOLLARS', 'cash at the start', { fallback: DEFAULT_RULES.capital, ...money }),
    'max-position': real('DOLLARS', wordsOf('max-position'), {
      fallback: DEFAULT_LIMITS.maxPosition,
      ...money,
    }),
    shares: integer('N', 'shares of a position', {
      min: 1,
      max: 1e9,
      defaultText: 'as many as --max-position buys',
    }),
    fractional: flag('allow parts of a share'),
    fill: choice('WHEN', FILLS, 'fill at the next open, or at the close of the decision (not executable)', {
      fallback: DEFAULT_RULES.fill,
    }),
    commission: choice('NAME', COMMISSIONS, 'schedule of commissions', {
      fallback: DEFAULT_COSTS.commission,
    }),
    'cost-bps': real('BPS', 'charge on traded value', { fallback: DEFAULT_COSTS.costBps, ...bps }),
    'trade-penalty-bps': real('BPS', 'charge a share, on the mean price of the two symbols', {
      fallback: DEFAULT_COSTS.tradePenaltyBps,
      ...bps,
    }),
    'half-spread-bps': real('BPS', 'paid against the reference price', {
      fallback: DEFAULT_COSTS.halfSpreadBps,
      ...bps,
    }),
    'impact-bps': real('BPS', "impact of an order of a bar's volume, by the square root of its part", {
      fallback: DEFAULT_COSTS.impactBps,
      ...bps,
    }),
    participation: real('PART', "largest part of a bar's volume that an order takes", {
      min: 0.000001,
      max: 1,
      defaultText: 'no cap',
    }),
    features: choice(
      'SET',
      FEATURE_SETS.map(({ name }) => name) as [string, ...string[]],
      'what the agent sees of each symbol',
      { fallback: 'intraday' },
    ),
    'long-only': flag('no short positions'),
    overnight: flag('keep positions overnight'),
    'max-day-loss': real('DOLLARS', wordsOf('max-day-loss'), {
      fallback: DEFAULT_LIMITS.maxDayLoss,
      ...money,
    }),
    'max-loss': real('DOLLARS', wordsOf('max-loss'), {
      fallback: DEFAULT_LIMITS.maxLoss,
      ...money,
    }),
    'max-drawdown': real('PART', wordsOf('max-drawdown'), {
      min: 0,
      max: 1,
      defaultText: 'never',
    }),
    'max-leverage': real('N', wordsOf('max-leverage'), { min: 0, max: 1e6, defaultText: 'none' }),
    'no-limits': flag(
      'lift all limits but --max-drawdown and --max-leverage, the forced flat and the entry cut-off included',
    ),
    warmup: integer('BARS', 'bars before the first decision', { fallback: DEFAULT_WARMUP, min: 0, max: 1e6 }),
  },
  ['capital', 'max-position', 'commission', 'features', 'long-only', 'max-day-loss', 'max-loss', 'no-limits'],
)

/** Those of them that say what trading costs. */
export const costOptions = (({
  commission,
  'cost-bps': costBps,
  'trade-penalty-bps': tradePenaltyBps,
  'half-spread-bps': halfSpreadBps,
  'impact-bps': impactBps,
  participation,
}) => ({
  commission,
  'cost-bps': costBps,
  'trade-penalty-bps': tradePenaltyBps,
  'half-spread-bps': halfSpreadBps,
  'impact-bps': impactBps,
  participation,
}))(strategyOptions)

export interface StrategyFlags {
  readonly capital: number
  readonly 'max-position': number
  readonly shares?: number | undefined
  readonly fractional: boolean
  readonly fill: Rules['fill']
  readonly commission: Rules['costs']['commission']
  readonly 'cost-bps': number
  readonly 'trade-penalty-bps': number
  readonly 'half-spread-bps': number
  readonly 'impact-bps': number
  readonly participation?: number | undefined
  readonly overnight: boolean
  readonly 'max-day-loss': number
  readonly 'max-loss': number
  readonly 'max-drawdown'?: number | undefined
  readonly 'max-leverage'?: number | undefined
  readonly 'no-limits': boolean
}

/** What trading costs by the options. */
export function costsOf(flags: Pick<StrategyFlags, keyof typeof costOptions>): Costs {
  return {
    commission: flags.commission,
    costBps: flags['cost-bps'],
    tradePenaltyBps: flags['trade-penalty-bps'],
    halfSpreadBps: flags['half-spread-bps'],
    impactBps: flags['impact-bps'],
    participation: flags.participation ?? null,
  }
}

/** The rules that the options make for bars of this length. Throws 64 where they contradict each other. */
export function rulesOf(flags: StrategyFlags, interval: Interval): Rules {
  const keepsOvernight = flags.overnight || flags['no-limits']
  if (interval === '1d' && !keepsOvernight) {
    throw usage('bars of a day leave no time to be flat by the close', { hint: 'allow it with --overnight' })
  }
  const held = {
    ...DEFAULT_LIMITS,
    maxPosition: flags['max-position'],
    maxDayLoss: flags['max-day-loss'],
    maxLoss: flags['max-loss'],
  }
  const { flatBeforeCloseMs, noEntryBeforeCloseMs } = NO_LIMITS
  return {
    capital: flags.capital,
    maxPosition: flags['max-position'],
    shares: flags.shares ?? null,
    fractional: flags.fractional,
    fill: flags.fill,
    costs: costsOf(flags),
    limits: {
      ...(flags['no-limits']
        ? NO_LIMITS
        : flags.overnight
          ? { ...held, flatBeforeCloseMs, noEntryBeforeCloseMs }
          : held),
      maxLeverage: flags['max-leverage'] ?? null,
    },
    maxDrawdown: flags['max-drawdown'] ?? null,
    reward: DEFAULT_REWARD,
  }
}

export const featuresOf = (name: string): FeatureSet => {
  const set = featureSet(name)
  if (set === undefined) throw usage(`--features: no set ${name}`)
  return set
}
