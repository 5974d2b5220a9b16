/** The folder of an evaluation: what it was begun with, its bars where they came through a pipe or from the store, and its plan. */

import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureDirectory } from '../../base/disk.js'
import { badData, Failure, systemCode, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import type { Context } from '../../cli/context.js'
import { isObject } from '../../stream/json.js'
import { writeWhole } from '../../stream/sink.js'

const FORMAT = 'jules-evaluation/1'
export const NAMES = { manifest: 'evaluation.json', bars: 'bars.ndjson', plan: 'plan.ndjson' } as const
/** Stands while an evaluation begins: of two in one folder the second would mix its bars and windows with those of the first. */
const CLAIM = 'evaluation.begins'

/** What stands in evaluation.json. */
export interface EvaluationManifest {
  readonly format: string
  readonly run: string
  readonly version: string
  readonly started: string
  /** Every option that was set, as a text. */
  readonly options: Readonly<Record<string, string>>
  /** Absolute. */
  readonly operands: readonly string[]
  /** As it was named when it began: `store`, `stdin`, or the files. */
  readonly input: string
  /** Of times, prices and volumes. */
  readonly data_sha256: string
}

/** Makes the folder, which is true, or takes one that is empty; it is this caller's until `writeManifest` or `emptied`. Throws 73 for any other. */
export async function newFolder(path: string): Promise<boolean> {
  const isNew = await emptyFolder(path)
  try {
    await writeFile(join(path, CLAIM), '', { flag: 'wx' })
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw notEmpty(path, [CLAIM])
    if (isNew) await rmdir(path).catch(() => {})
    throw systemFailure(error, path, true)
  }
  return isNew
}

async function emptyFolder(path: string): Promise<boolean> {
  try {
    ensureDirectory(resolve(path, '..'))
    await mkdir(path)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw systemFailure(error, path, true)
  }
  const there = await readdir(path).catch((error) => {
    throw systemFailure(error, path, true)
  })
  if (there.length === 0) return false
  throw notEmpty(path, there)
}

const notEmpty = (where: string, there: readonly string[]): Failure =>
  new Failure('cannotCreate', 'the folder is not empty', {
    where,
    hint: there.includes(NAMES.manifest)
      ? 'go on with --resume'
      : there.includes(CLAIM)
        ? 'an evaluation begins there, or was killed as it began: choose another folder, or remove this one'
        : 'choose another one',
  })

/** Takes the bars out of a folder in which nothing was begun, and the folder too where it is new. */
export async function emptied(path: string, isNew: boolean): Promise<void> {
  // What cannot be taken away is in the way the next time, and is told then.
  for (const name of [NAMES.bars, CLAIM]) await rm(join(path, name), { force: true }).catch(() => {})
  if (isNew) await rmdir(path).catch(() => {})
}

/** Writes the manifest: from here on the folder is an evaluation, which --resume goes on with. */
export async function writeManifest(
  context: Context,
  folder: string,
  manifest: EvaluationManifest,
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  await writeWhole(join(folder, NAMES.manifest), bytes, context)
  // Beside a manifest it says nothing any more.
  await rm(join(folder, CLAIM), { force: true }).catch(() => {})
}

/** Throws 66 where the folder is none of an evaluation, 65 where its manifest is damaged. */
export async function readManifest(context: Context, folder: string): Promise<EvaluationManifest> {
  const where = join(folder, NAMES.manifest)
  const bytes = await readAtMost(where, { most: 1 << 24, signal: context.signal }).catch((error) => {
    context.signal.throwIfAborted()
    if (systemCode(error) === 'ENOENT')
      throw new Failure('noInput', `is not the folder of an evaluation: it has no ${NAMES.manifest}`, {
        where: folder,
      })
    throw systemFailure(error, where)
  })
  const damaged = badData('is damaged', { where })
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw damaged
  }
  if (!isObject(value)) throw damaged
  const { format, run, version, started, options, operands, input, data_sha256 } = value
  if (format !== FORMAT)
    throw badData(`its format is ${String(format)}, and this jules reads ${FORMAT}`, { where })
  const texts = [run, version, started, input, data_sha256]
  const all =
    isObject(options) && Array.isArray(operands) ? [...texts, ...operands, ...Object.values(options)] : [null]
  if (!all.every((one) => typeof one === 'string')) throw damaged
  return value as unknown as EvaluationManifest
}

export const EVALUATION_FORMAT = FORMAT
