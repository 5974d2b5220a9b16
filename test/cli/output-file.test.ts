/** `-o`: the whole file, or nothing. */
import { expect, test } from 'vitest'
import { BIN, barLines, finished, Workdir } from '../support/workdir.js'

test('-o leaves an existing file alone when the input is bad, and leaves nothing else', async () => {
  const dir = new Workdir()
  dir.write('out.csv', 'precious\n')
  dir.write('in.ndjson', `${barLines(30_000)}bad\n`)
  const { status } = await dir.jules(['fetch', 'in.ndjson', '-o', 'out.csv'])
  expect(status).toBe(65)
  expect(dir.read('out.csv')).toBe('precious\n')
  expect(dir.list()).toEqual(['in.ndjson', 'out.csv'])
})

test('-o over the input is refused', async () => {
  const dir = new Workdir()
  dir.write('a.ndjson', barLines(3))
  const { status, stderr } = await dir.jules(['fetch', 'a.ndjson', '-o', './a.ndjson'])
  expect([status, stderr]).toEqual([64, 'jules fetch: ./a.ndjson: is the input as well as the output\n'])
})

test('-o into a missing directory is 73', async () => {
  const dir = new Workdir()
  const { status, stderr } = await dir.jules(['fetch', '--mock', '-o', 'no/such.ndjson'])
  expect([status, stderr]).toEqual([73, 'jules fetch: no/such.ndjson: no such file or directory\n'])
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves no temporary file', async (signal) => {
  const dir = new Workdir()
  const child = dir.start(BIN, ['fetch', '--mock', '--days', '6000', '-o', 'out.ndjson'])
  const ended = finished(child)
  while (dir.list().length === 0) await new Promise((done) => setTimeout(done, 5))
  child.kill(signal)
  const { status, stderr } = await ended
  expect(status).toBe(signal === 'SIGINT' ? 130 : 143)
  expect(stderr).toMatch(/^jules fetch: warning: (interrupted|terminated), stopping\n/)
  expect(dir.list()).toEqual([])
})
