/**
 * Trading as a task for the learner: episodes over the bars of the training sessions, from random starts. The environment is
 * the one of the backtest; here it only gets its starts, and for a single ticker a narrower door.
 */
import { numbersOf, setNumbers } from '../../base/numbers.js'
import { ACTION_COUNT, actionMask, actionOf, type Target, targetOf } from '../../env/actions.js'
import type { FeatureTable } from '../../env/features.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import type { Market } from '../../market/market.js'
import type { Rules } from '../../trading/rules.js'
import { EPISODE_STEPS, TradingEnv } from '../../trading/trading-env.js'
import type { Episode, Task } from './task.js'

/** What the agent trades in. */
export interface TradingTaskOptions {
  /** Bars of training alone: what is not in it cannot be learnt. */
  readonly market: Market
  readonly features: FeatureTable
  readonly rules: Rules
  readonly longOnly: boolean
  /** Bars before the first decision of any episode. */
  readonly warmup: number
  /** Trades the first symbol alone: 13 inputs, and the actions short, flat and long. */
  readonly single: boolean
  readonly episodeSteps?: number
}

/** Of a single ticker: its features and its position; and short, flat, long. */
export const SINGLE_INPUTS = OBSERVATION_SIZE / 2
export const SINGLE_ACTIONS = 3

/** A single ticker's action, short 0, flat 1, long 2, as a joint one, the second symbol flat. */
export const jointAction = (action: number): number => actionOf((action - 1) as Target, 0)

/** The single ticker's part of a joint action. */
export const singleAction = (joint: number): number => targetOf(joint, 0) + 1

/**
 * Episodes of `episodeSteps` decisions, 1000 by default, each from a random bar with a fresh account. Observations are float32,
 * [26] or [13]; rewards are those of the rules, dollars by default.
 */
export function tradingTask(options: TradingTaskOptions): Task {
  const { market, features, rules, longOnly, warmup, single, episodeSteps = EPISODE_STEPS } = options
  const joint = actionMask(longOnly)
  const mask = single ? Uint8Array.from({ length: SINGLE_ACTIONS }, (_, a) => joint[jointAction(a)]!) : joint
  // A start leaves a whole episode where the data is long enough for one.
  const starts = Math.max(1, market.length - 1 - warmup - episodeSteps)
  return {
    name: 'trading',
    inputs: single ? SINGLE_INPUTS : OBSERVATION_SIZE,
    actions: single ? SINGLE_ACTIONS : ACTION_COUNT,
    mask,
    start: (rng) => {
      const env = new TradingEnv({ market, features, rules, longOnly, episodeSteps })
      const full = new Float32Array(OBSERVATION_SIZE)
      const observe = (out: Float32Array, offset: number) => {
        if (!single) return env.observe(out, offset)
        env.observe(full)
        for (let n = 0; n < SINGLE_INPUTS; n++) out[offset + n] = full[n]!
      }
      const episode: Episode = {
        get held() {
          const held = env.heldAction
          return single ? singleAction(held) : held
        },
        reset: (out, offset) => {
          env.reset(warmup + rng.int(starts))
          observe(out, offset)
        },
        step: (action, out, offset) => {
          const { reward } = env.step(single ? jointAction(action) : action)
          observe(out, offset)
          return { reward, terminated: env.terminated, truncated: env.truncated }
        },
        save: () => [env.t, env.steps, ...numbersOf(env.state)],
        restore: ([t = 0, steps = 0, ...state]) => {
          env.reset(t)
          env.steps = steps
          setNumbers(env.state, state)
        },
      }
      return episode
    },
  }
}
