/** The command that fetches bars again. */
import { formatDate, formatTime } from '../base/time.js'
import type { Interval } from '../market/bar.js'

/** Sources that give their bars a second time. */
export const REPAIR_SOURCES: readonly string[] = ['alpaca', 'alphavantage', 'polygon', 'ib']

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
}

/** `jules fetch --source alpaca --repair NVDA:2025-07-30T13:31:00Z..2025-07-30T13:45:00Z | jules load` */
export function repairCommand({ symbol, interval, from, to, by, source, otherwise }: Repair): string {
  const who = source !== null && REPAIR_SOURCES.includes(source) ? source : otherwise
  const words = by === 'bars' ? formatTime : formatDate
  const length = interval === '1m' ? '' : ` --interval ${interval}`
  return `jules fetch --source ${who} --repair ${symbol}:${words(from)}..${words(to)}${length} | jules load`
}
