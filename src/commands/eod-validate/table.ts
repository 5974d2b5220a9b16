/** Findings for people: 80 columns, by date and symbol, and one line that says what was looked at. */
import { formatDate } from '../../base/time.js'
import { inLine, type Paint } from '../../cli/ui.js'
import type { Verdict } from '../../validate/validate.js'
import { findingLines } from '../wiring/finding-lines.js'

export function tableOf(
  { findings, dates }: Verdict,
  { symbols, paint }: { readonly symbols: readonly string[]; readonly paint: Paint },
): string[] {
  const lines: string[] = []
  let heading = ''
  for (const finding of findings) {
    const { date, symbol, ruleset, check } = finding.record
    const interval = ruleset.split(' ')[1]
    const own = [date, symbol ?? '', interval ?? ''].filter((word) => word !== '').join(' ')
    if (own !== heading) lines.push(...(heading === '' ? [] : ['']), paint.bold(inLine(own)))
    heading = own
    lines.push(...findingLines({ ...finding, words: `${check}: ${finding.words}` }, paint))
  }
  if (dates.length === 0) return lines
  if (lines.length > 0) lines.push('')
  return [...lines, summary(symbols, { findings, dates })]
}

/** `NVDA, MSFT 2025-07-30: 780 rows, clean` */
function summary(
  symbols: readonly string[],
  { findings, dates }: Pick<Verdict, 'findings' | 'dates'>,
): string {
  const [first, last] = [formatDate(dates[0]!.day), formatDate(dates.at(-1)!.day)]
  const rows = dates.reduce((sum, date) => sum + date.rows, 0)
  const counts = (['error', 'warn'] as const).flatMap((severity) => {
    const count = findings.filter(({ record }) => record.severity === severity).length
    const word = severity === 'warn' ? 'warning' : severity
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]
  })
  const span = first === last ? first : `${first} to ${last}`
  return `${symbols.join(', ')} ${span}: ${rows} rows, ${counts.length === 0 ? 'clean' : counts.join(', ')}`
}
