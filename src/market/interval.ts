/**
 * The length of bars by their spacing: rows without an interval get the commonest spacing among the first 1,000 rows of their
 * stream. The smallest would be decided by a single odd row.
 */
import { lengthWords } from '../base/time.js'
import { type BarBatch, copyRows, INTERVALS, intervalOfLength, MISSING_CODE, newBatch } from './bar.js'
import { BadRecord } from './problem.js'
import type { Reading, RecordBlock } from './reading.js'
import { LOOK_AHEAD, Spacings } from './spacing.js'

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
      known = intervalOf(held, name)
      yield filled(held, known)
      held = null
      continue
    }
    if (held !== null && block.kind === 'other') {
      known = intervalOf(held, name)
      yield filled(held, known)
      held = null
    }
    yield block.kind === 'bars' && known !== MISSING_CODE ? filled(block.batch, known) : block
  }
  if (held !== null) yield filled(held, intervalOf(held, name))
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
function intervalOf(batch: BarBatch, name: string): number {
  const spacings = new Spacings()
  const rows = Math.min(batch.length, LOOK_AHEAD)
  for (let i = 0; i < rows; i++) spacings.add(batch.symbol[i]!, batch.time[i]!)
  const common = spacings.commonest()
  const interval = common === null ? undefined : intervalOfLength(common)
  if (interval !== undefined) return INTERVALS.indexOf(interval)
  const seen = common === null ? 'a single row a symbol' : `rows that are ${lengthWords(common)} apart`
  const words = `the interval is missing and cannot be told from ${seen}`
  throw new BadRecord(
    { field: null, rule: 'no-interval', words, value: undefined },
    {
      where: `${name}:${batch.line[0]}`,
      hint: `name it with --interval${common === null ? '' : ', if rows between them are missing'}: ${INTERVALS.join(' ')}`,
    },
  )
}
