/**
 * The records of runs, gathered: columns of what there is by the million, objects of the rest. Nothing is judged here. A run in one
 * input is one run, whatever stands between its records; the same run in two inputs is two.
 */
import { grown } from '../base/columns.js'
import { badData } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { EquityScanner } from '../evaluate/equity-scanner.js'
import { HighWater } from '../evaluate/high-water.js'
import { beginningAt, equityIn, SessionMarks, secondWords } from '../evaluate/run-records.js'
import { isObject, type JsonObject, parseObject } from '../stream/json.js'
import { UNENDED } from '../stream/lines.js'
import type { EquityRows, RunNames, ScannedPiece } from './scanned.js'

/** An execution, as the last word of the broker has it. */
export interface GatheredFill {
  readonly timeMs: number
  readonly symbol: string
  /** Signed. */
  readonly shares: number
  readonly price: number
  readonly fees: number
  readonly slippage: number
}

/** Records of one run from one input. */
export class GatheredRun {
  readonly name: string
  summary: JsonObject | null = null
  readonly marks = new SessionMarks()
  /** Epoch milliseconds, dollars, part lost since the peak; the first `length` count. */
  time: Float64Array<ArrayBuffer>
  equity: Float64Array<ArrayBuffer>
  drawdown: Float64Array<ArrayBuffer>
  length = 0
  /** Signed shares after each decision by symbol, in the order of `symbols`. */
  readonly positions: Float64Array<ArrayBuffer>[] = []
  symbols: readonly string[] = []
  /** The first mark is of a later session than the first of the run: the capital is what that session began with. */
  beginsLate = false
  /** What is to be said of its summaries, where it has several. */
  readonly notes: string[] = []
  /** Dollars a share at the last mark, by symbol. */
  lastMarks: ArrayLike<number> = []
  readonly risk: JsonObject[] = []
  readonly windows: JsonObject[] = []
  readonly #highWater = new HighWater()
  readonly #fills = new Map<string, GatheredFill>()

  /** `room` for marks, which grows. */
  constructor(name: string, room: number) {
    this.name = name
    this.time = new Float64Array(room)
    this.equity = new Float64Array(room)
    this.drawdown = new Float64Array(room)
  }

  get fills(): GatheredFill[] {
    return [...this.#fills.values()]
  }

  /** What the first mark says of what was before it. */
  begin(
    equity: number,
    { total, day, drawdown }: { total: number | null; day: number | null; drawdown: number | null },
  ): void {
    const { capital, isLate } = beginningAt(equity, { total, day })
    this.beginsLate = isLate
    this.marks.capital = capital
    this.#highWater.raise(capital, null)
    if (drawdown !== null) this.#highWater.raise(equity, drawdown)
  }

  /** A mark of the account, not before the last one: its drawdown is that since the highest mark. */
  mark(ms: number, equity: number): number {
    const drawdown = this.#highWater.drawdown(equity)
    this.marks.take(ms, equity, drawdown)
    const i = this.length++
    if (i === this.time.length) {
      this.time = grown(this.time, 2 * i)
      this.equity = grown(this.equity, 2 * i)
      this.drawdown = grown(this.drawdown, 2 * i)
      for (const [k, column] of this.positions.entries()) this.positions[k] = grown(column, 2 * i)
    }
    this.time[i] = ms
    this.equity[i] = equity
    this.drawdown[i] = drawdown
    return i
  }

  /** What the run says of itself. Throws 65 where it has said something else. */
  summarise(record: JsonObject, where: string): void {
    if (this.summary !== null) this.notes.push(...secondWords(this.summary, record, where))
    this.summary = record
  }

  fill(record: JsonObject, where: string): void {
    const { time, symbol, side, qty, price, commission, slippage, exec, ref } = record
    const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN
    const numbers = [timeMs, qty, price, commission, slippage]
    if (
      typeof symbol !== 'string' ||
      !numbers.every((one) => typeof one === 'number' && Number.isFinite(one))
    )
      throw badData('a fill record needs a time, a symbol, qty, price, commission and slippage', { where })
    // What the broker corrects takes the place of what it said before.
    this.#fills.set(`${symbol} ${exec ?? ref ?? this.#fills.size}`, {
      timeMs,
      symbol,
      shares: side === 'sell' ? -Number(qty) : Number(qty),
      price: Number(price),
      fees: Number(commission),
      slippage: Number(slippage),
    })
  }
}

const USED = ['equity', 'fill', 'risk', 'summary', 'window', 'verdict', 'quality', 'metric']

/** Whether a report has a use for records of this type. */
export const isUsed = (type: string): boolean => USED.includes(type)

const nameOf = ({ run }: JsonObject): string => (typeof run === 'string' ? run : '')

const EQUITY_START = '{"type":"equity"'

const ROOM = 1024
/** What is not used costs nothing but addresses. */
const MOST_ROOM = 1 << 22
/** Bytes of an equity record of one symbol with short numbers. */
const SHORT_RECORD = 180

/** What stands in one input, line by line. */
export class Gathering {
  readonly place: string
  readonly #runs = new Map<string, GatheredRun>()
  #current: { readonly run: GatheredRun; readonly scanner: EquityScanner } | null = null
  /** What a gate said of a run, by the name of the run. */
  readonly verdicts = new Map<string, JsonObject>()
  /** `quality` records. */
  readonly quality: JsonObject[] = []
  /** `metric` records, of a training. */
  readonly metrics: JsonObject[] = []
  /** Records of types that a report has no use for, by type. */
  readonly passed = new Map<string, number>()
  records = 0

  /** Of the first run. */
  readonly #room: number

  /** `place` is the input, as it was named; `bytes` of it are expected. */
  constructor(place: string, bytes = 0) {
    this.place = place
    this.#room = Math.min(MOST_ROOM, Math.max(ROOM, Math.ceil(bytes / SHORT_RECORD)))
  }

  get runs(): GatheredRun[] {
    return [...this.#runs.values()]
  }

  /** The run of this name, once there is a record of it. */
  run(name: string): GatheredRun | null {
    return this.#runs.get(name) ?? null
  }

  /** Takes whole lines; `line` is the number of the first. Throws 65 for one that is no record. Gives the number of lines. */
  block(bytes: Buffer, line: number): number {
    let count = 0
    for (let from = 0; from < bytes.length; count++) {
      let next = this.#scanned(bytes, from, line + count)
      if (next < 0) {
        const feed = bytes.indexOf(10, from)
        next = feed < 0 ? bytes.length : feed
        const to = bytes[next - 1] === 13 ? next - 1 : next
        if (to > from) this.line(bytes.toString('utf8', from, to), line + count, feed >= 0)
      }
      from = next + 1
    }
    return count
  }

  /** What another thread has read; `line` is the number of the first line. Gives the number of lines. */
  piece({ others, rowsBefore, ...rows }: ScannedPiece, line: number): number {
    const bytes = Buffer.from(others.buffer, others.byteOffset, others.length)
    let from = 0
    let row = 0
    for (const [other, before] of rowsBefore.entries()) {
      this.rows(rows, row, before, (i) => this.#at(line + other + i))
      const next = bytes.indexOf(10, from) + 1
      this.block(bytes.subarray(from, next), line + other + before)
      from = next
      row = before
    }
    this.rows(rows, row, rows.length, (i) => this.#at(line + rowsBefore.length + i))
    return rowsBefore.length + rows.length
  }

  /** Equity records of a run of which one was taken before: those from `from` up to `to`. Throws 65 for time that goes backwards. */
  rows(rows: EquityRows, from: number, to: number, where: (row: number) => string): void {
    if (from === to) return
    const run = this.#runs.get(rows.run)
    if (run === undefined) throw new Error('rows of a run that has not begun')
    const { time, equity, positions } = rows
    for (let row = from; row < to; row++) {
      if (time[row]! < run.marks.lastMs) throw backwards(run, time[row]!, where(row))
      const i = run.mark(time[row]!, equity[row]!)
      for (let k = 0; k < positions.length; k++) run.positions[k]![i] = positions[k]![row]!
    }
    run.lastMarks = rows.lastMarks
    this.records += to - from
  }

  /** The run that the last equity record was of, where those after it may be read by their bytes. */
  get current(): RunNames | null {
    const run = this.#current?.run
    return run === undefined ? null : { run: run.name, symbols: run.symbols }
  }

  /** The end of an equity record of the run that the last one was of; -1 where something else stands. */
  #scanned(bytes: Buffer, from: number, line: number): number {
    const current = this.#current
    const end = current === null ? -1 : current.scanner.take(bytes, from)
    if (current === null || end < 0) return -1
    const { run, scanner } = current
    if (scanner.time < run.marks.lastMs) throw backwards(run, scanner.time, this.#at(line))
    const { equity, positions, marks, time } = scanner
    const i = run.mark(time, equity)
    for (let k = 0; k < positions.length; k++) run.positions[k]![i] = positions[k]!
    run.lastMarks = marks
    this.records++
    return end
  }

  /** Takes one line; `isEnded` where its end is there. */
  line(text: string, line: number, isEnded = true): void {
    if (text.trim() === '') return
    const parsed = parseObject(text)
    if ('error' in parsed)
      throw badData(parsed.error, { where: this.#at(line), ...(isEnded ? {} : { hint: UNENDED }) })
    this.take(parsed.object, this.#at(line), text.startsWith(EQUITY_START))
  }

  /** Takes a record; `where` is its place. */
  take(record: JsonObject, where: string, isPlain = false): void {
    const { type } = record
    if (typeof type !== 'string' || !isUsed(type)) {
      this.pass(typeof type === 'string' ? type : 'without a type', 1)
      return
    }
    this.records++
    switch (type) {
      case 'equity':
        this.#equity(record, where, isPlain)
        return
      case 'fill':
        this.#of(record).fill(record, where)
        return
      case 'risk':
        this.#of(record).risk.push(record)
        return
      case 'summary':
        this.#of(record).summarise(record, where)
        return
      case 'window':
        this.#of(record).windows.push(record)
        return
      case 'verdict':
        this.verdicts.set(nameOf(record), record)
        return
      case 'quality':
        this.quality.push(record)
        return
      case 'metric':
        this.metrics.push(record)
        return
    }
  }

  /** Counts records of a type that a report has no use for. */
  pass(type: string, count: number): void {
    this.records += count
    this.passed.set(type, (this.passed.get(type) ?? 0) + count)
  }

  #equity(record: JsonObject, where: string, isPlain: boolean): void {
    const run = this.#of(record)
    const { ms, equity, ...since } = equityIn(record, where)
    // Records of two runs of one name, or one run twice: they would be taken for one.
    if (ms < run.marks.lastMs) throw backwards(run, ms, where)
    if (run.length === 0) run.begin(equity, since)
    const i = run.mark(ms, equity)
    const held = isObject(record.positions) ? record.positions : {}
    const marks = isObject(record.marks) ? record.marks : {}
    const names = Object.keys(held)
    if (i === 0) {
      run.symbols = names
      for (const _ of names) run.positions.push(new Float64Array(run.time.length))
    }
    for (const [k, symbol] of run.symbols.entries()) {
      const shares = held[symbol]
      run.positions[k]![i] = typeof shares === 'number' ? shares : 0
    }
    run.lastMarks = run.symbols.map((symbol) => Number(marks[symbol] ?? Number.NaN))
    this.#current = isPlain ? { run, scanner: new EquityScanner(run.name, run.symbols) } : null
  }

  #of(record: JsonObject): GatheredRun {
    const name = nameOf(record)
    let found = this.#runs.get(name)
    if (found === undefined) {
      found = new GatheredRun(name, this.#runs.size === 0 ? this.#room : ROOM)
      this.#runs.set(name, found)
    }
    return found
  }

  #at(line: number): string {
    return `${this.place}:${line}`
  }
}

const backwards = (run: GatheredRun, ms: number, where: string) =>
  badData(
    `time: ${quote(formatTime(ms))} is before ${quote(formatTime(run.marks.lastMs))} of the equity above`,
    {
      where,
      hint: 'one run stands twice in it, or two runs have one name: report them from two files',
    },
  )
