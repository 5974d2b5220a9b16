/** Records on their way to a reader that is slow, gone, or does not read. */
import { expect, test } from 'vitest'
import type { Output } from '../wiring/output.js'
import { Records } from './records.js'

/** A reader that reads when it is told to. */
function reader() {
  const taken: string[] = []
  const waiting: (() => void)[] = []
  let isAborted = false
  const out = {
    sink: {
      write: (bytes: Uint8Array) =>
        new Promise<void>((resolve) => {
          waiting.push(() => {
            taken.push(Buffer.from(bytes).toString())
            resolve()
          })
        }),
    },
    done: async () => {},
    abort: async () => {
      isAborted = true
    },
  } as unknown as Output
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    out,
    text: () => taken.join(''),
    isAborted: () => isAborted,
    read: async () => {
      for (let i = 0; i < 5; i++) {
        for (const one of waiting.splice(0)) one()
        await turn()
      }
    },
  }
}

const never = (error: unknown) => {
  throw error
}

test('a reader that does not read holds nobody up, and gets all in its order', async () => {
  const one = reader()
  const records = new Records(one.out, false, never)
  for (let i = 0; i < 100; i++) {
    records.write(`${i}\n`)
    await records.flush()
  }
  await one.read()
  const ended = records.end()
  await one.read()
  await ended
  expect(one.text()).toBe(Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''))
})

test('a run that can wait does', async () => {
  const one = reader()
  const records = new Records(one.out, true, never)
  // One piece may be on its way.
  records.write('a\n')
  await records.flush()
  records.write('b\n')
  let isOut = false
  const flushed = records.flush().then(() => {
    isOut = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(isOut).toBe(false)
  await one.read()
  await flushed
  expect(one.text()).toMatch(/^a\n/)
})

test('what waits has a bound: beyond it the run is told, once', async () => {
  const one = reader()
  const told: unknown[] = []
  const records = new Records(one.out, false, (error) => told.push(error))
  const megabyte = 'x'.repeat(1 << 20)
  for (let i = 0; i < 100; i++) {
    records.write(megabyte)
    await records.flush()
  }
  expect(told).toHaveLength(1)
  expect(told[0]).toMatchObject({ kind: 'io' })
  expect(one.isAborted()).toBe(true)
})
