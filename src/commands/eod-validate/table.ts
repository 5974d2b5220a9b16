/** Findings for people: 80 columns, by date and symbol, and one line that says what was looked at. */
import { inLine, type Paint } from '../../cli/ui.js'
import { type Report, summaryOf } from '../../validate/report.js'
import { findingLines, wrapped } from '../wiring/finding-lines.js'

/** The lines; none where nothing was looked at. */
export function tableOf(report: Report, paint: Paint): string[] {
  const { findings, dates } = report
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
  return [...lines, ...wrapped(summaryOf(report), '')]
}
