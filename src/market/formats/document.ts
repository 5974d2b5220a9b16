/** Bars in one JSON document of a vendor, read whole; pages of it may stand one on a line. */
import { badData } from '../../base/errors.js'
import { zoneNamed } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { decodeUtf8, isTooDeep } from '../../stream/json.js'
import { lineBlocks } from '../../stream/lines.js'
import type { Source } from '../../stream/source.js'
import { newBatch } from '../bar.js'
import { type FieldOptions, type LooseFields, putRow } from '../fields.js'
import { BadRecord } from '../problem.js'
import { BATCH_ROWS, hand, NOT_UTF8, type Reading, type RecordBlock } from '../reading.js'
import { type VendorName, vendors } from '../vendors.js'

/** Of a document, which is held in memory whole; pages of 50,000 bars have half of it. */
const MOST_BYTES = 12 << 20

/** The line numbers of its rows count the bars of the document. */
export async function* readDocuments(
  source: Source,
  reading: Reading,
  vendor: VendorName,
): AsyncGenerator<RecordBlock> {
  const batch = newBatch(BATCH_ROWS, reading.names)
  let row = 0
  for await (const document of documents(source)) {
    const found = documentRows(document, vendor, reading)
    if (found === null) {
      throw badData(`is no document of ${vendor}: ${quote(document)}`, {
        where: source.name,
        hint: 'one JSON object a line is read without --vendor',
      })
    }
    for (const loose of found.rows) {
      row++
      const problem = putRow(batch, loose, row, found.options)
      if (problem !== null) await reading.reject(row, problem, JSON.stringify(loose))
      if (batch.length === batch.capacity) yield* hand(batch)
    }
  }
  if (batch.length > 0) yield* hand(batch)
}

/** The bars in a document of a vendor, and how their fields are read; null where it is none of this vendor's. */
export function documentRows(
  document: unknown,
  vendor: VendorName,
  reading: Pick<FieldOptions, 'symbol' | 'interval' | 'zone' | 'timeFormat' | 'dateOrder' | 'priceScale'>,
): { readonly rows: Iterable<LooseFields>; readonly options: FieldOptions } | null {
  const found = vendors[vendor].rows?.(document) ?? null
  if (found === null) return null
  const zone =
    reading.zone ?? (found.zone === undefined ? null : zoneNamed(found.zone)) ?? vendors[vendor].zone
  return { rows: found.rows, options: { ...reading, zone, textual: true, decimal: '.' } }
}

/** The one document of a file, or those that stand one on a line. */
async function* documents(source: Source): AsyncGenerator<unknown> {
  const { name } = source
  const chunks = source.chunks()
  const begun: Buffer[] = []
  let length = 0
  while (length <= MOST_BYTES) {
    const next = await chunks.next()
    if (next.done) {
      const whole = decoded(Buffer.concat(begun), name).replace(/^\ufeff/, '')
      const document = parsed(whole, name)
      if (document !== undefined) {
        yield document
        return
      }
      break
    }
    begun.push(next.value)
    length += next.value.length
  }
  const all = async function* () {
    yield* begun
    yield* chunks
  }
  const at = { line: 1 }
  const lines = { name, maxLine: MOST_BYTES, hint: 'ask the vendor for shorter pages', at }
  for await (const block of lineBlocks(all(), lines)) {
    for (const bytes of linesOf(block)) {
      const line = decoded(bytes, name).trim()
      const where = `${name}:${at.line++}`
      if (line === '') continue
      const document = parsed(line, where)
      if (document === undefined) {
        const large = where.endsWith(':1') && length > MOST_BYTES
        const words = large
          ? `a document of more than ${MOST_BYTES} bytes`
          : `is no JSON document: ${quote(line)}`
        throw badData(words, { where })
      }
      yield document
    }
  }
}

function decoded(bytes: Buffer, where: string): string {
  const text = decodeUtf8(bytes)
  if (text === null) throw new BadRecord(NOT_UTF8, { where })
  return text
}

/** Undefined where the text is no JSON. */
function parsed(text: string, where: string): unknown {
  if (isTooDeep(text)) throw badData('is nested too deep', { where })
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function* linesOf(block: Buffer): Generator<Buffer> {
  for (let start = 0; start < block.length; ) {
    const newline = block.indexOf(0x0a, start)
    const end = newline === -1 ? block.length : newline
    yield block.subarray(start, end)
    start = end + 1
  }
}
