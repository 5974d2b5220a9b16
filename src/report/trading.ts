/** What follows from the executions and positions of a run: its trades, what each symbol earned, how the joint actions were used. */
import { mean } from '../base/moments.js'
import { MINUTE } from '../base/time.js'
import { ACTION_COUNT, actionOf, type Target, targetOf } from '../env/actions.js'
import { type Figure, hitRate, profitFactor } from '../evaluate/metrics.js'
import { type RoundTrip, TripBook } from '../evaluate/round-trips.js'
import type { JsonObject } from '../stream/json.js'
import type { GatheredFill, GatheredRun } from './gathered.js'
import type { ActionUse, Curve, SymbolResult, Trade } from './model.js'

/** Everything that executions tell. */
export interface Traded {
  /** How often the shares of a symbol changed, as the equity records have them. */
  readonly changes: number
  /** Positions changed, and the records have no executions: what follows from these is not known. */
  readonly isPartial: boolean
  readonly trades: readonly Trade[]
  readonly bySymbol: readonly SymbolResult[]
  /** Figures of these, for a summary that lacks them, by their keys in jules-metrics(7); those without a value have their reasons. */
  readonly figures: JsonObject
  readonly reasons: JsonObject
}

/** The trades of a run, from its fills; what is held at the end is valued at the last marks. */
export function tradedIn(run: GatheredRun): Traded {
  const fills = run.fills.sort((a, b) => a.timeMs - b.timeMs)
  const symbols = [...new Set([...run.symbols, ...fills.map(({ symbol }) => symbol)])]
  const numbers = new Map(symbols.map((symbol, k) => [symbol, k]))
  const book = new TripBook()
  for (const { symbol, timeMs, ...fill } of fills)
    book.take({ ...fill, at: timeMs, symbol: numbers.get(symbol)! })
  const endMs = run.length === 0 ? (fills.at(-1)?.timeMs ?? 0) : run.time[run.length - 1]!
  const lastPrice = new Map(fills.map(({ symbol, price }) => [symbol, price]))
  const trips = book.end(endMs, (k) => run.lastMarks[k] ?? lastPrice.get(symbols[k]!) ?? Number.NaN)
  const changes = changesIn(run)
  const isPartial = fills.length === 0 && changes > 0
  return {
    ...{ changes, isPartial },
    trades: trips.map((trip) => tradeOf(trip, symbols)),
    bySymbol: isPartial
      ? []
      : symbols.map((symbol, k) =>
          symbolResult(symbol, {
            trips: trips.filter((trip) => trip.symbol === k),
            fills: fills.filter((fill) => fill.symbol === symbol),
          }),
        ),
    ...(fills.length === 0 ? { figures: {}, reasons: {} } : figuresOf(trips, fills)),
  }
}

function changesIn({ positions, length }: GatheredRun): number {
  let count = 0
  for (const column of positions) {
    let before = 0
    for (let i = 0; i < length; i++) {
      if (column[i] !== before) count++
      before = column[i]!
    }
  }
  return count
}

function tradeOf(trip: RoundTrip, symbols: readonly string[]): Trade {
  const { symbol, direction, shares, entry, exit, entryPrice, exitPrice, pnl, costs, open } = trip
  return {
    symbol: symbols[symbol]!,
    side: direction > 0 ? 'long' : 'short',
    // Sums of parts, without the last digits of binary fractions.
    shares: Number(shares.toPrecision(15)),
    entryMs: entry,
    entryPrice,
    exitMs: open ? null : exit,
    exitPrice: open ? null : exitPrice,
    pnl,
    costs,
  }
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0)

const turnoverOf = (fills: readonly GatheredFill[]): number =>
  sum(fills, ({ shares, price }) => Math.abs(shares) * price)

function symbolResult(
  symbol: string,
  { trips, fills }: { readonly trips: readonly RoundTrip[]; readonly fills: readonly GatheredFill[] },
): SymbolResult {
  const closed = trips.filter(({ open }) => !open)
  return {
    symbol,
    pnl: sum(trips, ({ pnl }) => pnl),
    trips: closed.length,
    hitRate: hitRate(closed.map(({ pnl }) => pnl)).value,
    fees: sum(fills, ({ fees }) => fees),
    slippage: sum(fills, ({ slippage }) => slippage),
    turnover: turnoverOf(fills),
  }
}

function figuresOf(
  trips: readonly RoundTrip[],
  fills: readonly GatheredFill[],
): Pick<Traded, 'figures' | 'reasons'> {
  const closed = trips.filter(({ open }) => !open)
  const results = closed.map(({ pnl }) => pnl)
  const fees = sum(fills, (fill) => fill.fees)
  const slippage = sum(fills, (fill) => fill.slippage)
  const holding = closed.map(({ entry, exit }) => (exit - entry) / MINUTE)
  const ratios: Readonly<Record<string, Figure>> = {
    hit_rate: hitRate(results),
    profit_factor: profitFactor(results),
    holding_minutes:
      holding.length === 0 ? { value: null, reason: 'no position was closed' } : { value: mean(holding) },
  }
  return {
    figures: {
      round_trips: closed.length,
      ...Object.fromEntries(Object.entries(ratios).map(([key, { value }]) => [key, value])),
      turnover: turnoverOf(fills),
      fees,
      slippage,
      cost: fees + slippage,
    },
    reasons: Object.fromEntries(
      Object.entries(ratios).flatMap(([key, one]) => (one.value === null ? [[key, one.reason]] : [])),
    ),
  }
}

const SIDES: Readonly<Record<Target, string>> = { [-1]: 'short', 0: 'flat', 1: 'long' }

/** How often each joint position was held after a decision; null where positions are not known, or are of more than two symbols. */
export function actionUse(
  { positions }: Pick<Curve, 'positions'>,
  symbols: readonly string[],
): ActionUse[] | null {
  const [first, second] = positions
  if (first === undefined || first.length === 0 || positions.length > 2) return null
  const counts = new Float64Array(ACTION_COUNT)
  for (let i = 0; i < first.length; i++) {
    const action = actionOf(
      Math.sign(first[i]!) as Target,
      second === undefined ? 0 : (Math.sign(second[i]!) as Target),
    )
    counts[action] = counts[action]! + 1
  }
  return Array.from(counts, (count, action) => ({
    action,
    words: positions.map((_, k) => `${symbols[k]} ${SIDES[targetOf(action, k)]}`).join(', '),
    part: count / first.length,
  })).filter(({ action }) => second !== undefined || targetOf(action, 1) === 0)
}
