/**
 * The transition of training and backtest: (state, bars, action) -> guard -> orders -> reports -> account -> reward.
 *
 * At decision t the bars up to t have ended. `decide` looks at nothing later and sends orders. Reports on them come through
 * `apply`, whoever makes them: the simulated broker in `execute`, another one at any time. `settle` marks the account at the
 * close of bar t + 1. So an action never earns a move that ended at or before its decision.
 *
 * Decisions stand on the bars of both symbols. A bar that one symbol has alone, its partner being halted, still fills the orders
 * of its symbol, marks it, and lets the guard close it.
 *
 * All of it is a pure function of state, action, age of the data, rules, bars from t to t + 1, and reports; the state is
 * overwritten in place, and nothing is allocated.
 */
import { ACTION_COUNT, targetOf } from '../env/actions.js'
import { rewardOf, type StepResult } from '../env/reward.js'
import { endOfBar, sessionOfStart } from '../market/grid.js'
import { type Market, SYMBOL_COUNT } from '../market/market.js'
import { DUST } from '../portfolio/account.js'
import { type Offer, SimulatedBroker } from '../portfolio/fills.js'
import type { Change } from '../portfolio/order-book.js'
import { CANCEL, isOpen, newReport, REJECTED, type Report } from '../portfolio/orders.js'
import { increases, leadsAway, NEITHER, orderable, permitted, ruleFor, wholeShares } from '../risk/guard.js'
import {
  ALLOW,
  answerOf,
  FLATTEN_ALL,
  MAX_DRAWDOWN,
  MAX_LOSS,
  ORDER_REJECTED,
  type RiskView,
  RULES,
  SIZE_ZERO,
} from '../risk/rules.js'
import { Apart, type LoneBar } from './apart.js'
import type { Listener } from './listener.js'
import { Outcome } from './outcome.js'
import type { Rules } from './rules.js'
import type { TradingState } from './state.js'

/** Ages, milliseconds, of data that is known at once. */
const FRESH = [0, 0]

/**
 * The step of trading on one market under one set of rules. The state of a run is passed in: nothing of
 * it stays here from one step to the next.
 */
export class Transition {
  readonly market: Market
  readonly rules: Rules
  readonly outcome = new Outcome()
  readonly #listener: Listener | null
  readonly #broker: SimulatedBroker
  readonly #report = newReport()
  /** The outcome sums up executions of the step under way. */
  #hasSums = false
  /** Those sums are of a step that has ended: what comes now belongs to the next one. */
  #isStale = false
  readonly #view: RiskView = {
    halted: false,
    stopped: false,
    carried: false,
    rejected: false,
    tradesToday: 0,
    tradesNeeded: 0,
    ordersThisMinute: 0,
    needsOrder: true,
    toCloseMs: 0,
    intervalMs: 0,
    ageMs: 0,
    dayLoss: 0,
    fall: 0,
    drawdown: 0,
    mark: 0,
    wantedDollars: 0,
    leverage: 0,
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
  readonly #room = { mark: 0, fractional: false }
  /** By symbol, the order that waits for the next bar of its own: signed shares, 0 for none; its id; when it was decided, and the close of that session. */
  readonly #due = new Float64Array(SYMBOL_COUNT)
  readonly #dueOrder = new Float64Array(SYMBOL_COUNT)
  readonly #dueMs = new Float64Array(SYMBOL_COUNT)
  readonly #dueCloseMs = new Float64Array(SYMBOL_COUNT)
  readonly #offer: Offer = { timeMs: 0, barMs: 0, price: 0, meanPrice: 0, volume: 0 }
  /** Bars of one symbol alone lay in the step under way. */
  readonly #apart: Apart

  /** `listener` is told of every event; training has none. */
  constructor(market: Market, rules: Rules, listener: Listener | null = null) {
    this.market = market
    this.rules = rules
    this.#listener = listener
    const { fill, costs, fractional, limits } = rules
    const overnight = limits.flatBeforeCloseMs === null
    const { intervalMs } = market
    this.#broker = new SimulatedBroker({ fill, costs, fractional, overnight, intervalMs })
    this.#room.fractional = fractional
    this.#apart = new Apart(market)
  }

  /** One step with the simulated broker; bar t + 1 must exist. The outcome is overwritten by the next step. */
  step(state: TradingState, t: number, action: number): Outcome {
    if (t + 1 >= this.market.length) throw new RangeError(`no bar after ${t} of ${this.market.length}`)
    this.decide(state, t, action)
    if (this.#apart.find(t)) this.#passAlone(state, t)
    this.begin(state, t + 1)
    this.execute(state, t)
    this.settle(state, t)
    return this.outcome
  }

  /** From an action at bar `t` to orders: in `outcome.ordered`, and in the state's book. `ages` has the age of the newest data by symbol. */
  decide(state: TradingState, t: number, action: number, ages: ArrayLike<number> = FRESH): void {
    const { market, rules, outcome } = this
    const { orders } = state
    const view = this.#view
    // Beyond its columns a market reads as undefined, and an action that is none as a short.
    if (t !== t >>> 0 || t >= market.length) throw new RangeError(`no bar ${t} of ${market.length}`)
    if (action !== action >>> 0 || action >= ACTION_COUNT) throw new RangeError(`no action ${action}`)
    if (this.#isStale) this.#startAnew()
    outcome.action = action
    this.#result.tradesBefore = state.tradesToday
    const now = market.endOf(t)
    const { closeMs } = market.sessions[market.session[t]!]!
    const minute = Math.floor(now / 60_000)
    if (minute !== state.minute) {
      state.minute = minute
      state.ordersThisMinute = 0
    }
    view.halted = state.halted === 1
    view.stopped = state.stopped === 1
    let trades = state.tradesToday + orders.rejectedToday
    view.toCloseMs = closeMs - now
    view.intervalMs = market.intervalMs
    const open = orders.length > 0
    // Arrays by name: a field would be read again after each call.
    const { position } = state.account
    const { target: targets, size: sizes, changing, lastRule } = state
    const { ordered, allowed: left, told } = outcome
    const { maxLeverage } = rules.limits
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const mark = market.close[k]![t]!
      const held = position[k]!
      const target = targetOf(action, k)
      let buying = 0
      let selling = 0
      if (open) {
        orders.measure(k)
        buying = orders.buying
        selling = orders.selling
      }
      const committed = held + buying - selling
      let size = sizes[k]!
      let zero = false
      if (target !== targets[k]!) {
        size = target === 0 ? 0 : this.#sizeAt(mark)
        zero = target !== 0 && size === 0
      }
      const wanted = target * size
      view.ageMs = ages[k]!
      view.carried = state.carried[k]! === 1
      view.rejected = orders.isRefused(k, target)
      view.tradesToday = trades
      const other = k === 0 ? position[1]! : left[0]!
      const changes = target !== targets[k]! || changing[k]! === 1
      view.tradesNeeded = (changes ? 1 : 0) + (target !== 0 ? 1 : 0) + (other !== 0 ? 1 : 0)
      view.needsOrder = wanted !== committed
      view.ordersThisMinute = state.ordersThisMinute
      if (maxLeverage !== null)
        view.leverage = leverageOf(
          state.equity,
          wanted * mark,
          other * (k === 0 ? market.close[1][t]! : market.close[0][t]!),
        )
      let rule = ruleFor(rules.limits, view, held, wanted, mark)
      if (rule === ALLOW && zero) rule = SIZE_ZERO
      let allowed = wanted
      if (rule !== ALLOW) {
        this.#room.mark = mark
        allowed = permitted(rules.limits, rule, held, wanted, this.#room)
      }
      outcome.wanted[k] = wanted
      left[k] = allowed
      outcome.rule[k] = rule
      told[k] = rule !== ALLOW && rule !== lastRule[k]! ? 1 : 0
      lastRule[k] = rule
      const direction = allowed > 0 ? 1 : allowed < 0 ? -1 : 0
      const away = open ? leadsAway(held, buying, selling, allowed) : NEITHER
      let order =
        open && allowed !== committed ? orderable(held, buying, selling, allowed) : allowed - committed
      if (order < DUST && order > -DUST) order = 0
      outcome.cancels[k] = away
      outcome.completes[k] = rule === ALLOW && direction === targets[k]! ? 1 : 0
      if (order === 0 && buying === 0 && selling === 0) changing[k] = 0
      else if (direction !== targets[k]!) changing[k] = 1
      // What the guard left is the target from now on: a refused wish is not carried out later by itself. Only a partial
      // fill that may not be completed yet keeps its size.
      if (rule === ALLOW || order !== 0 || away !== NEITHER || direction === 0) {
        targets[k] = direction
        sizes[k] = allowed < 0 ? -allowed : allowed
      }
      ordered[k] = order
      if (told[k] === 1) this.#tell(state, outcome, now, k, held, mark)
      this.#due[k] = order
      if (order !== 0) {
        state.ordersThisMinute++
        outcome.order[k] = orders.send(k, order, now, allowed, mark, changing[k]!)
        this.#dueOrder[k] = outcome.order[k]!
        this.#dueMs[k] = now
        this.#dueCloseMs[k] = closeMs
        this.#listener?.ordered(now, k, outcome)
      }
      if (changing[k]! === 1) trades++
    }
  }

  /** Bar `t` begins; the first of a session opens a new trading day. */
  begin(state: TradingState, t: number): void {
    const { session, sessions } = this.market
    if (session[t]! === session[t - 1]!) return
    // A bar of one symbol alone may have opened it before.
    if (this.#apart.isPassed && this.#apart.closeMs === sessions[session[t]!]!.closeMs) return
    this.#beginDay(state)
  }

  #beginDay(state: TradingState): void {
    state.dayStart = state.equity
    state.tradesToday = 0
    state.stopped = 0
    state.orders.beginDay()
    if (this.rules.limits.flatBeforeCloseMs === null) return
    for (let k = 0; k < SYMBOL_COUNT; k++) if (state.account.position[k]! !== 0) state.carried[k] = 1
  }

  /** The simulated broker: answers the orders that wait for bar t + 1. Nothing of them is open afterwards. */
  execute(state: TradingState, t: number): void {
    const { orders } = state
    if (orders.length === 0) return
    const { market } = this
    const { time, session, sessions } = market
    const atOpen = this.rules.fill === 'open'
    const bar = atOpen ? t + 1 : t
    const { closeMs } = sessions[session[t + 1]!]!
    const offer = this.#offer
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      if (this.#due[k]! === 0) continue
      offer.barMs = time[bar]!
      offer.timeMs = atOpen ? time[bar]! : market.endOf(t)
      offer.price = atOpen ? market.open[k]![bar]! : market.close[k]![bar]!
      offer.volume = market.volume[k]![bar]!
      offer.meanPrice = (market.close[0]![t]! + market.close[1]![t]!) / 2
      this.#answer(
        state,
        k,
        this.#broker.isInTime(this.#dueMs[k]!, time[t + 1]!, closeMs !== this.#dueCloseMs[k]!),
      )
    }
    orders.clear()
  }

  /** Answers the order that waits for a bar of symbol `k`, which is in `offer` and may come too late. */
  #answer(state: TradingState, k: number, isInTime: boolean): void {
    const report = this.#report
    const shares = this.#due[k]!
    this.#due[k] = 0
    report.order = this.#dueOrder[k]!
    if (isInTime) this.#broker.answer(report, this.market.symbols[k]!, shares, this.#offer)
    else this.#broker.expire(report, this.#dueMs[k]!)
    this.apply(state, report)
    if (!isOpen(state.orders.change.after)) return
    report.kind = CANCEL
    this.apply(state, report)
  }

  /**
   * After the last decision: the bars that one symbol has alone after bar `t`, the last of both, mark and close what is held.
   * Listeners are told of the account then.
   */
  end(state: TradingState, t: number): void {
    const apart = this.#apart
    if (!apart.find(t)) return
    if (this.#isStale) this.#startAnew()
    this.#passAlone(state, t)
    for (let k = 0; k < SYMBOL_COUNT; k++) if (this.#due[k]! !== 0) this.#answer(state, k, false)
    state.orders.clear()
    this.close(state)
  }

  /** Nothing more comes: listeners are told of the account at the bars of one symbol alone that came after the last of both. */
  close(state: TradingState): void {
    const apart = this.#apart
    if (!apart.isPassed) return
    apart.isPassed = false
    this.#listener?.marked(apart.endMs, state, apart.mark)
  }

  /** The bars between t and t + 1 that one symbol has alone, in the order of time. */
  #passAlone(state: TradingState, t: number): void {
    const apart = this.#apart
    const { market, outcome } = this
    if (this.rules.fill === 'close') this.execute(state, t)
    apart.begin(t, state.equity, outcome.filled)
    for (let k = apart.next(); k >= 0; k = apart.next()) {
      const series = market.alone[k]!
      const i = apart.index
      const timeMs = series.time[i]!
      // The market takes bars of sessions alone.
      const { closeMs } = sessionOfStart(timeMs, market.intervalMs)!
      this.#openDay(state, closeMs)
      this.#passBar(state, { k, i, timeMs, closeMs })
    }
  }

  /** A bar of symbol `k` alone: the simulated broker fills its order, and the bar is taken in. */
  #passBar(state: TradingState, bar: LoneBar): void {
    const { market, rules } = this
    const { k, i, timeMs, closeMs } = bar
    const apart = this.#apart
    const series = market.alone[k]!
    const atOpen = rules.fill === 'open'
    const offer = this.#offer
    if (this.#due[k]! !== 0) {
      offer.barMs = timeMs
      offer.timeMs = timeMs
      offer.price = series.open[i]!
      offer.volume = series.volume[i]!
      offer.meanPrice = (apart.mark[0]! + apart.mark[1]!) / 2
      this.#answer(state, k, this.#broker.isInTime(this.#dueMs[k]!, timeMs, closeMs !== this.#dueCloseMs[k]!))
    }
    this.#takeAlone(state, bar)
    if (atOpen || this.#due[k]! === 0) return
    offer.barMs = timeMs
    offer.timeMs = apart.endMs
    offer.price = series.close[i]!
    offer.volume = series.volume[i]!
    this.#answer(state, k, true)
    apart.filled[k] = this.outcome.filled[k]!
  }

  /**
   * In a market that lives: the newest bar that symbol `k` has alone has ended; `t` is the last bar of both. Gives what the guard
   * has done then, in an outcome of its own: its orders are to be sent, and its cancels, like those of `decide`.
   */
  passed(state: TradingState, t: number, k: number): Outcome {
    const { market } = this
    const apart = this.#apart
    const i = market.alone[k]!.length - 1
    const timeMs = market.alone[k]!.time[i]!
    const { closeMs } = sessionOfStart(timeMs, market.intervalMs)!
    if (this.#isStale) this.#startAnew()
    apart.outcome.ordered.fill(0)
    apart.outcome.cancels.fill(NEITHER)
    if (!apart.isPassed) apart.begin(t, state.equity, this.outcome.filled)
    this.#openDay(state, closeMs)
    this.#takeAlone(state, { k, i, timeMs, closeMs })
    return apart.outcome
  }

  /** A bar alone that closes with another session than the one before opens a new trading day. */
  #openDay(state: TradingState, closeMs: number): void {
    if (closeMs <= this.#apart.closeMs) return
    this.#beginDay(state)
    this.#apart.closeMs = closeMs
  }

  /** Marks symbol `k` at a bar of its own, tests the limits, and lets the guard close it. */
  #takeAlone(state: TradingState, { k, i, timeMs, closeMs }: LoneBar): void {
    const { market, rules, outcome } = this
    const apart = this.#apart
    const series = market.alone[k]!
    const [open, close, before] = [series.open[i]!, series.close[i]!, apart.mark[k]!]
    const held = state.account.position[k]!
    const overGap = held - (outcome.filled[k]! - apart.filled[k]!)
    apart.pnl[k]! +=
      rules.fill === 'open' ? overGap * (open - before) + held * (close - open) : held * (close - before)
    if (closeMs !== apart.markedIn[k]!) apart.gap += overGap * (open - before)
    apart.filled[k] = outcome.filled[k]!
    apart.mark[k] = close
    apart.markedIn[k] = closeMs
    apart.endMs = endOfBar(timeMs, market.intervalMs, market.anchor)
    if (held === 0) state.carried[k] = 0
    state.equity = state.account.equity(apart.mark[0]!, apart.mark[1]!)
    this.#testLosses(state)
    apart.drawdown = Math.max(apart.drawdown, (state.peak - state.equity) / state.peak)
    if (held !== 0) this.#closeAlone(state, k, { endMs: apart.endMs, closeMs })
  }

  /** The guard at the end of a bar of symbol `k` alone: no wish stands behind it, so it can only close what is held. */
  #closeAlone(
    state: TradingState,
    k: number,
    { endMs, closeMs }: { readonly endMs: number; readonly closeMs: number },
  ): void {
    const { rules, market } = this
    const apart = this.#apart
    const view = this.#view
    const held = state.account.position[k]!
    const mark = apart.mark[k]!
    view.halted = state.halted === 1
    view.stopped = state.stopped === 1
    view.carried = state.carried[k]! === 1
    view.toCloseMs = closeMs - endMs
    view.intervalMs = market.intervalMs
    const rule = ruleFor(rules.limits, view, held, held, mark)
    if (rule === ALLOW) {
      state.lastRule[k] = ALLOW
      return
    }
    this.#closeOut(state, k, { endMs, closeMs, mark, rule, outcome: apart.outcome })
  }

  /** Orders what closes all that is held of symbol `k`, and tells why. */
  #closeOut(
    state: TradingState,
    k: number,
    {
      endMs,
      closeMs,
      mark,
      rule,
      outcome,
    }: {
      readonly endMs: number
      readonly closeMs: number
      readonly mark: number
      readonly rule: number
      readonly outcome: Outcome
    },
  ): void {
    const { orders } = state
    const held = state.account.position[k]!
    orders.measure(k)
    const { buying, selling } = orders
    outcome.wanted[k] = held
    outcome.allowed[k] = 0
    outcome.rule[k] = rule
    outcome.completes[k] = 0
    if (rule !== state.lastRule[k]!) this.#tell(state, outcome, endMs, k, held, mark)
    state.lastRule[k] = rule
    state.target[k] = 0
    state.size[k] = 0
    state.changing[k] = 1
    outcome.cancels[k] = leadsAway(held, buying, selling, 0)
    const shares = orderable(held, buying, selling, 0)
    if (shares === 0) return
    const minute = Math.floor(endMs / 60_000)
    if (minute !== state.minute) {
      state.minute = minute
      state.ordersThisMinute = 0
    }
    state.ordersThisMinute++
    outcome.ordered[k] = shares
    outcome.order[k] = orders.send(k, shares, endMs, 0, mark, 1)
    this.#due[k] = shares
    this.#dueOrder[k] = outcome.order[k]!
    this.#dueMs[k] = endMs
    this.#dueCloseMs[k] = closeMs
    this.#listener?.ordered(endMs, k, outcome)
  }

  /** In a market that lives: orders what closes everything, at the last marks; `timeMs` is now. */
  flatten(state: TradingState, t: number, timeMs: number): Outcome {
    const { market } = this
    const { outcome } = this.#apart
    outcome.ordered.fill(0)
    outcome.cancels.fill(NEITHER)
    if (this.#isStale) this.#startAnew()
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      if (state.account.position[k]! === 0) continue
      const mark = this.#apart.isPassed ? this.#apart.mark[k]! : market.close[k]![t]!
      const { closeMs } = market.sessions[market.session[t]!]!
      this.#closeOut(state, k, { endMs: timeMs, closeMs, mark, rule: FLATTEN_ALL, outcome })
    }
    return outcome
  }

  /**
   * Takes in a report on an order, at any time: executions move the account, once each; the first of a changed target makes a
   * trade; a rejection ends the target. Throws a RangeError for an order that was never sent.
   */
  apply(state: TradingState, report: Report): void {
    const { outcome } = this
    const { account, orders } = state
    if (!orders.take(report)) return
    if (this.#isStale) this.#startAnew()
    const { change } = orders
    const k = change.symbol
    if (change.isExecution) {
      this.#hasSums = true
      const { shares, price, fees, slippage, oldShares, oldPrice, oldFees, oldSlippage } = change
      if (change.replaces) account.undo(k, oldShares, oldPrice, oldFees, oldSlippage)
      account.fill(k, shares, price, fees, slippage)
      outcome.filled[k]! += shares - oldShares
      outcome.price[k] = price
      outcome.traded[k]! += Math.abs(shares) * price - Math.abs(oldShares) * oldPrice
      outcome.fees[k]! += fees - oldFees
      outcome.slippage[k]! += slippage - oldSlippage
      if (change.isTrade) {
        state.trades++
        state.tradesToday++
        const aim = orders.aim[change.slot]!
        if ((aim > 0 ? 1 : aim < 0 ? -1 : 0) === state.target[k]!) state.changing[k] = 0
      }
    }
    this.#listener?.reported(change)
    if (change.after === REJECTED && change.before !== REJECTED) this.#rejected(state, change)
  }

  /** Marks the account at the close of bar t + 1, tests the loss limits, and gives the reward. */
  settle(state: TradingState, t: number): void {
    const { market, rules, outcome } = this
    const { limits } = rules
    const result = this.#result
    if (t + 1 >= market.length) throw new RangeError(`no bar after ${t} of ${market.length}`)
    const apart = this.#apart
    const { isPassed } = apart
    const { closeMs } = market.sessions[market.session[t + 1]!]!
    const isNextDay = market.session[t + 1]! !== market.session[t]!
    const atOpen = rules.fill === 'open'
    let turnover = 0
    let gap = isPassed ? apart.gap : 0
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const before = isPassed ? apart.mark[k]! : market.close[k]![t]!
      const open = market.open[k]![t + 1]!
      const after = market.close[k]![t + 1]!
      const held = state.account.position[k]!
      const filled = isPassed ? outcome.filled[k]! - apart.filled[k]! : outcome.filled[k]!
      const overGap = atOpen ? held - filled : held
      const pnl = atOpen ? overGap * (open - before) + held * (after - open) : held * (after - before)
      outcome.pnl[k] = isPassed ? apart.pnl[k]! + pnl : pnl
      if (isPassed ? closeMs !== apart.markedIn[k]! : isNextDay) gap += overGap * (open - before)
      turnover += outcome.traded[k]!
      if (held === 0) state.carried[k] = 0
    }
    const wasStopped = state.stopped === 1
    const equity = state.account.equity(market.close[0]![t + 1]!, market.close[1]![t + 1]!)
    result.change = equity - (isPassed ? apart.equity : state.equity)
    // A position that slipped through a night teaches nothing about intraday trading.
    if (isNextDay && limits.flatBeforeCloseMs !== null) result.change -= gap
    state.equity = equity
    this.#testLosses(state)
    const flat = state.account.position[0]! === 0 && state.account.position[1]! === 0
    outcome.terminated = state.halted === 1 && flat
    outcome.endedBy = outcome.terminated ? MAX_LOSS : ALLOW
    const { maxDrawdown } = rules
    if (maxDrawdown !== null) {
      const drawdown = (state.peak - equity) / state.peak
      if (drawdown > maxDrawdown || (isPassed && apart.drawdown > maxDrawdown)) {
        outcome.terminated = true
        outcome.endedBy = MAX_DRAWDOWN
      }
    }
    if (outcome.terminated) outcome.endValue = this.#valueFor(state, outcome.endedBy, 0, 0)
    if (isPassed && outcome.endedBy === MAX_DRAWDOWN)
      outcome.endValue = Math.max(outcome.endValue, apart.drawdown)
    // What the day's limit has cost is known once everything is closed.
    outcome.dayLoss = wasStopped && flat && this.#hasSums ? state.dayStart - equity : null
    result.action = outcome.action
    result.lastAction = state.lastAction
    result.turnover = turnover
    result.equity = equity
    result.peak = state.peak
    state.lastAction = outcome.action
    outcome.reward = rewardOf(rules.reward, result)
    apart.isPassed = false
    if (this.#hasSums) this.#isStale = true
    this.#hasSums = false
    this.#listener?.settled(t, state, outcome)
  }

  /** Peak and loss limits at a mark. */
  #testLosses(state: TradingState): void {
    const { limits } = this.rules
    if (state.equity > state.peak) state.peak = state.equity
    if (state.dayStart - state.equity >= limits.maxDayLoss) state.stopped = 1
    if (state.peak - state.equity >= limits.maxLoss) state.halted = 1
  }

  /** The first event of a step clears what the last one has summed up. */
  #startAnew(): void {
    this.#isStale = false
    const { filled, traded, fees, slippage } = this.outcome
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      filled[k] = 0
      traded[k] = 0
      fees[k] = 0
      slippage[k] = 0
    }
  }

  /**
   * The target that the order was for ends with what is held. A position that was to be opened, enlarged or turned is refused
   * until the wish changes or the day does, and uses up a trade; a way out is asked for again at the next decision: no rule
   * locks a position in.
   */
  #rejected(state: TradingState, { symbol: k, slot, timeMs }: Change): void {
    const { outcome } = this
    const { orders } = state
    const [aim, mark] = [orders.aim[slot]!, orders.mark[slot]!]
    const held = state.account.position[k]!
    const direction = Math.sign(aim)
    const enters = increases(held, aim)
    // A wish that has changed since is not concerned.
    if (direction === state.target[k]!) {
      state.target[k] = Math.sign(held)
      state.size[k] = Math.abs(held)
      state.changing[k] = 0
      if (enters) {
        orders.refuse(k, direction)
        state.lastRule[k] = ORDER_REJECTED
      }
    }
    if (enters) orders.rejectedToday++
    else if (!orders.isStuckAnew(k, -Math.sign(held))) return
    this.#room.mark = mark
    outcome.wanted[k] = aim
    outcome.allowed[k] = permitted(this.rules.limits, ORDER_REJECTED, held, aim, this.#room)
    outcome.rule[k] = ORDER_REJECTED
    outcome.told[k] = 1
    this.#tell(state, outcome, timeMs, k, held, mark)
  }

  /** Tells of the rule that spoke. What it looked at is computed for listeners alone: training tells nobody. */
  #tell(state: TradingState, outcome: Outcome, timeMs: number, k: number, held: number, mark: number): void {
    if (this.#listener === null) return
    const rule = outcome.rule[k]!
    outcome.value[k] = this.#valueFor(state, rule, outcome.wanted[k]!, mark)
    outcome.answer[k] = answerOf(rule, held)
    this.#listener.refused(timeMs, k, outcome)
  }

  #valueFor(state: TradingState, rule: number, wanted: number, mark: number): number {
    const view = this.#view
    view.dayLoss = state.dayStart - state.equity
    view.fall = state.peak - state.equity
    view.drawdown = view.fall / state.peak
    view.mark = mark
    view.wantedDollars = Math.abs(wanted) * mark
    return RULES[rule]!.value(view)
  }

  #sizeAt(mark: number): number {
    const { shares, maxPosition, fractional } = this.rules
    return shares ?? wholeShares(maxPosition / mark, fractional)
  }
}

/** Dollars of both positions as a multiple of equity. */
const leverageOf = (equity: number, one: number, other: number): number =>
  equity > 0 ? (Math.abs(one) + Math.abs(other)) / equity : Number.POSITIVE_INFINITY
