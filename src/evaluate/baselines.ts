/**
 * What a result is held against: doing nothing, buying and holding, a moving average, and the same trades at other times and
 * sides.
 */
import { stream } from '../base/rng.js'
import { type Market, SYMBOL_COUNT } from '../market/market.js'
import { feesOf, slippageOf } from '../portfolio/costs.js'
import { wholeShares } from '../risk/guard.js'
import { earned } from '../trading/backtest.js'
import type { Ledger } from '../trading/ledger.js'
import { smaCross } from '../trading/policies.js'
import type { Rules } from '../trading/rules.js'
import type { Figure } from './metrics.js'
import type { RoundTrip } from './round-trips.js'

/** Net dollars of a full position in one symbol from the first fill to the last close, nights included. */
export function buyAndHold(market: Market, ledger: Ledger, rules: Rules, symbol: number): Figure {
  const first = ledger.first + (rules.fill === 'open' ? 1 : 0)
  const last = ledger.first + ledger.length
  const prices = rules.fill === 'open' ? market.open : market.close
  const price = prices[symbol]![first]!
  const shares = rules.shares ?? wholeShares(rules.maxPosition / price, rules.fractional)
  if (shares === 0) return { value: null, reason: `a share costs more than ${rules.maxPosition} dollars` }
  const meanPrice = (prices[0][first]! + prices[1][first]!) / 2
  const paid = price + slippageOf(rules.costs, shares, price, market.volume[symbol]![first]!)
  return {
    value: shares * (market.close[symbol]![last]! - paid) - feesOf(rules.costs, shares, paid, meanPrice),
  }
}

/** Net dollars of the policy sma-cross from the first decision of the run on, under the same rules and limits. */
export function movingAverage(
  market: Market,
  run: { readonly ledger: Ledger; readonly rules: Rules; readonly longOnly: boolean },
): number {
  const { ledger, rules, longOnly } = run
  return earned({ market, features: null, rules, policy: smaCross(), longOnly, warmup: ledger.first })
}

export interface RandomPolicies {
  readonly count: number
  readonly mean: number
  readonly p5: number
  readonly p50: number
  readonly p95: number
  /** Share of the random policies that earned less, ties by half: 0.95 beats 95 of 100. */
  readonly percentile: number
}

const RANDOM_POLICIES = 1000

/**
 * Policies with the turnover of the run: its round trips in each symbol, moved together by a random number of bars around the
 * clock of their session (of the run, where a trip lasts a night), each long or short by chance, at the costs paid.
 * A trip that passes the end goes on at the beginning, and earns nothing in between (Aronson, Evidence-Based Technical
 * Analysis, 2007, chapter 6, for tests by shuffled positions).
 */
export function randomPolicies(
  market: Market,
  trips: readonly RoundTrip[],
  run: { readonly ledger: Ledger; readonly rules: Rules; readonly longOnly: boolean; readonly costs: number },
): Omit<RandomPolicies, 'percentile'> & { readonly sorted: Float64Array } {
  const sorted = randomResults(market, trips, run).sort()
  const quantile = (q: number) => sorted[Math.round(q * (RANDOM_POLICIES - 1))]!
  return {
    count: RANDOM_POLICIES,
    mean: sorted.reduce((sum, x) => sum + x, 0) / RANDOM_POLICIES,
    p5: quantile(0.05),
    p50: quantile(0.5),
    p95: quantile(0.95),
    sorted,
  }
}

/** Net dollars of each of these policies, in no order: the n-th ones of several runs are one policy over all of them. */
export function randomResults(
  market: Market,
  trips: readonly RoundTrip[],
  run: { readonly ledger: Ledger; readonly rules: Rules; readonly longOnly: boolean; readonly costs: number },
): Float64Array {
  const { ledger, rules } = run
  const prices = rules.fill === 'open' ? market.open : market.close
  const groups = grouped(market, trips, run)
  const results = new Float64Array(RANDOM_POLICIES)
  for (const { symbol, from, to, trips: members } of groups) {
    const price = prices[symbol]!
    const length = to - from + 1
    const perWord = length / 4_294_967_296
    // The prices twice in a row, joined without a jump: a moved trip never looks back.
    const around = new Float64Array(2 * length)
    for (let i = 0; i < length; i++) {
      around[i] = price[from + i]!
      around[length + i] = price[from + i]! + (price[to]! - price[from]!)
    }
    const rng = stream(1, 'random-policies', symbol, from - ledger.first)
    const entries = Int32Array.from(members, ({ entry }) => entry - from)
    const exits = Int32Array.from(members, ({ exit }) => exit - from)
    const sizes = Float64Array.from(members, ({ shares }) => shares)
    // Two policies a draw where shorts are allowed: one, and the one of the opposite sides.
    const step = run.longOnly ? 1 : 2
    for (let n = 0; n < RANDOM_POLICIES; n += step) {
      // Uneven by at most length / 2^32, which no percentile sees, and twice as fast as without bias.
      const shift = Math.floor(rng.uint32() * perWord)
      let earned = 0
      // One bit of chance for the side of each trip.
      let bits = 0
      for (let i = 0; i < entries.length; i++) {
        if ((i & 31) === 0) bits = run.longOnly ? 0 : rng.uint32()
        const move = around[exits[i]! + shift]! - around[entries[i]! + shift]!
        earned += sizes[i]! * move * (1 - 2 * (bits & 1))
        bits >>>= 1
      }
      results[n]! += earned
      if (!run.longOnly) results[n + 1]! -= earned
    }
  }
  for (let n = 0; n < RANDOM_POLICIES; n++) results[n]! -= run.costs
  return results
}

/** Share of the sorted values below `value`, ties by half. */
export function percentileOf(sorted: Float64Array, value: number): number {
  let below = 0
  let ties = 0
  for (const x of sorted) {
    if (x < value) below++
    else if (x === value) ties++
  }
  return (below + ties / 2) / sorted.length
}

/**
 * p-value of a permutation test: (1 + how many of the sorted values reach the observed one) / (1 + how many there are). The
 * observed one is one of the ways things could have come, so it is never 0. Phipson and Smyth, Permutation P-values should never
 * be zero (2010); Davison and Hinkley, Bootstrap Methods and their Application (1997), section 4.3.
 */
export function permutationP(sorted: Float64Array, observed: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! >= observed) high = middle
    else low = middle + 1
  }
  return (1 + sorted.length - low) / (1 + sorted.length)
}

interface Group {
  readonly symbol: number
  /** First and last bar at which a fill may stand. */
  readonly from: number
  readonly to: number
  readonly trips: RoundTrip[]
}

function grouped(
  market: Market,
  trips: readonly RoundTrip[],
  { ledger, rules }: { readonly ledger: Ledger; readonly rules: Rules },
): Group[] {
  const runFrom = ledger.first + (rules.fill === 'open' ? 1 : 0)
  const runTo = ledger.first + ledger.length
  const crosses = trips.some(({ entry, exit }) => market.session[entry] !== market.session[exit])
  const groups = new Map<number, Group>()
  for (const trip of trips) {
    const session = crosses ? 0 : market.session[trip.entry]!
    const key = session * SYMBOL_COUNT + trip.symbol
    let group = groups.get(key)
    if (group === undefined) {
      const next = market.sessions[session + 1]
      group = {
        symbol: trip.symbol,
        from: crosses ? runFrom : Math.max(runFrom, market.sessions[session]!.first),
        to: crosses || next === undefined ? runTo : Math.min(runTo, next.first - 1),
        trips: [],
      }
      groups.set(key, group)
    }
    group.trips.push(trip)
  }
  return [...groups.values()]
}
