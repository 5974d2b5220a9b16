/** One writer at a time. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Disk, disk } from '../../src/base/disk.js'
import { parseVault } from '../../src/vault/format.js'
import { directory, failure, open } from '../support/vault-file.js'
import { FILE, Home } from '../support/vault-home.js'

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

describe('a lock that is there', () => {
  const owner = { pid: 4_000_000, host: 'here', start: '', token: 'a'.repeat(32) }

  async function locked(content: string, alive: boolean) {
    const path = join(directory(), 'v')
    await open(path).set('A', Buffer.from('1'))
    writeFileSync(`${path}.lock`, content)
    let time = 0
    const vault = open(path, {
      isAlive: () => alive,
      clock: () => time,
      sleep: async (ms) => {
        time += ms
      },
    })
    return { path, vault, waited: () => time }
  }

  test('of a live process is waited for', async () => {
    const { vault, waited } = await locked(JSON.stringify(owner), true)
    const { code, message } = await failure(vault.set('A', Buffer.from('2')))
    expect([code, message]).toEqual([75, 'held by process 4000000 on here, 120 s long'])
    expect(waited()).toBeGreaterThanOrEqual(120_000)
  })

  test('of a dead one is taken over', async () => {
    const { path, vault } = await locked(JSON.stringify(owner), false)
    await vault.set('A', Buffer.from('3'))
    expect((await open(path).get('A')).toString()).toBe('3')
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test.each([
    ['another machine', JSON.stringify({ ...owner, host: 'there' }), 'process 4000000 on there'],
    ['nobody', '', 'an unknown process'],
    ['half a line', '{"pid":4', 'an unknown process'],
    ['another program', '4711\n', 'an unknown process'],
  ])('of %s is told at once, with the way out', async (_whose, content, holder) => {
    const { path, vault, waited } = await locked(content, true)
    const { code, message, hint } = await failure(vault.set('A', Buffer.from('2')))
    expect([code, message, hint]).toEqual([
      75,
      `held by ${holder}, which cannot be asked from here`,
      'if no other command is at work: jules vault unlock',
    ])
    expect(waited()).toBeLessThan(3000)
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(content)
  })

  test('of another machine that comes and goes is waited for', async () => {
    const { path, vault } = await locked('', true)
    let rounds = 0
    const other = (token: string) => JSON.stringify({ ...owner, host: 'there', token })
    const busy = open(path, {
      sleep: async () => {
        // Each time another one of its commands.
        if (++rounds < 200) writeFileSync(`${path}.lock`, other(String(rounds).padStart(32, '0')))
        else rmSync(`${path}.lock`)
      },
      clock: () => rounds * 100,
    })
    await busy.set('A', Buffer.from('5'))
    expect(rounds).toBe(200)
    expect((await vault.get('A')).toString()).toBe('5')
  })

  test.each<[string, (lock: string) => void]>([
    ['a link', (lock) => symlinkSync('nowhere', lock)],
    ['a directory', (lock) => mkdirSync(lock)],
    ['a FIFO', (lock) => void spawnSync('mkfifo', [lock])],
    ['a large file', (lock) => writeFileSync(lock, Buffer.alloc(2 << 20))],
  ])('is told with the way out where it is %s', async (_what, make) => {
    const path = join(directory(), 'v')
    make(`${path}.lock`)
    let now = 0
    const late = { sleep: async () => {}, clock: () => (now += 1000) }
    const { kind, message, hint } = await failure(open(path, late).set('A', Buffer.from('1')))
    expect([kind, message]).toEqual(['tryAgain', expect.stringContaining('an unknown process')])
    expect(hint).toContain('jules vault unlock')
  })

  test('is removed by unlock, unless its process lives', async () => {
    const home = await Home.holding({ A: '1' })
    const lock = home.file(`${FILE}.lock`)
    const unlock = () => home.vault(['unlock'])
    expect(await unlock()).toMatchObject({ status: 0, stderr: 'jules vault unlock: there is no lock\n' })
    home.write(`${FILE}.lock`, JSON.stringify({ ...owner, host: 'there' }))
    expect((await home.vault(['doctor'])).stdout).toContain(
      'warn\tlock: of process 4000000 on there, which cannot be asked from here; if no other command is at work: jules vault unlock\n',
    )
    expect(await unlock()).toMatchObject({
      status: 0,
      stderr: 'jules vault unlock: removed the lock of process 4000000 on there\n',
    })
    home.write(`${FILE}.lock`, '')
    expect((await unlock()).stderr).toContain('removed the lock of an unknown process')
    expect(home.list()).not.toContain(`${FILE}.lock`)
    const living = JSON.stringify({ ...owner, pid: process.pid, host: hostname() })
    writeFileSync(lock, living)
    expect(await unlock()).toMatchObject({ status: 75 })
    expect(readFileSync(lock, 'utf8')).toBe(living)
  })
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
