/**
 * Every reader of bytes from elsewhere, given damaged ones: it ends soon, with what it read or with a failure in words, and takes
 * no more memory than a command may. Bars that are handed on are bars.
 *
 * JULES_SEED=N repeats the cases of a run, JULES_FUZZ_CASE='READER:CASE' one of them alone.
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, inject, test } from 'vitest'
import { rounds, tried } from '../support/torture.js'
import { Workdir } from '../support/workdir.js'

/** Of one case, however busy the machine is. */
const SILENCE_MS = 20_000
const MOST_MEMORY = 600e6

interface Line {
  readonly reader?: string
  readonly case?: number
  readonly failed?: string | number
  readonly cases?: number
  readonly refused?: number
  readonly read?: number
  readonly mostMemory?: number
}

test('damaged bytes: words or rows from every reader, soon and within memory', async () => {
  const dir = new Workdir('jules-fuzz-')
  const only = process.env.JULES_FUZZ_CASE
  const seed = inject('seed')
  const each = rounds({ short: 700, full: 15_000 })
  const child = spawn(
    process.execPath,
    [resolve('test/support/fuzz/run.js'), String(seed), String(each), dir.path, ...(only ? [only] : [])],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let last: Line = {}
  let silent = setTimeout(() => {}, 0)
  const failures: string[] = []
  const done: Line[] = []
  let mostMemory: number | undefined
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line
    clearTimeout(silent)
    silent = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS)
    const replay = `JULES_SEED=${seed} JULES_FUZZ_CASE='${line.reader}:${line.case}'`
    if (typeof line.failed === 'string') failures.push(`${replay}\n${text}`)
    else if (line.mostMemory !== undefined) mostMemory = line.mostMemory
    else if (line.cases !== undefined) done.push(line)
    last = line
  }
  clearTimeout(silent)
  for (const { reader, cases, refused, read } of done) {
    tried(`${reader}, damaged: ${cases} cases, ${refused} refused, ${read} read`)
  }
  // Killed for its silence, out of memory, or gone: the last case it spoke of is the one.
  expect(mostMemory, `ended in ${last.reader}:${last.case} of JULES_SEED=${seed}`).toBeDefined()
  expect(failures).toEqual([])
  expect(mostMemory).toBeLessThan(MOST_MEMORY)
})
