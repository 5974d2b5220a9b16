/**
 * What became of the runs of a registry: how each ended, how far it came, and whether its folder is still there. Nothing is
 * guessed: a folder counts as that of a run when its manifest says so, for another run may have taken its place.
 */

import { readLog } from '../../base/append-log.js'
import { Failure } from '../../base/errors.js'
import type { LockWorld } from '../../base/lock.js'
import { FILES, RunFolder } from './folder.js'
import { type Manifest, manifestOf } from './manifest.js'
import { type RegisteredRun, runsOf } from './registry.js'

/** `unfinished`: nobody works on it, and it did not say how it ended, as a killed one. */
export const RUN_STATES = ['ended', 'stopped', 'diverged', 'running', 'unfinished'] as const
export type RunState = (typeof RUN_STATES)[number]

/** A run as it is known now. */
export interface PastRun extends RegisteredRun {
  readonly state: RunState
  /** Steps done; null where nothing is known of them. */
  readonly step: number | null
  /** Best validation: dollars, or the score of a benchmark task. */
  readonly best: { readonly reward: number; readonly step: number } | null
  readonly folder: 'there' | 'gone' | 'pruned'
  /** Of a folder that is there. */
  readonly manifest: Manifest | null
}

/** All runs of a registry, oldest first. */
export async function history(file: string, world: LockWorld): Promise<PastRun[]> {
  const past: PastRun[] = []
  for (const run of await runsOf(file)) past.push(await pastRun(run, world))
  return past
}

/** The folder of a run, to look into. */
export const folderOf = ({ path }: { readonly path: string }): RunFolder =>
  new RunFolder(path, { onForcedExit: () => () => {} })

/** The manifest of the folder, where it is that of the run: another one may have taken its place. */
export async function ownManifest(
  folder: RunFolder,
  { run, time }: Pick<RegisteredRun, 'run' | 'time'>,
): Promise<Manifest | null> {
  const manifest = await manifestOf(folder).catch((error) => {
    if (error instanceof Failure) return null
    throw error
  })
  return manifest?.run === run && manifest.started === time ? manifest : null
}

async function pastRun(run: RegisteredRun, world: LockWorld): Promise<PastRun> {
  const folder = folderOf(run)
  const own = await ownManifest(folder, run)
  const { ended } = run
  const state =
    own !== null && folder.isBusy(world)
      ? 'running'
      : ended === null
        ? 'unfinished'
        : ended.end === 'steps' || ended.end === 'early-stop'
          ? 'ended'
          : ended.end
  // What a run did since it last ended is in its folder alone.
  const told = own !== null && (ended === null || state === 'running') ? await toldBy(folder) : null
  return {
    ...run,
    state,
    step: told?.step ?? ended?.step ?? null,
    best: told === null ? (ended?.best ?? null) : told.best,
    folder: own !== null ? 'there' : run.pruned ? 'pruned' : 'gone',
    manifest: own,
  }
}

/** How far the metrics of a run go, and the best validation in them. */
export async function toldBy(folder: RunFolder): Promise<Pick<PastRun, 'step' | 'best'>> {
  const { records } = await readLog(folder.file(FILES.metrics), metricIn)
  let best: PastRun['best'] = null
  for (const { step, reward } of records) {
    if (reward !== null && reward > (best?.reward ?? Number.NEGATIVE_INFINITY)) best = { reward, step }
  }
  return { step: records.at(-1)?.step ?? null, best }
}

function metricIn(text: string): { step: number; reward: number | null } | undefined {
  try {
    const { step, 'eval/mean_reward': reward } = JSON.parse(text) as Record<string, unknown>
    return typeof step === 'number' ? { step, reward: typeof reward === 'number' ? reward : null } : undefined
  } catch {
    return undefined
  }
}
