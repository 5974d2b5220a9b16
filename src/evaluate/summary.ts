/** One run in one record: figures, costs, baselines. Each key is defined in jules-metrics(7). */
import { mean } from '../base/moments.js'
import { formatTime, MINUTE } from '../base/time.js'
import type { Market } from '../market/market.js'
import { RULES } from '../risk/rules.js'
import type { Ending } from '../trading/backtest.js'
import { type Ledger, ORDER, RISK } from '../trading/ledger.js'
import type { Rules } from '../trading/rules.js'
import type { TradingState } from '../trading/state.js'
import { buyAndHold, movingAverage, percentileOf, permutationP, randomPolicies } from './baselines.js'
import {
  annualReturn,
  calmar,
  conditionalValueAtRisk,
  type Figure,
  hitRate,
  maxDrawdown,
  profitFactor,
  SESSIONS_PER_YEAR,
  sharpe,
  simpleReturns,
  sortino,
  tooFew,
  tStatistic,
  valueAtRisk,
  volatility,
} from './metrics.js'
import { type RoundTrip, roundTrips } from './round-trips.js'
import { CLOSE_FILLS, skillDoubt } from './verdict.js'

const COST_MULTIPLES = [0, 0.5, 1, 2, 5] as const

/** Net dollars at multiples of the costs that were paid: `2x` where trading had cost twice as much. */
export const atCosts = (pnl: number, cost: number): Readonly<Record<string, number>> =>
  Object.fromEntries(COST_MULTIPLES.map((multiple) => [`${multiple}x`, pnl + cost - multiple * cost]))

export interface SummaryInput {
  readonly market: Market
  readonly ledger: Ledger
  readonly rules: Rules
  readonly state: TradingState
  readonly ending: Ending
  readonly longOnly: boolean
  /** Trainings that the run may be the best of; null where nothing was trained. */
  readonly trials: number | null
}

/** Net dollars by name, null where there are none; the moving average always has some. */
type BaselineDollars = Readonly<Record<string, number | null>> & { readonly 'sma-cross': number }

/** The figures of a run that has ended, each as jules-metrics(7) defines it. */
export function summarise(input: SummaryInput) {
  const { market, ledger, rules, state } = input
  const { account } = state
  const curve = equityCurve(ledger, rules.capital)
  const sessions = sessionEquity(market, ledger, rules.capital)
  const broke = lowest(curve) <= 0
  const daily = simpleReturns(sessions)
  const bars = simpleReturns(curve)
  // A year is not told from a week, in whatever bars.
  const ofDays = (figure: () => Figure): Figure => (broke ? BROKE : figure())
  const ofBars = (figure: () => Figure): Figure => ofDays(() => tooFew(daily, 'session') ?? figure())
  const skill = tStatistic(differences(sessions))
  const { trades } = state
  const doubt = skillDoubt({ trades, t: skill, sessions: daily.length, trials: input.trials })
  const barsAYear = SESSIONS_PER_YEAR * barsPerSession(market)
  const drawdown = maxDrawdown(curve)
  const pnl = state.equity - rules.capital
  const costs = account.fees + account.slippage
  const trips = roundTrips(market, ledger, rules.fill)
  const closed = trips.filter(({ open }) => !open)
  const results = closed.map((trip) => trip.pnl)
  const untraded = 'there were no trades'
  const none: Figure = { value: null, reason: untraded }
  const random = trips.length === 0 ? null : randomPolicies(market, trips, { ...input, costs })
  const reasons: Record<string, string> = random === null ? { random: untraded, p_random: untraded } : {}
  const of = (name: string, figure: Figure): number | null => {
    if (figure.value === null) reasons[name] = figure.reason
    return figure.value
  }
  const refusals = countRefusals(ledger)
  const wholes = market.traded.map((_, k) => buyAndHold(market, ledger, rules, k))
  const held: Record<string, number | null> = {}
  for (const [k, symbol] of market.traded.entries())
    held[`buy-hold ${symbol}`] = of(`buy-hold ${symbol}`, wholes[k]!)
  const [first, second] = wholes
  if (second !== undefined) held['buy-hold 50/50'] = of('buy-hold 50/50', halfOfEach(first!, second))
  const baselines: BaselineDollars = { flat: 0, ...held, 'sma-cross': movingAverage(market, input) }
  return {
    equity: state.equity,
    pnl,
    total_return: pnl / rules.capital,
    annual_return: of(
      'annual_return',
      ofDays(() => annualReturn(daily)),
    ),
    volatility: of(
      'volatility',
      ofDays(() => volatility(daily)),
    ),
    sharpe: of(
      'sharpe',
      ofDays(() => sharpe(daily)),
    ),
    sortino: of(
      'sortino',
      ofDays(() => sortino(daily)),
    ),
    sharpe_bar: of(
      'sharpe_bar',
      ofBars(() => sharpe(bars, barsAYear)),
    ),
    sortino_bar: of(
      'sortino_bar',
      ofBars(() => sortino(bars, barsAYear)),
    ),
    t_sessions: of('t_sessions', skill),
    calmar: of(
      'calmar',
      ofDays(() => calmar(daily, drawdown)),
    ),
    max_drawdown: drawdown.fraction,
    max_drawdown_dollars: drawdown.dollars,
    max_drawdown_bars: drawdown.duration,
    var95: of(
      'var95',
      ofDays(() => valueAtRisk(daily)),
    ),
    cvar95: of(
      'cvar95',
      ofDays(() => conditionalValueAtRisk(daily)),
    ),
    trades,
    round_trips: closed.length,
    hit_rate: of('hit_rate', hitRate(results)),
    profit_factor: of('profit_factor', profitFactor(results)),
    holding_minutes: of(
      'holding_minutes',
      closed.length === 0 ? none : { value: mean(closed.map((trip) => holding(market, trip))) },
    ),
    turnover: account.turnover,
    exposure: exposure(ledger),
    cost: costs,
    fees: account.fees,
    slippage: account.slippage,
    break_even_bps: of(
      'break_even_bps',
      account.turnover === 0 ? none : { value: ((pnl + costs) / account.turnover) * 1e4 },
    ),
    pnl_at_cost: atCosts(pnl, costs),
    baselines,
    random:
      random === null
        ? null
        : {
            count: random.count,
            mean: random.mean,
            p5: random.p5,
            p50: random.p50,
            p95: random.p95,
            percentile: percentileOf(random.sorted, pnl),
          },
    p_random: random === null ? null : permutationP(random.sorted, pnl),
    risk: refusals,
    ended: input.ending,
    reasons,
    notes: [...notesOf(input, refusals, trips), ...(doubt === null ? [] : [doubt])],
  }
}

const BROKE: Figure = { value: null, reason: 'equity fell to 0 or below, where returns have no meaning' }

function lowest(values: Float64Array): number {
  let least = Number.POSITIVE_INFINITY
  for (const value of values) if (value < least) least = value
  return least
}

function halfOfEach(first: Figure, second: Figure): Figure {
  if (first.value === null) return first
  return second.value === null ? second : { value: (first.value + second.value) / 2 }
}

/** The capital, and equity after each decision. */
export function equityCurve(ledger: Ledger, capital: number): Float64Array {
  const curve = new Float64Array(ledger.length + 1)
  curve[0] = capital
  curve.set(ledger.equity.subarray(0, ledger.length), 1)
  return curve
}

/** Equity at the start and at the end of each session that had a decision. */
export function sessionEquity(market: Market, ledger: Ledger, capital: number): Float64Array {
  const values = [capital]
  let session = -1
  for (let i = 0; i < ledger.length; i++) {
    const now = market.session[ledger.first + i + 1]!
    if (now !== session) values.push(0)
    session = now
    values[values.length - 1] = ledger.equity[i]!
  }
  return Float64Array.from(values)
}

const barsPerSession = (market: Market): number => Math.max(1, Math.round((390 * MINUTE) / market.intervalMs))

const holding = (market: Market, { entry, exit }: RoundTrip): number =>
  (market.time[exit]! - market.time[entry]!) / MINUTE

/** Share of the decisions after which a position was held. */
function exposure({ length, position }: Ledger): number {
  let held = 0
  for (let i = 0; i < length; i++) if (position[0][i] !== 0 || position[1][i] !== 0) held++
  return held / length
}

function countRefusals({ events }: Ledger): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] !== RISK) continue
    const { name } = RULES[events.number(row, 0)]!
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** What a reader must not overlook; above all why nothing was traded. */
function notesOf(
  { ledger, rules, state, market, ending }: SummaryInput,
  refusals: Record<string, number>,
  trips: readonly RoundTrip[],
): string[] {
  const notes: string[] = []
  if (rules.fill === 'close') notes.push(CLOSE_FILLS)
  if (state.trades === 0) notes.push(`no trades: ${whyNoTrades(ledger, refusals)}`)
  if (ending !== 'data') {
    const all = market.length - 1 - ledger.first
    notes.push(`ended by the limit ${ending} after ${ledger.length} of ${all} decisions`)
  }
  if (refusals['size-zero'] !== undefined) {
    notes.push(`a share costs more than the ${rules.maxPosition} dollars of a position: size 0`)
  }
  const borrowed = mostLeverage(market, ledger)
  if (borrowed.times > 1)
    notes.push(
      `borrowed money: positions of up to ${borrowed.times.toFixed(2)} times the equity, at ${formatTime(borrowed.timeMs)}`,
    )
  const held = trips.filter(({ open }) => open).map(({ symbol }) => market.symbols[symbol]!)
  if (held.length > 0)
    notes.push(`${[...new Set(held)].join(' and ')} still held at the end, valued at the last close`)
  return notes
}

/** Dollars of both positions as a multiple of equity, where it was largest. */
function mostLeverage(market: Market, ledger: Ledger): { readonly times: number; readonly timeMs: number } {
  let times = 0
  let timeMs = 0
  for (let i = 0; i < ledger.length; i++) {
    const t = ledger.first + i + 1
    const first = Math.abs(ledger.position[0][i]!) * market.close[0][t]!
    const notional = first + Math.abs(ledger.position[1][i]!) * market.close[1][t]!
    const equity = ledger.equity[i]!
    const now = notional === 0 ? 0 : equity > 0 ? notional / equity : Number.POSITIVE_INFINITY
    if (now <= times) continue
    times = now
    timeMs = market.endOf(t)
  }
  return { times, timeMs }
}

/** Dollars of each session. */
function differences(equity: Float64Array): Float64Array {
  return Float64Array.from({ length: equity.length - 1 }, (_, i) => equity[i + 1]! - equity[i]!)
}

function whyNoTrades(ledger: Ledger, refusals: Record<string, number>): string {
  const names = Object.keys(refusals)
  const { events } = ledger
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] === ORDER) return 'no order was filled (no volume for it, or no bar in time)'
  }
  if (names.length > 0) return `every wish was refused (${names.join(', ')})`
  return 'the policy never asked for a position'
}
