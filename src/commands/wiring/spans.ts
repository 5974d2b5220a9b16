/** Spans of bars as options name them: `NVDA:2025-07-30`, `NVDA:2025-07-28..2025-07-30`, `NVDA:2025-07-30T13:31:00Z..2025-07-30T13:45:00Z`. */
import { usage } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { newYorkMidnight, parseDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { SYMBOL } from '../../market/bar.js'
import type { Span } from '../../market/feeds/failover.js'

/** Dates are those of sessions in New York, times the starts of bars; both ends included. Throws 64. */
export function spanOf(text: string): Span {
  const [, name = '', from = '', to = from] = /^([^:]*):(.+?)(?:\.\.(.+))?$/.exec(text) ?? []
  const symbol = name.toUpperCase()
  const [first, last] = [edges(from), edges(to)]
  if (!SYMBOL.test(symbol) || first === null || last === null) {
    throw usage(
      'expected SYMBOL:FROM..TO with dates or times, such as NVDA:2025-07-30 or NVDA:2025-07-30T13:31:00Z..2025-07-30T13:45:00Z',
      { got: quote(text) },
    )
  }
  if (first.fromMs > last.toMs) throw usage('expected a beginning before the end', { got: quote(text) })
  return { symbol, fromMs: first.fromMs, toMs: last.toMs }
}

function edges(text: string): { fromMs: number; toMs: number } | null {
  const day = parseDate(text)
  if (day !== null) return { fromMs: newYorkMidnight(day), toMs: newYorkMidnight(day + 1) - 1 }
  const time = parseTime(text, null)
  return 'epochMs' in time ? { fromMs: time.epochMs, toMs: time.epochMs } : null
}
