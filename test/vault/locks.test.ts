/** One writer at a time. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Disk, disk } from '../../src/base/disk.js'
import { parseVault } from '../../src/vault/format.js'
import { directory, failure, open } from '../support/vault-file.js'

test('a file system without hard links has locks too', async () => {
  const path = join(directory(), 'v')
  const noLinks: Disk = {
    ...disk,
    link: () => {
      throw Object.assign(new Error('no links here'), { code: 'EPERM' })
    },
  }
  const names = Array.from({ length: 10 }, (_, n) => `N${n}`)
  await Promise.all(names.map((name) => open(path, { disk: noLinks }).set(name, Buffer.from(name))))
  expect([...(await open(path).list()).keys()].sort()).toEqual(names)
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test('a lock of a live process is waited for; of another machine too; of a dead one it is taken over', async () => {
  const path = join(directory(), 'v')
  await open(path).set('A', Buffer.from('1'))
  const lock = (host: string) =>
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 4_000_000, host, start: '', token: 'a'.repeat(32) }))
  let time = 0
  const impatient = {
    clock: () => time,
    sleep: async () => {
      time += 10_000
    },
  }
  lock('here')
  expect(
    (await failure(open(path, { ...impatient, isAlive: () => true }).set('A', Buffer.from('2')))).code,
  ).toBe(75)
  time = 0
  lock('there')
  expect(
    (await failure(open(path, { ...impatient, isAlive: () => false }).set('A', Buffer.from('2')))).code,
  ).toBe(75)
  lock('here')
  await open(path, { isAlive: () => false }).set('A', Buffer.from('3'))
  expect((await open(path).get('A')).toString()).toBe('3')
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test('many in one process at once: none is lost', async () => {
  const path = join(directory(), 'v')
  await open(path).set('START', Buffer.from(''))
  await Promise.all(Array.from({ length: 40 }, (_, i) => open(path).set(`N${i}`, Buffer.from(String(i)))))
  expect((await open(path).list()).size).toBe(41)
  expect(parseVault(readFileSync(path)).generation).toBe(41)
})

test('many make the vault at once: one vault, no secret lost', async () => {
  const path = join(directory(), 'v')
  await Promise.all(Array.from({ length: 12 }, (_, i) => open(path).set(`N${i}`, Buffer.from('x'))))
  expect((await open(path).list()).size).toBe(12)
  expect(parseVault(readFileSync(path)).generation).toBe(12)
})
