/**
 * A journal read back: the same events through the same code as when they happened, so that the run stands where it stood. What
 * the policy decides is asked for again and held against the journal: another model, or another build, is noticed at the first
 * decision that differs.
 */
import { badData } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import type { BarNumbers, Distrust, JournalEvent } from '../../broker/journal.js'
import type { Report } from '../../portfolio/orders.js'
import type { LiveRun } from '../live.js'

/** An order as the broker knows it. */
export interface SentOrder {
  /** Ids in the book of the run, and at the broker; of an order that was sent again the last one. */
  readonly order: number
  id: number
  readonly ref: string
  readonly symbol: number
  readonly shares: number
  readonly decidedMs: number
}

/** What the account knows of an execution: signed shares, dollars a share, dollars. */
export interface Known {
  readonly revision: number
  readonly shares: number
  readonly price: number
  readonly fees: number
  readonly slippage: number
  readonly modelled: number
}

/** What a journal says beyond the state of the run. */
export interface Past {
  /** What the run is; null in an empty journal. */
  readonly start: Extract<JournalEvent, { event: 'start' }> | null
  /** By id in the book. */
  readonly orders: Map<number, SentOrder>
  /** What the account knows of executions, by the broker's id. */
  readonly executions: Map<string, Known>
  /** The largest order id that was given to the broker. */
  readonly lastId: number
  /** Why nothing may be traded until somebody resets it. */
  readonly halt: string | null
  /** Start of the newest bar of both symbols, and whether it was decided on. */
  readonly lastBarMs: number
  readonly isDecided: boolean
  readonly decisions: number
  readonly uptime: Uptime
  /** The broker's cash and ours when the day began, dollars. */
  readonly base: { readonly day: number; readonly broker: number; readonly own: number } | null
  readonly bars: number
}

/** Numbers of a bar, NaN for an unknown volume. */
export const numbersOf = (numbers: BarNumbers): number[] => numbers.map((value) => value ?? Number.NaN)

/** How a journal holds the numbers of a bar. */
export const storedNumbers = (numbers: ArrayLike<number>): (number | null)[] =>
  Array.from(numbers, (value) => (Number.isNaN(value) ? null : value))

/** Ages as the guard takes them: it does without what is not trusted. */
export const trustedAges = (ages: readonly (number | Distrust)[]): number[] =>
  ages.map((age) => (typeof age === 'number' ? age : Number.POSITIVE_INFINITY))

/**
 * Decisions that could have become orders, on data that deserved trust and was not stale; and all of them, but for those while a
 * symbol was halted.
 */
export interface Uptime {
  good: number
  all: number
}

/** Counts a decision by the ages of its data; null for a bar that came too late for one. */
export function count(uptime: Uptime, ages: readonly (number | Distrust)[] | null, live: LiveRun): void {
  if (ages?.includes('halt')) return
  const { maxAgeMs } = live.options.rules.limits
  uptime.all++
  if (ages?.every((age) => age === 'stopped' || (typeof age === 'number' && age <= maxAgeMs))) uptime.good++
}

/** How a journal is read back. */
export interface Replay {
  /** For messages. */
  readonly name: string
  /** Decisions are held against those of the journal. */
  readonly verifies: boolean
  /** Sees each event after it has had its effect. */
  readonly told?: (event: JournalEvent) => void
}

/** Takes a new run to where the journal ends. Throws 65 where a decision is not the one that the journal holds. */
export function replayed(events: readonly JournalEvent[], live: LiveRun, options: Replay): Past {
  const replaying = new Replaying(live, options)
  for (const event of events) replaying.take(event)
  return replaying.past()
}

/** A journal that is read back event by event, as one is that is still written to. */
export class Replaying {
  readonly #live: LiveRun
  readonly #options: Replay
  readonly #orders = new Map<number, SentOrder>()
  readonly #executions = new Map<string, Known>()
  readonly #uptime: Uptime = { good: 0, all: 0 }
  #line = 0
  #start: Past['start'] = null
  #lastId = 0
  #halt: string | null = null
  #isDecided = false
  #decisions = 0
  #base: Past['base'] = null
  #bars = 0

  /** `live` is a run that has taken nothing. */
  constructor(live: LiveRun, options: Replay) {
    this.#live = live
    this.#options = options
  }

  /** What the events so far say; the maps in it are those that later events go on with. */
  past(): Past {
    const live = this.#live
    return {
      start: this.#start,
      orders: this.#orders,
      executions: this.#executions,
      lastId: this.#lastId,
      halt: this.#halt,
      lastBarMs: live.t < 0 ? Number.NEGATIVE_INFINITY : live.options.market.time[live.t]!,
      isDecided: this.#isDecided,
      decisions: this.#decisions,
      uptime: this.#uptime,
      base: this.#base,
      bars: this.#bars,
    }
  }

  /** The next event of the journal. Throws 65 where a decision is not the one that the journal holds. */
  take(event: JournalEvent): void {
    const live = this.#live
    const { name, told } = this.#options
    const line = ++this.#line
    switch (event.event) {
      case 'start':
        if (this.#start !== null) throw badData(`line ${line}: a journal begins once`, { where: name })
        this.#start = event
        break
      case 'warm':
        warm(live, event)
        break
      case 'bar':
        live.take(event.time, numbersOf(event.numbers))
        this.#isDecided = false
        this.#bars++
        break
      case 'alone':
        live.takeAlone(event.symbol, event.time, numbersOf(event.numbers))
        break
      case 'miss':
      case 'decide':
        this.#decide(event, line)
        break
      case 'intent':
        this.#orders.set(event.order, {
          order: event.order,
          id: event.id,
          ref: event.ref,
          symbol: event.symbol,
          shares: event.shares,
          decidedMs: event.time,
        })
        this.#lastId = Math.max(this.#lastId, event.id)
        break
      case 'report':
        live.apply(event.report)
        if (event.revision !== undefined) this.#execution(event.report, event.revision, event.modelled)
        break
      case 'adopt':
        live.adopt(event.symbol, event.shares, event.price)
        break
      case 'flatten':
        live.flatten(event.time)
        break
      case 'halt':
        this.#halt = event.reason
        break
      case 'reset':
        this.#halt = null
        break
      case 'open':
        this.#lastId = Math.max(this.#lastId, event.floor - 1)
        break
      case 'base':
        this.#base = { day: event.day, broker: event.broker, own: event.own }
        break
      default:
        break
    }
    told?.(event)
  }

  #decide(event: Extract<JournalEvent, { event: 'decide' | 'miss' }>, line: number): void {
    const live = this.#live
    const { name, verifies } = this.#options
    const at = formatTime(live.options.market.endOf(live.t))
    const digest =
      event.event === 'miss'
        ? live.miss(event.action)
        : checked(live.decide(trustedAges(event.ages), event.action), { action: event.action, at, name })
    if (verifies && digest !== event.sha256) throw differs(name, line, at)
    this.#isDecided = true
    this.#decisions++
    count(this.#uptime, event.event === 'miss' ? null : event.ages, live)
  }

  #execution(report: Report, revision: number, modelled = 0): void {
    const { shares, price, fees, slippage } = report
    this.#executions.set(String(report.execution), { revision, shares, price, fees, slippage, modelled })
  }
}

/** The digest of a decision that is the one of the journal. */
function checked(
  decided: { readonly action: number; readonly sha256: string },
  { action, at, name }: { readonly action: number; readonly at: string; readonly name: string },
): string {
  if (decided.action !== action)
    throw badData(`the decision at ${at} was ${action}, and is ${decided.action} now`, {
      where: name,
      hint: OTHER,
    })
  return decided.sha256
}

const OTHER = 'a journal goes on with the policy and the build that began it'

const differs = (name: string, line: number, at: string) =>
  badData(`line ${line}: the decision at ${at} was made from other inputs or another memory`, {
    where: name,
    hint: OTHER,
  })

/** Bars before the first decision, into a run that has taken none. */
export function warm(
  live: LiveRun,
  { bars, alone }: Pick<Extract<JournalEvent, { event: 'warm' }>, 'bars' | 'alone'>,
): void {
  for (const [time, ...numbers] of bars) live.take(time!, numbersOf(numbers))
  for (const [symbol, time, ...numbers] of alone) live.takeAlone(symbol, time!, numbersOf(numbers))
}
