/** Middle values, which a few wild ones do not move. */

/** From the median absolute deviation to the standard deviation of a normal distribution. */
export const NORMAL = 1.4826

export interface Centre {
  readonly median: number
  /** Median of the distances from it. */
  readonly mad: number
  /** Of how many values. */
  readonly count: number
}

/** Work space: these are asked for by the thousand. */
let space = new Float64Array(1024)

/** The middle of values, NaN among them left out; NaN of none. */
export function median(values: ArrayLike<number>): number {
  return middle(gather(values, 1))
}

/** Median and median absolute deviation of every `stride`-th value; NaN values are left out. */
export function centreOf(values: ArrayLike<number>, stride = 1): Centre {
  const count = gather(values, stride)
  const mid = middle(count)
  for (let i = 0; i < count; i++) space[i] = Math.abs(space[i]! - mid)
  return { median: mid, mad: middle(count), count }
}

/** As `centreOf`, of about 130 of the values where there are many. */
export function roughCentreOf(values: ArrayLike<number>): Centre {
  return centreOf(values, roughStride(values))
}

/** As `median`, of as few. */
export function roughMedian(values: ArrayLike<number>): number {
  return middle(gather(values, roughStride(values)))
}

const ROUGH = 130
const roughStride = ({ length }: ArrayLike<number>): number => Math.max(1, Math.floor(length / ROUGH))

function gather(values: ArrayLike<number>, stride: number): number {
  if (values.length > space.length) space = new Float64Array(2 * values.length)
  let count = 0
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i]!
    if (!Number.isNaN(value)) space[count++] = value
  }
  return count
}

/** The middle of the first `count` values of the work space, which change their places. */
function middle(count: number): number {
  if (count === 0) return Number.NaN
  const half = count >> 1
  const upper = select(count, half)
  if (count % 2 === 1) return upper
  let lower = space[0]!
  for (let i = 1; i < half; i++) if (space[i]! > lower) lower = space[i]!
  return (lower + upper) / 2
}

/** The k-th smallest; smaller ones stand before it then. Hoare, "Algorithm 65: find". */
function select(count: number, k: number): number {
  let left = 0
  let right = count - 1
  while (left < right) {
    const pivot = space[k]!
    let i = left
    let j = right
    while (i <= j) {
      while (space[i]! < pivot) i++
      while (space[j]! > pivot) j--
      if (i > j) break
      const kept = space[i]!
      space[i++] = space[j]!
      space[j--] = kept
    }
    if (j < k) left = i
    if (i > k) right = j
  }
  return space[k]!
}
