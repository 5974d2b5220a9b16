/**
 * A day on paper by its records: whether the books follow from the fills, whether fills and journal are the same, what was lost, and
 * how long the run was there. Reads records alone and knows nothing of how they come about.
 */
import { formatTime, MINUTE, newYorkDay, newYorkMidnight } from '../base/time.js'
import { dollars } from '../base/words.js'
import { type Interval, intervalMs } from '../market/bar.js'
import { sessionOn } from '../market/calendar.js'
import { barStarts, endOfBar } from '../market/grid.js'
import type { Found } from './found.js'

export interface Fill {
  readonly timeMs: number
  readonly symbol: string
  /** Signed: above 0 for what was bought. */
  readonly shares: number
  /** Dollars. */
  readonly price: number
  readonly commission: number
  /** The execution's id; empty where the record has none. */
  readonly exec: string
}

export interface EquityMark {
  readonly timeMs: number
  readonly cash: number
  readonly equity: number
  readonly pnlDay: number
  readonly positions: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, number>>
}

export interface RunState {
  readonly timeMs: number
  readonly isReady: boolean
  /** Milliseconds; null where it was not known. */
  readonly dataAgeMs: number | null
}

/** What one run left behind; each list in the order of time. */
export interface PaperRun {
  readonly run: string
  readonly interval: Interval
  readonly fills: readonly Fill[]
  readonly equity: readonly EquityMark[]
  readonly states: readonly RunState[]
  /** When it ended in order, by its own word; null where it has none. */
  readonly endedMs: number | null
  /** The same fills as the journal has them; null where it was not read. */
  readonly journalled: readonly Fill[] | null
}

/** Runs and the date that they are judged for, days since 1970-01-01. */
export interface PaperDay {
  readonly day: number
  readonly runs: readonly PaperRun[]
  /** Data older than this is no data, as `paper --stale-after` has it. */
  readonly staleMs: number
}

/** Half a cent: what rounding leaves. */
const CENTS = 0.005
const SAMPLES = 3

const isOf =
  (day: number) =>
  ({ timeMs }: { readonly timeMs: number }): boolean =>
    newYorkDay(timeMs) === day

/** The finding of all runs of a date together; none where nothing is wrong. */
function found(
  { day }: PaperDay,
  problems: readonly string[],
  more: Pick<Found, 'words' | 'observed' | 'expected'>,
): Found[] {
  if (problems.length === 0) return []
  const { openMs = newYorkMidnight(day), closeMs = openMs } = sessionOn(day) ?? {}
  return [
    {
      ...{ symbol: null, day, fromMs: openMs, toMs: closeMs, count: problems.length, repair: null },
      ...{ samples: problems.slice(0, SAMPLES), ...more },
    },
  ]
}

/** Cash, shares and equity that do not follow from the fills and the marks, and fills that the journal has not, or others. */
export function ledgerFound(paper: PaperDay): Found[] {
  const problems = paper.runs.flatMap((run) => [...booksOf(run, paper.day), ...journalOf(run, paper.day)])
  return found(paper, problems, {
    ...{ observed: problems.length, expected: 0 },
    words: `the books of a run on paper do not agree: ${problems[0] ?? ''}`,
  })
}

function booksOf({ run, fills, equity }: PaperRun, day: number): string[] {
  const problems: string[] = []
  const marks = equity.filter(isOf(day))
  for (const { timeMs, cash, positions, marks: prices, equity: worth } of marks) {
    const value = Object.entries(positions).reduce(
      (sum, [symbol, n]) => sum + n * (prices[symbol] ?? 0),
      cash,
    )
    if (Math.abs(value - worth) <= CENTS) continue
    problems.push(
      `${run} ${formatTime(timeMs)}: cash and shares are worth ${dollars(value)}, equity says ${dollars(worth)}`,
    )
    break
  }
  const [first, last] = [marks[0], marks.at(-1)]
  if (first === undefined || last === undefined) return problems
  // A fill at the time of a mark comes after it.
  const between = fills.filter(({ timeMs }) => timeMs >= first.timeMs && timeMs < last.timeMs)
  const cash = between.reduce(
    (sum, { shares, price, commission }) => sum - shares * price - commission,
    first.cash,
  )
  if (Math.abs(cash - last.cash) > CENTS) {
    problems.push(
      `${run} ${formatTime(last.timeMs)}: the fills leave ${dollars(cash)} of cash, the books ${dollars(last.cash)}`,
    )
  }
  for (const symbol of new Set([...Object.keys(last.positions), ...between.map((fill) => fill.symbol)])) {
    const own = between.filter((fill) => fill.symbol === symbol)
    const shares = own.reduce((sum, fill) => sum + fill.shares, first.positions[symbol] ?? 0)
    const held = last.positions[symbol] ?? 0
    if (Math.abs(shares - held) > 1e-6) {
      problems.push(
        `${run} ${formatTime(last.timeMs)}: the fills leave ${shares} ${symbol}, the books ${held}`,
      )
    }
  }
  return problems
}

function journalOf({ run, fills, journalled }: PaperRun, day: number): string[] {
  if (journalled === null) return []
  const problems: string[] = []
  const key = ({ symbol, exec }: Fill) => `${symbol} ${exec}`
  const [told, kept] = [fills, journalled].map(
    (list) => new Map(list.filter(isOf(day)).map((fill) => [key(fill), fill])),
  ) as [Map<string, Fill>, Map<string, Fill>]
  for (const [id, fill] of kept) {
    const other = told.get(id)
    if (other === undefined)
      problems.push(`${run} ${formatTime(fill.timeMs)}: ${id} stands in the journal alone`)
    else if (other.shares !== fill.shares || Math.abs(other.price - fill.price) > 1e-9)
      problems.push(
        `${run} ${formatTime(fill.timeMs)}: ${id}: ${other.shares} at ${other.price}, the journal has ${fill.shares} at ${fill.price}`,
      )
    else if (Math.abs(other.commission - fill.commission) > 1e-6)
      problems.push(
        `${run} ${formatTime(fill.timeMs)}: ${id}: commission ${other.commission}, the journal has ${fill.commission}`,
      )
  }
  for (const [id, fill] of told) {
    if (!kept.has(id)) problems.push(`${run} ${formatTime(fill.timeMs)}: ${id} does not stand in the journal`)
  }
  return problems
}

/** The day's loss at a mark that reaches the limit, dollars. */
export function lossFound(paper: PaperDay, limit: number): Found[] {
  const worst = paper.runs.flatMap(({ run, equity }) => {
    const day = equity.filter(isOf(paper.day))
    const mark = day.reduce((low, one) => (one.pnlDay < low.pnlDay ? one : low), day[0]!)
    return mark !== undefined && mark.pnlDay <= -limit ? [{ run, mark }] : []
  })
  const words = worst.map(({ run, mark }) => `${run} ${formatTime(mark.timeMs)}: ${dollars(mark.pnlDay)}`)
  return found(paper, words, {
    observed: worst[0]?.mark.pnlDay ?? null,
    expected: -limit,
    words: `the loss of a day reached ${dollars(limit)}: ${words.join(', ')}`,
  })
}

/**
 * The part of the bars of the session at whose end a run was ready with data that was not stale. It counts from its first record,
 * or from the open where it was there before, to the close, or to the end that it told.
 */
export function uptimeFound(paper: PaperDay, least: number): Found[] {
  const short = paper.runs.flatMap((run) => {
    const part = uptimeOf(run, paper)
    return part !== null && part < least ? [{ run: run.run, part }] : []
  })
  const words = short.map(({ run, part }) => `${run}: ${(100 * part).toFixed(2)} %`)
  return found(paper, words, {
    observed: short[0]?.part ?? null,
    expected: least,
    words: `paper was there for less than ${100 * least} % of the session: ${words.join(', ')}`,
  })
}

/** Null where no bar of the session was the run's to see. */
export function uptimeOf({ interval, states, endedMs }: PaperRun, { day, staleMs }: PaperDay): number | null {
  const session = sessionOn(day)
  const first = states[0]
  if (session === null || first === undefined) return null
  const fromMs = newYorkDay(first.timeMs) < day ? session.openMs : first.timeMs
  const length = intervalMs(interval)
  // What ends at the close is decided on by nobody any more.
  const due = barStarts(session, interval)
    .map((start) => endOfBar(start, length))
    .filter((end) => end >= fromMs && end < session.closeMs && (endedMs === null || end <= endedMs))
  if (due.length === 0) return null
  const good = new Set(
    states
      .filter(
        ({ isReady, dataAgeMs }) => isReady && dataAgeMs !== null && dataAgeMs <= Math.max(staleMs, length),
      )
      .map(({ timeMs }) => timeMs),
  )
  return due.filter((end) => good.has(end)).length / due.length
}

export const STALE_MS: number = 2 * MINUTE
