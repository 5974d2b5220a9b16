/** What was seen of the bars, for people: 80 columns. */
import { sparkline } from '../../base/sparkline.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { type Finding, SHOWN_CLOSES } from './findings.js'

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

/** The lines of one finding: how bad it is, what it is, and what can be done. */
export function findingLines({ record: { severity, fix }, words }: Finding, paint: Paint): string[] {
  const color = severity === 'error' ? paint.red : severity === 'warning' ? paint.yellow : paint.dim
  const [first = '', ...rest] = wrapped(inLine(words), ' '.repeat(11))
  return [
    `  ${color(severity.padEnd(8))} ${first.trimStart()}`,
    ...rest,
    ...(fix === null ? [] : wrapped(`fix: ${fix}`, ' '.repeat(11))),
  ]
}

const counted = (counts: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(counts)
  return entries.map(([name, n]) => (entries.length === 1 ? name : `${name} (${n})`)).join(', ')
}

/** Lines of at most 80 columns, cut at blanks, each after `indent`. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + 1 + word.length > 80) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}
