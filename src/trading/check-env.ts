/**
 * Checks of the environment on any market, in the manner of Stable-Baselines3's env checker, and what it does not ask: that the
 * future is invisible, that money is conserved, and that the guard keeps its promise. Random actions, a seed, no randomness else.
 */
import { Failure } from '../base/errors.js'
import type { Rng } from '../base/rng.js'
import { stream } from '../base/rng.js'
import { ACTION_COUNT, actionMask } from '../env/actions.js'
import type { FeatureSet } from '../env/feature-set.js'
import { FEATURE_WIDTH, FeatureTable } from '../env/features.js'
import { OBSERVATION_SIZE } from '../env/observation.js'
import { rewardOf, turnoverPenalty } from '../env/reward.js'
import { Market, SYMBOL_COUNT } from '../market/market.js'
import { BAR_NUMBERS, COLUMNS } from '../market/series.js'
import { FILL, newReport } from '../portfolio/orders.js'
import { Backtest } from './backtest.js'
import { RECORD_CHECKS, RecordCheck } from './check-records.js'
import { randomPolicy } from './policies.js'
import type { Policy } from './policy.js'
import type { Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'
import { TradingEnv } from './trading-env.js'

export interface CheckOptions {
  readonly market: Market
  readonly set: FeatureSet
  readonly rules: Rules
  readonly longOnly: boolean
  readonly warmup: number
  readonly seed: number
  /** Decisions of each random walk. */
  readonly steps?: number
  /** Runs in the environment too, and its records are checked. */
  readonly policy?: Policy | null
}

export interface Check {
  readonly name: string
  /** What went wrong first; null when nothing did. */
  readonly problem: string | null
}

const STEPS = 2000
/** Decisions in one go. */
const TURN = 4096
const TOLERANCE = 1e-9
/** Bars at which the future is replaced. */
const CUTS = 8
/** Bars of noise after a cut: more than any feature looks back. */
const NOISE_BARS = 500

/** One check after the other, for a caller that wants a breath in between. */
export function* checkEnv(given: CheckOptions): Generator<Check> {
  const options = { ...given, features: new FeatureTable(given.market, given.set) }
  const checks: [string, (options: Prepared) => string | null][] = [
    ['observations are float32[26], finite, positions within [-1, 1]', observations],
    ['the mask allows an action, and a masked one is refused', masks],
    ['an episode ends with its length or the data, and then refuses a step', endings],
    ['a reset forgets the episode before', resets],
    ['the same actions give the same bytes', repeats],
    ['cash + positions = equity, explained by fills, costs and moves', conservation],
    ['orders keep the position limit, and only reduce after a loss limit', riskPromise],
    ['the same under random fills, price gaps and missing bars', riskPromiseUnderStress],
    ['features of the whole market equal those bar by bar', streaming],
    ['bars after a decision change nothing up to it', lookAhead],
    ['the turnover term is never positive', turnoverTerm],
  ]
  for (const [name, check] of checks) yield { name, problem: problemOf(() => check(options)) }
  const { rules, policy = null } = options
  // A loss limit would end a run of random actions soon.
  const limits = { ...rules.limits, maxLoss: Number.POSITIVE_INFINITY }
  const random = randomPolicy(stream(options.seed, 'check', 'records'))
  yield* recordChecks({ ...options, rules: { ...rules, limits, maxDrawdown: null } }, random)
  if (policy !== null) yield* recordChecks(options, policy)
}

/** A policy at work in the environment, over all the bars: what its records must keep. */
function* recordChecks(
  { market, features, rules, longOnly, warmup }: Prepared,
  policy: Policy,
): Generator<Check> {
  const listener = new RecordCheck(market, rules)
  const failure = problemOf(() => {
    const run = new Backtest({ market, features, rules, policy, longOnly, warmup, listener })
    while (!run.advance(TURN));
    listener.finish()
    return null
  })
  yield { name: `${policy.name}: decides at every bar`, problem: failure }
  for (const name of RECORD_CHECKS)
    yield { name: `${policy.name}: ${name}`, problem: listener.problems.get(name) ?? null }
}

/** What a check finds, or the words of the failure that ends it. */
function problemOf(check: () => string | null): string | null {
  try {
    return check()
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

interface Prepared extends CheckOptions {
  /** Of the whole market. */
  readonly features: FeatureTable
}

function environment(options: Prepared, market = options.market, episodeSteps = Number.POSITIVE_INFINITY) {
  const features = market === options.market ? options.features : new FeatureTable(market, options.set)
  const { rules, longOnly } = options
  return new TradingEnv({ market, features, rules, longOnly, episodeSteps })
}

const lengthOf = ({ market, warmup, steps = STEPS }: CheckOptions): number =>
  Math.min(steps, market.length - 1 - warmup)

function allowedAction(env: TradingEnv, rng: Rng): number {
  // Mostly kept, so that positions live for a while; sometimes anything.
  if (rng.uniform() < 0.8 && env.actionMask[env.heldAction] === 1) return env.heldAction
  for (;;) {
    const action = rng.int(ACTION_COUNT)
    if (env.actionMask[action] === 1) return action
  }
}

function observations(options: Prepared): string | null {
  const env = environment(options)
  const rng = stream(options.seed, 'check', 'observations')
  const out = new Float32Array(OBSERVATION_SIZE + 1).fill(7)
  env.reset(options.warmup)
  for (let n = lengthOf(options); n > 0 && !env.terminated && !env.truncated; n--) {
    env.observe(out)
    const bad = out.subarray(0, OBSERVATION_SIZE).findIndex((x) => !Number.isFinite(x))
    if (bad >= 0) return `bar ${env.t}: element ${bad} is ${out[bad]}`
    if (out[OBSERVATION_SIZE] !== 7) return `more than ${OBSERVATION_SIZE} numbers are written`
    for (const at of [12, 25]) if (Math.abs(out[at]!) > 1) return `bar ${env.t}: position ${out[at]}`
    const { reward } = env.step(allowedAction(env, rng))
    if (!Number.isFinite(reward)) return `bar ${env.t}: the reward is ${reward}`
  }
  return null
}

function masks(options: Prepared): string | null {
  const env = environment(options)
  env.reset(options.warmup)
  if (env.actionMask.length !== ACTION_COUNT) return `the mask has ${env.actionMask.length} entries`
  if (!env.actionMask.includes(1)) return 'the mask allows nothing'
  const masked = [...env.actionMask.keys()].filter((action) => env.actionMask[action] === 0)
  for (const action of [...masked, -1, ACTION_COUNT, 0.5]) {
    if (!refuses(() => env.step(action))) return `action ${action} is taken`
  }
  return null
}

function endings(options: Prepared): string | null {
  const rules = {
    ...options.rules,
    maxDrawdown: null,
    limits: { ...options.rules.limits, maxLoss: Number.POSITIVE_INFINITY },
  }
  const most = lengthOf(options)
  for (const [episode, expected] of [
    [Math.min(10, most), Math.min(10, most)],
    [Number.POSITIVE_INFINITY, options.market.length - 1 - options.warmup],
  ] as const) {
    const env = environment({ ...options, rules }, options.market, episode)
    env.reset(options.warmup)
    let steps = 0
    while (!env.truncated && !env.terminated) {
      env.step(env.heldAction)
      steps++
    }
    if (env.terminated) return `an idle episode was terminated after ${steps} steps`
    if (steps !== expected) return `an episode of ${expected} steps was truncated after ${steps}`
    if (!refuses(() => env.step(env.heldAction))) return 'a step after the end is taken'
    const last = new Float32Array(OBSERVATION_SIZE)
    env.observe(last)
    if (last.every((x) => x === 0)) return 'the last observation is empty'
  }
  return null
}

function resets(options: Prepared): string | null {
  const env = environment(options)
  const first = walk(env, options, 'resets')
  const second = walk(env, options, 'resets')
  return first.equals(second) ? null : 'a second episode differs from the first'
}

function repeats(options: Prepared): string | null {
  const first = walk(environment(options), options, 'repeats')
  const second = walk(environment(options), options, 'repeats')
  return first.equals(second) ? null : 'two runs differ'
}

/** Observations and rewards of a random walk, as bytes. */
function walk(env: TradingEnv, options: Prepared, name: string): Buffer {
  const rng = stream(options.seed, 'check', name)
  const rows: Buffer[] = []
  const out = new Float32Array(OBSERVATION_SIZE)
  env.reset(options.warmup)
  for (let n = lengthOf(options); n > 0 && !env.terminated && !env.truncated; n--) {
    env.observe(out)
    const { reward } = env.step(allowedAction(env, rng))
    rows.push(Buffer.from(out.slice().buffer), Buffer.from(Float64Array.of(reward, env.state.equity).buffer))
  }
  return Buffer.concat(rows)
}

function conservation(options: Prepared): string | null {
  const env = environment(options)
  const rng = stream(options.seed, 'check', 'conservation')
  const { market } = options
  env.reset(options.warmup)
  for (let n = lengthOf(options); n > 0 && !env.terminated && !env.truncated; n--) {
    const before = env.state.equity
    const { pnl, fees, slippage } = env.step(allowedAction(env, rng))
    const { account, equity } = env.state
    const held =
      account.position[0]! * market.close[0][env.t]! + account.position[1]! * market.close[1][env.t]!
    const off = Math.abs(account.cash + held - equity)
    if (off > TOLERANCE) return `bar ${env.t}: cash + positions is ${off} off equity`
    const costs = fees[0]! + fees[1]! + slippage[0]! + slippage[1]!
    const unexplained = Math.abs(equity - before - (pnl[0]! + pnl[1]! - costs))
    if (unexplained > TOLERANCE * Math.max(1, Math.abs(equity) / 1000))
      return `bar ${env.t}: ${unexplained} of the change in equity is not explained`
  }
  return null
}

function riskPromise(options: Prepared): string | null {
  const { market } = options
  const env = environment(options)
  const rng = stream(options.seed, 'check', 'risk')
  env.reset(options.warmup)
  const watch = new Watch(market, options.rules)
  for (let n = lengthOf(options); n > 0 && !env.terminated && !env.truncated; n--) {
    watch.mark(env.state, env.t)
    const { ordered } = env.step(allowedAction(env, rng))
    const problem = watch.judge(ordered, env.t - 1)
    if (problem !== null) return problem
  }
  return null
}

/** A broker that fills any part of an order at any price near the bar, on prices that jump and bars that are missing. */
function riskPromiseUnderStress(options: CheckOptions): string | null {
  const rng = stream(options.seed, 'check', 'stress')
  const market = stressed(options, rng)
  const { rules } = options
  const transition = new Transition(market, rules)
  const report = newReport()
  const mask = actionMask(options.longOnly, market.isSingle)
  let state = new TradingState(rules.capital)
  let watch = new Watch(market, rules)
  for (let t = 0; t + 1 < market.length; t++) {
    watch.mark(state, t)
    let action = rng.int(ACTION_COUNT)
    while (mask[action] !== 1) action = rng.int(ACTION_COUNT)
    transition.decide(state, t, action)
    const { outcome } = transition
    const problem = watch.judge(outcome.ordered, t)
    if (problem !== null) return problem
    transition.begin(state, t + 1)
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const order = outcome.ordered[k]!
      const most = Math.abs(order)
      // None, a part, or all of it.
      const part = rng.int(3) === 0 ? most : rules.fractional ? most * rng.uniform() : rng.int(most + 1)
      if (part === 0) continue
      report.kind = FILL
      report.order = outcome.order[k]!
      report.execution = 1
      report.shares = order > 0 ? part : -part
      report.price = market.open[k]![t + 1]! * (1 + 0.002 * rng.normal())
      report.fees = 0.35
      transition.apply(state, report)
    }
    state.orders.clear()
    transition.settle(state, t)
    if (outcome.terminated) {
      state = new TradingState(rules.capital)
      watch = new Watch(market, rules)
    }
  }
  return null
}

/** The last bars that a walk takes in, with one in ten missing and one in fifty a jump of some percent that stays. */
function stressed({ market, warmup, steps = STEPS }: CheckOptions, rng: Rng): Market {
  const made = new Market(market.symbols, market.interval)
  const level = [1, 1]
  const bar = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  for (let i = warmup; i < Math.min(market.length, warmup + steps); i++) {
    const numbers = market.numbers(i, bar)
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      if (rng.int(50) === 0) level[k] = level[k]! * Math.min(2, Math.max(0.5, 1 + 0.05 * rng.normal()))
      for (let c = 0; c < BAR_NUMBERS - 1; c++) numbers[k * BAR_NUMBERS + c]! *= level[k]!
    }
    if (rng.int(10) > 0) made.append(market.time[i]!, numbers)
  }
  return made
}

/** What no order may do, by its own count of the losses: it asks nothing of the guard. */
class Watch {
  readonly #market: Market
  readonly #rules: Rules
  readonly #position = new Float64Array(SYMBOL_COUNT)
  #stopped = false
  #halted = false
  #peak: number
  #dayStart: number
  #before: number

  constructor(market: Market, rules: Rules) {
    this.#market = market
    this.#rules = rules
    this.#peak = rules.capital
    this.#dayStart = rules.capital
    this.#before = rules.capital
  }

  /** Looks at the account before decision `t`. */
  mark({ account, equity, dayStart }: TradingState, t: number): void {
    const { session, alone } = this.#market
    const { limits } = this.#rules
    if (t > 0 && session[t]! !== session[t - 1]!) {
      // Bars of one symbol alone, after the last one of both, mark the end of a day too.
      this.#dayStart = alone[0].length + alone[1].length === 0 ? this.#before : dayStart
      this.#stopped = false
    }
    this.#before = equity
    this.#peak = Math.max(this.#peak, equity)
    if (this.#dayStart - equity >= limits.maxDayLoss) this.#stopped = true
    if (this.#peak - equity >= limits.maxLoss) this.#halted = true
    this.#position.set(account.position)
  }

  judge(ordered: Float64Array, t: number): string | null {
    const { symbols, close } = this.#market
    const { limits } = this.#rules
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const [held, order] = [this.#position[k]!, ordered[k]!]
      const after = held + order
      const reduces = held * after >= 0 && Math.abs(after) < Math.abs(held)
      if (order === 0 || reduces) continue
      const where = `bar ${t}: an order of ${order} ${symbols[k]}`
      if (Math.abs(after) * close[k]![t]! > limits.maxPosition * (1 + TOLERANCE))
        return `${where} passes the position limit`
      if (this.#stopped) return `${where} after the day's loss limit`
      if (this.#halted) return `${where} after the loss limit`
    }
    return null
  }
}

function streaming({ market, set, features: whole }: Prepared): string | null {
  const grown = new Market(market.symbols, market.interval)
  const table = new FeatureTable(grown, set)
  const bar = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  for (let i = 0; i < market.length; i++) {
    grown.append(market.time[i]!, market.numbers(i, bar))
    table.update()
  }
  const used = FEATURE_WIDTH * market.length
  const at = whole.values.subarray(0, used).findIndex((x, i) => x !== table.values[i])
  return at < 0 ? null : `bar ${Math.floor(at / FEATURE_WIDTH)}: column ${at % FEATURE_WIDTH} differs`
}

function lookAhead(options: Prepared): string | null {
  const { market, warmup } = options
  const rng = stream(options.seed, 'check', 'look-ahead')
  const most = lengthOf(options)
  for (let n = 0; n < CUTS; n++) {
    const cut = warmup + rng.int(most)
    const noised = withNoiseAfter(market, cut, rng)
    const seen = upTo(environment(options), options, cut)
    const other = upTo(environment(options, noised), options, cut)
    if (!seen.equals(other)) return `noise after bar ${cut} changes what was known or done before`
  }
  return null
}

/** All that is seen and ordered up to and including the decision at `cut`. */
function upTo(env: TradingEnv, options: Prepared, cut: number): Buffer {
  const rng = stream(options.seed, 'check', 'walk')
  const rows: Buffer[] = []
  const out = new Float32Array(OBSERVATION_SIZE)
  const { transition } = env
  env.reset(Math.max(options.warmup, cut - 500))
  while (env.t <= cut && !env.terminated && !env.truncated) {
    env.observe(out)
    rows.push(Buffer.from(out.slice().buffer))
    const action = allowedAction(env, rng)
    if (env.t === cut) {
      transition.decide(env.state, env.t, action)
      rows.push(Buffer.from(transition.outcome.ordered.slice().buffer))
      break
    }
    const { reward, ordered } = env.step(action)
    rows.push(
      Buffer.from(ordered.slice().buffer),
      Buffer.from(Float64Array.of(reward, env.state.equity).buffer),
    )
  }
  return Buffer.concat(rows)
}

/** The same market up to bar `cut`, and another one for a while after it. */
export function withNoiseAfter(market: Market, cut: number, rng: Rng): Market {
  const length = Math.min(market.length, cut + 1 + NOISE_BARS)
  const noised = new Market(market.symbols, market.interval, length)
  const bar = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  for (let i = 0; i < length; i++) {
    const numbers = market.numbers(i, bar)
    for (let at = 0; i > cut && at < numbers.length; at += BAR_NUMBERS) addNoise(numbers, at, rng)
    noised.append(market.time[i]!, numbers)
  }
  const lone = new Float64Array(BAR_NUMBERS)
  for (const [k, { time, length: count, ...columns }] of market.alone.entries()) {
    for (let i = 0; i < count && time[i]! < market.time[length - 1]!; i++) {
      for (const [c, name] of COLUMNS.entries()) lone[c] = columns[name][i]!
      if (time[i]! > market.time[cut]!) addNoise(lone, 0, rng)
      noised.alone[k]!.append(time[i]!, lone)
    }
  }
  return noised
}

/** Moves the bar whose numbers stand at `at`. */
function addNoise(numbers: Float64Array, at: number, rng: Rng): void {
  const open = numbers[at]! * (0.5 + rng.uniform())
  const close = numbers[at + 3]! * (0.5 + rng.uniform())
  const [high, low] = [Math.max(open, close) * 1.01, Math.min(open, close) * 0.99]
  numbers.set([open, high, low, close, numbers[at + 4]! * rng.uniform()], at)
}

function turnoverTerm(options: CheckOptions): string | null {
  const rng = stream(options.seed, 'check', 'turnover')
  const terms = { ...options.rules.reward, turnoverPenaltyBps: 5 }
  const without = { ...terms, turnoverPenaltyBps: 0 }
  for (let n = 0; n < 1000; n++) {
    const turnover = rng.uniform() < 0.3 ? 0 : 5000 * rng.uniform()
    const step = {
      change: rng.normal(),
      action: rng.int(ACTION_COUNT),
      lastAction: rng.int(ACTION_COUNT),
      tradesBefore: rng.int(100),
      turnover,
      equity: 5000,
      peak: 5000,
    }
    const term = rewardOf(terms, step) - rewardOf(without, step)
    if (term > 0 || turnoverPenalty(terms, turnover) < 0) return `${term} at a turnover of ${turnover}`
  }
  return null
}

function refuses(act: () => unknown): boolean {
  try {
    act()
  } catch {
    return true
  }
  return false
}
