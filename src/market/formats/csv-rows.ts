/**
 * The rows of a CSV file. A line without odd quotes is cut and read from its bytes; a record that has them is cut by csv-parse.
 * Values that are not plain go through the reading of loose fields, which also finds the words for what is wrong.
 */
import { DAY, SECOND } from '../../base/time.js'
import { readNumber, scanned } from '../../stream/decimal.js'
import type { BarBatch } from '../bar.js'
import {
  BAR_FIELDS,
  type BarField,
  CODED,
  type CodedField,
  type DecimalMark,
  type FieldOptions,
  isPossible,
  LONGEST_VALUE,
  type LooseFields,
  putRow,
  readCoded,
  readTime,
} from '../fields.js'
import type { Problem } from '../problem.js'
import type { Reading } from '../reading.js'
import type { Group, Table } from './csv-head.js'
import { type KnownText, knownCode, remember } from './known-texts.js'
import { STAMP_BYTES, StampReader, twoDigits } from './stamp-bytes.js'

const QUOTE = 0x22
const LF = 0x0a
const CR = 0x0d
const BLANK = 0x20
const COLON = 0x3a

type NumberField = 'open' | 'high' | 'low' | 'close' | 'volume' | 'vwap' | 'trades'

/** A group of columns sorted by how they are read, each with the column of the batch that it fills. */
interface Columns extends Group {
  readonly options: FieldOptions
  readonly time: number
  /** The column of a time of day that stands apart; -1 where the stamps are whole. */
  readonly clock: number
  readonly numbers: readonly { readonly into: Float64Array; readonly column: number }[]
  readonly absent: readonly Float64Array[]
  /** A column of -1 is one that the table lacks. */
  readonly coded: readonly {
    readonly field: CodedField
    readonly into: Int32Array | Uint8Array
    readonly column: number
    readonly known: KnownText[]
  }[]
}

const isNumber = (field: BarField): field is NumberField =>
  field !== 'time' && !(CODED as readonly BarField[]).includes(field)

/** Reads rows of one table into a batch that has room for every group of a row. */
export class RowReader {
  readonly #table: Table
  readonly #batch: BarBatch
  readonly #delimiter: number
  readonly #groups: readonly Columns[]
  readonly #stamps = new StampReader()
  readonly #from: Int32Array
  readonly #to: Int32Array
  /** The byte of the decimal mark; 0 where no number is read from its bytes. */
  readonly #point: number
  readonly #days = new DayReader()
  #cells = 0

  constructor(table: Table, batch: BarBatch, reading: Reading, decimal: DecimalMark | null) {
    this.#table = table
    this.#batch = batch
    this.#delimiter = table.delimiter.charCodeAt(0)
    this.#groups = table.groups.map((group) => columnsOf(group, table, { batch, reading, decimal }))
    // A row with many more cells than names is cut by csv-parse.
    this.#from = new Int32Array(table.width + 64)
    this.#to = new Int32Array(table.width + 64)
    this.#point = decimal === null || table.priceScale !== undefined ? 0 : decimal.charCodeAt(0)
  }

  get delimiter(): string {
    return this.#table.delimiter
  }

  /** How many rows of the batch one line may take. */
  get widest(): number {
    return this.#groups.length
  }

  /** Cuts the line at `start` into cells; the offset of its end, or -1 where its quotes are for csv-parse. */
  cut(bytes: Buffer, start: number): number {
    const delimiter = this.#delimiter
    const most = this.#from.length
    let cells = 0
    for (let p = start; ; p++) {
      while (bytes[p] === BLANK && delimiter !== BLANK) p++
      let from = p
      let to: number
      if (bytes[p] === QUOTE) {
        from = ++p
        for (let c = bytes[p]; c !== QUOTE; c = bytes[++p]) if (c === LF || c === undefined) return -1
        to = p++
        const c = bytes[p]
        if (c === CR && (bytes[p + 1] === LF || p + 1 === bytes.length)) p++
        else if (c !== delimiter && c !== LF && p < bytes.length) return -1
      } else {
        let c = bytes[p]
        for (; p < bytes.length && c !== delimiter && c !== LF; c = bytes[++p]) if (c === QUOTE) return -1
        to = p
        if (to > from && bytes[to - 1] === CR && c !== delimiter) to--
        while (to > from && bytes[to - 1] === BLANK) to--
      }
      if (cells === most) return -1
      this.#from[cells] = from
      this.#to[cells++] = to
      if (p >= bytes.length || bytes[p] === LF) {
        this.#cells = cells
        return p
      }
    }
  }

  /** Reads the line that was cut; a list of what is wrong, one problem a bar, or null. */
  read(bytes: Buffer, line: number): readonly Problem[] | null {
    if (this.#cells !== this.#table.width) return this.texts(this.#texts(bytes), line)
    const before = this.#batch.length
    for (const group of this.#groups) {
      if (this.#point === 0 || !this.#quick(bytes, group, line)) {
        this.#batch.length = before
        return this.texts(this.#texts(bytes), line)
      }
    }
    return null
  }

  #texts(bytes: Buffer): string[] {
    const texts: string[] = []
    for (let i = 0; i < this.#cells; i++) texts.push(bytes.toString('utf8', this.#from[i], this.#to[i]))
    return texts
  }

  /** One bar from plain cells; false leaves it to the general way. */
  #quick(bytes: Buffer, { time, clock, numbers, absent, coded, options }: Columns, line: number): boolean {
    const batch = this.#batch
    const i = batch.length
    const from = this.#from
    const to = this.#to
    const start = from[time]!
    const end = to[time]!
    let ms = clock < 0 && end - start === STAMP_BYTES ? this.#stamps.read(bytes, start) : -1
    if (ms < 0) {
      ms =
        clock < 0
          ? this.#days.read(bytes, start, end, options)
          : this.#days.readApart(bytes, [start, end, from[clock]!, to[clock]!], options)
    }
    if (ms < 0) return false
    batch.time[i] = ms
    for (const { into, column } of numbers) {
      const at = from[column]!
      if (at === to[column]) into[i] = Number.NaN
      else if (!readNumber(bytes, at, this.#point) || scanned.end !== to[column]) return false
      else into[i] = scanned.value
    }
    for (const column of absent) column[i] = Number.NaN
    for (const { field, into, column, known } of coded) {
      const start = column < 0 ? 0 : from[column]!
      const end = column < 0 ? 0 : to[column]!
      let code = knownCode(known, bytes, start, end)
      if (code < 0) {
        const read = readCoded(field, bytes.toString('latin1', start, end), batch.names, options)
        if (typeof read !== 'number') return false
        code = read
        remember(known, bytes, start, end, code)
      }
      into[i] = code
    }
    batch.line[i] = line
    if (!isPossible(batch, i)) return false
    batch.length = i + 1
    return true
  }

  /** Reads a row from the texts of its cells. */
  texts(cells: readonly string[], line: number): readonly Problem[] | null {
    const { width } = this.#table
    if (cells.every((cell) => cell.trim() === '')) return null
    if (cells.length < width || cells.slice(width).some((cell) => cell.trim() !== '')) {
      return [wrongColumns(width, cells.length)]
    }
    const problems: Problem[] = []
    for (const { columns, symbol, options } of this.#groups) {
      const loose = pick(cells, columns)
      // A table as wide as its symbols has empty cells where one of them did not trade.
      if (symbol !== undefined && NO_BAR.every((field) => loose[field] === '' || loose[field] === null))
        continue
      const problem = putRow(this.#batch, loose, line, options)
      if (problem !== null) problems.push(problem)
    }
    return problems.length === 0 ? null : problems
  }
}

const NO_BAR = ['open', 'high', 'low', 'close', 'volume'] as const

interface Scene {
  readonly batch: BarBatch
  readonly reading: Reading
  readonly decimal: DecimalMark | null
}

function columnsOf(group: Group, table: Table, { batch, reading, decimal }: Scene): Columns {
  const at = (held: BarField | 'clock'): number => group.columns.get(held) ?? -1
  const numbers = BAR_FIELDS.filter(isNumber).map((field) => ({ into: batch[field], column: at(field) }))
  return {
    ...group,
    options: {
      symbol: group.symbol ?? reading.symbol,
      interval: reading.interval,
      zone: table.zone,
      timeFormat: reading.timeFormat,
      dateOrder: table.dateOrder,
      textual: true,
      decimal,
      priceScale: table.priceScale,
    },
    time: at('time'),
    clock: at('clock'),
    numbers: numbers.filter(({ column }) => column >= 0),
    absent: numbers.filter(({ column }) => column < 0).map(({ into }) => into),
    coded: CODED.map((field) => ({ field, into: batch[field], column: at(field), known: [] })),
  }
}

const wrongColumns = (expected: number, got: number): Problem => ({
  field: null,
  rule: 'wrong-columns',
  words: `expected ${expected} columns, got ${got}`,
  value: got,
})

function pick(cells: readonly string[], columns: Group['columns']): LooseFields {
  const loose: LooseFields = {}
  let clock = ''
  for (const [held, i] of columns) {
    const text = cells[i]!.trim()
    if (held === 'clock') clock = text
    else loose[held] = text
  }
  if (clock !== '') loose.time = joined(String(loose.time), clock)
  // An absent cell of a column that exists is unknown, not missing.
  if (loose.volume === '') loose.volume = null
  return loose
}

/**
 * Stamps of any form that end in a clock of two digits each: what stands before it is read once a day, and the clock is added
 * where the day has 24 hours.
 */
class DayReader {
  #date: Uint8Array = new Uint8Array(0)
  #midnight = -1

  /** Epoch milliseconds of the stamp in `[start, end)`; -1 for what is none. */
  read(bytes: Buffer, start: number, end: number, options: FieldOptions): number {
    const seconds = clockAt(bytes, end - 8, end)
    const clock = seconds < 0 ? clockAt(bytes, end - 5, end) : seconds
    const cut = end - (seconds < 0 ? 5 : 8)
    const before = bytes[cut - 1]
    if (clock < 0 || cut <= start || (before !== BLANK && before !== 0x54)) {
      return asTime(bytes.toString('latin1', start, end), options)
    }
    return this.#added(bytes, start, cut, clock, '', options)
  }

  /** The same where the date stands in one cell and the clock in another: their four ends. */
  readApart(bytes: Buffer, ends: readonly [number, number, number, number], options: FieldOptions): number {
    const [start, end, clockStart, clockEnd] = ends
    const clock = clockAt(bytes, clockStart, clockEnd)
    if (clock >= 0) return this.#added(bytes, start, end, clock, ' ', options)
    const text = joined(bytes.toString('latin1', start, end), bytes.toString('latin1', clockStart, clockEnd))
    return asTime(text, options)
  }

  #added(
    bytes: Buffer,
    start: number,
    end: number,
    clock: number,
    gap: string,
    options: FieldOptions,
  ): number {
    if (!this.#isSame(bytes, start, end)) {
      const date = bytes.toString('latin1', start, end) + gap
      const midnight = asTime(`${date}00:00:00`, options)
      const whole = asTime(`${date}23:59:59`, options) - midnight === DAY - SECOND
      // A day on which the clocks change is read stamp by stamp.
      if (midnight < 0 || !whole) return asTime(date + clockText(clock), options)
      this.#date = Uint8Array.from(bytes.subarray(start, end))
      this.#midnight = midnight
    }
    return this.#midnight + clock
  }

  #isSame(bytes: Buffer, start: number, end: number): boolean {
    const date = this.#date
    if (this.#midnight < 0 || date.length !== end - start) return false
    for (let k = 0; k < date.length; k++) if (date[k] !== bytes[start + k]) return false
    return true
  }
}

function asTime(text: string, options: FieldOptions): number {
  const time = readTime(text, options)
  return typeof time === 'number' ? time : -1
}

/** Milliseconds since midnight of exactly `HH:MM` or `HH:MM:SS` in `[start, end)`; -1 for anything else. */
function clockAt(bytes: Buffer, start: number, end: number): number {
  if (start < 0 || bytes[start + 2] !== COLON) return -1
  const long = end - start === 8
  if ((long && bytes[start + 5] !== COLON) || (!long && end - start !== 5)) return -1
  const hour = twoDigits(bytes, start)
  const minute = twoDigits(bytes, start + 3)
  const second = long ? twoDigits(bytes, start + 6) : 0
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1
  return ((hour * 60 + minute) * 60 + second) * SECOND
}

const clockText = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

/**
 * A stamp from its date and its clock, which may be a whole stamp: then the date beside it is the same day for people.
 * Leading zeros get lost in spreadsheets: 93000 is half past nine.
 */
const joined = (date: string, clock: string): string =>
  WHOLE.test(clock) ? clock : `${date} ${/^(\d{3}|\d{5})$/.test(clock) ? '0' : ''}${clock}`
const WHOLE = /^(\d{4}[-/.]\d|\d{9})/

/** What the numbers of some rows show of their decimal mark; null where a comma may be either. */
export function decimalMark(
  rows: Iterable<readonly string[]>,
  { groups, delimiter }: Table,
): DecimalMark | null {
  const columns = groups.flatMap((group) =>
    [...group.columns].filter(([held]) => held !== 'clock' && isNumber(held)).map(([, i]) => i),
  )
  let point = false
  let either = false
  let comma = false
  for (const cells of rows) {
    for (const column of columns) {
      const text = cells[column]?.trim() ?? ''
      if (text.length > LONGEST_VALUE) continue
      if (/\.\d*$/.test(text) && !/^\D*\d{1,3}(\.\d{3})+$/.test(text)) point = true
      if (!text.includes(',')) continue
      if (/^\D*\d{1,3}(,\d{3})+$/.test(text)) either = true
      else if (text.lastIndexOf('.') < text.indexOf(',')) comma = true
    }
  }
  if (comma && !point) return ','
  // Between commas that part cells a comma within a quoted one is of thousands.
  return either && !point && delimiter !== ',' ? null : '.'
}
