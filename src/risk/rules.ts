/**
 * The rules of the guard, one row each: what it is called, what it answers, what it looks at, what it holds that against, and
 * its words. Help, manual pages, records and summaries read them here. A rule that a flag sets has the flag's name.
 */
import type { Limits } from './limits.js'

export type RiskAction = 'clip' | 'deny' | 'flatten' | 'halt'

/** `part` of the peak, `multiple` of equity. */
export type RiskUnit = 'dollars' | 'ms' | 'count' | 'part' | 'multiple'

/** What the guard looks at for one symbol; filled anew for each decision, so that none is allocated. */
export interface RiskView {
  /** The loss limit from the peak was reached: nothing but the way out, for good. */
  halted: boolean
  /** The day's loss limit was reached. */
  stopped: boolean
  /** A position came through the night that should not have: bars were missing before the close. */
  carried: boolean
  /** The broker rejected the order for this very wish. */
  rejected: boolean
  /** Trades of the day, and changes of target that the broker rejected. */
  tradesToday: number
  /** Trades that the wish takes: one if it changes the target, and one to close each position then held. */
  tradesNeeded: number
  ordersThisMinute: number
  /** The wish is not under way yet. */
  needsOrder: boolean
  /** Milliseconds from the decision to the session's close. */
  toCloseMs: number
  /** Milliseconds until the next decision. */
  intervalMs: number
  /** Age of the newest bar at the decision. */
  ageMs: number
  /** Dollars lost today, dollars below the peak, and that as a part of the peak. */
  dayLoss: number
  fall: number
  drawdown: number
  /** Dollars a share at the last mark; dollars wished for. */
  mark: number
  wantedDollars: number
  /** Dollars of both positions as a multiple of equity, were the wish granted; computed where a limit asks for it. */
  leverage: number
}

/** What limits are set to. */
export interface Bounds {
  readonly limits: Limits
  /** Dollars of a full position, also where no limit holds. */
  readonly maxPosition: number
  /** Part of the peak at whose loss a run ends; null for never. */
  readonly maxDrawdown: number | null
}

export interface Rule {
  readonly name: string
  readonly action: RiskAction
  /** Of the value and of the limit. */
  readonly unit: RiskUnit
  /** What a record tells of the account. */
  readonly value: (view: RiskView) => number
  /** Null where it is not a number. */
  readonly limit: (bounds: Bounds) => number | null
  /** What it does, as the help of its flag has it. */
  readonly words: string
  /** A limit that can only be noticed once it is passed: records say by how much. */
  readonly overshoots?: true
  /** It is about data and reports from outside: in a backtest it has nothing to say. */
  readonly outside?: true
}

const wanted = (view: RiskView): number => view.wantedDollars
const none = (): null => null

/**
 * By number: 0 allows the wish. `ruleFor` asks them in an order of its own. Checkpoints hold their numbers: a new row goes to the
 * end.
 */
export const RULES: readonly Rule[] = [
  {
    name: 'allow',
    action: 'clip',
    unit: 'count',
    value: () => 0,
    limit: none,
    words: 'nothing speaks against it',
  },
  {
    name: 'max-loss',
    action: 'halt',
    unit: 'dollars',
    value: (view) => view.fall,
    limit: ({ limits }) => limits.maxLoss,
    words: 'flatten and end after this fall from the peak',
    overshoots: true,
  },
  {
    name: 'max-day-loss',
    action: 'flatten',
    unit: 'dollars',
    value: (view) => view.dayLoss,
    limit: ({ limits }) => limits.maxDayLoss,
    words: 'flatten after this loss, until the next session',
    overshoots: true,
  },
  {
    name: 'session-end',
    action: 'flatten',
    unit: 'ms',
    value: (view) => view.toCloseMs,
    limit: ({ limits }) => limits.flatBeforeCloseMs,
    words: 'flat this long before the close',
  },
  {
    name: 'stale-data',
    action: 'deny',
    unit: 'ms',
    value: (view) => view.ageMs,
    limit: ({ limits }) => limits.maxAgeMs,
    words: 'no entry on data older than this',
    outside: true,
  },
  {
    name: 'no-entry-before-close',
    action: 'deny',
    unit: 'ms',
    value: (view) => view.toCloseMs,
    limit: ({ limits }) => limits.noEntryBeforeCloseMs,
    words: 'no entry this close to the close',
  },
  {
    name: 'trades-per-day',
    action: 'deny',
    unit: 'count',
    value: (view) => view.tradesToday,
    limit: ({ limits }) => limits.tradesPerDay,
    words: 'no more trades a day, the way out of each position among them',
  },
  {
    name: 'orders-per-minute',
    action: 'deny',
    unit: 'count',
    value: (view) => view.ordersThisMinute,
    limit: ({ limits }) => limits.ordersPerMinute,
    words: 'no more orders a minute but those that reduce',
  },
  {
    name: 'size-zero',
    action: 'deny',
    unit: 'dollars',
    value: (view) => view.mark,
    limit: ({ maxPosition }) => maxPosition,
    words: 'no position where one share costs more than a whole one may',
  },
  {
    name: 'max-position',
    action: 'clip',
    unit: 'dollars',
    value: wanted,
    limit: ({ limits }) => limits.maxPosition,
    words: 'largest position in a symbol',
  },
  {
    name: 'max-drawdown',
    action: 'halt',
    unit: 'part',
    value: (view) => view.drawdown,
    limit: ({ maxDrawdown }) => maxDrawdown,
    words: 'end at this fall from the peak, as a part of it, without flattening',
    overshoots: true,
  },
  {
    name: 'held-overnight',
    action: 'flatten',
    unit: 'dollars',
    value: wanted,
    limit: none,
    words: 'close what bars that were missing before a close have left over night',
  },
  {
    name: 'order-rejected',
    action: 'deny',
    unit: 'dollars',
    value: wanted,
    limit: none,
    words: 'ask for nothing that the broker has rejected, until the wish changes or the day',
    outside: true,
  },
  {
    name: 'max-leverage',
    action: 'deny',
    unit: 'multiple',
    value: (view) => view.leverage,
    limit: ({ limits }) => limits.maxLeverage,
    words: 'no entry that takes the two positions above this multiple of equity',
  },
  {
    name: 'not-finite',
    action: 'deny',
    unit: 'dollars',
    value: wanted,
    limit: none,
    words: 'nothing changes where an input or an output of the policy is not a finite number',
    outside: true,
  },
  {
    name: 'flatten',
    action: 'flatten',
    unit: 'dollars',
    value: wanted,
    limit: none,
    words: 'close everything, as a person asked for',
    outside: true,
  },
]

/** Number of a rule; throws for a name that no row has. */
function ruleNumber(name: string): number {
  const number = RULES.findIndex((rule) => rule.name === name)
  if (number < 0) throw new RangeError(`no rule ${name}`)
  return number
}

export const ALLOW = 0
export const MAX_LOSS = ruleNumber('max-loss')
export const MAX_DAY_LOSS = ruleNumber('max-day-loss')
export const SESSION_END = ruleNumber('session-end')
export const STALE_DATA = ruleNumber('stale-data')
export const NO_ENTRY = ruleNumber('no-entry-before-close')
export const TRADES_PER_DAY = ruleNumber('trades-per-day')
export const ORDERS_PER_MINUTE = ruleNumber('orders-per-minute')
export const SIZE_ZERO = ruleNumber('size-zero')
export const MAX_POSITION = ruleNumber('max-position')
export const MAX_DRAWDOWN = ruleNumber('max-drawdown')
export const HELD_OVERNIGHT = ruleNumber('held-overnight')
export const ORDER_REJECTED = ruleNumber('order-rejected')
export const MAX_LEVERAGE = ruleNumber('max-leverage')
export const NOT_FINITE = ruleNumber('not-finite')
export const FLATTEN_ALL = ruleNumber('flatten')

/** Words of a rule, for the help of its flag. */
export const wordsOf = (name: string): string => RULES[ruleNumber(name)]!.words

/** In the order of the answers' codes. */
export const ANSWERS: readonly RiskAction[] = ['clip', 'deny', 'flatten', 'halt']

export const DENY = ANSWERS.indexOf('deny')
const FLATTEN = ANSWERS.indexOf('flatten')

/** Answer of each rule, as an index into ANSWERS; those above DENY leave nothing of a position. */
export const ANSWER = Uint8Array.from(RULES, ({ action }) => ANSWERS.indexOf(action))

/** What a rule answers where `held` shares are held, as an index into ANSWERS: with nothing to flatten the wish is denied. */
export function answerOf(rule: number, held: number): number {
  const answer = ANSWER[rule]!
  return answer === FLATTEN && held === 0 ? DENY : answer
}
