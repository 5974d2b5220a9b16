/** Bars of the two symbols, from the store, a file or standard input, as one market. */

import { createHash } from 'node:crypto'
import { Failure, usage } from '../../base/errors.js'
import { newYorkMidnight } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { date, flag, list, real, under, type Values } from '../../cli/options.js'
import { Aligner, type DroppedRange } from '../../market/align.js'
import { type BarBatch, type Interval, Names } from '../../market/bar.js'
import { BAR_FIELDS, type BarField } from '../../market/fields.js'
import type { Market } from '../../market/market.js'
import { mergedByTime } from '../../market/merge.js'
import { missingOf } from '../../market/missing.js'
import { readRecords } from '../../market/records.js'
import { COLUMNS } from '../../market/series.js'
import { splitWords } from '../../market/splits.js'
import type { Holding, Selection } from '../../store/store.js'
import type { Source } from '../../stream/source.js'
import {
  DEFAULT_SYMBOLS,
  input,
  interval,
  type NamedInput,
  namedInputs,
  openInput,
  readOptions,
  SOURCE_WORDS,
  symbol,
  symbols,
  unnamedInput,
} from './input.js'
import { holdingsWords, store, storeExits, withStore } from './store.js'

const STORE_INTERVAL: Interval = '1m'

export const marketOptions = under(
  'Data',
  {
    symbols: { ...symbols, defaultText: DEFAULT_SYMBOLS.join(',') },
    interval: { ...interval, defaultText: '1m of the store; that of a file' },
    source: list('LIST', 'only bars of these sources', { words: SOURCE_WORDS }),
    from: date('first session date'),
    to: date('last session date'),
    'max-missing': real('PART', 'largest part of the times that may lack a bar of one symbol', {
      fallback: 0.05,
      min: 0,
      max: 1,
    }),
    symbol,
    ...input,
    ...store,
    store: flag('read the store, whatever is on standard input'),
  },
  ['symbols', 'interval', 'from', 'to', 'symbol', 'tz', 'store'],
)

/** The operand of the commands that read a market. */
export const barsOperand = {
  name: 'FILE',
  help: 'bars: a file, a folder of files, NAME=FILE, or -; default: standard input if it holds any, else the store',
  many: true,
  completes: 'file',
} as const

export const marketExits = {
  65: 'a bad line, bars that overlap, out of order, of mixed intervals, or too many without a partner',
  66: 'no such file, an empty one, or no bars match',
  ...storeExits,
}

export const marketWords =
  'Bars come from the files that are named, merged by time; else from standard input, where it is a pipe or a file that holds some; else from the store. --store reads the store whatever is on standard input. NAME=FILE says the symbol of rows that have none. Only those of the regular session count. The two symbols are joined by time; a bar without a partner carries no decision and is reported. What the calendar has and the input has not is told: sessions and bars, of one symbol or both. Bars of one symbol and interval may not overlap.'

type MarketFlags = Values<typeof marketOptions>

export interface LoadedMarket {
  readonly market: Market
  /** `store`, `stdin`, or the path as it was given. */
  readonly name: string
  readonly sources: readonly string[]
  readonly rows: number
  readonly droppedRows: number
  readonly dropped: readonly DroppedRange[]
  /** Part of the bars of both symbols that the calendar has and the input has not. */
  readonly missing: number
  /** Of times, prices and volumes. */
  readonly sha256: string
}

/** Where bars come from: files, `-` among them, or with none the store. */
export interface MarketInput {
  readonly operands: readonly string[]
  /** Standard input where it was opened already, to see whether it holds anything. */
  readonly stdin: Source | null
}

/** What a command reads: its operands, else standard input if that holds anything, else the store. Throws 64 for both. */
export async function marketInput(
  context: Context,
  flags: Pick<MarketFlags, 'store' | 'input-format'>,
  operands: readonly string[],
): Promise<MarketInput> {
  if (flags.store && operands.length > 0) throw usage('--store and FILE exclude each other')
  const named = operands.length > 0 || flags.store || context.settings.get('dsn')?.origin === 'flag'
  const stdin = named ? null : await unnamedInput(context, { format: flags['input-format'] })
  return stdin === null ? { operands, stdin } : { operands: ['-'], stdin }
}

export interface LoadOptions {
  /** One symbol will do. */
  readonly single?: boolean
  /** Gets every bar that is read, in batches that are used again. */
  readonly tee?: (batch: BarBatch) => Promise<void>
}

/** The market that options and operands name. Says on stderr what was dropped. */
export async function loadMarket(
  context: Context,
  flags: MarketFlags,
  { operands, stdin }: MarketInput,
  { single = false, tee }: LoadOptions = {},
): Promise<LoadedMarket> {
  const pair = symbolPair(flags.symbols, single)
  const { from, to } = flags
  if (typeof from === 'number' && typeof to === 'number' && from > to) throw usage('--from is after --to')
  const fromStore = operands.length === 0
  const name = fromStore ? 'store' : operands.map((one) => (one === '-' ? 'stdin' : one)).join(' ')
  const bounds = {
    fromMs: typeof from === 'number' ? newYorkMidnight(from) : undefined,
    toMs: typeof to === 'number' ? newYorkMidnight(to + 1) : undefined,
  }
  const wanted = flags.interval ?? (fromStore ? STORE_INTERVAL : undefined)
  const aligner = new Aligner({
    symbols: pair,
    name,
    maxMissing: flags['max-missing'],
    interval: wanted,
    sources: flags.source,
    ...bounds,
  })
  const progress = context.ui.progress('bars')
  try {
    const joining: Joining = {
      push: async (batch) => {
        await tee?.(batch)
        aligner.push(batch)
        progress.update(aligner.rows)
      },
    }
    if (fromStore) {
      const selection = {
        symbols: [...new Set(pair)],
        intervals: [wanted!],
        sources: flags.source,
        ...bounds,
      }
      await readStore(context, flags, selection, joining)
    } else
      await readFiles(context, flags, { operands, stdin }, joining).catch((error) => {
        throw stdin === null ? error : unasked(error)
      })
  } finally {
    progress.end()
  }
  const market = aligner.finish()
  const { droppedRows } = aligner
  if (droppedRows > 0) {
    context.ui.note(`${droppedRows} of ${aligner.rows} bars have no partner: ${aligner.describeDropped()}`, {
      dropped: droppedRows,
    })
  }
  const missing = missingOf(market)
  if (missing.words !== null)
    context.ui.note(`missing against the calendar: ${missing.words}`, { missing: missing.share })
  if (aligner.straddling > 0) {
    context.ui.note(
      `${aligner.straddling} bars begin before the open and end after it, and are left aside: ${aligner.firstStraddling}`,
    )
  }
  for (const split of aligner.splits) context.ui.warn(splitWords(split))
  if (aligner.duplicates > 0)
    context.ui.note(`${aligner.duplicates} bars repeat a symbol and time: the last one counts`)
  if (aligner.outside > 0) context.ui.detail(`${aligner.outside} bars outside of the regular session`)
  return {
    market,
    name,
    sources: aligner.sources,
    rows: aligner.rows,
    droppedRows,
    dropped: aligner.dropped,
    missing: missing.share,
    sha256: marketDigest(market),
  }
}

/** With `single` one symbol will do: it stands in both places, and the second is never traded. */
export function symbolPair(given: readonly string[] | undefined, single: boolean): readonly [string, string] {
  const [first, second, third] = given ?? DEFAULT_SYMBOLS
  if (single && first !== undefined && second === undefined) return [first, first]
  if (first === undefined || second === undefined || third !== undefined || first === second)
    throw usage(`--symbols: expected two symbols, such as NVDA,MSFT${single ? ', or one' : ''}`)
  return [first, second]
}

/** What a market is made of. */
const FIELDS: ReadonlySet<BarField> = new Set(
  BAR_FIELDS.filter((field) => field !== 'vwap' && field !== 'trades'),
)

interface Joining {
  readonly push: (batch: BarBatch) => Promise<void>
}

async function readFiles(
  context: Context,
  flags: MarketFlags,
  { operands, stdin }: MarketInput,
  joining: Joining,
): Promise<void> {
  const inputs = await namedInputs(operands, flags)
  const names = new Names()
  const read = async function* ({ path, symbol: own }: NamedInput): AsyncGenerator<BarBatch> {
    const source = stdin ?? (await openInput(context, path, { format: flags['input-format'] }))
    const blocks = readRecords(source, {
      ...readOptions(context, flags),
      symbol: flags.symbol ?? own,
      names,
      fields: FIELDS,
      onNote: (words) => context.ui.note(words),
      onWarn: (words) => context.ui.warn(words),
      onIgnored: (field) =>
        context.ui.detail(`${source.name}: ${quote(field)} is not a field of a bar, ignored`),
    })
    for await (const block of blocks) {
      context.signal.throwIfAborted()
      if (block.kind === 'bars') yield block.batch
    }
    await source.close()
  }
  const [first, second] = inputs
  const batches = second === undefined ? read(first!) : mergedByTime(inputs.map((one) => read(one)))
  for await (const batch of batches) await joining.push(batch)
}

/** Standard input was read though nobody named it: what it holds may be meant for somebody else. */
export function unasked(error: unknown): unknown {
  if (!(error instanceof Failure) || error.kind !== 'data') return error
  const { message, where, fields } = error
  const store = '--store reads the store whatever is on standard input'
  const hint = error.hint === undefined ? store : `${error.hint}; ${store}`
  return new Failure('data', message, {
    hint,
    fields,
    cause: error,
    ...(where === undefined ? {} : { where }),
  })
}

async function readStore(
  context: Context,
  flags: MarketFlags,
  selection: Selection,
  joining: Joining,
): Promise<void> {
  await withStore(context, flags, async (database) => {
    let rows = 0
    for await (const batch of database.bars(selection, context.signal)) {
      await joining.push(batch)
      rows += batch.length
    }
    if (rows === 0) throw nothingMatches(await database.holdings())
  })
}

/** For a selection that matches no bars: says what there is. */
export function nothingMatches(holdings: readonly Holding[]): Failure {
  return new Failure('noInput', 'no bars match', {
    hint:
      holdings.length === 0
        ? 'the store is empty: jules fetch --mock | jules load'
        : `the store holds ${holdingsWords(holdings)}`,
  })
}

/** Hash of times, prices and volumes. */
export function marketDigest(market: Market): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([market.symbols, market.interval, market.length]))
  const column = (values: Float64Array) =>
    hash.update(new Uint8Array(values.buffer, values.byteOffset, 8 * market.length))
  column(market.time)
  for (const name of COLUMNS) market[name].forEach(column)
  // Bars that one symbol has alone move its marks and its exits.
  for (const series of market.alone) {
    if (series.length === 0) continue
    hash.update(JSON.stringify([series.symbol, series.length]))
    for (const name of ['time', ...COLUMNS] as const)
      hash.update(new Uint8Array(series[name].buffer, series[name].byteOffset, 8 * series.length))
  }
  return hash.digest('hex')
}
