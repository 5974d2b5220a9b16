/**
 * What is wrong with a field of a bar or with a line that holds none: a value, made where the check stands and only when
 * it fails. Code asks for the rule; the words are for people and are read by nobody else.
 */
import { Failure, type FailureDetails } from '../base/errors.js'
import { TIME_RULES } from '../base/stamp.js'
import { JSON_RULES } from '../stream/json.js'
import type { Interval } from './bar.js'

export const RULES = [
  /** The line: bytes, JSON, kind. */
  'not-utf8',
  ...JSON_RULES,
  'web-page',
  'a-document',
  'wrong-columns',
  'not-a-bar',
  /** Any field. */
  'missing',
  'stands-twice',
  'not-text',
  'unknown-word',
  'bad-symbol',
  'bad-source',
  /** Numbers. */
  'not-a-number',
  'ambiguous-number',
  'not-finite',
  'not-positive',
  'negative',
  'high-below-low',
  'low-above-price',
  'high-below-price',
  /** Times. */
  ...TIME_RULES,
  'not-an-epoch',
  'out-of-years',
  /** The rows together, and against the calendar. */
  'no-interval',
  'overlap',
  'not-regular',
] as const
export type Rule = (typeof RULES)[number]

export interface Problem {
  /** The field, or null where the line or the input as a whole does not fit. */
  readonly field: string | null
  readonly rule: Rule
  /** What was expected and what was found, without the field: `expected a number, got "n/a"`. */
  readonly words: string
  /** The value as it came; undefined where there is none. */
  readonly value: unknown
  /** The bar that the row was to be, as far as it could be read. */
  readonly bar?: {
    readonly symbol: string
    readonly interval: Interval | undefined
    readonly timeMs: number | undefined
  }
}

/** The message of a problem: `close: expected a number, got "n/a"`. */
export const describe = ({ field, words }: Problem): string => (field === null ? words : `${field}: ${words}`)

/** A problem that stops a command (65). */
export class BadRecord extends Failure {
  readonly problem: Problem

  constructor(problem: Problem, details: FailureDetails) {
    const hint = details.hint ?? hintOf(problem)
    super('data', describe(problem), hint === undefined ? details : { ...details, hint })
    this.problem = problem
  }
}

/** The way out of bars that overlap: mostly they are called by a wrong length. */
export const OVERLAP_HINT =
  'say how long the bars are with --interval, or correct the field interval of rows that have one'

function hintOf({ field, rule }: Problem): string | undefined {
  if (rule === 'no-offset') return 'name the zone of the stamps, such as --tz America/New_York'
  if (rule === 'no-such-offset') return 'offsets such as -05:00 and names such as America/Chicago are known'
  if (rule === 'overlap') return OVERLAP_HINT
  if (rule === 'not-regular') return 'leave the field session out: the calendar knows it'
  if (rule === 'missing' && field === 'symbol') return 'name it with --symbol'
  if (rule === 'ambiguous-date')
    return "say which with --time-format, such as --time-format '%m/%d/%Y %H:%M' where the month is first"
  if (rule === 'not-a-time')
    return "spell its form out with --time-format, such as --time-format '%d.%m.%y %H:%M'"
  if (rule === 'a-document')
    return 'name the vendor whose document it is with --vendor, or give one object a line'
  if (rule === 'ambiguous-number') return "say which with --decimal, such as --decimal ','"
  return undefined
}
