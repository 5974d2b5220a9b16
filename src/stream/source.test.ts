import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { openSource } from './source.js'

const dir = mkdtempSync(join(tmpdir(), 'jules-source-'))
afterAll(() => rmSync(dir, { recursive: true }))

const openFiles = () =>
  process.platform === 'linux' ? readdirSync('/proc/self/fd').length : Number.POSITIVE_INFINITY

test('no descriptor stays open, whatever happens to the source', async () => {
  writeFileSync(join(dir, 'empty'), '')
  writeFileSync(join(dir, 'cut.gz'), gzipSync(Buffer.alloc(1000)).subarray(0, 11))
  writeFileSync(join(dir, 'good.gz'), gzipSync('{}\n'))
  writeFileSync(join(dir, 'good'), '{}\n')
  const options = { signal: new AbortController().signal, temporaryDirectory: dir }
  const before = openFiles()
  for (const name of ['empty', 'cut.gz', '.', 'missing']) {
    await expect(openSource(join(dir, name), options)).rejects.toThrow()
  }
  for (const name of ['good', 'good.gz']) {
    const source = await openSource(join(dir, name), options)
    const bytes = await (await source.randomAccess()).slice(0, 2)
    expect(Buffer.from(bytes).toString()).toBe('{}')
    await source.close()
    await source.close()
  }
  expect(openFiles()).toBeLessThanOrEqual(before)
})
