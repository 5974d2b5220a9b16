/** The one record that says how a run at a gateway went. */
import type { LiveRun } from '../../trading/live.js'
import type { Ending, Paper } from '../../trading/paper/paper.js'

/** The `summary` of a run that has ended. */
export function summaryOf({
  run,
  live,
  paper,
  ending,
}: {
  readonly run: string
  readonly live: LiveRun
  readonly paper: Paper
  readonly ending: Ending
}) {
  const { state, options } = live
  const { account } = state
  return {
    type: 'summary',
    run,
    command: 'paper',
    policy: options.policy.name,
    symbols: options.market.symbols,
    interval: options.market.interval,
    equity: state.equity,
    pnl: state.equity - options.rules.capital,
    trades: state.trades,
    fees: account.fees,
    slippage: { seen: paper.seenSlippage, modelled: paper.modelledSlippage },
    uptime: paper.allBars === 0 ? null : paper.goodBars / paper.allBars,
    ending,
  }
}
