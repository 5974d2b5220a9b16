/**
 * What the records of a run that has ended prove: its own summary, with the figures of its sessions, which come from its equity
 * records. Whatever else stands in the records is passed over, but for lines that are no record.
 */

import { badData } from '../base/errors.js'
import { newYorkDay, newYorkMidnight } from '../base/time.js'
import { quote } from '../base/words.js'
import { isObject, type JsonObject, parseObject } from '../stream/json.js'
import { simpleReturns, tStatistic } from './metrics.js'
import { type SeriesOptions, seriesFigures } from './series-figures.js'

/** What the equity of one run says of its sessions, taken mark by mark: in bounded memory, whatever their number. */
export class SessionMarks {
  /** Dollars at the start; null before the first mark. */
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

  /** A mark not before the last one; `total` are the dollars since the start, `drawdown` the part lost since a peak, where they are known. */
  take(
    ms: number,
    equity: number,
    { total, drawdown }: { total: number | null; drawdown: number | null },
  ): void {
    this.#lastMs = ms
    this.capital ??= total === null ? equity : equity - total
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
 * The summary of a run with the figures of its sessions. What the run says of itself goes before what its equity tells, and so do its
 * reasons.
 */
export function summaryWith(own: JsonObject, marks: SessionMarks, options: SeriesOptions): JsonObject {
  const { reasons: found = {}, ...figures } = marks.figures(options)
  const said = Object.entries(own).filter(([, value]) => value !== null)
  const summary: Record<string, unknown> = { ...figures, ...Object.fromEntries(said) }
  const all = { ...found, ...(isObject(own.reasons) ? own.reasons : {}) }
  const reasons = Object.entries(all).filter(([key]) => typeof summary[key] !== 'number')
  return { ...summary, reasons: Object.fromEntries(reasons) }
}

/** The records of one run, line by line. */
export class RunRecords {
  #summary: JsonObject | null = null
  #run: string | null = null
  #lastTime = ''
  readonly #marks = new SessionMarks()

  /** Takes a line; `where` is its place. Throws 65 for one that is no record, of another run, or of an earlier time. */
  take(text: string, where: string): void {
    const parsed = parseObject(text)
    if ('error' in parsed) throw badData(parsed.error, { where })
    const record = parsed.object
    const { type, run } = record
    if (type !== 'equity' && type !== 'summary') return
    if (typeof run === 'string') this.#isOf(run, where)
    if (type === 'summary') this.#summary = record
    else this.#mark(record, where)
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
    const { ms, equity, total, drawdown } = equityIn(record, where)
    // Records of two runs of one name, or one run twice: they would be judged as one.
    if (ms < this.#marks.lastMs)
      throw badData(`time: ${quote(record.time)} is before ${quote(this.#lastTime)} of the equity above`, {
        where,
      })
    this.#lastTime = String(record.time)
    this.#marks.take(ms, equity, { total, drawdown })
  }

  /** The summary of the run with the figures of its sessions; null where there was neither. */
  summary(options: SeriesOptions): JsonObject | null {
    if (this.#summary === null && this.#marks.capital === null) return null
    const own = this.#summary ?? { type: 'summary', command: 'records', run: this.#run }
    return summaryWith(own, this.#marks, options)
  }
}

/** The numbers of an equity record. Throws 65 where it has no time or no equity. */
export function equityIn({ time, equity, drawdown, pnl_total: total }: JsonObject, where: string) {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isFinite(ms) || typeof equity !== 'number' || !Number.isFinite(equity))
    throw badData('an equity record needs a time and an equity', { where })
  const numberOr = (value: unknown): number | null =>
    typeof value === 'number' && Number.isFinite(value) ? value : null
  return { ms, equity, total: numberOr(total), drawdown: numberOr(drawdown) }
}
