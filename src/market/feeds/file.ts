/** Bars from files: every field as it is, what is missing filled, nothing repaired. */
import { badData, Failure } from '../../base/errors.js'
import type { Source } from '../../stream/source.js'
import { type BarBatch, INTERVALS, intervalMs, MISSING_CODE, SESSIONS } from '../bar.js'
import { sessionOfBar } from '../calendar.js'
import type { ReadOptions, RecordBlock } from '../reading.js'
import { readRecords } from '../records.js'

const SOURCE = 'file'

export async function* fileBars(source: Source, options: ReadOptions): AsyncGenerator<RecordBlock> {
  for await (const block of readRecords(source, options)) {
    if (block.kind === 'bars') {
      const { batch } = block
      const file = batch.names.id(SOURCE)
      for (let i = 0; i < batch.length; i++) {
        if (batch.source[i] === 0) batch.source[i] = file
        if (batch.session[i] !== MISSING_CODE) continue
        const length = intervalMs(INTERVALS[batch.interval[i]!]!)
        batch.session[i] = SESSIONS.indexOf(sessionAtLine(source.name, batch, i, length))
      }
    }
    yield block
  }
}

function sessionAtLine(name: string, batch: BarBatch, i: number, length: number) {
  try {
    return sessionOfBar(batch.time[i]!, length)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw badData(error.message, { where: `${name}:${batch.line[i]}`, cause: error })
  }
}
