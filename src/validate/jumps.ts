/**
 * Moves that prices do not make, by the spread that returns of the same minute had in the sessions before. One jump is one thing: a
 * spike goes and comes back, a split stays near one nth of what was, and what is neither is an outlier.
 */

import { median, NORMAL } from '../base/robust.js'
import type { Split } from '../market/splits.js'
import { splitOf } from '../market/splits.js'
import type { Day } from './day.js'
import { FEW, type History, SESSIONS_NEEDED } from './history.js'
import type { Jump } from './seen.js'
import type { Track } from './track.js'

export interface JumpLimits {
  readonly spike: number
  readonly outlier: number
  /** The largest tolerated part between a level after a split and one nth of that before. */
  readonly split: number
}

/** The last bar of the session before. */
export interface Before {
  readonly day: number
  readonly close: number
}

/** A tick: below it no price differs. */
const TICK = 0.01
/** Of the usual spread of a session, the least that is believed of one minute: 20 returns say little about it. */
const LEAST_PART = 1
/** Bars that a spike may last, and that a level must stand to be one. */
const SPIKE_BARS = 3
const LEVEL_BARS = 5
/** What is left of a spike that came back, as a part of it. */
const LEFT = 0.3
/** Moves in log units that could be a split at all. */
const SPLIT_MOVE = Math.log(1.4)

/** Over more slots a price may have gone anywhere: a bar is held against its open then, as the first one is. */
const SHORT_GAP = 5

/** Fills in the returns of a day: closes against closes, within the session. */
export function fillReturns(day: Day, { open, close }: Track): void {
  const { rowOf, returns, steps } = day
  let before = -1
  for (let slot = 0; slot < rowOf.length; slot++) {
    const row = rowOf[slot]!
    if (row < 0) continue
    const isFirst = before < 0 || slot - before > SHORT_GAP
    returns[slot] = close[row]! / (isFirst ? open[row]! : close[rowOf[before]!]!) - 1
    steps[slot] = isFirst ? 1 : slot - before
    before = slot
  }
}

/** Of a day that has been judged: takes out the returns that teach nothing. */
export function settleReturns({ returns, steps, isOdd }: Day): void {
  for (let slot = 0; slot < returns.length; slot++)
    if (isOdd[slot] === 1 || steps[slot]! > 1) returns[slot] = Number.NaN
}

const NO_JUMPS: readonly Jump[] = []

/** Whether no return is larger than `small` and no high or low further than `bound` from its own bar: as on most days. */
function isCalm(
  { rowOf, returns }: Day,
  { open, high, low, close }: Track,
  { small, bound }: { readonly small: number; readonly bound: number },
): boolean {
  let before = -1
  for (let slot = 0; slot < rowOf.length; slot++) {
    const row = rowOf[slot]!
    if (row < 0) continue
    if (Math.abs(returns[slot]!) > small) return false
    const from = before < 0 ? open[row]! : close[before]!
    const top = Math.max(close[row]!, from)
    const bottom = Math.min(close[row]!, from)
    if (!(high[row]! <= top * bound && low[row]! >= bottom / bound)) return false
    before = row
  }
  return true
}

/** The jumps of a day, and marks their slots as odd. */
export function jumpsOf(
  day: Day,
  track: Track,
  {
    history,
    before,
    limits,
  }: { readonly history: History; readonly before: Before | null; readonly limits: JumpLimits },
): readonly Jump[] {
  const isKnown = history.sessions >= SESSIONS_NEEDED
  // NaN where a session has too few bars to measure itself by: then nothing is larger.
  const usual = isKnown ? history.spread : day.slots < FEW ? Number.NaN : NORMAL * day.spread
  const first = day.rowOf.findIndex((row) => row >= 0)
  if (first < 0) return NO_JUMPS
  const price = track.close[day.rowOf[first]!]!
  const least = Math.max(LEAST_PART * usual, TICK / price)
  // Most moves are small beside the least spread that could be: they cost no look at the sessions before.
  const small = 0.5 * Math.min(limits.spike, limits.outlier) * least
  const night = before === null ? null : overnight(day, track, { before, first, tolerance: limits.split })
  const bound = Math.exp(limits.spike * least)
  if (night === null && isCalm(day, track, { small, bound })) return NO_JUMPS
  const { returns, steps, rowOf, isOdd } = day
  const slots = new Int32Array(day.present)
  for (let slot = first, k = 0; slot < rowOf.length; slot++) if (rowOf[slot]! >= 0) slots[k++] = slot
  const scaleAt = (slot: number): { readonly mid: number; readonly sd: number } => {
    const { median: mid, mad, count } = isKnown ? history.returnsAt(slot) : { median: 0, mad: 0, count: 0 }
    if (count < SESSIONS_NEEDED) return { mid: 0, sd: Math.max(usual, TICK / price) }
    return { mid, sd: Math.max(NORMAL * mad, least) }
  }
  const z = (slot: number): number => {
    const { mid, sd } = scaleAt(slot)
    return (returns[slot]! - mid) / (sd * Math.sqrt(steps[slot]!))
  }
  const jumps: Jump[] = []
  const found = (jump: Jump): void => {
    jumps.push(jump)
    for (let slot = jump.from; slot <= jump.to; slot++) isOdd[slot] = 1
    // The way back is part of it.
    if (jump.kind === 'spike' && jump.to + 1 < isOdd.length) isOdd[jump.to + 1] = 1
  }
  if (night !== null) found(night)
  for (let k = 0; k < slots.length; k++) {
    const slot = slots[k]!
    if (!(Math.abs(returns[slot]!) > small) || (isOdd[slot] === 1 && k > 0)) continue
    const score = z(slot)
    const size = Math.abs(score)
    if (!(size > Math.min(limits.spike, limits.outlier))) continue
    const end = size > limits.spike ? backAt(slots, k, { returns, z, limit: limits.spike }) : -1
    if (end > 0) {
      const move = returns[slot]!
      found({ kind: 'spike', from: slot, to: slots[end - 1]!, move, z: score, detail: 'close' })
      k = end
      continue
    }
    const split = k === 0 ? null : levelShift(track, { rowOf, slots, k, tolerance: limits.split })
    if (split !== null) {
      found({ kind: 'split', from: slot, to: slot, move: returns[slot]!, z: null, detail: split })
      continue
    }
    if (isKnown && size > limits.outlier && isOdd[slot] === 0) {
      found({
        ...{ kind: 'return-outlier', from: slot, to: slot, z: score, detail: '' },
        move: returns[slot]!,
      })
    }
  }
  // The bar of a day has no neighbours in its session.
  if (slots.length > 1) wicks(day, track, { slots, scaleAt, bound, limit: limits.spike, found })
  return jumps.sort((one, other) => one.from - other.from)
}

/** The place in `slots` at which a move that begins at `k` has come back; -1 where it has not. */
function backAt(
  slots: Int32Array,
  k: number,
  {
    returns,
    z,
    limit,
  }: { readonly returns: Float64Array; readonly z: (slot: number) => number; readonly limit: number },
): number {
  const first = returns[slots[k]!]!
  let level = 1 + first
  for (let next = k + 1; next < slots.length && next <= k + SPIKE_BARS; next++) {
    const slot = slots[next]!
    level *= 1 + returns[slot]!
    const isBack = Math.abs(level - 1) <= LEFT * Math.abs(first)
    if (isBack && Math.abs(z(slot)) > limit && returns[slot]! * first < 0) return next
  }
  return -1
}

/** A night after which prices stand near one nth, or n times, of what they were. */
function overnight(
  { rowOf, day }: Day,
  { open, close }: Track,
  {
    before,
    first,
    tolerance,
  }: { readonly before: Before; readonly first: number; readonly tolerance: number },
): Jump | null {
  if (day - before.day > LONGEST_DAYS) return null
  const ratio = open[rowOf[first]!]! / before.close
  const split = splitLike(ratio, tolerance)
  if (split === null) return null
  const rows = rowOf.filter((row) => row >= 0).subarray(0, LEVEL_BARS)
  const level = median(Array.from(rows, (row) => close[row]!)) / before.close
  if (splitLike(level, tolerance) === null) return null
  return { kind: 'split', from: first, to: first, move: ratio - 1, z: null, detail: split }
}

/** Over a longer hole a price may have gone anywhere. */
const LONGEST_DAYS = 10

function levelShift(
  { close }: Track,
  {
    rowOf,
    slots,
    k,
    tolerance,
  }: {
    readonly rowOf: Int32Array
    readonly slots: Int32Array
    readonly k: number
    readonly tolerance: number
  },
): string | null {
  const before = median(closesOf(slots.subarray(Math.max(0, k - LEVEL_BARS), k), { rowOf, close }))
  const after = median(closesOf(slots.subarray(k, k + LEVEL_BARS), { rowOf, close }))
  return splitLike(after / before, tolerance)
}

const closesOf = (
  slots: Int32Array,
  { rowOf, close }: { readonly rowOf: Int32Array; readonly close: Float64Array },
): number[] => Array.from(slots, (slot) => close[rowOf[slot]!]!)

/** `10-for-1` for a price ratio near 1/10; null for a move of the market. */
function splitLike(ratio: number, tolerance: number): Split['ratio'] | null {
  if (Math.abs(Math.log(ratio)) < SPLIT_MOVE) return null
  const split = splitOf(ratio)
  if (split === null) return null
  const [shares = 1, of = 1] = split.ratio.split('-for-').map(Number)
  return Math.abs((ratio * shares) / of - 1) <= tolerance ? split.ratio : null
}

/** Highs and lows, and opens, that stand out of their own bar and both its neighbours, and leave no trace in the closes. */
function wicks(
  { rowOf, isOdd }: Day,
  { open, high, low, close }: Track,
  {
    slots,
    scaleAt,
    bound,
    limit,
    found,
  }: {
    readonly slots: Int32Array
    readonly scaleAt: (slot: number) => { readonly sd: number }
    readonly bound: number
    readonly limit: number
    readonly found: (jump: Jump) => void
  },
): void {
  for (let k = 0; k < slots.length; k++) {
    const row = rowOf[slots[k]!]!
    const prior = k > 0 ? rowOf[slots[k - 1]!]! : -1
    const next = k + 1 < slots.length ? rowOf[slots[k + 1]!]! : -1
    // A first bar has only its open to come from.
    const from = prior < 0 ? open[row]! : close[prior]!
    let top = Math.max(close[row]!, from)
    let bottom = Math.min(close[row]!, from)
    if (high[row]! <= top * bound && low[row]! >= bottom / bound) continue
    for (const other of [prior, next]) {
      if (other < 0) continue
      top = Math.max(top, high[other]!)
      bottom = Math.min(bottom, low[other]!)
    }
    const slot = slots[k]!
    if (isOdd[slot] === 1) continue
    const up = Math.log(high[row]! / top)
    const down = Math.log(bottom / low[row]!)
    const size = Math.max(up, down)
    const { sd } = scaleAt(slot)
    if (!(size > limit * sd)) continue
    const move = up >= down ? high[row]! / top - 1 : low[row]! / bottom - 1
    found({ kind: 'spike', from: slot, to: slot, move, z: size / sd, detail: up >= down ? 'high' : 'low' })
  }
}
