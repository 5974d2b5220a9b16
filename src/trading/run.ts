/**
 * A policy at work on a market, whatever fills its orders. Between two decisions it can be saved as text and go on elsewhere to
 * the bit.
 */
import { actionMask, firstAlone } from '../env/actions.js'
import { LOOKBACK } from '../env/feature-set.js'
import type { FeatureTable, SavedFeatures } from '../env/features.js'
import { OBSERVATION_SIZE, observe } from '../env/observation.js'
import type { Market, SavedBars } from '../market/market.js'
import { MarketView } from '../market/view.js'
import type { Listener } from './listener.js'
import type { Decision, Policy } from './policy.js'
import type { Rules } from './rules.js'
import { type SavedState, TradingState } from './state.js'
import { Transition } from './step.js'

export interface RunOptions {
  readonly market: Market
  /** Needed by a policy that observes. */
  readonly features: FeatureTable | null
  readonly rules: Rules
  readonly policy: Policy
  readonly longOnly: boolean
  /** Told of every event. */
  readonly listener?: Listener | null
}

/** A run between two decisions, in a form that JSON keeps to the bit. */
export interface SavedRun {
  /** The bars that the next decisions look back to. */
  readonly bars: SavedBars
  readonly features: SavedFeatures | null
  readonly state: SavedState
  /** Null where the policy remembers nothing. */
  readonly policy: readonly number[] | null
  /** No decision was taken yet. */
  readonly start: boolean
}

/** One policy with its state and its transition; `save` and `restore` between two decisions. */
export class TradingRun {
  readonly options: RunOptions
  readonly state: TradingState
  readonly transition: Transition
  readonly #decision: Decision
  /** Bars that the policy may see. */
  readonly #end = new Int32Array(1)
  /** Bars that had ended at the last decision; null before the first. */
  #decided: number | null = null

  /** Throws where a policy that observes gets no features. */
  constructor(options: RunOptions) {
    const { market, rules, longOnly, policy, features, listener = null } = options
    if (policy.observes && features === null) throw new Error(`${policy.name} needs features`)
    this.options = options
    this.state = new TradingState(rules.capital)
    this.transition = new Transition(market, rules, listener)
    this.#decision = {
      t: 0,
      view: new MarketView(market, this.#end),
      observation: new Float32Array(OBSERVATION_SIZE),
      start: true,
      held: this.state.heldAction,
      mask: actionMask(longOnly, market.isSingle),
    }
  }

  /** What the policy saw last, float32[26]; zeros where it does not observe. */
  get observation(): Float32Array {
    return this.#decision.observation
  }

  /** The policy's action at bar `t`, which has ended; one that is `known` is not asked for. */
  act(t: number, known?: number): number {
    const { market, policy, features } = this.options
    const { state } = this
    const decision = this.#decision
    decision.t = t
    this.#end[0] = t + 1
    this.#decided = t + 1
    decision.held = state.heldAction
    if (policy.observes) observe(features!, t, state.account.position, state.size, decision.observation)
    const action = known ?? policy.act(decision)
    decision.start = false
    // A policy of two symbols decides on one in its first place.
    return market.isSingle ? firstAlone(action) : action
  }

  /** To be called before a decision, when the market ends with the bar it stands on. Throws a RangeError elsewhere. */
  save(): SavedRun {
    const { market, policy, features } = this.options
    const known = features?.length ?? market.length
    // One bar has come since, or none yet.
    const since = this.#decided === null ? 0 : market.length - this.#decided
    if (known !== market.length || since < 0 || since > 1)
      throw new RangeError(
        `a market of ${market.length} bars, features of ${known}, ${this.#decided} decided on`,
      )
    return {
      bars: market.save(LOOKBACK),
      features: features?.save() ?? null,
      state: this.state.save(),
      policy: policy.save?.(market.length) ?? null,
      start: this.#decision.start,
    }
  }

  /** Takes up what was saved; market and features are made from it (`Market.from`, `new FeatureTable`). */
  restore({ state, policy, start }: SavedRun): void {
    this.state.restore(state)
    if (policy !== null) this.options.policy.restore?.(policy, this.options.market.length)
    this.#decision.start = start
  }
}
