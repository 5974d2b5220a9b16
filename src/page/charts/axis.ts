/**
 * The axis along a chart. One of time has a place for each point and none for nights and weekends, in which nothing is traded:
 * by the clock, four fifths of it would be straight lines that say nothing. What stands below it are dates.
 */
import { formatDate, formatTime, HOUR, newYork, newYorkDay } from '../../base/time.js'
import { grouped } from '../../base/words.js'
import type { Label } from './labels.js'

export interface Axis {
  readonly kind: 'time' | 'number'
  /** Points on it. */
  readonly length: number
  /** Where a point stands, ascending; of a time axis its number. */
  readonly placeOf: (point: number) => number
  /** Epoch milliseconds of each point of a time axis. */
  readonly times: ArrayLike<number> | null
  /** All there are; `shownLabels` says which have room. */
  readonly ticks: readonly Label[]
}

/** `2025-07-30 09:31` of New York; `-` for no time. */
export const newYorkTime = (timeMs: number): string =>
  Number.isFinite(timeMs)
    ? formatTime(timeMs + newYork.offsetAt(timeMs))
        .slice(0, 16)
        .replace('T', ' ')
    : '-'

/** The same for the end of a bar: midnight is that of the date which it ends, `2025-07-30 24:00`. */
export const newYorkEnd = (timeMs: number): string => {
  const text = newYorkTime(timeMs)
  return text.endsWith(' 00:00') ? `${newYorkDate(timeMs - 1)} 24:00` : text
}

/** `2025-07-30` of New York. */
const newYorkDate = (timeMs: number): string => formatDate(newYorkDay(timeMs))

/** Labels that have room beside each other on a wide chart. */
const MOST_TICKS = 12
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** The axis of points in time, ascending, in epoch milliseconds: each the end of a bar, of which midnight is the last. */
export function timeAxis(times: ArrayLike<number>): Axis {
  const n = times.length
  const starts = dateStarts(times)
  const labelled =
    starts.length <= 1 ? hourLabels(times) : starts.length <= 60 ? dayLabels(starts) : monthLabels(starts)
  return {
    kind: 'time',
    length: n,
    placeOf: (k) => k,
    times,
    ticks: labelled.map(({ k, label }) => ({ at: n === 1 ? 0.5 : k / (n - 1), label })),
  }
}

/** The first point of a date of New York, as days since 1970-01-01. */
export interface DateStart {
  readonly k: number
  readonly day: number
}

/** Of each date in turn, for times as `timeAxis` takes them. */
export function dateStarts(times: ArrayLike<number>): DateStart[] {
  const starts: DateStart[] = []
  // Dates change by the hour at most: in between nothing is looked up.
  for (let k = 0; k < times.length; ) {
    const timeMs = times[k]! - 1
    const day = newYorkDay(timeMs)
    if (day !== starts.at(-1)?.day) starts.push({ k, day })
    k = firstAfter(times, k, (Math.floor(timeMs / HOUR) + 1) * HOUR)
  }
  return starts
}

/** The first point behind `k` that is after `timeMs`: by longer and longer steps, and halves of the last one. */
function firstAfter(times: ArrayLike<number>, k: number, timeMs: number): number {
  const n = times.length
  let step = 1
  while (k + step < n && times[k + step]! <= timeMs) step *= 2
  let [low, high] = [k + 1, Math.min(n, k + step)]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (times[middle]! <= timeMs) low = middle + 1
    else high = middle
  }
  return low
}

interface Labelled {
  readonly k: number
  readonly label: string
}

function hourLabels(times: ArrayLike<number>): Labelled[] {
  const labels: Labelled[] = []
  let hour = Number.NaN
  for (let k = 0; k < times.length; k++) {
    const local = times[k]! + newYork.offsetAt(times[k]!)
    const now = Math.floor(local / HOUR)
    // A part of an hour at the beginning has the time that it begins at.
    if (now !== hour) labels.push({ k, label: formatTime(local).slice(11, 16) })
    hour = now
  }
  return labels
}

const dayLabels = (starts: readonly DateStart[]): Labelled[] => {
  const step = Math.ceil(starts.length / MOST_TICKS)
  return starts
    .filter((_, n) => n % step === 0)
    .map(({ k, day }) => {
      const [, month, date] = formatDate(day).split('-')
      return { k, label: `${Number(date)} ${MONTHS[Number(month) - 1]}` }
    })
}

function monthLabels(starts: readonly DateStart[]): Labelled[] {
  const firsts = starts.filter(
    ({ day }, n) => n === 0 || formatDate(day).slice(0, 7) !== formatDate(starts[n - 1]!.day).slice(0, 7),
  )
  const step = Math.ceil(firsts.length / MOST_TICKS)
  return firsts
    .filter((_, n) => n % step === 0)
    .map(({ k, day }, n) => {
      const [year, month] = formatDate(day).split('-')
      const name = MONTHS[Number(month) - 1]!
      return { k, label: n === 0 || Number(month) <= step ? `${name} ${year}` : name }
    })
}

/** The axis of points at numbers, ascending: steps of a training. */
export function numberAxis(at: ArrayLike<number>): Axis {
  const n = at.length
  const [from, to] = [at[0] ?? 0, at[n - 1] ?? 0]
  const labels = to === from ? [0.5] : [0, 0.25, 0.5, 0.75, 1]
  const ticks = labels.map((part) => ({ at: part, label: grouped(from + part * (to - from), 0) }))
  return { kind: 'number', length: n, placeOf: (k) => at[k]!, times: null, ticks: n === 0 ? [] : ticks }
}

/** One axis for several lists of times: every time that is in one of them, once. */
export function mergedTimes(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0))
  let n = 0
  for (const list of lists) {
    all.set(list, n)
    n += list.length
  }
  all.sort()
  let count = 0
  for (const time of all) if (count === 0 || all[count - 1] !== time) all[count++] = time
  return all.slice(0, count)
}
