/** A policy over a market from its first decision to the end of the data or a drawdown limit, with a full ledger. */
import { actionMask, HOLD_BOTH } from '../env/actions.js'
import type { FeatureTable } from '../env/features.js'
import { OBSERVATION_SIZE, observe } from '../env/observation.js'
import { type Market, SYMBOL_COUNT } from '../market/align.js'
import { DRAWDOWN_FRACTION } from '../risk/guard.js'
import { FILL, Ledger, NO_SYMBOL, ORDER, RISK } from './ledger.js'
import type { Decision, Policy } from './policies.js'
import { Kernel, type Outcome, type Rules, TradingState } from './step.js'

export interface BacktestOptions {
  readonly market: Market
  /** Needed by a policy that observes. */
  readonly features: FeatureTable | null
  readonly rules: Rules
  readonly policy: Policy
  readonly longOnly: boolean
  /** Bars before the first decision. */
  readonly warmup: number
}

export type Ending = 'data' | 'max-drawdown' | 'drawdown-fraction'

export class Backtest {
  readonly options: BacktestOptions
  readonly ledger: Ledger
  readonly state: TradingState
  /** How it ended; null while it runs. */
  ending: Ending | null = null
  readonly #kernel: Kernel
  readonly #decision: Decision
  #t: number

  /** There must be a bar after the warm-up and one more. */
  constructor(options: BacktestOptions) {
    const { market, rules, warmup, longOnly, policy, features } = options
    if (policy.observes && features === null) throw new Error(`${policy.name} needs features`)
    this.options = options
    this.#kernel = new Kernel(market, rules)
    this.state = new TradingState(rules.capital)
    this.ledger = new Ledger(warmup, market.length - 1 - warmup)
    this.#t = warmup
    this.#decision = {
      t: warmup,
      observation: new Float32Array(OBSERVATION_SIZE),
      start: true,
      held: HOLD_BOTH,
      mask: actionMask(longOnly),
    }
  }

  /** Takes up to `most` decisions; true when the run has ended. */
  advance(most: number): boolean {
    const { market, policy, features } = this.options
    const { state, ledger } = this
    const decision = this.#decision
    const kernel = this.#kernel
    const last = market.length - 1
    for (let n = 0; n < most && this.ending === null; n++) {
      const t = this.#t
      decision.t = t
      decision.held = HOLD_BOTH + 3 * state.target[0]! + state.target[1]!
      if (policy.observes) observe(features!, t, state.account.position, state.size, decision.observation)
      const action = policy.act(decision)
      decision.start = false
      const outcome = kernel.step(state, t, action)
      this.#record(action, outcome)
      this.#t = t + 1
      if (outcome.terminated) this.#end(outcome.endedBy)
      else if (t + 1 >= last) this.ending = 'data'
    }
    if (this.ending === 'data') policy.ended?.(ledger.length)
    return this.ending !== null
  }

  #end(rule: number): void {
    const { ledger, state } = this
    this.ending = rule === DRAWDOWN_FRACTION ? 'drawdown-fraction' : 'max-drawdown'
    const fall = state.peak - state.equity
    const value = rule === DRAWDOWN_FRACTION ? fall / state.peak : fall
    ledger.events.add(ledger.length - 1, RISK, NO_SYMBOL, rule, 0, 0, value)
  }

  #record(action: number, outcome: Outcome): void {
    const { ledger, state } = this
    const i = ledger.length++
    ledger.action[i] = action
    ledger.cash[i] = state.account.cash
    ledger.equity[i] = state.equity
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      ledger.position[k]![i] = state.account.position[k]!
      if (outcome.told[k] === 1) {
        ledger.events.add(
          i,
          RISK,
          k,
          outcome.rule[k]!,
          outcome.wanted[k]!,
          outcome.allowed[k]!,
          outcome.value[k]!,
        )
      }
      const ordered = outcome.ordered[k]!
      if (ordered !== 0) ledger.events.add(i, ORDER, k, ordered, outcome.rule[k]!, outcome.completes[k]!, 0)
    }
    // All is ordered before the first is filled: where bars are missing, fills are later.
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const filled = outcome.filled[k]!
      if (filled !== 0) {
        ledger.events.add(i, FILL, k, filled, outcome.price[k]!, outcome.fees[k]!, outcome.slippage[k]!)
      }
    }
  }
}
