/** A policy over a market from its first decision to the end of the data or a loss limit, with a full ledger. */
import { MAX_DRAWDOWN } from '../risk/rules.js'
import { Ledger } from './ledger.js'
import { both } from './listener.js'
import { type RunOptions, TradingRun } from './run.js'
import type { TradingState } from './state.js'

export interface BacktestOptions extends RunOptions {
  /** Bars before the first decision. */
  readonly warmup: number
}

export type Ending = 'data' | 'max-loss' | 'max-drawdown'

/** Net dollars of a whole run. */
export function earned(options: BacktestOptions): number {
  const run = new Backtest(options)
  run.advance(Number.POSITIVE_INFINITY)
  return run.state.equity - options.rules.capital
}

/** Decisions between two breaths; a program takes its time for each. */
const TURN = 1 << 12

/** Takes up to `most` decisions, with a breath after each `turn` of them: what `pause` throws ends it, be a program ever so slow. */
export async function advance(
  run: Backtest,
  pause: () => Promise<unknown>,
  { most = Number.POSITIVE_INFINITY, turn = TURN }: { readonly most?: number; readonly turn?: number } = {},
): Promise<void> {
  const each = run.options.policy.isForeign === true ? 1 : turn
  for (let left = most; left > 0 && !run.advance(Math.min(each, left)); left -= each) await pause()
}

/** One run over past bars. `advance` takes it on, so that a caller can breathe in between. */
export class Backtest {
  readonly options: BacktestOptions
  readonly ledger: Ledger
  /** How it ended; null while it runs. */
  ending: Ending | null = null
  readonly #run: TradingRun
  #t: number
  #isClosed = false

  /** There must be a bar after the warm-up and one more. */
  constructor(options: BacktestOptions) {
    const { market, features, rules, policy, longOnly, warmup, listener = null } = options
    this.options = options
    this.ledger = new Ledger(warmup, market.length - 1 - warmup)
    this.#run = new TradingRun({
      market,
      features,
      rules,
      policy,
      longOnly,
      listener: listener === null ? this.ledger : both(this.ledger, listener),
    })
    this.#t = warmup
  }

  get state(): TradingState {
    return this.#run.state
  }

  /** Bar of the next decision. */
  get next(): number {
    return this.#t
  }

  /** Takes up to `most` decisions; true when the run has ended. */
  advance(most: number): boolean {
    const { market, policy } = this.options
    const { transition, state } = this.#run
    const last = market.length - 1
    for (let n = 0; n < most && this.ending === null; n++) {
      const t = this.#t++
      const outcome = transition.step(state, t, this.#run.act(t))
      if (outcome.terminated) this.ending = outcome.endedBy === MAX_DRAWDOWN ? 'max-drawdown' : 'max-loss'
      else if (t + 1 >= last) this.ending = 'data'
    }
    if (this.ending === 'data' && !this.#isClosed) {
      this.#isClosed = true
      transition.end(state, last)
      policy.ended?.(this.ledger.length)
    }
    return this.ending !== null
  }
}
