/**
 * What a sweep came to. A model is believed when its bytes are those that its task said it wrote, and the training was that of the
 * task: by its options, as the manifest has them, and by the jules that did it. Every training that was begun is a trial,
 * whatever became of it.
 */
import { join } from 'node:path'
import { FILES } from '../agent/run/folder.js'
import { folderOf, toldBy } from '../agent/run/history.js'
import { type Manifest, manifestOf, trialOf } from '../agent/run/manifest.js'
import type { CollectedRun } from '../agent/run/registry.js'
import { sha256 } from '../base/digest.js'
import { badData, Failure } from '../base/errors.js'
import type { Seen, TaskFolder } from './folder.js'
import type { Task } from './task.js'

/** A task that is done, with what was found in its folder. */
export interface Collected {
  readonly task: Task
  readonly score: number | null
  /** Of the last weights. */
  readonly sha256: string
  /** Of the best ones; null where nothing was validated. */
  readonly bestSha256: string | null
  readonly run: CollectedRun
}

/** Options that say where a run is and how it is told, which are the runner's and no part of a training. */
const OF_RUNNER: readonly string[] = [
  'run',
  'output',
  'format',
  'threads',
  'native',
  'gpu-device',
  'dsn',
  'schema',
]

/** The words of a task as options by their names; a switch is `true`. */
export function optionsOf({ argv }: Pick<Task, 'argv'>): Record<string, string> {
  const options: Record<string, string> = {}
  for (const [i, word] of argv.entries()) {
    if (!word.startsWith('--')) continue
    const [, name, value] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!
    const next = argv[i + 1]
    options[name!] = value ?? (next === undefined || next.startsWith('--') ? 'true' : next)
  }
  return options
}

/** The run of a task that was begun; null where nothing was. Throws 65 for a manifest that is damaged. */
export async function runOf(folder: TaskFolder, { state, status }: Seen): Promise<CollectedRun | null> {
  const place = folderOf({ path: folder.model })
  const manifest = await manifestOf(place).catch((error) => {
    if (error instanceof Failure && error.kind === 'noInput') return null
    throw error
  })
  if (manifest === null) return null
  const { step, best } = await toldBy(place)
  const diverged = state === 'failed' && status?.exit === 1
  const registration = registrationOf(manifest, folder.model)
  if (status?.ended == null || step === null || !(state === 'done' || diverged))
    return { ...registration, ended: null }
  const end = diverged ? 'diverged' : folder.endedEarly() ? 'early-stop' : 'steps'
  return { ...registration, ended: { time: status.ended, end, step, best } }
}

interface Told {
  readonly spec?: { readonly task?: string; readonly interval?: string | null }
}

interface Data {
  readonly symbols?: readonly string[]
  readonly train?: readonly string[]
  readonly validation?: readonly string[]
}

function registrationOf(manifest: Manifest, path: string): Omit<CollectedRun, 'ended'> {
  const { spec } = manifest.settings as Told
  const data = manifest.data as Data | null
  return {
    run: manifest.run,
    time: manifest.started,
    path,
    task: spec?.task ?? 'trading',
    symbols: data?.symbols ?? [],
    interval: spec?.interval ?? null,
    from: data?.train?.[0] ?? null,
    to: data?.validation?.[1] ?? null,
    trial: trialOf(manifest.settings as object),
  }
}

/** A task that is done, with its model held against what it said. Throws 65 with the folder where they differ. */
export async function collected(folder: TaskFolder, seen: Seen): Promise<Collected> {
  const { task, status } = seen
  const where = folder.path
  const run = await runOf(folder, seen)
  const place = folderOf({ path: folder.model })
  const [last, best] = await Promise.all([place.read(FILES.last), place.read(FILES.best)])
  if (run === null || last === null) throw badData('the model of the task is gone', { where })
  const hash = sha256(last)
  const bestHash = best === null ? null : sha256(best)
  checkWritten(join(folder.model, FILES.last), status?.sha256, hash)
  checkWritten(join(folder.model, FILES.best), status?.bestSha256, bestHash)
  checkSame(task, await manifestOf(place), where)
  return { task, score: status?.score ?? null, sha256: hash, bestSha256: bestHash, run }
}

function checkWritten(where: string, expected: string | null = null, found: string | null): void {
  if (found === expected) return
  throw badData('the model is not the one that the task wrote', { where, fields: { expected, found } })
}

function checkSame(task: Task, { options, version }: Manifest, where: string): void {
  if (version !== task.version)
    throw badData(`the task is one of ${task.version}, and ${version} trained it`, { where })
  const planned = optionsOf(task)
  const files = task.inputs.map(({ option }) => option)
  for (const name of new Set([...Object.keys(planned), ...Object.keys(options)])) {
    // A file is held against its hash when the task starts.
    if (OF_RUNNER.includes(name) || files.includes(name) || planned[name] === options[name]) continue
    throw badData(
      `the task was trained with --${name} ${options[name] ?? 'left out'}, and planned with ${planned[name] ?? 'the default'}`,
      { where, hint: 'the environment or the configuration file of the machine that trained it may say so' },
    )
  }
}

/** The last rung first, and of a rung the best first; of equal ones the lower id. */
export const inOrder = (all: readonly Collected[]): Collected[] =>
  [...all].sort(
    (a, b) =>
      (b.task.halving?.rung ?? 0) - (a.task.halving?.rung ?? 0) ||
      scoreOf(b) - scoreOf(a) ||
      (a.task.id < b.task.id ? -1 : 1),
  )

/** Below every other where nothing was validated; a finite number, as two of them are subtracted. */
const scoreOf = ({ score }: Collected): number => score ?? -Number.MAX_VALUE / 4
