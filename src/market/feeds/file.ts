/** Bars from files: every field as it is, what is missing filled, nothing repaired; rows keep the order of the file. */
import { Failure } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import type { Source } from '../../stream/source.js'
import { type BarBatch, INTERVALS, intervalMs, MISSING_CODE, SESSIONS } from '../bar.js'
import { isCovered, sessionOfBar } from '../calendar.js'
import type { ReadOptions } from '../reading.js'
import { readRecords } from '../records.js'
import { RowCheck } from '../row-check.js'
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
    bars: async function* (wanted, { signal, note, warn, detail }) {
      const takesAll = Object.values(wanted).every((value) => value === undefined)
      let rows = 0
      const check = new RowCheck({ ...options, splits: true })
      for (const { name, symbol, open } of files) {
        signal.throwIfAborted()
        const source = await open()
        try {
          const onIgnored = (field: string) =>
            detail(`${name}: ${quote(field)} is not a field of a bar, ignored`)
          for await (const block of readRecords(source, {
            ...options,
            symbol: options.symbol ?? symbol,
            check,
            onIgnored,
            onNote: note,
            onWarn: warn,
          })) {
            signal.throwIfAborted()
            if (block.kind === 'bars') {
              rows += block.batch.length
              completeBars(block.batch)
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

/** What a file leaves out, the same for every reader that keeps its rows: the source, and the session as far as the calendar goes. */
export function completeBars(batch: BarBatch): void {
  const file = batch.names.id(NAME)
  for (let i = 0; i < batch.length; i++) {
    if (batch.source[i] === 0) batch.source[i] = file
    if (batch.session[i] !== MISSING_CODE || !isCovered(batch.time[i]!)) continue
    const length = intervalMs(INTERVALS[batch.interval[i]!]!)
    batch.session[i] = SESSIONS.indexOf(sessionOfBar(batch.time[i]!, length))
  }
}
