/** Findings about data, by date: what a calendar shows, and the newest in words. Bounded: the dates that are furthest back go. */
import { parseDate } from '../base/time.js'
import type { JsonObject } from '../stream/json.js'

/** What was found on a date. */
export interface QualityDay {
  errors: number
  warnings: number
  infos: number
}

export interface QualityRow {
  readonly date: string
  readonly symbol: string
  readonly check: string
  readonly severity: string
  readonly count: number | null
  readonly fix: string
}

const MOST_DAYS = 800
const MOST_ROWS = 200

/** The findings of a file, or of a store. */
export class Quality {
  readonly days = new Map<string, QualityDay>()
  rows: QualityRow[] = []
  count = 0

  /** False for a record that is none about quality. */
  take(record: JsonObject): boolean {
    const { type, date, severity } = record
    if (type !== 'quality' || typeof date !== 'string' || parseDate(date) === null) return false
    const words = typeof severity === 'string' ? severity : ''
    const day = this.#day(date)
    this.count++
    // The row of the run says that the date was looked at; what was found has rows of its own.
    if (record.check === 'run') return true
    if (words === 'error') day.errors++
    else if (words === 'warn' || words === 'warning') day.warnings++
    else day.infos++
    this.rows.push({
      date,
      symbol: text(record.symbol),
      check: text(record.check),
      severity: words,
      count: typeof record.count === 'number' ? record.count : null,
      fix: text(record.fix),
    })
    if (this.rows.length > MOST_ROWS) this.rows.shift()
    return true
  }

  clear(): void {
    this.days.clear()
    this.rows = []
    this.count = 0
  }

  #day(date: string): QualityDay {
    const there = this.days.get(date)
    if (there !== undefined) return there
    const day: QualityDay = { errors: 0, warnings: 0, infos: 0 }
    this.days.set(date, day)
    if (this.days.size > MOST_DAYS) this.days.delete([...this.days.keys()].sort()[0]!)
    return day
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
