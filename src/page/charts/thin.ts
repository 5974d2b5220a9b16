/** Fewer points that look the same: what is drawn of a long series. */

/** The fewest points that a thinned series may have: both ends and both extremes. */
export const FEWEST_POINTS = 4

/**
 * Indices, ascending, of at most `most` points of a series: its first and last one, and the lowest and the highest of each of
 * equally long pieces, so that no peak and no trough is lost. Every point where there are no more than that. Values that are no
 * numbers are passed over, save at the ends. Throws a RangeError where `most` is below 4.
 */
export function thinned(values: ArrayLike<number>, most: number): Int32Array {
  if (!(most >= FEWEST_POINTS)) throw new RangeError(`at least ${FEWEST_POINTS} points, not ${most}`)
  const n = values.length
  if (n <= most) return Int32Array.from({ length: n }, (_, k) => k)
  const pieces = Math.floor((most - 2) / 2)
  const kept = new Int32Array(2 * pieces + 2)
  let count = 0
  const keep = (k: number): void => {
    if (k >= 0 && (count === 0 || kept[count - 1]! < k)) kept[count++] = k
  }
  keep(0)
  for (let piece = 0; piece < pieces; piece++) {
    const end = Math.floor(((piece + 1) * n) / pieces)
    let lowest = -1
    let highest = -1
    let low = Number.NaN
    let high = Number.NaN
    for (let k = Math.floor((piece * n) / pieces); k < end; k++) {
      const value = values[k]!
      if (Number.isNaN(value)) continue
      if (lowest < 0 || value < low) {
        low = value
        lowest = k
      }
      if (highest < 0 || value > high) {
        high = value
        highest = k
      }
    }
    keep(Math.min(lowest, highest))
    keep(Math.max(lowest, highest))
  }
  keep(n - 1)
  return kept.slice(0, count)
}
