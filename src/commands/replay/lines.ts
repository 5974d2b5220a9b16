/** Lines that are made now against those of a file, as they come: neither is ever held whole. */
import type { FileHandle } from 'node:fs/promises'
import { systemCode, systemFailure } from '../../base/errors.js'
import { openRegular } from '../../base/read-file.js'

/** The first line that differs, from 1 on; null for a text that has ended before it. */
export interface LineDifference {
  readonly line: number
  readonly expected: string | null
  readonly found: string | null
}

const PIECE = 1 << 16

/** The lines of a file one after the other, up to the first that another text does not have. */
export class LineComparison {
  readonly #file: FileHandle
  readonly #path: string
  /** Lines that are the same so far. */
  #same = 0
  /** Bytes of the file that follow them and were read. */
  #ahead = Buffer.alloc(0)
  #isRead = false
  difference: LineDifference | null = null

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** Null where there is no such file. */
  static async open(path: string): Promise<LineComparison | null> {
    try {
      return new LineComparison(await openRegular(path), path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw systemFailure(error, path)
    }
  }

  /** Takes the next lines of the other text, each with its line feed. */
  async take(lines: string): Promise<void> {
    if (this.difference !== null || lines === '') return
    const bytes = Buffer.from(lines)
    while (this.#ahead.length < bytes.length && !this.#isRead) await this.#readOn(bytes.length)
    if (this.#ahead.subarray(0, bytes.length).equals(bytes)) {
      this.#ahead = this.#ahead.subarray(bytes.length)
      for (const byte of bytes) if (byte === LINE_FEED) this.#same++
      return
    }
    for (const found of lines.split('\n').slice(0, -1)) {
      const expected = await this.#line()
      if (expected !== found) {
        this.difference = { line: this.#same + 1, expected, found }
        return
      }
      this.#same++
    }
  }

  /** The other text ends with one line more, made with what is there: it may name what is not known again. */
  async end(last: (expected: string | null) => string): Promise<void> {
    if (this.difference !== null) return
    const expected = await this.#line()
    const found = last(expected)
    if (expected !== found) {
      this.difference = { line: this.#same + 1, expected, found }
      return
    }
    this.#same++
    const more = await this.#line()
    if (more !== null) this.difference = { line: this.#same + 1, expected: more, found: null }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #readOn(atLeast: number): Promise<void> {
    const wanted = Math.max(PIECE, atLeast - this.#ahead.length)
    const { bytesRead, buffer } = await this.#file
      .read(Buffer.allocUnsafe(wanted), 0, wanted, null)
      .catch((error) => {
        throw systemFailure(error, this.#path)
      })
    if (bytesRead === 0) this.#isRead = true
    this.#ahead = Buffer.concat([this.#ahead, buffer.subarray(0, bytesRead)])
  }

  /** The next line of the file without its line feed; null at the end. */
  async #line(): Promise<string | null> {
    let end = this.#ahead.indexOf(LINE_FEED)
    while (end < 0 && !this.#isRead) {
      await this.#readOn(0)
      end = this.#ahead.indexOf(LINE_FEED)
    }
    if (this.#ahead.length === 0) return null
    const line = this.#ahead.subarray(0, end < 0 ? undefined : end).toString('utf8')
    this.#ahead = end < 0 ? Buffer.alloc(0) : this.#ahead.subarray(end + 1)
    return line
  }
}

const LINE_FEED = 10
