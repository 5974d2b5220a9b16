/** The world of locks in one process that takes the parts of many: each call is another owner, who lives while `alive` says so. */
import { randomBytes } from 'node:crypto'
import { disk } from '../../src/base/disk.js'
import type { LockWorld, Owner } from '../../src/base/lock.js'

/** An owner named by its number, of the machine `here` unless another one is named. */
export const lockWorldOf = (
  pid: number,
  {
    host = 'here',
    isAlive = () => true,
  }: { readonly host?: string; readonly isAlive?: (owner: Owner) => boolean } = {},
): LockWorld => ({
  disk,
  self: { pid, host, start: '' },
  isAlive,
  token: () => randomBytes(16).toString('hex'),
  clock: Date.now,
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  signal: new AbortController().signal,
})
