/** Records in Parquet files, one type of rows a file: one of them, or a folder of them. */
import { badData } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import { shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { Gathering } from '../../report/gathered.js'
import { gatherEquity } from '../../report/parquet-equity.js'
import { openRecordFile, type RecordFile } from '../../report/parquet-file.js'
import { gatherRows } from '../../report/parquet-rows.js'
import { parseObject } from '../../stream/json.js'
import { parquetFailure } from '../../stream/parquet/damage.js'
import type { Source } from '../../stream/source.js'

/** Bytes of a line that has what a row has. */
const LINE = 180

/** The records of these files, as those of one input; equity comes first, and the others in the order of the files. */
export async function gatherParquet(
  context: Context,
  place: string,
  sources: readonly Source[],
): Promise<{ readonly gathering: Gathering; readonly notes: string[] }> {
  const tables: RecordFile[] = []
  for (const source of sources) {
    const table = await told(source.name, () => openRecordFile(source))
    if (table.type === 'bar') throw notRecords('parquet', source.name)
    tables.push(table)
  }
  const isEquity = ({ type }: RecordFile) => type === 'equity'
  const ordered = [...tables.filter(isEquity), ...tables.filter((table) => !isEquity(table))]
  const rows = tables.filter(isEquity).reduce((sum, table) => sum + table.rows, 0)
  const gathering = new Gathering(place, LINE * rows)
  const progress = context.ui.progress('records')
  const pause = pauses(context.signal)
  const breathe = async () => {
    progress.update(gathering.records)
    if (await pause()) context.signal.throwIfAborted()
  }
  const notes: string[] = []
  for (const table of ordered) {
    const gather = isEquity(table) ? gatherEquity : gatherRows
    notes.push(...(await told(table.name, () => gather(table, gathering, breathe))))
    if (table.summary !== null) takeSummary(table.summary, table.name, gathering)
  }
  progress.end()
  for (const source of sources) await source.close()
  return { gathering, notes }
}

function takeSummary(text: string, where: string, gathering: Gathering): void {
  const parsed = parseObject(text)
  if ('error' in parsed) throw badData(`its jules.summary: ${parsed.error}`, { where })
  gathering.take(parsed.object, where)
}

async function told<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw parquetFailure(error, name)
  }
}

/** What is said of a file of bars. */
export const notRecords = (format: string, path: string) =>
  badData(`is ${format}, and a report is made of records`, {
    where: path,
    hint: `jules backtest --keep DIR ${shellWord(path === 'stdin' ? '-' : path)} makes a run of bars, and jules report DIR reports it`,
  })
