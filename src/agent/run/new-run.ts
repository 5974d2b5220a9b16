/** The beginning of a run: its folder, its line in the registry, its manifest. */
import { join, resolve } from 'node:path'
import { ensureDirectory } from '../../base/disk.js'
import { systemFailure } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import { FILES, RUN_FORMAT, RunFolder } from './folder.js'
import { type Manifest, manifestBytes } from './manifest.js'
import type { NewPlace } from './plan.js'
import { type Registration, register, registryFile } from './registry.js'
import type { Setup } from './setup.js'
import type { TrainingWorld } from './world.js'

/** What a run is begun with. */
export interface NewRun {
  readonly setup: Setup
  /** Unix time in milliseconds. */
  readonly startedMs: number
  /** Hash of all that tells one trial on the same bars from another. */
  readonly trial: string
  /** What else the manifest holds. */
  readonly told: Omit<Manifest, 'format' | 'run' | 'node' | 'platform' | 'started' | 'trial'>
}

/** A run in its folder, of which this process has the lock until it calls `release`. */
export interface HeldRun {
  readonly run: string
  /** When it was registered. */
  readonly started: string
  readonly folder: RunFolder
  readonly trial: number | null
  readonly release: () => void
}

/**
 * Makes the folder, locks it, enters the run in the registry and writes its manifest. Throws 73 where the folder is not empty,
 * cannot be made, or is taken by another run in the same moment; 75 where another process works in it.
 */
export async function newRun(world: TrainingWorld, place: NewPlace, begun: NewRun): Promise<HeldRun> {
  const { run, folder } = await newFolder(world, place, begun)
  const release = await folder.lock(world.lock)
  try {
    const trial = await register(registryFile(world.dataFolder), entryOf(world, run, folder, begun))
    if (place.force) await folder.clear()
    const { node, platform } = world
    const started = formatTime(begun.startedMs)
    const manifest: Manifest = { format: RUN_FORMAT, run, node, platform, started, ...begun.told, trial }
    await folder.write(FILES.manifest, manifestBytes(manifest), true)
    return { run, started, folder, trial, release }
  } catch (error) {
    release()
    throw error
  }
}

/** The folder that was asked for, or one of its own in the data folder: runs may begin in the same second. */
async function newFolder(
  world: TrainingWorld,
  { output, name, force }: NewPlace,
  { setup, startedMs }: NewRun,
): Promise<Pick<HeldRun, 'run' | 'folder'>> {
  const { dataFolder } = world
  try {
    if (output === null) ensureDirectory(dataFolder, 0o700)
  } catch (error) {
    throw systemFailure(error, dataFolder, true)
  }
  const first = name ?? runName(setup, startedMs)
  for (let n = 1; ; n++) {
    const run = n === 1 ? first : `${first}-${n}`
    const folder = new RunFolder(output ?? join(dataFolder, 'runs', run), world)
    if (output === null && name === null && !(await folder.make())) continue
    await folder.create(force)
    return { run, folder }
  }
}

const entryOf = (
  { cwd }: TrainingWorld,
  run: string,
  folder: RunFolder,
  { setup: { spec, data }, startedMs, trial }: NewRun,
): Registration => ({
  run,
  time: formatTime(startedMs),
  path: resolve(cwd, folder.path),
  task: spec.task,
  symbols: data?.symbols ?? [],
  interval: spec.interval,
  from: data?.train[0] ?? null,
  to: data?.validation[1] ?? null,
  trial,
})

function runName({ data, spec }: Setup, startedMs: number): string {
  const stamp = formatTime(startedMs).replace(/[-:]|\.\d+/g, '')
  return [...(data?.symbols ?? [spec.task]), stamp].join('-').toLowerCase()
}
