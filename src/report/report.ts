/** A report, made from what was gathered. */

import { formatDate } from '../base/time.js'
import { counted } from '../base/words.js'
import { guardWords } from '../evaluate/guard-words.js'
import { maxDrawdown } from '../evaluate/metrics.js'
import { lackWords, summaryWith } from '../evaluate/run-records.js'
import type { SeriesOptions } from '../evaluate/series-figures.js'
import { percent } from '../evaluate/shown.js'
import { type Verdict, verdictOf } from '../evaluate/verdict.js'
import { isObject, type JsonObject } from '../stream/json.js'
import { heatMap, monthResults, sessionResults, worstFalls } from './courses.js'
import { figureGroups } from './figures.js'
import type { GatheredRun, Gathering } from './gathered.js'
import { honestyOf, kindOf, moneyOf } from './honesty.js'
import { type Gate, goNoGo, lightsOf } from './judgement.js'
import { learningOf } from './learning.js'
import type {
  CostCurve,
  Curve,
  Fact,
  Report,
  RiskReport,
  Rival,
  RunKind,
  RunReport,
  Slippage,
  WindowResult,
} from './model.js'
import { qualityOf } from './quality.js'
import { actionUse, tradedIn } from './trading.js'

/** One input: its records, and what its folder says. */
export interface ReportInput {
  /** As it was named. */
  readonly place: string
  readonly gathering: Gathering
  /** Options and inputs of the run, where there is a manifest. */
  readonly manifest: readonly Fact[]
  readonly seed: string | null
  /** Name of a training, where the input is the folder of one. */
  readonly training: string | null
  readonly notes: readonly string[]
}

/** The report of the runs of all inputs, in their order. */
export function reportOf(inputs: readonly ReportInput[], gate: Gate): Report {
  const passed = inputs.flatMap(({ gathering }) =>
    [...gathering.passed].map(([type, count]) => ({
      ...{ type, count, place: gathering.place },
      isUntold: gathering.runs.every(({ fills }) => fills.length === 0),
    })),
  )
  return {
    runs: inputs.flatMap((input) => runsIn(input, gate)),
    quality: qualityOf(inputs.flatMap(({ gathering }) => gathering.quality)),
    notes: [
      ...inputs.flatMap(({ notes }) => notes),
      ...passed
        .filter(({ type, isUntold }) => !KNOWN.has(type) || (type === 'trip' && isUntold))
        .map(
          ({ type, count, place }) =>
            `${place}: ${counted(count, 'record')} of type ${type} ${count === 1 ? 'says nothing here and was' : 'say nothing here and were'} passed over`,
        ),
    ],
  }
}

const NO_FILLS =
  'its records have no executions: trades, and what each symbol earned, are not known; fill records tell them'

/** Types that a run writes, and that a report has in its fills and marks already. */
const KNOWN: ReadonlySet<string> = new Set(['order', 'state', 'trip', 'model', 'explain', 'feed_switch'])

function runsIn(input: ReportInput, gate: Gate): RunReport[] {
  const { gathering, training } = input
  const runs = gathering.runs.map((run) => runReport(run, input, gate))
  return training === null ? runs : [trainingReport(training, input, gate), ...runs]
}

function runReport(
  run: GatheredRun,
  { place, manifest, seed, gathering }: ReportInput,
  gate: Gate,
): RunReport {
  const traded = tradedIn(run)
  const own = run.summary ?? { type: 'summary', command: 'records', run: run.name }
  const summary = completed(summaryWith(own, run.marks, seriesOptionsOf(own)), own, {
    figures: { ...traded.figures, ...curveFigures(run) },
    reasons: traded.reasons,
  })
  const kind = kindOf(own)
  const symbols = run.symbols.length > 0 ? run.symbols : textsOf(own.symbols)
  const curve = curveOf(run)
  const span = spanOf(run, own)
  const rivals = rivalsOf(summary)
  const money = moneyOf(kind, own)
  const belief = beliefOf(summary, { rivals, kind, changes: traded.changes })
  return {
    name: run.name,
    kind,
    place,
    money,
    symbols,
    span,
    verdict: goNoGo(summary, gate, belief),
    lights: lightsOf(summary, gate, rivals),
    honesty: honestyOf(own, { money, span, seed }),
    figures: figureGroups(summary),
    costs: costCurve(summary),
    rivals,
    curve,
    drawdowns: curve === null ? [] : worstFalls(curve),
    months: monthResults(run.marks),
    sessions: sessionResults(run.marks),
    heat: curve === null ? null : heatMap(curve),
    actions: curve === null ? null : actionUse(curve, symbols),
    isPartial: traded.isPartial,
    bySymbol: traded.bySymbol,
    trades: traded.trades,
    risk: riskOf(run.risk),
    slippage: slippageOf(summary),
    windows: run.windows.map(windowOf),
    learning: null,
    manifest,
    notes: [
      ...run.notes,
      ...lacks(run, own),
      ...(traded.isPartial ? [NO_FILLS] : []),
      ...gateNotes(gathering.verdicts.get(run.name)),
      ...textsOf(own.notes),
    ],
  }
}

/** What a gate said at the end of the run, which need not be the gate of the report. */
function gateNotes(verdict: JsonObject | undefined): string[] {
  if (verdict === undefined) return []
  const { gate, pass, reasons } = verdict
  const words = `the gate ${String(gate)} said at the end of the run: ${pass === true ? 'PASS' : 'FAIL'}`
  return [[words, ...textsOf(reasons)].join('; ')]
}

const NOTHING: Verdict = { earned: false, believable: false, reasons: [] }

/** What its records do not have of the run that its summary is of: the figures would be taken for those of the curve. */
const lacks = (run: GatheredRun, own: JsonObject): string[] =>
  run.length === 0
    ? []
    : lackWords({ firstMs: run.time[0]!, isLate: run.beginsLate, last: run.equity[run.length - 1]! }, own)

/** A training alone: how it learnt. It has earned nothing, so there is nothing to go on. */
function trainingReport(
  name: string,
  { place, gathering, manifest, seed }: ReportInput,
  gate: Gate,
): RunReport {
  const money = moneyOf('training', {})
  const words =
    'a training alone proves nothing: report the backtest of its model on sessions that it has not seen'
  return {
    name,
    kind: 'training',
    place,
    money,
    symbols: [],
    span: null,
    verdict: { ...goNoGo({}, gate, NOTHING), reasons: [{ met: false, words }] },
    lights: [],
    honesty: honestyOf({}, { money, span: null, seed }),
    figures: [],
    costs: null,
    rivals: [],
    curve: null,
    drawdowns: [],
    months: [],
    sessions: [],
    heat: null,
    actions: null,
    isPartial: false,
    bySymbol: [],
    trades: [],
    risk: { counts: [], events: [], all: 0 },
    slippage: null,
    windows: [],
    learning: learningOf(gathering.metrics),
    manifest,
    notes: [],
  }
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null

/** Figures of trials are those that the run knew of. */
const seriesOptionsOf = ({
  trials,
  trial_sharpe_std: std,
  trial_correlation: correlation,
}: JsonObject): SeriesOptions => ({
  trials: numberOf(trials),
  trialSharpeStd: numberOf(std),
  trialCorrelation: numberOf(correlation),
  // A report shows no intervals.
  bootstrap: null,
})

/**
 * What the executions tell, where the run itself says nothing: a hit rate is that of trades, and that of sessions only where there
 * are no executions.
 */
function completed(
  summary: JsonObject,
  own: JsonObject,
  { figures, reasons }: { readonly figures: JsonObject; readonly reasons: JsonObject },
): JsonObject {
  const why = isObject(summary.reasons) ? summary.reasons : {}
  const isSilent = ([key]: [string, unknown]): boolean => own[key] == null
  return {
    ...summary,
    ...Object.fromEntries(Object.entries(figures).filter(isSilent)),
    reasons: {
      ...Object.fromEntries(Object.entries(reasons).filter(isSilent)),
      ...Object.fromEntries(
        Object.entries(why).filter(([key]) => own[key] != null || typeof figures[key] !== 'number'),
      ),
    },
  }
}

/** The deepest fall and the longest one, after each decision: keys of jules-metrics(7). */
function curveFigures({ marks, equity, drawdown, length }: GatheredRun): JsonObject {
  if (length === 0) return {}
  const curve = new Float64Array(length + 1)
  curve[0] = marks.capital ?? 0
  curve.set(equity.subarray(0, length), 1)
  const { dollars, duration } = maxDrawdown(curve)
  let deepest = 0
  for (let i = 0; i < length; i++) deepest = Math.max(deepest, drawdown[i]!)
  // Not below 0, as a run has it that says so itself.
  return { max_drawdown: deepest, max_drawdown_dollars: dollars, max_drawdown_bars: duration }
}

function curveOf(run: GatheredRun): Curve | null {
  if (run.length === 0) return null
  const { length } = run
  return {
    capital: run.marks.capital ?? 0,
    time: run.time.subarray(0, length),
    equity: run.equity.subarray(0, length),
    drawdown: run.drawdown.subarray(0, length),
    positions: run.positions.map((column) => column.subarray(0, length)),
  }
}

function spanOf({ marks }: GatheredRun, { from, to }: JsonObject): readonly [string, string] | null {
  const { days } = marks
  if (days.length > 0) return [formatDate(days[0]!), formatDate(days.at(-1)!)]
  return typeof from === 'string' && typeof to === 'string' ? [from, to] : null
}

/** The verdict of the run itself; for one that has none, such as paper, the same from its figures. */
function beliefOf(
  summary: JsonObject,
  {
    rivals,
    kind,
    changes,
  }: { readonly rivals: readonly Rival[]; readonly kind: RunKind; readonly changes: number },
): Verdict {
  const { verdict } = summary
  if (isObject(verdict) && typeof verdict.believable === 'boolean')
    return {
      earned: verdict.earned === true,
      believable: verdict.believable,
      reasons: textsOf(verdict.reasons),
    }
  const reasons = isObject(summary.reasons) ? summary.reasons : {}
  const t = numberOf(summary.t_sessions)
  const own = verdictOf({
    pnl: numberOf(summary.pnl) ?? 0,
    cost: numberOf(summary.cost) ?? 0,
    trades: numberOf(summary.trades) ?? numberOf(summary.round_trips) ?? changes,
    t:
      t === null ? { value: null, reason: String(reasons.t_sessions ?? 'there is no equity') } : { value: t },
    sessions: numberOf(summary.sessions) ?? 0,
    trials: numberOf(summary.trials),
    seen: [],
    fill: summary.fill === 'close' ? 'close' : 'open',
    sources: textsOf(summary.sources),
    missing: numberOf(summary.missing) ?? 0,
    average: rivals.find(({ name }) => name === 'sma-cross')?.pnl ?? Number.NEGATIVE_INFINITY,
  })
  const doubt = originDoubt(summary, kind)
  if (doubt === null) return own
  return { ...own, believable: false, reasons: [...(own.believable ? [] : own.reasons), doubt] }
}

/** Why nobody can tell where its prices came from; null where that is known. Invented ones earn what they were made to earn. */
function originDoubt({ gateway, sources }: JsonObject, kind: RunKind): string | null {
  if (gateway === 'sim') return 'the gateway is simulated: its fills are those of a model'
  if (kind === 'paper')
    return typeof gateway === 'string' ? null : 'its records do not say whether the gateway is simulated'
  return textsOf(sources).length > 0 ? null : 'its records do not say where its prices come from'
}

function costCurve({ pnl_at_cost: atCost, break_even_bps: breakEven }: JsonObject): CostCurve | null {
  if (!isObject(atCost)) return null
  const points = Object.entries(atCost).flatMap(([multiple, pnl]) =>
    typeof pnl === 'number' ? [{ multiple: Number.parseFloat(multiple), pnl }] : [],
  )
  return { points: points.sort((a, b) => a.multiple - b.multiple), breakEvenBps: numberOf(breakEven) }
}

function rivalsOf({ baselines, random, reasons, p_random: p }: JsonObject): Rival[] {
  const why = isObject(reasons) ? reasons : {}
  const held = isObject(baselines) ? Object.entries(baselines) : []
  const rivals = held.map(([name, value]): Rival => {
    const pnl = numberOf(value)
    return { name, pnl, words: pnl === null ? String(why[name] ?? '') : '' }
  })
  if (!isObject(random)) return rivals
  const { count, p50, percentile } = random
  const beaten = numberOf(percentile)
  const words = [
    ...(beaten === null ? [] : [`beats ${percent(beaten)} of ${String(count)}`]),
    ...(numberOf(p) === null ? [] : [`p ${Number(p).toFixed(4)}`]),
  ]
  return [...rivals, { name: 'random', pnl: numberOf(p50), words: words.join(', ') }]
}

/** More are counted, and not shown. */
const MOST_EVENTS = 500

function riskOf(records: readonly JsonObject[]): RiskReport {
  const counts = new Map<string, { rule: string; action: string; count: number }>()
  for (const { rule, action } of records) {
    const key = `${rule} ${action}`
    const known = counts.get(key) ?? { rule: String(rule), action: String(action), count: 0 }
    known.count++
    counts.set(key, known)
  }
  return {
    counts: [...counts.values()].sort((a, b) => b.count - a.count),
    events: records.slice(0, MOST_EVENTS).map(({ time, rule, action, detail }) => {
      const { symbol } = isObject(detail) ? detail : {}
      return {
        timeMs: typeof time === 'string' ? Date.parse(time) : Number.NaN,
        rule: String(rule),
        action: String(action),
        symbol: typeof symbol === 'string' ? symbol : null,
        words: guardWords(rule, detail),
      }
    }),
    all: records.length,
  }
}

function slippageOf({ slippage }: JsonObject): Slippage | null {
  if (isObject(slippage)) {
    const seen = numberOf(slippage.seen)
    return seen === null ? null : { seen, modelled: numberOf(slippage.modelled) }
  }
  const seen = numberOf(slippage)
  return seen === null ? null : { seen, modelled: null }
}

function windowOf(record: JsonObject): WindowResult {
  const dates = (from: unknown, to: unknown): string =>
    typeof from === 'string' ? `${from} to ${String(to)}` : '-'
  return {
    window: numberOf(record.window) ?? 0,
    trained: dates(record.train_from, record.train_to),
    tested: dates(record.test_from, record.test_to),
    sessions: numberOf(record.sessions) ?? 0,
    pnl: numberOf(record.pnl) ?? Number.NaN,
    sharpe: numberOf(record.sharpe),
    maxDrawdown: numberOf(record.max_drawdown),
    trades: numberOf(record.trades) ?? 0,
    notes: textsOf(record.notes),
  }
}
