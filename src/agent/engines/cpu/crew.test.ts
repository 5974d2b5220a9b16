/** Threads that fail: the run says so, instead of waiting for them or going on without. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { TINY as layout } from '../../../../test/support/engines.js'
import { Crew } from './crew.js'
import type { ProgramPlaces } from './program.js'

const module = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
const SERVE = new URL('../../../../dist/agent/engines/cpu/crew.js', import.meta.url)

/** A crew of one thread that runs `script`, and the word of memory that it can set. */
function crewOf(script: string) {
  const dir = mkdtempSync(join(tmpdir(), 'jules-crew-'))
  const file = join(dir, 'worker.mjs')
  writeFileSync(file, script)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const crew = new Crew(pathToFileURL(file), { memory, module, native: null, layout }, [{} as ProgramPlaces])
  onTestFinished(() => {
    crew.dispose()
    rmSync(dir, { recursive: true })
  })
  return { crew, flag: new Int32Array(memory.buffer) }
}

const job = { plan: 0, phase: 'weights' } as const

test('a thread that throws ends the job, and every later one', () => {
  const { crew, flag } = crewOf(`
    import { workerData } from 'node:worker_threads'
    import { serve } from '${SERVE}'
    const flag = new Int32Array(workerData.memory.buffer)
    serve(new Int32Array(workerData.control), () => {
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
      throw new Error('broken')
    })`)
  // Keeps this part until the thread has taken the other one.
  const work = () => {
    Atomics.wait(flag, 0, 0)
  }
  expect(() => crew.run(job, 2, work)).toThrow('a thread of the cpu engine failed')
  expect(() => crew.run(job, 2, work)).toThrow('a thread of the cpu engine failed')
})

test('a thread that cannot start is heard of, with the reason', async () => {
  const { crew } = crewOf("throw new Error('no start')")
  let failure: unknown
  while (failure === undefined) {
    await new Promise(setImmediate)
    try {
      crew.run(job, 2, () => {})
    } catch (error) {
      failure = error
    }
  }
  expect(failure).toMatchObject({
    message: 'a thread of the cpu engine failed',
    cause: expect.objectContaining({ message: 'no start' }),
  })
})

test('each part is run once, of the job at hand, by whoever comes first', () => {
  const { crew, flag } = crewOf(`
    import { workerData } from 'node:worker_threads'
    import { serve } from '${SERVE}'
    const counts = new Int32Array(workerData.memory.buffer)
    serve(new Int32Array(workerData.control), ({ plan, phase }, part, parts) => {
      Atomics.add(counts, 100 * plan + (phase === 'weights' ? 10 : 0) + part, parts)
    })`)
  for (let round = 0; round < 500; round++) {
    for (const plan of [1, 2]) {
      for (const [phase, parts] of [
        ['through time', 8],
        ['weights', 3],
      ] as const) {
        crew.run({ plan, phase }, parts, (part) =>
          Atomics.add(flag, 100 * plan + (phase === 'weights' ? 10 : 0) + part, parts),
        )
      }
    }
  }
  for (const plan of [1, 2]) {
    expect([...flag.subarray(100 * plan, 100 * plan + 9)]).toEqual([...new Array(8).fill(4000), 0])
    expect([...flag.subarray(100 * plan + 10, 100 * plan + 14)]).toEqual([1500, 1500, 1500, 0])
  }
})
