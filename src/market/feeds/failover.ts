/**
 * Bars from several sources, asked in their order. Each symbol is fetched a month at a time: what the first source lacks against the
 * calendar is asked of the next one, and every bar says whose it is. Prices are never averaged or mended. What could not be had,
 * and why, stands in the outcome; nothing takes the place of a source that fails.
 */
import { Failure, usage } from '../../base/errors.js'
import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  formatDate,
  formatTime,
  newYorkDay,
  newYorkMidnight,
} from '../../base/time.js'
import {
  type Adjusted,
  type BarBatch,
  copyRow,
  type Interval,
  intervalMs,
  Names,
  newBatch,
  SESSIONS,
} from '../bar.js'
import { dayStart, nextSession, previousSession, sessions, type TradingSession } from '../calendar.js'
import { anchorOf, barStarts, endOfBar, type MissingRange, missingRanges } from '../grid.js'
import { rangeWords } from '../missing.js'
import { describe } from '../problem.js'
import { hand, type RecordBlock } from '../reading.js'
import { RowCheck } from '../row-check.js'
import type { Split } from '../splits.js'
import { Breaker } from './breaker.js'
import { agreement, agreementWords } from './cross-check.js'
import { bounded, type Feed, type FeedWorld } from './feed.js'
import { FeedFailure, type HistorySource, type HistoryWorld } from './history.js'
import { appended, distinct, inOrder, kept, merged, noRows } from './rows.js'
import { type LastClose, splitDays } from './split-guard.js'

/** Starts of bars of one symbol, both included, epoch milliseconds. */
export interface Span {
  readonly symbol: string
  readonly fromMs: number
  readonly toMs: number
}

export interface FailoverOptions {
  /** In the order in which they are asked. */
  readonly sources: readonly HistorySource[]
  /** What is fetched, at each reading; undefined: all bars of the dates and symbols that are wanted. */
  readonly spans?: () => readonly Span[]
  /** Lets sources fill each other's gaps whose prices are adjusted for different things. */
  readonly allowMix?: boolean
  /** The last bar before what is fetched, where it is known. */
  readonly before?: ReadonlyMap<string, LastClose>
  /** Takes bars that are kept out. */
  readonly onQuarantined?: (batch: BarBatch) => void | Promise<void>
  readonly wait: (ms: number) => Promise<void>
  readonly random: () => number
}

/** Bars of a symbol that no source has given. */
export interface Gap extends MissingRange {
  readonly symbol: string
}

/** What came of it, complete once the feed has ended. */
export interface Outcome {
  /** Bars passed on by source. */
  readonly bars: Map<string, number>
  readonly gaps: Gap[]
  /** Bars that two sources say were not traded. */
  untraded: number
  /** Rows that came again with other values; the last ones stand. */
  corrected: number
  /** Rows that are no bars, left out. */
  bad: number
  quarantined: number
  /** Sources that do not agree, in words. */
  readonly disagreements: Set<string>
  switches: number
  /** By source, in their order. */
  readonly sources: ReadonlyMap<string, Breaker>
}

export interface FailoverFeed extends Feed {
  readonly outcome: Outcome
}

/** At most so many bars in a row are believed not to have been traded. */
const UNTRADED_BARS = 5
/** Part of the bars of a session that a source has to have, to be believed that another one was not traded. */
const TELLING_PART = 0.5

/** Throws 64 for sources whose prices are adjusted for different things, unless they may be mixed. */
export function failover(options: FailoverOptions): FailoverFeed {
  refuseMix(options)
  const outcome: Outcome = {
    bars: new Map(options.sources.map(({ name }) => [name, 0])),
    gaps: [],
    untraded: 0,
    corrected: 0,
    bad: 0,
    quarantined: 0,
    disagreements: new Set(),
    switches: 0,
    sources: new Map(options.sources.map(({ name }) => [name, new Breaker()])),
  }
  const tracks = new Map<string, Track>()
  return {
    name: options.sources.map(({ name }) => name).join(','),
    outcome,
    bars: (wanted, world) => {
      const { symbols, interval, fromDay, toDay, session } = bounded('fetch', wanted)
      const regular = session === 'rth' ? 'rth' : undefined
      for (const symbol of symbols) if (!tracks.has(symbol)) tracks.set(symbol, newTrack(symbol, options))
      const own = symbols.map((symbol) => tracks.get(symbol)!)
      const run = new Run(options, outcome, { interval, session: regular, tracks: own }, world)
      return run.blocks(fromDay, toDay)
    },
  }
}

function refuseMix({ sources, allowMix }: FailoverOptions): void {
  const [first, ...rest] = sources
  const other = rest.find(({ adjusted }) => adjusted !== first?.adjusted)
  if (first === undefined || other === undefined || allowMix) return
  throw usage(
    `prices of ${first.name} are adjusted for ${adjustedWords(first.adjusted)}, those of ${other.name} for ${adjustedWords(other.adjusted)}`,
    { hint: '--allow-adjustment-mix lets one fill the gaps of the other' },
  )
}

const adjustedWords = (adjusted: Adjusted): string =>
  adjusted === 'none' ? 'nothing' : adjusted === 'splits' ? 'splits' : 'splits and dividends'

interface Asked {
  readonly interval: Interval
  readonly session: 'rth' | undefined
  /** In the order that bars of one time come in. */
  readonly tracks: readonly Track[]
}

/** What is known of a symbol between the months, and between readings. */
interface Track {
  readonly symbol: string
  readonly check: RowCheck[]
  last: LastClose | null
  /** Where its last bar came from. */
  source: string | null
  /** Sources that do not fit the others. */
  readonly unfit: Set<string>
}

const newTrack = (symbol: string, { sources, before }: FailoverOptions): Track => ({
  symbol,
  check: sources.map(() => new RowCheck()),
  last: before?.get(symbol) ?? null,
  source: null,
  unfit: new Set(),
})

/** One reading of the feed. */
class Run {
  readonly #options: FailoverOptions
  readonly #outcome: Outcome
  readonly #asked: Asked
  readonly #lengthMs: number
  readonly #world: HistoryWorld
  readonly #names = new Names()
  readonly #tracks: readonly Track[]
  /** Why a source was left, for those that follow it. */
  readonly #reasons = new Map<string, string>()

  constructor(options: FailoverOptions, outcome: Outcome, asked: Asked, world: FeedWorld) {
    this.#options = options
    this.#outcome = outcome
    this.#asked = asked
    this.#lengthMs = intervalMs(asked.interval)
    this.#world = {
      ...world,
      names: this.#names,
      wait: options.wait,
      random: options.random,
      onBad: (words) => this.#bad(words),
    }
    this.#tracks = asked.tracks
  }

  async *blocks(fromDay: number, toDay: number): AsyncGenerator<RecordBlock> {
    for (const [first, last] of months(fromDay, toDay)) {
      const fetched: BarBatch[] = []
      for (const track of this.#tracks) {
        this.#world.signal.throwIfAborted()
        fetched.push(await this.#fetch(track, first, last))
      }
      yield* this.#inOrder(fetched)
    }
    this.#world.signal.throwIfAborted()
  }

  /** The bars of one symbol in a month, from as many sources as it takes. */
  async #fetch(track: Track, first: number, last: number): Promise<BarBatch> {
    const { sources } = this.#options
    const spans = this.#spansOf(track, first, last)
    if (spans.length === 0) return noRows(this.#names)
    const days = { first: newYorkDay(spans[0]!.fromMs), last: newYorkDay(spans.at(-1)!.toMs) }
    const isAsked = (time: number) => spans.some(({ fromMs, toMs }) => time >= fromMs && time <= toMs)
    let rows = noRows(this.#names)
    let gaps: MissingRange[] | null = null
    /** Sessions that a source after the first has told of. */
    const others: BarBatch[] = []
    for (const [at, source] of sources.entries()) {
      const breaker = this.#outcome.sources.get(source.name)!
      if (track.unfit.has(source.name) || !breaker.isOpen(this.#world.clock())) continue
      const from = gaps === null ? days.first : this.#comparable(rows, gaps, days.first, last)
      const to =
        gaps === null
          ? days.last
          : Math.max(from, gaps.at(-1)!.day, ...(rows.length === 0 ? [] : [this.#neighbour(rows, gaps)]))
      const got = await this.#collect(track, at, { fromDay: Math.min(from, to), toDay: to })
      if (got === null) continue
      if (rows.length > 0 && !this.#agrees(track, rows, got, source.name)) continue
      if (gaps !== null) others.push(got)
      const holes = gaps
      const fits = holes === null ? got : kept(got, (i) => this.#fills(got, i, rows, holes))
      rows = await this.#withoutSplits(
        track,
        merged(
          rows,
          kept(fits, (i) => isAsked(fits.time[i]!)),
        ),
      )
      gaps = this.#lacking(rows, { first: days.first, last: days.last, isAsked })
      if (gaps.length === 0) break
    }
    for (const gap of gaps ?? this.#lacking(rows, { first: days.first, last: days.last, isAsked })) {
      if (isUntraded(gap, rows, others, this.#asked.interval)) this.#outcome.untraded += gap.count
      else this.#outcome.gaps.push({ symbol: track.symbol, ...gap })
    }
    const end = rows.length - 1
    if (end >= 0) track.last = { timeMs: rows.time[end]!, close: rows.close[end]! }
    return rows
  }

  /** The parts of what is asked for that lie in a month, in the order of time. */
  #spansOf({ symbol }: Track, first: number, last: number): Span[] {
    const month = { symbol, fromMs: newYorkMidnight(first), toMs: newYorkMidnight(last + 1) - 1 }
    const spans = this.#options.spans?.().filter((span) => span.symbol === symbol) ?? [month]
    return spans
      .map(({ fromMs, toMs }) => ({
        symbol,
        fromMs: Math.max(fromMs, month.fromMs),
        toMs: Math.min(toMs, month.toMs),
      }))
      .filter(({ fromMs, toMs }) => fromMs <= toMs)
      .sort((a, b) => a.fromMs - b.fromMs)
  }

  /** What a source has, one bar a start; null where it gave no answer. */
  async #collect(
    track: Track,
    at: number,
    dates: { fromDay: number; toDay: number },
  ): Promise<BarBatch | null> {
    const source = this.#options.sources[at]!
    const breaker = this.#outcome.sources.get(source.name)!
    const { interval, session } = this.#asked
    let all = noRows(this.#names)
    let failure: FeedFailure | null = null
    try {
      for await (const batch of source.bars(
        { symbol: track.symbol, interval, session, ...dates },
        this.#world,
      )) {
        for (let i = 0; i < batch.length; i++)
          if (this.#isBar(track, at, batch, i)) all = appended(all, batch, i)
      }
    } catch (error) {
      this.#world.signal.throwIfAborted()
      failure = failureOf(error)
    }
    if (failure === null) {
      breaker.answered()
      this.#reasons.delete(source.name)
    } else {
      const asked = this.#world.clock()
      breaker.failed(failure, asked)
      this.#reasons.set(source.name, failure.message)
      this.#world.warn(
        `${source.name}: ${track.symbol} ${formatDate(dates.fromDay)} to ${formatDate(dates.toDay)}: ${failure.message}`,
      )
      // The pages before the one that failed are as good as any.
      if (all.length === 0) return null
    }
    const { rows, repeated, corrected } = distinct(all)
    if (repeated > 0) this.#world.detail(`${source.name}: ${track.symbol}: ${repeated} bars came twice`)
    if (corrected > 0) {
      this.#outcome.corrected += corrected
      this.#world.note(`${source.name}: ${track.symbol}: ${corrected} bars were corrected by later ones`)
    }
    return rows
  }

  /** Whether a row is one to be kept: in the session that is asked for, ended, and no part of another bar. */
  #isBar(track: Track, at: number, batch: BarBatch, i: number): boolean {
    const time = batch.time[i]!
    if (this.#endOf(time) > this.#world.clock()) return false
    if (this.#asked.session === 'rth' && SESSIONS[batch.session[i]!] !== 'rth') return false
    const problem = track.check[at]!.check(batch, i)
    if (problem === null) return true
    this.#bad(`${this.#options.sources[at]!.name}: ${track.symbol} ${formatTime(time)}: ${describe(problem)}`)
    return false
  }

  #bad(words: string): void {
    this.#outcome.bad++
    if (this.#outcome.bad <= SHOWN_BAD) this.#world.warn(`${words}: left out`)
    else if (this.#outcome.bad === SHOWN_BAD + 1)
      this.#world.warn('further rows that are no bars are counted and not shown')
  }

  #endOf(timeMs: number): number {
    return this.#lengthMs >= intervalMs('1d')
      ? newYorkMidnight(newYorkDay(dayStart(timeMs)) + 1)
      : endOfBar(timeMs, this.#lengthMs)
  }

  /** Whether a source that is to fill gaps has the same bars where both have some. */
  #agrees(track: Track, rows: BarBatch, got: BarBatch, name: string): boolean {
    const first = this.#names.text(rows.source[0]!) ?? this.#options.sources[0]!.name
    const found = agreement(rows, got, this.#lengthMs)
    const words = agreementWords(found, first, name)
    if (found.kind === 'few') {
      this.#world.detail(
        `${name}: ${track.symbol}: ${found.common} bars in common with ${first} are too few for a comparison`,
      )
    }
    if (words === null) return true
    this.#outcome.disagreements.add(`${track.symbol}: ${words}`)
    const isUsed = found.kind === 'drift' || (found.kind === 'ratio' && this.#options.allowMix === true)
    this.#world.warn(`${track.symbol}: ${words}${isUsed ? '' : `; ${name} fills no gaps of it`}`)
    if (!isUsed) track.unfit.add(name)
    return isUsed
  }

  /** Whether a row lies in a gap, or outside of the session on a day of which there is nothing else. */
  #fills(got: BarBatch, i: number, rows: BarBatch, gaps: readonly MissingRange[]): boolean {
    const time = got.time[i]!
    const within = gaps.some(({ fromMs, toMs }) => time >= fromMs && time <= toMs)
    if (within || SESSIONS[got.session[i]!] === 'rth') return within
    const day = newYorkDay(time)
    return gaps.some((gap) => gap.whole && gap.day === day) && !hasDay(rows, day)
  }

  /** The rows without the days that look like the other side of a split; those go to the quarantine. */
  async #withoutSplits(track: Track, rows: BarBatch): Promise<BarBatch> {
    const suspects = splitDays(rows, track.last)
    if (suspects.size === 0) return rows
    for (const split of suspects.values()) this.#world.warn(suspectWords(split))
    const isOut = (i: number) => suspects.has(newYorkDay(rows.time[i]!))
    const out = kept(rows, isOut)
    this.#outcome.quarantined += out.length
    await this.#options.onQuarantined?.(out)
    return kept(rows, (i) => !isOut(i))
  }

  /** What of the grid is not there, of bars that have ended. */
  #lacking(
    rows: BarBatch,
    {
      first,
      last,
      isAsked,
    }: { readonly first: number; readonly last: number; readonly isAsked: (time: number) => boolean },
  ): MissingRange[] {
    const now = this.#world.clock()
    const { interval } = this.#asked
    return missingRanges(rows.time, rows.length, {
      sessions: sessions(first, last),
      interval,
      anchor: anchorOf(rows.time, rows.length, interval),
      wanted: (start) => isAsked(start) && this.#endOf(start) <= now,
    })
  }

  /** The first day to ask another source for, so that it has bars to be compared by: that of the gaps, or a session before. */
  #comparable(rows: BarBatch, gaps: readonly MissingRange[], first: number, last: number): number {
    const day = gaps[0]!.day
    if (rows.length === 0 || gaps.some((gap) => !gap.whole) || day <= first) return Math.min(day, last)
    return previousSession(day).day
  }

  /** A session after the gaps that has bars, where there is none before them. */
  #neighbour(rows: BarBatch, gaps: readonly MissingRange[]): number {
    const end = gaps.at(-1)!.day
    if (gaps.some((gap) => !gap.whole) || newYorkDay(rows.time[0]!) < gaps[0]!.day) return end
    const next = nextSession(end).day
    return hasDay(rows, next) ? next : end
  }

  /** Bars of all symbols by time, then in the order of the symbols, with a record wherever the source of one changes. */
  *#inOrder(fetched: readonly BarBatch[]): Generator<RecordBlock> {
    const out = newBatch(BATCH_ROWS, this.#names)
    for (const [next, i] of inOrder(fetched)) {
      const rows = fetched[next]!
      const source = this.#names.text(rows.source[i]!)!
      const change = this.#switched(this.#tracks[next]!, source, rows.time[i]!)
      if (change !== null) {
        if (out.length > 0) yield* hand(out)
        yield change
      }
      this.#outcome.bars.set(source, (this.#outcome.bars.get(source) ?? 0) + 1)
      copyRow(rows, i, out)
      if (out.length === out.capacity) yield* hand(out)
    }
    if (out.length > 0) yield* hand(out)
  }

  #switched(track: Track, to: string, timeMs: number): RecordBlock | null {
    const from = track.source ?? this.#options.sources[0]!.name
    track.source = to
    if (from === to) return null
    this.#outcome.switches++
    const order = this.#options.sources.map(({ name }) => name)
    const isBack = order.indexOf(to) < order.indexOf(from)
    const reason = isBack ? `${to} has bars again` : (this.#reasons.get(from) ?? `${from} has no bars`)
    const { symbol } = track
    const object = { type: 'feed_switch', time: formatTime(timeMs), symbol, from, to, reason }
    this.#world.note(`${symbol}: bars from ${object.time} on are those of ${to}: ${reason}`)
    return {
      kind: 'other',
      records: [{ type: 'feed_switch', line: 0, object, text: JSON.stringify(object) }],
    }
  }
}

/** A key that is not there, or that the vault does not give, is that of one source. Throws what is no failure of a source. */
function failureOf(error: unknown): FeedFailure {
  if (error instanceof FeedFailure) return error
  if (!(error instanceof Failure) || error.kind !== 'denied') throw error
  return new FeedFailure('denied', error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

const BATCH_ROWS = 8192
/** Rows that are told one by one. */
const SHOWN_BAD = 20

function suspectWords({ symbol, fromDay, toDay, close, open, ratio, part }: Split): string {
  const [from, to] = [formatDate(fromDay), formatDate(toDay)]
  return `${symbol} opens on ${to} at ${open}, ${part} of its close of ${close} on ${from}: a ${ratio} split for which not all prices are adjusted? Its bars of that day are kept out`
}

function hasDay(rows: BarBatch, day: number): boolean {
  const [from, to] = [newYorkMidnight(day), newYorkMidnight(day + 1)]
  for (let i = 0; i < rows.length; i++) if (rows.time[i]! >= from && rows.time[i]! < to) return true
  return false
}

/** Whether nobody traded: a few bars that a second source, which has the session, lacks as well. */
function isUntraded(
  gap: MissingRange,
  rows: BarBatch,
  others: readonly BarBatch[],
  interval: Interval,
): boolean {
  if (gap.whole || gap.count > UNTRADED_BARS) return false
  const [session] = sessions(gap.day, gap.day)
  if (session === undefined) return false
  const needed = TELLING_PART * barStarts(session, interval).length
  const has = (batch: BarBatch) => barsWithin(batch, session)
  return has(rows) >= needed && others.some((other) => has(other) >= needed)
}

function barsWithin(rows: BarBatch, { openMs, closeMs }: TradingSession): number {
  let count = 0
  for (let i = 0; i < rows.length; i++) if (rows.time[i]! >= openMs && rows.time[i]! < closeMs) count++
  return count
}

/** The calendar months of some days, the first and the last cut. */
function* months(fromDay: number, toDay: number): Generator<[first: number, last: number]> {
  for (let first = fromDay; first <= toDay; ) {
    const { year, month } = civilFromDays(first)
    const last = Math.min(toDay, daysFromCivil(year, month, daysInMonth(year, month)))
    yield [first, last]
    first = last + 1
  }
}

/** Gaps in words: by symbol, the largest first. */
export function gapWords(gaps: readonly Gap[]): string {
  const bySymbol = new Map<string, Gap[]>()
  for (const gap of gaps) bySymbol.set(gap.symbol, [...(bySymbol.get(gap.symbol) ?? []), gap])
  return [...bySymbol]
    .map(
      ([symbol, own]) =>
        `${symbol} ${own.reduce((sum, { count }) => sum + count, 0)} bars: ${rangeWords(own, 3)}`,
    )
    .join('; ')
}
