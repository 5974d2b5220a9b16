/**
 * Reads records from any source as blocks: bars in columns, everything else as objects. The block's batch is reused: it
 * is valid until the next block is asked for.
 */
import { quote } from '../base/words.js'
import { decodeUtf8, type JsonObject, type JsonRule, parseObject } from '../stream/json.js'
import { lineBlocks, MAX_LINE, tooLong } from '../stream/lines.js'
import type { Source } from '../stream/source.js'
import { type BarBatch, INTERVALS, intervalMs, Names, newBatch } from './bar.js'
import { checkedRows } from './checked-rows.js'
import { mappedField } from './columns.js'
import { isOwnName, type LooseFields, putRow } from './fields.js'
import { readDocuments } from './formats/document.js'
import { BarReader } from './formats/ndjson.js'
import { readParquet } from './formats/parquet.js'
import { fillIntervals } from './interval.js'
import { partitionOf } from './partition.js'
import type { Problem } from './problem.js'
import {
  BATCH_ROWS,
  hand,
  NOT_UTF8,
  type OtherRecord,
  type Reading,
  type ReadOptions,
  type RecordBlock,
  rejectFailure,
  webPage,
} from './reading.js'
import { vendorOfDocument, vendors } from './vendors.js'

/**
 * The records of a source, in batches, whatever its format; a batch is valid until the next one is asked for. Throws badData at
 * the first bad row, unless `onReject` takes it.
 */
export async function* readRecords(source: Source, options: ReadOptions = {}): AsyncGenerator<RecordBlock> {
  const folders = partitionOf(source.name)
  const reading: Reading = {
    ...options,
    symbol: options.symbol ?? folders.symbol,
    interval: options.interval ?? folders.interval,
    name: source.name,
    names: options.names ?? new Names(),
    reject: async (line, problem, raw) => {
      const reject = { name: source.name, line, problem, raw: raw.slice(0, 1000) }
      if (options.onReject === undefined) throw rejectFailure(reject)
      await options.onReject(reject)
    },
    ignored: once(options.onIgnored ?? (() => {})),
    detail: options.onDetail ?? (() => {}),
  }
  const blocks = fillIntervals(readFormat(source, reading), reading)
  const isEndStamped = reading.vendor !== undefined && vendors[reading.vendor].endStamped === true
  yield* checkedRows(isEndStamped ? startStamped(blocks) : blocks, reading)
}

/** From stamps of the end of a bar to those of its start, once the length of the bars is known. */
async function* startStamped(blocks: AsyncGenerator<RecordBlock>): AsyncGenerator<RecordBlock> {
  for await (const block of blocks) {
    if (block.kind === 'bars') {
      const { batch } = block
      for (let i = 0; i < batch.length; i++) {
        const interval = INTERVALS[batch.interval[i]!]!
        // A day is stamped with its date.
        if (interval !== '1d') batch.time[i] = batch.time[i]! - intervalMs(interval)
      }
    }
    yield block
  }
}

async function* readCsvRecords(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const { readCsv } = await import('./formats/csv.js')
  yield* readCsv(source, reading)
}

function readFormat(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  if (source.format === 'csv') return readCsvRecords(source, reading)
  if (source.format === 'parquet') return readParquet(source, reading)
  if (reading.vendor !== undefined && vendors[reading.vendor].rows !== undefined) {
    return readDocuments(source, reading, reading.vendor)
  }
  return readNdjson(source, reading)
}

function once(report: (field: string) => void): (field: string) => void {
  const seen = new Set<string>()
  return (field) => {
    // A hostile input could hold a new key on every line.
    if (seen.has(field) || seen.size >= 100) return
    seen.add(field)
    report(field)
  }
}

async function* readNdjson(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  const { name, maxLine = MAX_LINE } = reading
  const batch = newBatch(BATCH_ROWS, reading.names)
  const bars = new BarReader(batch)
  let others: OtherRecord[] = []
  const pending = function* (): Generator<RecordBlock> {
    if (batch.length > 0) yield* hand(batch)
    if (others.length > 0) yield { kind: 'other', records: others }
    others = []
  }
  const at = { line: 1 }
  for await (const bytes of lineBlocks(source.chunks(), { name, maxLine, at })) {
    for (let start = 0; start < bytes.length; at.line++) {
      const { line } = at
      // Blocks hold one kind each, in the order of the input: bars wait for the others before them, and the reverse.
      const after = others.length > 0 ? -1 : bars.read(bytes, start, line)
      if (after > 0 && after - start <= maxLine) {
        start = after
        if (batch.length === batch.capacity) yield* pending()
        continue
      }
      if (after > 0) batch.length--
      const newline = bytes.indexOf(0x0a, start)
      const next = newline === -1 ? bytes.length : newline + 1
      let end = newline === -1 ? bytes.length : newline
      if (end > start && bytes[end - 1] === 0x0d) end--
      if (end - start > maxLine) throw tooLong(name, line, maxLine)
      const found = readLine(bytes.subarray(start, end), line, others.length > 0 ? null : batch, reading)
      if (found === 'again') {
        yield* pending()
        at.line--
        continue
      }
      if (typeof found === 'object' && 'problem' in found) {
        // What came before the bad line is handed on before it is judged.
        yield* pending()
        await reading.reject(line, found.problem, found.raw)
      } else if (typeof found === 'object') {
        if (batch.length > 0) yield* hand(batch)
        others.push(found)
      }
      if (batch.length === batch.capacity || others.length === BATCH_ROWS) yield* pending()
      start = next
    }
    // Nothing is held back while the input pauses.
    yield* pending()
  }
}

/**
 * The general path for one line: a bar into `batch` or a blank line ('done'), another record, or what is wrong. Without a
 * batch a bar is left for another call ('again').
 */
function readLine(
  bytes: Buffer,
  line: number,
  batch: BarBatch | null,
  reading: Reading,
): 'done' | 'again' | OtherRecord | { problem: Problem; raw: string } {
  const text = decodeUtf8(bytes)
  if (text === null) return { problem: NOT_UTF8, raw: bytes.toString('latin1') }
  if (text.trim() === '') return 'done'
  const parsed = parseObject(text)
  if ('error' in parsed) return { problem: notRecord(text, parsed), raw: text }
  const { object } = parsed
  const { type } = object
  if (type !== undefined && typeof type !== 'string') {
    const words = `expected a string, got ${quote(type)}`
    return { problem: { field: 'type', rule: 'not-text', words, value: type }, raw: text }
  }
  if (type !== undefined && type !== 'bar') return { type, line, object, text }
  if (batch === null) return 'again'
  const fields: LooseFields = {}
  const problem =
    gather(object, fields, reading) ??
    notBar(type, object, fields) ??
    putRow(batch, fields, line, { ...reading, textual: false })
  return problem === null ? 'done' : { problem, raw: text }
}

/** Sorts the keys of an object into bar fields, a field's own name before others; returns a problem or null. */
function gather(object: JsonObject, fields: LooseFields, { columns, ignored }: Reading): Problem | null {
  const own = new Set<string>()
  for (const [key, value] of Object.entries(object)) {
    if (key === 'type') continue
    const field = mappedField(key, columns)
    if (field === undefined) ignored(key)
    else if (fields[field] === undefined || (isOwnName(key) && !own.has(field))) fields[field] = value
    else if (!own.has(field) || isOwnName(key)) {
      return { field, rule: 'stands-twice', words: 'stands twice under different names', value }
    } else ignored(key)
    if (field !== undefined && isOwnName(key)) own.add(field)
  }
  return null
}

/** An object without a type is a bar only if it looks like one. */
function notBar(type: string | undefined, object: JsonObject, fields: LooseFields): Problem | null {
  if (type === 'bar') return null
  const isBar = fields.open !== undefined || fields.close !== undefined || fields.time !== undefined
  if (hasNested(isBar ? fields : object)) return oneALine(object, documentWords(object))
  if (isBar) return null
  return { field: 'type', rule: 'not-a-bar', words: 'is missing, and this is not a bar', value: undefined }
}

function hasNested(object: Readonly<Record<string, unknown>>): boolean {
  for (const key in object) if (typeof object[key] === 'object' && object[key] !== null) return true
  return false
}

function documentWords(object: JsonObject): string {
  const vendor = vendorOfDocument(object)
  return vendor === undefined ? 'a document' : `a document; --vendor ${vendor} reads it`
}

function notRecord(text: string, { rule, error }: { rule: JsonRule; error: string }): Problem {
  // Not valid as one object: an array, or the first line of a document that is laid out for people.
  const found = /^\s*\[/.test(text)
    ? 'an array'
    : /^\s*\{\s*$/.test(text)
      ? 'the beginning of a document'
      : null
  if (found !== null) return oneALine(text, found)
  return webPage(text) ?? { field: null, rule, words: error, value: text }
}

const oneALine = (value: unknown, found: string): Problem => ({
  field: null,
  rule: 'a-document',
  words: `expected one JSON object a line, got ${found}`,
  value,
})
