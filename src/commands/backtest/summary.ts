/** The summary of a backtest: what ran on which bars, its figures, and whether they can be believed. */
import { formatDate } from '../../base/time.js'
import { summarise } from '../../evaluate/summary.js'
import { verdictOf } from '../../evaluate/verdict.js'
import type { Costs } from '../../portfolio/costs.js'
import type { Backtest } from '../../trading/backtest.js'
import { ledgerDigest } from '../../trading/ledger-digest.js'
import type { LoadedMarket } from '../wiring/market.js'
import { type LoadedModel, modelRecord, seenNotes } from '../wiring/models.js'

/** A run that has ended, and what its summary says of it. */
interface Summarised {
  readonly name: string
  readonly loaded: LoadedMarket
  readonly run: Backtest
  readonly features: string
  readonly model: LoadedModel | null
  readonly trials: number | null
  /** Where the run does not follow the model. */
  readonly notes: readonly string[]
}

/** The `summary` record of jules-metrics(7). */
export function summaryRecord({ name, loaded, run, features, model, trials, notes }: Summarised) {
  const { ledger, state, ending } = run
  const { market, rules, policy, longOnly } = run.options
  const last = ledger.first + ledger.length
  const sessions = market.session[last]! - market.session[ledger.first + 1]! + 1
  const from = formatDate(market.sessions[market.session[0]!]!.day)
  const to = formatDate(market.sessions[market.session[last]!]!.day)
  const figures = summarise({ market, ledger, rules, state, ending: ending!, longOnly, trials })
  const seen = model === null ? [] : seenNotes(model, from, to)
  const { t_sessions: t, reasons } = figures
  return {
    type: 'summary',
    run: name,
    command: 'backtest',
    policy: policy.name,
    symbols: market.traded,
    interval: market.interval,
    input: loaded.name,
    sources: loaded.sources,
    from,
    to,
    sessions,
    bars: market.length,
    dropped: loaded.droppedRows,
    missing: loaded.missing,
    decisions: ledger.length,
    fill: rules.fill,
    features,
    long_only: longOnly,
    capital: rules.capital,
    costs: costRecord(rules.costs),
    data_sha256: loaded.sha256,
    ledger_sha256: ledgerDigest(ledger, market),
    model: model === null ? null : modelRecord(model),
    ...figures,
    notes: [...figures.notes, ...seen, ...notes],
    trials,
    verdict: verdictOf({
      ...figures,
      t: t === null ? { value: t, reason: reasons.t_sessions! } : { value: t },
      sessions,
      trials,
      seen,
      fill: rules.fill,
      sources: loaded.sources,
      missing: loaded.missing,
      average: figures.baselines['sma-cross'],
    }),
  }
}

const costRecord = (costs: Costs) => ({
  commission: costs.commission,
  cost_bps: costs.costBps,
  trade_penalty_bps: costs.tradePenaltyBps,
  half_spread_bps: costs.halfSpreadBps,
  impact_bps: costs.impactBps,
  participation: costs.participation,
})
