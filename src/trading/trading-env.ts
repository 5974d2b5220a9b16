/**
 * The environment as reinforcement learning has it (Gymnasium's reset and step): an episode walks over the bars of a market,
 * one decision a bar. The end of the data and the length of an episode truncate it; a loss limit terminates it.
 */
import { actionMask } from '../env/actions.js'
import type { FeatureTable } from '../env/features.js'
import { OBSERVATION_SIZE, observe } from '../env/observation.js'
import type { Market } from '../market/market.js'
import type { Listener } from './listener.js'
import type { Outcome } from './outcome.js'
import type { Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'

export interface EnvOptions {
  readonly market: Market
  readonly features: FeatureTable
  readonly rules: Rules
  readonly longOnly?: boolean
  /** Decisions of an episode. */
  readonly episodeSteps?: number
  /** Told of every event; training has none. */
  readonly listener?: Listener | null
}

export const EPISODE_STEPS = 1000

/** One environment: `reset`, then `observe` and `step` until `terminated` or `truncated`. */
export class TradingEnv {
  readonly observationSize = OBSERVATION_SIZE
  /** 1 for each action that may be chosen. */
  readonly actionMask: Uint8Array
  readonly transition: Transition
  readonly #features: FeatureTable
  readonly #episodeSteps: number
  state: TradingState
  /** The bar of the next decision. */
  t = 0
  steps = 0
  terminated = false
  truncated = false
  /** Bar that the episode ends before: a cut of the market, or its length. */
  #end = 0

  constructor({
    market,
    features,
    rules,
    longOnly = false,
    episodeSteps = EPISODE_STEPS,
    listener = null,
  }: EnvOptions) {
    this.transition = new Transition(market, rules, listener)
    this.#features = features
    this.#episodeSteps = episodeSteps
    this.actionMask = actionMask(longOnly, market.isSingle)
    this.state = new TradingState(rules.capital)
  }

  /** A new account at decision `start`; bar start + 1 must exist, with no cut before it. */
  reset(start: number): void {
    const { market, rules } = this.transition
    this.#end = market.cuts.find((cut) => cut > start) ?? market.length
    if (!(Number.isInteger(start) && start >= 0 && start + 1 < this.#end))
      throw new RangeError(`no decision at bar ${start} of ${market.length}`)
    this.state = new TradingState(rules.capital)
    this.t = start
    this.steps = 0
    this.terminated = false
    this.truncated = false
  }

  /** Writes the observation of the next decision: float32[26]. */
  observe(out: Float32Array, offset = 0): void {
    observe(this.#features, this.t, this.state.account.position, this.state.size, out, offset)
  }

  /** The joint action that keeps the targets in force. */
  get heldAction(): number {
    return this.state.heldAction
  }

  /** Takes an action; the outcome is overwritten by the next call. */
  step(action: number): Outcome {
    if (this.terminated || this.truncated) throw new Error('the episode has ended: call reset')
    if (this.actionMask[action] !== 1) throw new RangeError(`action ${action} is not allowed`)
    const outcome = this.transition.step(this.state, this.t, action)
    this.t++
    this.steps++
    this.terminated = outcome.terminated
    this.truncated = !outcome.terminated && (this.steps >= this.#episodeSteps || this.t + 1 >= this.#end)
    return outcome
  }
}
