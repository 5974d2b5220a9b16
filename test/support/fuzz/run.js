/**
 * Fuzzes the readers in a process of its own, so that one that hangs or takes all memory is seen from outside. Says each case on
 * standard output before it begins, what each reader did, and at the end the most memory that was taken.
 * Arguments: seed, milliseconds a reader, a folder; then `READER:CASE` for one case alone.
 */
import { writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../../dist/base/errors.js'
import { stream } from '../../../dist/base/rng.js'
import { mutated } from './mutate.js'
import { readers } from './readers.js'

const [seed, budget, folder, only] = process.argv.slice(2)
const say = (record) => writeSync(1, `${JSON.stringify(record)}\n`)
const ALLOWED = new Set(['data', 'noInput', 'usage'])

for (const { name, samples, read, structure } of readers(folder)) {
  const [reader, chosen] =
    only === undefined
      ? [name]
      : [only.slice(0, only.lastIndexOf(':')), Number(only.slice(only.lastIndexOf(':') + 1))]
  if (reader !== name) continue
  const kept = join(folder, 'case')
  const counts = { refused: 0, read: 0, failed: 0 }
  const end = performance.now() + Number(budget)
  let number = chosen ?? 0
  for (; chosen === undefined ? performance.now() < end : number === chosen; number++) {
    const bytes = mutated(stream(Number(seed), 'fuzz', name, number), samples, structure)
    // Seen from outside where this process does not come back from it.
    writeFileSync(kept, bytes)
    say({ reader: name, case: number })
    try {
      await read(bytes)
      counts.read++
    } catch (error) {
      if (error instanceof Failure && ALLOWED.has(error.kind)) counts.refused++
      else {
        counts.failed++
        const file = join(folder, `${name.replace(/\W+/g, '-')}-${number}`)
        writeFileSync(file, bytes)
        say({
          reader: name,
          case: number,
          failed: String(error?.stack ?? error),
          bytes: Buffer.from(bytes).toString('base64').slice(0, 2000),
        })
        if (counts.failed > 3) break
      }
    }
  }
  say({ reader: name, cases: chosen === undefined ? number : 1, ...counts })
}
say({ mostMemory: process.resourceUsage().maxRSS * 1024 })
