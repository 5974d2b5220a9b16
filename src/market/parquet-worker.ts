/** The thread of parquet-writer.ts: row groups in, bytes out, in order. */
import { parentPort } from 'node:worker_threads'
import { type BarBatch, Names } from './bar.js'
import { type ParquetEncoder, parquetEncoder } from './parquet-encoder.js'

/** A batch without its names table, which has methods and cannot be sent. */
export type SentBatch = Omit<BarBatch, 'names'> & { readonly texts: readonly string[] }

export type Request = { readonly rows: SentBatch } | { readonly rows: null }
export type Reply = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly error: unknown }

let encoder: Promise<ParquetEncoder> | undefined
let queue: Promise<void> = Promise.resolve()

parentPort?.on('message', ({ rows }: Request) => {
  queue = queue.then(async () => {
    try {
      encoder ??= parquetEncoder()
      const ready = await encoder
      const bytes = rows === null ? await ready.end() : await ready.group(received(rows))
      parentPort?.postMessage({ bytes } satisfies Reply, [bytes.buffer])
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
