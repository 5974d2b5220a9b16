/** A report for programs: one `report` record, with the keys and units of the records it was made from. */
import { formatTime } from '../../base/time.js'
import type { Report, RunReport } from '../model.js'

/** One line. A number that is not there is null; curves are by session, for the marks are in the records. */
export function jsonOf({ runs, quality, notes }: Report): string {
  return `${JSON.stringify({ type: 'report', runs: runs.map(runOf), quality, notes })}\n`
}

const time = (ms: number | null): string | null =>
  ms === null || !Number.isFinite(ms) ? null : formatTime(ms)

function runOf(run: RunReport) {
  return {
    run: run.name,
    kind: run.kind,
    place: run.place,
    money: run.money,
    symbols: run.symbols,
    from: run.span?.[0] ?? null,
    to: run.span?.[1] ?? null,
    verdict: run.verdict,
    lights: run.lights,
    honesty: Object.fromEntries(run.honesty.map(({ name, value }) => [name, value])),
    figures: Object.fromEntries(
      run.figures.flatMap(({ figures }) => figures.map(({ key, value }) => [key, value])),
    ),
    shown: Object.fromEntries(
      run.figures.flatMap(({ figures }) => figures.map(({ key, shown }) => [key, shown])),
    ),
    reasons: Object.fromEntries(
      run.figures.flatMap(({ figures }) =>
        figures.flatMap(({ key, reason }) => (reason === null ? [] : [[key, reason]])),
      ),
    ),
    pnl_at_cost: run.costs === null ? null : run.costs.points,
    break_even_bps: run.costs?.breakEvenBps ?? null,
    rivals: run.rivals,
    drawdowns: run.drawdowns.map(({ peakMs, troughMs, recoveredMs, fraction, dollars }) => ({
      peak: time(peakMs),
      trough: time(troughMs),
      recovered: time(recoveredMs),
      fraction,
      dollars,
    })),
    months: run.months,
    sessions: run.sessions,
    heat: run.heat,
    actions: run.actions,
    by_symbol: run.bySymbol.map(({ hitRate, ...rest }) => ({ ...rest, hit_rate: hitRate })),
    trades: run.trades.map((trade) => ({
      symbol: trade.symbol,
      side: trade.side,
      qty: trade.shares,
      entry_time: time(trade.entryMs),
      entry_price: trade.entryPrice,
      exit_time: time(trade.exitMs),
      exit_price: trade.exitPrice,
      pnl: trade.pnl,
      costs: trade.costs,
    })),
    risk: {
      all: run.risk.all,
      counts: run.risk.counts,
      events: run.risk.events.map(({ timeMs, ...rest }) => ({ time: time(timeMs), ...rest })),
    },
    slippage: run.slippage,
    windows: run.windows,
    learning: run.learning,
    manifest: Object.fromEntries(run.manifest.map(({ name, value }) => [name, value])),
    notes: run.notes,
  }
}
