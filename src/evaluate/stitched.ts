/**
 * Results of tests put together in the order of time: sessions that were tested several times, by other seeds or in other choices
 * of groups, count by their mean, as if each had traded its part of the capital. Dollars add up: positions are of a fixed size.
 */
import type { Tested } from './tested.js'

/** One test: which stretch, by the session that it begins with, and what came of it. */
export interface StitchedPart {
  readonly from: number
  readonly tested: Tested
}

/** Out of sample, from the first session that was tested to the last. */
export interface Stitched {
  readonly sessions: readonly { readonly day: number; readonly pnl: number }[]
  /** Capital first, then the equity after each session. */
  readonly equity: Float64Array
  readonly pnl: number
  /** Of the equity after each decision: the largest part lost since a peak, and the largest dollars. */
  readonly maxDrawdown: { readonly fraction: number; readonly dollars: number }
  readonly trades: number
  readonly decisions: number
  readonly cost: number
  readonly turnover: number
  /** Net dollars of random policies of the same turnover, sorted. */
  readonly random: Float64Array
}

/** Stretches by the session that they begin with; all tests of one are over the same sessions. `capital` is the equity at the start, in dollars. */
export function stitch(parts: readonly StitchedPart[], capital: number): Stitched {
  const stretches = [...new Set(parts.map(({ from }) => from))]
    .sort((a, b) => a - b)
    .map((from) => parts.filter((part) => part.from === from).map(({ tested }) => tested))
  const means = stretches.map((tests) => ({
    sessions: tests[0]!.sessions.map(({ day }, i) => ({
      day,
      pnl: meanOf(tests, ({ sessions }) => sessions[i]!.pnl),
    })),
    curve: tests[0]!.curve.map((_, i) => meanOf(tests, ({ curve }) => curve[i]!)),
    trades: meanOf(tests, ({ trades }) => trades),
    decisions: meanOf(tests, ({ decisions }) => decisions),
    cost: meanOf(tests, ({ cost }) => cost),
    turnover: meanOf(tests, ({ turnover }) => turnover),
    random: tests[0]!.random.map((_, n) => meanOf(tests, ({ random }) => random[n]!)),
  }))
  const sessions = means.flatMap((one) => one.sessions)
  const equity = new Float64Array(sessions.length + 1)
  equity[0] = capital
  for (const [i, { pnl }] of sessions.entries()) equity[i + 1] = equity[i]! + pnl
  const sum = (of: (one: (typeof means)[number]) => number) =>
    means.reduce((total, one) => total + of(one), 0)
  return {
    sessions,
    equity,
    pnl: equity.at(-1)! - capital,
    maxDrawdown: largestFall(
      capital,
      means.map(({ curve }) => curve),
    ),
    trades: sum(({ trades }) => trades),
    decisions: sum(({ decisions }) => decisions),
    cost: sum(({ cost }) => cost),
    turnover: sum(({ turnover }) => turnover),
    random: Float64Array.from(means[0]?.random ?? [], (_, n) => sum(({ random }) => random[n]!)).sort(),
  }
}

const meanOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0) / items.length

/** Over the curves of dollars one after the other. */
function largestFall(capital: number, curves: readonly Float64Array[]): Stitched['maxDrawdown'] {
  let [peak, base, fraction, dollars] = [capital, capital, 0, 0]
  for (const curve of curves) {
    for (const gained of curve) {
      const equity = base + gained
      if (equity > peak) peak = equity
      fraction = Math.max(fraction, (peak - equity) / peak)
      dollars = Math.max(dollars, peak - equity)
    }
    base += curve.at(-1) ?? 0
  }
  return { fraction, dollars }
}
