/**
 * Bars of two sources held against each other where both have one. Volumes are not compared: vendors count different trades.
 * What is found is told and never mended: nobody knows which of two sources is right.
 */
import { median } from '../../base/robust.js'
import { HOUR } from '../../base/time.js'
import type { BarBatch } from '../bar.js'

/** Fewer common bars say nothing. */
export const FEWEST_COMMON = 30

export type Agreement =
  /** Too few common bars for a judgement, or the same prices. */
  | { readonly kind: 'few'; readonly common: number }
  | { readonly kind: 'same'; readonly common: number }
  /** Closes that differ: the median difference in dollars. */
  | { readonly kind: 'drift'; readonly common: number; readonly dollars: number }
  /** The second has so many times the prices of the first: they are adjusted for other things. */
  | { readonly kind: 'ratio'; readonly common: number; readonly ratio: number }
  /** The second has the same prices so many milliseconds later. */
  | { readonly kind: 'shift'; readonly common: number; readonly ms: number }

const CENTS = 0.02
const PART = 5e-4

/** Median differences up to this are no difference between closes like these: two cents, or five hundredths of a percent. */
export const allowedBetween = (closes: readonly number[]): number => Math.max(CENTS, PART * median(closes))

/** A shift is one where prices lie so many times nearer to each other than without. */
const NEARER = 4
/** A ratio is constant where nine in ten bars lie nearer to it than this part of its distance from 1. */
const CONSTANT = 0.2
const MOST = 0.9

/** Compares two lists of rows of one symbol and interval, each in the order of time. */
export function agreement(one: BarBatch, other: BarBatch, lengthMs: number): Agreement {
  const there = pairs(one, other, 0)
  const common = there.length
  const shifts = [HOUR, -HOUR, lengthMs, -lengthMs].map((ms) => ({ ms, of: pairs(one, other, ms) }))
  const differences = there.map(([a, b]) => Math.abs(a - b))
  const dollars = common === 0 ? Number.POSITIVE_INFINITY : median(differences)
  for (const { ms, of } of shifts) {
    if (of.length < FEWEST_COMMON) continue
    const shifted = median(of.map(([a, b]) => Math.abs(a - b)))
    if (shifted * NEARER < dollars && shifted <= limitOf(of)) return { kind: 'shift', common: of.length, ms }
  }
  if (common < FEWEST_COMMON) return { kind: 'few', common }
  if (dollars <= limitOf(there)) return { kind: 'same', common }
  const ratios = there.map(([a, b]) => b / a)
  const ratio = median(ratios)
  const spread = quantile(
    ratios.map((each) => Math.abs(each - ratio)),
    MOST,
  )
  if (spread < CONSTANT * Math.abs(ratio - 1)) return { kind: 'ratio', common, ratio }
  return { kind: 'drift', common, dollars }
}

/** What two sources do not agree on, in words; null where they do, as far as is known. */
export function agreementWords(found: Agreement, one: string, other: string): string | null {
  switch (found.kind) {
    case 'few':
    case 'same':
      return null
    case 'drift':
      return `closes of ${other} lie ${found.dollars.toFixed(3)} dollars from those of ${one}, the median of ${found.common} bars`
    case 'ratio':
      return `prices of ${other} are ${Number(found.ratio.toPrecision(5))} times those of ${one} in ${found.common} bars: adjusted for something else?`
    case 'shift':
      return `bars of ${other} lie ${Math.abs(found.ms) / 60_000} minutes ${found.ms > 0 ? 'after' : 'before'} those of ${one}: ${
        Math.abs(found.ms) === HOUR ? 'stamps of another time zone?' : 'stamps of the end of a bar?'
      }`
  }
}

const limitOf = (of: readonly (readonly [number, number])[]): number => allowedBetween(of.map(([a]) => a))

/** Closes of bars whose starts lie `ms` apart. */
function pairs(one: BarBatch, other: BarBatch, ms: number): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = []
  let j = 0
  for (let i = 0; i < one.length; i++) {
    const wanted = one.time[i]! + ms
    while (j < other.length && other.time[j]! < wanted) j++
    if (j < other.length && other.time[j] === wanted) found.push([one.close[i]!, other.close[j]!])
  }
  return found
}

const quantile = (values: readonly number[], part: number): number =>
  Float64Array.from(values).sort()[Math.floor(part * (values.length - 1))]!
