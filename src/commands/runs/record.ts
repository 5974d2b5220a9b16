/** A run as a record, and as words for people. */
import type { PastRun } from '../../agent/run/history.js'
import { choice, under } from '../../cli/options.js'

export const { format } = under('Output', {
  format: choice('FORMAT', ['ndjson', 'table'], 'records, or lines for people', {
    short: 'f',
    defaultText: 'table on a terminal, else ndjson',
  }),
})

/** The `run` record: its keys, in their order. */
export const runRecord = (run: PastRun) => ({
  type: 'run',
  run: run.run,
  time: run.time,
  task: run.task,
  symbols: run.symbols,
  interval: run.interval,
  from: run.from,
  to: run.to,
  trial: run.number,
  trials: run.trials,
  state: run.state,
  ended: run.ended?.time ?? null,
  early_stop: run.ended?.end === 'early-stop',
  step: run.step,
  best: run.best === null ? null : { reward: run.best.reward, step: run.best.step },
  folder: run.folder,
  path: run.path,
})

/** `NVDA,MSFT 1m, 2025-06-02 to 2025-07-30`, or the name of a benchmark task. */
export const barsWords = ({ task, symbols, interval, from, to }: PastRun): string =>
  from === null ? `task ${task}` : `${symbols.join()} ${interval}, ${from} to ${to}`

/** Dollars, or the score of a task; a dash where nothing was validated. */
export function bestWords({ best, from }: PastRun): string {
  if (best === null) return '-'
  const amount = Math.abs(best.reward).toFixed(2)
  return `${best.reward < 0 ? '-' : ''}${from === null ? '' : '$'}${amount}`
}
