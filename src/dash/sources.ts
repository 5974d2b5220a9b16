/**
 * All that is followed. Every so often the places are looked through for what is new; the newest files are followed, up to a
 * number, and one reader serves whoever looks.
 */
import { stat } from 'node:fs/promises'
import { FILES, type RunFolder } from '../agent/run/folder.js'
import { folderOf } from '../agent/run/history.js'
import { manifestOf, plannedSteps } from '../agent/run/manifest.js'
import { type RegisteredRun, runsOf } from '../agent/run/registry.js'
import { Failure } from '../base/errors.js'
import { type LockWorld, lockState } from '../base/lock.js'
import { heartbeatOf } from '../broker/journal.js'
import { type Found, filesAt } from './found.js'
import { Source, type TrainingFacts } from './source.js'

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

export interface SourcesOptions {
  /** Files and folders, absolute or from the working directory. */
  readonly places: readonly string[]
  /** The registry of training runs; null for none. */
  readonly registry: string | null
  /** Tells whether a training is under way, and whether who writes a journal lives. */
  readonly world: LockWorld
  /** Files that are followed at once. */
  readonly most?: number
}

/** Enough for a wall of runs; a look costs a `stat` for each. */
const MOST = 64

type Begun = Pick<TrainingFacts, 'run' | 'started' | 'totalSteps'>

/** Reading only. */
export class Sources {
  readonly #options: SourcesOptions
  readonly #byPath = new Map<string, Source>()
  #list: readonly Source[] = []
  #left = 0
  /** Of folders of trainings, with when their manifests were written. */
  readonly #begunIn = new Map<string, { readonly changedMs: number; readonly begun: Begun | null }>()
  /** Which sources there are has changed since this was last set to false. */
  isChanged = false
  #registry: { readonly changedMs: number; readonly runs: readonly RegisteredRun[] } = {
    changedMs: -1,
    runs: [],
  }

  constructor(options: SourcesOptions) {
    this.#options = options
  }

  /** Newest first, as the last scan found them. */
  get list(): readonly Source[] {
    return this.#list
  }

  /** Files that are there and not followed, as others are newer. */
  get left(): number {
    return this.#left
  }

  get(id: string): Source | null {
    return this.#list.find((source) => source.id === id) ?? null
  }

  /** Looks through the places. Throws nothing: what cannot be read is not there. */
  async scan(): Promise<void> {
    const { places, most = MOST } = this.#options
    const all = new Map<string, Found>()
    for (const place of places)
      for (const found of await filesAt(place)) if (!all.has(found.path)) all.set(found.path, found)
    const ordered = [...all.values()].sort(
      (a, b) => Number(b.isNamed) - Number(a.isNamed) || b.changedMs - a.changedMs,
    )
    const chosen = ordered.slice(0, most)
    this.#left = ordered.length - chosen.length
    await this.#follow(chosen)
    await this.#trainings(chosen)
    await this.#writers()
  }

  async #follow(chosen: readonly Found[]): Promise<void> {
    const wanted = new Set(chosen.map(({ path }) => path))
    for (const [path, source] of this.#byPath) {
      if (wanted.has(path)) continue
      this.#byPath.delete(path)
      this.isChanged = true
      await source.tail.close()
    }
    for (const found of chosen) {
      if (this.#byPath.has(found.path)) continue
      const { path, name, place, isNamed } = found
      this.#byPath.set(path, new Source({ path, name, place, isNamed }))
      this.isChanged = true
    }
    this.#list = chosen.map(({ path }) => this.#byPath.get(path)!)
  }

  /** Tells of each file what is new in it. */
  async look(): Promise<void> {
    await Promise.all(this.#list.map((source) => source.tail.look()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#list.map((source) => source.tail.close()))
  }

  /** A copy of a journal has neither lock nor heartbeat, and the lock of another machine tells nothing here. */
  async #writers(): Promise<void> {
    for (const source of this.#list) {
      const { path } = source.options
      const lock = lockState(this.#options.world, path)
      // A run that fails gives its lock back and has no last word.
      const isDeserted = lock === null ? await isThere(heartbeatOf(path)) : lock.alive === false
      if (isDeserted === source.isDeserted) continue
      source.isDeserted = isDeserted
      source.isChanged = true
    }
  }

  async #trainings(chosen: readonly Found[]): Promise<void> {
    const runs = await this.#registered()
    const folders = new Set(chosen.map(({ folder }) => folder))
    for (const path of this.#begunIn.keys()) if (!folders.has(path)) this.#begunIn.delete(path)
    for (const { path, folder } of chosen) {
      if (folder === null) continue
      const source = this.#byPath.get(path)!
      const training = await this.#training(folder, { runs, step: source.learning.step })
      if (JSON.stringify(training) === JSON.stringify(source.training)) continue
      source.training = training
      source.isChanged = true
    }
  }

  async #training(
    path: string,
    { runs, step }: { readonly runs: readonly RegisteredRun[]; readonly step: number | null },
  ): Promise<TrainingFacts | null> {
    const folder = folderOf({ path })
    const facts = await this.#begun(folder)
    if (facts === null) return null
    const isBusy = folder.isBusy(this.#options.world)
    const ended = runs.findLast((one) => one.run === facts.run && one.time === facts.started)?.ended?.end
    if (isBusy) return { ...facts, state: 'running' }
    if (ended !== undefined) return { ...facts, state: ended === 'steps' ? 'ended' : ended }
    // One that was brought here from elsewhere is in no registry here.
    const isDone = step !== null && facts.totalSteps !== null && step >= facts.totalSteps
    return { ...facts, state: isDone ? 'ended' : 'unfinished' }
  }

  /** What the manifest says; read again where it was written again, as another run in its place or more steps do. */
  async #begun(folder: RunFolder): Promise<Begun | null> {
    const { path } = folder
    const is = await stat(folder.file(FILES.manifest)).catch(() => null)
    const changedMs = is?.mtimeMs ?? -1
    const known = this.#begunIn.get(path)
    if (known?.changedMs === changedMs) return known.begun
    const begun = await manifestOf(folder)
      .then((manifest) => ({
        run: manifest.run,
        started: manifest.started,
        totalSteps: plannedSteps(manifest),
      }))
      .catch((error) => {
        if (error instanceof Failure) return null
        throw error
      })
    this.#begunIn.set(path, { changedMs, begun })
    return begun
  }

  async #registered(): Promise<readonly RegisteredRun[]> {
    const { registry } = this.#options
    const is = registry === null ? null : await stat(registry).catch(() => null)
    if (registry === null || is === null) return []
    const later = await stat(registry.replace(/\.ndjson$/, '-later.ndjson')).catch(() => null)
    const changedMs = Math.max(is.mtimeMs, later?.mtimeMs ?? 0)
    if (changedMs !== this.#registry.changedMs) {
      const runs = await runsOf(registry).catch(() => [])
      this.#registry = { changedMs, runs }
    }
    return this.#registry.runs
  }
}
