/** The one record that says how a run at a gateway went. */
import { formatDate } from '../../base/time.js'
import { dollars } from '../../base/words.js'
import type { LiveRun } from '../../trading/live.js'
import type { Ending } from '../../trading/paper/options.js'
import type { Paper } from '../../trading/paper/paper.js'
import type { Reckoning } from '../../trading/paper/reconciliation.js'

export interface Ended {
  readonly run: string
  readonly account: string
  readonly live: LiveRun
  readonly paper: Paper
  readonly ending: Ending
  readonly reckoning: Reckoning | null
  /** How often the gateway said that messages came too fast. */
  readonly backOffs: number
}

/** The `summary` of a run that has ended. */
export function summaryOf({ run, account, live, paper, ending, reckoning, backOffs }: Ended) {
  const { state, options } = live
  const { market } = options
  const books = state.account
  const { close, length } = market
  // What was executed since the newest bar counts too.
  const equity = length === 0 ? state.equity : books.equity(close[0][length - 1]!, close[1][length - 1]!)
  return {
    type: 'summary',
    run,
    command: 'paper',
    policy: options.policy.name,
    account,
    symbols: market.symbols,
    interval: market.interval,
    ending,
    equity,
    pnl: equity - options.rules.capital,
    positions: Object.fromEntries(market.symbols.map((symbol, k) => [symbol, books.position[k]!])),
    trades: state.trades,
    fees: books.fees,
    slippage: paper.slippage,
    bars: paper.uptime.all,
    uptime: paper.uptime.all === 0 ? null : paper.uptime.good / paper.uptime.all,
    back_offs: backOffs,
    day:
      reckoning === null
        ? null
        : {
            date: formatDate(reckoning.day),
            cash: reckoning.own,
            broker: reckoning.broker,
            difference: reckoning.own - reckoning.broker,
          },
  }
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  data: 'the bars ended',
  session: 'the session closed',
  limit: 'a loss limit was reached, and all was closed',
  halt: 'the kill switch stopped it',
  stop: 'it was stopped',
}

/** The same for people. */
export function summaryTable(summary: ReturnType<typeof summaryOf>): string {
  const { run, account, ending, equity, pnl, positions, trades, fees, slippage, uptime, bars, day } = summary
  const { back_offs: backOffs } = summary
  const held = Object.entries(positions)
    .map(([symbol, shares]) => `${symbol} ${shares}`)
    .join(', ')
  const rows: readonly (readonly [string, string])[] = [
    ['run', `${run} on ${account}`],
    ['ended', ENDINGS[ending]],
    ['P&L', `${dollars(pnl)}, equity ${dollars(equity)}`],
    ['held', held],
    ['trades', `${trades}, fees ${dollars(fees)}`],
    ['slippage', `${dollars(slippage.seen)}, the model expects ${dollars(slippage.modelled)}`],
    ['uptime', uptime === null ? 'no bars' : `${(100 * uptime).toFixed(2)} % of ${bars} bars`],
    ...(backOffs === 0
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
