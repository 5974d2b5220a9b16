/**
 * Every figure of one series of returns, with the reason where there is none: what it earned, and what that proves. Keys are those
 * of the summary of `evaluate --returns`, defined in jules-metrics(7).
 */
import { badData } from '../base/errors.js'
import { kurtosis, mean, skewness } from '../base/moments.js'
import { type BootstrapOptions, bootstrapWork, ended, type Interval } from './bootstrap.js'
import {
  annualReturn,
  calmar,
  conditionalValueAtRisk,
  type Figure,
  hitRate,
  maxDrawdown,
  profitFactor,
  SESSIONS_PER_YEAR,
  sharpe,
  sortino,
  TOO_LARGE,
  tooFew,
  totalReturn,
  valueAtRisk,
  volatility,
} from './metrics.js'
import {
  deflatedSharpe,
  effectiveTrials,
  expectedMaximumSharpe,
  minimumTrackRecord,
  nullDeviation,
  probabilisticSharpe,
  probabilisticSharpeUnderNull,
  type SharpeSample,
} from './sharpe-evidence.js'

export interface SeriesOptions {
  /** Periods a year: 252 sessions. */
  readonly periods?: number
  /** Trials that the series is the best of, itself among them; null where nobody has counted. */
  readonly trials?: number | null
  /** Standard deviation of the Sharpe ratios of these trials, each of single periods and never annual; null where not known. */
  readonly trialSharpeStd?: number | null
  /** Mean correlation of the returns of these trials; null where not known. */
  readonly trialCorrelation?: number | null
  /** Of the intervals; null for none, which take longer than all other figures. */
  readonly bootstrap?: BootstrapOptions | null
}

/**
 * The figures of simple returns, one a period, net of all that they cost. Throws 65 for a return that is not finite, which is no
 * period, or below -1: where equity falls below 0, returns have no meaning.
 */
export const seriesFigures = (returns: ArrayLike<number>, options: SeriesOptions = {}) =>
  ended(seriesWork(returns, options))

/** The same in pieces, between which signals can be looked at: it yields the part that is done, from 0 to 1. */
export function* seriesWork(returns: ArrayLike<number>, options: SeriesOptions = {}) {
  const {
    periods = SESSIONS_PER_YEAR,
    trials = null,
    trialSharpeStd = null,
    trialCorrelation = null,
  } = options
  checkReturns(returns)
  const reasons: Record<string, string> = {}
  const of = (name: string, figure: Figure): number | null => {
    const { value } = figure
    if (value === null) reasons[name] = figure.reason
    else if (!Number.isFinite(value)) reasons[name] = TOO_LARGE
    return value !== null && Number.isFinite(value) ? value : null
  }
  const sharpeFigure = sharpe(returns, 1)
  // Why there is no Sharpe ratio is why there is nothing that is made from it.
  const evidence = (figure: (sample: SharpeSample) => Figure): Figure =>
    sharpeFigure.value === null
      ? sharpeFigure
      : figure({
          sharpe: sharpeFigure.value,
          n: returns.length,
          skew: skewness(returns),
          kurtosis: kurtosis(returns),
        })
  const moment = (value: (values: ArrayLike<number>) => number): Figure =>
    evidence(() => ({ value: value(returns) }))
  const ofTrials = (figure: (sample: SharpeSample, trials: number) => Figure): Figure =>
    evidence((sample) => (trials === null ? { value: null, reason: NO_TRIALS } : figure(sample, trials)))
  // One trial was chosen from nothing, whatever their spread.
  const spread = trials === 1 ? 0 : trialSharpeStd
  const ofSpread = (figure: (sample: SharpeSample, trials: number, std: number) => Figure): Figure =>
    ofTrials((sample, count) =>
      spread === null ? { value: null, reason: NO_SPREAD } : figure(sample, count, spread),
    )
  const curve = curveOf(returns)
  // Where equity is no number any more, nobody knows its peak.
  const isTooLarge = !Number.isFinite(curve.at(-1)!) || curve.includes(Number.POSITIVE_INFINITY)
  const drawdown = maxDrawdown(isTooLarge ? [] : curve)
  const { block, resamples, seed, intervals } = yield* bootstrapped(returns, periods, options.bootstrap)
  const bounds = (name: string, interval: Interval): readonly [number, number] | null => {
    if (interval.low !== null) return [interval.low, interval.high]
    reasons[name] = interval.reason
    return null
  }
  const figures = {
    n: returns.length,
    periods,
    trials,
    trial_sharpe_std: trialSharpeStd,
    trial_correlation: trialCorrelation,
    total_return: of(
      'total_return',
      returns.length === 0 ? tooFew(returns)! : { value: totalReturn(returns) },
    ),
    annual_return: of('annual_return', annualReturn(returns, periods)),
    mean: of('mean', tooFew(returns) ?? { value: mean(returns) }),
    volatility: of('volatility', volatility(returns, periods)),
    sharpe: of('sharpe', sharpe(returns, periods)),
    sharpe_period: of('sharpe_period', sharpeFigure),
    sortino: of('sortino', sortino(returns, periods)),
    calmar: of('calmar', isTooLarge ? TOO_LARGE_FIGURE : calmar(returns, drawdown, periods)),
    max_drawdown: of(
      'max_drawdown',
      isTooLarge ? TOO_LARGE_FIGURE : { value: drawdown.fraction === 0 ? 0 : -drawdown.fraction },
    ),
    max_drawdown_periods: of(
      'max_drawdown_periods',
      isTooLarge ? TOO_LARGE_FIGURE : { value: drawdown.duration },
    ),
    var95_hist: of('var95_hist', valueAtRisk(returns)),
    cvar95_hist: of('cvar95_hist', conditionalValueAtRisk(returns)),
    skew: of('skew', moment(skewness)),
    kurtosis: of('kurtosis', moment(kurtosis)),
    hit_rate: of('hit_rate', hitRate(returns, 'no return differs from 0')),
    profit_factor: of('profit_factor', profitFactor(returns)),
    psr: of(
      'psr',
      evidence((sample) => orNoVariance(probabilisticSharpe(sample))),
    ),
    psr_h0: of(
      'psr_h0',
      evidence((sample) => orNoVariance(probabilisticSharpeUnderNull(sample))),
    ),
    // The trials' alone: the series has no part in it.
    sharpe_expected_max: of(
      'sharpe_expected_max',
      trials === null
        ? { value: null, reason: NO_TRIALS }
        : spread === null
          ? { value: null, reason: NO_SPREAD }
          : { value: expectedMaximumSharpe(trials, spread) },
    ),
    dsr: of(
      'dsr',
      ofSpread((sample, count, std) => orNoVariance(deflatedSharpe(sample, count, std))),
    ),
    dsr_null_var: of(
      'dsr_null_var',
      ofTrials((sample, count) => orNoVariance(deflatedSharpe(sample, count, nullDeviation(sample)))),
    ),
    dsr_neff: of(
      'dsr_neff',
      ofSpread((sample, count, std) => {
        // One trial is worth one, whatever it goes along with.
        const correlation = count === 1 ? 0 : trialCorrelation
        if (correlation === null) return { value: null, reason: NO_CORRELATION }
        return orNoVariance(deflatedSharpe(sample, effectiveTrials(count, correlation), std))
      }),
    ),
    min_trl: of(
      'min_trl',
      evidence((sample) =>
        sample.sharpe > 0
          ? orNoVariance(minimumTrackRecord(sample))
          : { value: null, reason: 'the Sharpe ratio is not above 0' },
      ),
    ),
    sharpe_ci95: bounds('sharpe_ci95', intervals.sharpe),
    mean_ci95: bounds('mean_ci95', intervals.mean),
    block,
    resamples,
    bootstrap_seed: seed,
  }
  return { ...figures, reasons }
}

const TOO_LARGE_FIGURE: Figure = { value: null, reason: TOO_LARGE }
const NO_TRIALS = 'the number of trials is not given'
const NO_SPREAD = 'the spread of the Sharpe ratios of the trials is not given'
const NO_CORRELATION = 'the correlation of the trials is not given'

const orNoVariance = (value: number | null): Figure =>
  value === null ? { value, reason: 'skew and kurtosis leave no variance' } : { value }

/** Throws 65 for a return that is not finite or below -1, with its number from 1. */
export function checkReturns(returns: ArrayLike<number>): void {
  for (let i = 0; i < returns.length; i++) {
    const value = returns[i]!
    if (!Number.isFinite(value)) throw badData(`return ${i + 1}: expected a finite number, got ${value}`)
    if (value < -1) throw badData(`return ${i + 1}: expected -1 or more, got ${value}`)
  }
}

/** Equity from 1 on. */
function curveOf(returns: ArrayLike<number>): Float64Array {
  const curve = new Float64Array(returns.length + 1)
  curve[0] = 1
  for (let i = 0; i < returns.length; i++) curve[i + 1] = curve[i]! * (1 + returns[i]!)
  return curve
}

function* bootstrapped(returns: ArrayLike<number>, periods: number, options: BootstrapOptions | null = {}) {
  const why = sharpe(returns)
  if (why.value === null || options === null) {
    const none: Interval = {
      low: null,
      high: null,
      reason: why.value === null ? why.reason : 'not asked for',
    }
    return { block: null, resamples: 0, seed: null, intervals: { sharpe: none, mean: none } }
  }
  return yield* bootstrapWork(
    returns,
    { sharpe: (sample) => sharpe(sample, periods).value ?? Number.NaN, mean },
    { ...options, level: 0.95 },
  )
}
