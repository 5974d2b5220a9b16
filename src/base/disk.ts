/**
 * Every file-system call the vault makes, one method each, so that a test can fail or stop at any of them. Synchronous: a
 * vault is small, and an order of calls is easier to reason about when nothing comes between.
 */
import * as fs from 'node:fs'

export interface FileFacts {
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
}
