/** One JSON document of a look at some dates. */
import { formatDate, formatTime } from '../../base/time.js'
import { countsOf, type Report, rowsBySymbol } from '../report.js'
import { rulesetOf } from '../validate.js'

/** The document: its keys in their order, on one line with an end. */
export function jsonOf(report: Report): string {
  const { symbols, dates, findings, skipped, silenced, miscalibrated, closed, error, status } = report
  const document = {
    ruleset: rulesetOf(null),
    time: formatTime(report.atMs),
    dates: dates.map(({ day }) => formatDate(day)),
    symbols,
    rows: Object.fromEntries(rowsBySymbol(report)),
    findings: findings.map(({ record }) => record),
    ...countsOf(findings),
    silenced,
    skipped: Object.fromEntries([...skipped].map(([check, days]) => [check, days.map(formatDate)])),
    miscalibrated,
    ...{ closed, error, status },
  }
  return `${JSON.stringify(document)}\n`
}
