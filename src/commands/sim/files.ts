/** The files of a simulator: its log, which only grows, and its state, which is replaced whole. */
import { randomBytes } from 'node:crypto'
import { constants, writeSync } from 'node:fs'
import { disk, remove } from '../../base/disk.js'
import { Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { CLOCK_AT, clockText, readSimState, type SavedSim, type StateKeeper } from '../../sim/state.js'

const MOST_STATE = 1 << 28

/** Takes what a file could not be written for; the first one counts. */
export type OnFailure = (error: unknown) => void

/** Appends lines to a file as they come: what was logged survives the process. */
export function openSimLog(
  path: string,
  onFailure: OnFailure,
): {
  readonly write: (line: string) => void
  readonly close: () => void
} {
  let fd: number
  try {
    fd = disk.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600)
  } catch (error) {
    throw systemFailure(error, path, true)
  }
  return {
    write: (line) => {
      try {
        disk.write(fd, Buffer.from(line))
      } catch (error) {
        onFailure(systemFailure(error, path, true))
      }
    },
    close: () => disk.close(fd),
  }
}

/** The state of a simulator in a file; undefined where there is none yet. */
export async function readStateFile(path: string): Promise<SavedSim | undefined> {
  try {
    const bytes = await readAtMost(path, { most: MOST_STATE, isRegular: true })
    return readSimState(bytes.toString(), path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof Failure ? error : systemFailure(error, path, true)
  }
}

/**
 * Keeps a state: written beside its file and renamed, so that a kill at any moment leaves one whole; the clock is written in its
 * place. Not synced: it is to survive the process, not the machine.
 */
export function stateKeeper(
  path: string,
  onFailure: OnFailure,
): StateKeeper & { readonly close: () => void } {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  let fd: number | null = null
  const close = () => {
    if (fd !== null) disk.close(fd)
    fd = null
  }
  const guarded = (work: () => void) => {
    try {
      work()
    } catch (error) {
      onFailure(systemFailure(error, path, true))
    }
  }
  return {
    book: (text) =>
      guarded(() => {
        close()
        fd = disk.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600)
        try {
          disk.write(fd, Buffer.from(text))
          disk.rename(temporary, path)
        } catch (error) {
          close()
          remove(disk, temporary)
          throw error
        }
      }),
    clock: (nowMs) =>
      guarded(() => {
        if (fd !== null) writeSync(fd, clockText(nowMs), CLOCK_AT)
      }),
    close,
  }
}
