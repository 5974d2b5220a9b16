/** Reads the records of a source; those of a long file with a second thread. */
import { systemFailure } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import type { Context } from '../../cli/context.js'
import type { Gathering } from '../../report/gathered.js'
import { SecondReader } from '../../report/second-reader.js'
import { lineBlocks, MOST_RECORD } from '../../stream/lines.js'
import { PieceLines, piecesOf, type Span } from '../../stream/pieces.js'
import type { OpenFile, Source } from '../../stream/source.js'

const JOURNAL = Buffer.from('{"n":1,"event":"start"')

/** Below it a thread takes longer to start than it saves. */
const LONG = 1 << 25
const PIECE = 1 << 22

/** Takes all lines of a source; true, and nothing taken, where it is a journal. */
export async function gather(context: Context, source: Source, gathering: Gathering): Promise<boolean> {
  const { name, file } = source
  const gatherer = new Gatherer(context, name, gathering)
  const pieces = file === null || file.size < LONG ? [] : piecesOf(file, PIECE)
  // A line that is too long, which joins pieces, is told where lines are read one after the other.
  const isShared = pieces.length > 0 && pieces.every(({ from, to }) => to - from <= MOST_RECORD)
  const isRecords =
    file !== null && isShared ? await gatherer.shared(file, pieces) : await gatherer.all(source.chunks())
  gatherer.end()
  return !isRecords
}

class Gatherer {
  readonly #signal: AbortSignal
  readonly #name: string
  readonly #gathering: Gathering
  readonly #breathe: () => Promise<boolean>
  readonly #progress: ReturnType<Context['ui']['progress']>
  readonly #at = { line: 1 }

  constructor({ signal, ui }: Context, name: string, gathering: Gathering) {
    this.#signal = signal
    this.#name = name
    this.#gathering = gathering
    this.#breathe = pauses(signal)
    this.#progress = ui.progress('records')
  }

  /** Takes lines; false, and none taken, where they are those of a journal. */
  async all(chunks: AsyncGenerator<Buffer>): Promise<boolean> {
    const at = this.#at
    const options = { name: this.#name, at, maxLine: MOST_RECORD, hint: 'no record is as long as that' }
    for await (const block of lineBlocks(chunks, options)) {
      if (at.line === 1 && block.subarray(0, JOURNAL.length).equals(JOURNAL)) return false
      await this.#took(this.#gathering.block(block, at.line))
    }
    return true
  }

  /** The same of a long file, the end of which another thread reads once it is known what run this is. */
  async shared(file: OpenFile, [first, ...pieces]: readonly Span[]): Promise<boolean> {
    if (!(await this.all(file.chunks(0, first!.to)))) return false
    const gathering = this.#gathering
    const lines = new PieceLines(file.fd, this.#name)
    let second: SecondReader | null = null
    try {
      for (const [i, piece] of pieces.entries()) {
        const { current } = gathering
        if (second === null && current !== null)
          second = new SecondReader({ ...current, fd: file.fd, file: this.#name, pieces, from: i })
        if (second === null || second.leaves(i)) {
          for (const block of lines.of(piece)) await this.#took(gathering.block(block, this.#at.line))
        } else await this.#took(gathering.piece(await second.piece(i), this.#at.line))
      }
    } catch (error) {
      throw systemFailure(error, this.#name)
    } finally {
      await second?.stop()
    }
    // A line without an end, and what was written since.
    return this.all(file.chunks((pieces.at(-1) ?? first!).to))
  }

  end(): void {
    this.#progress.end()
  }

  async #took(lines: number): Promise<void> {
    this.#at.line += lines
    this.#progress.update(this.#gathering.records)
    if (await this.#breathe()) this.#signal.throwIfAborted()
  }
}
