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

/** A course of any length in bounded memory: every so many values one is kept, and more are left out as it grows. */
export class Course {
  readonly #most: number
  readonly #kept: number[] = []
  #every = 1
  #seen = 0
  #last = Number.NaN

  /** `most` is even. */
  constructor(most: number) {
    this.#most = most
  }

  add(value: number): void {
    this.#last = value
    if (this.#seen++ % this.#every !== 0) return
    this.#kept.push(value)
    if (this.#kept.length <= this.#most) return
    // The first of each pair stays, so that what stays is as far apart as before, twice.
    let to = 0
    for (let from = 0; from < this.#kept.length; from += 2) this.#kept[to++] = this.#kept[from]!
    this.#kept.length = to
    this.#every *= 2
  }

  /** Up to `count` of the values, the first and the last among them. */
  values(count: number): number[] {
    const all = this.#seen === 0 ? [] : [...this.#kept, this.#last]
    if (all.length <= count) return all
    return Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))]!)
  }
}
