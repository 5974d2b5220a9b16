/** The newest few of many, and how many there were; what is new since somebody last asked. */
export class Recent<T> {
  readonly #most: number
  #items: T[] = []
  #count = 0
  #told = 0

  constructor(most: number) {
    this.#most = most
  }

  get count(): number {
    return this.#count
  }

  /** Newest last. */
  get items(): readonly T[] {
    return this.#items
  }

  add(item: T): void {
    this.#count++
    this.#items.push(item)
    if (this.#items.length > this.#most) this.#items.shift()
  }

  clear(): void {
    this.#items = []
    this.#count = 0
    this.#told = 0
  }

  /** Those since the last call, oldest first; null where more came than are kept. */
  fresh(): readonly T[] | null {
    const fresh = this.#count - this.#told
    this.#told = this.#count
    if (fresh === 0) return []
    return fresh > this.#items.length ? null : this.#items.slice(-fresh)
  }
}
