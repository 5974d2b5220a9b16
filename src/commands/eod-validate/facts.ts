/** What is known of the dates beside their bars: from the store, from a file to hold it against, from runs on paper, from the disk. */
import { messageOf } from '../../base/errors.js'
import { formatTime, newYorkDay, newYorkMidnight } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { type BarBatch, INTERVALS, type Interval, intervalMs, Names } from '../../market/bar.js'
import { sessionOn, sessions } from '../../market/calendar.js'
import { readRecords } from '../../market/records.js'
import type { PostgresStore } from '../../store/postgres.js'
import type { Compared, Facts } from '../../validate/check.js'
import type { Gathered } from '../../validate/gathered.js'
import { type PaperRun, STALE_MS } from '../../validate/paper.js'
import { freeBytes, nearest } from '../wiring/free-space.js'
import { namedInputs, openInput, readOptions } from '../wiring/input.js'
import { PaperRuns, readPaper } from './paper.js'

/** Days before the first date whose records tell whether a run was there already. */
const DAYS_BEFORE = 5

interface Dates {
  readonly from: number
  readonly to: number
}

type Bars = Map<string, Map<number, readonly number[]>>

export interface FactFlags {
  readonly paper: readonly string[] | undefined
  readonly against: string | undefined
}

export interface StoreLook {
  readonly dates: Dates
  readonly asOfMs: number
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly gathered: Gathered
  readonly runs: PaperRuns
  /** Bars of the file of --against; null without one. */
  readonly against: Bars | null
}

/** What the store and the disk say of each date. */
export async function factsOfStore(
  context: Context,
  database: PostgresStore,
  { dates, asOfMs, symbols, interval, gathered, runs, against }: StoreLook,
): Promise<Facts[]> {
  const { from, to } = dates
  const span = { fromMs: newYorkMidnight(from - DAYS_BEFORE), toMs: newYorkMidnight(to + 1) }
  for (const { type, object } of await database.runRecords(span)) runs.add(type, object)
  const disk = await diskOf(context)
  const paper = runs.runs
  const facts: Facts[] = []
  for (let day = from; day <= to; day++) {
    const session = sessionOn(day)
    const arrivals =
      session === null
        ? []
        : await database.arrivals({
            ...{ symbols, interval, lengthMs: intervalMs(interval) },
            ...{ fromMs: newYorkMidnight(day), toMs: newYorkMidnight(day + 1) },
          })
    facts.push({
      ...{ day, asOfMs, closeMs: session?.closeMs ?? null, arrivals },
      ...(against === null ? {} : { compared: compared(gathered, against, { day, interval, symbols }) }),
      ...paperOf(paper, day),
      ...(day === to ? disk : {}),
    })
  }
  return facts
}

/** What files of --paper say, where the store is not read; of the dates that are judged, else of their own. */
export function factsOfPaper(
  runs: readonly PaperRun[],
  { dates, asOfMs }: { readonly dates: Dates | null; readonly asOfMs: number },
): Facts[] {
  const own = runs.flatMap(({ equity, states }) =>
    [...equity, ...states].map(({ timeMs }) => newYorkDay(timeMs)),
  )
  const days = dates === null ? [...new Set(own)] : sessions(dates.from, dates.to).map(({ day }) => day)
  return days
    .sort((a, b) => a - b)
    .map((day) => ({ day, asOfMs, closeMs: sessionOn(day)?.closeMs ?? null, ...paperOf(runs, day) }))
}

/** The runs of --paper. */
export async function paperRuns(context: Context, { paper }: Pick<FactFlags, 'paper'>): Promise<PaperRuns> {
  const runs = new PaperRuns()
  if (paper !== undefined) await readPaper(context, paper, runs)
  return runs
}

function paperOf(runs: readonly PaperRun[], day: number): Pick<Facts, 'paper'> {
  const own = runs.filter(({ equity, states }) =>
    [...equity, ...states].some(({ timeMs }) => newYorkDay(timeMs) === day),
  )
  return own.length === 0 ? {} : { paper: { day, runs: own, staleMs: STALE_MS } }
}

/** Room where the data lies, or will lie; told under -v where the system does not say. */
async function diskOf({ paths, ui }: Context): Promise<{ disk?: Facts['disk'] & object }> {
  const where = nearest(paths.data)
  try {
    return { disk: { where, freeBytes: await freeBytes(where) } }
  } catch (error) {
    ui.detail(`disk is skipped: ${where}: ${messageOf(error)}`)
    return {}
  }
}

/** Bars of a file, by symbol and start. Throws 65 for a bad line. */
export async function barsOf(
  context: Context,
  path: string,
  given: Parameters<typeof readOptions>[1],
  interval: Interval,
): Promise<Bars> {
  const bars: Bars = new Map()
  const names = new Names()
  for (const { path: file, symbol: own } of await namedInputs([path], given)) {
    const source = await openInput(context, file)
    const options = { ...readOptions(context, given), symbol: given.symbol ?? own, names }
    for await (const block of readRecords(source, options)) {
      context.signal.throwIfAborted()
      if (block.kind === 'bars') keep(bars, block.batch, interval)
    }
    await source.close()
  }
  return bars
}

function keep(bars: Bars, batch: BarBatch, interval: Interval): void {
  for (let i = 0; i < batch.length; i++) {
    if (INTERVALS[batch.interval[i]!] !== interval) continue
    const symbol = batch.names.text(batch.symbol[i]!) ?? ''
    const own = bars.get(symbol) ?? new Map<number, readonly number[]>()
    bars.set(symbol, own)
    own.set(
      batch.time[i]!,
      COMPARED.map((column) => batch[column][i]!),
    )
  }
}

const COMPARED = ['open', 'high', 'low', 'close', 'volume'] as const

function compared(
  { tracks }: Gathered,
  file: Bars,
  {
    day,
    interval,
    symbols,
  }: { readonly day: number; readonly interval: Interval; readonly symbols: readonly string[] },
): Compared[] {
  const [fromMs, toMs] = [newYorkMidnight(day), newYorkMidnight(day + 1)]
  const isOf = (time: number) => time >= fromMs && time < toMs
  return symbols.map((symbol) => {
    const track = tracks.find((one) => one.symbol === symbol && one.interval === interval)
    const others = file.get(symbol) ?? new Map<number, readonly number[]>()
    const storeAlone: number[] = []
    const different: { timeMs: number; words: string }[] = []
    const seen = new Set<number>()
    for (let i = 0; i < (track?.length ?? 0); i++) {
      const timeMs = track!.time[i]!
      if (!isOf(timeMs)) continue
      seen.add(timeMs)
      const other = others.get(timeMs)
      if (other === undefined) {
        storeAlone.push(timeMs)
        continue
      }
      const at = COMPARED.findIndex((column, c) => !Object.is(track![column][i]!, other[c]!))
      if (at < 0) continue
      const column = COMPARED[at]!
      different.push({
        timeMs,
        words: `${formatTime(timeMs)} ${column} ${track![column][i]!} in the store, ${other[at]!} in the file`,
      })
    }
    const fileAlone = [...others.keys()].filter((time) => isOf(time) && !seen.has(time)).sort((a, b) => a - b)
    return { symbol, storeAlone, fileAlone, different }
  })
}
