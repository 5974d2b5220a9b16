/**
 * The transition of training, backtest and paper: (state, bars, action) -> guard -> orders -> fills -> account -> reward.
 *
 * At decision t the bars up to t have ended. `decide` looks at nothing later. `execute` is the simulated broker and fills in
 * bar t + 1: at its open, or at the close of bar t where `fill` is 'close', which no market offers. `settle` marks the account
 * at the close of bar t + 1. So an action never earns a move that ended at or before its decision. Live trading puts its
 * broker in the place of `execute` and shares the rest.
 *
 * All of it is a pure function of state, rules, bars t and t + 1; the state is overwritten in place, and nothing is allocated.
 */
import { badData, type Failure } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { HOLD_BOTH, targetOf } from '../env/actions.js'
import { DEFAULT_REWARD, type RewardTerms, rewardOf, type StepResult } from '../env/reward.js'
import { type Market, SYMBOL_COUNT } from '../market/align.js'
import { Account } from '../portfolio/account.js'
import { type Costs, DEFAULT_COSTS, feesOf, fillable, slippageOf } from '../portfolio/costs.js'
import {
  ALLOW,
  DRAWDOWN_FRACTION,
  MAX_DAY_LOSS,
  MAX_DRAWDOWN,
  NO_ENTRY,
  ORDERS_PER_MINUTE,
  permitted,
  type RiskView,
  ruleFor,
  SESSION_END,
  SIZE_ZERO,
  STALE_DATA,
  TRADES_PER_DAY,
  wholeShares,
} from '../risk/guard.js'
import { DEFAULT_LIMITS, type Limits } from '../risk/limits.js'

export const FILLS = ['open', 'close'] as const
export type Fill = (typeof FILLS)[number]

export interface Rules {
  /** Dollars at the start. */
  readonly capital: number
  /** Dollars of a full position; whole shares below it are bought. */
  readonly maxPosition: number
  /** A fixed count of shares instead. */
  readonly shares: number | null
  readonly fractional: boolean
  readonly fill: Fill
  readonly costs: Costs
  readonly limits: Limits
  /** Ends the run when (peak - equity) / peak passes it; null for never. */
  readonly maxDrawdownFraction: number | null
  readonly reward: RewardTerms
}

export const DEFAULT_RULES: Rules = {
  capital: 5000,
  maxPosition: DEFAULT_LIMITS.maxPosition,
  shares: null,
  fractional: false,
  fill: 'open',
  costs: DEFAULT_COSTS,
  limits: DEFAULT_LIMITS,
  maxDrawdownFraction: null,
  reward: DEFAULT_REWARD,
}

/** Everything that lasts from one decision to the next. */
export class TradingState {
  readonly account: Account
  /** Direction of each symbol's target, and its shares, fixed when the target changed. */
  readonly target = new Float64Array(SYMBOL_COUNT)
  readonly size = new Float64Array(SYMBOL_COUNT)
  /** 1 from a change of target until its first fill: the trade is counted then. */
  readonly changing = new Float64Array(SYMBOL_COUNT)
  /** Last rule against each symbol, so that a refusal is told once and not every minute. */
  readonly lastRule = new Float64Array(SYMBOL_COUNT)
  /** 1 where a position came through a night in which it should have been flat. */
  readonly carried = new Float64Array(SYMBOL_COUNT)
  equity: number
  peak: number
  /** Equity at the end of the session before. */
  dayStart: number
  lastAction = HOLD_BOTH
  trades = 0
  tradesToday = 0
  minute = -1
  ordersThisMinute = 0
  halted = 0
  stopped = 0

  constructor(capital: number) {
    this.account = new Account(capital)
    this.equity = capital
    this.peak = capital
    this.dayStart = capital
  }
}

/** What the last step did; overwritten by the next. */
export class Outcome {
  /** Signed shares ordered and filled. */
  readonly ordered = new Float64Array(SYMBOL_COUNT)
  readonly filled = new Float64Array(SYMBOL_COUNT)
  /** Dollars a share; dollars. */
  readonly price = new Float64Array(SYMBOL_COUNT)
  readonly fees = new Float64Array(SYMBOL_COUNT)
  readonly slippage = new Float64Array(SYMBOL_COUNT)
  /** Dollars of market movement earned, before costs. */
  readonly pnl = new Float64Array(SYMBOL_COUNT)
  /** The wish before the guard, what became of it, and the rule that spoke; `told` is 1 where it is news. */
  readonly wanted = new Float64Array(SYMBOL_COUNT)
  readonly allowed = new Float64Array(SYMBOL_COUNT)
  readonly rule = new Int32Array(SYMBOL_COUNT)
  readonly told = new Int32Array(SYMBOL_COUNT)
  /** What the rule looked at, in the unit of its limit: dollars lost, milliseconds, trades, orders, else dollars wished for. */
  readonly value = new Float64Array(SYMBOL_COUNT)
  /** 1 where the order only goes on with a partial fill. */
  readonly completes = new Int32Array(SYMBOL_COUNT)
  reward = 0
  /** Ended by a drawdown limit. */
  terminated = false
  /** The rule that ended it. */
  endedBy = ALLOW
}

export class Kernel {
  readonly market: Market
  readonly rules: Rules
  readonly outcome = new Outcome()
  readonly #view: RiskView = {
    halted: false,
    stopped: false,
    carried: false,
    tradesToday: 0,
    tradesNeeded: 0,
    ordersThisMinute: 0,
    toCloseMs: 0,
    intervalMs: 0,
    ageMs: 0,
  }
  readonly #result: StepResult = {
    change: 0,
    action: 0,
    lastAction: -1,
    tradesBefore: 0,
    turnover: 0,
    equity: 0,
    peak: 0,
  }
  readonly #needsVolume: boolean
  readonly #room = { mark: 0, fractional: false }

  constructor(market: Market, rules: Rules) {
    this.market = market
    this.rules = rules
    this.#room.fractional = rules.fractional
    this.#needsVolume = rules.costs.participation !== null || rules.costs.impactBps > 0
  }

  /** One step; bar t + 1 must exist. */
  step(state: TradingState, t: number, action: number): Outcome {
    this.decide(state, t, action)
    this.begin(state, t + 1)
    this.execute(state, t)
    this.settle(state, t, action)
    return this.outcome
  }

  /** From an action to the shares to order, in `outcome.ordered`. `ageMs` is the age of the newest bar. */
  decide(state: TradingState, t: number, action: number, ageMs = 0): void {
    const { market, rules, outcome } = this
    const view = this.#view
    this.#result.tradesBefore = state.tradesToday
    const now = market.time[t]! + market.intervalMs
    const minute = Math.floor(now / 60_000)
    if (minute !== state.minute) {
      state.minute = minute
      state.ordersThisMinute = 0
    }
    view.halted = state.halted === 1
    view.stopped = state.stopped === 1
    let trades = state.tradesToday
    view.toCloseMs = market.sessions[market.session[t]!]!.closeMs - now
    view.intervalMs = market.intervalMs
    view.ageMs = ageMs
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const mark = market.close[k]![t]!
      const held = state.account.position[k]!
      const target = targetOf(action, k)
      let size = state.size[k]!
      let zero = false
      if (target !== state.target[k]!) {
        size = target === 0 ? 0 : this.#sizeAt(mark)
        zero = target !== 0 && size === 0
      }
      const wanted = target * size
      view.carried = state.carried[k]! === 1
      view.tradesToday = trades
      const other = k === 0 ? state.account.position[1]! : outcome.allowed[0]!
      const changes = target !== state.target[k]! || state.changing[k]! === 1
      view.tradesNeeded = (changes ? 1 : 0) + (target !== 0 ? 1 : 0) + (other !== 0 ? 1 : 0)
      view.ordersThisMinute = state.ordersThisMinute
      let rule = ruleFor(rules.limits, view, held, wanted, mark)
      if (rule === ALLOW && zero) rule = SIZE_ZERO
      let allowed = wanted
      if (rule !== ALLOW) {
        this.#room.mark = mark
        allowed = permitted(rules.limits, rule, held, wanted, this.#room)
      }
      outcome.wanted[k] = wanted
      outcome.allowed[k] = allowed
      outcome.rule[k] = rule
      outcome.value[k] = rule === ALLOW ? 0 : this.#valueAtRisk(state, rule, wanted, mark)
      outcome.told[k] = rule !== ALLOW && rule !== state.lastRule[k]! ? 1 : 0
      state.lastRule[k] = rule
      const direction = allowed > 0 ? 1 : allowed < 0 ? -1 : 0
      const order = allowed - held
      outcome.completes[k] = rule === ALLOW && direction === state.target[k]! ? 1 : 0
      if (order === 0) state.changing[k] = 0
      else if (direction !== state.target[k]!) state.changing[k] = 1
      // What the guard left is the target from now on: a refused wish is not carried out later by itself. Only a partial
      // fill that may not be completed yet keeps its size.
      if (rule === ALLOW || order !== 0 || direction === 0) {
        state.target[k] = direction
        state.size[k] = allowed < 0 ? -allowed : allowed
      }
      outcome.ordered[k] = order
      if (order !== 0) state.ordersThisMinute++
      if (state.changing[k]! === 1) trades++
    }
  }

  /** Bar `t` begins; the first of a session opens a new trading day. */
  begin(state: TradingState, t: number): void {
    const { session } = this.market
    if (session[t]! === session[t - 1]!) return
    state.dayStart = state.equity
    state.tradesToday = 0
    state.stopped = 0
    if (this.rules.limits.flatBeforeCloseMs === null) return
    for (let k = 0; k < SYMBOL_COUNT; k++) if (state.account.position[k]! !== 0) state.carried[k] = 1
  }

  /** The simulated broker: fills the orders of decision t in bar t + 1. */
  execute(state: TradingState, t: number): void {
    const { market, rules, outcome } = this
    const { costs } = rules
    const atOpen = rules.fill === 'open'
    const bar = atOpen ? t + 1 : t
    // Orders are for the day: what finds no more bars in its session expires, and is not filled in the morning.
    const expires =
      atOpen && rules.limits.flatBeforeCloseMs !== null && market.session[t + 1]! !== market.session[t]!
    const meanPrice = (market.close[0]![t]! + market.close[1]![t]!) / 2
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      outcome.filled[k] = 0
      outcome.fees[k] = 0
      outcome.slippage[k] = 0
      const order = outcome.ordered[k]!
      if (order === 0 || expires) continue
      const reference = atOpen ? market.open[k]![bar]! : market.close[k]![bar]!
      const volume = market.volume[k]![bar]!
      if (this.#needsVolume && !(volume >= 0)) throw volumeUnknown(market, k, bar)
      const shares = fillable(costs, Math.abs(order), volume, rules.fractional)
      if (shares === 0) continue
      const slip = slippageOf(costs, shares, reference, volume)
      const price = order > 0 ? reference + slip : reference - slip
      const fees = feesOf(costs, shares, price, meanPrice)
      this.book(state, k, order > 0 ? shares : -shares, price, fees, slip * shares)
    }
  }

  /** Books a fill of signed `shares`; the first fill of a changed target makes a trade. */
  book(
    state: TradingState,
    symbol: number,
    shares: number,
    price: number,
    fees: number,
    slippage: number,
  ): void {
    const { outcome } = this
    state.account.fill(symbol, shares, price, fees, slippage)
    outcome.filled[symbol] = shares
    outcome.price[symbol] = price
    outcome.fees[symbol] = fees
    outcome.slippage[symbol] = slippage
    if (state.changing[symbol]! === 1) {
      state.changing[symbol] = 0
      state.trades++
      state.tradesToday++
    }
  }

  /** Marks the account at the close of bar t + 1, tests the loss limits, and gives the reward. */
  settle(state: TradingState, t: number, action: number): void {
    const { market, rules, outcome } = this
    const { limits } = rules
    const result = this.#result
    const night = market.session[t + 1]! !== market.session[t]!
    let turnover = 0
    let gap = 0
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const before = market.close[k]![t]!
      const open = market.open[k]![t + 1]!
      const after = market.close[k]![t + 1]!
      const held = state.account.position[k]!
      const filled = outcome.filled[k]!
      const overGap = rules.fill === 'open' ? held - filled : held
      outcome.pnl[k] =
        rules.fill === 'open' ? overGap * (open - before) + held * (after - open) : held * (after - before)
      if (night) gap += overGap * (open - before)
      turnover += (filled < 0 ? -filled : filled) * outcome.price[k]!
      if (held === 0) state.carried[k] = 0
    }
    const equity = state.account.equity(market.close[0]![t + 1]!, market.close[1]![t + 1]!)
    result.change = equity - state.equity
    // A position that slipped through a night teaches nothing about intraday trading.
    if (night && limits.flatBeforeCloseMs !== null) result.change -= gap
    state.equity = equity
    if (equity > state.peak) state.peak = equity
    if (state.dayStart - equity >= limits.maxDayLoss) state.stopped = 1
    if (state.peak - equity >= limits.maxDrawdown) state.halted = 1
    const flat = state.account.position[0]! === 0 && state.account.position[1]! === 0
    outcome.terminated = state.halted === 1 && flat
    outcome.endedBy = outcome.terminated ? MAX_DRAWDOWN : ALLOW
    const { maxDrawdownFraction } = rules
    if (maxDrawdownFraction !== null && (state.peak - equity) / state.peak > maxDrawdownFraction) {
      outcome.terminated = true
      outcome.endedBy = DRAWDOWN_FRACTION
    }
    result.action = action
    result.lastAction = state.lastAction
    result.turnover = turnover
    result.equity = equity
    result.peak = state.peak
    state.lastAction = action
    outcome.reward = rewardOf(rules.reward, result)
  }

  #valueAtRisk(state: TradingState, rule: number, wanted: number, mark: number): number {
    const view = this.#view
    switch (rule) {
      case MAX_DAY_LOSS:
        return state.dayStart - state.equity
      case MAX_DRAWDOWN:
        return state.peak - state.equity
      case SESSION_END:
      case NO_ENTRY:
        return view.toCloseMs
      case STALE_DATA:
        return view.ageMs
      case TRADES_PER_DAY:
        return view.tradesToday
      case ORDERS_PER_MINUTE:
        return view.ordersThisMinute
      case SIZE_ZERO:
        return mark
      default:
        return Math.abs(wanted) * mark
    }
  }

  #sizeAt(mark: number): number {
    const { shares, maxPosition, fractional } = this.rules
    return shares ?? wholeShares(maxPosition / mark, fractional)
  }
}

function volumeUnknown(market: Market, symbol: number, bar: number): Failure {
  const { symbols, time } = market
  return badData(`${symbols[symbol]!} ${formatTime(time[bar]!)}: the volume is unknown`, {
    hint: 'a participation cap and market impact need volumes',
  })
}
