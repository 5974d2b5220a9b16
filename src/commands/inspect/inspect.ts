import { Failure, usage } from '../../base/errors.js'
import { newYorkMidnight } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, type Values } from '../../cli/options.js'
import { painter, showsUnicode } from '../../cli/ui.js'
import { Names } from '../../market/bar.js'
import { Inspection } from '../../market/inspection.js'
import { readRecords } from '../../market/records.js'
import type { BadRows } from '../../store/store.js'
import { BlockWriter } from '../../stream/sink.js'
import { findingLines } from '../wiring/finding-lines.js'
import { namedInputs, openInput, readOptions } from '../wiring/input.js'
import {
  barsOperand,
  type MarketInput,
  marketInput,
  marketOptions,
  nothingMatches,
  unasked,
} from '../wiring/market.js'
import { isTable } from '../wiring/output.js'
import { storeExits, withStore } from '../wiring/store.js'
import { findingsOf, impossibleOf } from './findings.js'
import { linesOf } from './table.js'

const { 'max-missing': _, ...selecting } = marketOptions

const options = {
  ...selecting,
  symbols: { ...selecting.symbols, defaultText: 'all' },
  interval: { ...selecting.interval, defaultText: 'all of the store; that of a file' },
  format: {
    ...choice('FORMAT', ['ndjson', 'table'], 'quality records, or lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
    heading: 'Output',
  },
}

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'say what is in bars: span, gaps, overlaps, splits',
  description: [
    'Describes bars of any symbols and intervals, and refuses none. Of each symbol and interval it gives span, sources, adjustment, the sessions and bars that are there against the calendar, and a line of the closes; then what is odd: bars that overlap or repeat a start, rows that go back in time, lie off the grid of their session, over its open or outside of it, a spacing that is not their interval, nights that look like a split, and the largest moves over a night. Rows that are no bars are counted by what is wrong with them.',
    'Bars come from the files that are named, one after another; else from standard input, where it is a pipe or a file that holds some; else from the store. --store reads the store whatever is on standard input. NAME=FILE says the symbol of rows that have none.',
    'Rows of the store that are no bars, which another system has put there, are counted and named as those of a file.',
    'A quality record holds the date of the last bar, the rule set with the interval, symbol, check, severity (info, warning, error), from, to, count, observed and expected, samples, and what can be done. The check bars comes first for each symbol and interval.',
    'It passes over the bars once. Memory grows with the number of symbols and intervals, and by a bit a bar with the time that they span, not with the rows.',
  ],
  operands: [barsOperand],
  options,
  examples: [
    { text: 'Generated bars', shell: 'jules fetch --mock --days 3 | jules inspect -f table' },
    {
      text: 'What is odd about them',
      shell: 'jules fetch --mock --gaps 0.02 | jules inspect | grep warning',
    },
  ],
  exits: {
    65: 'a damaged file, or rows whose interval cannot be told',
    66: 'no such file, an empty one, or no bars match',
    ...storeExits,
  },
  seeAlso: ['fetch', 'load', 'backtest'],
  run: async (context, given, operands) => {
    const { from, to } = given
    if (typeof from === 'number' && typeof to === 'number' && from > to) throw usage('--from is after --to')
    const input = await marketInput(context, given, operands)
    const selection = {
      symbols: given.symbols,
      sources: given.source,
      fromMs: typeof from === 'number' ? newYorkMidnight(from) : undefined,
      toMs: typeof to === 'number' ? newYorkMidnight(to + 1) : undefined,
    }
    const inspection = new Inspection({ ...selection, interval: given.interval, zone: given.tz })
    const progress = context.ui.progress('bars')
    const seen = () => progress.update(inspection.rows)
    try {
      if (input.operands.length > 0) {
        await readFiles(context, given, input, { inspection, seen }).catch((error) => {
          throw input.stdin === null ? error : unasked(error)
        })
      } else {
        await withStore(context, given, async (database) => {
          const intervals = given.interval === undefined ? undefined : [given.interval]
          const onBad = ({ problem, where, count }: BadRows) => inspection.count(problem, where, count)
          const bars = database.bars({ ...selection, intervals }, context.signal, { onBad })
          for await (const batch of bars) {
            for (let i = 0; i < batch.length; i++) inspection.check(batch, i)
            seen()
          }
          if (inspection.rows === 0 && inspection.impossible.size === 0)
            throw nothingMatches(await database.holdings())
        })
      }
    } finally {
      progress.end()
    }
    if (inspection.rows === 0 && inspection.impossible.size === 0) {
      throw new Failure('noInput', 'no bars match', {
        where: input.operands.map((one) => (one === '-' ? 'stdin' : one)).join(' '),
      })
    }
    await write(context, given, inspection)
  },
})

type Given = Values<typeof options>

async function readFiles(
  context: Context,
  given: Given,
  { operands, stdin }: MarketInput,
  { inspection, seen }: { readonly inspection: Inspection; readonly seen: () => void },
): Promise<void> {
  const names = new Names()
  for (const { path, symbol: own } of await namedInputs(operands, given)) {
    const source = stdin ?? (await openInput(context, path, { format: given['input-format'] }))
    inspection.turn()
    const blocks = readRecords(source, {
      ...readOptions(context, given),
      symbol: given.symbol ?? own,
      names,
      check: inspection,
      onReject: (reject) => inspection.reject(reject),
      onIgnored: (field) =>
        context.ui.detail(`${source.name}: ${quote(field)} is not a field of a bar, ignored`),
    })
    for await (const _block of blocks) {
      context.signal.throwIfAborted()
      seen()
    }
    await source.close()
  }
}

async function write(context: Context, given: Given, inspection: Inspection): Promise<void> {
  const table = isTable(context, given.format)
  const paint = await painter(context.color)
  const out = new BlockWriter(context.stdout())
  const unicode = showsUnicode(context.env)
  const impossible = impossibleOf(inspection)
  let isFirst = true
  for (const track of inspection.tracks) {
    if (track.rows === 0) continue
    const found = findingsOf(inspection, track)
    if (table) await out.text(`${isFirst ? '' : '\n'}${linesOf(found, { paint, unicode }).join('\n')}\n`)
    else for (const { record } of found) await out.text(`${JSON.stringify(record)}\n`)
    isFirst = false
    context.signal.throwIfAborted()
  }
  if (table && impossible.length > 0) {
    const lines = impossible.flatMap((finding) => findingLines(finding, paint))
    await out.text(`${isFirst ? '' : '\n'}${paint.bold('rows that are no bars')}\n${lines.join('\n')}\n`)
  } else for (const { record } of impossible) await out.text(`${JSON.stringify(record)}\n`)
  await out.drain()
}
