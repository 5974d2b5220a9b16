/**
 * Whether a run earned, and whether that can be believed, in words that a person can act on. It judges one result on one
 * stretch of bars, and is strict: whatever it cannot tell from chance, hindsight or invention is not believed.
 */
import { exp, log1p } from '../base/math.js'
import { studentQuantile } from '../base/student.js'
import { dollars } from '../base/words.js'
import { INVENTED_SOURCES } from '../market/bar.js'
import type { Figure } from './metrics.js'

/** What stands in a summary under `verdict`. */
export interface Verdict {
  /** Dollars net of all costs above 0. */
  readonly earned: boolean
  /** It earned, and nothing speaks against believing that. */
  readonly believable: boolean
  /** What speaks against it, or what it is believed for; and a moving average that earned more. */
  readonly reasons: readonly string[]
}

/** What a sample says of skill. */
export interface Sample {
  readonly trades: number
  /** Student's t of the dollars of a session. */
  readonly t: Figure
  readonly sessions: number
  /** Trainings that the result may be the best of; null where nothing was trained. */
  readonly trials: number | null
}

/** What a verdict stands on. */
export interface Evidence extends Sample {
  /** Dollars, net of all costs. */
  readonly pnl: number
  /** Dollars of costs of any kind. */
  readonly cost: number
  /** Why a model cannot be judged on these sessions; empty where it can. */
  readonly seen: readonly string[]
  readonly fill: 'open' | 'close'
  /** Sources of the bars. */
  readonly sources: readonly string[]
  /** Part of the bars of the calendar that the input lacks. */
  readonly missing: number
  /** Dollars of the policy sma-cross on the same bars. */
  readonly average: number
}

/** How often chance alone may pass for skill, over all trials together. */
const LEVEL = 0.05
/** Part of the bars that may be missing: that of --max-missing. */
const MOST_MISSING = 0.05

/** Said of a run that fills at the close it decided on. */
export const CLOSE_FILLS = 'fills at the close of the decision bar: not executable'

/**
 * What t must be above: the two-sided quantile of Student's t with sessions - 1 degrees of freedom, at the level that leaves
 * all trials together 5 % (Sidak, Rectangular confidence regions for the means of multivariate normal distributions, 1967):
 * 1 - (1 - 0.05)^(1/trials). A result is the best of its trials, and the best of many is high by chance.
 */
export function threshold(sessions: number, trials: number | null): number {
  // The n-th root by exp and log: V8's power differs between versions.
  return studentQuantile(exp(log1p(-LEVEL) / Math.max(1, trials ?? 1)), sessions - 1)
}

/** Why the sessions are no evidence of skill; null where they are. */
export function skillDoubt({ trades, t, sessions, trials }: Sample): string | null {
  const none = (words: string) => `no evidence of skill: ${words}`
  if (trades === 0) return none('there were no trades')
  if (t.value === null) return none(t.reason)
  const needed = threshold(sessions, trials)
  if (t.value > needed) return null
  return none(
    `t ${t.value.toFixed(2)} over ${sessions} sessions is not above ${needed.toFixed(2)}${best(trials)}`,
  )
}

const best = (trials: number | null): string =>
  trials !== null && trials > 1 ? `, for the best of ${trials} trials` : ''

/** Judges a run. The reasons come in one order, a short sentence for each thing that decides. */
export function verdictOf(evidence: Evidence): Verdict {
  const { pnl, sessions, trials, t, average } = evidence
  const earned = pnl > 0
  // Skill all the same, but not worth its trouble.
  const better =
    earned && average > pnl ? [`a moving average earned more: sma-cross ${dollars(average)}`] : []
  const against = [...doubts(evidence)]
  if (against.length > 0) return { earned, believable: false, reasons: [...against, ...better] }
  const needed = threshold(sessions, trials)
  const reasons = [
    `t ${t.value!.toFixed(2)} over ${sessions} sessions is above ${needed.toFixed(2)}${best(trials)}`,
  ]
  return { earned, believable: true, reasons: [...reasons, ...better] }
}

function* doubts(evidence: Evidence): Generator<string> {
  const { pnl, trades, cost, seen, fill, sources, missing } = evidence
  if (trades > 0 && !(pnl > 0))
    yield pnl < 0 ? `it lost ${dollars(-pnl)} net of costs` : 'it earned nothing net of costs'
  const skill = skillDoubt(evidence)
  if (skill !== null) yield skill
  yield* seen
  if (fill === 'close') yield CLOSE_FILLS
  if (trades > 0 && cost === 0) yield 'no costs were charged'
  const invented = sources.filter((source) => INVENTED_SOURCES.includes(source))
  if (invented.length > 0) yield `generated bars (${invented.join(', ')}) prove nothing about a market`
  if (missing > MOST_MISSING)
    yield `${(100 * missing).toFixed(1)} % of the bars of the calendar are missing, more than ${100 * MOST_MISSING} %`
}
