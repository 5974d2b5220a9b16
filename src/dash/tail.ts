/**
 * A file that grows, followed line by line. It may be half written, cut short, written anew, moved away by a rotation, deleted and
 * back again: each is noticed at the next look, nothing of it is an error, and no line is told twice or lost. A look costs one
 * `stat`; who looks, and how often, is the caller's to say. Reading only.
 */
import type { FileHandle } from 'node:fs/promises'
import { stat } from 'node:fs/promises'
import { systemCode, systemReason } from '../base/errors.js'
import { openRegular } from '../base/read-file.js'

/** Who is told what a file holds. */
export interface TailListener {
  /**
   * A line that begins at `from`, if the listener knows it by its first bytes: it is told by that, and its line feed stands where this
   * says. -1 for any other, and `line` is told. The bytes are overwritten after `paused`.
   */
  scan(bytes: Buffer, from: number): number
  /** A whole line, `bytes[from]` to before `bytes[to]`, without its line feed; the bytes are overwritten after `paused`. */
  line(bytes: Buffer, from: number, to: number): void
  /** A line that is too long is passed over; told once, when it is. */
  tooLong(): void
  /** What was told so far is no longer what the file holds: it was cut short, or another one has its name. */
  restarted(): void
  /** All lines of a piece were told. */
  paused(): void
}

/**
 * `absent`: not there, and never seen; `gone`: not there any more; `unreadable`: with the reason in `Tail.words`, which do not name
 * the file.
 */
export type TailState = 'waiting' | 'there' | 'absent' | 'gone' | 'unreadable'

const PIECE = 1 << 20
const LF = 0x0a
/** Bytes before the place read up to, by which a file that was written anew to its length or more is noticed. */
const MEMORY = 64
const EMPTY = Buffer.alloc(0)
export const MOST_LINE = 1 << 20

/** One file, which need not be there. */
export class Tail {
  readonly path: string
  readonly #listener: TailListener
  readonly #mostLine: number
  #handle: FileHandle | null = null
  #inode = -1
  #offset = 0
  #size = 0
  #changedMs = 0
  #state: TailState = 'waiting'
  #words = ''
  /** The beginning of a line whose end is not there. */
  #rest: Buffer = EMPTY
  #isSkipping = false
  #before: Buffer = EMPTY
  #looking: Promise<void> | null = null
  #isClosed = false
  static #pieces: readonly [Buffer, Buffer] | null = null

  constructor(path: string, listener: TailListener, mostLine = MOST_LINE) {
    this.path = path
    this.#listener = listener
    this.#mostLine = mostLine
  }

  get state(): TailState {
    return this.#state
  }

  /** Why it cannot be read. */
  get words(): string {
    return this.#words
  }

  /** When it was last written, epoch milliseconds by the clock of its disk; 0 before it was seen. */
  get changedMs(): number {
    return this.#changedMs
  }

  /** Part of the file that was told, 0 to 1. */
  get part(): number {
    return this.#size === 0 ? 1 : Math.min(1, this.#offset / this.#size)
  }

  /** Bytes of a line whose end is not there yet. */
  get half(): number {
    return this.#rest.length
  }

  /** Looks once and tells what is new; a look that is under way is waited for. Throws nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#looking = null
      })
    return this.#looking
  }

  /** Tells no more, and gives the file back. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#looking
    await this.#leave()
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return
    const { ino, size, mtimeMs } = await stat(this.path)
    if (this.#handle !== null && ino !== this.#inode) await this.#another()
    if (this.#handle === null) {
      const handle = await openRegular(this.path)
      this.#handle = handle
      this.#inode = (await handle.stat()).ino
      if (this.#offset > 0) this.#restart()
    } else {
      const isWritten = size > this.#offset || mtimeMs !== this.#changedMs
      if (size < this.#offset || (isWritten && !(await this.#isSame()))) this.#restart()
    }
    this.#state = 'there'
    this.#changedMs = mtimeMs
    this.#size = size
    await this.#read(this.#handle)
  }

  /** Its name is that of another file. One that was moved away by a rotation is read to its end, and goes on in the new one. */
  async #another(): Promise<void> {
    const handle = this.#handle!
    const { nlink } = await handle.stat()
    if (nlink > 0) await this.#read(handle)
    await this.#leave()
    if (nlink === 0) return this.#restart()
    // What it ended with is no beginning of what the new one begins with.
    this.#forget()
  }

  #restart(): void {
    this.#forget()
    this.#listener.restarted()
  }

  #forget(): void {
    this.#offset = 0
    this.#rest = EMPTY
    this.#before = EMPTY
    this.#isSkipping = false
  }

  async #isSame(): Promise<boolean> {
    const { length } = this.#before
    if (length === 0) return true
    const seen = Buffer.alloc(length)
    const { bytesRead } = await this.#handle!.read(seen, 0, length, this.#offset - length)
    return bytesRead === length && seen.equals(this.#before)
  }

  /** One file is read at a time: they share the pieces. */
  static #turn: Promise<void> = Promise.resolve()

  #read(handle: FileHandle): Promise<void> {
    const turn = Tail.#turn.then(() => this.#readAll(handle))
    Tail.#turn = turn.catch(() => {})
    return turn
  }

  /** While a piece is told the next one is read. */
  async #readAll(handle: FileHandle): Promise<void> {
    Tail.#pieces ??= [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)]
    const pieces = Tail.#pieces
    let now = 0
    let { bytesRead } = await handle.read(pieces[now]!, 0, PIECE, this.#offset)
    while (bytesRead > 0 && !this.#isClosed) {
      const piece = pieces[now]!
      this.#offset += bytesRead
      now = 1 - now
      const isMore = bytesRead === PIECE
      const next = isMore ? handle.read(pieces[now]!, 0, PIECE, this.#offset) : null
      // Whoever tells may throw before it is waited for.
      next?.catch(() => {})
      this.#remember(piece.subarray(0, bytesRead))
      this.#tell(piece, bytesRead)
      this.#listener.paused()
      // What is less than a piece was the end of the file.
      if (next === null) break
      bytesRead = (await next).bytesRead
    }
    if (this.#offset > this.#size) this.#size = this.#offset
  }

  #remember(read: Buffer): void {
    const last = read.subarray(Math.max(0, read.length - MEMORY))
    const all = last.length < MEMORY ? Buffer.concat([this.#before, last]) : last
    this.#before = Buffer.from(all.subarray(Math.max(0, all.length - MEMORY)))
  }

  #tell(piece: Buffer, length: number): void {
    const end = piece.lastIndexOf(LF, length - 1) + 1
    // A listener that looked at what stands behind the last whole line would look past the end at times.
    if (end > 0) this.#tellLines(piece.subarray(0, end))
    if (this.#isSkipping || end === length) return
    this.#rest = Buffer.concat([this.#rest, piece.subarray(end, length)])
    if (this.#rest.length <= this.#mostLine) return
    this.#rest = EMPTY
    this.#isSkipping = true
    this.#listener.tooLong()
  }

  /** `lines` ends with a line feed. */
  #tellLines(lines: Buffer): void {
    let from = this.#isSkipping || this.#rest.length > 0 ? this.#tellBegun(lines) : 0
    while (from < lines.length) {
      let to = this.#listener.scan(lines, from)
      if (to < 0) {
        to = lines.indexOf(LF, from)
        if (to - from > this.#mostLine) this.#listener.tooLong()
        else this.#listener.line(lines, from, to)
      }
      from = to + 1
    }
  }

  /** The line that an earlier piece began; gives where the next one begins. */
  #tellBegun(lines: Buffer): number {
    const next = lines.indexOf(LF) + 1
    if (!this.#isSkipping) {
      const line = Buffer.concat([this.#rest, lines.subarray(0, next)])
      if (line.length - 1 > this.#mostLine) this.#listener.tooLong()
      else if (this.#listener.scan(line, 0) < 0) this.#listener.line(line, 0, line.length - 1)
    }
    this.#isSkipping = false
    this.#rest = EMPTY
    return next
  }

  async #failed(error: unknown): Promise<void> {
    const isGone = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
    if (isGone && this.#handle !== null) {
      // Deleted, or moved away until a new one comes: what it still gets is told.
      await this.#read(this.#handle).catch(() => {})
      if ((await this.#handle.stat().catch(() => null))?.nlink === 0) await this.#leave()
    }
    const isSeen = this.#changedMs > 0
    this.#state = isGone ? (isSeen ? 'gone' : 'absent') : 'unreadable'
    this.#words = isGone ? (isSeen ? 'is not there any more' : 'is not there yet') : systemReason(error)
  }

  async #leave(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }
}
