/** What a check gives. */

/** Something found, before it is a record. */
export interface Found {
  readonly symbol: string | null
  /** New York date, days since 1970-01-01. */
  readonly day: number
  /** Starts of the first and the last bar concerned, epoch milliseconds; null where there are none. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly count: number
  readonly observed: unknown
  readonly expected: unknown
  readonly samples: readonly string[]
  /** For people, without symbol and date. */
  readonly words: string
  /**
   * What to fetch again: the bars from `fromMs` to `toMs`, the whole date, all dates; or which rows of the store have to go, those of a
   * date without a session or of another one. Null where nothing of that helps.
   */
  readonly repair: 'bars' | 'date' | 'series' | 'purge' | null
}
