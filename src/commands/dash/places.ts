/** What is followed: files and folders as they lie there, trainings by their names, and files that are still to be made. */
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Failure, systemCode, systemFailure } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { isLikeFile, pastRuns, runNamed } from '../wiring/runs.js'

/**
 * What was named: as it lies there, else a training by its name, else what looks like a file, which is told and waited for. Throws
 * 66 where there is none, and for a file whose folder is not there; with `isOnce`, where nothing is waited for, for any file.
 */
export async function placesOf(
  context: Context,
  operands: readonly string[],
  { isOnce }: { readonly isOnce: boolean },
): Promise<string[]> {
  if (operands.length === 0) return ['runs', 'paper'].map((folder) => join(context.paths.data, folder))
  const places: string[] = []
  for (const word of operands) {
    const error = word === '' ? null : await wrongWith(context, word)
    if (word !== '' && error === null) {
      places.push(word)
      continue
    }
    const runs = await pastRuns(context)
    const isRun = runs.some(({ run, path }) => run === word || path === resolve(context.cwd, word))
    if (isRun || !isLikeFile(word)) {
      places.push(runNamed(context, runs, word).path)
      continue
    }
    if (isOnce) throw systemFailure(error, word)
    // One that may not be looked at is followed, and said to be that.
    if (systemCode(error) !== 'EACCES') {
      await checkFolder(context, word, error)
      context.ui.note(`${word} is not there yet, and is waited for`)
    }
    places.push(word)
  }
  return places
}

/** Why nothing can be said of a path; null where something is there. */
const wrongWith = (context: Context, path: string): Promise<unknown> =>
  stat(resolve(context.cwd, path)).then(
    () => null,
    (error: unknown) => error,
  )

/** A folder that is not there is more likely a slip of the pen. */
async function checkFolder(context: Context, word: string, error: unknown): Promise<void> {
  const folder = dirname(word)
  const wrong = await wrongWith(context, folder)
  if (wrong === null && systemCode(error) === 'ENOENT') return
  if (wrong === null) throw systemFailure(error, systemCode(error) === 'ENOTDIR' ? folder : word)
  if (systemCode(wrong) !== 'ENOENT') throw systemFailure(wrong, folder)
  throw new Failure('noInput', 'no such folder', {
    where: folder,
    hint: `make it, and ${word} is waited for`,
  })
}
