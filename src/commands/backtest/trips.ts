/** Round trips as records: what was opened, when, what it earned. */
import { formatTime } from '../../base/time.js'
import { roundTrips } from '../../evaluate/round-trips.js'
import type { Layout } from '../../stream/parquet/table.js'
import type { Backtest } from '../../trading/backtest.js'

/** The columns of `trip` records. */
export const TRIP_LAYOUT: Layout = {
  type: 'trip',
  fields: [
    { name: 'run', kind: 'text' },
    { name: 'symbol', kind: 'text' },
    { name: 'side', kind: 'text' },
    { name: 'qty', kind: 'number' },
    { name: 'entry_time', kind: 'time' },
    { name: 'entry_price', kind: 'number' },
    { name: 'exit_time', kind: 'time', isOptional: true },
    { name: 'exit_price', kind: 'number', isOptional: true },
    { name: 'pnl', kind: 'number' },
    { name: 'costs', kind: 'number' },
    { name: 'bars', kind: 'number' },
  ],
}

/** The round trips of a run in the order in which they were opened, times in epoch milliseconds; what is held at the end has no exit. */
export function tripRows(run: string, { options: { market, rules }, ledger }: Backtest) {
  const { fill } = rules
  const timeOf = (bar: number): number => (fill === 'open' ? market.time[bar]! : market.endOf(bar))
  return roundTrips(market, ledger, fill).map((trip) => {
    const { symbol, direction, shares, entry, exit, entryPrice, exitPrice, pnl, costs, open } = trip
    return {
      run,
      symbol: market.symbols[symbol]!,
      side: direction > 0 ? 'long' : 'short',
      qty: shares,
      entry_time: timeOf(entry),
      entry_price: entryPrice,
      exit_time: open ? null : timeOf(exit),
      exit_price: open ? null : exitPrice,
      pnl,
      costs,
      bars: exit - entry,
    }
  })
}

/** The `trip` records of a run. */
export function tripLines(run: string, backtest: Backtest): string[] {
  return tripRows(run, backtest).map((row) => {
    const times = {
      entry_time: formatTime(row.entry_time),
      exit_time: row.exit_time === null ? null : formatTime(row.exit_time),
    }
    return `${JSON.stringify({ type: 'trip', ...row, ...times })}\n`
  })
}
