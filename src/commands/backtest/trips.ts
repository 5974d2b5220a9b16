/** Round trips as records: what was opened, when, what it earned. */
import { formatTime } from '../../base/time.js'
import { roundTrips } from '../../evaluate/round-trips.js'
import type { Backtest } from '../../trading/backtest.js'

/** The `trip` records of a run, in the order in which they were opened; what is held at the end has no exit. */
export function tripLines(run: string, { options: { market, rules }, ledger }: Backtest): string[] {
  const { fill } = rules
  const timeOf = (bar: number): string => formatTime(fill === 'open' ? market.time[bar]! : market.endOf(bar))
  return roundTrips(market, ledger, fill).map((trip) => {
    const { symbol, direction, shares, entry, exit, entryPrice, exitPrice, pnl, costs, open } = trip
    return `${JSON.stringify({
      type: 'trip',
      run,
      symbol: market.symbols[symbol],
      side: direction > 0 ? 'long' : 'short',
      qty: shares,
      entry_time: timeOf(entry),
      entry_price: entryPrice,
      exit_time: open ? null : timeOf(exit),
      exit_price: open ? null : exitPrice,
      pnl,
      costs,
      bars: exit - entry,
    })}\n`
  })
}
