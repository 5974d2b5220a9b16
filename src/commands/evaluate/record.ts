/** The records of an evaluation: one of each window, and one summary of all that was tested. */
import { formatDate } from '../../base/time.js'
import { evaluationFigures } from '../../evaluate/evaluation.js'
import { type Figure, sharpe, simpleReturns } from '../../evaluate/metrics.js'
import { type StitchedPart, stitch } from '../../evaluate/stitched.js'
import type { Tested, Testing } from '../../evaluate/tested.js'
import { type KnownTrials, trialEvidence } from '../../evaluate/trial-evidence.js'
import { CLOSE_FILLS, verdictOf } from '../../evaluate/verdict.js'
import { pathsOf, type Window } from '../../evaluate/windows.js'
import type { Policy } from '../../trading/policy.js'
import type { LoadedMarket } from '../wiring/market.js'
import type { Given } from './options.js'

/** A model of a window; null where its training diverged, and nothing is traded. */
export interface WindowModel {
  readonly seed: number
  readonly path: string | null
}

/** Resolves when the trainings of the window have ended. */
export type ModelOf = (window: Window) => Promise<readonly WindowModel[]>

export interface Results {
  readonly given: Given
  readonly loaded: LoadedMarket
  readonly run: string
  readonly windows: readonly Window[]
  /** Null where `policy` decides in all of them. */
  readonly models: ModelOf | null
  /** Fresh for each test: it remembers nothing of the one before. */
  readonly policy?: () => Promise<Policy>
  /** Called after the last test, with the decisions of all. */
  readonly ended?: (decisions: number) => void
  /** Who decides, in words. */
  readonly name: string
  /** Null where nothing is kept. */
  readonly folder: string | null
  /** What a reader must know of the model: sessions that it has seen. */
  readonly seen?: readonly string[]
  readonly notes?: readonly string[]
  /** Null where nothing was trained. */
  readonly trials: KnownTrials | null | 'registry'
  /** Enters the trainings in the registry where it lacks them, before the trials are counted. */
  readonly enter?: () => Promise<unknown>
}

/** A window with what came of it. */
export interface WindowResult {
  readonly window: Window
  readonly parts: readonly StitchedPart[]
  readonly record: ReturnType<typeof windowRecord>
}

/** The `window` record: its keys, in their order. */
export function windowRecord(
  {
    run,
    loaded: { market },
    models,
    given: { capital },
  }: Pick<Results, 'run' | 'loaded' | 'models' | 'given'>,
  { number, train, gaps, validation, tests }: Window,
  results: readonly { readonly model: WindowModel; readonly from: number; readonly tested: Tested }[],
) {
  const date = (session: number) => formatDate(market.sessions[session]!.day)
  const stitched = stitch(results, capital)
  const ratio: Figure = stitched.equity.some((value) => value <= 0)
    ? { value: null, reason: 'equity fell to 0 or below' }
    : sharpe(simpleReturns(stitched.equity))
  const seeds = [...new Set(results.map(({ model }) => model))].map((model) => {
    const own = results.filter((result) => result.model === model).map(({ tested }) => tested)
    const sum = (of: (tested: Tested) => number) => own.reduce((total, tested) => total + of(tested), 0)
    return {
      seed: model.seed,
      pnl: sum(({ pnl }) => pnl),
      trades: sum(({ trades }) => trades),
      model: model.path,
    }
  })
  const notes = [
    ...(stitched.trades === 0 ? ['no trades'] : []),
    ...(models === null
      ? []
      : seeds
          .filter(({ model }) => model === null)
          .map(({ seed }) => `the training of seed ${seed} diverged: nothing is traded`)),
    ...[...new Set(results.map(({ tested }) => tested.ending))]
      .filter((ending) => ending !== 'data')
      .map((ending) => `ended by the limit ${ending}`),
  ]
  const isTrained = models !== null
  return {
    type: 'window' as const,
    run,
    window: number,
    train_from: isTrained ? date(train.from) : null,
    train_to: isTrained ? date(train.to - 1) : null,
    excluded: gaps.map(({ from, to }) => [date(from), date(to - 1)]),
    validation_sessions: isTrained ? validation : null,
    test_from: date(tests[0]!.from),
    test_to: date(tests.at(-1)!.to - 1),
    tests: tests.map(({ from, to }) => [date(from), date(to - 1)]),
    sessions: stitched.sessions.length,
    pnl: stitched.pnl,
    sharpe: ratio.value,
    max_drawdown: stitched.maxDrawdown.fraction === 0 ? 0 : -stitched.maxDrawdown.fraction,
    trades: stitched.trades,
    cost: stitched.cost,
    model: seeds[0]?.model ?? null,
    seeds,
    reasons: ratio.value === null ? { sharpe: ratio.reason } : {},
    notes,
  }
}

/** Everything that a summary stands on. */
export interface Told {
  readonly testing: Testing
  readonly told: readonly WindowResult[]
  readonly rivals: Readonly<Record<string, number>>
  /** Null where nothing was trained. */
  readonly known: KnownTrials | null
  /** Why a model cannot be judged on some of the sessions. */
  readonly seen: readonly string[]
}

/** The `summary` record of an evaluation: its keys, in their order. */
export function summaryRecord(results: Results, { testing, told, rivals, known, seen }: Told) {
  const { given, loaded, run, windows, models, name, folder, notes = [] } = results
  const { market } = loaded
  const { capital, fill } = testing.rules
  const parts = told.flatMap((one) => one.parts)
  const stitched = stitch(parts, capital)
  const dates = stitched.sessions.map(({ day }) => formatDate(day))
  const trials = known === null ? null : trialEvidence(known, capital)
  const evidence =
    trials === null
      ? given.trials === undefined
        ? null
        : { count: given.trials, known: 0, sharpeStd: null, correlation: null, pbo: NO_TRIALS, dropped: 0 }
      : { ...trials, count: given.trials ?? trials.count }
  const { figures, reasons, t } = evaluationFigures({
    stitched,
    capital,
    trials:
      evidence === null
        ? null
        : {
            ...evidence,
            sharpeStd: given['trial-sharpe-std'] ?? evidence.sharpeStd,
            correlation: given['trial-correlation'] ?? evidence.correlation,
          },
  })
  const records = told.map(({ record }) => record)
  const isCombined = given.combinatorial !== undefined && models !== null
  const times = isCombined ? pathsOf(windows).length : 1
  const own = [
    ...(fill === 'close' ? [CLOSE_FILLS] : []),
    ...(figures.trades === 0 ? ['no trades in any window'] : []),
    ...notes,
  ]
  const average = (rivals['sma-cross'] ?? 0) / times
  return {
    type: 'summary',
    run,
    command: 'evaluate',
    mode: models === null ? 'policy' : isCombined ? 'combinatorial' : given.anchored ? 'anchored' : 'rolling',
    policy: name,
    symbols: market.traded,
    interval: market.interval,
    input: loaded.name,
    sources: loaded.sources,
    from: dates[0] ?? null,
    to: dates.at(-1) ?? null,
    sessions: dates.length,
    windows: records.length,
    windows_positive: records.filter(({ pnl }) => pnl > 0).length / records.length,
    windows_without_trades: records.filter((record) => record.trades === 0).length,
    seeds: models === null ? null : given.seeds,
    ...figures,
    paths: isCombined ? pathFigures(told, windows, capital) : null,
    baselines: {
      flat: 0,
      ...Object.fromEntries(Object.entries(rivals).map(([rival, dollars]) => [rival, dollars / times])),
    },
    missing: loaded.missing,
    fill,
    features: given.features,
    long_only: testing.longOnly,
    capital,
    data_sha256: loaded.sha256,
    path: folder,
    reasons,
    notes: own,
    verdict: verdictOf({
      pnl: figures.pnl,
      cost: figures.cost,
      trades: figures.trades,
      t,
      sessions: dates.length,
      trials: evidence?.count ?? null,
      seen,
      fill,
      sources: loaded.sources,
      missing: loaded.missing,
      average,
    }),
  }
}

export type EvaluationSummary = ReturnType<typeof summaryRecord>

const NO_TRIALS: Figure = { value: null, reason: 'the sessions of the trials are not known' }

/** The Sharpe ratios of the paths through all groups, each the mean of its seeds. */
function pathFigures(told: readonly WindowResult[], windows: readonly Window[], capital: number) {
  const byNumber = new Map(told.map((one) => [one.window.number, one]))
  const ratios = pathsOf(windows).map((path) => {
    const parts = path.flatMap(({ window, test }) =>
      byNumber.get(window)!.parts.filter(({ from }) => from === test.from),
    )
    const { equity, pnl } = stitch(parts, capital)
    return { pnl, sharpe: sharpe(simpleReturns(equity)).value }
  })
  const known = ratios.flatMap(({ sharpe: ratio }) => (ratio === null ? [] : [ratio])).sort((a, b) => a - b)
  return {
    count: ratios.length,
    pnl: ratios.map(({ pnl }) => pnl),
    sharpe_lowest: known[0] ?? null,
    sharpe_median: known.length === 0 ? null : known[Math.floor((known.length - 1) / 2)]!,
    sharpe_highest: known.at(-1) ?? null,
  }
}
