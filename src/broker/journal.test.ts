/** Files that are no journal, or not this process's alone. */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { fileHandle } from '../../test/support/file-handle.js'
import { Workdir } from '../../test/support/workdir.js'
import { Journal, readJournal } from './journal.js'

const START = { event: 'start', version: 1, run: 'r', settings: {} } as const

test('a pipe is refused and not waited for, a directory cannot be made into one', async () => {
  const dir = new Workdir()
  const pipe = dir.file('pipe')
  execFileSync('mkfifo', [pipe])
  mkdirSync(dir.file('d'))
  await expect(readJournal(pipe)).rejects.toMatchObject({ kind: 'data', message: 'is no regular file' })
  await expect(Journal.open(pipe)).rejects.toMatchObject({ kind: 'data' })
  await expect(readJournal(dir.file('d'))).rejects.toMatchObject({ kind: 'noInput' })
  await expect(Journal.open(dir.file('d'))).rejects.toMatchObject({ kind: 'cannotCreate' })
  await expect(Journal.open(dir.file('nowhere/j'))).rejects.toMatchObject({ kind: 'cannotCreate' })
})

test('a hard link is refused: its lock would be another one', async () => {
  const dir = new Workdir()
  const { journal } = await Journal.open(dir.file('j'))
  await journal.append([START])
  await journal.close()
  linkSync(dir.file('j'), dir.file('k'))
  await expect(Journal.open(dir.file('k'))).rejects.toMatchObject({ kind: 'data' })
})

test('a symbolic link leads to the journal', async () => {
  const dir = new Workdir()
  writeFileSync(dir.file('j'), '')
  symlinkSync(dir.file('j'), dir.file('k'))
  const { journal } = await Journal.open(dir.file('k'))
  await journal.append([START])
  await journal.close()
  expect((await readJournal(dir.file('j'))).events).toEqual([START])
})

test('after a write that failed nothing more is taken: what is there is what happened', async () => {
  const dir = new Workdir()
  const { journal } = await Journal.open(dir.file('j'))
  await journal.append([START])
  const write = vi.spyOn(await fileHandle(), 'appendFile')
  write.mockRejectedValueOnce(Object.assign(new Error('full'), { code: 'ENOSPC' }))
  await expect(journal.append([{ event: 'flatten', time: 1 }])).rejects.toThrow('no space left on device')
  await expect(journal.append([{ event: 'flatten', time: 2 }])).rejects.toThrow('no space left on device')
  await journal.close()
  expect((await readJournal(dir.file('j'))).events).toEqual([START])
  const again = await Journal.open(dir.file('j'))
  await again.journal.append([{ event: 'flatten', time: 3 }])
  await again.journal.close()
  expect((await readJournal(dir.file('j'))).events).toEqual([START, { event: 'flatten', time: 3 }])
})
