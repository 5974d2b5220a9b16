/**
 * What the records of a run that has ended prove: its own summary, with the figures of its sessions, which come from its equity
 * records. Whatever else stands in the records is passed over, but for lines that are no record.
 */
import { badData } from '../base/errors.js'
import { formatDate } from '../base/time.js'
import { quote } from '../base/words.js'
import { newYorkDay } from '../market/calendar.js'
import { isObject, type JsonObject, parseObject } from '../stream/json.js'
import { simpleReturns, tStatistic } from './metrics.js'
import { type SeriesOptions, seriesFigures } from './series-figures.js'

/** The records of one run, line by line. */
export class RunRecords {
  #summary: JsonObject | null = null
  #run: string | null = null
  #capital: number | null = null
  /** Largest part lost since a peak. */
  #drawdown = 0
  #last: { readonly ms: number; readonly time: string } | null = null
  /** Equity at the end of each session, by its New York date. */
  readonly #marks = new Map<string, number>()

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

  #mark({ time, equity, drawdown, pnl_total: total }: JsonObject, where: string): void {
    const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
    if (!Number.isFinite(ms) || typeof equity !== 'number' || !Number.isFinite(equity))
      throw badData('an equity record needs a time and an equity', { where })
    // Records of two runs of one name, or one run twice: they would be judged as one.
    if (this.#last !== null && ms < this.#last.ms)
      throw badData(`time: ${quote(time)} is before ${quote(this.#last.time)} of the equity above`, { where })
    this.#last = { ms, time: String(time) }
    this.#capital ??= typeof total === 'number' ? equity - total : equity
    if (typeof drawdown === 'number' && drawdown > this.#drawdown) this.#drawdown = drawdown
    // An equity stands at the end of a bar, the last one at the close.
    this.#marks.set(formatDate(newYorkDay(ms - 1)), equity)
  }

  /**
   * The summary of the run with the figures of its sessions, null where there was neither. What the run says of itself goes
   * before what its equity tells, and so do its reasons.
   */
  summary(options: SeriesOptions): JsonObject | null {
    const own = this.#summary
    if (own === null && this.#marks.size === 0) return null
    const { reasons: found = {}, ...figures } = this.#figures(options)
    const said = Object.entries(own ?? { type: 'summary', command: 'records', run: this.#run })
    const summary = { ...figures, ...Object.fromEntries(said.filter(([, value]) => value !== null)) }
    const all = { ...found, ...(isObject(own?.reasons) ? own.reasons : {}) }
    const reasons = Object.entries(all).filter(([key]) => typeof summary[key] !== 'number')
    return { ...summary, reasons: Object.fromEntries(reasons) }
  }

  #figures(options: SeriesOptions): { readonly [key: string]: unknown; readonly reasons?: JsonObject } {
    if (this.#capital === null) return {}
    const equity = Float64Array.from([this.#capital, ...this.#marks.values()])
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
      sessions: broke ? this.#marks.size : n,
      pnl: equity.at(-1)! - this.#capital,
      t_sessions: t.value,
      // Of the equity after each decision.
      max_drawdown: this.#drawdown === 0 ? 0 : -this.#drawdown,
      reasons: why,
    }
  }
}
