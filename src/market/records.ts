/**
 * Reads records from any source as blocks: bars in columns, everything else as objects. The block's batch is reused: it
 * is valid until the next block is asked for.
 */
import { quote } from '../base/time.js'
import { decodeUtf8, type JsonObject, parseObject } from '../stream/json.js'
import { lineBlocks, MAX_LINE, tooLong } from '../stream/lines.js'
import type { Source } from '../stream/source.js'
import { type BarBatch, Names, newBatch } from './bar.js'
import { readCsv } from './bar-csv.js'
import { BarReader } from './bar-ndjson.js'
import { readParquet } from './bar-parquet.js'
import { fieldOf, type LooseFields, putRow } from './fields.js'
import { fillIntervals } from './interval.js'
import {
  BATCH_ROWS,
  hand,
  type OtherRecord,
  type Reading,
  type ReadOptions,
  type RecordBlock,
  rejectFailure,
} from './reading.js'

export async function* readRecords(source: Source, options: ReadOptions = {}): AsyncGenerator<RecordBlock> {
  const reading: Reading = {
    ...options,
    name: source.name,
    names: options.names ?? new Names(),
    reject: async (line, message, raw) => {
      const reject = { name: source.name, line, message, raw: raw.slice(0, 1000) }
      if (options.onReject === undefined) throw rejectFailure(reject)
      await options.onReject(reject)
    },
    ignored: once(options.onIgnored ?? (() => {})),
  }
  yield* fillIntervals(readFormat(source, reading), reading)
}

function readFormat(source: Source, reading: Reading): AsyncGenerator<RecordBlock> {
  if (source.format === 'csv') return readCsv(source, reading)
  if (source.format === 'parquet') return readParquet(source, reading)
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
  for await (const { bytes, firstLine } of lineBlocks(source.chunks(), { name, maxLine })) {
    let line = firstLine
    for (let start = 0; start < bytes.length; line++) {
      const newline = bytes.indexOf(0x0a, start)
      const next = newline === -1 ? bytes.length : newline + 1
      let end = newline === -1 ? bytes.length : newline
      if (end > start && bytes[end - 1] === 0x0d) end--
      if (end - start > maxLine) throw tooLong(name, line, maxLine)
      if (others.length > 0 || !bars.read(bytes, start, end, line)) {
        const other = await readLine(bytes.subarray(start, end), line, batch, reading)
        if (other !== null) {
          // Order between bars and other records is kept.
          if (batch.length > 0) yield* hand(batch)
          others.push(other)
        } else if (others.length > 0 && batch.length > 0) {
          yield { kind: 'other', records: others }
          others = []
        }
      }
      if (batch.length === batch.capacity) yield* hand(batch)
      if (others.length === BATCH_ROWS) {
        yield { kind: 'other', records: others }
        others = []
      }
      start = next
    }
    // Nothing is held back while the input pauses.
    if (batch.length > 0) yield* hand(batch)
    if (others.length > 0) {
      yield { kind: 'other', records: others }
      others = []
    }
  }
}

/** The general path for one line: a bar into `batch`, another record as the result, a bad line to `reject`. */
async function readLine(
  bytes: Buffer,
  line: number,
  batch: BarBatch,
  reading: Reading,
): Promise<OtherRecord | null> {
  const text = decodeUtf8(bytes)
  if (text === null) {
    await reading.reject(line, 'is not valid UTF-8', bytes.toString('latin1'))
    return null
  }
  if (text.trim() === '') return null
  const parsed = parseObject(text)
  if ('error' in parsed) {
    await reading.reject(line, notJson(text) ?? parsed.error, text)
    return null
  }
  const { object } = parsed
  const type = object.type
  if (type !== undefined && typeof type !== 'string') {
    await reading.reject(line, `type: expected a string, got ${quote(type)}`, text)
    return null
  }
  if (type !== undefined && type !== 'bar') return { type, line, object, text }
  const fields: LooseFields = {}
  const problem =
    gather(object, fields, reading.ignored) ?? missing(type, fields) ?? put(batch, fields, line, reading)
  if (problem !== null) await reading.reject(line, problem, text)
  return null
}

function put(batch: BarBatch, fields: LooseFields, line: number, reading: Reading): string | null {
  return putRow(batch, fields, line, { ...reading, textual: false })
}

/** Sorts the keys of an object into bar fields; returns a problem or null. */
function gather(object: JsonObject, fields: LooseFields, ignored: (field: string) => void): string | null {
  for (const [key, value] of Object.entries(object)) {
    if (key === 'type') continue
    const field = fieldOf(key)
    if (field === undefined) ignored(key)
    else if (fields[field] !== undefined) return `${field}: stands twice under different names`
    else fields[field] = value
  }
  return null
}

/** An object without a type is a bar only if it looks like one. */
function missing(type: string | undefined, fields: LooseFields): string | null {
  if (type === 'bar') return null
  const prices = fields.open !== undefined || fields.close !== undefined
  return prices || fields.time !== undefined ? null : 'type: is missing, and this is not a bar'
}

function notJson(text: string): string | undefined {
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) return 'expected records, got an HTML or XML page'
  if (/^\s*\[/.test(text)) return 'expected one JSON object a line, got an array'
  return undefined
}
