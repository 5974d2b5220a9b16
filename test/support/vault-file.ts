/** The vault as tests open it: the real disk, and the real Argon2id once for each password, salt and cost. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { disk } from '../../src/base/disk.js'
import { Failure } from '../../src/base/errors.js'
import type { SecretBackend } from '../../src/vault/backend.js'
import { type HelperOptions, helperBackend } from '../../src/vault/helper.js'
import { type KdfSettings, masterKey } from '../../src/vault/kdf.js'
import { type VaultMemory, vaultMemory } from '../../src/vault/memory.js'
import { Vault, type VaultWorld } from '../../src/vault/vault.js'

const PASSWORD = 'correct horse \u00e9'

const keys = new Map<string, Promise<Buffer>>()

/** The key if it was derived before. */
export const known = (password: Buffer, { m, t, p, salt }: KdfSettings): Promise<Buffer> | undefined =>
  keys.get(nameOf(password, { m, t, p, salt }))

const nameOf = (password: Buffer, { m, t, p, salt }: Pick<KdfSettings, 'm' | 't' | 'p' | 'salt'>) =>
  `${password.toString('hex')}:${m}:${t}:${p}:${salt.toString('hex')}`

export function derive(password: Buffer, kdf: KdfSettings): Promise<Buffer> {
  const key = known(password, kdf) ?? masterKey(password, kdf)
  keys.set(nameOf(password, kdf), key)
  return key
}

export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'jules-vault-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What the commands remember, in a file beside the vault. */
export const memoryAt = (path: string): VaultMemory =>
  vaultMemory({ disk, token: () => randomBytes(16).toString('hex') }, `${path}.seen`, path)

export function open(path: string, more: Partial<VaultWorld> = {}): Vault {
  return new Vault({
    disk,
    path,
    uid: process.getuid!(),
    random: randomBytes,
    password: async () => Buffer.from(PASSWORD),
    memory: { read: () => ({ here: null, generation: () => 0 }), see: () => {}, accept: () => {} },
    accept: false,
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

export const helper = (command: string, more: Partial<HelperOptions> = {}): SecretBackend =>
  helperBackend({
    command,
    environment: process.env,
    patienceMs: 60_000,
    signal: new AbortController().signal,
    kill: process.kill,
    warn: () => {},
    ...more,
  })

export const failure = async (work: Promise<unknown>): Promise<Failure> => {
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  if (!(error instanceof Failure)) throw error ?? new Error('it did not fail')
  return error
}
