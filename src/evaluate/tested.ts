/** A policy over a stretch of sessions that it has not seen: a fresh account, a fresh memory, features that know all bars before. */
import type { FeatureTable } from '../env/features.js'
import type { Market } from '../market/market.js'
import { advance, Backtest, type Ending, earned } from '../trading/backtest.js'
import { buyHold, smaCross } from '../trading/policies.js'
import { goingOn, type Policy } from '../trading/policy.js'
import type { Rules } from '../trading/rules.js'
import { randomResults } from './baselines.js'
import { roundTrips } from './round-trips.js'
import { equityCurve, sessionEquity } from './summary.js'
import type { Span } from './windows.js'

/** What is tested, under which rules. */
export interface Testing {
  readonly market: Market
  /** Of a market's bars; null where the policy does not observe. */
  readonly features: (market: Market) => FeatureTable | null
  readonly rules: Rules
  readonly longOnly: boolean
  /** Bars before the first decision, where the stretch begins before them. */
  readonly warmup: number
  /** Called now and then; what it throws ends the test. */
  readonly pause: () => Promise<unknown>
}

/** What came of it. Dollars net of costs. */
export interface Tested {
  /** Each session of the stretch, those after a limit ended the run included. */
  readonly sessions: readonly { readonly day: number; readonly pnl: number }[]
  /** Dollars from the start of the stretch after each decision of it, those after a limit ended the run included. */
  readonly curve: Float64Array
  readonly pnl: number
  readonly trades: number
  readonly decisions: number
  /** Fees and slippage. */
  readonly cost: number
  readonly turnover: number
  readonly ending: Ending
  /** Net dollars of random policies of the same turnover over the stretch (`randomResults`). */
  readonly random: Float64Array
}

/** The bars up to the end of a stretch: what comes later cannot be seen. */
export function stretchOf({ market, warmup }: Pick<Testing, 'market' | 'warmup'>, { from, to }: Span) {
  const barOf = (session: number): number => market.sessions[session]?.first ?? market.length
  const known = market.slice(0, barOf(to))
  return { market: known, warmup: Math.max(warmup, barOf(from)) }
}

/** Runs a policy over the sessions, without telling it the end. Throws a RangeError where they leave no decision after the warm-up. */
export async function testOn(testing: Testing, span: Span, policy: Policy): Promise<Tested> {
  const { market, warmup } = stretchOf(testing, span)
  if (warmup + 2 > market.length) throw new RangeError('no decision after the warm-up')
  const { rules, longOnly } = testing
  const features = policy.observes ? testing.features(market) : null
  const run = new Backtest({ market, features, rules, policy: goingOn(policy), longOnly, warmup })
  await advance(run, testing.pause)
  const { ledger, state } = run
  const marks = sessionEquity(market, ledger, rules.capital)
  const first = market.session[ledger.first + 1]!
  const sessions = market.sessions.slice(first).map(({ day }, i) => {
    const [before, after] = [marks[i], marks[i + 1]]
    return { day, pnl: before === undefined || after === undefined ? 0 : after - before }
  })
  const curve = new Float64Array(market.length - 1 - warmup)
  const equity = equityCurve(ledger, rules.capital)
  for (let i = 0; i < curve.length; i++)
    curve[i] = equity[Math.min(i + 1, equity.length - 1)]! - rules.capital
  const cost = state.account.fees + state.account.slippage
  const trips = roundTrips(market, ledger, rules.fill)
  return {
    sessions,
    curve,
    random: randomResults(market, trips, { ledger, rules, longOnly, costs: cost }),
    pnl: state.equity - rules.capital,
    trades: state.trades,
    decisions: ledger.length,
    cost,
    turnover: state.account.turnover,
    ending: run.ending!,
  }
}

/** Net dollars of the simple policies over the same sessions, by their names. */
export function rivalsOver(testing: Testing, span: Span): Readonly<Record<string, number>> {
  const stretch = { ...stretchOf(testing, span), rules: testing.rules, longOnly: testing.longOnly }
  const of = (policy: Policy) => earned({ ...stretch, features: null, policy })
  return { 'buy-hold': of(buyHold), 'sma-cross': of(smaCross()) }
}
