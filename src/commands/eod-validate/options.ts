/** Options of `jules eod-validate` that no other command has. */
import { usage } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { daysFromCivil, parseDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { list, option } from '../../cli/options.js'
import type { Thresholds } from '../../validate/check.js'
import { CHECK_IDS, type CheckId } from '../../validate/check-ids.js'
import { CHECKS, checkNamed } from '../../validate/checks.js'

/** Which dates: words for what the clock decides, or days since 1970-01-01, both included. */
export type Dates = 'today' | 'last-session' | { readonly from: number; readonly to: number }

const EXPECTED = 'expected today, last-session, a date such as 2025-08-01, or two of them with .. between'

export const dates = option<Dates | undefined>(
  'DATE',
  'today, last-session, YYYY-MM-DD, or A..B with both included',
  { words: ['today', 'last-session'], defaultText: 'today of the store; all dates of a file' },
  (value) => {
    if (value === 'today' || value === 'last-session') return value
    const [from, to] = value.split('..').map(parseDate)
    const isRange = value.includes('..')
    if (
      from == null ||
      from < daysFromCivil(2000, 1, 1) ||
      (isRange && to == null) ||
      value.split('..').length > 2
    )
      throw usage(EXPECTED, { got: quote(value) })
    if (isRange && from > to!) throw usage('expected the earlier date first', { got: quote(value) })
    return { from, to: isRange ? to! : from }
  },
)

export const asOf = option<number | undefined>(
  'TIME',
  'judge as if it were this time, such as 2025-07-30T20:10:00Z',
  { defaultText: 'now' },
  (value) => {
    const parsed = parseTime(value, null)
    if ('error' in parsed) throw usage(parsed.error)
    return parsed.epochMs
  },
)

const thresholdWord = (word: string): string => {
  const [, id = '', number = ''] = /^([a-z-]+)=(.+)$/.exec(word) ?? []
  if (id === '') throw usage('expected CHECK=NUMBER', { got: quote(word) })
  const check = checkNamed(id)
  if (check === undefined) throw usage(`expected one of ${measured().join(', ')}`, { got: quote(id) })
  if (check.threshold === null) throw usage(`${id} has no threshold`)
  if (!/^(\d+\.?\d*|\.\d+)$/.test(number) || !(Number(number) > 0))
    throw usage(`${id}: expected a number above 0`, { got: quote(number) })
  return word
}

const measured = (): CheckId[] => CHECKS.flatMap(({ id, threshold }) => (threshold === null ? [] : [id]))

export const thresholds = list('LIST', 'other thresholds of checks: spike=15,coverage=0.9', {
  each: thresholdWord,
  words: measured().map((id) => `${id}=`),
})

/** The last one given of each check counts. */
export const thresholdsOf = (words: readonly string[] = []): Thresholds =>
  Object.fromEntries(words.map((word) => word.split('=')).map(([id, number]) => [id, Number(number)]))

export const explain = option<string | undefined>(
  'CHECK',
  'print what a check is and its threshold; all for the list',
  { words: ['all', ...CHECK_IDS] },
  (value) => {
    if (value === 'all' || checkNamed(value) !== undefined) return value
    throw usage(`expected all or one of ${CHECK_IDS.join(', ')}`, { got: quote(value) })
  },
)
