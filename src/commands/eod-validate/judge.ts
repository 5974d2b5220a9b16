/** One look: what is asked for, the rows, the checks, what a baseline silences, and the report of it. */
import { Failure, usage } from '../../base/errors.js'
import { formatDate, newYorkDay } from '../../base/time.js'
import { counted, shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { sessionOn } from '../../market/calendar.js'
import { decodeUtf8 } from '../../stream/json.js'
import { readWhole } from '../../stream/source.js'
import { parseBaseline, type Silence, sift } from '../../validate/baseline.js'
import type { Facts } from '../../validate/check.js'
import { Gathered } from '../../validate/gathered.js'
import { countsOf, miscalibratedWords, type Report } from '../../validate/report.js'
import { type Verdict, validate } from '../../validate/validate.js'
import { DEFAULT_SYMBOLS } from '../wiring/input.js'
import { type MarketInput, marketInput, unasked } from '../wiring/market.js'
import { factsOfPaper, paperRuns } from './facts.js'
import { keep } from './kept.js'
import { type Given, thresholdsOf } from './options.js'
import { allowanceMs, lastEnded, notOver, type Period, periodOf } from './period.js'
import { readFiles, readStore } from './reading.js'

/** Minutes after the close until which bars come in. */
const WAIT_MINUTES = 5
const BASELINE_BYTES = 1 << 20

/** What is to be looked at. */
export interface Task {
  readonly input: MarketInput
  /** Null for every date of a file. */
  readonly period: Period | null
  readonly silences: readonly Silence[]
  readonly asOfMs: number
  readonly waitMs: number
}

export const isFromStore = ({ input }: Task): boolean => input.operands.length === 0

/** Settles what is to be looked at. Throws 75 where a session of the dates has not ended. */
export async function taskOf(context: Context, given: Given, operands: readonly string[]): Promise<Task> {
  const silences = await baselineOf(context, given.baseline)
  const input = await marketInput(context, given, operands)
  if (given.against !== undefined && input.operands.length > 0)
    throw usage('--against is for bars of the store')
  const asOfMs = given['as-of'] ?? context.clock()
  const waitMs = allowanceMs(thresholdsOf(given.threshold).freshness ?? WAIT_MINUTES)
  const wanted = given.date ?? (input.operands.length === 0 ? 'today' : undefined)
  const period = wanted === undefined ? null : periodOf(wanted, asOfMs, waitMs)
  return { input, period, silences, asOfMs, waitMs }
}

async function baselineOf(context: Context, path: string | undefined): Promise<Silence[]> {
  if (path === undefined) return []
  const bytes = await readWhole(path, { signal: context.signal, limit: BASELINE_BYTES })
  const text = decodeUtf8(bytes)
  if (text === null) throw new Failure('config', 'is not UTF-8', { where: path })
  return parseBaseline(text, path)
}

/** What a look came to: a failure outranks what was found until then. */
export interface Look {
  readonly report: Report
  readonly failure: Failure | null
}

/** Looks at the bars, and keeps in the store what is found, where that is asked for. */
export async function look(context: Context, given: Given, task: Task): Promise<Look> {
  const { period, asOfMs } = task
  const fromStore = isFromStore(task)
  const symbols = given.symbols ?? DEFAULT_SYMBOLS
  const base = { symbols, atMs: context.clock(), isStrict: given.strict, closed: null, miscalibrated: [] }
  if (period?.closure != null) context.ui.note(`market closed (${period.closure})`)
  if (fromStore && period?.closure != null) {
    const nothing = { findings: [], dates: [], judged: [], skipped: new Map(), silenced: 0 }
    return { report: { ...base, ...nothing, closed: period.closure, error: null, status: 0 }, failure: null }
  }
  const { gathered, verdict } = await verdictOf(context, given, task)
  tellSkipped(context, verdict)
  const { findings, silenced, expired } = sift(verdict.findings, task.silences, newYorkDay(asOfMs))
  tellSilenced(context, { silenced, expired })
  const { errors, warnings } = countsOf(findings)
  const status = errors > 0 || (given.strict && warnings > 0) ? 1 : 0
  const report: Report = { ...verdict, ...base, findings, silenced, error: null, status }
  let failure = failureOf(verdict, gathered, task)
  try {
    const records = failure === null && !given['no-record'] && (fromStore || given.record)
    const miscalibrated = await keep(context, report, { given, asks: fromStore, records })
    for (const one of miscalibrated) context.ui.warn(miscalibratedWords(one))
    if (failure === null) return { report: { ...report, miscalibrated }, failure }
  } catch (error) {
    // What was found is told all the same.
    if (!(error instanceof Failure)) throw error
    failure ??= error
  }
  return { report: { ...report, error: failure.message, status: failure.code }, failure }
}

async function verdictOf(context: Context, given: Given, task: Task) {
  const { input, period, asOfMs, waitMs } = task
  const fromStore = isFromStore(task)
  const gathered = new Gathered({
    symbols: given.symbols ?? DEFAULT_SYMBOLS,
    interval: given.interval ?? (fromStore ? '1m' : undefined),
    sources: given.source,
    zone: given.tz,
  })
  let facts: Facts[] = []
  if (fromStore) facts = await readStore(context, given, { gathered, period: period!, asOfMs })
  else {
    await readFiles(context, given, { gathered, input }).catch((error) => {
      throw input.stdin === null ? error : unasked(error)
    })
    if (given.paper !== undefined)
      facts = factsOfPaper((await paperRuns(context, given)).runs, { dates: period, asOfMs })
  }
  const verdict = validate(gathered, {
    symbols: given.symbols ?? DEFAULT_SYMBOLS,
    dates: period,
    judgesAll: !fromStore,
    interval: given.interval,
    thresholds: thresholdsOf(given.threshold),
    repairSource: given['repair-source'],
    repairStore: fromStore ? storeWords(context) : undefined,
    facts,
    asOfMs,
    lastSessionEndMs: given['as-of'] === undefined || fromStore ? null : unseenEnd(period, asOfMs, waitMs),
  })
  context.signal.throwIfAborted()
  return { gathered, verdict }
}

/** Options of the command line that name the store, as a repair repeats them, with a blank before them. */
function storeWords({ settings }: Context): string {
  return ['dsn', 'schema']
    .flatMap((name) => {
      const { origin, raw } = settings.get(name) ?? {}
      return origin === 'flag' && raw !== undefined ? [` --${name} ${shellWord(raw)}`] : []
    })
    .join('')
}

/** The close of the last session that has ended; null where it is among the dates, whose own checks tell what it lacks. */
function unseenEnd(period: Period | null, asOfMs: number, waitMs: number): number | null {
  const { day, closeMs } = lastEnded(asOfMs, waitMs)
  return period !== null && day >= period.from && day <= period.to ? null : closeMs
}

/** Nothing looked at is never a pass, nor is an incomplete look. */
function failureOf(
  { dates, beyond }: Verdict,
  gathered: Gathered,
  { period, input, asOfMs, waitMs }: Task,
): Failure | null {
  const where = input.operands.map((one) => (one === '-' ? 'stdin' : one)).join(' ')
  if (gathered.rows === 0 && input.operands.length > 0)
    return new Failure('unavailable', 'holds no bars', { where })
  if (beyond > 0 && !dates.some(({ rows }) => rows > 0))
    return new Failure('unavailable', 'holds no bars of 2000 to 2028, the years of the calendar', { where })
  if (period !== null && period.closure === null) {
    const { from, to } = period
    if (!dates.some(({ day, rows }) => day >= from && day <= to && rows > 0)) {
      const range = from === to ? formatDate(from) : `${formatDate(from)} to ${formatDate(to)}`
      return new Failure('unavailable', `no bars of ${range}`, input.operands.length > 0 ? { where } : {})
    }
  }
  const today = sessionOn(newYorkDay(asOfMs))
  const isRunning = today !== null && asOfMs >= today.openMs && asOfMs < today.closeMs + waitMs
  return isRunning && dates.some(({ day }) => day === today.day) ? notOver(today) : null
}

/** Which checks could not be made, for those who ask. */
function tellSkipped({ ui }: Context, { skipped, beyond }: Verdict): void {
  for (const [check, days] of skipped) {
    const named = days.slice(0, 3).map(formatDate).join(', ')
    const more = days.length > 3 ? ` and ${days.length - 3} more dates` : ''
    ui.detail(`${check} is skipped for lack of sessions before: ${named}${more}`)
  }
  if (beyond > 0) ui.warn(`${counted(beyond, 'row')} beyond the calendar, 2000 to 2028: not judged`)
}

function tellSilenced(
  { ui }: Context,
  { silenced, expired }: { readonly silenced: number; readonly expired: readonly Silence[] },
): void {
  if (silenced > 0) ui.note(`${counted(silenced, 'finding')} silenced`)
  for (const { place, check, expires } of expired)
    ui.warn(`${place}: silences ${check} no more: it expired on ${expires}`)
}
