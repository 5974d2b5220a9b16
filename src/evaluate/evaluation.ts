/** The figures of an evaluation: of all that was tested out of sample, stitched, and of what is known of the trials behind it. */
import { permutationP } from './baselines.js'
import { simpleReturns, tStatistic } from './metrics.js'
import { seriesFigures } from './series-figures.js'
import type { Stitched } from './stitched.js'
import { atCosts } from './summary.js'
import type { TrialEvidence } from './trial-evidence.js'

export interface EvaluationInput {
  readonly stitched: Stitched
  readonly capital: number
  /** Null where nothing was trained. */
  readonly trials: TrialEvidence | null
}

/** Keys are those of the summary of `evaluate`, defined in jules-metrics(7). */
export function evaluationFigures({ stitched, capital, trials }: EvaluationInput) {
  const { sessions, equity, pnl, maxDrawdown, cost, turnover, trades } = stitched
  const broke = equity.some((value) => value <= 0)
  const series = seriesFigures(broke ? [] : simpleReturns(equity), {
    trials: trials?.count ?? null,
    trialSharpeStd: trials?.sharpeStd ?? null,
    trialCorrelation: trials?.correlation ?? null,
  })
  const { n: _, reasons: own, ...figures } = series
  const reasons: Record<string, string> = { ...own }
  if (broke) for (const key of Object.keys(reasons)) reasons[key] = 'equity fell to 0 or below'
  // Of dollars it is there all the same.
  delete reasons.total_return
  const t = tStatistic(sessions.map((session) => session.pnl))
  if (t.value === null) reasons.t_sessions = t.reason
  const pbo = trials?.pbo ?? { value: null, reason: 'nothing was trained' }
  if (pbo.value === null) reasons.pbo = pbo.reason
  const isTraded = trades > 0
  if (!isTraded) reasons.p_random = 'there were no trades'
  return {
    figures: {
      pnl,
      ...figures,
      total_return: pnl / capital,
      // Of the equity after each decision, which falls lower than that of the sessions.
      max_drawdown: maxDrawdown.fraction === 0 ? 0 : -maxDrawdown.fraction,
      max_drawdown_dollars: maxDrawdown.dollars,
      t_sessions: t.value,
      pbo: pbo.value,
      p_random: isTraded ? permutationP(stitched.random, pnl) : null,
      trials_known: trials?.known ?? null,
      trial_sessions_dropped: trials?.dropped ?? null,
      trades,
      decisions: stitched.decisions,
      turnover,
      cost,
      pnl_at_cost: atCosts(pnl, cost),
    },
    reasons,
    t,
  }
}
