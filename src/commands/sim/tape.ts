/** The bars that the simulated market goes by: a file, the store, or generated ones. */
import { Failure, usage } from '../../base/errors.js'
import { DAY, newYorkMidnight } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import type { Values } from '../../cli/options.js'
import { type BarBatch, Names } from '../../market/bar.js'
import { sessionsEndingAt } from '../../market/calendar.js'
import { mockFeed } from '../../market/feeds/mock.js'
import { mergedByTime } from '../../market/merge.js'
import { readRecords } from '../../market/records.js'
import { SeriesGatherer } from '../../sim/gather.js'
import { Tape } from '../../sim/tape.js'
import { DEFAULT_SYMBOLS, namedInputs, openInput, readOptions } from '../wiring/input.js'
import { nothingMatches } from '../wiring/market.js'
import { withStore } from '../wiring/store.js'
import type { tapeOptions } from './options.js'

type TapeFlags = Values<typeof tapeOptions> & { readonly seed: number }

/** The last session of generated bars, as `fetch --mock` has it. */
const MOCK_TO_DAY = Date.parse('2025-08-01') / DAY

/** The tape that the options name. Throws 64 for two sources, 66 for none that holds bars. */
export async function loadTape(context: Context, flags: TapeFlags): Promise<Tape> {
  const { bars, mock, from, to } = flags
  if (bars !== undefined && mock) throw usage('--bars and --mock exclude each other')
  if (typeof from === 'number' && typeof to === 'number' && from > to) throw usage('--from is after --to')
  const isStore = bars === undefined && !mock
  const symbols = flags.symbols ?? (bars === undefined ? DEFAULT_SYMBOLS : undefined)
  const gatherer = new SeriesGatherer(symbols, flags.interval ?? (isStore ? '1m' : undefined))
  const fromMs = typeof from === 'number' ? newYorkMidnight(from) : Number.NEGATIVE_INFINITY
  const toMs = typeof to === 'number' ? newYorkMidnight(to + 1) : Number.POSITIVE_INFINITY
  const progress = context.ui.progress('bars')
  let rows = 0
  const push = (batch: BarBatch) => {
    context.signal.throwIfAborted()
    gatherer.push(batch, fromMs, toMs)
    rows += batch.length
    progress.update(rows)
  }
  try {
    if (mock) await generated(context, flags, push)
    else if (bars !== undefined) await fromFiles(context, flags, bars, push)
    else
      await withStore(context, flags, async (database) => {
        const selection = {
          symbols: symbols!,
          intervals: [gatherer.interval],
          sources: undefined,
          ...{
            fromMs: Number.isFinite(fromMs) ? fromMs : undefined,
            toMs: Number.isFinite(toMs) ? toMs : undefined,
          },
        }
        for await (const batch of database.bars(selection, context.signal)) push(batch)
        if (rows === 0) throw nothingMatches(await database.holdings())
      })
  } finally {
    progress.end()
  }
  const { series, outside, duplicates, interval } = gatherer
  if (outside > 0) context.ui.note(`${outside} bars outside of the regular session are left aside`)
  if (duplicates > 0) context.ui.note(`${duplicates} bars repeat a symbol and time: the last one counts`)
  if (series.every(({ length }) => length === 0))
    throw new Failure('noInput', 'no bars match', { where: bars ?? (mock ? 'mock' : 'store') })
  return new Tape(series, { interval, seed: flags.seed })
}

async function generated(context: Context, flags: TapeFlags, push: (batch: BarBatch) => void): Promise<void> {
  const last = typeof flags.to === 'number' ? flags.to : MOCK_TO_DAY
  const first = typeof flags.from === 'number' ? flags.from : sessionsEndingAt(last, flags.days)[0]!.day
  const { signal, clock, ui } = context
  const feed = mockFeed({
    ...{
      seed: flags.seed,
      regime: flags.regime,
      noiseBps: undefined,
      revertBps: 25,
      revertHalfLifeMinutes: 10,
    },
    ...{ trendBps: 1.5, trendMinutes: 60, gaps: 0, defects: [] },
  })
  const wanted = {
    ...{
      symbols: flags.symbols ?? DEFAULT_SYMBOLS,
      interval: flags.interval ?? '1m',
      fromDay: first,
      toDay: last,
    },
  } as const
  const world = {
    signal,
    clock,
    note: (words: string) => ui.note(words),
    warn: (words: string) => ui.warn(words),
    detail: (words: string) => ui.detail(words),
  }
  for await (const block of feed.bars(wanted, world)) if (block.kind === 'bars') push(block.batch)
}

async function fromFiles(
  context: Context,
  flags: TapeFlags,
  path: string,
  push: (batch: BarBatch) => void,
): Promise<void> {
  const names = new Names()
  const read = async function* (file: { path: string; symbol?: string }): AsyncGenerator<BarBatch> {
    const source = await openInput(context, file.path, { format: flags['input-format'] })
    const blocks = readRecords(source, {
      ...readOptions(context, flags),
      symbol: flags.symbol ?? file.symbol,
      names,
      onNote: (words) => context.ui.note(words),
      onWarn: (words) => context.ui.warn(words),
      onIgnored: (field) =>
        context.ui.detail(`${source.name}: ${quote(field)} is not a field of a bar, ignored`),
    })
    for await (const block of blocks) if (block.kind === 'bars') yield block.batch
    await source.close()
  }
  const inputs = await namedInputs([path], flags)
  const [only, second] = inputs
  const batches = second === undefined ? read(only!) : mergedByTime(inputs.map(read))
  for await (const batch of batches) push(batch)
}
