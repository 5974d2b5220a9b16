/**
 * Tests for leaks of the future into what is learnt and decided, each by changing what must not matter, or by taking away all that
 * could be known. They run the code that trains and trades, on the bars that are given.
 */
import { mean, standardDeviation } from '../../base/moments.js'
import { stream } from '../../base/rng.js'
import { studentQuantile } from '../../base/student.js'
import { dollars as dollarWords } from '../../base/words.js'
import { FeatureTable } from '../../env/features.js'
import type { Market } from '../../market/market.js'
import { DEFAULT_COSTS } from '../../portfolio/costs.js'
import { NO_LIMITS } from '../../risk/limits.js'
import { advance, Backtest } from '../../trading/backtest.js'
import { withNoiseAfter } from '../../trading/check-env.js'
import { goingOn, type Policy } from '../../trading/policy.js'
import type { Rules } from '../../trading/rules.js'
import { testOn } from '../tested.js'
import { stampProblem } from './bars.js'
import { type Lesson, learn } from './learnt.js'
import { permuted } from './permuted.js'
import type { Subject } from './subject.js'

/** A check with what it found; null where there is no leak. */
export interface LeakCheck {
  readonly id: CheckId
  readonly name: string
  readonly problem: string | null
  /** Of `permuted`: net dollars without costs, the t of its decisions, and the sessions. */
  readonly earned?: Earned
}

/** What an agent made where nothing can be known. */
export interface Earned {
  readonly pnl: number
  readonly t: number
  readonly sessions: number
}

export interface LeakOptions extends Pick<Lesson, 'engineOf' | 'pause'> {
  readonly subject: Subject
  readonly market: Market
  readonly rules: Rules
  readonly longOnly: boolean
  readonly warmup: number
  /** Decides in the tests of actions; null for a policy that is trained for them. */
  readonly policy: Policy | null
  /** Steps of each training. */
  readonly steps: number
  readonly seed: number
}

export type CheckId = keyof typeof CHECKS

/** The fewest sessions that can be tested: they train, validate and test. */
const LEAST_SESSIONS = 12
/** The fewest bars: a warm-up wears off only after hundreds. */
const LEAST_BARS = 800

/** Why nothing can be told on these bars, and what would do; null where something can. */
export function tooFewToTell(market: Market, warmup: number): { words: string; hint: string } | null {
  const { length, sessions } = market
  if (sessions.length < LEAST_SESSIONS || length < LEAST_BARS) {
    const [many, are] = sessions.length === 1 ? ['session', 'is'] : ['sessions', 'are']
    return {
      words: `${sessions.length} ${many} of ${length} bars ${are} too few to test`,
      hint: `give at least ${LEAST_SESSIONS} sessions and ${LEAST_BARS} bars`,
    }
  }
  const training = sessions[trainEndOf(market)]!.first
  return training < warmup + 4
    ? {
        words: `${training} of ${length} bars to train on: too few for a warm-up of ${warmup}`,
        hint: 'give more bars, or a shorter --warmup',
      }
    : null
}

/** The names, which `--demo-leak` shows beside the leaks that they catch. */
export const CHECKS = {
  future: 'noise in the future changes no earlier observation or action',
  warmup: 'a longer warm-up changes at most 1 % of later actions',
  training: 'weights and normaliser have seen the training sessions alone',
  permuted: 'an agent that trained on permuted returns earns nothing on such',
  bars: 'bars neither overlap nor have the label of another length or time',
} as const

/** One check after the other, for a caller that wants a breath in between. */
export async function* leakChecks(options: LeakOptions): AsyncGenerator<LeakCheck> {
  const trained = options.policy === null ? await probe(options) : null
  try {
    const policy = options.policy ?? trained!.policy
    const own = { ...options, policy, unused: policy.save?.(0) ?? null }
    yield found('future', await future(own))
    yield found('warmup', await warmups(own))
  } finally {
    trained?.dispose()
  }
  yield found('training', await trainingAlone(options))
  const { problem, ...earned } = await onPermuted(options)
  yield { ...found('permuted', problem), earned }
  yield found('bars', stampProblem(options.market))
}

const found = (id: CheckId, problem: string | null): LeakCheck => ({ id, name: CHECKS[id], problem })

/** A policy, and what it remembers before its first decision. */
type Deciding = LeakOptions & { readonly policy: Policy; readonly unused: readonly number[] | null }

/** A policy that looks at everything, for it was taught by it. */
const probe = (options: LeakOptions) =>
  learn(options.subject.prepare(options.market), { ...lessonOf(options, options.market), ...free(options) })

/** 70 % of the sessions train, 15 % validate. */
function lessonOf(
  { engineOf, pause, rules, longOnly, warmup, steps, seed }: LeakOptions,
  market: Market,
): Lesson {
  const trainEnd = trainEndOf(market)
  const validationEnd = Math.floor(0.85 * market.sessions.length)
  return { engineOf, pause, rules, longOnly, warmup, steps, seed, trainEnd, validationEnd }
}

const trainEndOf = (market: Market): number => Math.floor(0.7 * market.sessions.length)

/** Without costs and loss limits nothing hides a leak. */
const free = ({ rules }: Pick<LeakOptions, 'rules'>): { readonly rules: Rules } => {
  const { flatBeforeCloseMs, noEntryBeforeCloseMs } = rules.limits
  return {
    rules: {
      ...rules,
      fractional: true,
      costs: { ...DEFAULT_COSTS, commission: 'none', halfSpreadBps: 0 },
      limits: { ...NO_LIMITS, flatBeforeCloseMs, noEntryBeforeCloseMs },
      maxDrawdown: null,
    },
  }
}

const CUTS = 8
/** Decisions before a cut that are compared. */
const BEFORE = 400

async function future(options: Deciding): Promise<string | null> {
  const { market, warmup, seed } = options
  const rng = stream(seed, 'leaks', 'future')
  for (let n = 0; n < CUTS; n++) {
    const cut = warmup + 2 + rng.int(market.length - warmup - 3)
    const first = Math.max(warmup, cut - BEFORE)
    const seen = await decisions(options, market, { first, last: cut })
    const other = await decisions(options, withNoiseAfter(market, cut, rng), { first, last: cut })
    const at = seen.findIndex((one, i) => !one.bytes.equals(other[i]!.bytes))
    if (at >= 0) {
      const what = seen[at]!.action === other[at]!.action ? 'what is seen' : 'the action'
      return `noise after bar ${cut} changes ${what} at bar ${first + at}`
    }
  }
  return null
}

interface Decided {
  readonly action: number
  /** The observation, where the policy observes, and the action. */
  readonly bytes: Buffer
}

/** The decisions at bars first to last, from a fresh account and a fresh memory. */
async function decisions(
  { subject, policy, unused, rules, longOnly, pause }: Deciding,
  all: Market,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<Decided[]> {
  const { market, set } = subject.prepare(all)
  if (unused !== null) policy.restore?.(unused, 0)
  const made: Decided[] = []
  const recorded: Policy = {
    ...goingOn(policy),
    observes: true,
    act: (decision) => {
      const action = policy.act(decision)
      const seen = Buffer.from(decision.observation.slice().buffer)
      made.push({ action, bytes: Buffer.concat([seen, Buffer.of(action)]) })
      return action
    },
  }
  const features = new FeatureTable(market, set)
  const run = new Backtest({ market, features, rules, policy: recorded, longOnly, warmup: first })
  await advance(run, pause, { most: last - first + 1 })
  await pause()
  return made
}

/** Bars after which a shorter warm-up must have worn off: five spans of the longest mean of the features. */
const WORN_OFF = 600
const TOLERANCE = 0.01

async function warmups(options: Deciding): Promise<string | null> {
  const { market, seed } = options
  const rng = stream(seed, 'leaks', 'warm-up')
  const last = market.length - 2
  const compared = Math.min(BEFORE, Math.floor((last - WORN_OFF) / 2))
  let [decided, changed, latest] = [0, 0, 0]
  for (let n = 0; n < CUTS; n++) {
    const later = rng.int(last - WORN_OFF - compared)
    const first = later + WORN_OFF
    const whole = await decisions(options, market, { first, last: first + compared })
    const part = market.slice(later, market.length)
    const short = await decisions(options, part, { first: WORN_OFF, last: WORN_OFF + compared })
    for (const [i, { action }] of whole.entries()) {
      decided++
      if (action === short[i]?.action) continue
      changed++
      latest = first + i
    }
  }
  return changed <= TOLERANCE * decided
    ? null
    : `${changed} of ${decided} actions change with a longer warm-up, the last at bar ${latest}`
}

/** Two trainings on the same first sessions, whatever comes after them. */
async function trainingAlone(options: LeakOptions): Promise<string | null> {
  const { market, seed, subject } = options
  // A few rollouts tell: the first gradient would differ.
  const lesson = { ...lessonOf(options, market), ...free(options), steps: 2 * 16 * 128, normalise: true }
  const cut = market.sessions[lesson.trainEnd]!.first - 1
  const noised = withNoiseAfter(market, cut, stream(seed, 'leaks', 'training'))
  const results: { parameters: Float32Array; mean: Float64Array; variance: Float64Array }[] = []
  for (const all of [market, noised]) {
    const { model, dispose } = await learn(subject.prepare(all), {
      ...lesson,
      validationEnd: Math.min(lesson.validationEnd, all.sessions.length),
    })
    dispose()
    const { mean, variance } = model.normaliser!
    results.push({ parameters: model.parameters, mean, variance })
  }
  const [own, other] = results as [(typeof results)[0], (typeof results)[0]]
  for (const name of ['mean', 'variance', 'parameters'] as const) {
    const at = own[name].findIndex((value, i) => !Object.is(value, other[name][i]))
    const what = name === 'parameters' ? 'weight' : `${name} of the normaliser at place`
    if (at >= 0) return `noise after the training sessions changes the ${what} ${at}`
  }
  return null
}

/** Chance of a false alarm. */
const LEVEL = 0.001

/** What an agent earns that was trained and tested where nothing can be known, and the words where that is more than chance. */
async function onPermuted(options: LeakOptions): Promise<Earned & { readonly problem: string | null }> {
  const { market, seed, subject } = options
  const all = permuted(market, stream(seed, 'leaks', 'permuted'))
  const prepared = subject.prepare(all)
  const lesson = { ...lessonOf(options, all), ...free(options) }
  const { policy, dispose } = await learn(prepared, lesson)
  try {
    const tested = await testOn(
      { ...lesson, market: prepared.market, features: (part) => new FeatureTable(part, prepared.set) },
      { from: lesson.trainEnd, to: all.sessions.length },
      policy,
    )
    const { curve, pnl, sessions } = tested
    // Of decisions: in permuted bars one knows nothing of the next, so they are as many independent results.
    const t = tOf(Float64Array.from(curve, (dollars, i) => dollars - (curve[i - 1] ?? 0)))
    const needed = studentQuantile(1 - LEVEL, curve.length - 1)
    const earned = `it earned ${dollarWords(pnl)} in ${sessions.length} sessions, t ${t.toFixed(1)}`
    return { pnl, t, sessions: sessions.length, problem: t > needed ? earned : null }
  } finally {
    dispose()
  }
}

/** Student's t of dollars; 0 where they are all alike. */
function tOf(results: Float64Array): number {
  const deviation = standardDeviation(results)
  return deviation > 0 ? (mean(results) / deviation) * Math.sqrt(results.length) : 0
}
