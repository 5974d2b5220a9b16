/** Writes records to a byte sink in the format asked for. */
import { badData } from '../base/errors.js'
import type { ByteSink } from '../stream/sink.js'
import { BlockWriter } from '../stream/sink.js'
import type { Format } from '../stream/source.js'
import type { BarBatch } from './bar.js'
import { CSV_HEADER, csvLine } from './formats/csv-writer.js'
import { MAX_BAR_BYTES, writeBar } from './formats/ndjson.js'
import { parquetBarWriter } from './formats/parquet-writer.js'
import type { OtherRecord } from './reading.js'

export interface RecordWriter {
  bars(batch: BarBatch): Promise<void>
  /** A record that is not a bar, as its line was. CSV and Parquet hold one type and refuse it. */
  other(record: OtherRecord): Promise<void>
  /** Starts the write of what is gathered, so that a slow input is seen downstream. */
  flush(): Promise<void>
  /** Everything out; the sink stays open. */
  finish(): Promise<void>
  /** Gives up; the sink is left to its owner. */
  abort(): Promise<void>
}

export interface WriteOptions {
  /** The reader is a terminal: DEL and C1 controls in strings are written as escapes, which JSON takes for the same. */
  readonly terminal?: boolean
  /** Fields that the path of a Parquet file says: readers of partitioned folders refuse them in the file too. */
  readonly without?: readonly string[]
}

/**
 * Writes records to a sink in a format: bars in batches, others as they are. Writing one that the format has no place for throws 65.
 */
export async function recordWriter(
  sink: ByteSink,
  format: Format,
  { terminal = false, without }: WriteOptions = {},
): Promise<RecordWriter> {
  if (format === 'parquet') {
    const parquet = parquetBarWriter(sink, without)
    return {
      bars: (batch) => parquet.write(batch),
      other: onlyBars(format),
      flush: async () => {},
      finish: () => parquet.finish(),
      abort: () => parquet.abort(),
    }
  }
  const out = new BlockWriter(sink)
  const base = { flush: () => out.flush(), finish: () => out.drain(), abort: async () => {} }
  if (format === 'csv') {
    await out.text(CSV_HEADER)
    return {
      ...base,
      bars: async (batch) => {
        for (let i = 0; i < batch.length; i++) await out.text(csvLine(batch, i))
      },
      other: onlyBars(format),
    }
  }
  return {
    ...base,
    bars: async (batch) => {
      for (let i = 0; i < batch.length; i++) {
        if (!out.hasRoom(MAX_BAR_BYTES)) await out.flush()
        out.advance(writeBar(out.buffer, out.offset, batch, i))
      }
    },
    other: ({ text }) => out.text(`${terminal ? escaped(text) : text}\n`),
  }
}

const escaped = (json: string): string =>
  json.replace(/[\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

function onlyBars(format: Format) {
  return async ({ type }: OtherRecord): Promise<never> => {
    throw badData(`${format} output holds bars; it cannot hold a ${type} record`, {
      hint: 'use --format ndjson',
    })
  }
}
