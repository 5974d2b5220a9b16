/**
 * Trading as it happens: bars end one by one, orders go out to a broker, and its reports come when they come. It is the transition
 * of training and backtest with nothing between: the same calls in the same order give the same state, orders and records, so
 * that a journal of the calls is all that a run leaves behind.
 */
import { sha256 } from '../base/digest.js'
import { Failure } from '../base/errors.js'
import { SYMBOL_COUNT } from '../market/market.js'
import { isOpen, type Report } from '../portfolio/orders.js'
import { BUYS, SELLS } from '../risk/guard.js'
import { NOT_FINITE } from '../risk/rules.js'
import type { Listener } from './listener.js'
import { both } from './listener.js'
import type { Outcome } from './outcome.js'
import { type RunOptions, TradingRun } from './run.js'
import type { TradingState } from './state.js'

/** An order that the guard has let through and the broker does not know yet. */
export interface Intent {
  /** Its id in the book of the run. */
  readonly order: number
  readonly symbol: number
  /** Signed. */
  readonly shares: number
  readonly decidedMs: number
}

/** What is to be done at the broker. */
export interface Orders {
  /** Ids, in the book, of open orders that lead away from what is wanted now. */
  readonly cancels: readonly number[]
  readonly intents: readonly Intent[]
}

/** A decision with the digest of all that it was made from: the policy's memory before it, and its 26 inputs. */
export interface Decided extends Orders {
  readonly action: number
  readonly sha256: string
}

/** A run whose bars have not happened yet. Everything else of it is as in `TradingRun`. */
export class LiveRun {
  readonly options: RunOptions
  readonly run: TradingRun
  readonly #listener: Listener | null
  readonly #intents: Intent[] = []
  /** Decisions were taken: from now on each bar is marked. */
  #isTrading = false
  #isBlind = false

  constructor(options: RunOptions) {
    const { listener = null } = options
    const collector: Listener = {
      refused: () => {},
      ordered: (decidedMs, symbol, outcome) => {
        this.#intents.push({
          order: outcome.order[symbol]!,
          symbol,
          shares: outcome.ordered[symbol]!,
          decidedMs,
        })
      },
      reported: () => {},
      settled: () => {},
      marked: () => {},
    }
    this.options = options
    this.#listener = listener
    this.run = new TradingRun({
      ...options,
      listener: listener === null ? collector : both(collector, listener),
    })
  }

  get state(): TradingState {
    return this.run.state
  }

  /** The newest bar of both symbols; -1 before the first. */
  get t(): number {
    return this.options.market.length - 1
  }

  /** Everything is closed after a limit in dollars from the peak. */
  get isOver(): boolean {
    return this.run.transition.outcome.terminated
  }

  /** A bar of both symbols has ended. Throws as `Market.append` does. */
  take(timeMs: number, numbers: ArrayLike<number>): void {
    const { market, features } = this.options
    market.append(timeMs, numbers)
    features?.update()
    if (!this.#isTrading) return
    const { transition } = this.run
    transition.begin(this.state, this.t)
    transition.settle(this.state, this.t - 1)
  }

  /** A bar that one symbol has alone has ended: no decision stands on it, but the guard may close what is held. */
  takeAlone(symbol: number, timeMs: number, numbers: ArrayLike<number>): Orders {
    this.options.market.alone[symbol]!.append(timeMs, numbers)
    if (!this.#isTrading) return { cancels: [], intents: [] }
    return this.#orders(() => this.run.transition.passed(this.state, this.t, symbol))
  }

  /**
   * Decides on the newest bar; `ages` has the age of the data by symbol, milliseconds, infinity for data that deserves no trust. `known` is the action that a journal holds, for a policy that cannot be
   * asked twice. Where an input or a logit is not finite what is held stays, and a risk record says so.
   */
  decide(ages: ArrayLike<number>, known?: number): Decided {
    const { action, digest, isBlind } = this.#acted(known)
    this.#isTrading = true
    const { transition } = this.run
    const orders = this.#orders(() => {
      transition.decide(this.state, this.t, action, ages)
      return transition.outcome
    })
    if (isBlind && !this.#isBlind) this.#tellBlind(transition.outcome)
    this.#isBlind = isBlind
    return { ...orders, action, sha256: digest }
  }

  /** The newest bar came too late for a decision: the policy sees it, and nothing is ordered. Gives the digest of a decision. */
  miss(known?: number): string {
    const { digest } = this.#acted(known)
    this.#isTrading = true
    return digest
  }

  /** What the broker says of an order. Throws as `Transition.apply` does. */
  apply(report: Report): void {
    this.run.transition.apply(this.state, report)
  }

  /** The run ends: bars that one symbol had alone since the last of both are told of. */
  close(): void {
    if (this.#isTrading) this.run.transition.close(this.state)
  }

  /** Orders what closes everything that is held, now. */
  flatten(timeMs: number): Orders {
    return this.#orders(() => this.run.transition.flatten(this.state, this.t, timeMs))
  }

  /** Shares that came from elsewhere are ours from now on, at `price` dollars a share: the account is worth what it was. */
  adopt(symbol: number, shares: number, price: number): void {
    this.state.account.fill(symbol, shares, price, 0, 0)
  }

  #acted(known: number | undefined): { action: number; digest: string; isBlind: boolean } {
    const { policy, market } = this.options
    const memory = policy.save?.(market.length) ?? null
    const held = this.state.heldAction
    let action = held
    let isBlind = false
    try {
      action = this.run.act(this.t, policy.isForeign === true ? known : undefined)
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'bug') throw error
      isBlind = true
    }
    const { observation } = this.run
    const seen = policy.observes
      ? Buffer.from(observation.buffer, observation.byteOffset, observation.byteLength)
      : ''
    const digest = sha256(Buffer.concat([Buffer.from(JSON.stringify(memory)), Buffer.from(seen)]))
    return { action, digest, isBlind }
  }

  #orders(work: () => Outcome): Orders {
    this.#intents.length = 0
    const { cancels } = work()
    const { orders } = this.state
    const ids: number[] = []
    for (let slot = 0; slot < orders.length; slot++) {
      const side = orders.shares[slot]! > 0 ? BUYS : SELLS
      if (isOpen(orders.state[slot]!) && (cancels[orders.symbol[slot]!]! & side) !== 0)
        ids.push(orders.id[slot]!)
    }
    return { cancels: ids, intents: [...this.#intents] }
  }

  #tellBlind(outcome: Outcome): void {
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const held = this.state.account.position[k]!
      outcome.rule[k] = NOT_FINITE
      outcome.wanted[k] = held
      outcome.allowed[k] = held
      outcome.value[k] = 0
      this.#listener?.refused(this.options.market.endOf(this.t), k, outcome)
    }
  }
}
