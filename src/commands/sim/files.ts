/** The files of a simulator: its log, which only grows, and its state, which is replaced whole. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { disk } from '../../base/disk.js'
import { Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { readSimState, type SavedSim } from '../../sim/state.js'

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
    const bytes = await readAtMost(path, { most: MOST_STATE })
    return readSimState(bytes.toString(), path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof Failure ? error : systemFailure(error, path)
  }
}

/**
 * Writes a state beside its file and renames it, so that a kill at any moment leaves one whole. Not synced: it is to survive the
 * process, not the machine.
 */
export function stateWriter(path: string, onFailure: OnFailure): (state: SavedSim) => void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  return (state) => {
    try {
      const fd = disk.open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600)
      try {
        disk.write(fd, Buffer.from(JSON.stringify(state)))
      } finally {
        disk.close(fd)
      }
      disk.rename(temporary, path)
    } catch (error) {
      onFailure(systemFailure(error, path, true))
    }
  }
}
