/**
 * The course of a run from its records, in bounded memory: curves of equity and drawdown, the account as it was last marked, the
 * newest orders, fills and words of the guard, and what the run says of itself. One run at a time: records of another one, or of
 * an earlier time, begin anew.
 */
import { EquityScanner } from '../evaluate/equity-scanner.js'
import { guardWords } from '../evaluate/guard-words.js'
import { HighWater } from '../evaluate/high-water.js'
import { isObject, type JsonObject, parseObject } from '../stream/json.js'
import { Recent } from './recent.js'
import { Thinned } from './thinned.js'

/** The account as it was last marked; dollars, signed shares. */
export interface Marked {
  readonly timeMs: number
  readonly cash: number | null
  readonly equity: number
  readonly pnlDay: number | null
  readonly pnlTotal: number | null
  readonly drawdown: number | null
  readonly positions: readonly Position[]
}

export interface Position {
  readonly symbol: string
  readonly shares: number
  readonly mark: number | null
}

/** An order, a fill, or a word of the guard. Texts are as the records have them. */
export interface Happening {
  readonly time: string
  readonly symbol: string
  readonly what: string
  readonly detail: string
}

/** A limit and how much of it is used, in its own unit. */
export interface LimitUse {
  readonly name: string
  readonly used: number
  /** Null where nothing says what it is; infinite where it is lifted. */
  readonly limit: number | null
  readonly unit: 'dollars' | 'part' | 'count'
}

/** How the run stands: what its journal or its state records say. */
export interface Standing {
  connection: string | null
  account: string | null
  /** Age of the data at the last decision, milliseconds, or why it was not trusted. */
  dataAge: number | string | null
  limits: readonly LimitUse[]
  halted: string | null
  ended: string | null
  openOrders: readonly Happening[]
  /** Part of the decisions that could have become orders. */
  uptime: number | null
}

const standing = (): Standing => ({
  connection: null,
  account: null,
  dataAge: null,
  limits: [],
  halted: null,
  ended: null,
  openOrders: [],
  uptime: null,
})

const MOST_ROWS = 50
/** Points that are told one by one; more of them are a new curve. */
const MOST_FRESH = 500

/** A point of the curves: epoch milliseconds, dollars, part. */
export type CurvePoint = readonly [ms: number, equity: number, drawdown: number]

/** One run after another; the newest is there. */
export class Course {
  run: string | null = null
  readonly equity = new Thinned()
  readonly drawdown = new Thinned()
  readonly orders = new Recent<Happening>(MOST_ROWS)
  readonly fills = new Recent<Happening>(MOST_ROWS)
  readonly risks = new Recent<Happening>(MOST_ROWS)
  standing = standing()
  /** Largest part lost since a peak. */
  worst = 0
  /** How often it began anew: a reader of increments begins anew, too. */
  generation = 0
  /** Of this run and the symbols of its last record that was read as JSON. */
  #scanner: EquityScanner | null = null
  #symbols = ''
  #highWater = new HighWater()
  /** The newest equity record: in the bytes of a piece, kept, or read. */
  #line: { bytes: Buffer; from: number; to: number } | null = null
  #marked: Marked | null = null
  #fresh: CurvePoint[] | null = []

  /** The end of an equity record as jules writes them, of the run that is under way; -1 for any other line, which `take` is for. */
  scan(bytes: Buffer, from: number): number {
    const scanner = this.#scanner
    const end = scanner === null ? -1 : scanner.take(bytes, from)
    if (scanner === null || end < 0 || scanner.time < this.equity.lastAt) return -1
    this.#line ??= { bytes, from, to: end }
    this.#line.bytes = bytes
    this.#line.from = from
    this.#line.to = end
    this.#add(scanner.time, scanner.equity, this.#highWater.drawdown(scanner.equity))
    return end
  }

  /** A record of any type. False for one that is not of a run. */
  take(record: JsonObject): boolean {
    const { type, run } = record
    if (typeof type !== 'string' || !TYPES.has(type)) return false
    const name = typeof run === 'string' ? run : (this.run ?? '')
    if (type === 'equity') return this.#mark(record, name)
    this.begin(name)
    switch (type) {
      case 'order':
        this.orders.add(happening(record, sideOf(record), textOf(record.reason)))
        return true
      case 'fill':
        this.fills.add(happening(record, sideOf(record), fillWords(record)))
        return true
      case 'risk':
        this.risks.add(
          happening(
            record,
            `${textOf(record.rule)}: ${textOf(record.action)}`,
            guardWords(record.rule, record.detail),
          ),
        )
        if (record.action === 'halt') this.standing.halted = textOf(record.rule)
        return true
      case 'state':
        this.#state(record)
        return true
      default:
        this.standing.ended = typeof record.ending === 'string' ? record.ending : 'done'
        return true
    }
  }

  /** The bytes of lines are gone after this. */
  paused(): void {
    const line = this.#line
    if (line === null) return
    const bytes = Buffer.from(line.bytes.subarray(line.from, line.to))
    this.#line = { bytes, from: 0, to: bytes.length }
  }

  clear(): void {
    this.run = null
    this.equity.clear()
    this.drawdown.clear()
    this.orders.clear()
    this.fills.clear()
    this.risks.clear()
    this.standing = standing()
    this.worst = 0
    this.generation++
    this.#line = null
    this.#marked = null
    this.#fresh = []
    this.#scanner = null
    this.#highWater = new HighWater()
  }

  /** Null before the first equity record. */
  get marked(): Marked | null {
    if (this.#line !== null) {
      const { bytes, from, to } = this.#line
      const parsed = parseObject(bytes.toString('utf8', from, to))
      if ('object' in parsed) this.#marked = markedOf(parsed.object)
      this.#line = null
    }
    return this.#marked
  }

  /** Points since the last call; null where they are too many, or the curve began anew. */
  fresh(): readonly CurvePoint[] | null {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  /** What comes is of the run of this name. */
  begin(run: string): void {
    if (this.run === run) return
    if (this.run !== null) this.clear()
    this.run = run
  }

  #mark(record: JsonObject, run: string): boolean {
    const marked = markedOf(record)
    if (marked === null) return false
    if (marked.timeMs < this.equity.lastAt) this.clear()
    this.begin(run)
    this.#line = null
    this.#marked = marked
    this.#highWater.raise(marked.equity, marked.drawdown)
    this.#add(marked.timeMs, marked.equity, marked.drawdown ?? 0)
    this.#scanFor(record.positions, run)
    return true
  }

  /** The next records are likely to be those of the same symbols. */
  #scanFor(positions: unknown, run: string): void {
    const symbols = isObject(positions) ? Object.keys(positions) : []
    const names = JSON.stringify(symbols)
    if (this.#scanner !== null && names === this.#symbols) return
    this.#symbols = names
    this.#scanner = symbols.length <= MOST_SYMBOLS ? new EquityScanner(run, symbols) : null
  }

  #add(ms: number, equity: number, drawdown: number): void {
    this.equity.add(ms, equity)
    this.drawdown.add(ms, drawdown)
    if (drawdown > this.worst) this.worst = drawdown
    if (this.#fresh === null) return
    if (this.#fresh.length < MOST_FRESH) this.#fresh.push([ms, equity, drawdown])
    else this.#fresh = null
  }

  #state(record: JsonObject): void {
    const used = isObject(record.limits_used) ? record.limits_used : {}
    const limits = Object.entries(STATE_LIMITS).flatMap(([key, [name, unit]]): LimitUse[] => {
      const value = numberOf(used[key])
      return value === null ? [] : [{ name, used: value, limit: null, unit }]
    })
    this.standing.connection = textOf(record.connection)
    this.standing.dataAge = numberOf(record.data_age_ms)
    this.standing.limits = limits
  }
}

const TYPES = new Set(['equity', 'order', 'fill', 'risk', 'state', 'summary'])

const STATE_LIMITS: Readonly<Record<string, readonly [string, LimitUse['unit']]>> = {
  day_loss: ['max-day-loss', 'dollars'],
  loss: ['max-loss', 'dollars'],
  trades: ['trades-per-day', 'count'],
}

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null

/** A text of a record; a number as one. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''

const MOST_SYMBOLS = 16

function markedOf(record: JsonObject): Marked | null {
  const timeMs = typeof record.time === 'string' ? Date.parse(record.time) : Number.NaN
  const equity = numberOf(record.equity)
  if (!Number.isFinite(timeMs) || equity === null) return null
  const marks = isObject(record.marks) ? record.marks : {}
  const held = isObject(record.positions) ? Object.entries(record.positions).slice(0, MOST_SYMBOLS) : []
  return {
    timeMs,
    equity,
    cash: numberOf(record.cash),
    pnlDay: numberOf(record.pnl_day),
    pnlTotal: numberOf(record.pnl_total),
    drawdown: numberOf(record.drawdown),
    positions: held.map(([symbol, shares]) => ({
      symbol,
      shares: numberOf(shares) ?? Number.NaN,
      mark: numberOf(marks[symbol]),
    })),
  }
}

const happening = (record: JsonObject, what: string, detail: string): Happening => ({
  time: textOf(record.time),
  symbol: textOf(record.symbol) || (isObject(record.detail) ? textOf(record.detail.symbol) : ''),
  what,
  detail,
})

/** A number without the digits that come of binary fractions. */
const shortOf = (value: unknown): string =>
  typeof value === 'number' ? String(Number(value.toFixed(4))) : textOf(value)

const sideOf = ({ side, qty }: JsonObject): string => `${textOf(side)} ${textOf(qty)}`.trim()

const fillWords = ({ price, commission }: JsonObject): string =>
  `at ${shortOf(price)}, commission ${shortOf(commission)}`
