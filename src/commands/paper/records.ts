/**
 * The records of a run on their way to their reader. A run does not end in the middle of something because of them: what fails is
 * told once, and from then on nothing is written.
 */
import { BlockWriter } from '../../stream/sink.js'
import type { Output } from '../wiring/output.js'

/** Records of one run. */
export class Records {
  readonly #out: Output
  readonly #writer: BlockWriter
  readonly #failed: (error: unknown) => void
  #lines = ''
  #isOver = false

  /** `failed` is told why records cannot be written, such as that their reader has gone. */
  constructor(out: Output, failed: (error: unknown) => void) {
    this.#out = out
    this.#writer = new BlockWriter(out.sink)
    this.#failed = failed
  }

  readonly write = (line: string): void => {
    this.#lines += line
  }

  /** Hands on what was written since. */
  readonly flush = async (): Promise<void> => {
    const text = this.#lines
    this.#lines = ''
    if (text === '') return
    await this.#tried(async () => {
      await this.#writer.text(text)
      await this.#writer.flush()
    })
  }

  /** All is out; a file takes its name. */
  async end(): Promise<void> {
    await this.flush()
    await this.#tried(async () => {
      await this.#writer.drain()
      await this.#out.done()
    })
    this.#isOver = true
  }

  /** A file that has not its name is gone. */
  async abort(): Promise<void> {
    if (!this.#isOver) await this.#out.abort()
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    if (this.#isOver) return
    try {
      await work()
    } catch (error) {
      this.#isOver = true
      await this.#out.abort()
      this.#failed(error)
    }
  }
}
