/** What was seen of the bars, for people: 80 columns. */
import { sparkline } from '../../base/sparkline.js'
import type { Paint } from '../../cli/ui.js'
import type { Finding } from '../../market/quality.js'
import { findingLines, wrapped } from '../wiring/finding-lines.js'
import { SHOWN_CLOSES } from './findings.js'

interface Bars {
  readonly interval: string
  readonly sources: Readonly<Record<string, number>>
  readonly adjusted: Readonly<Record<string, number>>
  readonly sessions: number | null
  readonly bars: number | null
  readonly low: number
  readonly high: number
  readonly last: number
  readonly closes: readonly number[]
}

/** The lines of one symbol and interval. */
export function linesOf(
  [bars, ...rest]: readonly Finding[],
  { paint, unicode }: { readonly paint: Paint; readonly unicode: boolean },
): string[] {
  if (bars === undefined) return []
  const { symbol, from, to, count, observed, expected } = bars.record
  const { interval, sources, adjusted, sessions, bars: there, low, high, last, closes } = observed as Bars
  const wanted = expected as { sessions: number; bars: number } | null
  const facts = [
    `${from} to ${to}`,
    `${count} rows, source ${counted(sources)}, adjusted ${counted(adjusted)}`,
    wanted === null
      ? 'beyond the years of the calendar: sessions are not known'
      : `${sessions} of ${wanted.sessions} sessions, with ${there} of their ${wanted.bars} bars`,
    `low ${low}, high ${high}, last close ${last}`,
  ]
  return [
    `${paint.bold(`${symbol} ${interval}`)}  ${sparkline(closes, { width: SHOWN_CLOSES, unicode })}`,
    ...facts.flatMap((line) => wrapped(line, '  ')),
    ...rest.flatMap((finding) => findingLines(finding, paint)),
  ]
}

const counted = (counts: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(counts)
  return entries.map(([name, n]) => (entries.length === 1 ? name : `${name} (${n})`)).join(', ')
}
