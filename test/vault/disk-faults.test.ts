/** Every call to the disk fails once, or is the last one. */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Disk, disk } from '../../src/base/disk.js'
import type { KdfSettings } from '../../src/vault/kdf.js'
import { directory, open } from '../support/vault-file.js'

describe('faults at every file call of a set', () => {
  const CALLS = [
    'open',
    'facts',
    'read',
    'write',
    'chmod',
    'sync',
    'close',
    'link',
    'rename',
    'unlink',
    'list',
  ] as const

  class Dead extends Error {}

  /** A disk whose call number `at` fails as told; after `die` no call does anything. */
  function failing(
    at: number,
    how: 'EIO' | 'ENOSPC' | 'die' | 'die after',
  ): { disk: Disk; calls: () => number } {
    let count = 0
    let dead = false
    const wrap =
      (name: (typeof CALLS)[number]) =>
      (...args: unknown[]) => {
        if (dead) throw new Dead()
        count++
        const real = () => (disk[name] as (...all: unknown[]) => unknown)(...args)
        if (count !== at) return real()
        if (how === 'die') dead = true
        if (how === 'die after') {
          real()
          dead = true
        }
        if (dead) throw new Dead()
        throw Object.assign(new Error(how), { code: how })
      }
    return {
      disk: Object.fromEntries(CALLS.map((name) => [name, wrap(name)])) as unknown as Disk,
      calls: () => count,
    }
  }

  test.each(['EIO', 'ENOSPC', 'die', 'die after'] as const)(
    '%s: the old or the new vault, never anything else',
    async (how) => {
      const dir = directory()
      const path = join(dir, 'v')
      await open(path).setAll(
        new Map([
          ['A', Buffer.from('old')],
          ['B', Buffer.from('beta')],
        ]),
      )
      const keep = join(dir, 'keep')
      copyFileSync(path, keep)
      const outcomes = { old: 0, new: 0 }
      for (let at = 1; ; at++) {
        for (const name of readdirSync(dir)) if (name !== 'keep') rmSync(join(dir, name))
        copyFileSync(keep, path)
        const fault = failing(at, how)
        const error = await open(path, { disk: fault.disk })
          .set('A', Buffer.from('new'))
          .then(
            () => null,
            (reason) => reason,
          )
        if (fault.calls() < at) break
        const values = await open(path).all()
        const found = values.get('A')!.toString()
        expect(['old', 'new']).toContain(found)
        expect([values.size, values.get('B')!.toString(), statSync(path).mode & 0o777]).toEqual([
          2,
          'beta',
          0o600,
        ])
        outcomes[found as 'old' | 'new']++
        // Success was reported only if the new value is there.
        if (error === null) expect(found).toBe('new')
        // What was left behind does not stop the next one: its owner is dead.
        await open(path, { isAlive: () => false }).set('A', Buffer.from('next'))
        expect((await open(path).get('A')).toString()).toBe('next')
        expect(readdirSync(dir).filter((name) => name.endsWith('.lock'))).toEqual([])
      }
      // Both sides of the rename were met, or the loop tested nothing.
      expect(outcomes.old).toBeGreaterThan(5)
      expect(outcomes.new).toBeGreaterThan(how === 'ENOSPC' || how === 'EIO' ? 0 : 1)
    },
  )

  test.each(['EIO', 'ENOSPC', 'die', 'die after'] as const)(
    '%s while the vault is made: none, or the new one',
    async (how) => {
      const dir = directory()
      const path = join(dir, 'v')
      const outcomes = { none: 0, made: 0 }
      // Each new vault has a salt of its own: the real derivation would take a minute here and prove nothing.
      const derive = async (password: Buffer, { salt }: KdfSettings) =>
        createHash('sha256').update(password).update(salt).digest()
      for (let at = 1; ; at++) {
        for (const name of readdirSync(dir)) rmSync(join(dir, name))
        const fault = failing(at, how)
        const error = await open(path, { derive, disk: fault.disk })
          .set('A', Buffer.from('new'))
          .then(
            () => null,
            (reason) => reason,
          )
        if (fault.calls() < at) break
        if (existsSync(path)) {
          outcomes.made++
          expect([(await open(path, { derive }).get('A')).toString(), statSync(path).mode & 0o777]).toEqual([
            'new',
            0o600,
          ])
        } else {
          outcomes.none++
          expect(error).not.toBeNull()
        }
        await open(path, { derive, isAlive: () => false }).set('A', Buffer.from('next'))
        expect((await open(path, { derive }).get('A')).toString()).toBe('next')
      }
      expect(outcomes.none).toBeGreaterThan(5)
      expect(outcomes.made).toBeGreaterThan(0)
    },
  )

  test('a new vault is synced before it takes its name, and its directory after', async () => {
    const path = join(directory(), 'v')
    await open(path).set('A', Buffer.from('old'))
    const calls: string[] = []
    const seen =
      (name: (typeof CALLS)[number], label: (args: unknown[]) => string) =>
      (...args: unknown[]) => {
        calls.push(label(args))
        return (disk[name] as (...all: unknown[]) => unknown)(...args)
      }
    const watched = {
      ...disk,
      write: seen('write', () => 'write'),
      sync: seen('sync', () => 'sync'),
      rename: seen('rename', () => 'rename'),
    } as Disk
    await open(path, { disk: watched }).set('A', Buffer.from('new'))
    // The lock file first, then the vault, then the directory.
    expect(calls).toEqual(['write', 'sync', 'write', 'sync', 'rename', 'sync'])
  })
})
