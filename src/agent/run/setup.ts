/** From bars or a benchmark task to something that can be trained: the parts of the data, the task, the network, the scores. */
import { badData, type Failure } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import { dollars } from '../../base/words.js'
import { actionMask } from '../../env/actions.js'
import { FEATURE_WIDTH, FeatureTable } from '../../env/features.js'
import type { Market } from '../../market/market.js'
import { type OutOfReach, outOfReach } from '../../trading/out-of-reach.js'
import type { Rules } from '../../trading/rules.js'
import type { DataSpan, ModelSpec } from '../model/model.js'
import { ACTION_TARGETS, SINGLE_TARGETS } from '../model/policy.js'
import type { NetworkShape } from '../network/network.js'
import type { TrainingSettings } from '../ppo/settings.js'
import { type Evaluate, episodes, sessions } from '../ppo/validation.js'
import { TASKS } from '../tasks/memory.js'
import type { Task } from '../tasks/task.js'
import { tradingTask } from '../tasks/trading.js'
import type { Trading, TrainingPlan } from './plan.js'
import { type Rivals, rivalsOn } from './rivals.js'
import { splitSessions, type TestPart } from './split.js'

/** All parts of a training but the engine and the folder. */
export interface Setup {
  readonly task: Task
  /** The same task under other rules, for a phase of a curriculum. */
  readonly taskUnder: (rules: Rules) => Task
  /** Each of two symbols by itself; null where there is one, or none. */
  readonly taskAlone: Task | null
  readonly evaluate: Evaluate
  /** What the simple policies earn where `evaluate` scores the model; null for a benchmark task. */
  readonly rivals: (() => Rivals) | null
  readonly spec: ModelSpec
  readonly shape: NetworkShape
  /** Null for a benchmark task. */
  readonly data: DataSpan | null
  /** Part of the bars that the calendar has and the input has not; null for a benchmark task. */
  readonly missing: number | null
  readonly test: TestPart | null
  /** Symbols that can never be traded beside one that can, each with the reason. */
  readonly barred: readonly string[]
}

type SetupPlan = Pick<TrainingPlan, 'subject' | 'settings' | 'longOnly' | 'warmup' | 'initial'>

/** Throws 65 where the bars are too few for three parts, or too wild for the features. */
export const setupOf = (plan: SetupPlan): Setup =>
  plan.subject.kind === 'trading' ? tradingSetup(plan.subject, plan) : taskSetup(plan.subject.task, plan)

function tradingSetup(
  { bars, features: set, rules, split }: Trading,
  { settings, longOnly, warmup, initial }: SetupPlan,
): Setup {
  const { market, name } = bars
  const count = market.sessions.length
  const parts = split ?? splitSessions(count)
  if (parts === null) {
    throw badData(
      `${count} sessions are too few to train on 70 %, validate on 15 % and leave 15 % for testing`,
      {
        where: name,
        hint: 'give at least 7 sessions',
      },
    )
  }
  const { trainEnd, validationEnd } = parts
  const sessionOf = (bar: number): number => market.session[bar]!
  if (!(0 < trainEnd && trainEnd < validationEnd && validationEnd <= count))
    throw new RangeError(`${count} sessions cannot be split at ${trainEnd} and ${validationEnd}`)
  const holes = market.cuts.filter((cut) => sessionOf(cut) > trainEnd && sessionOf(cut) < validationEnd)
  if (holes.length > 0) {
    const after = validationEnd - sessionOf(holes.at(-1)!)
    throw badData('sessions are left out of those that validate', {
      where: name,
      hint: `--validation-sessions ${after} takes those after the last gap`,
    })
  }
  const barOf = (session: number): number => market.sessions[session]?.first ?? market.length
  // What is not in these markets cannot be seen, so the later parts stay unknown to the earlier ones.
  const training = market.slice(0, barOf(trainEnd))
  const known = market.slice(0, barOf(validationEnd))
  if (training.length < warmup + 3)
    throw badData(`${training.length} bars to train on: too few for a warm-up of ${warmup}`, { where: name })
  const barred = outOfReach(training, rules, { longOnly, warmup })
  if (barred.length === market.traded.length) throw nothingToTrade(barred, rules, name)
  // A decision needs the bar after it.
  if (known.length < training.length + 2) throw badData('one bar to validate on is too few', { where: name })
  const single = market.isSingle
  const table = finite(new FeatureTable(training, set), training, name)
  const taskUnder = (under: Rules): Task =>
    tradingTask({
      market: training,
      features: table,
      rules: under,
      longOnly,
      warmup,
      symbols: single ? 'first' : 'both',
    })
  const task = taskUnder(rules)
  const validation = {
    market: known,
    features: finite(new FeatureTable(known, set), known, name),
    rules,
    longOnly,
    warmup: Math.max(warmup, training.length),
  }
  const day = (session: number): string => formatDate(market.sessions[session]!.day)
  return {
    task,
    taskUnder,
    taskAlone: single
      ? null
      : tradingTask({ market: training, features: table, rules, longOnly, warmup, symbols: 'each' }),
    evaluate: sessions(validation, single),
    rivals: () => rivalsOn(validation),
    spec: {
      task: 'trading',
      features: { set: set.name, columns: set.columns },
      interval: market.interval,
      actions: single ? SINGLE_TARGETS : ACTION_TARGETS,
      mask: [...(single ? task.mask : actionMask(longOnly))],
      holdPrior: settings.holdPrior,
    },
    shape: shapeFor(task, settings),
    data: {
      sha256: bars.sha256,
      symbols: market.traded,
      sources: bars.sources,
      train: [day(0), day(trainEnd - 1)],
      validation: [day(trainEnd), day(validationEnd - 1)],
      ...(initial === null || initial.before.length === 0 ? {} : { before: initial.before }),
    },
    missing: bars.missing,
    barred: barred.map((one) => barredWords(one, rules)),
    test: validationEnd === count ? null : { from: day(validationEnd), sessions: count - validationEnd },
  }
}

const barredWords = (
  { symbol, rule, lowest }: OutOfReach,
  { maxPosition, limits, capital }: Rules,
): string => {
  if (rule === 'size-zero' || rule === 'max-position')
    return `a share of ${symbol} costs ${dollars(lowest)} or more, and --max-position is ${dollars(maxPosition)}`
  if (rule === 'max-leverage')
    return `no position in ${symbol} is within --max-leverage ${limits.maxLeverage} of a capital of ${dollars(capital)}`
  return `the rule ${rule} refuses every position in ${symbol}`
}

/** Steps would be spent on learning that nothing can be done. */
function nothingToTrade(barred: readonly OutOfReach[], rules: Rules, where: string): Failure {
  const cheapest = barred.reduce((least, one) => (one.highest < least.highest ? one : least))
  const share = Math.ceil(cheapest.highest)
  const isDear = cheapest.rule === 'size-zero' || cheapest.rule === 'max-position'
  const hint = isDear
    ? `--max-position ${share} holds a share of ${cheapest.symbol}; --fractional trades parts of one, in backtests alone`
    : cheapest.rule === 'max-leverage'
      ? 'allow more with --max-leverage, or give more --capital'
      : undefined
  const words = `nothing can be traded: ${barred.map((one) => barredWords(one, rules)).join('; ')}`
  return badData(words, hint === undefined ? { where } : { where, hint })
}

/** A benchmark task needs no data. */
function taskSetup(name: string, { settings }: SetupPlan): Setup {
  const task = TASKS.find((one) => one.name === name)!
  return {
    task,
    taskUnder: () => task,
    taskAlone: null,
    evaluate: episodes(task, settings.seed),
    rivals: null,
    spec: {
      task: name,
      features: null,
      interval: null,
      actions: null,
      mask: [...task.mask],
      holdPrior: settings.holdPrior,
    },
    shape: shapeFor(task, settings),
    data: null,
    missing: null,
    barred: [],
    test: null,
  }
}

const shapeFor = (task: Task, { hidden, lstm, layers, net, activation }: TrainingSettings): NetworkShape => ({
  inputs: task.inputs,
  hidden,
  actions: task.actions,
  lstm,
  layers,
  net,
  activation,
})

/** Bars can be finite and their features not, where prices are absurd. */
function finite(table: FeatureTable, market: Market, name: string): FeatureTable {
  const bad = table.values
    .subarray(0, table.length * FEATURE_WIDTH)
    .findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return table
  const column = table.set.columns[(bad % FEATURE_WIDTH) % table.set.columns.length]
  const bar = Math.floor(bad / FEATURE_WIDTH)
  throw badData(
    `the feature ${column} of ${market.symbols[0]} or ${market.symbols[1]} is not finite at bar ${bar}`,
    {
      where: name,
    },
  )
}
