/**
 * The records of a run on their way to their reader. A run does not end in the middle of something because of them: what fails is
 * told once, and from then on nothing is written.
 */
import { Failure } from '../../base/errors.js'
import { BlockWriter } from '../../stream/sink.js'
import type { Output } from '../wiring/output.js'

/** Characters that wait for a reader: many days of records. */
const MOST_WAITING = 1 << 26

/** Records of one run. */
export class Records {
  readonly #out: Output
  readonly #writer: BlockWriter
  readonly #failed: (error: unknown) => void
  readonly #waits: boolean
  #lines = ''
  /** What is on its way out. */
  #pumping: Promise<void> | null = null
  #isOver = false

  /**
   * `waits`: a run that can wait for its reader does. `failed` is told why records cannot be written, such as that their reader has
   * gone.
   */
  constructor(out: Output, waits: boolean, failed: (error: unknown) => void) {
    this.#out = out
    this.#waits = waits
    this.#writer = new BlockWriter(out.sink)
    this.#failed = failed
  }

  readonly write = (line: string): void => {
    this.#lines += line
  }

  /** Hands on what was written since; where time does not wait, a reader that does not read holds nobody up. */
  readonly flush = async (): Promise<void> => {
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null
    })
    if (this.#waits) await this.#pumping
    else if (this.#lines.length > MOST_WAITING)
      await this.#fail(new Failure('io', 'standard output: its reader does not read'))
  }

  /** All is out; a file takes its name. */
  async end(): Promise<void> {
    do {
      await this.flush()
      await this.#pumping
    } while (this.#lines !== '' && !this.#isOver)
    await this.#tried(async () => {
      await this.#writer.drain()
      await this.#out.done()
    })
    this.#isOver = true
  }

  async #pump(): Promise<void> {
    while (this.#lines !== '' && !this.#isOver) {
      const text = this.#lines
      this.#lines = ''
      await this.#tried(async () => {
        await this.#writer.text(text)
        await this.#writer.flush()
      })
    }
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
      await this.#fail(error)
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#lines = ''
    await this.#out.abort()
    this.#failed(error)
  }
}
