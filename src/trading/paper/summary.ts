/** The one record that says how a run at a gateway went, from the run itself or from its journal. */
import { formatDate } from '../../base/time.js'
import type { JournalEvent } from '../../broker/journal.js'
import type { LiveRun } from '../live.js'
import type { Ending, Venue } from './options.js'
import type { Paper } from './paper.js'
import type { Reckoning } from './reconciliation.js'
import type { Retold } from './retold.js'

/** A run that has ended, or as far as its journal goes. */
export interface Ended {
  readonly run: string
  readonly account: string | null
  /** Null where a journal does not say. */
  readonly venue: Venue | null
  readonly live: LiveRun
  readonly paper: Pick<Paper, 'slippage' | 'uptime'>
  /** Null for one that has not ended. */
  readonly ending: Ending | null
  readonly reckoning: Reckoning | null
  /** How often the gateway said that messages came too fast; null where nobody counted. */
  readonly backOffs: number | null
}

/** The `summary` of a run. */
export function paperSummary({ run, account, venue, live, paper, ending, reckoning, backOffs }: Ended) {
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
    gateway: venue?.gateway ?? null,
    sources: venue?.sources ?? null,
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

/** The same from a journal, as far as it goes. */
export function retoldSummary(
  events: readonly JournalEvent[],
  { run, live, past, settings }: Retold,
): ReturnType<typeof paperSummary> {
  const last = <E extends JournalEvent['event']>(kind: E) =>
    events.findLast((event): event is Extract<JournalEvent, { event: E }> => event.event === kind)
  const opened = last('open')
  const ended = last('end')
  const slippage = { seen: 0, modelled: 0 }
  for (const { slippage: seen, modelled } of past.executions.values()) {
    slippage.seen += seen
    slippage.modelled += modelled
  }
  const isOver = ended !== undefined && events.lastIndexOf(ended) > events.lastIndexOf(opened!)
  return {
    ...paperSummary({
      run,
      live,
      account: opened?.account ?? null,
      venue:
        opened?.gateway === undefined ? null : { gateway: opened.gateway, sources: opened.sources ?? null },
      paper: { slippage, uptime: past.uptime },
      ending: isOver ? (ended.ending as Ending) : null,
      reckoning: last('day') ?? null,
      backOffs: null,
    }),
    policy: settings.policy,
  }
}
