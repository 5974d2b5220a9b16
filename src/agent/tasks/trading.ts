/**
 * Trading as a task for the learner: episodes over the bars of the training sessions, from random starts. The environment is
 * the one of the backtest; here it only gets its starts, and for a single ticker a narrower door.
 */
import { numbersOf, setNumbers } from '../../base/numbers.js'
import { ACTION_COUNT, actionMask, actionOf, type Target, targetOf } from '../../env/actions.js'
import type { FeatureTable } from '../../env/features.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { type Market, SYMBOL_COUNT } from '../../market/market.js'
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
  /**
   * `both` symbols at once; the `first` alone, with 13 inputs and the actions short, flat and long; or `each` of them alone, one
   * in every other environment.
   */
  readonly symbols: 'both' | 'first' | 'each'
  readonly episodeSteps?: number
}

/** Of a single ticker: its features and its position; and short, flat, long. */
export const SINGLE_INPUTS = OBSERVATION_SIZE / 2
export const SINGLE_ACTIONS = 3

/** The bar, or where a cut follows it and leaves no decision, the nearest one before it that has one. */
function startNear({ cuts }: Market, bar: number): number {
  let start = bar
  while (start > 0 && cuts.includes(start + 1)) start--
  return start
}

/** A single ticker's action, short 0, flat 1, long 2, as a joint one, the other symbol flat. */
export const jointAction = (action: number, symbol = 0): number => {
  const target = (action - 1) as Target
  return symbol === 0 ? actionOf(target, 0) : actionOf(0, target)
}

/** The single ticker's part of a joint action. */
export const singleAction = (joint: number, symbol = 0): number => targetOf(joint, symbol) + 1

/**
 * Episodes of `episodeSteps` decisions, 1000 by default, each from a random bar with a fresh account. Observations are float32,
 * [26] or [13]; rewards are those of the rules, dollars by default.
 */
export function tradingTask(options: TradingTaskOptions): Task {
  const { market, features, rules, longOnly, warmup, symbols, episodeSteps = EPISODE_STEPS } = options
  const single = symbols !== 'both'
  const joint = actionMask(longOnly)
  const mask = single ? Uint8Array.from({ length: SINGLE_ACTIONS }, (_, a) => joint[jointAction(a)]!) : joint
  // A start leaves a whole episode where the data is long enough for one.
  const starts = Math.max(1, market.length - 1 - warmup - episodeSteps)
  return {
    name: 'trading',
    inputs: single ? SINGLE_INPUTS : OBSERVATION_SIZE,
    actions: single ? SINGLE_ACTIONS : ACTION_COUNT,
    mask,
    start: (rng, lane = 0) => {
      const symbol = symbols === 'each' ? lane % SYMBOL_COUNT : 0
      const env = new TradingEnv({ market, features, rules, longOnly, episodeSteps })
      const full = new Float32Array(OBSERVATION_SIZE)
      const observe = (out: Float32Array, offset: number) => {
        if (!single) return env.observe(out, offset)
        env.observe(full)
        const from = symbol * SINGLE_INPUTS
        for (let n = 0; n < SINGLE_INPUTS; n++) out[offset + n] = full[from + n]!
      }
      const episode: Episode = {
        get held() {
          const held = env.heldAction
          return single ? singleAction(held, symbol) : held
        },
        reset: (out, offset) => {
          env.reset(startNear(market, warmup + rng.int(starts)))
          observe(out, offset)
        },
        step: (action, out, offset) => {
          const { reward } = env.step(single ? jointAction(action, symbol) : action)
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
