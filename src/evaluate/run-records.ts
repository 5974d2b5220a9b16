/**
 * What the records of a run that has ended prove: its own summary, with the figures of its sessions, which come from its equity
 * records. Whatever else stands in the records is passed over, but for lines that are no record.
 */

import { badData } from '../base/errors.js'
import { formatTime, newYorkDay, newYorkMidnight } from '../base/time.js'
import { quote } from '../base/words.js'
import { isObject, type JsonObject, parseObject } from '../stream/json.js'
import { UNENDED } from '../stream/lines.js'
import { simpleReturns, tStatistic } from './metrics.js'
import { type SeriesOptions, seriesFigures } from './series-figures.js'
import { dollars, FIGURES, type FigureKey, nameOf } from './shown.js'

/** What the equity of one run says of its sessions, taken mark by mark: in bounded memory, whatever their number. */
export class SessionMarks {
  /** Dollars at the start, see `beginningAt`; null before the first mark. */
  capital: number | null = null
  #drawdown = 0
  #lastMs = Number.NEGATIVE_INFINITY
  /** Of the last mark's session: the midnight after it, epoch milliseconds. */
  #dayEndMs = Number.NEGATIVE_INFINITY
  readonly #days: number[] = []
  readonly #equity: number[] = []

  /** Of the last mark, epoch milliseconds. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** New York days since 1970-01-01, of the sessions that have a mark. */
  get days(): readonly number[] {
    return this.#days
  }

  /** Equity at the end of each of them, dollars. */
  get equity(): readonly number[] {
    return this.#equity
  }

  /** A mark not before the last one; `drawdown` is the part lost since a peak, where it is known. */
  take(ms: number, equity: number, drawdown: number | null): void {
    this.#lastMs = ms
    this.capital ??= equity
    if (drawdown !== null && drawdown > this.#drawdown) this.#drawdown = drawdown
    // An equity stands at the end of a bar, the last one at the close.
    if (ms > this.#dayEndMs) {
      const day = newYorkDay(ms - 1)
      this.#dayEndMs = newYorkMidnight(day + 1)
      this.#days.push(day)
      this.#equity.push(equity)
    } else this.#equity[this.#equity.length - 1] = equity
  }

  /** Figures of the sessions, with their reasons; none before the first mark. */
  figures(options: SeriesOptions): { readonly [key: string]: unknown; readonly reasons?: JsonObject } {
    if (this.capital === null) return {}
    const equity = Float64Array.from([this.capital, ...this.#equity])
    const broke = equity.some((value) => value <= 0)
    const { n, reasons, ...figures } = seriesFigures(broke ? [] : simpleReturns(equity), options)
    const t = tStatistic(
      Float64Array.from({ length: equity.length - 1 }, (_, i) => equity[i + 1]! - equity[i]!),
    )
    const why: Record<string, string> = { ...reasons }
    if (broke) for (const key of Object.keys(why)) why[key] = 'equity fell to 0 or below'
    if (t.value === null) why.t_sessions = t.reason
    return {
      ...figures,
      sessions: broke ? this.#equity.length : n,
      pnl: equity.at(-1)! - this.capital,
      t_sessions: t.value,
      // Of the equity after each decision.
      max_drawdown: this.#drawdown === 0 ? 0 : -this.#drawdown,
      reasons: why,
    }
  }
}

/**
 * What the first mark of records says of what was before it, from the dollars since the start of the run and of its session, where
 * they are known. What sessions before it earned is no part of the first one that is here: the capital is then what that session
 * began with.
 */
export function beginningAt(
  equity: number,
  { total, day }: { readonly total: number | null; readonly day: number | null },
): { readonly capital: number; readonly isLate: boolean } {
  const isLate = total !== null && day !== null && total !== day
  return { capital: equity - ((isLate ? day : total) ?? 0), isLate }
}

/** Where the marks of a run begin and end. */
export interface MarksSpan {
  readonly firstMs: number
  /** `isLate` of its beginning. */
  readonly isLate: boolean
  /** Dollars at the last mark. */
  readonly last: number
}

/** What records lack of the run that its summary is of: their figures would be taken for those of the whole. */
export function lackWords({ firstMs, isLate, last }: MarksSpan, { equity }: JsonObject): string[] {
  return [
    ...(isLate
      ? [
          `its equity records begin at ${formatTime(firstMs)}, in the middle of the run: the curve, months and sessions are those from there on`,
        ]
      : []),
    ...(typeof equity === 'number' && Math.abs(last - equity) >= 0.005
      ? [
          `its last equity record has ${dollars(last)}, and its summary ${dollars(equity)}: the records are not all of the run`,
        ]
      : []),
  ]
}

/**
 * What is to be said of a summary that stands after another of its run; nothing where they agree. A paper run goes on after it has
 * ended and ends again: its last word counts. Throws 65 for two that cannot be of one run.
 */
export function secondWords(before: JsonObject, after: JsonObject, where: string): string[] {
  const isOther = (key: string): boolean =>
    typeof before[key] === typeof after[key] && before[key] !== after[key]
  const others = ['pnl', 'equity', 'trades', 'uptime', 'trials'].filter(isOther)
  if (isOther('command') || (after.command !== 'paper' && (isOther('pnl') || isOther('equity'))))
    throw badData(`a second summary of run ${quote(after.run ?? '')} that contradicts the one before`, {
      where,
      hint: 'two runs have one name: give each its own file',
    })
  if (others.length === 0) return []
  const shown = (record: JsonObject): string =>
    others.map((key) => `${nameOf(key)} ${FIGURES[key as FigureKey][1](record[key])}`).join(', ')
  return [`it has several summaries, and the last one counts; the one before has ${shown(before)}`]
}

/**
 * The summary of a run with the figures of its sessions. What the run says of itself goes before what its equity tells, and so do its
 * reasons.
 */
export function summaryWith(own: JsonObject, marks: SessionMarks, options: SeriesOptions): JsonObject {
  const { reasons: found = {}, ...figures } = marks.figures(options)
  const why = isObject(own.reasons) ? own.reasons : {}
  // A figure that the run could not give, for a reason, is not that of its sessions: they have a profit factor of their own.
  const said = Object.entries(own).filter(([key, value]) => value !== null || typeof why[key] === 'string')
  const summary: Record<string, unknown> = { ...figures, ...Object.fromEntries(said) }
  const all = { ...found, ...why }
  const reasons = Object.entries(all).filter(([key]) => typeof summary[key] !== 'number')
  return { ...summary, reasons: Object.fromEntries(reasons) }
}

/** The records of one run, line by line. */
export class RunRecords {
  #summary: JsonObject | null = null
  #run: string | null = null
  #lastTime = ''
  #span: MarksSpan | null = null
  readonly #notes: string[] = []
  readonly #marks = new SessionMarks()

  /**
   * Takes a line; `where` is its place, and `isEnded` whether its end is there. Throws 65 for one that is no record, of another run,
   * or of an earlier time.
   */
  take(text: string, where: string, isEnded = true): void {
    const parsed = parseObject(text)
    if ('error' in parsed) throw badData(parsed.error, { where, ...(isEnded ? {} : { hint: UNENDED }) })
    const record = parsed.object
    const { type, run } = record
    if (type !== 'equity' && type !== 'summary') return
    if (typeof run === 'string') this.#isOf(run, where)
    if (type === 'equity') this.#mark(record, where)
    else {
      if (this.#summary !== null) this.#notes.push(...secondWords(this.#summary, record, where))
      this.#summary = record
    }
  }

  #isOf(run: string, where: string): void {
    if (this.#run !== null && this.#run !== run) {
      throw badData(`records of two runs: ${this.#run} and ${run}`, {
        where,
        hint: 'evaluate one after the other',
      })
    }
    this.#run = run
  }

  #mark(record: JsonObject, where: string): void {
    const { ms, equity, drawdown, ...since } = equityIn(record, where)
    // Records of two runs of one name, or one run twice: they would be judged as one.
    if (ms < this.#marks.lastMs)
      throw badData(`time: ${quote(record.time)} is before ${quote(this.#lastTime)} of the equity above`, {
        where,
      })
    this.#lastTime = String(record.time)
    if (this.#span === null) {
      const { capital, isLate } = beginningAt(equity, since)
      this.#marks.capital = capital
      this.#span = { firstMs: ms, isLate, last: equity }
    } else this.#span = { ...this.#span, last: equity }
    this.#marks.take(ms, equity, drawdown)
  }

  /** The summary of the run with the figures of its sessions; null where there was neither. */
  summary(options: SeriesOptions): JsonObject | null {
    if (this.#summary === null && this.#marks.capital === null) return null
    const own = this.#summary ?? { type: 'summary', command: 'records', run: this.#run }
    const summary = summaryWith(own, this.#marks, options)
    const notes = [...this.#notes, ...(this.#span === null ? [] : lackWords(this.#span, own))]
    if (notes.length === 0) return summary
    return { ...summary, notes: [...notes, ...(Array.isArray(own.notes) ? own.notes : [])] }
  }
}

/** The numbers of an equity record. Throws 65 where it has no time or no equity. */
export function equityIn(
  { time, equity, drawdown, pnl_total: total, pnl_day: day }: JsonObject,
  where: string,
) {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isFinite(ms) || typeof equity !== 'number' || !Number.isFinite(equity))
    throw badData('an equity record needs a time and an equity', { where })
  const numberOr = (value: unknown): number | null =>
    typeof value === 'number' && Number.isFinite(value) ? value : null
  return { ms, equity, total: numberOr(total), day: numberOr(day), drawdown: numberOr(drawdown) }
}
