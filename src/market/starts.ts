/**
 * The starts of the bars of one symbol and interval, in whatever order they come, to tell which bars overlap. Exact, and bounded
 * by the time that they span instead of by their number: a bit for each interval of it, in blocks that are made when needed. Ten
 * years of minutes take 0.7 MB; a row costs one comparison and one bit where rows come in order, a few more where they do not.
 */
import { HOUR } from '../base/time.js'
import { overlaps } from './grid.js'

const CELLS = 4096

interface Block {
  readonly bits: Uint8Array
  /** Milliseconds from the start of a cell to the start of its bar, of those that `odd` does not know. */
  readonly phase: number
  /** Bars of another phase, by cell. */
  odd: Map<number, number> | null
}

/** Grows with the span of time, 1 bit an interval. */
export class Starts {
  readonly #lengthMs: number
  /** No two bars that keep apart begin in one cell: hours are cut at half hours. */
  readonly #cellMs: number
  readonly #reach: number
  readonly #blocks = new Map<number, Block>()
  #known = Number.NaN
  #block: Block | undefined
  #newest = Number.NEGATIVE_INFINITY

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
    this.#cellMs = lengthMs === HOUR ? HOUR / 2 : lengthMs
    this.#reach = lengthMs / this.#cellMs
  }

  /** The start of a bar that shares time with this one, which is then left out; NaN where there is none. One that is there already is none. */
  add(timeMs: number): number {
    const cell = Math.floor(timeMs / this.#cellMs)
    if (timeMs - this.#newest < this.#lengthMs) {
      for (let at = cell - this.#reach; at <= cell + this.#reach; at++) {
        const other = this.#startIn(at)
        if (other === timeMs) return Number.NaN
        if (!Number.isNaN(other) && overlaps(other, timeMs, this.#lengthMs)) return other
      }
    }
    if (timeMs > this.#newest) this.#newest = timeMs
    this.#enter(cell, timeMs - cell * this.#cellMs)
    return Number.NaN
  }

  /** Whether a bar begins at this instant. */
  has(timeMs: number): boolean {
    return this.#startIn(Math.floor(timeMs / this.#cellMs)) === timeMs
  }

  /** The starts in [from, to), in the order of time. */
  within(fromMs: number, toMs: number): number[] {
    const found: number[] = []
    for (let cell = Math.floor(fromMs / this.#cellMs); cell * this.#cellMs < toMs; cell++) {
      const start = this.#startIn(cell)
      if (start >= fromMs && start < toMs) found.push(start)
    }
    return found
  }

  #startIn(cell: number): number {
    const block = this.#blockOf(cell)
    const at = cell - Math.floor(cell / CELLS) * CELLS
    if (block === undefined || (block.bits[at >> 3]! & (1 << (at & 7))) === 0) return Number.NaN
    return cell * this.#cellMs + (block.odd?.get(at) ?? block.phase)
  }

  #blockOf(cell: number): Block | undefined {
    const number = Math.floor(cell / CELLS)
    if (number !== this.#known) {
      this.#known = number
      this.#block = this.#blocks.get(number)
    }
    return this.#block
  }

  #enter(cell: number, phase: number): void {
    let block = this.#blockOf(cell)
    if (block === undefined) {
      block = { bits: new Uint8Array(CELLS / 8), phase, odd: null }
      this.#block = block
      this.#blocks.set(this.#known, block)
    }
    const at = cell - this.#known * CELLS
    block.bits[at >> 3]! |= 1 << (at & 7)
    if (phase !== block.phase) {
      block.odd ??= new Map()
      block.odd.set(at, phase)
    }
  }
}
