/** The folder of a run, of whatever kind: where it is, and what its manifest says. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { badData, Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import type { Context } from '../../cli/context.js'
import { isObject, type JsonObject } from '../../stream/json.js'
import { pastRuns, runNamed } from './runs.js'

const MANIFEST = 'manifest.json'

/** Of a manifest. */
const MOST_BYTES = 1 << 24

/** The word itself where something has that path, else the folder of the training that has the name. Throws 66 where there is none. */
export async function runPlace(context: Context, word: string): Promise<string> {
  if (existsSync(resolve(context.cwd, word))) return word
  const { run, folder, path } = runNamed(context, await pastRuns(context), word)
  if (folder === 'there') return path
  throw new Failure('noInput', `the folder of the run ${run} is ${folder}`, { where: path })
}

/** The manifest in a folder, whose format the caller looks at. Throws 66, with the hint, where there is none, and 65 for a damaged one. */
export async function manifestAt(context: Context, path: string, hint: string): Promise<JsonObject> {
  const where = join(path, MANIFEST)
  const limit = { most: MOST_BYTES, signal: context.signal, isRegular: true }
  const bytes = await readAtMost(resolve(context.cwd, where), limit).catch((error) => {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw systemFailure(error, where)
    throw new Failure('noInput', `is not the folder of a run: it has no ${MANIFEST}`, { where: path, hint })
  })
  try {
    const manifest: unknown = JSON.parse(bytes.toString('utf8'))
    if (isObject(manifest)) return manifest
  } catch {}
  throw badData('is damaged', { where })
}
