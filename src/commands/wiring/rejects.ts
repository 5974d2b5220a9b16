/** Bad lines that do not stop a command: their options, their count, and the file that keeps them. */
import { badData, usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { file, option } from '../../cli/options.js'
import { describe } from '../../market/problem.js'
import { type Reject, rejectFailure } from '../../market/reading.js'
import { type ByteSink, fileSink } from '../../stream/sink.js'

/** How many bad lines are passed over: a number, or a share of all lines. */
export interface Tolerance {
  readonly count: number
  readonly share: number
}

export const rejectOptions = {
  rejects: file('write a reject record for each bad line to FILE'),
  'max-rejects': option<Tolerance>(
    'N|P%',
    'bad lines to pass over before stopping',
    { fallback: { count: 0, share: 0 }, defaultText: '0' },
    tolerance,
  ),
}

function tolerance(value: string): Tolerance {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value)
  const number = Number(match?.[1])
  if (
    match === null ||
    (match[2] === '' && !Number.isInteger(number)) ||
    (match[2] === '%' && number > 100)
  ) {
    throw usage('expected a number of lines or a percentage such as 1%', { got: quote(value) })
  }
  return match[2] === '%' ? { count: 0, share: number / 100 } : { count: number, share: 0 }
}

/** A share of few lines says nothing; below this many lines a percentage is not judged until the end. */
const SHARE_AFTER = 1000

/** Bad lines that are told one by one: a million of them would say no more. */
const SHOWN = 20

/** Takes bad lines up to a tolerance. */
export class Rejects {
  /** Rows that were taken, counted by whoever takes them. */
  read = 0
  rejected = 0
  readonly #context: Context
  readonly #tolerance: Tolerance
  #file: ByteSink | null = null

  constructor(context: Context, tolerance: Tolerance) {
    this.#context = context
    this.#tolerance = tolerance
  }

  /** The file is made even when nothing is rejected: one of an earlier run would tell a wrong story. */
  async open(path: string | undefined): Promise<void> {
    if (path !== undefined) this.#file = await fileSink(path, this.#context)
  }

  /** Throws 65 where it is one too many. */
  readonly take = async (reject: Reject): Promise<void> => {
    this.rejected++
    const { line, raw } = reject
    const message = describe(reject.problem)
    await this.#file?.write(
      Buffer.from(`${JSON.stringify({ type: 'reject', line, code: 65, message, raw })}\n`),
    )
    const lines = this.read + this.rejected
    const { count, share } = this.#tolerance
    if (share > 0 ? lines >= SHARE_AFTER && this.rejected > share * lines : this.rejected > count) {
      throw rejectFailure(reject)
    }
    if (this.#file === null) this.#tell(`${reject.name}:${line}: ${message}`)
  }

  #tell(words: string): void {
    if (this.rejected <= SHOWN) this.#context.ui.warn(words)
    else if (this.rejected === SHOWN + 1)
      this.#context.ui.warn('further bad lines are counted and not shown; --rejects FILE keeps them all')
  }

  /** Judges the share once all is read, and closes the file. Throws 65. */
  async finish(): Promise<void> {
    const { share } = this.#tolerance
    const lines = this.read + this.rejected
    if (share > 0 && this.rejected > share * lines) {
      throw badData(`${this.rejected} of ${lines} lines are bad, more than ${share * 100} %`)
    }
    await this.close()
  }

  /** The lines rejected so far are the point of the file, so it is kept whatever comes. */
  async close(): Promise<void> {
    await this.#file?.close()
  }
}
