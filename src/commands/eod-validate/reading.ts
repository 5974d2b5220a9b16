/** The rows of files, standard input or the store, all of them, for the checks. */

import { parseTime } from '../../base/stamp.js'
import { newYorkMidnight } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { INTERVALS, Names } from '../../market/bar.js'
import { previousSession, sessionsEndingAt } from '../../market/calendar.js'
import type { Problem } from '../../market/problem.js'
import { readRecords } from '../../market/records.js'
import type { BadRows } from '../../store/store.js'
import type { Facts } from '../../validate/check.js'
import type { Gathered } from '../../validate/gathered.js'
import { SESSIONS_KEPT } from '../../validate/history.js'
import { DEFAULT_SYMBOLS, namedInputs, openInput, readOptions } from '../wiring/input.js'
import type { MarketInput } from '../wiring/market.js'
import { withStore } from '../wiring/store.js'
import { barsOf, factsOfStore, paperRuns } from './facts.js'
import type { Given } from './options.js'
import type { Period } from './period.js'

export interface Reading {
  readonly gathered: Gathered
}

/** Every row of the files, or of standard input. Throws 65 where a line is no record. */
export async function readFiles(
  context: Context,
  given: Given,
  { gathered, input: { operands, stdin } }: Reading & { readonly input: MarketInput },
): Promise<void> {
  const names = new Names()
  const progress = context.ui.progress('rows')
  try {
    for (const { path, symbol: own } of await namedInputs(operands, given)) {
      const source =
        stdin ?? (await openInput(context, path, { format: given['input-format'], mayBeEmpty: true }))
      gathered.turn()
      if (!source.isEmpty) {
        const blocks = readRecords(source, {
          ...readOptions(context, given),
          symbol: given.symbol ?? own,
          names,
          // Rows are held against each other once all are there.
          check: null,
          onReject: (reject) => gathered.reject(reject),
          onIgnored: (field) =>
            context.ui.detail(`${source.name}: ${quote(field)} is not a field of a bar, ignored`),
        })
        for await (const block of blocks) {
          context.signal.throwIfAborted()
          if (block.kind === 'bars') gathered.add(block.batch)
          progress.update(gathered.rows)
        }
      }
      await source.close()
    }
  } finally {
    progress.end()
  }
}

/** The rows of the dates, and of the sessions before them for comparison; gives what is known of the dates beside them. */
export async function readStore(
  context: Context,
  given: Given,
  { gathered, period, asOfMs }: Reading & { readonly period: Period; readonly asOfMs: number },
): Promise<Facts[]> {
  const { from, to } = period
  const [first] = sessionsEndingAt(previousSession(from).day, SESSIONS_KEPT)
  const symbols = given.symbols ?? DEFAULT_SYMBOLS
  const interval = given.interval ?? '1m'
  const against = given.against === undefined ? null : await barsOf(context, given.against, given, interval)
  const runs = await paperRuns(context, given)
  const selection = {
    symbols,
    intervals: [interval],
    sources: given.source,
    // A date begins in the evening before, which is the last of the one that is not wanted.
    fromMs: newYorkMidnight(first!.day),
    toMs: newYorkMidnight(to + 1),
  }
  const progress = context.ui.progress('rows')
  try {
    return await withStore(context, given, async (database) => {
      const onBad = ({ problem, where, count }: BadRows) =>
        gathered.count({ ...problem, ...placeOf(where) }, where, count)
      for await (const batch of database.bars(selection, context.signal, { onBad })) {
        gathered.add(batch)
        progress.update(gathered.rows)
      }
      return factsOfStore(context, database, {
        dates: period,
        asOfMs,
        symbols,
        interval,
        gathered,
        runs,
        against,
      })
    })
  } finally {
    progress.end()
  }
}

/** The bar that a row of the store was to be: `market_data of NVDA 1m 2025-07-30T13:30:00Z`. */
function placeOf(where: string): Pick<Problem, 'bar'> {
  const [, symbol, length, stamp] = /^market_data of (\S+) (\S+) (.+)$/.exec(where) ?? []
  const interval = INTERVALS.find((name) => name === length)
  const time = stamp === undefined ? { error: '' } : parseTime(stamp, null)
  if (symbol === undefined || 'error' in time) return {}
  return { bar: { symbol, interval, timeMs: time.epochMs } }
}
