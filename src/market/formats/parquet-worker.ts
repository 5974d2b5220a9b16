/** The thread of parquet-writer.ts: row groups in, bytes out, in order. */
import { parentPort, workerData } from 'node:worker_threads'
import { type BarBatch, Names } from '../bar.js'
import { type ParquetEncoder, parquetEncoder } from './parquet-encoder.js'

/** A batch without its names table, which has methods and cannot be sent. */
export type SentBatch = Omit<BarBatch, 'names'> & { readonly texts: readonly string[] }

export type Request = { readonly rows: SentBatch } | { readonly rows: null }
/** The columns go back to be filled again: left here they would wait for a collector that sees no need. */
export type Reply =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly columns: SentBatch | null }
  | { readonly error: unknown }

export const buffersOf = (columns: SentBatch): ArrayBuffer[] =>
  Object.values(columns).flatMap((column) =>
    ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
  )

let encoder: Promise<ParquetEncoder> | undefined
let queue: Promise<void> = Promise.resolve()

parentPort?.on('message', ({ rows }: Request) => {
  queue = queue.then(async () => {
    try {
      encoder ??= parquetEncoder(workerData as readonly string[])
      const ready = await encoder
      const bytes = rows === null ? await ready.end() : await ready.group(received(rows))
      const back = rows === null ? [] : buffersOf(rows)
      parentPort?.postMessage({ bytes, columns: rows } satisfies Reply, [bytes.buffer, ...back])
    } catch (error) {
      parentPort?.postMessage({ error } satisfies Reply)
    }
  })
})

function received({ texts, ...columns }: SentBatch): BarBatch {
  const names = new Names()
  for (const text of texts) names.id(text)
  return { ...columns, names }
}
