/**
 * The vault file: read, checked, changed and put back. Its mac is checked before every read and every write; a change is
 * made under the lock on a fresh copy, written beside the file, synced and renamed, so that any failure leaves the old
 * vault or the new one.
 */

import { constants } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Disk, remove, syncDirectory, writeNew } from '../base/disk.js'
import { badData, Failure, systemCode, systemFailure, usage } from '../base/errors.js'
import { type LockWorld, withLock } from '../base/lock.js'
import { nearest } from '../base/suggest.js'
import { quote, shellWord } from '../base/words.js'
import type { SecretBackend, SecretDates } from './backend.js'
import { type Entry, equal, fileMac, type Header, seal, unseal } from './cipher.js'
import { ENTRY_LIMIT, FILE_LIMIT, NAME, parseVault, printVault, type VaultFile } from './format.js'
import { KDF_DEFAULT, type KdfSettings } from './kdf.js'
import type { Seen, VaultMemory } from './memory.js'

/** A vault is written in a moment; who holds its lock longer than this is stuck. */
const LOCK_WAIT_MS = 120_000
const UNLOCK = 'if no other command is at work: jules vault unlock'

const GONE = 'the vault that was seen here before is gone'
const ANOTHER = 'this is not the vault that was seen here before: replaced, or made anew'

export interface VaultWorld extends LockWorld {
  readonly path: string
  readonly uid: number
  readonly random: (bytes: number) => Buffer
  /** Asked once, and only when needed. */
  readonly password: () => Promise<Buffer>
  /** What was seen before, for noticing a vault that vanished, was replaced, or is an old copy put back. */
  readonly memory: VaultMemory
  /** Takes the vault for the right one although it is not what was seen before. */
  readonly accept: boolean
  readonly warn: (words: string) => void
  /** MK of a password; masterKey but in tests that would otherwise spend minutes in it. */
  readonly derive: (password: Buffer, kdf: KdfSettings) => Promise<Buffer>
}

/**
 * A vault file. Each call reads it anew, checks its mac, and writes it whole or not at all; one password serves all calls.
 */
export class Vault implements SecretBackend {
  readonly #world: VaultWorld
  readonly #warned = new Set<string>()
  #password: Promise<Buffer> | undefined
  #master: { readonly salt: Buffer; readonly cost: string; readonly key: Promise<Buffer> } | undefined

  constructor(world: VaultWorld) {
    this.#world = world
  }

  async get(name: string): Promise<Buffer> {
    checkName(name)
    const file = await this.#opened()
    const entry = file.entries.get(name)
    if (entry === undefined) throw noSecret(name, file.entries.keys())
    return this.#unseal(file, name, entry)
  }

  /** Secrets with their values, by name: those named, or every one. */
  async all(names?: readonly string[]): Promise<Map<string, Buffer>> {
    names?.forEach(checkName)
    const file = await this.#opened()
    const values = new Map<string, Buffer>()
    for (const name of names ?? file.entries.keys()) {
      const entry = file.entries.get(name)
      if (entry === undefined) throw noSecret(name, file.entries.keys())
      values.set(name, await this.#unseal(file, name, entry))
    }
    return values
  }

  async list(): Promise<Map<string, SecretDates>> {
    const file = await this.#opened()
    return new Map([...file.entries].map(([name, { created, updated }]) => [name, { created, updated }]))
  }

  /** Creates the vault on first use. */
  set(name: string, value: Buffer): Promise<void> {
    return this.setAll(new Map([[name, value]]))
  }

  /** Sets several secrets in one write. */
  async setAll(values: ReadonlyMap<string, Buffer>): Promise<void> {
    for (const name of values.keys()) checkName(name)
    await this.#change(async (file, master) => {
      const entries = new Map(file.entries)
      const now = this.#now()
      for (const [name, value] of values) {
        const dates = { created: entries.get(name)?.created ?? now, updated: now }
        entries.set(name, seal(master, file, name, value, this.#fresh(), dates))
      }
      if (entries.size > ENTRY_LIMIT) throw badData(`a vault holds at most ${ENTRY_LIMIT} secrets`)
      return entries
    }, true)
  }

  async rm(name: string): Promise<void> {
    checkName(name)
    await this.#change(async (file) => {
      const entries = new Map(file.entries)
      if (!entries.delete(name)) throw noSecret(name, entries.keys())
      return entries
    }, false)
  }

  /** A new master password: new salts, every secret sealed anew. */
  async changePassword(next: Buffer): Promise<void> {
    const { random } = this.#world
    await this.#locked(async () => {
      const file = await this.#opened()
      const header: Header = {
        id: file.id,
        generation: file.generation + 1,
        kdf: { ...KDF_DEFAULT, salt: random(16) },
      }
      const master = await this.#world.derive(next, header.kdf)
      const entries = new Map<string, Entry>()
      for (const [name, entry] of file.entries) {
        const value = await this.#unseal(file, name, entry)
        entries.set(name, seal(master, header, name, value, this.#fresh(), entry))
      }
      this.#save(master, header, entries)
    })
  }

  async #change(
    edit: (file: Header & Pick<VaultFile, 'entries'>, master: Buffer) => Promise<Map<string, Entry>>,
    create: boolean,
  ): Promise<void> {
    for (let done = false; !done; ) {
      // The slow part, the key, is made before the lock is taken; parallel writers then wait for each other's writes only.
      if (this.#read() !== null) await this.#opened()
      done = await this.#locked(async () => {
        const seen = this.#world.memory.read()
        const found = this.#read()
        if (found === null && !create) throw this.#noVault(seen)
        if (found === null && seen.here !== null) this.#warnOf(GONE)
        // Someone made the vault, or changed its password, in between: once more with the key of that one.
        if (found !== null && !this.#hasKey(found)) return false
        const file = found === null ? this.#empty() : await this.#check(found, seen)
        const master = await this.#key(file)
        const entries = await edit(file, master)
        this.#save(master, { ...file, generation: file.generation + 1 }, entries)
        return true
      })
    }
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    const { path } = this.#world
    return withLock(this.#world, path, { waitMs: LOCK_WAIT_MS, remedy: UNLOCK }, work).catch((error) => {
      throw systemFailure(error, path, true)
    })
  }

  #empty(): Header & Pick<VaultFile, 'entries'> {
    const { random } = this.#world
    return { id: random(16), generation: 0, kdf: { ...KDF_DEFAULT, salt: random(16) }, entries: new Map() }
  }

  async #opened(): Promise<VaultFile> {
    // Looked up before the file is read: another process may write a newer one at any moment.
    const seen = this.#world.memory.read()
    const file = this.#read()
    if (file === null) throw this.#noVault(seen)
    return this.#check(file, seen)
  }

  #noVault(seen: Seen): Failure {
    const { path } = this.#world
    if (seen.here !== null) this.#warnOf(GONE)
    return new Failure('noInput', `${path}: there is no vault`, { hint: 'jules vault set NAME makes one' })
  }

  /** Once a command, and again with the next command until --accept is given. */
  #warnOf(words: string): void {
    const { path, warn, accept } = this.#world
    if (accept || this.#warned.has(words)) return
    this.#warned.add(words)
    warn(`${path}: ${words}; --accept takes it for right`)
  }

  /** Checks the mac; everything after it may trust the file. */
  async #check(file: VaultFile, seen: Seen): Promise<VaultFile> {
    const { memory, path, accept } = this.#world
    const id = file.id.toString('hex')
    // Before the password is tried: that of the vault seen before may be wrong for this one.
    if (seen.here !== null && seen.here !== id) this.#warnOf(ANOTHER)
    const master = await this.#key(file)
    if (!equal(fileMac(master, file, file.entries), file.mac)) throw denied(path)
    if (accept) memory.accept(id, file.generation)
    else if (file.generation < seen.generation(id)) {
      this.#warnOf(
        `generation ${file.generation} is older than ${seen.generation(id)}, seen before: an old copy was put back?`,
      )
    } else memory.see(id, file.generation)
    return file
  }

  /** The parsed file, or null when there is none. Refuses what others could read or have put there. */
  #read(): VaultFile | null {
    const { disk, path, uid } = this.#world
    let fd: number
    try {
      // Not through a link, and without waiting for the other end of a FIFO.
      fd = disk.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null
      if (systemCode(error) === 'ELOOP')
        throw new Failure('denied', `${path}: is a symbolic link, which is not followed`)
      throw systemFailure(error, path)
    }
    try {
      const { kind, mode, size, uid: owner } = disk.facts(fd)
      if (kind !== 'file') throw new Failure('denied', `${path}: is not a regular file`)
      if (owner !== uid) throw new Failure('denied', `${path}: belongs to another user (${owner})`)
      if ((mode & 0o077) !== 0) {
        const octal = mode.toString(8).padStart(4, '0')
        throw new Failure('denied', `${path}: others may read or write it (mode ${octal})`, {
          hint: `chmod 600 ${shellWord(path)}`,
        })
      }
      if (size > FILE_LIMIT) throw badData(`${path}: larger than ${FILE_LIMIT} bytes`)
      return this.#parsed(disk.read(fd))
    } catch (error) {
      throw systemFailure(error, path)
    } finally {
      disk.close(fd)
    }
  }

  /** What the parser says of a damaged file, with the path before it. */
  #parsed(bytes: Buffer): VaultFile {
    try {
      return parseVault(bytes)
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'data') throw error
      const { message, hint } = error
      throw badData(`${this.#world.path}: ${message}`, hint === undefined ? {} : { hint })
    }
  }

  #save(master: Buffer, header: Header, entries: ReadonlyMap<string, Entry>): void {
    const { disk, path, random, memory, accept } = this.#world
    const bytes = Buffer.from(printVault({ ...header, entries, mac: fileMac(master, header, entries) }))
    if (bytes.length > FILE_LIMIT) throw badData(`the vault would be larger than ${FILE_LIMIT} bytes`)
    const temporary = `${path}.${random(16).toString('hex')}.tmp`
    writeNew(disk, temporary, bytes)
    try {
      disk.rename(temporary, path)
    } catch (error) {
      remove(disk, temporary)
      throw error
    }
    syncDirectory(disk, dirname(path))
    memory[accept ? 'accept' : 'see'](header.id.toString('hex'), header.generation)
  }

  async #unseal(file: VaultFile, name: string, entry: Entry): Promise<Buffer> {
    const value = unseal(await this.#key(file), file, name, entry)
    if (value === null) throw denied(this.#world.path)
    return value
  }

  /** One Argon2id a command, as long as salt and cost stay the same. */
  #key(header: Header): Promise<Buffer> {
    if (this.#master !== undefined && this.#hasKey(header)) return this.#master.key
    const { kdf } = header
    const cost = costOf(kdf)
    this.#password ??= this.#world.password()
    const key = this.#password.then((password) => this.#world.derive(password, kdf))
    this.#master = { salt: kdf.salt, cost, key }
    return key
  }

  #hasKey({ kdf }: Header): boolean {
    return this.#master?.salt.equals(kdf.salt) === true && this.#master.cost === costOf(kdf)
  }

  #fresh() {
    const { random } = this.#world
    return { salt: random(32), nonce: random(12) }
  }

  #now(): string {
    return new Date(this.#world.clock()).toISOString()
  }
}

const costOf = ({ m, t, p }: KdfSettings): string => `${m}:${t}:${p}`

/** Throws 64 for what is not the name of a secret. */
export function checkName(name: string): void {
  if (NAME.test(name)) return
  throw usage(`expected a name of letters, digits and underscores, at most 128, got ${quote(name)}`)
}

/** For a name that no secret has; one near to it among `known` is named. */
export function noSecret(name: string, known: Iterable<string>): Failure {
  const near = nearest(name, [...known])
  return new Failure('noInput', `no secret ${name}`, {
    hint: near === undefined ? `jules vault set ${name}` : `did you mean ${near}?`,
  })
}

const denied = (path: string): Failure =>
  new Failure('denied', `${path}: wrong password, or the vault was tampered with`)

/** Files that a killed process left beside the vault. */
export function leftovers(disk: Disk, path: string): string[] {
  const name = basename(path)
  return disk
    .list(dirname(path))
    .filter((file) => file.startsWith(`${name}.`) && /\.(lock(\..+)?|[0-9a-f]{32}\.tmp)$/.test(file))
    .map((file) => join(dirname(path), file))
}
