/** A curve in several lines of text: braille dots, two by four a letter, or plain marks where a terminal has no Unicode. */

/** Bits of the dots of a letter by column and row (Unicode Standard, block Braille Patterns). */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const
const EMPTY = 0x2800

export interface PlotSize {
  /** Letters a line, and lines. */
  readonly width: number
  readonly height: number
  readonly unicode: boolean
}

/** How a curve is drawn. */
export interface PlotStyle extends PlotSize {
  /** The lowest and the highest value of the picture; those of the curve without it. */
  readonly range?: readonly [low: number, high: number]
  /** From the curve down to the lowest line, or up to the highest. */
  readonly fill?: 'below' | 'above'
}

/**
 * The curve from its first value at the left to its last at the right: each column of dots spans all values of its stretch, so that
 * no peak is lost. Values that are not finite are left out. As many lines as the height, each as wide as the width.
 */
export function plot(
  values: ArrayLike<number>,
  { width, height, unicode, range, fill }: PlotStyle,
): string[] {
  const [across, down] = unicode ? [2, 4] : [1, 1]
  const columns = width * across
  const rows = height * down
  const [low, high] = range ?? extent(values)
  const cells = new Uint8Array(width * height)
  const rowOf = (value: number): number => {
    const share = high > low ? (value - low) / (high - low) : 0
    return rows - 1 - Math.round(Math.min(1, Math.max(0, share)) * (rows - 1))
  }
  let last: number | null = null
  for (let x = 0; x < columns; x++) {
    const from = Math.floor((x * values.length) / columns)
    const to = Math.max(from + 1, Math.floor(((x + 1) * values.length) / columns))
    const [least, most] = extent(values, from, Math.min(to, values.length))
    if (least > most) continue
    let top = rowOf(most)
    let bottom = rowOf(least)
    // A jump between two stretches is a line, not two points.
    if (last !== null && last < top) top = last
    else if (last !== null && last > bottom) bottom = last
    last = rowOf(values[Math.min(to, values.length) - 1]!)
    if (fill === 'below') bottom = rows - 1
    if (fill === 'above') top = 0
    for (let y = top; y <= bottom; y++) {
      const cell = Math.floor(y / down) * width + Math.floor(x / across)
      cells[cell] = cells[cell]! | (unicode ? DOTS[x % 2]![y % 4]! : 1)
    }
  }
  return Array.from({ length: height }, (_, y) =>
    Array.from(cells.subarray(y * width, (y + 1) * width), (bits) =>
      unicode ? String.fromCharCode(EMPTY + bits) : bits === 0 ? ' ' : '*',
    ).join(''),
  )
}

/** The smallest and the largest finite value; infinities the wrong way round where there is none. */
function extent(values: ArrayLike<number>, from = 0, to = values.length): [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = from; i < to; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}
