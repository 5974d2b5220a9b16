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

/** Dates that are kept, and findings in words. */
export const MOST_DAYS = 800
export const MOST_ROWS = 200

/** The findings of a file, or of a store. */
export class Quality {
  readonly days = new Map<string, QualityDay>()
  count = 0
  #rows: QualityRow[] = []

  /** The findings of the newest dates, those first. */
  get rows(): readonly QualityRow[] {
    this.#rows = this.#rows.sort(newestFirst).slice(0, MOST_ROWS)
    return this.#rows
  }

  /** False for a record that is none about quality. */
  take(record: JsonObject): boolean {
    const { type, date, severity } = record
    if (type !== 'quality' || typeof date !== 'string' || parseDate(date) === null) return false
    const words = text(severity)
    // The row of the run says that the date was looked at; what was found has rows of its own.
    const isFinding = record.check !== 'run'
    this.found(date, words, isFinding ? 1 : 0)
    if (isFinding) this.tell(record)
    return true
  }

  /** So many findings of a severity on a date; 0 where it was looked at. */
  found(date: string, severity: string, count: number): void {
    const day = this.#day(date)
    this.count++
    if (severity === 'error') day.errors += count
    else if (severity === 'warn' || severity === 'warning') day.warnings += count
    else day.infos += count
  }

  /** A finding in words. */
  tell(record: JsonObject): void {
    this.#rows.push({
      date: text(record.date),
      symbol: text(record.symbol),
      check: text(record.check),
      severity: text(record.severity),
      count: typeof record.count === 'number' ? record.count : null,
      fix: text(record.fix),
    })
    // Sorted once in a while: files have their dates in any order.
    if (this.#rows.length > 2 * MOST_ROWS) this.#rows = this.rows.slice()
  }

  clear(): void {
    this.days.clear()
    this.#rows = []
    this.count = 0
  }

  #day(date: string): QualityDay {
    const there = this.days.get(date)
    if (there !== undefined) return there
    const day: QualityDay = { errors: 0, warnings: 0, infos: 0 }
    this.days.set(date, day)
    if (this.days.size > MOST_DAYS) this.days.delete(this.#oldest())
    return day
  }
  #oldest(): string {
    let oldest = ''
    for (const date of this.days.keys()) if (oldest === '' || date < oldest) oldest = date
    return oldest
  }
}

const newestFirst = (a: QualityRow, b: QualityRow): number => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0)

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
