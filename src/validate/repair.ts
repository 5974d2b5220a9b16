/** The command that fetches bars again. */
import { formatDate, formatTime } from '../base/time.js'
import type { Interval } from '../market/bar.js'

/** Sources that give their bars a second time. */
export const REPAIR_SOURCES: readonly string[] = ['alpaca', 'alphavantage', 'polygon', 'ib']

/** Where the gateway of paper accounts listens, unless its settings say otherwise. */
const GATEWAY = '127.0.0.1:4002'

export interface Repair {
  readonly symbol: string
  readonly interval: Interval
  /** Starts of the first and the last bar, or dates as days since 1970-01-01; both included. */
  readonly from: number
  readonly to: number
  readonly by: 'bars' | 'dates'
  /** Where the bars of the day come from; null where nobody knows. */
  readonly source: string | null
  /** Who is asked where that one cannot be. */
  readonly otherwise: string
  /** Options that name the store, with a blank before them; empty where none are needed. */
  readonly store: string
}

/** What has to go from the store. */
export interface Removal extends Omit<Repair, 'by'> {
  readonly isSession: boolean
  /** Rows that have to go: one of them is named exactly. */
  readonly count: number
  /** New York date, days since 1970-01-01. */
  readonly day: number
}

/**
 * The commands that take rows out of the store. Where several are among others the whole date is fetched first, and only then
 * exchanged: nothing goes before what takes its place is there.
 */
export function removalCommand({ isSession, count, day, ...repair }: Removal): string {
  const { symbol, interval, from, store } = repair
  const date = formatDate(day)
  const purge = (span: string) =>
    `jules db purge --span ${symbol}:${span} --interval ${interval}${store} --yes`
  if (count === 1) return purge(formatTime(from))
  if (!isSession) return purge(date)
  const file = `${symbol}-${date}.ndjson`
  const fetched = fetchCommand({ ...repair, from: day, to: day, by: 'dates' })
  return `${fetched} -o ${file} && ${purge(date)} && jules load${store} ${file}`
}

/** `jules fetch --source alpaca --repair NVDA:2025-07-30T13:31:00Z..2025-07-30T13:45:00Z | jules load` */
export const repairCommand = (repair: Repair): string => `${fetchCommand(repair)} | jules load${repair.store}`

/** Whether a source can be asked for bars of a length: seconds are had of the gateway alone, and days not of every vendor. */
const gives = (name: string | null, interval: Interval): boolean =>
  name !== null &&
  REPAIR_SOURCES.includes(name) &&
  (name === 'ib' || !['1s', '5s'].includes(interval)) &&
  (name !== 'alphavantage' || interval !== '1d')

function fetchCommand({ symbol, interval, from, to, by, source, otherwise }: Repair): string {
  const who = [source, otherwise, 'alpaca', 'ib'].find((name) => gives(name, interval))
  const words = by === 'bars' ? formatTime : formatDate
  const length = interval === '1m' ? '' : ` --interval ${interval}`
  const gateway = who === 'ib' ? ` --gateway ${GATEWAY}` : ''
  return `jules fetch --source ${who}${gateway} --repair ${symbol}:${words(from)}..${words(to)}${length}`
}
