/** A journal as the records that it stands for. */
import { resolve } from 'node:path'
import { badData } from '../../base/errors.js'
import { readJournal } from '../../broker/journal.js'
import type { Context } from '../../cli/context.js'
import { Gathering } from '../../report/gathered.js'
import { TORN, UNENDED } from '../../stream/lines.js'
import { retold } from '../../trading/paper/retold.js'
import { retoldSummary } from '../../trading/paper/summary.js'
import { RECORD_TYPES, RecordWriter } from '../../trading/records.js'

/** The records of the journal at `path`, with what is to be said of it. Throws 65 for one that is damaged or comes by a pipe. */
export async function gatherJournal(
  context: Context,
  path: string,
): Promise<{ readonly gathering: Gathering; readonly notes: readonly string[] }> {
  if (path === '-')
    throw badData('is a journal, which is read from its file', { where: 'stdin', hint: 'jules report FILE' })
  const { events, isTorn } = await readJournal(resolve(context.cwd, path))
  if (events.length === 0 && isTorn)
    throw badData('holds no whole line of a journal', { where: path, hint: UNENDED })
  const gathering = new Gathering(path)
  let line = 0
  const types = new Set(RECORD_TYPES)
  const run = retold(
    events,
    path,
    (known) => new RecordWriter({ ...known, types, write: (text) => gathering.line(text, ++line) }),
  )
  context.signal.throwIfAborted()
  gathering.take(retoldSummary(events, run), path)
  return { gathering, notes: isTorn ? [`${path}: ${TORN}`] : [] }
}
