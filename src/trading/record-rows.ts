/** What order, fill and risk records say of an event, before they are written in one form or another. Times in epoch milliseconds. */
import { formatTime } from '../base/time.js'
import type { Change } from '../portfolio/order-book.js'
import { ANSWERS, MAX_DAY_LOSS, RULES } from '../risk/rules.js'
import type { Outcome } from './outcome.js'
import type { Rules } from './rules.js'
import type { TradingState } from './state.js'

/** `NVDA-20250730T133100Z`: one order a symbol and decision, so that a repeated run names the same order. */
const orderReference = (symbol: string, timeMs: number): string =>
  `${symbol}-${formatTime(timeMs).replace(/[-:]|\.\d+/g, '')}`

const side = (shares: number): 'buy' | 'sell' => (shares > 0 ? 'buy' : 'sell')

/** An order for `symbol`, the `k`th of the market. */
export function orderRow(symbol: string, time: number, k: number, { ordered, rule, completes }: Outcome) {
  const shares = ordered[k]!
  return {
    time,
    symbol,
    side: side(shares),
    qty: Math.abs(shares),
    kind: 'market',
    limit: null,
    ref: orderReference(symbol, time),
    reason: completes[k] === 1 ? 'complete' : rule[k] === 0 ? 'target' : RULES[rule[k]!]!.name,
  }
}

/** An execution of `symbol`. */
export function fillRow(symbol: string, change: Change) {
  const { decidedMs, timeMs: time, execution, shares, oldShares, price, fees, slippage } = change
  const ref = orderReference(symbol, decidedMs)
  return {
    time,
    symbol,
    side: side(shares === 0 ? oldShares : shares),
    qty: Math.abs(shares),
    price,
    commission: fees,
    slippage,
    ref,
    // The simulated broker counts the executions of an order; a real one has ids of its own.
    exec: typeof execution === 'number' ? `${ref}.${execution}` : execution,
  }
}

/** What the guard has said: the number of the rule, its answer, and what it looked at. */
export interface Judged {
  readonly rule: number
  readonly answer: string
  readonly value: number
  readonly detail: object
}

/** What a rule has made of the wish for `symbol`, the `k`th of the market. */
export const refusal = (
  symbol: string,
  k: number,
  { rule, answer, wanted, allowed, value }: Outcome,
): Judged => ({
  rule: rule[k]!,
  answer: ANSWERS[answer[k]!]!,
  value: value[k]!,
  detail: { symbol, wanted: wanted[k]!, allowed: allowed[k]! },
})

/** The loss limit that a step has ended with; null where it has met none. */
export function lossOf({ terminated, endedBy, endValue, dayLoss }: Outcome): Judged | null {
  if (terminated) return { rule: endedBy, answer: RULES[endedBy]!.action, value: endValue, detail: {} }
  if (dayLoss === null) return null
  return { rule: MAX_DAY_LOSS, answer: RULES[MAX_DAY_LOSS]!.action, value: dayLoss, detail: {} }
}

/** What the guard has said, with the value that it looked at and the limit in the same unit. */
export function riskRow(time: number, given: Judged, rules: Rules) {
  const { name, limit, overshoots } = RULES[given.rule]!
  const bound = limit(rules)
  // By how much a limit was passed is known once nothing is left to close.
  const isOver = overshoots && bound !== null && (given.answer === 'deny' || !('symbol' in given.detail))
  const overshoot = isOver ? { overshoot: given.value - bound } : {}
  const detail = { ...given.detail, value: given.value, limit: bound, ...overshoot }
  return { time, rule: name, action: given.answer, detail }
}

/** Dollars since the session and since the run began, and the part lost since the peak: what an equity record says beside its equity. */
export const sinceThen = ({ equity, dayStart, peak }: TradingState, { capital }: Rules) => ({
  day: equity - dayStart,
  total: equity - capital,
  drawdown: (peak - equity) / peak,
})
