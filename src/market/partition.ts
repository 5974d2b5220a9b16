/** What the folders of a Hive-partitioned data set say about the rows below them: `symbol=NVDA/date=2025-07-30/`. */
import { INTERVALS, type Interval, SYMBOL } from './bar.js'

export interface Partition {
  readonly symbol?: string
  readonly interval?: Interval
}

/** The symbol and the interval in a path; values are percent-encoded, as Hive and Spark write them. */
export function partitionOf(path: string): Partition {
  const found: { symbol?: string; interval?: Interval } = {}
  for (const [, key, value] of path.matchAll(/(?:^|\/)(symbol|ticker|interval)=([^/]+)(?=\/)/gi)) {
    const text = decoded(value!)
    if (key!.toLowerCase() !== 'interval') {
      if (SYMBOL.test(text.toUpperCase())) found.symbol = text.toUpperCase()
    } else if (INTERVALS.includes(text as Interval)) found.interval = text as Interval
  }
  return found
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
