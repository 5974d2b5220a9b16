/** Volumes that stand still or stand out: in a row of bars, in one bar, in a session. */

import { NORMAL, roughMedian } from '../base/robust.js'
import type { Day } from './day.js'
import { type History, SESSIONS_NEEDED } from './history.js'
import type { StaleRun, VolumeOutlier } from './seen.js'
import type { Track } from './track.js'

/** Of 20 log volumes the spread is not known well, and a minute with nearly equal ones is chance. */
const LEAST_SPREAD = 0.25 * NORMAL
/** Nor is more than this one: a minute that doubles or halves from day to day is a wild one. */
const MOST_SPREAD = 0.9
/** A volume so many times the middle of its session is looked at. */
const LOOK = 6
/** So often a minute must have been seen: those after an early close are rarer than sessions. */
const MINUTES_NEEDED = 3
/** Less of a session says nothing about its total. */
const WHOLE_ENOUGH = 0.5

/** Runs of at least `bars` bars with one close and one volume; their slots are marked as odd. */
export function staleRuns({ rowOf, isOdd }: Day, { close, volume }: Track, bars: number): StaleRun[] {
  const runs: StaleRun[] = []
  let from = 0
  let before = -1
  const end = (to: number): void => {
    if (to - from + 1 < bars || before < 0) return
    runs.push({ from, to, close: close[before]!, volume: volume[before]! })
    isOdd.fill(1, from, to + 1)
  }
  for (let slot = 0; slot < rowOf.length; slot++) {
    const row = rowOf[slot]!
    if (row >= 0 && before >= 0 && close[row] === close[before] && volume[row] === volume[before]) continue
    end(slot - 1)
    from = slot
    before = row
  }
  end(rowOf.length - 1)
  return runs
}

/** Fills in the volumes of a day and the slots that have none. Returns the middle one; NaN where too little of the day is there. */
export function fillVolumes(day: Day, { volume }: Track): number {
  const { rowOf, isOdd, present, volumes } = day
  const zeros: number[] = []
  for (let slot = 0; slot < rowOf.length; slot++) {
    const row = rowOf[slot]!
    if (row < 0) continue
    const value = volume[row]!
    if (value === 0) zeros.push(slot)
    if (value > 0 && isOdd[slot] === 0) volumes[slot] = value
  }
  day.zeros = zeros
  return present >= WHOLE_ENOUGH * rowOf.length ? roughMedian(volumes) : Number.NaN
}

/** Bars with far more volume than their minute has, at the pace of the day. */
export function volumeOutliers(
  { volumes }: Day,
  { history, level, limit }: { readonly history: History; readonly level: number; readonly limit: number },
): VolumeOutlier[] {
  if (history.volumeSessions < SESSIONS_NEEDED || Number.isNaN(level)) return []
  const pace = Math.log(level / history.level)
  const outliers: VolumeOutlier[] = []
  for (let slot = 0; slot < volumes.length; slot++) {
    const volume = volumes[slot]!
    if (!(volume > LOOK * level)) continue
    const { median: mid, mad, count } = history.volumesAt(slot)
    if (count < MINUTES_NEEDED) continue
    const spread = Math.min(MOST_SPREAD, Math.max(LEAST_SPREAD, NORMAL * mad))
    const z = (Math.log(volume) - mid - pace) / spread
    if (z > limit) outliers.push({ slot, volume, expected: Math.exp(mid + pace), z })
  }
  return outliers
}

/** The mean volume of a session, bars that stand out left aside; NaN where too little of it is there. Takes them out of the day. */
export function meanOf({ volumes, zeros, volumeOutliers: apart, present, slots }: Day): number {
  for (const { slot } of apart) volumes[slot] = Number.NaN
  let sum = 0
  let count = zeros.length
  for (let slot = 0; slot < volumes.length; slot++) {
    if (Number.isNaN(volumes[slot]!)) continue
    sum += volumes[slot]!
    count++
  }
  return count > 0 && present >= WHOLE_ENOUGH * slots ? sum / count : Number.NaN
}

/** The volume of a session against the sessions before, as many bars for as many. */
export function totalOf(
  { slots }: Day,
  { history, mean }: { readonly history: History; readonly mean: number },
): Day['total'] {
  if (history.volumeSessions < SESSIONS_NEEDED || Number.isNaN(mean)) return null
  return { volume: mean * slots, expected: history.meanVolume * slots, ratio: mean / history.meanVolume }
}
