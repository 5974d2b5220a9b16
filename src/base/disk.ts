/**
 * Every file-system call that vault, locks and state files make, one method each, so that a test can fail or stop at any of them.
 * Synchronous: the files are small, and an order of calls is easier to reason about when nothing comes between.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { badData, systemCode } from './errors.js'

interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  readonly uid: number
  readonly mode: number
  readonly size: number
}

export interface Disk {
  /** Flags as in open(2). */
  open(path: string, flags: number, mode?: number): number
  facts(fd: number): FileFacts
  read(fd: number): Buffer
  write(fd: number, bytes: Uint8Array): void
  chmod(fd: number, mode: number): void
  sync(fd: number): void
  close(fd: number): void
  link(from: string, to: string): void
  rename(from: string, to: string): void
  unlink(path: string): void
  list(path: string): string[]
  /** The path without symbolic links. */
  real(path: string): string
  /** With those above it; one that is there stays as it is. */
  makeDirectory(path: string, mode: number): void
}

export const disk: Disk = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  facts: (fd) => {
    const stat = fs.fstatSync(fd)
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
    return { kind, uid: stat.uid, mode: stat.mode & 0o7777, size: stat.size }
  },
  read: (fd) => fs.readFileSync(fd),
  write: (fd, bytes) => {
    for (let from = 0; from < bytes.length; ) from += fs.writeSync(fd, bytes, from)
  },
  chmod: (fd, mode) => fs.fchmodSync(fd, mode),
  sync: (fd) => fs.fsyncSync(fd),
  close: (fd) => fs.closeSync(fd),
  link: (from, to) => fs.linkSync(from, to),
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  list: (path) => fs.readdirSync(path),
  real: (path) => fs.realpathSync.native(path),
  makeDirectory: ensureDirectory,
}

/** Locks and state files are a few lines. */
const TEXT_LIMIT = 1 << 20

/** The text of a file of at most `limit` bytes; null where there is none. Throws 65 for a larger one. */
export function readText(disk: Disk, path: string, limit: number = TEXT_LIMIT): string | null {
  let fd: number
  try {
    fd = disk.open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null
    throw error
  }
  try {
    if (disk.facts(fd).size > limit) throw badData(`${path}: larger than ${limit} bytes`)
    return disk.read(fd).toString('utf8')
  } finally {
    disk.close(fd)
  }
}

/** A new file with this content, mode 0600 whatever the umask. */
export function writeNew(disk: Disk, path: string, content: string | Uint8Array): void {
  const fd = disk.open(
    path,
    fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW,
    0o600,
  )
  try {
    disk.chmod(fd, 0o600)
    disk.write(fd, typeof content === 'string' ? Buffer.from(content) : content)
    disk.sync(fd)
  } catch (error) {
    try {
      disk.unlink(path)
    } catch {}
    throw error
  } finally {
    disk.close(fd)
  }
}

/** Makes the names in a directory durable: a new file's, a renamed one's. */
export function syncDirectory(disk: Disk, path: string): void {
  const fd = disk.open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  try {
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
}

/** Removes a file; one that is gone, or a failing disk, changes nothing for the caller. */
export function remove(disk: Disk, path: string): void {
  try {
    disk.unlink(path)
  } catch {}
}

/**
 * A directory with those above it; one that is there stays as it is. Node's own recursive mkdir never comes
 * back where a file system has no room for a new name and says that there is no such directory, as /proc does.
 */
export function ensureDirectory(path: string, mode = 0o777): void {
  try {
    fs.mkdirSync(path, { mode })
  } catch (error) {
    const parent = dirname(path)
    if (systemCode(error) === 'ENOENT' && parent !== path && !fs.existsSync(parent)) {
      ensureDirectory(parent, mode)
      ensureDirectory(path, mode)
      return
    }
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    if (systemCode(error) !== 'EEXIST') throw error
    // What has the name is a file, as a name below it would have met.
    throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', path })
  }
}
