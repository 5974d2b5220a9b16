/** The beginning of a run: its folder, its line in the registry, its manifest. */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FILES, RUN_FORMAT, RunFolder } from '../../agent/run/folder.js'
import { register } from '../../agent/run/registry.js'
import { systemFailure } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { lockWorld } from '../wiring/lock.js'
import type { Manifest } from './manifest.js'
import type { Setup } from './setup.js'

export interface NewRun {
  readonly output: string | undefined
  readonly name: string | undefined
  readonly force: boolean
  readonly started: number
  readonly setup: Setup
  /** Hash of all that tells one trial on the same bars from another. */
  readonly trial: string
}

type Told = Omit<Manifest, 'format' | 'run' | 'node' | 'platform' | 'started' | 'trial'>

export async function newRun(
  context: Context,
  parts: NewRun,
  told: Told,
): Promise<{ manifest: Manifest; folder: RunFolder }> {
  const { setup, force, started } = parts
  const { run, folder } = await newFolder(context, parts)
  const trial = await register(join(context.paths.data, 'runs.ndjson'), {
    run,
    time: formatTime(started),
    path: resolve(context.cwd, folder.path),
    task: setup.spec.task,
    symbols: setup.data?.symbols ?? [],
    interval: setup.spec.interval,
    from: setup.data?.train[0] ?? null,
    to: setup.data?.validation[1] ?? null,
    trial: parts.trial,
  })
  if (force) await folder.clear()
  const manifest: Manifest = {
    format: RUN_FORMAT,
    run,
    node: process.versions.node,
    platform: `${context.platform}-${context.arch}`,
    started: formatTime(started),
    ...told,
    trial,
  }
  await folder.write(FILES.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), true)
  return { manifest, folder }
}

/** The folder that was asked for, or one of its own in the data directory: runs may begin in the same second. */
async function newFolder(
  context: Context,
  { output, name, force, started, setup }: NewRun,
): Promise<{ run: string; folder: RunFolder }> {
  const { data } = context.paths
  if (output === undefined) {
    await mkdir(data, { recursive: true, mode: 0o700 }).catch((error) => {
      throw systemFailure(error, data, true)
    })
  }
  const first = name ?? runName(setup, started)
  for (let n = 1; ; n++) {
    const run = n === 1 ? first : `${first}-${n}`
    const folder = new RunFolder(output ?? join(data, 'runs', run), context)
    if (output === undefined && name === undefined && !(await folder.make())) continue
    await folder.create(force)
    await keep(context, folder)
    return { run, folder }
  }
}

/** Until the command ends no other process works in the folder. */
export async function keep(context: Context, folder: RunFolder): Promise<void> {
  const release = await folder.lock(lockWorld(context))
  context.onEnd(async () => release())
}

function runName({ data, spec }: Setup, startedMs: number): string {
  const stamp = formatTime(startedMs).replace(/[-:]|\.\d+/g, '')
  return [...(data?.symbols ?? [spec.task]), stamp].join('-').toLowerCase()
}
