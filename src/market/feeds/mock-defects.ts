/**
 * Flaws in generated data, for testing validators, at places drawn from a stream of their own. Those of single bars come once a
 * session, those of a whole session and those that last come once. Each is at least twice what the check goes by that must find it.
 */
import { type Rng, stream } from '../../base/rng.js'
import { DAY, formatDate, formatTime, HOUR, MINUTE, newYorkMidnight } from '../../base/time.js'
import type { JsonObject } from '../../stream/json.js'
import {
  type Bar,
  type BarBatch,
  barAt,
  copyRow,
  type Interval,
  intervalMs,
  newBatch,
  SESSIONS,
} from '../bar.js'
import { nextSession, sessionOn, type TradingSession } from '../calendar.js'
import { hand, type OtherRecord, type RecordBlock } from '../reading.js'

interface Kind {
  /** The check that must find it. */
  readonly check: string
  /** Bars in a row that it takes. 0: those of a whole session, or it stands beside the bars. */
  readonly bars: number
  /** Comes once, and not in each session. */
  readonly once?: true
  /** Told only against so many sessions before. */
  readonly history?: number
  /** In bars that are shorter than a day only. */
  readonly intraday?: true
  /** Told only of two symbols. */
  readonly pair?: true
}

/** Sessions without which checks that compare say nothing, one of which may be absent. */
const HISTORY = 6

const KINDS = {
  drift: { check: 'drift', bars: 60, once: true, intraday: true },
  stale: { check: 'stale', bars: 20, intraday: true },
  missing: { check: 'missing', bars: 15, intraday: true },
  'missing-one': { check: 'missing', bars: 1, intraday: true },
  'first-bar': { check: 'first-bar', bars: 1, intraday: true },
  'last-bar': { check: 'last-bar', bars: 1, intraday: true },
  duplicate: { check: 'duplicate', bars: 1 },
  conflict: { check: 'conflict', bars: 1 },
  'out-of-order': { check: 'out-of-order', bars: 2, intraday: true },
  'zero-volume': { check: 'zero-volume', bars: 1 },
  'negative-volume': { check: 'negative-volume', bars: 1 },
  'volume-outlier': { check: 'volume-outlier', bars: 1, history: HISTORY },
  spike: { check: 'spike', bars: 1, intraday: true },
  wick: { check: 'spike', bars: 1, intraday: true },
  'off-grid': { check: 'off-grid', bars: 1, intraday: true },
  label: { check: 'label', bars: 1 },
  overlap: { check: 'overlap', bars: 0, intraday: true },
  'outside-session': { check: 'outside-session', bars: 0, intraday: true },
  'high-below-low': { check: 'ohlc', bars: 1 },
  'negative-price': { check: 'price', bars: 1 },
  'null-price': { check: 'schema', bars: 1 },
  jump: { check: 'return-outlier', bars: 1, once: true, history: HISTORY, intraday: true },
  split: { check: 'split', bars: 1, once: true, intraday: true },
  coverage: { check: 'coverage', bars: 0, once: true, intraday: true },
  absent: { check: 'absent', bars: 0, once: true, pair: true },
  'session-total': { check: 'session-total', bars: 0, once: true, history: HISTORY, intraday: true },
  correlation: { check: 'correlation', bars: 0, once: true, history: HISTORY, intraday: true, pair: true },
  holiday: { check: 'holiday', bars: 0, once: true },
  'unknown-symbol': { check: 'unknown-symbol', bars: 0, once: true },
} as const satisfies Readonly<Record<string, Kind>>

export type Defect = keyof typeof KINDS
/** Flaws that generated bars can have. */
export const DEFECTS = Object.keys(KINDS) as Defect[]

/** What was put in. */
export interface DefectRecord {
  readonly type: 'defect'
  readonly kind: Defect
  readonly symbol: string
  /** Starts of the first and the last bar concerned. */
  readonly from: string
  readonly to: string
  readonly count: number
  readonly check: string
}

export interface DefectOptions {
  readonly seed: number
  readonly interval: Interval
  readonly symbols: readonly string[]
  readonly sessions: readonly TradingSession[]
  readonly defects?: readonly Defect[] | undefined
  /** Told of each defect as it is put in. */
  readonly onDefect?: ((defect: DefectRecord) => void) | undefined
}

/** Rows between two flaws of a symbol, so that each stands alone. */
const MARGIN = 3
const SPIKE = 1.06
const WICK = 1.2
const JUMP = 1.06
const SPLIT = 0.1
const VOLUME = 20_000
const TOTAL = 12
const DRIFT = 1.002
const UNCOVERED = 0.25
const STRANGER = 'ZZZZ'

/** The flaws of one run over its sessions. */
export class Defects {
  readonly #options: DefectOptions
  readonly #length: number
  /** Those that come once, by the number of their session. */
  readonly #once = new Map<number, { readonly kind: Defect; readonly symbol: number }[]>()
  readonly #each: readonly Defect[]
  /** What prices are multiplied by from now on. */
  readonly #factors: number[]
  #session = -1

  constructor(options: DefectOptions) {
    this.#options = options
    this.#length = intervalMs(options.interval)
    this.#factors = options.symbols.map(() => 1)
    const wanted = DEFECTS.filter((kind) => options.defects?.includes(kind) && this.#isPossible(kind))
    this.#each = wanted.filter((kind) => !('once' in KINDS[kind]))
    this.#plan(wanted.filter((kind) => 'once' in KINDS[kind]))
  }

  #isPossible(kind: Defect): boolean {
    const { intraday, pair, history = 0 }: Kind = KINDS[kind]
    const { symbols, sessions } = this.#options
    return (
      (intraday !== true || this.#length < DAY) &&
      (pair !== true || symbols.length > 1) &&
      sessions.length > history
    )
  }

  /** Sessions and symbols for what comes once; no symbol gets two in one session where there is room. */
  #plan(kinds: readonly Defect[]): void {
    const { seed, sessions, symbols } = this.#options
    const rng = stream(seed, 'defects')
    const taken = new Set<string>()
    for (const kind of kinds) {
      const { history = 0, pair }: Kind = KINDS[kind]
      for (let tries = 0; tries < 100; tries++) {
        const last = sessions.length - 1
        // What lasts to the end of the data comes with its last session, where it spoils no other.
        const at = kind === 'split' ? last : history + rng.int(sessions.length - history)
        const symbol = rng.int(symbols.length)
        if (kind === 'holiday' && !isBeforeClosure(sessions, at)) continue
        const keys = symbols
          .map((_, k) => `${at} ${k}`)
          .filter((_, k) => k === symbol || (pair && kind === 'correlation'))
        const isBeside = kind === 'holiday' || kind === 'unknown-symbol'
        if (!isBeside && tries < 90 && keys.some((key) => taken.has(key))) continue
        // Where one symbol is absent the other one is not: somebody must be there.
        if (!isBeside) for (const key of keys) taken.add(key)
        this.#once.set(at, [...(this.#once.get(at) ?? []), { kind, symbol }])
        break
      }
    }
  }

  /** The rows of the next session with what is wrong with them. */
  *rows(given: BarBatch, session: TradingSession): Generator<RecordBlock> {
    this.#session++
    const once = this.#once.get(this.#session) ?? []
    this.#scale(given)
    const day = this.#wholeSession(given, once)
    const rng = stream(this.#options.seed, 'defects', formatDate(session.day))
    const at = this.#place(day, once, rng)
    for (const [row, kind] of at) {
      this.#alter(day, row, kind)
      this.#tell(kind, day, this.#rowsOf(day, row, kind), kind === 'off-grid' ? this.#length / 2 : 0)
    }
    yield* this.#written(day, at)
    yield* this.#after(day, once, session)
  }

  /** Prices after a jump or a split of a session before. */
  #scale(day: BarBatch): void {
    for (const [k, name] of this.#options.symbols.entries())
      if (this.#factors[k] !== 1) multiply(day, rowsOf(day, name), this.#factors[k]!)
  }

  /** Flaws of all bars of a symbol. */
  #wholeSession(given: BarBatch, once: readonly { kind: Defect; symbol: number }[]): BarBatch {
    let day = given
    const { symbols } = this.#options
    for (const { kind, symbol } of once) {
      const name = symbols[symbol]!
      const own = rowsOf(day, name)
      if (own.length === 0) continue
      if (kind === 'session-total') for (const row of own) day.volume[row]! *= TOTAL
      else if (kind === 'correlation') {
        if (!mirror(day, own, rowsOf(day, symbols[symbol === 0 ? 1 : 0]!))) continue
      } else if (kind === 'absent' || kind === 'coverage') {
        const count = kind === 'absent' ? own.length : Math.ceil(own.length * UNCOVERED)
        const from = Math.floor((own.length - count) / 2)
        const dropped = own.slice(from, from + count)
        this.#tell(kind, day, dropped)
        day = without(day, new Set(dropped))
        continue
      } else continue
      this.#tell(kind, day, own)
    }
    return day
  }

  /** First rows by the flaw that they get; none comes near another one of its symbol. */
  #place(day: BarBatch, once: readonly { kind: Defect; symbol: number }[], rng: Rng): Map<number, Defect> {
    const at = new Map<number, Defect>()
    const taken = new Set<number>()
    const bySymbol = this.#options.symbols.map((name) => rowsOf(day, name))
    const place = (kind: Defect, only: number | null): void => {
      const { bars, history = 0 }: Kind = KINDS[kind]
      if (bars === 0 || this.#session < history) return
      // A session too short for all of them gets what fits.
      for (let tries = 0; tries < 200; tries++) {
        const own = bySymbol[only ?? rng.int(bySymbol.length)]!
        const room = own.length - bars
        if (room < 0) continue
        const drawn = rng.int(room + 1)
        const first = kind === 'first-bar' ? 0 : kind === 'last-bar' ? room : drawn
        const isEdge = kind === 'first-bar' || kind === 'last-bar'
        // Prices that move need bars around them that stay.
        if (!isEdge && own.length > 2 * MARGIN + bars && (first < MARGIN || first > room - MARGIN)) continue
        const near = own.slice(Math.max(0, first - MARGIN), first + bars + MARGIN)
        if (near.some((row) => taken.has(row))) continue
        for (const row of own.slice(first, first + bars)) taken.add(row)
        at.set(own[first]!, kind)
        return
      }
    }
    for (const kind of this.#each.filter((one) => one === 'first-bar' || one === 'last-bar'))
      place(kind, null)
    for (const { kind, symbol } of once) place(kind, symbol)
    for (const kind of this.#each) if (kind !== 'first-bar' && kind !== 'last-bar') place(kind, null)
    return new Map([...at].sort(([one], [other]) => one - other))
  }

  #rowsOf(day: BarBatch, row: number, kind: Defect): number[] {
    const own = rowsOf(day, day.names.text(day.symbol[row]!) ?? '')
    const from = own.indexOf(row)
    return own.slice(from, from + KINDS[kind].bars)
  }

  /** Flaws that change rows in place. */
  #alter(day: BarBatch, i: number, kind: Defect): void {
    const rows = this.#rowsOf(day, i, kind)
    switch (kind) {
      case 'zero-volume':
        day.volume[i] = 0
        day.trades[i] = 0
        return
      case 'stale':
        // The same bar again and again: what a feed that hangs sends.
        for (const row of rows) {
          for (const column of [day.open, day.high, day.low, day.close, day.vwap]) column[row] = day.open[i]!
          day.volume[row] = day.volume[i]!
          day.trades[row] = day.trades[i]!
        }
        return
      case 'spike':
        day.close[i] = Math.round(day.close[i]! * SPIKE * 100) / 100
        day.high[i] = Math.max(day.high[i]!, day.close[i]!)
        return
      case 'wick':
        day.high[i] = Math.round(day.high[i]! * WICK * 100) / 100
        return
      case 'volume-outlier':
        day.volume[i]! *= VOLUME
        return
      case 'label':
        day.session[i] = SESSIONS.indexOf('eth')
        return
      case 'out-of-order': {
        const [one, other] = [day.time[i]!, day.time[rows[1]!]!]
        day.time[i] = other
        day.time[rows[1]!] = one
        return
      }
      case 'jump':
      case 'split': {
        const symbol = this.#options.symbols.indexOf(day.names.text(day.symbol[i]!) ?? '')
        const factor = kind === 'jump' ? JUMP : SPLIT
        const own = rowsOf(day, this.#options.symbols[symbol]!)
        multiply(day, own.slice(own.indexOf(i)), factor)
        this.#factors[symbol]! *= factor
        return
      }
      default:
        return
    }
  }

  *#written(day: BarBatch, at: ReadonlyMap<number, Defect>): Generator<RecordBlock> {
    const dropped = new Set<number>()
    const doubled = new Set<number>()
    for (const [row, kind] of at) {
      const rows = this.#rowsOf(day, row, kind)
      if (DROPPED.has(kind)) for (const one of rows) dropped.add(one)
      if (kind === 'drift') for (const one of rows) doubled.add(one)
    }
    const out = newBatch(2 * day.length + 1, day.names)
    for (let i = 0; i < day.length; i++) {
      if (dropped.has(i)) continue
      const kind = at.get(i)
      const record = kind === undefined ? null : impossibleRecord(day, i, kind)
      if (record !== null) {
        if (out.length > 0) yield* hand(out)
        yield { kind: 'other', records: [record] }
        continue
      }
      copyRow(day, i, out)
      const last = out.length - 1
      if (kind === 'duplicate' || kind === 'conflict') copyRow(out, last, out)
      if (kind === 'conflict') out.volume[last + 1] = out.volume[last]! + 100
      if (kind === 'off-grid') {
        copyRow(out, last, out)
        out.time[last + 1]! += this.#length / 2
      }
      if (doubled.has(i)) {
        copyRow(out, last, out)
        multiply(out, [last + 1], DRIFT)
        out.source[last + 1] = out.names.id('mock2')
      }
    }
    if (out.length > 0) yield* hand(out)
  }

  /** Rows that stand beside those of the session, in the order of time. */
  *#after(
    day: BarBatch,
    once: readonly { kind: Defect; symbol: number }[],
    session: TradingSession,
  ): Generator<RecordBlock> {
    if (day.length === 0) return
    const length = this.#length
    const out = newBatch(8, day.names)
    const add = (row: number, time: number, label: 'rth' | 'eth'): void => {
      copyRow(day, row, out)
      out.time[out.length - 1] = time
      out.session[out.length - 1] = SESSIONS.indexOf(label)
    }
    const rng = stream(this.#options.seed, 'defects beside', formatDate(session.day))
    const { closeMs } = session
    const told: [Defect, number[]][] = []
    if (this.#each.includes('overlap')) {
      const row = rng.int(day.length)
      const first = closeMs + Math.max(length, 10 * MINUTE)
      add(row, first, 'eth')
      add(row, first + length / 2, 'eth')
      told.push(['overlap', [out.length - 1]])
    }
    if (this.#each.includes('outside-session')) {
      // Beyond the bars that overlap, and before 20:00, when the next session's night begins.
      add(rng.int(day.length), closeMs + 3 * HOUR - Math.max(0, length - HOUR), 'rth')
      told.push(['outside-session', [out.length - 1]])
    }
    for (const { kind, symbol } of once) {
      if (kind === 'unknown-symbol') {
        add(rng.int(day.length), closeMs - length, 'rth')
        out.symbol[out.length - 1] = out.names.id(STRANGER)
        told.push([kind, [out.length - 1]])
      }
      if (kind === 'holiday') {
        const own = rowsOf(day, this.#options.symbols[symbol]!)
        let closed = session.day + 1
        while (sessionOn(closed) !== null) closed++
        const time = length < DAY ? newYorkMidnight(closed) + 12 * HOUR : newYorkMidnight(closed)
        add(own[0] ?? 0, time, 'eth')
        told.push([kind, [out.length - 1]])
      }
    }
    for (const [kind, rows] of told) this.#tell(kind, out, rows)
    if (out.length > 0) yield* hand(out)
  }

  #tell(kind: Defect, batch: BarBatch, rows: readonly number[], lateMs = 0): void {
    const times = rows.map((row) => batch.time[row]! + lateMs)
    this.#options.onDefect?.({
      type: 'defect',
      kind,
      symbol: batch.names.text(batch.symbol[rows[0]!]!) ?? '',
      from: formatTime(Math.min(...times)),
      to: formatTime(Math.max(...times)),
      count: rows.length,
      check: KINDS[kind].check,
    })
  }
}

const DROPPED: ReadonlySet<Defect> = new Set(['missing', 'missing-one', 'first-bar', 'last-bar'])

/** Whether days without a session follow at once, or nothing does. */
function isBeforeClosure(sessions: readonly TradingSession[], at: number): boolean {
  const { day } = sessions[at]!
  return at === sessions.length - 1 || nextSession(day).day > day + 1
}

function rowsOf(day: BarBatch, symbol: string): number[] {
  const id = day.names.id(symbol)
  const rows: number[] = []
  for (let i = 0; i < day.length; i++) if (day.symbol[i] === id) rows.push(i)
  return rows
}

const rounded = (price: number): number => Math.max(1, Math.round(price * 10_000)) / 10_000

function multiply(batch: BarBatch, rows: readonly number[], factor: number): void {
  for (const row of rows) {
    for (const column of [batch.open, batch.high, batch.low, batch.close, batch.vwap])
      column[row] = rounded(column[row]! * factor)
  }
}

/** Moves against those of the other symbol, bar by bar; false where they have too few bars in common. */
function mirror(day: BarBatch, own: readonly number[], others: readonly number[]): boolean {
  const otherAt = new Map(others.map((row) => [day.time[row]!, row]))
  const pairs = own.flatMap((row) => {
    const other = otherAt.get(day.time[row]!)
    return other === undefined ? [] : [[row, other] as const]
  })
  const [first] = pairs
  if (first === undefined || pairs.length < own.length / 2) return false
  const level = day.open[first[0]]! * day.open[first[1]]!
  for (const [row, other] of pairs) {
    day.open[row] = rounded(level / day.open[other]!)
    day.close[row] = rounded(level / day.close[other]!)
    day.high[row] = rounded(level / day.low[other]!)
    day.low[row] = rounded(level / day.high[other]!)
    day.vwap[row] = rounded(level / day.vwap[other]!)
  }
  return true
}

function without(day: BarBatch, dropped: ReadonlySet<number>): BarBatch {
  const kept = newBatch(Math.max(1, day.length), day.names)
  for (let i = 0; i < day.length; i++) if (!dropped.has(i)) copyRow(day, i, kept)
  return kept
}

/** A bar that no batch can hold, as a record of its own; null for the flaws that a batch can. */
function impossibleRecord(day: BarBatch, i: number, defect: Defect): OtherRecord | null {
  const object = impossibleBar(barAt(day, i), defect)
  return object === null ? null : { type: 'bar', line: 0, object, text: JSON.stringify(object) }
}

function impossibleBar(bar: Bar, defect: Defect): JsonObject | null {
  if (defect === 'high-below-low') return { ...bar, high: bar.low, low: bar.high + 0.01 }
  if (defect === 'negative-price') return { ...bar, low: -bar.low }
  if (defect === 'null-price') return { ...bar, close: null }
  if (defect === 'negative-volume') return { ...bar, volume: -(bar.volume ?? 1) }
  return null
}
