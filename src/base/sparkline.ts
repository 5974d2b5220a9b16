/** A curve in one line of text. */
const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
/** The same by the ink of the letters, for terminals without Unicode. */
const LETTERS = ['.', ':', '-', '=', '+', '*', '#', '@']

/**
 * At most `width` marks, from the lowest value to the highest in eight steps; each stands for the last value of its stretch.
 * A curve without a rise or a fall is a line of the lowest mark.
 */
export function sparkline(
  values: ArrayLike<number>,
  { width, unicode }: { readonly width: number; readonly unicode: boolean },
): string {
  const marks = unicode ? BLOCKS : LETTERS
  const count = Math.min(width, values.length)
  const shown = Array.from(
    { length: count },
    (_, i) => values[Math.ceil(((i + 1) * values.length) / count) - 1]!,
  )
  const low = Math.min(...shown)
  const range = Math.max(...shown) - low
  return shown
    .map((value) => marks[range === 0 ? 0 : Math.min(7, Math.floor((8 * (value - low)) / range))])
    .join('')
}
