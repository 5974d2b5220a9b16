/**
 * The folder of a run. A file in it is there whole or not at all; a checkpoint takes the place of the last one, which is
 * kept as the previous one; metrics are appended line by line.
 */
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openLog, readLog } from '../../base/append-log.js'
import { ensureDirectory } from '../../base/disk.js'
import { badData, Failure, systemCode, systemFailure } from '../../base/errors.js'
import { isLocked, type LockWorld, takeLock } from '../../base/lock.js'
import { readAtMost } from '../../base/read-file.js'
import { fileSink, linkOrCopy, writeWhole } from '../../stream/sink.js'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js'

/** Names of the files of a run; TensorBoard's events are beside them. */
export const FILES = {
  manifest: 'manifest.json',
  last: 'policy.safetensors',
  best: 'best.safetensors',
  checkpoint: 'checkpoint.safetensors',
  previous: 'checkpoint-previous.safetensors',
  metrics: 'metrics.ndjson',
  validation: 'validation.ndjson',
} as const

/** The lock of a run is LOCK.lock in its folder. */
const LOCK = 'run'

/** `format` of the manifest. */
export const RUN_FORMAT = 'jules-run/1'

/** What a folder needs of the process. */
export interface FolderOptions {
  /** Removes half-written files when the process must go at once. */
  readonly onForcedExit: (cleanup: () => void) => () => void
}

/** One folder by its path, which need not exist before `create`. Failures of the disk are named by file: 73, 74, 77. */
export class RunFolder {
  readonly path: string
  readonly #options: FolderOptions

  constructor(path: string, options: FolderOptions) {
    this.path = path
    this.#options = options
  }

  file(name: string): string {
    return join(this.path, name)
  }

  /** Keeps the run to this process until it calls what it gets. Throws 75 where another one works on it. */
  async lock(world: LockWorld): Promise<() => void> {
    const release = await takeLock(world, this.file(LOCK), { waitMs: 0 }).catch((error) => {
      throw systemFailure(error, this.path, true)
    })
    const forget = this.#options.onForcedExit(release)
    return () => {
      forget()
      release()
    }
  }

  /** Whether a process works on the run. */
  isBusy(world: LockWorld): boolean {
    return isLocked(world, this.file(LOCK))
  }

  /** Makes the folder; false where something has its name already. */
  async make(): Promise<boolean> {
    try {
      ensureDirectory(dirname(this.path))
      await mkdir(this.path)
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw this.#unmade(error)
    }
  }

  #unmade(error: unknown): unknown {
    return systemCode(error) === 'ENOTDIR'
      ? new Failure('cannotCreate', 'is not a directory', { where: this.path })
      : systemFailure(error, this.path, true)
  }

  /**
   * Makes the folder or takes one that is empty, or was left by a process that was killed before its manifest; any other is
   * refused (73) unless `replace`, and even then where files have the names of those of a run and it is none.
   */
  async create(replace: boolean): Promise<void> {
    if (await this.make()) return
    const there = await readdir(this.path).catch((error) => {
      throw this.#unmade(error)
    })
    if (there.every((name) => isOfLock(name) || isTemporary(name))) return
    if (!replace) {
      throw new Failure('cannotCreate', 'the folder is not empty', {
        where: this.path,
        hint: 'go on with --resume, or start anew with --force',
      })
    }
    if (there.some(isOfRuns) && !(await this.#holdsRun())) {
      throw new Failure(
        'cannotCreate',
        'the folder has files with the names of those of a run, and is none',
        {
          where: this.path,
          hint: 'choose another folder',
        },
      )
    }
  }

  async #holdsRun(): Promise<boolean> {
    try {
      await this.readManifest()
      return true
    } catch {
      return false
    }
  }

  /** Removes the files of a run; the manifest, which says that they are those of a run, goes last. */
  async clear(): Promise<void> {
    const own = (await readdir(this.path)).filter(isOfRuns)
    for (const name of own) if (name !== FILES.manifest) await rm(this.file(name), { force: true })
    await rm(this.file(FILES.manifest), { force: true })
  }

  /** Removes the files of a run, and the folder where that leaves nothing in it. True where the folder is gone. */
  async remove(): Promise<boolean> {
    await this.clear()
    for (const name of await readdir(this.path))
      if (isOfLock(name)) await rm(this.file(name), { force: true })
    try {
      await rmdir(this.path)
      return true
    } catch (error) {
      if (systemCode(error) === 'ENOTEMPTY' || systemCode(error) === 'EEXIST') return false
      throw systemFailure(error, this.path, true)
    }
  }

  /** Bytes of the files of a run. */
  async size(): Promise<number> {
    const own = (await readdir(this.path)).filter(isOfRuns)
    const sizes = await Promise.all(own.map(async (name) => (await stat(this.file(name))).size))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /** With `isNew` the name must be free: of two runs that start in one folder at once, the second is refused (73). */
  async write(name: string, bytes: Uint8Array, isNew = false): Promise<void> {
    await writeWhole(this.file(name), bytes, { ...this.#options, isNew })
  }

  /** The checkpoint there is stays whole until the new one has its name. */
  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const sink = await fileSink(this.file(FILES.checkpoint), this.#options)
    try {
      await sink.write(encodeCheckpoint(checkpoint))
      await this.#keepPrevious()
      await sink.close()
    } catch (error) {
      await sink.abort()
      throw error
    }
  }

  async #keepPrevious(): Promise<void> {
    const current = this.file(FILES.checkpoint)
    const beside = this.file(BESIDE)
    await rm(beside, { force: true })
    try {
      await linkOrCopy(current, beside)
      await rename(beside, this.file(FILES.previous))
      // After a crash at this very place both are names of one file, and the rename did nothing.
      await rm(beside, { force: true })
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw systemFailure(error, this.file(FILES.previous), true)
    }
  }

  /**
   * The newest sound checkpoint; null where there is none. `warn` hears of a damaged one. Where every one is damaged they are
   * taken away, or it throws 65 with the hint that `refused` is.
   */
  async readCheckpoint(warn: (words: string) => void, refused: string | null): Promise<Checkpoint | null> {
    const damage: string[] = []
    for (const name of [FILES.checkpoint, FILES.previous]) {
      const bytes = await this.read(name)
      if (bytes === null) continue
      try {
        const checkpoint = decodeCheckpoint(bytes, this.file(name))
        if (damage.length > 0) {
          warn(`${damage[0]}; going on from ${name}`)
          // It takes the place of the damaged one, which must not become the previous one of the next.
          await rename(this.file(name), this.file(FILES.checkpoint))
        }
        return checkpoint
      } catch (error) {
        damage.push(damageWords(error))
      }
    }
    if (damage.length === 0) return null
    const words = damage.join('; ')
    if (refused !== null) throw badData(`no checkpoint is sound: ${words}`, { hint: refused })
    warn(`${words}; starting over`)
    for (const name of [FILES.checkpoint, FILES.previous]) await rm(this.file(name), { force: true })
    return null
  }

  /** The bytes of a file, null where it is not there. */
  async read(name: string): Promise<Uint8Array | null> {
    try {
      return await readAtMost(this.file(name), { most: MOST_BYTES, isRegular: true })
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw systemFailure(error, this.file(name))
    }
  }

  /** Opens a file to append to; `keep` says which of its whole lines stay. */
  async appendLines(name: string, keep: (line: string) => boolean): Promise<Appender> {
    const { records, torn } = await readLog(this.file(name), (line) => line)
    const kept = records.filter(keep)
    if (torn !== null || kept.length < records.length) {
      await this.write(name, Buffer.from(kept.map((line) => `${line}\n`).join('')))
    }
    return this.append(name)
  }

  async append(name: string): Promise<Appender> {
    const log = await openLog(this.file(name), { torn: 'keep' })
    return { write: (bytes) => log.append(bytes), close: () => log.close() }
  }

  /** Removes what a killed process left half-written. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.path))
      if (isTemporary(name)) await rm(this.file(name), { force: true })
  }

  /** Throws 66 where there is none, and 65 where it is not one of this format. */
  async readManifest<T extends { readonly format: string }>(): Promise<T> {
    const where = this.file(FILES.manifest)
    const bytes = await this.read(FILES.manifest)
    if (bytes === null) {
      throw new Failure('noInput', 'is not the folder of a run: it has no manifest.json', {
        where: this.path,
      })
    }
    let manifest: Partial<T> | null
    try {
      manifest = JSON.parse(Buffer.from(bytes).toString('utf8'))
    } catch {
      throw badData('is damaged', { where })
    }
    if (manifest?.format !== RUN_FORMAT) {
      throw badData(`its format is ${manifest?.format ?? 'unknown'}, and this jules reads ${RUN_FORMAT}`, {
        where,
      })
    }
    return manifest as T
  }
}

/** Of a checkpoint, the largest file that is read whole. */
const MOST_BYTES = 1 << 28

/** A file that only grows. */
export interface Appender {
  write(bytes: Uint8Array | string): Promise<void>
  close(): Promise<void>
}

const BESIDE = '.checkpoint-previous.tmp'

const isFile = (name: string): boolean => (Object.values(FILES) as string[]).includes(name)

/** Left half-written by a process that was killed. */
const isTemporary = (name: string): boolean =>
  name === BESIDE || isFile(/^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1] ?? '')

const isOfLock = (name: string): boolean => name.startsWith(`${LOCK}.lock`)

const isOfRuns = (name: string): boolean =>
  isFile(name) || name.startsWith('events.out.tfevents.') || isTemporary(name)

function damageWords(error: unknown): string {
  if (error instanceof Failure) return `${error.where}: ${error.message}`
  throw error
}
