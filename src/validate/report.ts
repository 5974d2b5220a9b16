/** What came of one look at the bars of some dates: what every format tells, and the records that a store keeps of it. */

import { formatDate } from '../base/time.js'
import { counted } from '../base/words.js'
import type { Finding, Quality } from '../market/quality.js'
import type { CheckId } from './check-ids.js'
import { rulesetOf, type Verdict } from './validate.js'

/** A check that fires so often that its number, and not the bars, may be wrong. */
export interface Miscalibrated {
  readonly check: CheckId
  readonly symbol: string
  /** How many sessions running, and the first and the last of them. */
  readonly sessions: number
  readonly from: string
  readonly to: string
  /** The number to look at; null where the check has none. */
  readonly threshold: number | null
}

export interface Report extends Pick<Verdict, 'findings' | 'dates' | 'judged' | 'skipped'> {
  readonly symbols: readonly string[]
  /** When it was looked at, epoch milliseconds. */
  readonly atMs: number
  /** Findings that a baseline has silenced: they are not among the findings. */
  readonly silenced: number
  readonly miscalibrated: readonly Miscalibrated[]
  /** Why the exchange is closed on all of the dates; null where it is not. */
  readonly closed: string | null
  /** Warnings count as errors. */
  readonly isStrict: boolean
  /** What kept the look from being one; null where nothing did. */
  readonly error: string | null
  /** The exit status. */
  readonly status: number
}

/** How many findings are errors, and how many warnings. */
export function countsOf(findings: readonly Finding[]): { errors: number; warnings: number } {
  const errors = findings.filter(({ record }) => record.severity === 'error').length
  return { errors, warnings: findings.length - errors }
}

/** Rows of each symbol, in the order of the symbols. */
export function rowsBySymbol({ symbols, judged }: Report): [string, number][] {
  const sum = (symbol: string) =>
    judged.filter((one) => one.symbol === symbol).reduce((total, { rows }) => total + rows, 0)
  return symbols.map((symbol) => [symbol, sum(symbol)])
}

/** `NVDA, MSFT 2025-07-30: 780 rows, 2 errors, 1 warning, 3 silenced` */
export function summaryOf(report: Report): string {
  const { symbols, dates, silenced, closed, error, findings } = report
  if (closed !== null) return `market closed (${closed})`
  const rows = dates.reduce((sum, date) => sum + date.rows, 0)
  const { errors, warnings } = countsOf(findings)
  const parts = [
    ...(errors === 0 ? [] : [`${counted(errors, 'error')}`]),
    ...(warnings === 0 ? [] : [`${counted(warnings, 'warning')}`]),
  ]
  const state = error === null ? (parts.length === 0 ? ['clean'] : parts) : [...parts, error]
  const more = silenced === 0 ? [] : [`${silenced} silenced`]
  return `${symbols.join(', ')} ${spanOf(report)}: ${rows} rows, ${[...state, ...more].join(', ')}`
}

/** `2025-07-30`, or the first and the last of several. */
export function spanOf({ dates }: Pick<Report, 'dates'>): string {
  if (dates.length === 0) return 'no date'
  const [first, last] = [formatDate(dates[0]!.day), formatDate(dates.at(-1)!.day)]
  return first === last ? first : `${first} to ${last}`
}

/** What one line says of a check that fires too often. */
export function miscalibratedWords({ check, symbol, sessions, from, to, threshold }: Miscalibrated): string {
  const remedy =
    threshold === null
      ? 'mend where its bars come from, or silence it with --baseline'
      : `look at --threshold ${check}=${threshold}`
  return `miscalibrated: ${check} of ${symbol} fires on ${sessions} sessions running, ${from} to ${to}; ${remedy}`
}

/** What a store keeps: dates and rule sets that are looked at, and the records of them. */
export interface Kept {
  readonly dates: readonly string[]
  readonly rulesets: readonly string[]
  readonly records: readonly Quality[]
}

/** The findings, and one record of check `run` for each date and rule set that was looked at. */
export function keptOf(report: Report): Kept {
  const { findings, judged } = report
  const runs = new Map<string, Quality>()
  const byDate = grouped(judged, ({ day, interval }) => `${formatDate(day)} ${rulesetOf(interval)}`)
  for (const [key, of] of byDate) runs.set(key, runOf(report, of))
  const records = [...distinct(findings.map(({ record }) => record)), ...runs.values()]
  return {
    dates: [...new Set(records.map(({ date }) => date))].sort(),
    rulesets: [...new Set([rulesetOf(null), ...records.map(({ ruleset }) => ruleset)])].sort(),
    records,
  }
}

function runOf(report: Report, judged: Report['judged']): Quality {
  const { day, interval } = judged[0]!
  const [date, ruleset] = [formatDate(day), rulesetOf(interval)]
  // What belongs to no interval is told by each.
  const own = report.findings.filter(
    ({ record }) => record.date === date && [ruleset, rulesetOf(null)].includes(record.ruleset),
  )
  const { errors, warnings } = countsOf(own)
  const rows = Object.fromEntries(judged.map((one) => [one.symbol, one.rows]))
  const skipped = [...report.skipped].filter(([, days]) => days.includes(day)).map(([check]) => check)
  const isBad = errors > 0 || (report.isStrict && warnings > 0)
  return {
    ...{ type: 'quality', date, ruleset, symbol: null, check: 'run' },
    ...{ severity: isBad ? 'error' : warnings > 0 ? 'warn' : 'info', from: null, to: null },
    count: errors + warnings,
    observed: { rows, errors, warnings, skipped, status: isBad ? 1 : 0 },
    expected: { errors: 0, warnings: 0, status: 0 },
    ...{ samples: [], fix: null },
  }
}

/** A table has one row for a check that found two things at one time: their counts add up. */
function distinct(records: readonly Quality[]): Quality[] {
  const byKey = grouped(records, ({ date, ruleset, symbol, check, from }) =>
    JSON.stringify([date, ruleset, symbol, check, from]),
  )
  return [...byKey.values()].map(([first, ...rest]) => ({
    ...first!,
    count: rest.reduce((sum, { count }) => sum + count, first!.count),
    samples: [first!, ...rest].flatMap(({ samples }) => samples).slice(0, 3),
  }))
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
