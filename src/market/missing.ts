/** What the bars of a market lack against the calendar: of one symbol, or of both, where no join can notice it. */
import { formatDate, formatTime, newYorkDay } from '../base/time.js'
import { sessions } from './calendar.js'
import { anchorOf, barStarts, type MissingRange, missingRanges } from './grid.js'
import type { Market } from './market.js'

export interface Missing {
  /** Part of the bars of both symbols that are not there, from the first session of the market to its last. */
  readonly share: number
  /** Who lacks which sessions and bars; null where nothing is missing. */
  readonly words: string | null
}

/** Ranges shown; the rest is counted. */
const SHOWN = 3

/** Holds the bars of each symbol, those of it alone among them, against the grid of the sessions that they span. */
export function missingOf(market: Market): Missing {
  const { symbols, interval } = market
  const one = market.isSingle
  const starts = symbols.map((_, k) => ownStarts(market, k)).slice(0, one ? 1 : 2)
  const first = Math.min(...starts.map((own) => own[0] ?? Number.POSITIVE_INFINITY))
  const last = Math.max(...starts.map((own) => own.at(-1) ?? Number.NEGATIVE_INFINITY))
  if (!(first <= last)) return { share: 0, words: null }
  const all = sessions(newYorkDay(first), newYorkDay(last))
  const anchor = starts.some((own) => anchorOf(own, own.length, interval) === 'clock') ? 'clock' : 'open'
  const expected = all.reduce((sum, session) => sum + barStarts(session, interval, anchor).length, 0)
  const ranges = starts.map((own) => missingRanges(own, own.length, { sessions: all, interval, anchor }))
  const [a = [], b = []] = ranges
  const key = ({ fromMs, toMs }: MissingRange): string => `${fromMs} ${toMs}`
  const ofB = new Set(b.map(key))
  const both = one ? [] : a.filter((range) => ofB.has(key(range)))
  const shared = new Set(both.map(key))
  const alone = ranges.map((own) => own.filter((range) => !shared.has(key(range))))
  const groups = [
    { who: `${symbols.join(' and ')} lack`, lacks: both },
    ...alone.map((lacks, k) => ({ who: `${symbols[k]} lacks`, lacks })),
  ]
  const words = groups
    .filter(({ lacks }) => lacks.length > 0)
    .map(({ who, lacks }) => `${who} ${count(lacks)} of ${expected} bars: ${rangesWords(lacks)}`)
  const absent = ranges.reduce((sum, own) => sum + count(own), 0)
  return {
    share: expected === 0 ? 0 : absent / (expected * starts.length),
    words: words.length === 0 ? null : words.join('; '),
  }
}

/** Starts of all bars of a symbol, joined and alone, oldest first. */
function ownStarts({ time, length, alone }: Market, k: number): Float64Array {
  const lone = alone[k]!
  if (lone.length === 0) return time.subarray(0, length)
  const own = new Float64Array(length + lone.length)
  own.set(time.subarray(0, length))
  own.set(lone.time.subarray(0, lone.length), length)
  return own.sort()
}

const count = (ranges: readonly { readonly count: number }[]): number =>
  ranges.reduce((sum, range) => sum + range.count, 0)

/** Whole sessions by their dates, then the largest ranges within others. */
function rangesWords(ranges: readonly MissingRange[]): string {
  const whole = ranges.filter((range) => range.whole)
  const parts = ranges.filter((range) => !range.whole)
  const dates = whole.slice(0, SHOWN).map(({ day }) => formatDate(day))
  const more = whole.length - dates.length
  const sessionWords =
    whole.length === 0
      ? []
      : [
          `${whole.length === 1 ? 'session' : `${whole.length} sessions`} ${dates.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
        ]
  return [...sessionWords, ...(parts.length === 0 ? [] : [rangeWords(parts, SHOWN)])].join(', ')
}

/** The largest ranges in words, such as `2025-07-30T13:31:00Z to 2025-07-30T13:45:00Z (15) and 2 more ranges`. */
export function rangeWords(
  ranges: readonly { readonly fromMs: number; readonly toMs: number; readonly count: number }[],
  most: number,
): string {
  const largest = [...ranges].sort((a, b) => b.count - a.count)
  const words = largest.slice(0, most).map(({ fromMs, toMs, count: bars }) => {
    const times = fromMs === toMs ? formatTime(fromMs) : `${formatTime(fromMs)} to ${formatTime(toMs)}`
    return `${times} (${bars})`
  })
  const more = largest.length - words.length
  return more > 0 ? `${words.join(', ')} and ${more} more ranges` : words.join(', ')
}
