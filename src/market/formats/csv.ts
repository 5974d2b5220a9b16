/** Bars from CSV in any vendor's layout. Loaded where there is CSV to read, with csv-parse. */
import { isUtf8 } from 'node:buffer'
import type { DateOrder } from '../../base/stamp.js'
import { lineBlocks, MAX_LINE, tooLong } from '../../stream/lines.js'
import type { Source } from '../../stream/source.js'
import { type BarBatch, newBatch } from '../bar.js'
import { BATCH_ROWS, hand, NOT_UTF8, type Reading, type RecordBlock } from '../reading.js'
import { looseCells, parseCsv, readHead, type Table } from './csv-head.js'
import { decimalMark, RowReader } from './csv-rows.js'

export async function* readCsv(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const { name, maxLine = MAX_LINE } = reading
  const batch = newBatch(BATCH_ROWS, reading.names)
  const at = { line: 1 }
  let table: Table | null = null
  let rows: RowReader | null = null
  /** Bytes of a head or of a quoted cell that the last block left open. */
  let open: Buffer | null = null

  const read = async function* (block: Buffer, whole: boolean): AsyncGenerator<RecordBlock> {
    const bytes: Buffer = open === null ? block : Buffer.concat([open, block])
    open = null
    let p = 0
    if (table === null) {
      const head = readHead(bytes, whole, reading)
      if (head === null) {
        if (bytes.length > maxLine) throw tooLong(name, at.line, maxLine)
        open = bytes
        return
      }
      table = head.table
      p = head.end
      at.line = head.line
    }
    // The first rows decide on the form of numbers and dates.
    if (p === bytes.length) return
    rows ??= new RowReader(...formOf(bytes.subarray(p), table, batch, reading))
    const clean = isUtf8(bytes)
    while (p < bytes.length) {
      if (batch.length + rows.widest > batch.capacity) yield* hand(batch)
      const comment = bytes[p] === 0x23
      const end = comment ? endOfLine(bytes, p) : rows.cut(bytes, p)
      if (end >= 0) {
        if (end - p > maxLine) throw tooLong(name, at.line, maxLine)
        const { line } = at
        const raw = () => bytes.toString('utf8', p, end).trimEnd()
        const problems = comment
          ? null
          : clean || isUtf8(bytes.subarray(p, end))
            ? rows.read(bytes, line)
            : [NOT_UTF8]
        for (const problem of problems ?? []) {
          // What came before the bad line is handed on before it is judged.
          if (batch.length > 0) yield* hand(batch)
          await reading.reject(line, problem, raw())
        }
        at.line++
        p = end + 1
        continue
      }
      const closed = whole ? bytes.length : lastClosed(bytes, p)
      if (closed === p) {
        if (bytes.length - p > maxLine) throw tooLong(name, at.line, maxLine)
        open = bytes.subarray(p)
        break
      }
      for (const { record, raw, info } of parseCsv(
        bytes.subarray(p, closed),
        rows.delimiter,
        name,
        at.line,
      )) {
        if (batch.length + rows.widest > batch.capacity) yield* hand(batch)
        const line = at.line + info.lines - 1
        for (const problem of rows.texts(record, line) ?? []) {
          if (batch.length > 0) yield* hand(batch)
          await reading.reject(line, problem, raw.trimEnd())
        }
      }
      at.line += count(bytes, p, closed)
      p = closed
    }
    // Nothing is held back while the input pauses.
    if (batch.length > 0) yield* hand(batch)
  }

  for await (const block of lineBlocks(source.chunks(), { name, maxLine, at })) yield* read(block, false)
  if (open !== null) yield* read(Buffer.alloc(0), true)
}

const SAMPLE_ROWS = 1000

/** What the first rows show of the form of numbers and dates. */
function formOf(
  rows: Buffer,
  table: Table,
  batch: BarBatch,
  reading: Reading,
): ConstructorParameters<typeof RowReader> {
  let end = 0
  for (let n = 0; n < SAMPLE_ROWS && end < rows.length; n++) end = endOfLine(rows, end) + 1
  const sample = rows.toString('utf8', 0, end)
  const decimal = reading.decimal ?? decimalMark(looseCells(sample, table.delimiter), table)
  const dateOrder = table.dateOrder ?? orderOf(sample)
  return [{ ...table, dateOrder }, batch, reading, decimal]
}

/** Whether the dates that end with the year have the month or the day first; null where no date of the sample shows it. */
function orderOf(sample: string): DateOrder | null {
  let mdy = false
  let dmy = false
  for (const [, first, second] of sample.matchAll(/\b(\d{1,2})[/-](\d{1,2})[/-]\d{4}\b/g)) {
    if (Number(first) > 12) dmy = true
    if (Number(second) > 12) mdy = true
  }
  return mdy === dmy ? null : mdy ? 'mdy' : 'dmy'
}

function endOfLine(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(0x0a, start)
  return end === -1 ? bytes.length : end
}

/** After the last line from `start` on at whose end no quoted cell is open; `start` where there is none. */
function lastClosed(bytes: Buffer, start: number): number {
  let open = false
  let closed = start
  for (let p = start; p < bytes.length; p++) {
    if (bytes[p] === 0x22) open = !open
    else if (bytes[p] === 0x0a && !open) closed = p + 1
  }
  return closed
}

function count(bytes: Buffer, start: number, end: number): number {
  let lines = 0
  for (let p = start; p < end; p++) if (bytes[p] === 0x0a) lines++
  return lines
}
