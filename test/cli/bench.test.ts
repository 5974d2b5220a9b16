/** `bench`. */
import { expect, test } from 'vitest'
import { ADDON } from '../support/engines.js'
import { parse } from '../support/training.js'
import { Workdir } from '../support/workdir.js'

test('bench measures what there is and names what is not', async () => {
  const dir = new Workdir()
  const { status, stdout } = await dir.jules(['bench', '--widths', '32', '--threads', '1'])
  expect(status).toBe(0)
  const records = parse(stdout)
  const [cpu] = records
  const [gpu, webgpu, advice] = records.slice(-3)
  const native = { engine: 'native, 1 thread', available: true, hidden: 32 }
  expect(records.slice(1, -3)).toMatchObject(ADDON === null ? [] : [native])
  expect(cpu).toMatchObject({ type: 'bench', engine: 'cpu, 1 thread', available: true, hidden: 32 })
  // A scalar loop would be fifty times slower than this floor's hundredfold margin allows.
  expect(cpu.steps_per_s).toBeGreaterThan(500)
  expect(gpu).toMatchObject({
    available: false,
    reason: 'the package @tensorflow/tfjs-node-gpu is not installed',
  })
  expect(webgpu.available).toBe(false)
  expect(advice).toMatchObject({
    type: 'bench_advice',
    use: { 32: expect.stringMatching(/^(cpu|native), 1 thread$/) },
  })
})
