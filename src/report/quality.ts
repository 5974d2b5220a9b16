/** Findings of the data, as `eod-validate` and `inspect` write them. */
import { quote } from '../base/words.js'
import type { JsonObject } from '../stream/json.js'
import type { QualityFinding, QualityReport } from './model.js'

/** Null where there are no `quality` records. A finding that is no error and no warning describes, and is left out. */
export function qualityOf(records: readonly JsonObject[]): QualityReport | null {
  if (records.length === 0) return null
  const findings = records.flatMap((record) => findingOf(record) ?? [])
  const byDate = new Map<string, { date: string; errors: number; warnings: number }>()
  for (const { date, severity } of findings) {
    const day = byDate.get(date) ?? { date, errors: 0, warnings: 0 }
    if (severity === 'error') day.errors++
    else day.warnings++
    byDate.set(date, day)
  }
  return {
    errors: findings.filter(({ severity }) => severity === 'error').length,
    warnings: findings.filter(({ severity }) => severity === 'warning').length,
    findings,
    days: [...byDate.values()].sort((a, b) => (a.date < b.date ? -1 : 1)),
  }
}

function findingOf(record: JsonObject): QualityFinding | null {
  const { date, symbol, check, severity, count, fix, observed, expected, from, to } = record
  // A line of its own says that a day was judged.
  if (check === 'run' || (severity !== 'error' && severity !== 'warn' && severity !== 'warning')) return null
  const span =
    typeof from === 'string' ? `${from}${typeof to === 'string' && to !== from ? ` to ${to}` : ''}` : ''
  const seen = observed == null ? [] : [`observed ${told(observed)}`]
  const wanted = expected == null ? [] : [`expected ${told(expected)}`]
  return {
    date: typeof date === 'string' ? date : '',
    symbol: typeof symbol === 'string' ? symbol : 'all',
    check: String(check),
    severity: severity === 'error' ? 'error' : 'warning',
    count: typeof count === 'number' ? count : 0,
    words: [span, ...seen, ...wanted].filter((part) => part !== '').join(', '),
    fix: typeof fix === 'string' ? fix : null,
  }
}

const told = (value: unknown): string =>
  typeof value === 'number' ? String(value) : typeof value === 'string' ? value : quote(value)
