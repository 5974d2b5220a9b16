/**
 * The kill switch: a file, which stays until somebody takes it away. One stands for every run of this user, one beside a journal
 * for that run alone.
 */
import { join } from 'node:path'
import { disk, ensureDirectory, readText, remove, writeNew } from '../../base/disk.js'
import { systemCode, systemFailure } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import type { Context } from '../../cli/context.js'

/** The file that stops every run, or the one of a journal. */
export const switchFile = (context: Context, journal: string | null): string =>
  journal === null ? join(paperFolder(context), 'HALT') : `${journal}.halt`

/** Where journals lie that no option names. */
export const paperFolder = (context: Context): string => join(context.paths.data, 'paper')

/** Latches the switch; one that is latched stays as it is. Throws what the system has against it. */
export function latch(context: Context, path: string, reason: string): void {
  ensureDirectory(paperFolder(context), 0o700)
  try {
    writeNew(disk, path, `${formatTime(context.clock())} ${reason}\n`)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw systemFailure(error, path, true)
  }
}

/** Whether there was one to release. */
export function release(path: string): boolean {
  if (readText(disk, path) === null) return false
  remove(disk, path)
  return true
}

/** Why nothing may be traded, or null. */
export function latched(context: Context, journal: string): string | null {
  for (const path of [switchFile(context, null), switchFile(context, journal)]) {
    const text = readText(disk, path)
    if (text !== null) return `${path}: ${text.trim().slice(0, 200)}`
  }
  return null
}
