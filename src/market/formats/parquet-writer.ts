/**
 * Writes bars as Parquet in row groups of 100,000. A file of one row group is encoded in place; a longer one on a thread,
 * so that reading and encoding use two cores. At most two row groups are under way, so memory does not grow with the file.
 */
import { Worker } from 'node:worker_threads'
import { ROW_GROUP } from '../../stream/parquet/encoder.js'
import type { ByteSink } from '../../stream/sink.js'
import { type BarBatch, copyRows, type Names, newBatch } from '../bar.js'
import { type ParquetEncoder, parquetEncoder } from './parquet-encoder.js'
import { buffersOf, type Reply, type Request, type SentBatch } from './parquet-worker.js'

export interface ParquetBarWriter {
  write(batch: BarBatch): Promise<void>
  /** Writes what is left and the footer; does not close the sink. */
  finish(): Promise<void>
  /** Gives up; ends the thread. */
  abort(): Promise<void>
}

/** Writes bars as Parquet to a sink; `without`: fields that the path of the file says. */
export function parquetBarWriter(sink: ByteSink, without: readonly string[] = []): ParquetBarWriter {
  let thread: EncoderThread | null = null
  let group: BarBatch | null = null
  let writing: Promise<void> = Promise.resolve()
  const put = async (encoding: Promise<Uint8Array>) => {
    // The write of the group before this one: its failure shows here.
    await writing
    writing = encoding.then((bytes) => sink.write(bytes))
    writing.catch(() => {})
  }
  return {
    write: async (batch) => {
      for (let from = 0; from < batch.length; ) {
        group ??= thread?.used(batch.names) ?? newBatch(ROW_GROUP, batch.names)
        const to = Math.min(batch.length, from + ROW_GROUP - group.length)
        copyRows(batch, from, to, group)
        from = to
        if (group.length < ROW_GROUP) continue
        thread ??= new EncoderThread(without)
        await put(thread.group(group))
        group = null
      }
    },
    finish: async () => {
      const encoder: ParquetEncoder = thread ?? (await parquetEncoder(without))
      if (group !== null) await put(encoder.group(group))
      await put(encoder.end())
      await writing
      await thread?.stop()
    },
    abort: async () => {
      await thread?.stop()
    },
  }
}

/** The encoder on a thread of its own; answers come in the order of the requests. */
class EncoderThread implements ParquetEncoder {
  readonly #worker: Worker
  readonly #waiting: {
    resolve: (bytes: Uint8Array<ArrayBuffer>) => void
    reject: (error: unknown) => void
  }[] = []

  readonly #used: SentBatch[] = []

  constructor(without: readonly string[]) {
    this.#worker = new Worker(new URL('./parquet-worker.js', import.meta.url), {
      workerData: without,
      // A row group is 100,000 rows and leaves nothing behind: small limits keep the process small at little cost in time.
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 },
    })
    this.#worker.on('message', (reply: Reply) => {
      const next = this.#waiting.shift()
      if ('error' in reply) return next?.reject(reply.error)
      if (reply.columns !== null) this.#used.push(reply.columns)
      next?.resolve(reply.bytes)
    })
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    })
  }

  /** The columns move to the thread: the batch is empty afterwards. */
  group(rows: BarBatch): Promise<Uint8Array<ArrayBuffer>> {
    const { names, ...columns } = rows
    const texts = Array.from({ length: names.size - 1 }, (_, i) => names.text(i + 1) ?? '')
    const sent: SentBatch = { ...columns, texts }
    return this.#ask({ rows: sent }, buffersOf(sent))
  }

  /** The columns of a group that is done, to be filled again. */
  used(names: Names): BarBatch | null {
    const back = this.#used.pop()
    if (back === undefined) return null
    const { texts: _texts, ...columns } = back
    return { ...columns, length: 0, names }
  }

  end(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask({ rows: null }, [])
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(request: Request, transfer: ArrayBuffer[]): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(request, transfer)
    })
  }
}
