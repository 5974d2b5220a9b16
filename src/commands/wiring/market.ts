/** Bars of the two symbols, from the store, a file or standard input, as one market. */
import { createHash } from 'node:crypto'
import { Failure, usage } from '../../base/errors.js'
import { DAY, formatDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { date, list, real, type Values } from '../../cli/options.js'
import { Aligner, type DroppedRange } from '../../market/align.js'
import type { Interval } from '../../market/bar.js'
import { newYorkMidnight } from '../../market/calendar.js'
import type { BarField } from '../../market/fields.js'
import type { Market } from '../../market/market.js'
import { readRecords } from '../../market/records.js'
import type { Holding, Selection } from '../../store/store.js'
import { DEFAULT_SYMBOLS, input, interval, openInput, readOptions, symbol, symbols } from './input.js'
import { store, withStore } from './store.js'

const STORE_INTERVAL: Interval = '1m'

export const marketOptions = {
  symbols: { ...symbols, defaultText: DEFAULT_SYMBOLS.join(',') },
  interval: { ...interval, defaultText: '1m of the store; that of a file' },
  source: list('LIST', 'only bars of these sources'),
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
}

export const marketExits = {
  65: 'a bad line, bars out of order, of mixed intervals, or too many without a partner',
  66: 'no such file, an empty one, or no bars match',
  69: 'the database cannot be reached, or went away',
  77: 'the database refuses the password',
}

export const marketWords =
  'Bars come from the store, or from FILE, or from standard input with -. Only those of the regular session count. The two symbols are joined by time; a bar without a partner is dropped and reported.'

type MarketFlags = Values<typeof marketOptions>

export interface LoadedMarket {
  readonly market: Market
  /** `store`, `stdin`, or the path as it was given. */
  readonly name: string
  readonly sources: readonly string[]
  readonly rows: number
  readonly droppedRows: number
  readonly dropped: readonly DroppedRange[]
  /** Of times, prices and volumes. */
  readonly sha256: string
}

/** The market that options and operands name. Says on stderr what was dropped. */
export async function loadMarket(
  context: Context,
  flags: MarketFlags,
  operands: readonly string[],
  { single = false }: { readonly single?: boolean } = {},
): Promise<LoadedMarket> {
  const pair = symbolPair(flags.symbols, single)
  const { from, to } = flags
  if (typeof from === 'number' && typeof to === 'number' && from > to) throw usage('--from is after --to')
  const operand = operands[0]
  const fromStore = operand === undefined
  const name = fromStore ? 'store' : operand === '-' ? 'stdin' : operand
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
    const joining = { aligner, progress: () => progress.update(aligner.rows) }
    if (fromStore) {
      const selection = {
        symbols: [...new Set(pair)],
        intervals: [wanted!],
        sources: flags.source,
        ...bounds,
        // A day's bar may stand at 00:00 UTC of its date, before midnight in New York.
        ...(wanted === '1d' && bounds.fromMs !== undefined ? { fromMs: bounds.fromMs - DAY } : {}),
      }
      await readStore(context, flags, selection, joining)
    } else await readFile(context, flags, operand, joining)
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
    sha256: digest(market),
  }
}

/** With `single` one symbol will do: it stands in both places, and the second is never traded. */
function symbolPair(given: readonly string[] | undefined, single: boolean): readonly [string, string] {
  const [first, second, third] = given ?? DEFAULT_SYMBOLS
  if (single && first !== undefined && second === undefined) return [first, first]
  if (first === undefined || second === undefined || third !== undefined || first === second)
    throw usage('--symbols: expected two symbols, such as NVDA,MSFT')
  return [first, second]
}

/** What a market is made of. */
const FIELDS: ReadonlySet<BarField> = new Set<BarField>([
  ...(['symbol', 'interval', 'time', 'open', 'high', 'low', 'close', 'volume', 'session', 'source'] as const),
])

interface Joining {
  readonly aligner: Aligner
  readonly progress: () => void
}

async function readFile(
  context: Context,
  flags: MarketFlags,
  operand: string,
  joining: Joining,
): Promise<void> {
  const source = await openInput(context, operand, { format: flags['input-format'] })
  const blocks = readRecords(source, {
    ...readOptions(context, flags),
    fields: FIELDS,
    onIgnored: (field) =>
      context.ui.detail(`${source.name}: ${quote(field)} is not a field of a bar, ignored`),
  })
  for await (const block of blocks) {
    context.signal.throwIfAborted()
    if (block.kind === 'bars') joining.aligner.push(block.batch)
    joining.progress()
  }
  await source.close()
}

async function readStore(
  context: Context,
  flags: MarketFlags,
  selection: Selection,
  joining: Joining,
): Promise<void> {
  await withStore(context, flags.dsn, async (database) => {
    let rows = 0
    for await (const batch of database.bars(selection, context.signal)) {
      joining.aligner.push(batch)
      rows += batch.length
      joining.progress()
    }
    if (rows === 0) throw nothingMatches(await database.holdings())
  })
}

/** For a selection that matches no bars: says what there is. */
export function nothingMatches(holdings: readonly Holding[]): Failure {
  const lines = holdings.map(
    ({ symbol: name, interval: length, source, rows, firstMs, lastMs }) =>
      `${name} ${length} ${source ?? 'unknown source'}: ${rows} rows ${formatDate(Math.floor(firstMs / DAY))} to ${formatDate(Math.floor(lastMs / DAY))}`,
  )
  return new Failure('noInput', 'no bars match', {
    hint:
      lines.length === 0
        ? 'the store is empty: jules fetch --mock | jules load'
        : `the store holds ${lines.join('; ')}`,
  })
}

function digest(market: Market): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([market.symbols, market.interval, market.length]))
  const column = (values: Float64Array) =>
    hash.update(new Uint8Array(values.buffer, values.byteOffset, 8 * market.length))
  column(market.time)
  for (const name of ['open', 'high', 'low', 'close', 'volume'] as const) market[name].forEach(column)
  return hash.digest('hex')
}
