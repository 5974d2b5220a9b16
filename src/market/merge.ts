/** Bars of several files as if they stood in one, by time. */
import { type BarBatch, copyRow, copyRows, newBatch } from './bar.js'
import { BATCH_ROWS } from './reading.js'

/**
 * The rows of all streams by time; rows of one time keep the order of the streams. They share one names table. Each stream is
 * read to its end before the next, so that any number of files needs one open at a time; the rows are held in memory.
 * The rows of one stream keep their order, so that time that goes backwards within a file is seen by whoever reads on.
 */
export async function* mergedByTime(streams: readonly AsyncIterable<BarBatch>[]): AsyncGenerator<BarBatch> {
  const queues: BarBatch[] = []
  for (const stream of streams) {
    const parts: BarBatch[] = []
    for await (const batch of stream) parts.push(copied([batch]))
    if (parts.length > 0) queues.push(copied(parts))
  }
  const next = new Uint32Array(queues.length)
  // The streams by the time of their next row, then by their order: a binary heap of their numbers.
  const heap = Array.from(queues, (_queue, i) => i)
  const isBefore = (a: number, b: number): boolean => {
    const difference = queues[a]!.time[next[a]!]! - queues[b]!.time[next[b]!]!
    return difference < 0 || (difference === 0 && a < b)
  }
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) return
      const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left
      if (!isBefore(heap[child]!, heap[at]!)) return
      const moved = heap[at]!
      heap[at] = heap[child]!
      heap[child] = moved
      at = child
    }
  }
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(at)
  const [any] = queues
  if (any === undefined) return
  const out = newBatch(BATCH_ROWS, any.names)
  while (heap.length > 0) {
    const least = heap[0]!
    const queue = queues[least]!
    copyRow(queue, next[least]!, out)
    next[least] = next[least]! + 1
    if (next[least] === queue.length) {
      const last = heap.pop()!
      if (heap.length > 0) heap[0] = last
    }
    sink(0)
    if (out.length < out.capacity) continue
    yield out
    out.length = 0
  }
  if (out.length > 0) yield out
}

function copied(batches: readonly BarBatch[]): BarBatch {
  const rows = batches.reduce((sum, { length }) => sum + length, 0)
  const whole = newBatch(rows, batches[0]!.names)
  for (const batch of batches) copyRows(batch, 0, batch.length, whole)
  return whole
}
