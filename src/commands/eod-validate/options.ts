/** The options of `jules eod-validate`. */
import { usage } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { newYorkMidnight, parseDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { choice, file, flag, integer, list, option, under, type Values } from '../../cli/options.js'
import { isCovered } from '../../market/calendar.js'
import type { Thresholds } from '../../validate/check.js'
import { CHECK_IDS, type CheckId } from '../../validate/check-ids.js'
import { CHECKS, checkNamed } from '../../validate/checks.js'
import { REPAIR_SOURCES } from '../../validate/repair.js'
import { address } from '../wiring/addresses.js'
import { marketOptions } from '../wiring/market.js'

/** Which dates: words for what the clock decides, or days since 1970-01-01, both included. */
export type Dates = 'today' | 'last-session' | { readonly from: number; readonly to: number }

const EXPECTED = 'expected today, last-session, a date such as 2025-08-01, or two of them with .. between'

const dates = option<Dates | undefined>(
  'DATE',
  'today, last-session, YYYY-MM-DD, or A..B with both included',
  { words: ['today', 'last-session'], defaultText: 'today of the store; all dates of a file' },
  (value) => {
    if (value === 'today' || value === 'last-session') return value
    const [from, to] = value.split('..').map(parseDate)
    const isRange = value.includes('..')
    if (from == null || (isRange && to == null) || value.split('..').length > 2)
      throw usage(EXPECTED, { got: quote(value) })
    if (isRange && from > to!) throw usage('expected the earlier date first', { got: quote(value) })
    if (![from, to ?? from].every((day) => isCovered(newYorkMidnight(day))))
      throw usage('expected dates of 2000 to 2028, the years of the calendar', { got: quote(value) })
    return { from, to: isRange ? to! : from }
  },
)

const asOf = option<number | undefined>(
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

const thresholds = list('LIST', 'other thresholds of checks: spike=15,coverage=0.9', {
  each: thresholdWord,
  words: measured().map((id) => `${id}=`),
})

/** The last one given of each check counts. */
export const thresholdsOf = (words: readonly string[] = []): Thresholds =>
  Object.fromEntries(words.map((word) => word.split('=')).map(([id, number]) => [id, Number(number)]))

const explain = option<string | undefined>(
  'CHECK',
  'print what a check is and its threshold; all for the list',
  { words: ['all', ...CHECK_IDS] },
  (value) => {
    if (value === 'all' || checkNamed(value) !== undefined) return value
    throw usage(`expected all or one of ${CHECK_IDS.join(', ')}`, { got: quote(value) })
  },
)

const { 'max-missing': _, from: __, to: ___, ...selecting } = marketOptions

export const FORMATS = ['ndjson', 'table', 'json', 'junit', 'html', 'prom'] as const

export const options = {
  ...under('Checks', {
    date: dates,
    'as-of': asOf,
    strict: flag('warnings end with 1 too'),
    threshold: thresholds,
    baseline: file('leave out the findings that FILE silences, each until a date'),
    paper: option<readonly string[] | undefined>(
      'FILE',
      'records or the journal of a run of jules paper, to be judged too',
      { repeat: 'add', completes: 'file', defaultText: 'the records of the store' },
      (path) => [path],
    ),
    against: file('hold the bars of the store against those of FILE'),
    explain,
    'repair-source': choice(
      'NAME',
      REPAIR_SOURCES,
      'who is named in repairs of bars whose source cannot be asked',
      {
        fallback: 'alpaca',
      },
    ),
  }),
  ...selecting,
  interval: { ...selecting.interval, defaultText: '1m of the store; what a file has' },
  ...under('Output', {
    format: choice('FORMAT', FORMATS, 'quality records, lines for people, or a document', {
      short: 'f',
      defaultText: 'by the extension of -o, else table on a terminal, else ndjson',
    }),
    output: file('write to FILE, which appears whole or not at all', { short: 'o' }),
    record: flag('keep in the store what is found in files, too'),
    'no-record': flag('keep nothing in the store'),
  }),
  ...under('Cron', {
    timeout: integer('SECONDS', 'give up after this time', { min: 1, max: 86_400, defaultText: 'none' }),
    healthcheck: address('ping this address at the start and with the exit status'),
    webhook: address('post to this address when what comes out is another than the last time'),
    prom: file('write metrics for the textfile collector of node_exporter to FILE'),
    'install-cron': flag('print the lines for a crontab, and do nothing else'),
    systemd: flag('print the units for systemd, and do nothing else'),
  }),
}

export type Given = Values<typeof options>
