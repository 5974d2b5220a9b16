/** One bar from several sources: whose bars a day is made of, and whether the sources agree. */

import { median } from '../base/robust.js'
import { HOUR } from '../base/time.js'
import { allowedBetween, FEWEST_COMMON } from '../market/feeds/cross-check.js'
import type { Track } from './track.js'

/** The source of most rows of [from, to), and whether there is another one. */
export function mainSource(
  track: Track,
  from: number,
  to: number,
): { readonly id: number; readonly isMixed: boolean } {
  const { source } = track
  const first = source[from]!
  let isMixed = false
  for (let row = from + 1; row < to && !isMixed; row++) isMixed = source[row] !== first
  if (!isMixed) return { id: first, isMixed }
  const counts = new Map<number, number>()
  for (let row = from; row < to; row++) counts.set(source[row]!, (counts.get(source[row]!) ?? 0) + 1)
  let id = first
  for (const [other, count] of counts) if (count > counts.get(id)!) id = other
  return { id, isMixed }
}

/** How far two sources lie apart in the bars that both have. */
export interface Drift {
  readonly source: string | null
  readonly other: string | null
  readonly shared: number
  readonly fromMs: number
  readonly toMs: number
  /** The middle of the differences of the closes, in dollars, and what may lie between sources. */
  readonly difference: number
  readonly allowed: number
  /** What the difference looks like: a ratio, a shift in time; null for neither. */
  readonly likeness: string | null
  /** One source moved in time is the other: calm prices may stand within what is allowed all the same. */
  readonly isShifted: boolean
}

interface Choice {
  readonly from: number
  readonly to: number
  readonly main: number
  readonly sourceName: (id: number) => string | null
}

/** Every other source of the rows [from, to), which stand in the order of time, against the main one, where enough is shared. */
export function driftsOf(track: Track, { from, to, main, sourceName }: Choice): Drift[] {
  const bySource = new Map<number, Map<number, number>>()
  for (let row = from; row < to; row++) {
    const source = track.source[row]!
    const closes = bySource.get(source) ?? new Map<number, number>()
    bySource.set(source, closes)
    closes.set(track.time[row]!, track.close[row]!)
  }
  const own = bySource.get(main)!
  const drifts: Drift[] = []
  for (const [id, closes] of bySource) {
    if (id === main) continue
    const times = [...closes.keys()].filter((time) => own.has(time))
    if (times.length < FEWEST_COMMON) continue
    const apart = distance(own, closes, { shiftMs: 0, times: 1 })
    const allowed = allowedBetween(times.map((time) => own.get(time)!))
    drifts.push({
      ...{ source: sourceName(main), other: sourceName(id), shared: times.length },
      ...{ fromMs: times[0]!, toMs: times.at(-1)!, difference: apart, allowed },
      ...likenessOf(own, closes, { lengthMs: track.lengthMs, apart, allowed }),
    })
  }
  return drifts
}

/** The middle of the distances, once the other source is moved in time and multiplied. Infinite where too little is shared. */
function distance(
  own: ReadonlyMap<number, number>,
  other: ReadonlyMap<number, number>,
  { shiftMs, times }: { readonly shiftMs: number; readonly times: number },
): number {
  const distances: number[] = []
  for (const [time, close] of other) {
    const mine = own.get(time + shiftMs)
    if (mine !== undefined) distances.push(Math.abs(mine - close * times))
  }
  return distances.length < FEWEST_COMMON ? Number.POSITIVE_INFINITY : median(distances)
}

function likenessOf(
  own: ReadonlyMap<number, number>,
  other: ReadonlyMap<number, number>,
  {
    lengthMs,
    apart,
    allowed,
  }: { readonly lengthMs: number; readonly apart: number; readonly allowed: number },
): Pick<Drift, 'likeness' | 'isShifted'> {
  if (apart < TELLING) return { likeness: null, isShifted: false }
  const shifts = [
    ...[HOUR, -HOUR].map((shiftMs) => ({ shiftMs, words: '60 minutes apart: another time zone?' })),
    ...[lengthMs, -lengthMs].map((shiftMs) => ({
      shiftMs,
      words: 'one bar apart: labelled by its end in one of them?',
    })),
  ]
  for (const { shiftMs, words } of shifts) {
    if (distance(own, other, { shiftMs, times: 1 }) <= LEFT * apart)
      return { likeness: words, isShifted: true }
  }
  const ratios: number[] = []
  for (const [time, close] of other) {
    const mine = own.get(time)
    if (mine !== undefined) ratios.push(mine / close)
  }
  const ratio = median(ratios)
  const isRatio = apart > allowed && distance(own, other, { shiftMs: 0, times: ratio }) <= allowed
  const words = `a constant ratio of ${Number(ratio.toPrecision(5))}: adjusted in one of them?`
  return { likeness: isRatio ? words : null, isShifted: false }
}

/** Dollars apart from which a shift can be told, and what of that a shift leaves. */
const TELLING = 0.02
const LEFT = 0.1
