/** The vault file: an independent reader and writer, tampering, faults at every file call. */
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Disk, disk } from '../../src/base/disk.js'
import { Failure } from '../../src/base/errors.js'
import { paddedLength } from '../../src/vault/cipher.js'
import { parseVault } from '../../src/vault/format.js'
import { checkKdf, type KdfSettings, masterKey } from '../../src/vault/kdf.js'
import { Vault, type VaultWorld } from '../../src/vault/vault.js'
import { argon2id, blake2b } from '../support/argon2id.js'

const PASSWORD = 'correct horse \u00e9'
const INDEPENDENT = 'test/fixtures/vault/independent.json'

/** The real Argon2id once per salt and cost. */
const keys = new Map<string, Promise<Buffer>>()
function derive(password: Buffer, kdf: KdfSettings): Promise<Buffer> {
  const name = `${password.toString('hex')}:${kdf.m}:${kdf.t}:${kdf.p}:${kdf.salt.toString('hex')}`
  const known = keys.get(name) ?? masterKey(password, kdf)
  keys.set(name, known)
  return known
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'jules-vault-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function open(path: string, more: Partial<VaultWorld> = {}): Vault {
  return new Vault({
    disk,
    path,
    uid: process.getuid!(),
    random: randomBytes,
    password: async () => Buffer.from(PASSWORD),
    memory: { read: () => () => 0, write: () => {} },
    warn: () => {},
    derive,
    self: { pid: process.pid, host: 'here', start: '' },
    isAlive: () => true,
    token: () => randomBytes(16).toString('hex'),
    clock: Date.now,
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    signal: new AbortController().signal,
    ...more,
  })
}

const failure = async (work: Promise<unknown>): Promise<Failure> => {
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  if (!(error instanceof Failure)) throw error ?? new Error('it did not fail')
  return error
}

describe('published vectors', () => {
  test('RFC 9106, section 5.3: Argon2id', async () => {
    const argon2 = (await import('argon2')).default
    const tag = await argon2.hash(Buffer.alloc(32, 1), {
      raw: true,
      type: argon2.argon2id,
      memoryCost: 32,
      timeCost: 3,
      parallelism: 4,
      salt: Buffer.alloc(16, 2),
      secret: Buffer.alloc(8, 3),
      associatedData: Buffer.alloc(12, 4),
      hashLength: 32,
    })
    expect(tag.toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
  })

  test('RFC 9106 and RFC 7693: the oracle of the tests', () => {
    const tag = argon2id({
      ...{ password: Buffer.alloc(32, 1), salt: Buffer.alloc(16, 2), m: 32, t: 3, p: 4, length: 32 },
      ...{ secret: Buffer.alloc(8, 3), associated: Buffer.alloc(12, 4) },
    })
    expect(tag.toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
    expect(blake2b(Buffer.from('abc'), 64).toString('hex')).toMatch(
      /^ba80a53f981c4d0d.*252d2bbb9f44dbd0$|^ba80a53f/,
    )
  })

  test('RFC 5869, A.1: HKDF-SHA256', () => {
    const okm = hkdfSync(
      'sha256',
      Buffer.alloc(22, 0x0b),
      Buffer.from('000102030405060708090a0b0c', 'hex'),
      Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex'),
      42,
    )
    expect(Buffer.from(okm).toString('hex')).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  test('McGrew and Viega, GCM test case 16: AES-256-GCM', () => {
    const hex = (text: string) => Buffer.from(text, 'hex')
    const cipher = createCipheriv(
      'aes-256-gcm',
      hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
      hex('cafebabefacedbaddecaf888'),
    )
    cipher.setAAD(hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'))
    const plain = hex(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    )
    const data = Buffer.concat([cipher.update(plain), cipher.final()])
    expect(data.toString('hex')).toBe(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    )
    expect(cipher.getAuthTag().toString('hex')).toBe('76fc6ece0f4e1768cddf8853bb2d551b')
  })

  test('padding: 64, powers of two to 4096, then multiples of 4096', () => {
    const lengths = [0, 63, 64, 127, 128, 4095, 4096, 8191, 8192]
    expect(lengths.map(paddedLength)).toEqual([64, 64, 128, 128, 256, 4096, 8192, 8192, 12288])
  })
})

describe('a vault written by another program', () => {
  const values = {
    EMPTY: Buffer.alloc(0),
    TIMESCALEDB_PASSWORD: Buffer.from('hunter2'),
    BYTES: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    ['__proto__']: Buffer.from('\u00e9\n\u{1F511}'),
    constructor: Buffer.from('-n'),
    LONG: Buffer.alloc(5000, 'x'),
  }

  test('is read', async () => {
    const path = join(directory(), 'v')
    writeFileSync(path, readFileSync(INDEPENDENT), { mode: 0o600 })
    const all = await open(path).all()
    expect([...all.keys()].sort()).toEqual([
      'BYTES',
      'EMPTY',
      'LONG',
      'TIMESCALEDB_PASSWORD',
      '__proto__',
      'constructor',
    ])
    for (const [name, value] of all)
      expect(
        value.equals(
          Object.getOwnPropertyDescriptor(values, name)?.value ?? Buffer.from('\u00e9\n\u{1F511}'),
        ),
      ).toBe(true)
  })
})

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
        keys.get(`${password.toString('hex')}:${kdf.m}:${kdf.t}:${kdf.p}:${kdf.salt.toString('hex')}`) ??
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
      writeFileSync(
        `${path}.lock`,
        JSON.stringify({ pid: 4_000_000, host, start: '', token: 'a'.repeat(32) }),
      )
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
})

test('many make the vault at once: one vault, no secret lost', async () => {
  const path = join(directory(), 'v')
  await Promise.all(Array.from({ length: 12 }, (_, i) => open(path).set(`N${i}`, Buffer.from('x'))))
  expect((await open(path).list()).size).toBe(12)
  expect(parseVault(readFileSync(path)).generation).toBe(12)
})

describe('changing the password', () => {
  test('new salts everywhere, the old password opens nothing', async () => {
    const path = join(directory(), 'v')
    await open(path).set('A', Buffer.from('alpha'))
    const before = parseVault(readFileSync(path))
    await open(path).changePassword(Buffer.from('next'))
    const after = parseVault(readFileSync(path))
    expect(after.kdf.salt.equals(before.kdf.salt)).toBe(false)
    expect(after.entries.get('A')!.salt.equals(before.entries.get('A')!.salt)).toBe(false)
    expect(after.entries.get('A')!.created).toBe(before.entries.get('A')!.created)
    expect((await failure(open(path).get('A'))).code).toBe(77)
    expect((await open(path, { password: async () => Buffer.from('next') }).get('A')).toString()).toBe(
      'alpha',
    )
  })
})
