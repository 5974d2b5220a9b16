/**
 * The checks of a day at its end. What is one fault is one finding: rows that are flawed are not also missing, a gap is no outlier, a
 * spike is not two of them, a session that is absent lacks nothing else. Each row says what it is, how bad, and by which number.
 */

import { DAY, formatTime, HOUR, MINUTE, newYorkDay, SECOND } from '../base/time.js'
import { counted } from '../base/words.js'
import { closureOn } from '../market/calendar.js'
import type { Check, Company, Facts } from './check.js'
import type { CheckId } from './check-ids.js'
import { type Day, SAMPLES } from './day.js'
import type { Found } from './found.js'
import { SESSIONS_KEPT, SESSIONS_NEEDED } from './history.js'
import { ledgerFound, lossFound, uptimeFound } from './paper.js'

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`
const rounded = (value: number): number => Number(value.toPrecision(6))
const span = (fromMs: number, toMs: number): string =>
  fromMs === toMs ? formatTime(fromMs) : `${formatTime(fromMs)} to ${formatTime(toMs)}`

/** A finding of a day, from one slot to another. */
const between = (
  { symbol, day, startAt }: Day,
  [from, to]: readonly [number, number],
  more: Partial<Found> & Pick<Found, 'words'>,
): Found => ({
  ...{ symbol, day, fromMs: startAt(from), toMs: startAt(to), count: to - from + 1 },
  ...{ observed: null, expected: null, samples: [], repair: 'bars' },
  ...more,
})

/** Rows of a date that have something in common: one finding. */
function rowsWith(
  day: Day,
  check: CheckId,
  { words, repair = 'bars' }: { readonly words: string; readonly repair?: Found['repair'] },
): readonly Found[] {
  const tally = day.tallies.get(check)
  if (tally === undefined) return NOTHING
  const { count, fromMs, toMs, samples, samplesMs } = tally
  const more = count > samplesMs.length ? ', ...' : ''
  const at = samples.length > 0 ? samples : samplesMs.map(formatTime)
  return [
    {
      ...{
        symbol: day.symbol,
        day: day.day,
        fromMs,
        toMs,
        count,
        observed: count,
        expected: 0,
        samples: at,
        repair,
      },
      words: `${counted(count, 'row')} ${words}: ${at.join(', ')}${more}`,
    },
  ]
}

/** Of such a day it can be told whether its bars came in time. */
const RECENT_MS = 3 * DAY

/** What nearly all checks find. */
const NOTHING: readonly Found[] = []

/** Ranges of slots that have no bar, nor a row that was to be one. */
function rangesOf({ rowOf, isFlawed }: Day): (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (let slot = 0; slot < rowOf.length; slot++) {
    if (rowOf[slot]! >= 0 || isFlawed[slot] === 1) continue
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

const isAbsent = ({ isExpected, present, slots, rowOf, isFlawed }: Day): boolean =>
  isExpected && slots > 0 && present === 0 && rowOf.every((row, slot) => row < 0 && isFlawed[slot] === 0)

/** Missing ranges that touch the open, the close, or neither. */
function lacking(day: Day, which: 'first-bar' | 'last-bar' | 'missing'): readonly Found[] {
  if (!day.isExpected || day.present === day.slots || isAbsent(day)) return NOTHING
  const found: Found[] = []
  const last = day.rowOf.length - 1
  for (const [from, to] of rangesOf(day)) {
    const kind = from === 0 ? 'first-bar' : to === last ? 'last-bar' : 'missing'
    if (kind !== which) continue
    const bars = counted(to - from + 1, 'bar')
    const where = kind === 'first-bar' ? ' from the open on' : kind === 'last-bar' ? ' up to the close' : ''
    const lack = between(day, [from, to], {
      ...{ observed: 0, expected: to - from + 1 },
      words: `${bars} missing${where}: ${span(day.startAt(from), day.startAt(to))}`,
    })
    found.push(lack)
  }
  return found
}

const jumped = (day: Day, kind: Day['jumps'][number]['kind']) =>
  day.jumps.filter((jump) => jump.kind === kind)

function correlationFound({ day, together }: Company, limit: number): Found[] {
  if (together === null || Math.abs(together.z) <= limit) return []
  const { symbols, observed, expected, z } = together
  return [
    {
      ...{ symbol: symbols.join('/'), day, fromMs: null, toMs: null, count: 1, samples: [], repair: null },
      ...{ observed: rounded(observed), expected: rounded(expected) },
      words: `returns of ${symbols.join(' and ')} have a correlation of ${observed.toFixed(2)}, the sessions before ${expected.toFixed(2)} (z ${z.toFixed(1)})`,
    },
  ]
}

export const CHECKS: readonly Check[] = [
  {
    ...{ id: 'schema', severity: 'error', threshold: null },
    of: 'day',
    words: 'rows that are no bars',
    explain:
      'A row that can be read and lacks a field, has a text where a number belongs, a word nobody knows, or a number that is none.',
    run: (day) => rowsWith(day, 'schema', { words: 'breaking a rule of the fields' }),
  },
  {
    ...{ id: 'unknown-symbol', severity: 'error', threshold: null },
    of: 'whole',
    words: 'bars of a symbol that nobody asked for',
    explain: 'A symbol that is not among --symbols. One finding a symbol; its bars are looked at no further.',
    run: ({ unknown, symbols }) =>
      unknown.map(({ symbol, count, firstMs, lastMs }) => ({
        ...{
          symbol,
          day: newYorkDay(firstMs),
          fromMs: firstMs,
          toMs: lastMs,
          count,
          observed: symbol,
          expected: symbols,
        },
        ...{ samples: [], repair: null },
        words: `${counted(count, 'row')} of a symbol that is not among ${symbols.join(', ')}: ${span(firstMs, lastMs)}`,
      })),
  },
  {
    ...{ id: 'absent', severity: 'error', threshold: null },
    of: 'day',
    words: 'a session of which a symbol has no bar',
    explain: 'No bar of the session is there. It stands for the missing bars of that day.',
    run: (day) =>
      isAbsent(day)
        ? [
            between(day, [0, day.slots - 1], {
              ...{ observed: 0, expected: day.slots, repair: 'date' },
              words: `no bar of a session of ${counted(day.slots, 'bar')}`,
            }),
          ]
        : [],
  },
  {
    ...{ id: 'first-bar', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that are missing from the open on',
    explain:
      'The first bar of the session is not there. The finding covers all that are missing up to the first that is.',
    run: (day) => lacking(day, 'first-bar'),
  },
  {
    ...{ id: 'last-bar', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that are missing up to the close',
    explain: 'The last bar of the session is not there: 15:59, or 12:59 before an early close, of minutes.',
    run: (day) => lacking(day, 'last-bar'),
  },
  {
    ...{ id: 'missing', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that are missing within a session',
    explain:
      'Bars of the grid of the session, 390 of minutes and 210 before an early close, that are not there. One range is one finding, of one bar too. A row that is there and flawed is not missing.',
    run: (day) => lacking(day, 'missing'),
  },
  {
    ...{ id: 'coverage', severity: 'error', threshold: 0.95, unit: 'part of the bars of a session' },
    of: 'day',
    words: 'too few of the bars of a session',
    explain:
      'The part of the bars of a session that is there is below the threshold. Told beside the ranges that are missing.',
    run: (day, threshold) => {
      const { slots } = day
      if (!day.isExpected || day.present >= threshold * slots) return NOTHING
      // A row that is there and flawed is told as that.
      const there =
        day.present +
        day.isFlawed.reduce((sum, flawed, slot) => sum + (flawed === 1 && day.rowOf[slot]! < 0 ? 1 : 0), 0)
      const part = there / slots
      if (isAbsent(day) || part >= threshold) return NOTHING
      return [
        between(day, [0, slots - 1], {
          ...{ count: slots - there, observed: rounded(part), expected: threshold, repair: 'date' },
          words: `${there} of ${slots} bars are there, ${percent(part)}`,
        }),
      ]
    },
  },
  {
    ...{ id: 'off-grid', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that do not begin on the grid of their session',
    explain:
      'A bar of the session that begins neither a whole number of intervals after the open nor on one of the clock.',
    run: (day) => rowsWith(day, 'off-grid', { words: 'off the grid of the session', repair: 'purge' }),
  },
  {
    ...{ id: 'overlap', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that share time with another bar',
    explain: 'Two bars that begin less than an interval apart. Bars off the grid are told as that alone.',
    run: (day) => rowsWith(day, 'overlap', { words: 'sharing time with the bar before', repair: 'purge' }),
  },
  {
    ...{ id: 'out-of-order', severity: 'error', threshold: null },
    of: 'day',
    words: 'rows that go back in time',
    explain:
      'A row that begins before the row above it of its symbol. The store keeps no order, so only inputs have this.',
    run: (day) => rowsWith(day, 'out-of-order', { words: 'beginning before the row above', repair: null }),
  },
  {
    ...{ id: 'duplicate', severity: 'error', threshold: null },
    of: 'day',
    words: 'rows that stand twice',
    explain: 'A row with start, source and all values of another one.',
    run: (day) => rowsWith(day, 'duplicate', { words: 'standing there already', repair: null }),
  },
  {
    ...{ id: 'conflict', severity: 'error', threshold: null },
    of: 'day',
    words: 'rows that say something else about a bar that is there',
    explain:
      'A row with start and source of another one, and other values. The later row stands for the other checks.',
    run: (day) => rowsWith(day, 'conflict', { words: 'giving a bar other values' }),
  },
  {
    ...{ id: 'drift', severity: 'error', threshold: 1, unit: 'times 2 cents or 5 basis points' },
    of: 'day',
    words: 'sources that do not agree',
    explain:
      'Two sources share at least 30 bars of a date, and the middle of the differences of their closes is more than 2 cents and 5 basis points. A constant ratio, a shift of 60 minutes and one of a bar are named; a shift is told whatever the difference.',
    run: (day, threshold) =>
      day.drifts
        .filter(({ difference, allowed, isShifted }) => isShifted || difference > threshold * allowed)
        .map(({ source, other, shared, fromMs, toMs, difference, allowed, likeness }) => ({
          ...{ symbol: day.symbol, day: day.day, fromMs, toMs, count: shared, samples: [], repair: 'date' },
          ...{ observed: rounded(difference), expected: rounded(threshold * allowed) },
          words: `closes of ${source ?? 'no source'} and ${other ?? 'no source'} are ${difference.toFixed(4)} apart in the middle of ${shared} bars${likeness === null ? '' : `, ${likeness}`}`,
        })),
  },
  {
    ...{ id: 'outside-session', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars that are said to be of the session and lie outside of it',
    explain:
      'A bar with session rth before the open, from the close on, or from 13:00 on before an early close.',
    run: (day) =>
      rowsWith(day, 'outside-session', { words: 'said to be rth outside of the session', repair: 'purge' }),
  },
  {
    ...{ id: 'holiday', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars on a day without a session',
    explain:
      'A bar on a weekend or holiday. Bars from 20:00 to 04:00 in New York belong to the next session and are none.',
    run: (day) =>
      rowsWith(day, 'holiday', {
        words: `on a day without a session (${closureOn(day.day) ?? 'closed'})`,
        repair: 'purge',
      }),
  },
  {
    ...{ id: 'label', severity: 'warn', threshold: null },
    of: 'day',
    words: 'bars within the session that are said to be outside of it',
    explain: 'A bar with session eth that lies in the regular session.',
    run: (day) => rowsWith(day, 'label', { words: 'said to be eth within the session' }),
  },
  {
    ...{ id: 'ohlc', severity: 'error', threshold: null },
    of: 'day',
    words: 'bars whose prices do not fit together',
    explain: 'A high below the low, a low above open or close, a high below one of them.',
    run: (day) => rowsWith(day, 'ohlc', { words: 'with prices that do not fit together' }),
  },
  {
    ...{ id: 'price', severity: 'error', threshold: null },
    of: 'day',
    words: 'prices that are not above 0',
    explain: 'An open, high, low or close of 0 or less.',
    run: (day) => rowsWith(day, 'price', { words: 'with a price that is not above 0' }),
  },
  {
    ...{ id: 'negative-volume', severity: 'error', threshold: null },
    of: 'day',
    words: 'volumes below 0',
    explain: 'A volume below 0.',
    run: (day) => rowsWith(day, 'negative-volume', { words: 'with a volume below 0' }),
  },
  {
    ...{ id: 'zero-volume', severity: 'warn', threshold: null },
    of: 'day',
    words: 'bars of the session without volume',
    explain: 'A bar of the session with a volume of 0. Those of a stale run are told as that.',
    run: zeroVolume,
  },
  {
    ...{ id: 'spike', severity: 'error', threshold: 12, unit: 'standard deviations' },
    of: 'day',
    words: 'a price that goes and comes back at once',
    explain: `The return of a bar is more than the threshold from the middle of the returns of that minute in up to ${SESSIONS_KEPT} sessions before, in units of 1.4826 median absolute deviations, and the next bars, at most three, take it back; or a high or low stands as far out of its bar and both its neighbours. With fewer than ${SESSIONS_NEEDED} sessions before, the returns of the day itself are the measure.`,
    run: (day) =>
      jumped(day, 'spike').map(({ from, to, move, z, detail }) =>
        between(day, [from, to], {
          ...{ observed: rounded(move), expected: null },
          words: `${detail} is off by ${percent(move)} and back at once (z ${Math.abs(z ?? 0).toFixed(1)}): ${span(day.startAt(from), day.startAt(to))}`,
        }),
      ),
  },
  {
    ...{ id: 'split', severity: 'error', threshold: 0.05, unit: 'part of the price' },
    of: 'day',
    words: 'a price that stays near one nth, or n times, of what it was',
    explain:
      'From a close to the next open, or from bar to bar, the price comes within the threshold of one half, one third and so on, or of a multiple, and stays: a split that the prices are not adjusted for. 3-for-2 and 2-for-1 are taken more narrowly.',
    run: (day) =>
      jumped(day, 'split').map(({ from, move, detail }) =>
        between(day, [from, from], {
          ...{ observed: rounded(1 + move), expected: 1, repair: 'series' },
          words: `the price is ${rounded(1 + move)} times what it was from ${formatTime(day.startAt(from))} on: a ${detail} split that the bars are not adjusted for?`,
        }),
      ),
  },
  {
    ...{ id: 'return-outlier', severity: 'error', threshold: 12, unit: 'standard deviations' },
    of: 'day',
    words: 'a return that the minute does not have',
    explain: `As a spike, and the price stays, at no nth of what it was. Needs ${SESSIONS_NEEDED} sessions before.`,
    run: (day) =>
      jumped(day, 'return-outlier').map(({ from, move, z }) =>
        between(day, [from, from], {
          ...{ observed: rounded(move), expected: null },
          words: `close moves by ${percent(move)} (z ${Math.abs(z ?? 0).toFixed(1)}): ${formatTime(day.startAt(from))}`,
        }),
      ),
  },
  {
    ...{ id: 'stale', severity: 'error', threshold: 10, unit: 'bars' },
    of: 'day',
    words: 'bars that say the same again and again',
    explain: 'At least so many bars in a row with one close and one volume: a feed that hangs.',
    run: (day) =>
      day.stale.map(({ from, to, close, volume }) =>
        between(day, [from, to], {
          ...{ observed: { close, volume }, expected: null },
          words: `${counted(to - from + 1, 'bar')} with close ${close} and volume ${volume}: ${span(day.startAt(from), day.startAt(to))}`,
        }),
      ),
  },
  {
    ...{ id: 'volume-outlier', severity: 'warn', threshold: 8, unit: 'standard deviations' },
    of: 'day',
    words: 'a volume that the minute does not have',
    explain: `The logarithm of the volume is so far above the middle of that minute in the sessions before, at the pace of the day. Needs ${SESSIONS_NEEDED} sessions before.`,
    run: (day) =>
      day.volumeOutliers.map(({ slot, volume, expected, z }) =>
        between(day, [slot, slot], {
          ...{ observed: Math.round(volume), expected: Math.round(expected) },
          words: `volume ${Math.round(volume)} where ${Math.round(expected)} are usual (z ${z.toFixed(1)}): ${formatTime(day.startAt(slot))}`,
        }),
      ),
  },
  {
    ...{ id: 'session-total', severity: 'warn', threshold: 5, unit: 'times' },
    of: 'day',
    words: 'a session with far more or less volume than others',
    explain: `The volume of the bars of a session against the median of up to ${SESSIONS_KEPT} sessions before, as many bars for as many: more than so many times, or less than that part. Single bars that stand out are left aside. Needs ${SESSIONS_NEEDED} sessions before.`,
    run: (day, threshold) => {
      const { total } = day
      if (total === null || (total.ratio <= threshold && total.ratio >= 1 / threshold)) return []
      return [
        between(day, [0, day.slots - 1], {
          ...{ observed: Math.round(total.volume), expected: Math.round(total.expected), repair: 'date' },
          words: `volume ${Math.round(total.volume)} of the session is ${total.ratio.toFixed(2)} times the median of those before`,
        }),
      ]
    },
  },
  {
    ...{ id: 'correlation', severity: 'warn', threshold: 6, unit: 'standard deviations' },
    of: 'company',
    words: 'two symbols that move together otherwise than before',
    explain: `The correlation of the returns of the first two symbols, as Fisher's z, against the sessions before. Needs ${SESSIONS_NEEDED} sessions before.`,
    run: correlationFound,
  },
  {
    ...{ id: 'freshness', severity: 'warn', threshold: 5, unit: 'minutes after the close' },
    of: 'whole',
    words: 'bars that are not new any more',
    explain:
      'The newest bar of the input ends before the last session that had ended so many minutes before --as-of, which is given, and that session is not among the dates that are judged.',
    run: ({ newestMs, lastSessionEndMs, asOfMs, lastDay }, minutes) => {
      if (lastSessionEndMs === null || newestMs >= lastSessionEndMs) return []
      if (asOfMs < lastSessionEndMs + minutes * MINUTE) return []
      const behind = Math.round((lastSessionEndMs - newestMs) / HOUR)
      return [
        {
          ...{ symbol: null, day: lastDay, fromMs: newestMs, toMs: lastSessionEndMs, count: 1, samples: [] },
          ...{ observed: formatTime(newestMs), expected: formatTime(lastSessionEndMs), repair: null },
          words: `the newest bar ends at ${formatTime(newestMs)}, ${counted(behind, 'hour')} before the end of the last session`,
        },
      ]
    },
  },
  {
    ...{ id: 'arrival', severity: 'warn', threshold: 24, unit: 'hours after the close' },
    of: 'facts',
    words: 'bars that came late into the store',
    explain:
      'Half of the bars of a symbol came into the store later than so many hours after the close of their session, by updated_at. Of the store alone, and of days that ended no more than three days ago: what was fetched later was not there to come in time.',
    run: ({ day, closeMs, asOfMs, arrivals = [] }, hours) =>
      arrivals.flatMap(({ symbol, rows, medianMs }) => {
        if (closeMs === null || asOfMs - closeMs > RECENT_MS) return []
        const late = (medianMs - closeMs) / HOUR
        if (late <= hours) return []
        return [
          {
            ...{ symbol, day, fromMs: null, toMs: null, count: rows, samples: [], repair: null },
            ...{ observed: rounded(late), expected: hours },
            words: `half of the bars came more than ${counted(Math.floor(late), 'hour')} after the close`,
          },
        ]
      }),
  },
  {
    ...{ id: 'clock-skew', severity: 'error', threshold: 5, unit: 'seconds' },
    of: 'facts',
    words: 'bars that were there before they had ended',
    explain:
      'Rows of the store whose updated_at lies more than so many seconds before the end of their bar: a clock is wrong, or bars were written that nobody could know. Generated bars are left aside.',
    run: ({ day, arrivals = [] }, seconds) =>
      arrivals.flatMap(({ symbol, early, firstEarlyMs, mostEarlyMs }) => {
        if (early === 0 || mostEarlyMs <= seconds * SECOND) return []
        return [
          {
            ...{
              symbol,
              day,
              fromMs: firstEarlyMs,
              toMs: firstEarlyMs,
              count: early,
              samples: [],
              repair: null,
            },
            ...{ observed: rounded(mostEarlyMs / SECOND), expected: seconds },
            words: `${counted(early, 'bar')} came up to ${Math.round(mostEarlyMs / SECOND)} s before their end`,
          },
        ]
      }),
  },
  {
    ...{ id: 'store-file', severity: 'error', threshold: null },
    of: 'facts',
    words: 'bars of the store that are not those of a file',
    explain:
      'Bars that stand in the store or in the file of --against alone, or have other prices or volumes there.',
    run: comparedFound,
  },
  {
    ...{ id: 'ledger', severity: 'error', threshold: null },
    of: 'facts',
    words: 'books of a run on paper that do not agree',
    explain:
      'Equity that is not cash and shares at their marks; cash or shares that do not follow from the fills; fills that the journal of the run has not, or has otherwise. Of runs of jules paper, whose records stand in the store or in the files of --paper.',
    run: ({ paper }) => (paper === undefined ? [] : ledgerFound(paper)),
  },
  {
    ...{ id: 'daily-loss', severity: 'error', threshold: 50, unit: 'dollars' },
    of: 'facts',
    words: 'a loss of the day that reached its limit',
    explain: 'A mark of a run of jules paper at which the day had lost that much.',
    run: ({ paper }, limit) => (paper === undefined ? [] : lossFound(paper, limit)),
  },
  {
    ...{ id: 'uptime', severity: 'error', threshold: 0.99, unit: 'part of the session' },
    of: 'facts',
    words: 'a run on paper that was not there',
    explain:
      'The part of the bars of the session at whose end a run of jules paper was ready, with data that was not stale: from its first record, or the open where it was there the day before, to the close or the end that it told.',
    run: ({ paper }, least) => (paper === undefined ? [] : uptimeFound(paper, least)),
  },
  {
    ...{ id: 'disk', severity: 'error', threshold: 1, unit: 'GiB' },
    of: 'facts',
    words: 'a disk that is nearly full',
    explain: 'Less than that is free on the disk of the data directory. Where the store is read.',
    run: ({ day, disk }, gigabytes) => {
      if (disk === undefined || disk.freeBytes >= gigabytes * 2 ** 30) return []
      const free = rounded(disk.freeBytes / 2 ** 30)
      return [
        {
          ...{ symbol: null, day, fromMs: null, toMs: null, count: 1, samples: [disk.where], repair: null },
          ...{ observed: free, expected: gigabytes },
          words: `${free} GiB are free at ${disk.where}`,
        },
      ]
    },
  },
]

/** Bars that stand in one of two places alone, or differ: one finding a symbol. */
function comparedFound({ day, compared = [] }: Facts): Found[] {
  return compared.flatMap(({ symbol, storeAlone, fileAlone, different }) => {
    const times = [...storeAlone, ...fileAlone, ...different.map(({ timeMs }) => timeMs)]
    if (times.length === 0) return []
    const parts = [
      [storeAlone.length, 'in the store alone'],
      [fileAlone.length, 'in the file alone'],
      [different.length, 'different'],
    ] as const
    const words = parts.flatMap(([count, what]) => (count > 0 ? [`${counted(count, 'bar')} ${what}`] : []))
    const samples = [
      ...different.map(({ words: text }) => text),
      ...fileAlone.map((time) => `${formatTime(time)} in the file alone`),
      ...storeAlone.map((time) => `${formatTime(time)} in the store alone`),
    ].slice(0, SAMPLES)
    return [
      {
        ...{ symbol, day, fromMs: Math.min(...times), toMs: Math.max(...times), count: times.length },
        ...{ observed: times.length, expected: 0, samples, repair: null },
        words: `store and file: ${words.join(', ')}: ${samples.join(', ')}`,
      },
    ]
  })
}

/** Bars of the session with a volume of 0, those of a stale run left aside: one finding. */
function zeroVolume(day: Day): Found[] {
  const { zeros, stale, startAt } = day
  const slots = zeros.filter((slot) => !stale.some(({ from, to }) => slot >= from && slot <= to))
  const [first] = slots
  if (first === undefined) return []
  const samples = slots.slice(0, SAMPLES).map((slot) => formatTime(startAt(slot)))
  return [
    between(day, [first, slots.at(-1)!], {
      ...{ count: slots.length, observed: slots.length, expected: 0, samples },
      words: `${counted(slots.length, 'bar')} without volume: ${samples.join(', ')}${slots.length > samples.length ? ', ...' : ''}`,
    }),
  ]
}

/** The row of a check. */
export const checkNamed = (id: string): Check | undefined => CHECKS.find((check) => check.id === id)
