/** A lock is that of a file, not of a name. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Workdir } from '../../test/support/workdir.js'
import { disk } from './disk.js'
import { isLocked, type LockWorld, lockState, takeLock } from './lock.js'

let tokens = 0
const world: LockWorld = {
  disk,
  self: { pid: process.pid, host: 'here', start: '1' },
  isAlive: () => true,
  token: () => `t${++tokens}`,
  clock: () => 0,
  sleep: async () => {},
  signal: new AbortController().signal,
}

test('symbolic links to a file, and to its folder, have its lock', async () => {
  const dir = new Workdir()
  mkdirSync(dir.file('real'))
  symlinkSync(dir.file('real'), dir.file('other'))
  writeFileSync(dir.file('real/j'), '')
  symlinkSync('real/j', dir.file('k'))
  const names = ['real/j', 'other/j', 'k', 'other/../real/j'].map((name) => dir.file(name))
  for (const held of names) {
    const release = await takeLock(world, held, { waitMs: 0 })
    for (const name of names) {
      expect(isLocked(world, name)).toBe(true)
      await expect(takeLock(world, name, { waitMs: 0 })).rejects.toMatchObject({ kind: 'tryAgain' })
    }
    release()
    expect(isLocked(world, held)).toBe(false)
    expect(existsSync(dir.file('real/j.lock'))).toBe(false)
  }
})

test('what is still to be made has a lock as well, by any way to its folder', async () => {
  const dir = new Workdir()
  mkdirSync(dir.file('real'))
  symlinkSync(dir.file('real'), dir.file('other'))
  const release = await takeLock(world, dir.file('other/new'), { waitMs: 0 })
  expect(isLocked(world, dir.file('real/new'))).toBe(true)
  release()
})

test('one that may not be read does not say whose it is, and is no failure of who looks', async () => {
  const dir = new Workdir()
  const release = await takeLock(world, dir.file('j'), { waitMs: 0 })
  const denied: LockWorld = {
    ...world,
    disk: {
      ...disk,
      open: () => {
        throw Object.assign(new Error('denied'), { code: 'EACCES' })
      },
    },
  }
  expect(lockState(denied, dir.file('j'))).toEqual({ holder: 'an unknown process', alive: null })
  expect(isLocked(denied, dir.file('j'))).toBe(true)
  release()
})
