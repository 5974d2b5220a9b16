/** Bars from files: every field as it is, what is missing filled, nothing repaired; rows keep the order of the file. */
import { badData, Failure } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import type { Source } from '../../stream/source.js'
import { type BarBatch, INTERVALS, intervalMs, MISSING_CODE, SESSIONS } from '../bar.js'
import { sessionOfBar } from '../calendar.js'
import type { ReadOptions } from '../reading.js'
import { readRecords } from '../records.js'
import { type Feed, keepWanted } from './feed.js'

export interface InputFile {
  /** As it was given: the name in notes. */
  readonly name: string
  /** Of its rows that have none. */
  readonly symbol?: string
  open(): Promise<Source>
}

const NAME = 'file'

/** Files are read one after another, records that are no bars passed on. Throws 66 where there are none at all. */
export function fileFeed(files: readonly InputFile[], options: ReadOptions = {}): Feed {
  return {
    name: NAME,
    bars: async function* (wanted, { signal, detail }) {
      const takesAll = Object.values(wanted).every((value) => value === undefined)
      let rows = 0
      for (const { name, symbol, open } of files) {
        signal.throwIfAborted()
        const source = await open()
        try {
          const onIgnored = (field: string) =>
            detail(`${name}: ${quote(field)} is not a field of a bar, ignored`)
          for await (const block of readRecords(source, {
            ...options,
            symbol: options.symbol ?? symbol,
            onIgnored,
          })) {
            signal.throwIfAborted()
            if (block.kind === 'bars') {
              rows += block.batch.length
              complete(block.batch, source.name)
              if (!takesAll) keepWanted(block.batch, wanted)
              if (block.batch.length === 0) continue
            } else rows += block.records.length
            yield block
          }
        } finally {
          await source.close()
        }
      }
      if (rows === 0) throw new Failure('noInput', 'the input holds no records')
    },
  }
}

/** Fills in the source, and the session from the calendar. */
function complete(batch: BarBatch, name: string): void {
  const file = batch.names.id(NAME)
  for (let i = 0; i < batch.length; i++) {
    if (batch.source[i] === 0) batch.source[i] = file
    if (batch.session[i] !== MISSING_CODE) continue
    const length = intervalMs(INTERVALS[batch.interval[i]!]!)
    batch.session[i] = SESSIONS.indexOf(sessionAtLine(name, batch, i, length))
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

/** What a file leaves out, filled in the same way by every reader that keeps its rows. */
export { complete as completeBars }
