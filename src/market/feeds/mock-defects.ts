/** Flaws in generated data, for testing validators: one of each kind a session, at places drawn from a stream of their own. */
import { type Rng, stream } from '../../base/rng.js'
import { formatDate, formatTime, HOUR } from '../../base/time.js'
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
import type { TradingSession } from '../calendar.js'
import { hand, type OtherRecord, type RecordBlock } from '../reading.js'

/** Flaws that `defects` puts into each session, one of each. The last three stand in records that no bar can hold. */
export const DEFECTS = [
  'duplicate',
  'conflict',
  'out-of-order',
  'missing',
  'zero-volume',
  'stale',
  'spike',
  'outside-session',
  'high-below-low',
  'negative-price',
  'null-price',
] as const
type Defect = (typeof DEFECTS)[number]

export interface DefectOptions {
  readonly seed: number
  readonly interval: Interval
  /** Told of each defect as it is put in; `time` is the start of the bar it was put on. */
  readonly onDefect?: (kind: Defect, symbol: string, time: string) => void
}

const STALE_BARS = 10
const MISSING_BARS = 15

/** The rows of a session with one defect of each kind, at places drawn from a stream of their own. */
export function* withDefects(
  day: BarBatch,
  session: TradingSession,
  { seed, interval, onDefect }: DefectOptions,
): Generator<RecordBlock> {
  const at = placeDefects(day, stream(seed, 'defects', formatDate(session.day)))
  for (const [row, kind] of at) {
    onDefect?.(kind, day.names.text(day.symbol[row]!) ?? '', formatTime(day.time[row]!))
    alter(day, row, kind)
  }
  const dropped = new Set<number>()
  const out = newBatch(day.length + DEFECTS.length, day.names)
  for (let i = 0; i < day.length; i++) {
    const kind = at.get(i)
    const record = kind === undefined ? null : impossibleRecord(day, i, kind)
    if (kind === 'missing') for (const row of run(day, i, MISSING_BARS)) dropped.add(row)
    if (dropped.has(i)) continue
    if (record !== null) {
      if (out.length > 0) yield* hand(out)
      yield { kind: 'other', records: [record] }
      continue
    }
    copyRow(day, i, out)
    if (kind !== undefined) add(out, kind, session, intervalMs(interval))
  }
  if (out.length > 0) yield* hand(out)
}

/** Rows by the defect they get, one each; no defect falls into the run of another. */
function placeDefects(day: BarBatch, rng: Rng): Map<number, Defect> {
  const at = new Map<number, Defect>()
  const taken = new Set<number>()
  for (const kind of DEFECTS) {
    const length = kind === 'stale' ? STALE_BARS : kind === 'missing' ? MISSING_BARS : 1
    // A session too short for all of them gets what fits.
    for (let tries = 0; tries < 100; tries++) {
      const row = rng.int(day.length)
      // An earlier row of the symbol stands in between, so that out of order is visible.
      const rows = [...run(day, row, length), ...(kind === 'out-of-order' ? [previousRow(day, row)] : [])]
      if (rows.length < length || rows.some((each) => each < 0 || taken.has(each))) continue
      for (const each of rows) taken.add(each)
      at.set(row, kind)
      break
    }
  }
  return at
}

/** Up to `count` rows of one symbol from row `i` on. */
function run(day: BarBatch, i: number, count: number): number[] {
  const rows: number[] = []
  for (let k = i; k < day.length && rows.length < count; k++) {
    if (day.symbol[k] === day.symbol[i]) rows.push(k)
  }
  return rows
}

/** The row before `i` with the same symbol, or -1. */
function previousRow(day: BarBatch, i: number): number {
  let k = i - 1
  while (k >= 0 && day.symbol[k] !== day.symbol[i]) k--
  return k
}

/** Defects that change rows in place. */
function alter(day: BarBatch, i: number, kind: Defect): void {
  switch (kind) {
    case 'zero-volume':
      day.volume[i] = 0
      day.trades[i] = 0
      return
    case 'stale':
      // The same price again and again: what a feed that hangs sends.
      for (const row of run(day, i, STALE_BARS)) {
        for (const column of [day.open, day.high, day.low, day.close, day.vwap]) column[row] = day.open[i]!
      }
      return
    case 'spike':
      day.high[i] = Math.round(day.high[i]! * 120) / 100
      return
    case 'out-of-order':
      swapTimes(day, i, previousRow(day, i))
      return
    default:
      return
  }
}

/** Defects that add a row after the last one of `out`. */
function add(out: BarBatch, kind: Defect, session: TradingSession, length: number): void {
  const last = out.length - 1
  switch (kind) {
    case 'duplicate':
      copyRow(out, last, out)
      return
    case 'conflict':
      copyRow(out, last, out)
      out.volume[last + 1] = out.volume[last]! + 100
      return
    case 'outside-session':
      copyRow(out, last, out)
      out.time[last + 1] = session.closeMs + HOUR - length
      out.session[last + 1] = SESSIONS.indexOf('eth')
      return
    default:
      return
  }
}

function swapTimes(batch: BarBatch, i: number, j: number): void {
  const time = batch.time[i]!
  batch.time[i] = batch.time[j]!
  batch.time[j] = time
}

/** A bar that no batch can hold, as a record of its own; null for the defects that a batch can. */
function impossibleRecord(day: BarBatch, i: number, defect: Defect): OtherRecord | null {
  const object = impossibleBar(barAt(day, i), defect)
  return object === null ? null : { type: 'bar', line: 0, object, text: JSON.stringify(object) }
}

function impossibleBar(bar: Bar, defect: Defect): JsonObject | null {
  if (defect === 'high-below-low') return { ...bar, high: bar.low, low: bar.high + 0.01 }
  if (defect === 'negative-price') return { ...bar, low: -bar.low }
  if (defect === 'null-price') return { ...bar, close: null }
  return null
}
