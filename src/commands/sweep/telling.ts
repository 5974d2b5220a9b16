/** Records on standard output from a command that has more to do than to be read: when the reader leaves, it goes on in silence. */
import type { Context } from '../../cli/context.js'
import { BlockWriter, ReaderGone } from '../../stream/sink.js'

/** Writes a record as a line, at once. */
export function teller(context: Pick<Context, 'stdout'>): (record: object) => Promise<void> {
  let out: BlockWriter | null = new BlockWriter(context.stdout())
  return async (record) => {
    if (out === null) return
    try {
      await out.text(`${JSON.stringify(record)}\n`)
      await out.drain()
    } catch (error) {
      if (!(error instanceof ReaderGone)) throw error
      out = null
    }
  }
}
