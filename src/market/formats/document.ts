/** Bars in one JSON document of a vendor, read whole; pages of it may stand one on a line. */
import { badData } from '../../base/errors.js'
import { zoneNamed } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { decodeUtf8 } from '../../stream/json.js'
import type { Source } from '../../stream/source.js'
import { newBatch } from '../bar.js'
import { putRow } from '../fields.js'
import { BadRecord } from '../problem.js'
import { BATCH_ROWS, hand, NOT_UTF8, type Reading, type RecordBlock } from '../reading.js'
import { type VendorName, vendors } from '../vendors.js'

/** A document is held in memory whole. */
const MOST_BYTES = 1 << 28

/** The line numbers of its rows count the bars of the document. */
export async function* readDocuments(
  source: Source,
  reading: Reading,
  vendor: VendorName,
): AsyncGenerator<RecordBlock> {
  const batch = newBatch(BATCH_ROWS, reading.names)
  let row = 0
  for (const document of documents(await text(source), source.name)) {
    const found = vendors[vendor].rows?.(document) ?? null
    if (found === null) {
      throw badData(`is no document of ${vendor}: ${quote(document)}`, {
        where: source.name,
        hint: 'one JSON object a line is read without --vendor',
      })
    }
    const zone =
      reading.zone ?? (found.zone === undefined ? null : zoneNamed(found.zone)) ?? vendors[vendor].zone
    const options = { ...reading, zone, textual: true, decimal: '.' as const }
    for (const loose of found.rows) {
      row++
      const problem = putRow(batch, loose, row, options)
      if (problem !== null) await reading.reject(row, problem, JSON.stringify(loose))
      if (batch.length === batch.capacity) yield* hand(batch)
    }
  }
  if (batch.length > 0) yield* hand(batch)
}

async function text(source: Source): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of source.chunks()) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MOST_BYTES)
      throw badData(`a document of more than ${MOST_BYTES} bytes`, { where: source.name })
  }
  const decoded = decodeUtf8(Buffer.concat(chunks))
  if (decoded === null) throw new BadRecord(NOT_UTF8, { where: source.name })
  return decoded.replace(/^\ufeff/, '')
}

function documents(whole: string, name: string): unknown[] {
  try {
    return [JSON.parse(whole)]
  } catch {
    return whole
      .split('\n')
      .map((line, i) => ({ line: line.trim(), number: i + 1 }))
      .filter(({ line }) => line !== '')
      .map(({ line, number }) => {
        try {
          return JSON.parse(line) as unknown
        } catch {
          throw badData(`is no JSON document: ${quote(line)}`, { where: `${name}:${number}` })
        }
      })
  }
}
