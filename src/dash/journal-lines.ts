/**
 * The journal of a run on paper, line by line as it is written: through the code that traded it becomes the records of the run, and
 * beside them what no record has: the kill switch, the connection, open orders, limits with how much of them is used.
 */
import { Failure } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { eventOfLine, type JournalEvent } from '../broker/journal.js'
import { isOpen, ORDER_STATES } from '../portfolio/orders.js'
import { parseObject } from '../stream/json.js'
import { Retelling } from '../trading/paper/retold.js'
import { RECORD_TYPES, RecordWriter } from '../trading/records.js'
import type { Course, Happening, LimitUse } from './course.js'

const TYPES = new Set(RECORD_TYPES)

/** Whether a first line is that of a journal. */
export const isJournal = (line: string): boolean => line.startsWith('{"n":1,"event":"start"')

/** One journal; after damage nothing more of it counts, as what follows is not what happened. */
export class JournalLines {
  readonly #course: Course
  readonly #name: string
  #n = 0
  #retelling: Retelling | null = null
  #isBroken = false
  #isChanged = false

  constructor(course: Course, name: string) {
    this.#course = course
    this.#name = name
  }

  /** The next line; in words, what is wrong with it. */
  take(line: string): string | null {
    if (this.#isBroken) return `line ${this.#n + 1}: not counted, after a damaged one`
    const event = eventOfLine(line, this.#n + 1)
    if (typeof event === 'string') {
      this.#isBroken = true
      return `line ${this.#n + 1} ${event}`
    }
    this.#n++
    try {
      this.#retelling ??= new Retelling(event, this.#name, (known) => this.#writer(known))
      this.#retelling.take(event)
    } catch (error) {
      this.#isBroken = true
      return `line ${this.#n}: ${error instanceof Failure ? error.message : 'does not follow from those before it'}`
    }
    this.#told(event)
    this.#isChanged = true
    return null
  }

  /** Brings what follows from the state of the run up to date: once for many lines. */
  paused(): void {
    if (!this.#isChanged || this.#retelling === null) return
    this.#isChanged = false
    const { standing } = this.#course
    const { uptime, halt } = this.#retelling.past()
    standing.halted = halt ?? (this.#retelling.live.isOver ? 'a loss limit has ended the run' : null)
    standing.uptime = uptime.all === 0 ? null : uptime.good / uptime.all
    standing.limits = limitsOf(this.#retelling)
    standing.openOrders = openOrders(this.#retelling)
  }

  #writer(known: Pick<ConstructorParameters<typeof RecordWriter>[0], 'run' | 'market' | 'rules'>) {
    return new RecordWriter({
      ...known,
      types: TYPES,
      write: (line) => {
        const parsed = parseObject(line)
        if ('object' in parsed) this.#course.take(parsed.object)
      },
    })
  }

  #told(event: JournalEvent): void {
    const { standing } = this.#course
    switch (event.event) {
      case 'start':
        // One without a bar is a run, too.
        this.#course.begin(event.run)
        break
      case 'open':
        standing.account = event.account
        standing.connection = 'ready'
        standing.ended = null
        break
      case 'link':
        standing.connection = event.detail === '' ? event.state : `${event.state}: ${event.detail}`
        break
      case 'decide': {
        const words = event.ages.find((age) => typeof age === 'string')
        standing.dataAge = words ?? Math.max(...event.ages.map(Number))
        break
      }
      case 'miss':
        standing.dataAge = 'the bar came too late'
        break
      case 'end':
        standing.ended = event.ending
        break
      default:
        break
    }
  }
}

function limitsOf({ live, known }: Retelling): LimitUse[] {
  const { limits, maxDrawdown } = known.rules
  const { account, equity, peak, dayStart, tradesToday } = live.state
  const marks = known.market.symbols.map((_, k) =>
    live.t < 0 ? 0 : Math.abs(account.position[k]! * known.market.close[k]![live.t]!),
  )
  const dollars = (name: string, used: number, limit: number): LimitUse => ({
    name,
    used: Math.max(0, used),
    limit,
    unit: 'dollars',
  })
  return [
    dollars('max-position', Math.max(...marks), limits.maxPosition),
    dollars('max-day-loss', dayStart - equity, limits.maxDayLoss),
    dollars('max-loss', peak - equity, limits.maxLoss),
    ...(maxDrawdown === null
      ? []
      : [{ name: 'max-drawdown', used: (peak - equity) / peak, limit: maxDrawdown, unit: 'part' as const }]),
    { name: 'trades-per-day', used: tradesToday, limit: limits.tradesPerDay, unit: 'count' },
  ]
}

const MOST_OPEN = 20

function openOrders({ live, known }: Retelling): Happening[] {
  const { orders } = live.state
  const open: Happening[] = []
  for (let slot = orders.length - 1; slot >= 0 && open.length < MOST_OPEN; slot--) {
    if (!isOpen(orders.state[slot]!)) continue
    const shares = orders.shares[slot]!
    open.push({
      time: formatTime(orders.decidedMs[slot]!),
      symbol: known.market.symbols[orders.symbol[slot]!] ?? '',
      what: `${shares > 0 ? 'buy' : 'sell'} ${Math.abs(shares)}`,
      detail: `${ORDER_STATES[orders.state[slot]!]}, ${Math.abs(orders.filled[slot]!)} filled`,
    })
  }
  return open
}
