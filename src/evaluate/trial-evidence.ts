/** What the trials behind a result say of it: how many, how far they lie apart, and whether choosing the best of them fits too much. */
import { standardDeviation } from '../base/moments.js'
import { type Figure, LEAST_SESSIONS, sharpe } from './metrics.js'
import { overfitting } from './overfitting.js'
import { trialSpread } from './trial-spread.js'

/** The trials on some bars, with the sessions of those that are known. */
export interface KnownTrials {
  readonly count: number
  readonly validated: readonly (readonly { readonly date: string; readonly pnl: number }[])[]
}

export interface TrialEvidence {
  readonly count: number
  /** Trials whose sessions are known. */
  readonly known: number
  /** Of a session; null where it is not known. */
  readonly sharpeStd: number | null
  readonly correlation: number | null
  readonly pbo: Figure
  /** Sessions left out, as a trial lacks them, or the blocks of PBO have one length. */
  readonly dropped: number
}

/** Of returns on the capital that trials began with. */
export function trialEvidence({ count, validated }: KnownTrials, capital: number): TrialEvidence {
  const dates = [...new Set(validated.flatMap((sessions) => sessions.map(({ date }) => date)))].sort()
  const matrix = validated.map((sessions) => {
    const byDate = new Map(sessions.map(({ date, pnl }) => [date, pnl]))
    return Float64Array.from(dates, (date) => (byDate.get(date) ?? Number.NaN) / capital)
  })
  const { correlation } = trialSpread(matrix)
  // Each over the sessions that it was validated on, which other trials need not have.
  const ratios = validated
    .filter((sessions) => sessions.length >= LEAST_SESSIONS)
    .map((sessions) => ratioOf(sessions.map(({ pnl }) => pnl / capital)))
  const { pbo, dropped } = overfitting(matrix)
  return {
    count,
    known: validated.length,
    sharpeStd: ratios.length < 2 ? null : standardDeviation(ratios),
    correlation: correlation.value,
    pbo,
    dropped: dropped.lacking + dropped.rest,
  }
}

/** Sharpe ratio of a session; 0 of a trial that stands still, which is one all the same. */
const ratioOf = (returns: readonly number[]): number => sharpe(returns, 1).value ?? 0
