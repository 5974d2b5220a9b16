/** From options and bars to something that can be trained: parts of the data, the task, the network, the scores. */

import type { DataSpan, ModelSpec } from '../../agent/model/model.js'
import { ACTION_TARGETS } from '../../agent/model/policy.js'
import type { NetworkShape } from '../../agent/network/network.js'
import type { TrainingSettings } from '../../agent/ppo/settings.js'
import { type Evaluate, episodes, sessions } from '../../agent/ppo/validation.js'
import { TASKS } from '../../agent/tasks/memory.js'
import type { Task } from '../../agent/tasks/task.js'
import { SINGLE_ACTIONS, tradingTask } from '../../agent/tasks/trading.js'
import { sha256 } from '../../base/digest.js'
import { badData } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import { actionMask } from '../../env/actions.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { FEATURE_WIDTH, FeatureTable } from '../../env/features.js'
import type { Market } from '../../market/market.js'
import type { Rules } from '../../trading/rules.js'
import type { LoadedMarket } from '../wiring/market.js'

export interface Setup {
  readonly task: Task
  /** The same task under other rules, for a phase of a curriculum. */
  readonly taskUnder: (rules: Rules) => Task
  readonly evaluate: Evaluate
  readonly spec: ModelSpec
  readonly shape: NetworkShape
  readonly data: DataSpan | null
  /** First session that is kept for testing, and how many there are. */
  readonly test: { readonly from: string; readonly sessions: number } | null
}

const TRAIN_PART = 0.7
const VALIDATION_PART = 0.15

export interface TradingSetup {
  readonly loaded: LoadedMarket
  readonly settings: TrainingSettings
  readonly features: FeatureSet
  readonly rules: Rules
  readonly longOnly: boolean
  readonly warmup: number
}

export function tradingSetup({
  loaded,
  settings,
  features: set,
  rules,
  longOnly,
  warmup,
}: TradingSetup): Setup {
  const { market, name } = loaded
  const count = market.sessions.length
  const [trainEnd, validationEnd] = [TRAIN_PART, TRAIN_PART + VALIDATION_PART].map((part) =>
    Math.round(part * count),
  ) as [number, number]
  if (trainEnd < 1 || validationEnd <= trainEnd || validationEnd >= count) {
    throw badData(
      `${count} sessions are too few to train on 70 %, validate on 15 % and leave 15 % for testing`,
      {
        where: name,
        hint: 'give at least 7 sessions',
      },
    )
  }
  const barOf = (session: number): number => market.sessions[session]!.first
  // What is not in these markets cannot be seen, so the later parts stay unknown to the earlier ones.
  const training = market.slice(0, barOf(trainEnd))
  const known = market.slice(0, barOf(validationEnd))
  if (training.length < warmup + 3)
    throw badData(`${training.length} bars to train on: too few for a warm-up of ${warmup}`, { where: name })
  // A decision needs the bar after it.
  if (known.length < training.length + 2) throw badData('one bar to validate on is too few', { where: name })
  const single = market.symbols[0] === market.symbols[1]
  const table = finite(new FeatureTable(training, set), training, name)
  const taskUnder = (under: Rules): Task =>
    tradingTask({ market: training, features: table, rules: under, longOnly, warmup, single })
  const task = taskUnder(rules)
  const day = (session: number): string => formatDate(market.sessions[session]!.day)
  return {
    task,
    taskUnder,
    evaluate: sessions(
      {
        market: known,
        features: finite(new FeatureTable(known, set), known, name),
        rules,
        longOnly,
        warmup: Math.max(warmup, training.length),
      },
      single,
    ),
    spec: {
      task: 'trading',
      features: { set: set.name, columns: set.columns },
      interval: market.interval,
      actions: single ? Array.from({ length: SINGLE_ACTIONS }, (_, a) => [a - 1]) : ACTION_TARGETS,
      mask: [...(single ? task.mask : actionMask(longOnly))],
      holdPrior: settings.holdPrior,
    },
    shape: shapeFor(task, settings),
    data: {
      sha256: loaded.sha256,
      symbols: single ? [market.symbols[0]] : market.symbols,
      sources: loaded.sources,
      train: [day(0), day(trainEnd - 1)],
      validation: [day(trainEnd), day(validationEnd - 1)],
    },
    test: { from: day(validationEnd), sessions: count - validationEnd },
  }
}

/** A benchmark task needs no data. */
export function taskSetup(name: string, settings: TrainingSettings): Setup {
  const task = TASKS.find((one) => one.name === name)!
  return {
    task,
    taskUnder: () => task,
    evaluate: episodes(task, settings.seed),
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

export const digest = (value: unknown): string => sha256(JSON.stringify(value))
