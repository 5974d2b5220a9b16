/** Bars as CSV, both ways: csv-parse on the way in, header aliases in any order, numbers exactly as JavaScript prints. */
import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { badData } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { MAX_LINE, tooLong } from '../../stream/lines.js'
import type { Source } from '../../stream/source.js'
import { type BarBatch, barAt, newBatch } from '../bar.js'
import { BAR_FIELDS, type BarField, fieldOf, type LooseFields, putRow } from '../fields.js'
import { BadRecord, type Problem } from '../problem.js'
import { BATCH_ROWS, hand, NOT_UTF8, type Reading, type RecordBlock, webPage } from '../reading.js'

export const CSV_HEADER = `${BAR_FIELDS.join(',')}\n`

/** Row `i` as a CSV line with its line end. No bar field needs quotes. */
export function csvLine(batch: BarBatch, i: number): string {
  const bar = barAt(batch, i)
  return `${BAR_FIELDS.map((field) => bar[field] ?? '').join(',')}\n`
}

/** Which column holds which field; `clock` is a time of day that stands apart from its date. */
interface Columns {
  readonly fields: readonly (BarField | 'clock' | undefined)[]
}

export async function* readCsv(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const { parse } = await import('csv-parse')
  const { name, maxLine = MAX_LINE } = reading
  const parser = parse({
    bom: true,
    delimiter: [',', ';', '\t'],
    info: true,
    raw: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: maxLine,
    encoding: 'utf8',
  })
  const input = Readable.from(validUtf8(source.chunks(), name), { objectMode: false })
  let cause: unknown
  input.on('error', (error) => {
    cause = error
    parser.destroy(error)
  })
  input.pipe(parser)
  const batch = newBatch(BATCH_ROWS, reading.names)
  const options = { ...reading, textual: true }
  let columns: Columns | null = null
  let line = 1
  try {
    for await (const row of parser as AsyncIterable<CsvRow>) {
      const { record, raw } = row
      line = row.info.lines
      if (columns === null) {
        columns = readHeader(record, name, line, reading)
        continue
      }
      const problem: Problem | null =
        record.length === columns.fields.length
          ? putRow(batch, pick(record, columns), line, options)
          : wrongColumns(columns.fields.length, record.length)
      if (problem !== null) await reading.reject(line, problem, raw.trimEnd())
      if (batch.length === batch.capacity) yield* hand(batch)
    }
  } catch (error) {
    if (cause !== undefined) throw cause
    const csv = csvProblem(error)
    if (csv === null) throw error
    if (csv.code === 'CSV_MAX_RECORD_SIZE') throw tooLong(name, csv.lines ?? line, maxLine)
    throw badData(`not CSV: ${csv.message}`, { where: `${name}:${csv.lines ?? line}` })
  } finally {
    input.destroy()
    parser.destroy()
  }
  if (batch.length > 0) yield* hand(batch)
}

interface CsvRow {
  readonly record: readonly string[]
  readonly raw: string
  readonly info: { readonly lines: number }
}

const wrongColumns = (expected: number, got: number): Problem => ({
  field: null,
  rule: 'wrong-columns',
  words: `expected ${expected} columns, got ${got}`,
  value: got,
})

function csvProblem(error: unknown): { code: string; message: string; lines: number | undefined } | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null
  if (!error.code.startsWith('CSV_') && !error.code.startsWith('INVALID_')) return null
  const lines = 'lines' in error && typeof error.lines === 'number' ? error.lines : undefined
  return { code: error.code, message: error.message.slice(0, 200), lines }
}

function readHeader(record: readonly string[], name: string, line: number, reading: Reading): Columns {
  const where = `${name}:${line}`
  const page = webPage(record[0] ?? '')
  if (page !== null) throw new BadRecord(page, { where })
  const fields: (BarField | 'clock' | undefined)[] = record.map(fieldOf)
  const times = record
    .map((header, i) => ({ header: header.trim().toLowerCase(), i }))
    .filter(({ i }) => fields[i] === 'time')
  // `Date,Time,Open,...`: the day in one column, the time of day in the next.
  if (times.length === 2) {
    const clock = times.find(({ header }) => header === 'time')
    if (clock !== undefined && times.some(({ header }) => header === 'date')) fields[clock.i] = 'clock'
  }
  for (const [i, field] of fields.entries()) {
    if (field === undefined) {
      if (record[i]?.toLowerCase() !== 'type') reading.ignored(record[i] ?? '')
    } else if (fields.indexOf(field) !== i) {
      throw badData(
        `columns ${quote(record[fields.indexOf(field)])} and ${quote(record[i])} are both ${field}`,
        { where },
      )
    }
  }
  const needed: BarField[] = ['time', 'open', 'high', 'low', 'close', 'volume']
  const absent = needed.filter((field) => !fields.includes(field))
  if (absent.length > 0) {
    throw badData(`the header lacks ${absent.join(', ')}`, {
      where,
      hint: `it reads ${quote(record.join(','))}; expected names such as time,open,high,low,close,volume`,
    })
  }
  return { fields }
}

function pick(record: readonly string[], { fields }: Columns): LooseFields {
  const loose: LooseFields = {}
  let clock: string | undefined
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]
    if (field === 'clock') clock = record[i]
    else if (field !== undefined) loose[field] = record[i]?.trim()
  }
  if (clock !== undefined) loose.time = `${String(loose.time)} ${clock.trim()}`
  // An absent cell of a column that exists is unknown, not missing.
  if (loose.volume === '') loose.volume = null
  return loose
}

/** Passes the bytes on, or fails at the first that are not UTF-8: csv-parse would replace them without a word. */
async function* validUtf8(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  /** The line that is not whole yet, and its number. */
  let begun: Buffer[] = []
  let line = 1
  for await (const chunk of chunks) {
    try {
      decoder.decode(chunk, { stream: true })
    } catch {
      throw notUtf8(Buffer.concat([...begun, chunk]), name, line)
    }
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) line++
    const end = chunk.lastIndexOf(0x0a) + 1
    begun = end === 0 ? [...begun, chunk] : [chunk.subarray(end)]
    yield chunk
  }
  try {
    decoder.decode()
  } catch {
    throw notUtf8(Buffer.concat(begun), name, line)
  }
}

/** Names the first line of `bytes` that is not UTF-8; `line` is the number of its first. */
function notUtf8(bytes: Buffer, name: string, line: number): BadRecord {
  for (let from = 0; ; line++) {
    const end = bytes.indexOf(0x0a, from)
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) {
      return new BadRecord(NOT_UTF8, { where: `${name}:${line}` })
    }
    from = end + 1
  }
}
