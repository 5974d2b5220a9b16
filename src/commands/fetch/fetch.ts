import { usage } from '../../base/errors.js'
import { daysFromCivil, formatDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, date, file, flag, integer, list, real, under, type Values } from '../../cli/options.js'
import type { FeedWorld } from '../../market/feeds/feed.js'
import { fileFeed } from '../../market/feeds/file.js'
import { mockFeed, REGIMES } from '../../market/feeds/mock.js'
import { DEFECTS, type Defect, type DefectRecord } from '../../market/feeds/mock-defects.js'
import { type RecordWriter, recordWriter } from '../../market/write.js'
import { fileSink } from '../../stream/sink.js'
import {
  DEFAULT_SYMBOLS,
  input,
  interval,
  namedInputs,
  openInput,
  readOptions,
  symbol,
  symbols,
} from '../wiring/input.js'
import { openOutput, output, refuseOneFile } from '../wiring/output.js'
import { Rejects, rejectOptions } from '../wiring/rejects.js'
import { storeEnvironment } from '../wiring/store.js'
import type { Chosen } from './chosen.js'
import { sessionDates } from './dates.js'
import { sourceOptions, sources } from './sources.js'

const DEFAULT_DAYS = 20
/** Of generated bars; fixed, so that the same command gives the same bytes on any day. */
const DEFAULT_TO = daysFromCivil(2025, 8, 1)

const options = {
  ...under('Bars', {
    symbols,
    interval,
    days: integer('N', 'sessions, ending at --to', {
      min: 1,
      max: 8000,
      defaultText: String(DEFAULT_DAYS),
    }),
    from: date('first session date', { today: true }),
    to: date('last session date', {
      today: true,
      defaultText: `today; ${formatDate(DEFAULT_TO)} of generated bars`,
    }),
  }),
  ...sourceOptions,
  ...under('Generated bars', {
    mock: flag('generate bars'),
    seed: integer('N', 'seed of the generator', { fallback: 1, min: 0, max: 4_294_967_295 }),
    regime: choice('NAME', REGIMES, 'what moves the generated prices', { fallback: 'noise' }),
    'noise-bps': real('BPS', 'standard deviation a minute of the random walk', {
      defaultText: '8; mean-revert 5',
      min: 0,
      max: 1000,
    }),
    'revert-bps': real('BPS', 'standard deviation of the mean-reverting part', {
      fallback: 25,
      min: 0,
      max: 1000,
    }),
    'revert-half-life': real('MINUTES', 'half-life of the mean-reverting part', {
      fallback: 10,
      min: 0.1,
      max: 10_000,
    }),
    'trend-bps': real('BPS', 'drift a minute of the trend', { fallback: 1.5, min: 0, max: 1000 }),
    'trend-minutes': real('MINUTES', 'mean length of a trend', { fallback: 60, min: 1, max: 100_000 }),
    gaps: real('P', 'leave out each generated bar with probability P', { fallback: 0, min: 0, max: 1 }),
    defects: list(
      'LIST',
      `put flaws into generated data, for testing validators: all, ${DEFECTS.join(', ')}`,
      {
        each: (word) => {
          if (word === 'all' || (DEFECTS as readonly string[]).includes(word)) return word
          throw usage(`expected all or some of ${DEFECTS.join(', ')}`, { got: quote(word) })
        },
        words: ['all', ...DEFECTS],
      },
    ),
    'defects-out': file('write what was put in to FILE, as records'),
  }),
  ...under('Files', { symbol, ...input, ...rejectOptions }, [
    'symbol',
    'tz',
    'columns',
    'no-header',
    'vendor',
    'max-rejects',
  ]),
  ...output,
}

type FetchOptions = Values<typeof options>

export const fetch = defineCommand({
  name: 'fetch',
  summary: 'get market data as bars: from vendors, a gateway, files, or generated',
  description: [
    'Writes bars to standard output or to a file. Where they come from is always said by a flag or a file name; nothing stands in for a source that fails.',
    'With --source the bars come from vendors over HTTP (alpaca, alphavantage, polygon, also called massive) or from the gateway of the broker (ib). Each symbol is asked of the first source; what that lacks against the calendar, or the whole while it does not answer, is asked of the next one. Every bar says whose it is, prices are never averaged, and where the source of a symbol changes a feed_switch record says why. Where two sources have the same bars they are compared: a drift beyond max(2 cents, 5 bps) is told; a source whose prices are a multiple, or whose bars lie an hour or one bar away, fills nothing. Sources that adjust for different things are refused together: alpaca, polygon and ib adjust for splits, alphavantage for splits and dividends. Bars after a night that looks like a split are kept out; --quarantine FILE keeps them, and load takes that file where they are true.',
    'Bars that no source has end in 1 once all else is written, and are named. A few minutes that a second source lacks too are taken for not traded. Where nobody answers it is 69, where keys are refused 77, and where a limit alone is in the way 75: answers are kept, so the same command goes on from there, and -o FILE appears only with all that was answered. --strict ends in 1 also where anything at all was out of order.',
    'Calls are counted over all commands that share the state directory, so that a key stays within --quota: by default 200 calls a minute of alpaca, 5 a minute of polygon, 25 a day of alphavantage, which answers a month of one symbol a call. Answers about days that are long settled are kept in the cache directory, without the key; --no-cache does without, --refresh asks anew, as after a split. A key is asked of the environment or the vault when its vendor is asked for the first time; it goes to the host of the --*-url alone, never along a redirect or to another host.',
    '--since-store fetches what the store lacks of the sessions asked for: the line for every evening. --repair SYMBOL:FROM..TO fetches spans, as jules eod-validate prints them. --follow does not end: with ib bars are made of those of five seconds and closed by the clock of the broker, with others each source is asked again at the end of each bar.',
    'With --mock the bars are generated for the sessions of the New York calendar, half days and holidays included. The same seed and options give the same bytes everywhere. The regime noise has no edge to find; mean-revert and trend hold a planted signal and are for testing that a learner finds it.',
    'With FILE the bars of files are converted: ndjson, csv or parquet, gzip or not, folders of them included. NAME=FILE says the symbol of rows that have none, as does a folder symbol=NAME. Columns may stand in any order under their usual names. Order and every field are kept; what is missing is filled: the interval from the commonest spacing of the first 1,000 rows, the session from the calendar, the source with "file". The bar of a day stands at midnight in New York of its date.',
    'A CSV file has one delimiter, that of its header; comments, a sep= line, UTF-16, thousands, currency signs and decimal commas are understood. Stamps may be ISO-8601, compact, with the month or the day first where the rows show which, with AM and PM, a zone name or an epoch in s, ms, us or ns. What the rows leave open is refused with the option that says it. --vendor NAME reads files of that vendor which do not say all of it themselves: columns without a header, stamps of New York, stamps at the end of a bar, fixed-point prices, a JSON document.',
    'Bars of one symbol and interval that overlap, and bars of the regular session that lie outside of it, are bad lines. Bars off the grid of their session, rows beyond the years of the calendar and nights that look like a split in bars that are not adjusted are told.',
    'Bars of a range are written by time, then by symbol in the order of --symbols.',
  ],
  operands: [{ name: 'FILE', help: 'file of bars, or - for standard input', many: true, completes: 'file' }],
  options,
  examples: [
    {
      text: 'What the store lacks, from one vendor and then another',
      shell: 'jules fetch --source alpaca,polygon --since-store | jules load',
    },
    {
      text: 'All since a date as Parquet',
      shell: 'jules fetch --source alpaca --from 2024-07-01 -o year.parquet',
    },
    {
      text: 'Each minute as it ends, from the gateway',
      shell: 'jules fetch --source ib --gateway 127.0.0.1:4002 --follow',
    },
    { text: 'Twenty generated sessions into the store', shell: 'jules fetch --mock | jules load' },
    {
      text: 'A file of New York wall times as Parquet',
      shell: 'jules fetch bars.csv --symbol NVDA --tz America/New_York -o nvda.parquet',
    },
    {
      text: 'One generated day, five-minute bars',
      shell: 'jules fetch --mock --days 1 --interval 5m | head -4',
    },
  ],
  exits: {
    1: 'bars are missing, or with --strict anything was out of order',
    65: 'a bad line, bars that overlap, or a damaged file',
    66: 'no such file, an empty file, no session in the range, or a symbol that the store does not know',
    69: 'no source answers, or the database cannot be reached',
    73: 'the output cannot be created',
    74: 'reading or writing failed',
    75: 'a limit of a vendor stopped it, or no bar has ended yet',
    77: 'a key is refused or missing, or the account of the gateway is not one of paper',
  },
  environment: {
    'ALPACA_API_KEY_ID, ALPACA_API_SECRET_KEY, ALPHAVANTAGE_API_KEY, POLYGON_API_KEY':
      'keys of the vendors, before those of the vault',
    ...storeEnvironment,
  },
  files: {
    '$XDG_CACHE_HOME/jules/feeds': 'answers of vendors, by request without the key',
    '$XDG_STATE_HOME/jules/feed-quotas.json': 'calls that were made of each key',
  },
  seeAlso: ['load', 'export', 'eod-validate'],
  run: async (context, given, operands) => {
    const kind = kindOf(context, given, operands)
    refuseStray(context, kind)
    const { output, quarantine, rejects, 'defects-out': defectsOut } = given
    await refuseOneFile({ output, quarantine, rejects, 'defects-out': defectsOut }, operands)
    const chosen = await FEEDS[kind].choose(context, given, operands)
    try {
      await write(context, chosen, given, operands)
    } finally {
      await chosen.close?.()
    }
  },
})

type Kind = 'mock' | 'file' | 'source'

/** Where the bars come from. What the command line says goes before what environment and configuration do. Throws 64. */
function kindOf(context: Context, given: FetchOptions, operands: readonly string[]): Kind {
  const isFlag = (name: string) => context.settings.get(name)?.origin === 'flag'
  const said: Kind[] = []
  if (isFlag('mock') && given.mock) said.push('mock')
  if (isFlag('source')) said.push('source')
  if (operands.length > 0) said.push('file')
  const names = { mock: '--mock', source: '--source', file: 'FILE' }
  if (said.length > 1) throw usage(`${said.map((kind) => names[kind]).join(' and ')} exclude each other`)
  if (said[0] !== undefined) return said[0]
  if (given.source !== undefined) return 'source'
  if (given.mock) return 'mock'
  throw usage('name a source', {
    hint: 'jules fetch --source alpaca, jules fetch --mock, jules fetch FILE, or jules fetch - for standard input',
  })
}

interface Offer {
  /** Options that say something to this kind of feed. */
  readonly own: readonly string[]
  /** What an option needs that this kind alone has. */
  readonly needs: string
  readonly choose: (context: Context, given: FetchOptions, operands: readonly string[]) => Promise<Chosen>
}

const DATES = ['days', 'from', 'to', 'symbols']

/** The kinds of feeds there are; each feed is one file in market/feeds/. */
const FEEDS: Readonly<Record<Kind, Offer>> = {
  mock: {
    own: [
      ...['seed', 'regime', 'gaps', 'defects', 'defects-out', ...DATES],
      ...['noise-bps', 'revert-bps', 'revert-half-life', 'trend-bps', 'trend-minutes'],
    ],
    needs: 'needs --mock',
    choose: mock,
  },
  source: { own: [...Object.keys(sourceOptions), ...DATES], needs: 'needs --source', choose: sources },
  file: {
    own: ['symbol', ...Object.keys(input), ...Object.keys(rejectOptions)],
    needs: 'is for files',
    choose: files,
  },
}

/** Nothing given on the command line is passed over in silence. */
function refuseStray(context: Context, chosen: Kind): void {
  for (const { own, needs } of Object.values(FEEDS)) {
    const stray = own.find(
      (option) => context.settings.get(option)?.origin === 'flag' && !FEEDS[chosen].own.includes(option),
    )
    if (stray !== undefined) throw usage(`--${stray} ${needs}`)
  }
}

async function mock(context: Context, options: FetchOptions): Promise<Chosen> {
  const found: DefectRecord[] = []
  return {
    feed: mockFeed({
      seed: options.seed,
      regime: options.regime,
      noiseBps: options['noise-bps'],
      revertBps: options['revert-bps'],
      revertHalfLifeMinutes: options['revert-half-life'],
      trendBps: options['trend-bps'],
      trendMinutes: options['trend-minutes'],
      gaps: options.gaps,
      defects: defects(options),
      onDefect: (defect) => found.push(defect),
    }),
    wanted: {
      symbols: options.symbols ?? DEFAULT_SYMBOLS,
      interval: options.interval ?? '1m',
      ...sessionDates(options, { nowMs: context.clock(), lastDay: DEFAULT_TO, count: DEFAULT_DAYS }),
    },
    finish: async () => {
      if (options['defects-out'] === undefined) return
      const sink = await fileSink(options['defects-out'], context)
      try {
        await sink.write(Buffer.from(found.map((defect) => `${JSON.stringify(defect)}\n`).join('')))
        await sink.close()
      } catch (error) {
        await sink.abort()
        throw error
      }
    },
    check: (format) => {
      if (options['defects-out'] !== undefined && options.defects === undefined)
        throw usage('--defects-out needs --defects')
      if (options.defects !== undefined && format !== 'ndjson')
        throw usage('--defects writes ndjson: other formats cannot hold them')
    },
  }
}

/** Flaws in the order that they are drawn in. */
function defects({ defects: words = [] }: FetchOptions): readonly Defect[] {
  return DEFECTS.filter((kind) => words.includes('all') || words.includes(kind))
}

/** The whole of the files. The first one is opened here: a mistyped name must not cost an output that is there. */
async function files(context: Context, options: FetchOptions, operands: readonly string[]): Promise<Chosen> {
  const inputs = await namedInputs(operands, options)
  const open = (path: string) => openInput(context, path, { format: options['input-format'] })
  const first = await open(inputs[0]!.path)
  const rejects = new Rejects(context, options['max-rejects'])
  await rejects.open(options.rejects)
  return {
    feed: fileFeed(
      inputs.map((one, i) => ({ ...one, open: async () => (i === 0 ? first : open(one.path)) })),
      { ...readOptions(context, options), onReject: rejects.take },
    ),
    wanted: {},
    rejects,
  }
}

async function write(
  context: Context,
  { feed, wanted, check, rejects, told = [], finish }: Chosen,
  given: FetchOptions,
  operands: readonly string[],
): Promise<void> {
  const { ui, signal, clock } = context
  const progress = ui.progress('rows')
  let rows = 0
  let status: string | undefined
  const world: FeedWorld = {
    signal,
    clock,
    note: (words) => ui.note(words),
    warn: (words) => ui.warn(words),
    detail: (words) => ui.detail(words),
    status: (words) => {
      status = words
      progress.update(rows, undefined, status)
    },
  }
  const out = await openOutput(context, given, operands)
  let writer: RecordWriter | null = null
  try {
    writer = await recordWriter(out.sink, out.format, out)
    check?.(out.format)
    for await (const block of feed.bars(wanted, world)) {
      if (block.kind === 'bars') {
        await writer.bars(block.batch)
        rows += block.batch.length
        if (rejects) rejects.read += block.batch.length
      } else {
        for (const record of block.records) {
          if (out.format === 'ndjson' || !told.includes(record.type)) await writer.other(record)
        }
        rows += block.records.length
      }
      // A slow feed is seen downstream as it comes.
      await writer.flush()
      progress.update(rows, undefined, status)
    }
    await rejects?.finish()
    await writer.finish()
    await finish?.()
    await out.done()
    if (rejects && rejects.rejected > 0)
      ui.note(`${rejects.rejected} lines rejected`, { rejected: rejects.rejected })
  } catch (error) {
    await out.abort()
    await rejects?.close().catch(() => {})
    throw error
  } finally {
    await writer?.abort()
    progress.end()
  }
}
