/** A filter that replaces every secret value in a byte stream by `[NAME]`, in any of its forms, also where a chunk ends inside one. */

import { beginningsOf } from './beginnings.js'
import { FORMS_LIMIT, formsOf } from './forms.js'
import { LOW, searchFor } from './patterns.js'

export interface Redactor {
  /** Bytes that are settled; a tail that may begin a secret is kept for the next call. */
  push(chunk: Buffer): Buffer
  end(): Buffer
  /** Names of those looked for as they are alone, because they are long or many. */
  readonly plainOnly: readonly string[]
}

/** Of the bytes of all forms together: beyond it values are looked for as they are alone. */
const BUDGET = 4 << 20

/**
 * Where found forms overlap all of it goes: a piece of a secret would be left otherwise. The memory is bounded by the values and
 * the budget, and the time by the length of the input and what comes out, whatever the secrets are.
 */
export function redactor(values: ReadonlyMap<string, Buffer>): Redactor {
  const { patterns, tags, plainOnly } = formsWithin(values)
  if (patterns.length === 0) return { push: (chunk) => chunk, end: () => Buffer.alloc(0), plainOnly }
  const { step, found, depth, low } = searchFor(patterns)
  const { width, roll, mayBegin } = beginningsOf(patterns)
  const hits = new Hits()
  let state = 0
  // Places are counted from the first byte of `kept`, or from the end of a hit before it that may still grow.
  let kept: Buffer = Buffer.alloc(0)
  /** What lies before `settled`, without the secrets; a hit that goes on beyond it stays for later. */
  const take = (settled: number): Buffer => {
    const whole = hits.endingBy(settled)
    const open = hits.count > whole && hits.start[whole]! <= settled
    const rest = Math.max(whole === 0 ? 0 : hits.end[whole - 1]!, open ? hits.start[whole]! : settled)
    let size = rest
    for (let i = 0; i < whole; i++) {
      // Of one that was open before, the bytes are gone already.
      size += tags[hits.form[i]!]!.length - hits.end[i]! + Math.max(0, hits.start[i]!)
    }
    const out = Buffer.allocUnsafe(size)
    let to = 0
    let at = 0
    for (let i = 0; i < whole; i++) {
      to = copy(out, to, kept, at, hits.start[i]!)
      const tag = tags[hits.form[i]!]!
      to = copy(out, to, tag, 0, tag.length)
      at = hits.end[i]!
    }
    copy(out, to, kept, at, rest)
    // Of a hit that may grow the bytes are not needed: they go in any case.
    const from = open ? hits.end[whole]! : rest
    hits.drop(whole)
    kept = kept.subarray(from)
    hits.moveBy(from)
    return out
  }
  /** Byte by byte. */
  const searchAll = (chunk: Buffer, before: number): void => {
    for (let i = 0; i < chunk.length; i++) {
      state = step(state, chunk[i]!)
      const form = found(state)
      if (form >= 0) hits.add(form, patterns[form]!.length, before + i + 1)
    }
  }
  /** Only from where a form may begin; gives how many bytes that were. */
  const searchSome = (chunk: Buffer, before: number): number => {
    let hash = 0
    for (let i = 0; i < width - 1 && i < chunk.length; i++) hash = roll(hash, chunk[i]!)
    // The last place where a form may begin; what came before this chunk may have been one.
    let last = -1
    let searched = 0
    for (let i = 0; i < chunk.length; i++) {
      const ahead = i + width - 1
      // Of what comes after the chunk nothing is known.
      if (ahead >= chunk.length) last = i
      else {
        hash = roll(hash, chunk[ahead]!)
        if (mayBegin(hash, chunk[i]!)) last = i
        else if (state === 0) continue
      }
      searched++
      state = step(state, chunk[i]!)
      const form = found(state)
      if (form >= 0) hits.add(form, patterns[form]!.length, before + i + 1)
      // None begins in the bytes that the state stands for.
      const length = low(state)
      if (length < LOW && length <= i - last) state = 0
    }
    return searched
  }
  // Chunks for which looking ahead is left out, after one in which it saved little.
  let plain = 0
  return {
    plainOnly,
    push: (chunk) => {
      const before = kept.length
      kept = before === 0 ? chunk : Buffer.concat([kept, chunk])
      if (plain > 0) {
        searchAll(chunk, before)
        plain--
      } else if (searchSome(chunk, before) > 0.75 * chunk.length) plain = PLAIN_CHUNKS
      const done = take(before + chunk.length - depth(state))
      // The chunk is the caller's to use again.
      kept = Buffer.from(kept)
      return done
    },
    end: () => take(kept.length),
  }
}

const PLAIN_CHUNKS = 15

/** Stretches of the input that go, in their order and apart from each other. */
class Hits {
  count = 0
  readonly start: number[] = []
  readonly end: number[] = []
  /** The longest form found in it, and its length. */
  readonly form: number[] = []
  readonly #length: number[] = []

  /** One that ends at `end`, not before any other; it takes in those that it overlaps. */
  add(form: number, length: number, end: number): void {
    let start = end - length
    let longest = form
    let most = length
    let at = this.count
    for (; at > 0 && this.end[at - 1]! > start; at--) {
      if (this.start[at - 1]! < start) start = this.start[at - 1]!
      if (this.#length[at - 1]! < most) continue
      longest = this.form[at - 1]!
      most = this.#length[at - 1]!
    }
    this.start[at] = start
    this.end[at] = end
    this.form[at] = longest
    this.#length[at] = most
    this.count = at + 1
  }

  /** How many end at `place` or before. */
  endingBy(place: number): number {
    let count = this.count
    while (count > 0 && this.end[count - 1]! > place) count--
    return count
  }

  /** Forgets the first ones. */
  drop(count: number): void {
    this.count -= count
    for (const one of [this.start, this.end, this.form, this.#length])
      one.copyWithin(0, count, count + this.count)
  }

  /** Counts places from another one on. */
  moveBy(place: number): void {
    for (let i = 0; i < this.count; i++) {
      this.start[i]! -= place
      this.end[i]! -= place
    }
  }
}

/** Where the copy ends. */
function copy(out: Buffer, to: number, from: Buffer, start: number, end: number): number {
  // A call costs more than a few bytes.
  if (end - start > 24) from.copy(out, to, start, end)
  else for (let i = start; i < end; i++) out[to + i - start] = from[i]!
  return to + Math.max(0, end - start)
}

/** The forms of all values, short values first, until the budget is used up; every value at least as it is. */
function formsWithin(values: ReadonlyMap<string, Buffer>) {
  const patterns: Buffer[] = []
  const tags: Buffer[] = []
  const plainOnly: string[] = []
  const sorted = [...values].filter(([, value]) => value.length > 0).sort((a, b) => a[1].length - b[1].length)
  let left = BUDGET
  for (const [name, value] of sorted) {
    // Not even made where there is no room left: there may be thousands.
    const all = value.length <= left ? formsOf(value) : []
    const size = all.reduce((sum, { length }) => sum + length, 0)
    const fits = size > 0 && size <= left
    if (!fits || value.length > FORMS_LIMIT) plainOnly.push(name)
    const tag = Buffer.from(`[${name}]`)
    for (const form of fits ? all : [value]) {
      patterns.push(form)
      tags.push(tag)
      left -= form.length
    }
  }
  return { patterns, tags, plainOnly }
}
