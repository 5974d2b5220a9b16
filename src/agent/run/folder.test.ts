import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RunFolder } from './folder.js'

function holding(...names: readonly string[]): RunFolder {
  const path = mkdtempSync(join(tmpdir(), 'jules-run-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  for (const name of names) writeFileSync(join(path, name), '')
  return new RunFolder(path, { onForcedExit: () => () => {} })
}

test('a folder that a process left before its manifest is as good as an empty one', async () => {
  await holding().create(false)
  await holding('run.lock', '.manifest.json.0123456789ab.tmp').create(false)
  for (const name of ['manifest.json', 'notes.txt', '.notes.txt.0123456789ab.tmp'])
    await expect(holding('run.lock', name).create(false)).rejects.toMatchObject({ code: 73 })
})

test('a pipe in the place of a file is refused, and not waited for', async () => {
  const folder = holding()
  execFileSync('mkfifo', [folder.file('validation.ndjson')])
  await expect(folder.read('validation.ndjson')).rejects.toMatchObject({ code: 65 })
})
