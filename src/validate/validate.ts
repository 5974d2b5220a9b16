/** All checks over all rows that were gathered: the findings as records, and what was looked at. */

import { roughCentreOf } from '../base/robust.js'
import { DAY, formatDate, formatTime, HOUR, newYorkDay } from '../base/time.js'
import { counted } from '../base/words.js'
import { type Interval, intervalMs } from '../market/bar.js'
import { isCovered, sessionOn, sessions } from '../market/calendar.js'
import { type Anchor, anchorOf, endOfBar } from '../market/grid.js'
import type { Finding } from '../market/quality.js'
import type { Check, Facts, Thresholds } from './check.js'
import { CHECK_IDS, type CheckId } from './check-ids.js'
import { CHECKS } from './checks.js'
import { Columns } from './columns.js'
import { Correlations } from './correlation.js'
import { addBackward, addFlawed, Day, isOvernight, place, tradeDay, tradeEnd } from './day.js'
import type { Found } from './found.js'
import type { Flawed, Gathered } from './gathered.js'
import { History, SESSIONS_NEEDED } from './history.js'
import { type Before, fillReturns, jumpsOf, settleReturns } from './jumps.js'
import { removalCommand, repairCommand } from './repair.js'
import type { Track } from './track.js'
import { fillVolumes, meanOf, staleRuns, totalOf, volumeOutliers } from './volumes.js'

/** The rules that findings go by; another number when they change. */
const RULESET = 'eod/1'

export interface ValidateOptions {
  readonly symbols: readonly string[]
  /** Which dates are judged: these and the sessions between, or those of the rows. Rows before them are history. */
  readonly dates: { readonly from: number; readonly to: number } | null
  /** Rows of other dates are judged too. */
  readonly judgesAll: boolean
  /** The interval of what has no bars at all. */
  readonly interval: Interval | undefined
  readonly thresholds: Thresholds
  /** Where bars come from that cannot be had again from where they came. */
  readonly repairSource: string
  /** Options that name the store in repairs, with a blank before them; undefined where the rows are not those of the store. */
  readonly repairStore?: string | undefined
  readonly asOfMs: number
  /** What is known of dates beside their bars. */
  readonly facts?: readonly Facts[]
  /** The close of the last session that has ended, where the newest bar is held against it. */
  readonly lastSessionEndMs: number | null
}

/** What a date was made of. */
export interface Looked {
  readonly day: number
  readonly rows: number
}

/** The day of a symbol that was judged. */
export interface Judged extends Looked {
  readonly symbol: string
  readonly interval: Interval
}

/** The rule set that the findings of an interval go by; that of findings beyond any. */
export const rulesetOf = (interval: Interval | null): string =>
  interval === null ? RULESET : `${RULESET} ${interval}`

export interface Verdict {
  readonly findings: readonly Finding[]
  /** Dates with a session that were judged and of which there are rows, in order. */
  readonly dates: readonly Looked[]
  /** The same for each symbol and interval, those without rows too. */
  readonly judged: readonly Judged[]
  /** Checks that had too little history, and the dates on which they had. */
  readonly skipped: ReadonlyMap<CheckId, readonly number[]>
  /** Rows beyond the years of the calendar, which nobody can judge. */
  readonly beyond: number
}

/** Judges what was gathered. Rows are put in the order of time. */
export function validate(gathered: Gathered, options: ValidateOptions): Verdict {
  return new Validation(gathered, options).run()
}

/** The number a check goes by. */
export const thresholdOf = ({ id, threshold }: Check, given: Thresholds): number =>
  given[id] ?? threshold ?? Number.NaN

interface Series {
  readonly columns: Columns
  readonly symbol: string
  readonly interval: Interval
  readonly track: Track | null
  readonly anchor: Anchor
  /** What there is of each date. */
  readonly dates: ReadonlyMap<number, Rows>
  readonly seriesFrom: number
  readonly seriesTo: number
}

/** Rows of a symbol on one date: parts of its track, rows that are no bars, and starts of those that go back in time. */
interface Rows {
  readonly pieces: { readonly from: number; readonly to: number }[]
  readonly flawed: (Flawed & { readonly timeMs: number })[]
  readonly backwardMs: number[]
  /** Some of them are not of the night. */
  isByDay: boolean
}

/** A date later than this has no next session in the calendar. */
const NIGHT = 10 * DAY

const DAY_CHECKS = CHECKS.filter((check) => check.of === 'day')

class Validation {
  readonly #gathered: Gathered
  readonly #options: ValidateOptions
  readonly #limits: Record<CheckId, number>
  readonly #findings: {
    readonly found: Found
    readonly check: Check
    readonly interval: Interval | null
    readonly source: string | null
    readonly day: Day | null
  }[] = []
  readonly #skipped = new Map<CheckId, number[]>()
  readonly #rows = new Map<number, number>()
  readonly #judged: Judged[] = []
  #beyond = 0
  #newestMs = Number.NEGATIVE_INFINITY

  constructor(gathered: Gathered, options: ValidateOptions) {
    this.#gathered = gathered
    this.#options = options
    this.#limits = Object.fromEntries(
      CHECKS.map((check) => [check.id, thresholdOf(check, options.thresholds)]),
    ) as Record<CheckId, number>
  }

  run(): Verdict {
    const { tracks, flawed } = this.#gathered
    for (const track of tracks) track.sort()
    const placed = flawed.filter((one) => this.#isPlaced(one))
    const intervals = new Set([
      ...tracks.map(({ interval }) => interval),
      ...placed.map((one) => one.interval ?? this.#usualInterval()),
    ])
    if (intervals.size === 0 && this.#options.dates !== null) intervals.add(this.#usualInterval())
    for (const interval of [...intervals].sort((one, other) => intervalMs(one) - intervalMs(other)))
      this.#interval(interval, placed)
    this.#whole(flawed.filter((one) => !this.#isPlaced(one)))
    return {
      findings: this.#records(),
      dates: [...this.#rows].map(([day, rows]) => ({ day, rows })).sort((one, other) => one.day - other.day),
      judged: this.#judged.toSorted((one, other) => one.day - other.day),
      skipped: this.#skipped,
      beyond: this.#beyond,
    }
  }

  #usualInterval(): Interval {
    return this.#options.interval ?? this.#gathered.tracks[0]?.interval ?? '1m'
  }

  #isPlaced({ symbol, timeMs }: Flawed): boolean {
    const { symbols } = this.#options
    return symbol !== null && symbols.includes(symbol) && timeMs !== undefined && isKnown(timeMs)
  }

  #judges(day: number): boolean {
    const { dates, judgesAll } = this.#options
    return judgesAll || (dates !== null && day >= dates.from && day <= dates.to)
  }

  /** All symbols of one interval, date by date. */
  #interval(interval: Interval, placed: readonly Flawed[]): void {
    const { symbols, dates } = this.#options
    const all = symbols.map((symbol) => this.#series(symbol, interval, placed))
    const days = all.flatMap((series) => [...series.dates.keys()])
    // Bars on a holiday, or of a night, do not promise the sessions around them.
    const sure = all.flatMap((series) =>
      [...series.dates].filter(([, { isByDay }]) => isByDay).map(([day]) => day),
    )
    const judged = sure.filter((day) => this.#judges(day) && sessionOn(day) !== null)
    const [first = 0, last = -1] = extremes(judged)
    const spans = [{ from: first, to: last }, ...(dates === null ? [] : [dates])]
    const expected = [
      ...new Set(spans.flatMap(({ from, to }) => sessions(from, to).map(({ day }) => day))),
    ].sort((one, other) => one - other)
    const order = [...new Set([...days, ...expected])].sort((one, other) => one - other)
    const wanted = new Set(expected)
    const walks = all.map((series) => new Walk(series, this.#limits))
    const correlations = new Correlations()
    const absentWhole = all.filter(({ dates: own }) => own.size === 0)
    for (const day of order) {
      const isJudged = this.#judges(day)
      const made: Day[] = []
      for (const [k, series] of all.entries()) {
        if (!series.dates.has(day) && !wanted.has(day)) continue
        const own = this.#dayOf(series, day, wanted.has(day))
        walks[k]!.see(own)
        made.push(own)
        if (!isJudged) continue
        this.#rows.set(day, (this.#rows.get(day) ?? 0) + own.rows)
        this.#judged.push({ day, rows: own.rows, symbol: series.symbol, interval })
        if (!absentWhole.includes(series) || expected.length === 1) this.#ofDay(own)
      }
      const [one, other] = made
      const together = one !== undefined && other !== undefined ? correlations.add(one, other) : null
      if (!isJudged) continue
      if (one?.session != null) this.#note(made, together !== null)
      for (const check of CHECKS) {
        if (check.of !== 'company') continue
        const found = check.run({ day, together }, this.#limits[check.id])
        for (const each of found) this.#add(check, each, { interval })
      }
    }
    // A symbol that never occurs is one finding, not one a session.
    if (expected.length > 1 && order.length > 0)
      for (const series of absentWhole) this.#never(series, expected)
  }

  #never(series: Series, expected: readonly number[]): void {
    const check = CHECKS.find(({ id }) => id === 'absent')!
    const [from, to] = [expected[0]!, expected.at(-1)!]
    const span = { ...series, seriesFrom: from, seriesTo: to }
    const [first, last] = [from, to].map((day) => new Day(span, { day, isExpected: true })) as [Day, Day]
    const found: Found = {
      ...{ symbol: series.symbol, day: from, fromMs: first.startAt(0), toMs: last.startAt(last.slots - 1) },
      ...{ count: expected.length, observed: 0, expected: expected.length, samples: [], repair: 'series' },
      words: `no bar of ${expected.length} sessions, ${formatDate(from)} to ${formatDate(to)}`,
    }
    this.#add(check, found, { interval: series.interval, day: first })
  }

  /** The rows of a symbol on their dates. */
  #series(symbol: string, interval: Interval, placed: readonly Flawed[]): Series {
    const { tracks } = this.#gathered
    const track = tracks.find((one) => one.symbol === symbol && one.interval === interval) ?? null
    const lengthMs = intervalMs(interval)
    const isClock = track !== null && lengthMs >= HOUR && lengthMs < DAY
    const anchor = isClock ? anchorOf(coveredOf(track), coveredOf(track).length, interval) : 'open'
    const dates = new Map<number, Rows>()
    const at = (day: number): Rows => {
      const known = dates.get(day) ?? { pieces: [], flawed: [], backwardMs: [], isByDay: false }
      dates.set(day, known)
      return known
    }
    for (const { day, from, to } of track === null ? [] : this.#pieces(track)) {
      const rows = at(day)
      rows.pieces.push({ from, to })
      rows.isByDay ||= !isOvernight(track!.time[to - 1]!, lengthMs)
    }
    for (const one of placed) {
      if (one.symbol !== symbol || (one.interval ?? this.#usualInterval()) !== interval) continue
      const timeMs = one.timeMs!
      const rows = at(tradeDay(timeMs, lengthMs))
      rows.flawed.push({ ...one, timeMs })
      rows.isByDay ||= !isOvernight(timeMs, lengthMs)
    }
    for (const timeMs of track?.backwardMs ?? [])
      if (isKnown(timeMs)) at(tradeDay(timeMs, lengthMs)).backwardMs.push(timeMs)
    if (track !== null && track.length > 0) {
      const newest = track.time[track.length - 1]!
      const end = isCovered(newest) ? endOfBar(newest, lengthMs, anchor) : newest + lengthMs
      this.#newestMs = Math.max(this.#newestMs, end)
    }
    const all = extremes([...dates.keys()])
    const [seriesFrom, seriesTo] = [Math.min(...all), Math.max(...all)]
    return { columns: new Columns(), symbol, interval, track, anchor, dates, seriesFrom, seriesTo }
  }

  #dayOf(series: Series, day: number, isExpected: boolean): Day {
    const made = new Day(series, { day, isExpected })
    const { track, anchor, dates } = series
    const rows = dates.get(day)
    if (rows === undefined) return made
    const sourceName = (id: number) => this.#gathered.sourceName(id)
    for (const { from, to } of rows.pieces) place(made, { track: track!, anchor, from, to, sourceName })
    for (const one of rows.flawed) addFlawed(made, one)
    for (const timeMs of rows.backwardMs) addBackward(made, timeMs)
    return made
  }

  /** Rows that follow each other and are of one date. */
  #pieces({ time, length, lengthMs }: Track): { day: number; from: number; to: number }[] {
    const pieces: { day: number; from: number; to: number }[] = []
    let from = 0
    while (from < length) {
      if (!isKnown(time[from]!)) {
        this.#beyond++
        from++
        continue
      }
      const to = firstFrom(time.subarray(0, length), tradeEnd(time[from]!, lengthMs))
      pieces.push({ day: tradeDay(time[from]!, lengthMs), from, to })
      from = to
    }
    return pieces
  }

  #ofDay(day: Day): void {
    for (const check of DAY_CHECKS) {
      for (const found of check.run(day, this.#limits[check.id]))
        this.#add(check, found, { interval: day.interval, day })
    }
  }

  /** Which checks had too little to go by. */
  #note(days: readonly Day[], isTogether: boolean): void {
    const skip = (id: CheckId, day: number) => {
      const list = this.#skipped.get(id) ?? []
      this.#skipped.set(id, list)
      if (list.at(-1) !== day) list.push(day)
    }
    for (const { day, history, volumeHistory, present } of days) {
      if (present === 0) continue
      if (history < SESSIONS_NEEDED) skip('return-outlier', day)
      if (volumeHistory >= SESSIONS_NEEDED) continue
      skip('volume-outlier', day)
      skip('session-total', day)
    }
    if (!isTogether && days.length > 1) skip('correlation', days[0]!.day)
  }

  #whole(unplaced: readonly Flawed[]): void {
    const { symbols, asOfMs, lastSessionEndMs, dates } = this.#options
    const lastDay = Math.max(...extremes([...this.#rows.keys()]), dates?.to ?? Number.NEGATIVE_INFINITY)
    const fallback = Number.isFinite(lastDay) ? lastDay : newYorkDay(asOfMs)
    const whole = {
      unknown: this.#gathered.strangers,
      ...{ symbols, asOfMs, newestMs: this.#newestMs, lastDay: fallback },
      lastSessionEndMs: Number.isFinite(this.#newestMs) ? lastSessionEndMs : null,
    }
    for (const check of CHECKS) {
      if (check.of !== 'whole') continue
      for (const found of check.run(whole, this.#limits[check.id]))
        this.#add(check, found, { interval: null })
    }
    for (const facts of this.#options.facts ?? []) {
      for (const check of CHECKS) {
        if (check.of !== 'facts') continue
        for (const found of check.run(facts, this.#limits[check.id]))
          this.#add(check, found, { interval: null })
      }
    }
    const groups = new Map<string, Flawed[]>()
    for (const one of unplaced) {
      const key = `${one.check} ${one.symbol}`
      groups.set(key, [...(groups.get(key) ?? []), one])
    }
    for (const [first, ...rest] of groups.values()) {
      const check = CHECKS.find(({ id }) => id === first!.check)!
      const count = [first!, ...rest].reduce((sum, one) => sum + one.count, 0)
      const samples = [first!, ...rest].slice(0, 3).map(({ sample }) => sample)
      const found: Found = {
        ...{ symbol: first!.symbol, day: fallback, fromMs: null, toMs: null, count, samples, repair: null },
        ...{ observed: count, expected: 0 },
        words: `${counted(count, 'row')} of no known date, ${check.words}: ${samples.join(', ')}${count > samples.length ? ', ...' : ''}`,
      }
      this.#add(check, found, { interval: null })
    }
  }

  #add(
    check: Check,
    found: Found,
    { interval, day = null }: { readonly interval: Interval | null; readonly day?: Day | null },
  ): void {
    this.#findings.push({ check, found, interval, day, source: day?.source ?? null })
  }

  /** By date, symbol, interval, then as the checks stand, then by time. */
  #records(): Finding[] {
    const { symbols } = this.#options
    const place = (symbol: string | null) => {
      const at = symbol === null ? -1 : symbols.indexOf(symbol)
      return at < 0 ? symbols.length : at
    }
    return this.#findings
      .map((one, at) => ({ ...one, at }))
      .sort(
        (a, b) =>
          a.found.day - b.found.day ||
          place(a.found.symbol) - place(b.found.symbol) ||
          length(a.interval) - length(b.interval) ||
          CHECK_IDS.indexOf(a.check.id) - CHECK_IDS.indexOf(b.check.id) ||
          (a.found.fromMs ?? 0) - (b.found.fromMs ?? 0) ||
          a.at - b.at,
      )
      .map(({ check, found, interval, day }) => ({
        words: found.words,
        record: {
          type: 'quality',
          date: formatDate(found.day),
          ruleset: rulesetOf(interval),
          symbol: found.symbol,
          check: check.id,
          severity: check.severity,
          from: found.fromMs === null ? null : formatTime(found.fromMs),
          to: found.toMs === null ? null : formatTime(found.toMs),
          count: found.count,
          observed: found.observed,
          expected: found.expected,
          samples: found.samples,
          fix: this.#fix(found, day),
        },
      }))
  }

  #fix({ symbol, day, fromMs, toMs, count, repair }: Found, of: Day | null): string | null {
    if (repair === null || symbol === null || of === null || fromMs === null || toMs === null) return null
    const { interval, source, seriesFrom, seriesTo } = of
    const isDaily = interval === '1d'
    const { repairSource: otherwise, repairStore } = this.#options
    const store = repairStore ?? ''
    if (repair === 'purge') {
      // A file is not ours to change.
      if (repairStore === undefined) return null
      const removal = { symbol, interval, source, otherwise, store, from: fromMs, to: toMs }
      return removalCommand({ ...removal, day, count, isSession: of.session !== null })
    }
    const [from, to] = repair === 'series' ? [seriesFrom, seriesTo] : [day, day]
    return repairCommand({
      ...{ symbol, interval, source, otherwise, store },
      ...(repair === 'bars' && !isDaily ? { from: fromMs, to: toMs, by: 'bars' } : { from, to, by: 'dates' }),
    })
  }
}

const length = (interval: Interval | null): number => (interval === null ? 0 : intervalMs(interval))

/** Where the first of sorted instants stands that is not before `ms`; their number where all are. */
function firstFrom(sorted: Float64Array, ms: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < ms) low = middle + 1
    else high = middle
  }
  return low
}

/** The first and the last of days in any order. */
function extremes(days: readonly number[]): number[] {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const day of days) {
    if (day < first) first = day
    if (day > last) last = day
  }
  return first > last ? [] : [first, last]
}

/** Whether the calendar knows the date of an instant and the session after it. */
const isKnown = (timeMs: number): boolean => isCovered(timeMs) && isCovered(timeMs + NIGHT)

const coveredOf = ({ time, length: rows }: Track): Float64Array => time.subarray(0, rows).filter(isCovered)

/** The days of one symbol in the order of time, each against those before it. */
class Walk {
  readonly #series: Series
  readonly #limits: Readonly<Record<CheckId, number>>
  readonly #history = new History()
  #before: Before | null = null

  constructor(series: Series, limits: Readonly<Record<CheckId, number>>) {
    this.#series = series
    this.#limits = limits
  }

  see(day: Day): void {
    const { track } = this.#series
    if (track === null || day.present === 0) return
    const history = this.#history
    const limits = this.#limits
    day.history = history.sessions
    day.stale = staleRuns(day, track, limits.stale)
    fillReturns(day, track)
    day.spread = roughCentreOf(day.returns).mad
    day.jumps = jumpsOf(day, track, {
      history,
      before: this.#before,
      limits: { spike: limits.spike, outlier: limits['return-outlier'], split: limits.split },
    })
    const level = fillVolumes(day, track)
    day.volumeHistory = history.volumeSessions
    day.volumeOutliers = volumeOutliers(day, { history, level, limit: limits['volume-outlier'] })
    const mean = meanOf(day)
    // After a split volumes are counted in other shares.
    if (day.jumps.some(({ kind }) => kind === 'split')) history.forgetVolumes()
    else day.total = totalOf(day, { history, mean })
    settleReturns(day)
    history.add(day, { level, mean })
    const last = day.rowOf.findLast((row) => row >= 0)!
    this.#before = { day: day.day, close: track.close[last]! }
  }
}
