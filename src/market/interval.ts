/** Rows without an interval get the smallest spacing seen among the first 1,000 rows of their stream. */
import { type BarBatch, copyRows, INTERVALS, intervalMs, MISSING_CODE, newBatch } from './bar.js'
import { BadRecord } from './problem.js'
import type { Reading, RecordBlock } from './reading.js'

const LOOK_AHEAD = 1000

export async function* fillIntervals(
  blocks: AsyncGenerator<RecordBlock>,
  { name, names }: Reading,
): AsyncGenerator<RecordBlock> {
  let known = MISSING_CODE
  let held: BarBatch | null = null
  for await (const block of blocks) {
    if (block.kind === 'bars' && known === MISSING_CODE && (held !== null || lacks(block.batch))) {
      held = append(held, block.batch, names)
      if (held.length < LOOK_AHEAD) continue
      known = smallestSpacing(held, name)
      yield filled(held, known)
      held = null
      continue
    }
    if (held !== null && block.kind === 'other') {
      known = smallestSpacing(held, name)
      yield filled(held, known)
      held = null
    }
    yield block.kind === 'bars' && known !== MISSING_CODE ? filled(block.batch, known) : block
  }
  if (held !== null) yield filled(held, smallestSpacing(held, name))
}

function lacks(batch: BarBatch): boolean {
  return batch.interval.subarray(0, batch.length).includes(MISSING_CODE)
}

function append(held: BarBatch | null, batch: BarBatch, names: Reading['names']): BarBatch {
  const to = newBatch((held?.length ?? 0) + batch.length, names)
  if (held !== null) copyRows(held, 0, held.length, to)
  copyRows(batch, 0, batch.length, to)
  return to
}

function filled(batch: BarBatch, code: number): RecordBlock {
  for (let i = 0; i < batch.length; i++) if (batch.interval[i] === MISSING_CODE) batch.interval[i] = code
  return { kind: 'bars', batch }
}

/** Index into INTERVALS. Throws when the spacing is none of them, or there is none. */
function smallestSpacing(batch: BarBatch, name: string): number {
  const last = new Map<number, number>()
  let least = Number.POSITIVE_INFINITY
  const rows = Math.min(batch.length, LOOK_AHEAD)
  for (let i = 0; i < rows; i++) {
    const symbol = batch.symbol[i]!
    const time = batch.time[i]!
    const gap = Math.abs(time - (last.get(symbol) ?? time))
    if (gap > 0 && gap < least) least = gap
    last.set(symbol, time)
  }
  const code = INTERVALS.findIndex((interval) => intervalMs(interval) === least)
  if (code !== -1) return code
  // Daily bars of stamps at midnight in a zone with daylight saving are 23 to 25 hours apart.
  if (least >= 82_800_000 && least < Number.POSITIVE_INFINITY) return INTERVALS.indexOf('1d')
  const seen = least === Number.POSITIVE_INFINITY ? 'a single row a symbol' : `a spacing of ${least / 1000} s`
  const words = `the interval is missing and cannot be told from ${seen}`
  throw new BadRecord(
    { field: null, rule: 'no-interval', words, value: undefined },
    {
      where: `${name}:${batch.line[0]}`,
      hint: `name it with --interval: ${INTERVALS.join(' ')}`,
    },
  )
}
