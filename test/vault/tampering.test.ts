/** A vault file that someone has changed. */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkKdf, type KdfSettings } from '../../src/vault/kdf.js'
import { directory, failure, known, memoryAt, open } from '../support/vault-file.js'
import { Home } from '../support/vault-home.js'

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
    const warnings: string[] = []
    const vault = (accept = false) =>
      open(path, { memory: memoryAt(path), accept, warn: (words) => warnings.push(words) })
    const old = readFileSync(path)
    await vault().set('A', Buffer.from('newer'))
    writeFileSync(path, old)
    const words = `${path}: generation 1 is older than 2, seen before: an old copy was put back?; --accept takes it for right`
    for (let times = 1; times <= 3; times++) {
      expect((await vault().get('A')).toString()).toBe('alpha')
      expect(warnings, `time ${times}`).toEqual(Array(times).fill(words))
    }
    // Writing says it once, and does not settle it.
    await open(path, { memory: memoryAt(path), warn: (said) => warnings.push(said) }).rm('A')
    writeFileSync(path, old)
    await vault().get('A')
    expect(warnings).toHaveLength(5)
    await vault(true).get('A')
    await vault().get('A')
    expect(warnings).toHaveLength(5)
  })

  test('--accept is for one command: not of the environment or the configuration', async () => {
    const home = await Home.holding({ A: 'x' })
    const { status, stderr } = await home.vault(['get', 'A'], { env: { JULES_ACCEPT: '1' } })
    expect([status, stderr]).toEqual([
      78,
      'jules vault get: --accept is given on the command line alone, for one vault at a time\n',
    ])
    expect((await home.vault(['get', 'A', '--accept'])).stdout).toBe('x\n')
  })

  test('a vault that vanished, and the one made in its place, are warnings until it is accepted', async () => {
    const path = await made()
    const warnings: string[] = []
    const vault = (accept = false) =>
      open(path, { memory: memoryAt(path), accept, warn: (words) => warnings.push(words.slice(path.length)) })
    await vault().get('A')
    expect(warnings).toEqual([])
    const copy = readFileSync(path)
    rmSync(path)
    const gone = ': the vault that was seen here before is gone; --accept takes it for right'
    const another =
      ': this is not the vault that was seen here before: replaced, or made anew; --accept takes it for right'
    expect((await failure(vault().get('A'))).code).toBe(66)
    await vault().set('B', Buffer.from('1'))
    await vault().get('B')
    await vault().set('B', Buffer.from('2'))
    expect(warnings).toEqual([gone, gone, another, another])
    // The password of the vault that was put there may be another one: said all the same.
    await failure(vault().get('A'))
    expect(warnings.pop()).toBe(another)
    await vault(true).list()
    await vault().set('B', Buffer.from('3'))
    expect(warnings).toHaveLength(4)
    // Back to the first one: not the accepted one.
    writeFileSync(path, copy)
    await vault().get('A')
    expect(warnings.pop()).toBe(another)
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
    // Each within its own bounds, and 93 s of work together.
    expect(() => checkKdf({ m: 1_048_576, t: 5, p: 1 })).toThrow('m times t')
    expect(() => checkKdf({ m: 1_048_576, t: 4, p: 16 })).not.toThrow()
    expect(() => checkKdf({ m: 262_144, t: 16, p: 1 })).not.toThrow()
    expect(() => checkKdf({ m: 262_145, t: 16, p: 1 })).toThrow('m times t')
    const path = await made()
    const file = JSON.parse(readFileSync(path, 'utf8'))
    file.kdf.m = 4_000_000
    writeFileSync(path, JSON.stringify(file))
    const { kind } = await failure(open(path, { derive: () => Promise.reject(new Error('worked')) }).get('A'))
    expect(kind).toBe('data')
  })
})
