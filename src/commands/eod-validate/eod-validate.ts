import { Failure } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { formatDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, flag, under, type Values } from '../../cli/options.js'
import { painter } from '../../cli/ui.js'
import { INTERVALS, Names } from '../../market/bar.js'
import {
  newYorkDay,
  newYorkMidnight,
  previousSession,
  sessionOn,
  sessionsEndingAt,
} from '../../market/calendar.js'
import type { Problem } from '../../market/problem.js'
import type { Finding } from '../../market/quality.js'
import { readRecords } from '../../market/records.js'
import type { BadRows } from '../../store/store.js'
import { BlockWriter } from '../../stream/sink.js'
import { Gathered } from '../../validate/gathered.js'
import { SESSIONS_KEPT } from '../../validate/history.js'
import { REPAIR_SOURCES } from '../../validate/repair.js'
import { type Verdict, validate } from '../../validate/validate.js'
import { DEFAULT_SYMBOLS, namedInputs, openInput, readOptions } from '../wiring/input.js'
import { barsOperand, type MarketInput, marketInput, marketOptions, unasked } from '../wiring/market.js'
import { storeEnvironment, storeExits, withStore } from '../wiring/store.js'
import { explained } from './explained.js'
import { asOf, dates, explain, thresholds, thresholdsOf } from './options.js'
import { allowanceMs, lastEnded, notOver, type Period, periodOf } from './period.js'
import { tableOf } from './table.js'

const { 'max-missing': _, from: __, to: ___, ...selecting } = marketOptions

const options = {
  ...under('Checks', {
    date: dates,
    'as-of': asOf,
    strict: flag('warnings end with 1 too'),
    threshold: thresholds,
    explain,
    'repair-source': choice(
      'NAME',
      REPAIR_SOURCES,
      'who is named in repairs of bars whose source cannot be asked',
      {
        fallback: 'alpaca',
      },
    ),
  }),
  ...selecting,
  interval: { ...selecting.interval, defaultText: '1m of the store; what a file has' },
  format: {
    ...choice('FORMAT', ['ndjson', 'table'], 'quality records, or lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
    heading: 'Output',
  },
}

type Given = Values<typeof options>

/** Minutes after the close until which bars come in. */
const WAIT_MINUTES = 5

export const eodValidate = defineCommand({
  name: 'eod-validate',
  summary: 'check the bars of a day at its end',
  description: [
    'Judges the bars of one or more sessions: whether all are there, each once and in its place, with prices and volumes that can be true. Each finding is one quality record; a clean day writes none and ends with 0. Errors end with 1, with --strict warnings too.',
    'Bars come from the files that are named, else from standard input, where it is a pipe or a file that holds some; else from the store, with up to 20 sessions before for comparison. --store reads the store whatever is on standard input. Of files every row is judged, also those of other dates than --date, and the store is not touched; the sessions before stand in the file itself. Checks that need more of them are skipped, and named with -v.',
    'Rows that can be read and break a rule are findings, with their line; a line that is no record at all ends with 65. Dates and sessions are those of New York, whatever the time zone of the machine. Bars from 20:00 to 04:00 belong to the session that follows.',
    'today before five minutes after the close is 75: the session is not over. A day without a session is 0 and says why; a session of which nothing is there at all is 69, as is an empty input.',
    'A quality record holds date, rule set with the interval, symbol, check, severity (warn, error), from and to as starts of bars, count, observed and expected, samples, and in fix the command that fetches the bars again, where that can help. --explain all lists the checks.',
  ],
  operands: [barsOperand],
  options,
  examples: [
    {
      text: 'Generated bars: a clean day says nothing',
      shell: 'jules fetch --mock --days 1 | jules eod-validate',
    },
    {
      text: 'What is wrong with flawed ones',
      shell: 'jules fetch --mock --days 8 --defects wick | jules eod-validate -f table',
    },
    { text: 'What a check does', shell: 'jules eod-validate --explain spike' },
  ],
  exits: {
    1: 'errors were found; with --strict, warnings too',
    65: 'a line that is no record, or a damaged file',
    66: 'no such file',
    ...storeExits,
    69: 'no bars at all of a session, an empty input, or the database cannot be reached',
    75: 'the session is not over, or another session of the database is in the way',
  },
  environment: storeEnvironment,
  seeAlso: ['inspect', 'fetch', 'load'],
  run: async (context, given, operands) => {
    if (given.explain !== undefined) {
      const out = new BlockWriter(context.stdout())
      await out.text(`${explained(given.explain, thresholdsOf(given.threshold)).join('\n')}\n`)
      return out.drain()
    }
    const input = await marketInput(context, given, operands)
    const fromStore = input.operands.length === 0
    const asOfMs = given['as-of'] ?? context.clock()
    const waitMs = allowanceMs(thresholdsOf(given.threshold).freshness ?? WAIT_MINUTES)
    const wanted = given.date ?? (fromStore ? 'today' : undefined)
    const period = wanted === undefined ? null : periodOf(wanted, asOfMs, waitMs)
    if (period?.closure != null) {
      context.ui.note(`market closed (${period.closure})`)
      if (fromStore) return
    }
    const gathered = new Gathered({
      symbols: given.symbols ?? DEFAULT_SYMBOLS,
      interval: given.interval ?? (fromStore ? '1m' : undefined),
      sources: given.source,
      zone: given.tz,
    })
    if (fromStore) await readStore(context, given, { gathered, period: period! })
    else
      await readFiles(context, given, { gathered, input }).catch((error) => {
        throw input.stdin === null ? error : unasked(error)
      })
    const verdict = validate(gathered, {
      symbols: given.symbols ?? DEFAULT_SYMBOLS,
      dates: period,
      judgesAll: !fromStore,
      interval: given.interval,
      thresholds: thresholdsOf(given.threshold),
      repairSource: given['repair-source'],
      asOfMs,
      lastSessionEndMs: given['as-of'] === undefined || fromStore ? null : unseenEnd(period, asOfMs, waitMs),
    })
    tellSkipped(context, verdict)
    await write(context, given, verdict)
    refuseNothing(verdict, { gathered, period, input })
    // An incomplete look never passes.
    const today = sessionOn(newYorkDay(asOfMs))
    const isRunning = today !== null && asOfMs >= today.openMs && asOfMs < today.closeMs + waitMs
    if (isRunning && verdict.dates.some(({ day }) => day === today.day)) throw notOver(today)
    if (isBad(verdict.findings, given.strict)) context.exitWith(1)
  },
})

/** The close of the last session that has ended; null where it is among the dates, whose own checks tell what it lacks. */
function unseenEnd(period: Period | null, asOfMs: number, waitMs: number): number | null {
  const { day, closeMs } = lastEnded(asOfMs, waitMs)
  return period !== null && day >= period.from && day <= period.to ? null : closeMs
}

const isBad = (findings: readonly Finding[], isStrict: boolean): boolean =>
  findings.some(({ record }) => isStrict || record.severity === 'error')

interface Reading {
  readonly gathered: Gathered
}

async function readFiles(
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

async function readStore(
  context: Context,
  given: Given,
  { gathered, period: { from, to } }: Reading & { readonly period: Period },
): Promise<void> {
  const [first] = sessionsEndingAt(previousSession(from).day, SESSIONS_KEPT)
  const selection = {
    symbols: given.symbols ?? DEFAULT_SYMBOLS,
    intervals: [given.interval ?? ('1m' as const)],
    sources: given.source,
    // A date begins in the evening before, which is the last of the one that is not wanted.
    fromMs: newYorkMidnight(first!.day),
    toMs: newYorkMidnight(to + 1),
  }
  const progress = context.ui.progress('rows')
  try {
    await withStore(context, given, async (database) => {
      const onBad = ({ problem, where, count }: BadRows) =>
        gathered.count({ ...problem, ...placeOf(where) }, where, count)
      for await (const batch of database.bars(selection, context.signal, { onBad })) {
        gathered.add(batch)
        progress.update(gathered.rows)
      }
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

/** Nothing looked at is never a pass. */
function refuseNothing(
  { dates: seen }: Verdict,
  { gathered, period, input }: Reading & { readonly period: Period | null; readonly input: MarketInput },
): void {
  const where = input.operands.map((one) => (one === '-' ? 'stdin' : one)).join(' ')
  if (gathered.rows === 0 && input.operands.length > 0)
    throw new Failure('unavailable', 'holds no bars', { where })
  if (period === null || period.closure !== null) return
  const { from, to } = period
  if (seen.some(({ day, rows }) => day >= from && day <= to && rows > 0)) return
  const range = from === to ? formatDate(from) : `${formatDate(from)} to ${formatDate(to)}`
  throw new Failure('unavailable', `no bars of ${range}`, input.operands.length > 0 ? { where } : {})
}

/** Which checks could not be made, for those who ask. */
function tellSkipped({ ui }: Context, { skipped, beyond }: Verdict): void {
  for (const [check, days] of skipped) {
    const named = days.slice(0, 3).map(formatDate).join(', ')
    const more = days.length > 3 ? ` and ${days.length - 3} more dates` : ''
    ui.detail(`${check} is skipped for lack of sessions before: ${named}${more}`)
  }
  if (beyond > 0) ui.detail(`${beyond} rows lie beyond the calendar, 2000 to 2028, and are not judged`)
}

async function write(context: Context, given: Given, verdict: Verdict): Promise<void> {
  const isTable = (given.format ?? (context.stdoutIsTTY ? 'table' : 'ndjson')) === 'table'
  const out = new BlockWriter(context.stdout())
  if (isTable) {
    const symbols = given.symbols ?? DEFAULT_SYMBOLS
    const lines = tableOf(verdict, { symbols, paint: await painter(context.color) })
    if (lines.length > 0) await out.text(`${lines.join('\n')}\n`)
  } else for (const { record } of verdict.findings) await out.text(`${JSON.stringify(record)}\n`)
  await out.drain()
}
