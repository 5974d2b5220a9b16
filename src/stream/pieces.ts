/** A long file of lines in pieces of whole lines, so that two readers share it. */
import { readSync } from 'node:fs'
import { shrunk } from './lines.js'
import type { OpenFile } from './source.js'

/** Bytes from `from` up to `to`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** A line that is longer than this over a seam joins two pieces. */
const NEAR = 1 << 16
const LINE_FEED = 0x0a

/** Pieces of about `length` bytes, without a last line that has no end. */
export function piecesOf({ fd, size }: Pick<OpenFile, 'fd' | 'size'>, length: number): Span[] {
  const bytes = Buffer.allocUnsafe(NEAR)
  const between = (from: number, to: number): Buffer =>
    bytes.subarray(0, readSync(fd, bytes, 0, to - from, from))
  const pieces: Span[] = []
  const cut = (to: number): void => {
    const from = pieces.at(-1)?.to ?? 0
    if (to > from) pieces.push({ from, to })
  }
  for (let seam = length; seam < size; seam += length) {
    const feed = between(seam, Math.min(size, seam + NEAR)).indexOf(LINE_FEED)
    if (feed >= 0) cut(seam + feed + 1)
  }
  const last = pieces.at(-1)?.to ?? 0
  for (let to = size; to > last; to -= NEAR) {
    const from = Math.max(last, to - NEAR)
    const feed = between(from, to).lastIndexOf(LINE_FEED)
    if (feed < 0) continue
    cut(from + feed + 1)
    break
  }
  return pieces
}

const CHUNK = 1 << 18

/** Reads pieces, one after the other, into the same memory: asynchronous reads would take the time of the other reader. */
export class PieceLines {
  readonly #fd: number
  readonly #name: string
  #buffer: Buffer

  /** `name` is that of the file in messages; `chunk` is what one read fetches, in bytes: a longer line takes more. */
  constructor(fd: number, name: string, chunk = CHUNK) {
    this.#fd = fd
    this.#name = name
    this.#buffer = Buffer.allocUnsafeSlow(chunk)
  }

  /** Blocks of whole lines, each good until the next one. Throws 65 where the file has been cut, and what the system says. */
  *of({ from, to }: Span): Generator<Buffer> {
    // Bytes of a line that is not yet whole.
    let kept = 0
    for (let at = from; at < to; ) {
      if (kept === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], 2 * kept)
      const count = readSync(this.#fd, this.#buffer, kept, Math.min(this.#buffer.length - kept, to - at), at)
      if (count === 0) throw shrunk(this.#name)
      at += count
      const bytes = this.#buffer.subarray(0, kept + count)
      const end = bytes.lastIndexOf(LINE_FEED) + 1
      if (end > 0) yield bytes.subarray(0, end)
      bytes.copyWithin(0, end)
      kept = bytes.length - end
    }
  }
}
