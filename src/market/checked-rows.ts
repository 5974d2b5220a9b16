/** The blocks of a source with their rows checked: what came before a bad row is handed on before it is judged. */
import { barAt, copyRow } from './bar.js'
import type { Reading, RecordBlock } from './reading.js'
import { RowCheck } from './row-check.js'

export async function* checkedRows(
  blocks: AsyncGenerator<RecordBlock>,
  reading: Reading,
): AsyncGenerator<RecordBlock> {
  if (reading.check === null) {
    yield* blocks
    return
  }
  const check = reading.check ?? new RowCheck(reading)
  for await (const block of blocks) {
    if (block.kind === 'other') {
      yield block
      continue
    }
    const { batch } = block
    const count = batch.length
    batch.length = 0
    for (let i = 0; i < count; i++) {
      const problem = check.check(batch, i)
      if (problem === null) {
        if (batch.length === i) batch.length++
        else copyRow(batch, i, batch)
        continue
      }
      const line = batch.line[i]!
      const raw = JSON.stringify(barAt(batch, i))
      if (batch.length > 0) yield block
      batch.length = 0
      await reading.reject(line, problem, raw)
    }
    if (batch.length > 0) yield block
  }
  const { notes, warnings } = check.take()
  for (const words of notes) reading.onNote?.(`${reading.name}: ${words}`)
  for (const words of warnings) reading.onWarn?.(`${reading.name}: ${words}`)
}
