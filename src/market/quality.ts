/** What is said about the quality of bars: the record, and the words for people beside it. */

/**
 * How bad a finding is. `info`, `warning` and `error` are the words of `inspect`, which describes; `warn` and `error` those of the
 * end of the day, which judges: they are what its users have in their tables, so both stand.
 */
export type Severity = 'info' | 'warning' | 'warn' | 'error'

/** A `quality` record: its keys, in their order. */
export interface Quality {
  readonly type: 'quality'
  readonly date: string
  readonly ruleset: string
  readonly symbol: string | null
  readonly check: string
  readonly severity: Severity
  readonly from: string | null
  readonly to: string | null
  readonly count: number
  readonly observed: unknown
  readonly expected: unknown
  readonly samples: readonly string[]
  readonly fix: string | null
}

/** A record with the words of its finding for people. */
export interface Finding {
  readonly record: Quality
  readonly words: string
}
