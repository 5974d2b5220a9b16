/**
 * A course of any length in bounded memory, its extremes kept: stretches of equal count, each with its lowest and highest value and
 * when they were; two neighbours become one when there are too many.
 */
export class Thinned {
  readonly #most: number
  readonly #lowAt: Float64Array
  readonly #low: Float64Array
  readonly #highAt: Float64Array
  readonly #high: Float64Array
  #stretches = 0
  #every = 1
  #inLast = 0
  #count = 0
  #lastAt = Number.NaN
  #last = Number.NaN

  /** `most` stretches, an even number. */
  constructor(most = 1024) {
    this.#most = most
    this.#lowAt = new Float64Array(most)
    this.#low = new Float64Array(most)
    this.#highAt = new Float64Array(most)
    this.#high = new Float64Array(most)
  }

  /** Values taken. */
  get count(): number {
    return this.#count
  }

  get last(): number {
    return this.#last
  }

  get lastAt(): number {
    return this.#lastAt
  }

  clear(): void {
    this.#stretches = 0
    this.#every = 1
    this.#inLast = 0
    this.#count = 0
    this.#lastAt = Number.NaN
    this.#last = Number.NaN
  }

  /** `at` does not decrease; the value is finite. */
  add(at: number, value: number): void {
    this.#count++
    this.#lastAt = at
    this.#last = value
    if (this.#stretches === 0 || this.#inLast === this.#every) {
      if (this.#stretches === this.#most) this.#halve()
      const i = this.#stretches++
      this.#inLast = 1
      this.#lowAt[i] = at
      this.#low[i] = value
      this.#highAt[i] = at
      this.#high[i] = value
      return
    }
    const i = this.#stretches - 1
    this.#inLast++
    if (value < this.#low[i]!) {
      this.#low[i] = value
      this.#lowAt[i] = at
    }
    if (value > this.#high[i]!) {
      this.#high[i] = value
      this.#highAt[i] = at
    }
  }

  /** At most twice the stretches and one: the lowest and the highest of each in the order of time, and the last. */
  points(): { readonly at: number[]; readonly value: number[] } {
    const at: number[] = []
    const value: number[] = []
    const put = (time: number, one: number) => {
      at.push(time)
      value.push(one)
    }
    for (let i = 0; i < this.#stretches; i++) {
      const [low, high] = [this.#lowAt[i]!, this.#highAt[i]!]
      if (low <= high) put(low, this.#low[i]!)
      if (low !== high) put(high, this.#high[i]!)
      if (low > high) put(low, this.#low[i]!)
    }
    if (this.#count > 0 && at.at(-1) !== this.#lastAt) put(this.#lastAt, this.#last)
    return { at, value }
  }

  #halve(): void {
    const half = this.#most / 2
    for (let i = 0; i < half; i++) {
      const [a, b] = [2 * i, 2 * i + 1]
      const low = this.#low[b]! < this.#low[a]! ? b : a
      const high = this.#high[b]! > this.#high[a]! ? b : a
      this.#lowAt[i] = this.#lowAt[low]!
      this.#low[i] = this.#low[low]!
      this.#highAt[i] = this.#highAt[high]!
      this.#high[i] = this.#high[high]!
    }
    this.#stretches = half
    this.#every *= 2
    this.#inLast = this.#every
  }
}
