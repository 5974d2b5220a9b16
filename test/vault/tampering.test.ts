/** A vault file that someone has changed. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkKdf, type KdfSettings } from '../../src/vault/kdf.js'
import { directory, failure, known, open } from '../support/vault-file.js'

describe('tampering: nothing comes out, and nothing is written', () => {
  async function made(): Promise<string> {
    const path = join(directory(), 'v')
    await open(path).setAll(
      new Map([
        ['A', Buffer.from('alpha')],
        ['B', Buffer.from('beta')],
      ]),
    )
    return path
  }

  async function refused(path: string, text: string | Buffer): Promise<void> {
    writeFileSync(path, text)
    // A key of its own for every salt that was not the vault's: the mac cannot be right, and no time is spent.
    const quick = {
      derive: async (password: Buffer, kdf: KdfSettings) =>
        known(password, kdf) ??
        createHash('sha256').update(kdf.salt).update(`${kdf.m}${kdf.t}${kdf.p}`).digest(),
    }
    for (const work of [
      open(path, quick).get('A'),
      open(path, quick).set('C', Buffer.from('x')),
      open(path, quick).rm('A'),
      open(path, quick).list(),
    ]) {
      const { kind } = await failure(work)
      expect(['denied', 'data']).toContain(kind)
    }
    expect(readFileSync(path).equals(Buffer.from(text))).toBe(true)
  }

  test('any flipped bit', async () => {
    const path = await made()
    const bytes = readFileSync(path)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      await refused(path, changed)
    }
  })

  test('swapped, renamed, removed, spliced and rolled-back entries; changed numbers', async () => {
    const path = await made()
    const before = JSON.parse(readFileSync(path, 'utf8'))
    await open(path).set('A', Buffer.from('newer'))
    const now = () => JSON.parse(readFileSync(path, 'utf8'))
    const current = now()
    const other = await made()
    const foreign = JSON.parse(readFileSync(other, 'utf8'))
    const changes: ((file: typeof current) => void)[] = [
      (file) => {
        ;[file.secrets.A, file.secrets.B] = [file.secrets.B, file.secrets.A]
      },
      (file) => {
        ;[file.secrets.A.data, file.secrets.B.data] = [file.secrets.B.data, file.secrets.A.data]
      },
      (file) => {
        file.secrets.X = file.secrets.A
        delete file.secrets.A
      },
      (file) => {
        delete file.secrets.B
      },
      (file) => {
        file.secrets.C = file.secrets.A
      },
      (file) => {
        file.secrets.A = foreign.secrets.A
      },
      (file) => {
        file.secrets.A = before.secrets.A
      },
      (file) => {
        file.generation++
      },
      (file) => {
        file.generation = before.generation
      },
      (file) => {
        file.kdf.t = 4
      },
      (file) => {
        file.kdf.p = 5
      },
      (file) => {
        file.secrets.A.updated = before.secrets.A.updated
      },
      (file) => {
        file.id = foreign.id
      },
      (file) => {
        file.mac = before.mac
      },
    ]
    const good = readFileSync(path)
    for (const change of changes) {
      const file = structuredClone(current)
      change(file)
      await refused(path, JSON.stringify(file))
    }
    writeFileSync(path, good)
    expect((await open(path).get('A')).toString()).toBe('newer')
  })

  test('a duplicate key, an extra key, a number as text, base64 of another spelling', async () => {
    const path = await made()
    const text = readFileSync(path, 'utf8')
    await refused(path, text.replace('"version": 1', '"version": 1, "version": 1'))
    await refused(path, text.replace('"version": 1', '"version": 1, "note": 1'))
    await refused(path, text.replace(/"generation": (\d+)/, '"generation": "$1"'))
    await refused(path, text.replace(/"mac": "([^"=]+)="/, '"mac": "$1"'))
    await refused(path, `${text}x`)
    await refused(path, '')
  })

  test('an old copy of the whole file put back is a warning', async () => {
    const path = await made()
    const seen = new Map<string, number>()
    const warnings: string[] = []
    const memory = {
      read: () => (id: string) => seen.get(id) ?? 0,
      write: (id: string, generation: number) => void seen.set(id, generation),
    }
    const vault = () => open(path, { memory, warn: (words) => warnings.push(words) })
    const old = readFileSync(path)
    await vault().set('A', Buffer.from('newer'))
    writeFileSync(path, old)
    expect((await vault().get('A')).toString()).toBe('alpha')
    expect(warnings).toEqual([
      `${path}: generation 1 is older than 2, seen before: an old copy was put back?`,
    ])
  })

  test('costs outside of the bounds are refused before any work', async () => {
    for (const change of [
      { m: 65_535 },
      { m: 1_048_577 },
      { t: 2 },
      { t: 17 },
      { p: 0 },
      { p: 17 },
      { m: 1.5 },
    ]) {
      expect(() => checkKdf({ m: 65_536, t: 3, p: 4, ...change })).toThrow(/expected/)
    }
    const path = await made()
    const file = JSON.parse(readFileSync(path, 'utf8'))
    file.kdf.m = 4_000_000
    writeFileSync(path, JSON.stringify(file))
    const { kind } = await failure(open(path, { derive: () => Promise.reject(new Error('worked')) }).get('A'))
    expect(kind).toBe('data')
  })
})
