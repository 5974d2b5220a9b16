import { join } from 'node:path'
import { ensureDirectory } from '../base/disk.js'
import { usage } from '../base/errors.js'
import { formatDate, newYorkDay, newYorkMidnight } from '../base/time.js'
import { defineCommand } from '../cli/command.js'
import type { Context } from '../cli/context.js'
import { date, list, option } from '../cli/options.js'
import { type BarBatch, copyRow, INTERVALS, type Interval, newBatch } from '../market/bar.js'
import { type RecordWriter, recordWriter } from '../market/write.js'
import type { Selection, Store } from '../store/store.js'
import { fileSink } from '../stream/sink.js'
import { SOURCE_WORDS, symbols } from './wiring/input.js'
import { nothingMatches } from './wiring/market.js'
import { openOutput, output } from './wiring/output.js'
import { store, storeEnvironment, storeExits, withStore } from './wiring/store.js'

const PARTITIONS = ['symbol', 'date', 'interval'] as const
type Partition = (typeof PARTITIONS)[number]
const isPartition = (word: string): word is Partition => PARTITIONS.includes(word as Partition)

export const exportBars = defineCommand({
  name: 'export',
  summary: 'get bars out of the store',
  description: [
    'Writes the bars of the store that match, by time and then by symbol: in the order of --symbols, else NVDA, MSFT and the rest by name.',
    'Bars of all sessions are written. An empty selection is an error that lists what the store holds.',
    'With --partition-by the output is a folder of Parquet files in Hive layout, such as symbol=NVDA/date=2025-08-01/part-0.parquet, which Spark, DuckDB and Ray read in place. A date is the session date in New York, and what the path says is not in the files. Each file appears whole; a file of the same name is replaced. examples/partitions.md has what DuckDB, Spark, ClickHouse, Iceberg, Trino and TimescaleDB are told to read it or to take it in.',
  ],
  options: {
    ...store,
    symbols,
    interval: list('LIST', `lengths of bars, separated by commas: ${INTERVALS.join(' ')} (default: all)`, {
      each: intervalWord,
    }),
    source: list('LIST', 'only rows of these sources', { words: SOURCE_WORDS }),
    from: date('first session date'),
    to: date('last session date'),
    'partition-by': option<readonly Partition[] | undefined>(
      'KEYS',
      'write a Hive folder by these of symbol,date,interval; needs -o DIR',
      {},
      (value) => {
        const keys = value.split(',')
        const wrong = keys.find((key) => !isPartition(key))
        if (wrong !== undefined)
          throw usage(`expected some of ${PARTITIONS.join(', ')}`, { got: JSON.stringify(wrong) })
        return keys.filter(isPartition)
      },
    ),
    ...output,
  },
  examples: [
    { text: 'Everything as CSV', shell: 'jules export -f csv -o bars.csv' },
    {
      text: 'A Parquet folder by symbol and day',
      shell: 'jules export --partition-by symbol,date -o bars/',
    },
    {
      text: 'The same folder for DuckDB',
      shell: `duckdb -c "SELECT date, count(*) FROM 'bars/**/*.parquet' GROUP BY date"`,
    },
  ],
  exits: {
    66: 'no bars match',
    ...storeExits,
    73: 'the output cannot be created',
    74: 'writing failed',
  },
  environment: storeEnvironment,
  seeAlso: ['load', 'db'],
  run: async (context, options) => {
    const { from, to } = options
    if (typeof from === 'number' && typeof to === 'number' && from > to) throw usage('--from is after --to')
    const partitions = options['partition-by']
    if (partitions !== undefined) {
      if (options.output === undefined) throw usage('--partition-by needs -o DIR')
      if (options.format !== undefined && options.format !== 'parquet')
        throw usage('--partition-by writes parquet')
    }
    const selection: Selection = {
      symbols: options.symbols,
      intervals: options.interval as readonly Interval[] | undefined,
      sources: options.source,
      fromMs: typeof from === 'number' ? newYorkMidnight(from) : undefined,
      toMs: typeof to === 'number' ? newYorkMidnight(to + 1) : undefined,
    }
    await withStore(context, options, async (database) => {
      const rows =
        partitions === undefined
          ? await exportStream(context, database, selection, options)
          : await exportFolder(context, database, selection, partitions, options.output!)
      if (rows === 0) throw nothingMatches(await database.holdings())
      context.ui.detail(`${rows} rows`)
    })
  },
})

function intervalWord(word: string): string {
  if (INTERVALS.includes(word as Interval)) return word
  throw usage(`expected one of ${INTERVALS.join(', ')}`, { got: JSON.stringify(word) })
}

async function exportStream(
  context: Context,
  database: Store,
  selection: Selection,
  given: Parameters<typeof openOutput>[1],
): Promise<number> {
  let out: Awaited<ReturnType<typeof openOutput>> | null = null
  let writer: RecordWriter | null = null
  let rows = 0
  const progress = context.ui.progress('rows')
  try {
    for await (const batch of database.bars(selection, context.signal)) {
      // Opened late: an empty selection leaves an existing file alone.
      out ??= await openOutput(context, given)
      writer ??= await recordWriter(out.sink, out.format, out)
      await writer.bars(batch)
      rows += batch.length
      progress.update(rows)
    }
    await writer?.finish()
    await out?.done()
    return rows
  } catch (error) {
    await out?.abort()
    throw error
  } finally {
    await writer?.abort()
    progress.end()
  }
}

/** Rows come by what they are parted by, so that one file is open at a time, however many there will be. */
async function exportFolder(
  context: Context,
  database: Store,
  selection: Selection,
  keys: readonly Partition[],
  directory: string,
): Promise<number> {
  const progress = context.ui.progress('rows')
  let part: Part | null = null
  let rows = 0
  try {
    for await (const batch of database.bars(selection, context.signal, { groups: keys })) {
      let from = 0
      while (from < batch.length) {
        const to = endOfPart(batch, from, keys)
        const path = keys.map((key) => `${key}=${partitionValue(batch, from, key)}`).join('/')
        if (part?.path !== path) {
          await part?.close()
          part = await openPart(context, { directory, path, keys })
        }
        await part.writer.bars(rowsOf(batch, from, to))
        from = to
      }
      rows += batch.length
      progress.update(rows)
    }
    await part?.close()
    return rows
  } catch (error) {
    await part?.abort()
    throw error
  } finally {
    progress.end()
  }
}

/** The first row after `from` that is of another file. */
function endOfPart(batch: BarBatch, from: number, keys: readonly Partition[]): number {
  const [bySymbol, byInterval] = [keys.includes('symbol'), keys.includes('interval')]
  const [symbol, interval] = [batch.symbol[from], batch.interval[from]]
  const time = batch.time[from]!
  const day = newYorkDay(time)
  const [fromMs, toMs] = keys.includes('date')
    ? [newYorkMidnight(day), newYorkMidnight(day + 1)]
    : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  let i = from + 1
  while (i < batch.length) {
    if (bySymbol && batch.symbol[i] !== symbol) break
    if (byInterval && batch.interval[i] !== interval) break
    if (batch.time[i]! < fromMs || batch.time[i]! >= toMs) break
    i++
  }
  return i
}

function rowsOf(batch: BarBatch, from: number, to: number): BarBatch {
  if (from === 0 && to === batch.length) return batch
  const rows = newBatch(to - from, batch.names)
  for (let i = from; i < to; i++) copyRow(batch, i, rows)
  return rows
}

function partitionValue(batch: BarBatch, i: number, key: Partition): string {
  if (key === 'symbol') return batch.names.text(batch.symbol[i]!) ?? ''
  return key === 'date' ? formatDate(newYorkDay(batch.time[i]!)) : INTERVALS[batch.interval[i]!]!
}

interface Part {
  readonly path: string
  readonly writer: RecordWriter
  readonly close: () => Promise<void>
  readonly abort: () => Promise<void>
}

interface PartOptions {
  readonly directory: string
  readonly path: string
  readonly keys: readonly Partition[]
}

async function openPart(context: Context, { directory, path, keys }: PartOptions): Promise<Part> {
  const folder = join(directory, path)
  ensureDirectory(folder)
  const sink = await fileSink(join(folder, 'part-0.parquet'), { onForcedExit: context.onForcedExit })
  const writer = await recordWriter(sink, 'parquet', { without: keys })
  return {
    path,
    writer,
    close: async () => {
      await writer.finish()
      await sink.close()
    },
    abort: async () => {
      await writer.abort()
      await sink.abort()
    },
  }
}
