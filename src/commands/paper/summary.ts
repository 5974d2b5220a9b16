/** The summary of a run at a gateway, for people. */
import { dollars } from '../../base/words.js'
import type { Ending } from '../../trading/paper/options.js'
import type { paperSummary } from '../../trading/paper/summary.js'

const ENDINGS: Readonly<Record<Ending, string>> = {
  data: 'the bars ended',
  session: 'the session closed',
  limit: 'a loss limit was reached, and all was closed',
  halt: 'the kill switch stopped it',
  stop: 'it was stopped',
}

/** A line a figure. */
export function summaryTable(summary: ReturnType<typeof paperSummary>): string {
  const { run, account, ending, equity, pnl, positions, trades, fees, slippage, uptime, bars, day } = summary
  const { back_offs: backOffs } = summary
  const held = Object.entries(positions)
    .map(([symbol, shares]) => `${symbol} ${shares}`)
    .join(', ')
  const rows: readonly (readonly [string, string])[] = [
    ['run', `${run} on ${account}`],
    ['ended', ending === null ? 'not yet' : ENDINGS[ending]],
    ['P&L', `${dollars(pnl)}, equity ${dollars(equity)}`],
    ['held', held],
    ['trades', `${trades}, fees ${dollars(fees)}`],
    ['slippage', `${dollars(slippage.seen)}, the model expects ${dollars(slippage.modelled)}`],
    ['uptime', uptime === null ? 'no bars' : `${(100 * uptime).toFixed(2)} % of ${bars} bars`],
    ...(backOffs === 0 || backOffs === null
      ? []
      : [['too fast', `the gateway said ${backOffs} times that messages come too fast`] as const]),
    [
      'broker',
      day === null
        ? 'its cash was not asked'
        : Math.abs(day.difference) < 0.015
          ? `the same cash to the cent: ${dollars(day.broker)}`
          : `${dollars(day.broker)} of cash, ${dollars(day.cash)} here`,
    ],
  ]
  return rows.map(([name, words]) => `${name.padEnd(10)}${words}\n`).join('')
}
