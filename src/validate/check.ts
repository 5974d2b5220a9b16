/** What a check is: one row of the list in `checks.ts`. */
import type { Severity } from '../market/quality.js'
import type { CheckId } from './check-ids.js'
import type { Day } from './day.js'
import type { Found } from './found.js'
import type { PaperDay } from './paper.js'
import type { Together } from './seen.js'

/** All symbols of one interval on one date. */
export interface Company {
  readonly day: number
  /** How its first two symbols move together; null where that cannot be held against anything. */
  readonly together: Together | null
}

/** Symbols that nobody asked for, and how new the rest is. */
export interface Whole {
  readonly unknown: readonly {
    readonly symbol: string
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
  }[]
  /** Symbols that were asked for. */
  readonly symbols: readonly string[]
  /** End of the newest bar. */
  readonly newestMs: number
  /** The last session that has ended, where the newest bar is to be held against it. */
  readonly lastSessionEndMs: number | null
  /** Against which the ages of bars are counted. */
  readonly asOfMs: number
  /** The date for findings that have no other. */
  readonly lastDay: number
}

/** When the rows of one symbol came into the store, against when they could. */
export interface Arrivals {
  readonly symbol: string
  readonly rows: number
  /** Of the rows, the one in the middle; epoch milliseconds. */
  readonly medianMs: number
  /** Rows that were there before their bar had ended, the first such bar, and the most milliseconds before. */
  readonly early: number
  readonly firstEarlyMs: number | null
  readonly mostEarlyMs: number
}

/** Bars of the store held against those of a file. */
export interface Compared {
  readonly symbol: string
  /** Starts of bars that stand in one of them alone, or differ, epoch milliseconds, in the order of time. */
  readonly storeAlone: readonly number[]
  readonly fileAlone: readonly number[]
  readonly different: readonly { readonly timeMs: number; readonly words: string }[]
}

/** What is known of a date beside its bars; what was not looked at is not there. */
export interface Facts {
  readonly day: number
  /** Close of its session; null where it has none. */
  readonly closeMs: number | null
  /** When it is judged. */
  readonly asOfMs: number
  readonly arrivals?: readonly Arrivals[]
  readonly compared?: readonly Compared[]
  readonly paper?: PaperDay
  readonly disk?: { readonly where: string; readonly freeBytes: number }
}

interface Described {
  readonly id: CheckId
  readonly severity: Extract<Severity, 'warn' | 'error'>
  /** Null where there is nothing to measure. */
  readonly threshold: number | null
  /** What the threshold counts. */
  readonly unit?: string
  /** What is wrong, in a few words. */
  readonly words: string
  /** How it is told, for those who ask. */
  readonly explain: string
}

/** A check of a symbol's day, of all symbols of a date, of the input as a whole, or of what is known of a date beside its bars. */
export type Check = Described &
  (
    | { readonly of: 'day'; readonly run: (day: Day, threshold: number) => Iterable<Found> }
    | { readonly of: 'company'; readonly run: (company: Company, threshold: number) => Iterable<Found> }
    | { readonly of: 'whole'; readonly run: (whole: Whole, threshold: number) => Iterable<Found> }
    | { readonly of: 'facts'; readonly run: (facts: Facts, threshold: number) => Iterable<Found> }
  )

/** The number that each check with a threshold goes by. */
export type Thresholds = Readonly<Partial<Record<CheckId, number>>>
