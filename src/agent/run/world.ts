/** What a training run needs of the world around it. It asks for nothing else: no process, no environment, no terminal. */
import type { LockWorld } from '../../base/lock.js'
import type { Clock } from '../../base/time.js'
import type { Engine } from '../engines/engine.js'
import type { Layout } from '../network/network.js'
import type { FolderOptions } from './folder.js'
import type { TrainingPlan } from './plan.js'

/** The process, as far as a run sees it. */
export interface TrainingWorld extends FolderOptions {
  /** Unix time in milliseconds. */
  readonly clock: Clock
  /** Who this process is to others that want the same folder; its pid also names the file of TensorBoard events. */
  readonly lock: LockWorld
  /** Aborted, it ends the run with a checkpoint. */
  readonly signal: AbortSignal
  /** Something worth knowing, and something to look at: one line each. */
  readonly note: (words: string) => void
  readonly warn: (words: string) => void
  /** Called once, when the folder stands and the first step is near. */
  readonly listen: () => Listener
  /** Makes the engine, which the run disposes of. */
  readonly engine: (layout: Layout) => Promise<Engine>
  /** Called before the first step of a new run: it may time the engine, whose weights are written after, and say what it saw. */
  readonly weigh: (engine: Engine, plan: TrainingPlan) => Promise<void>
  /** Threads of that engine; for the manifest. */
  readonly threads: number
  /** Of jules, of Node, and `linux-x64`; for the manifest. A run goes on under the same version of jules alone. */
  readonly version: string
  readonly node: string
  readonly platform: string
  /** Relative paths of a plan start here. */
  readonly cwd: string
  /** Holds `runs.ndjson`, the registry, and `runs/`, the folders that were given no place. */
  readonly dataFolder: string
}

/** What the evaluations came to: dollars net of costs in validation, or the reward of a task. Null before the first one. */
export interface Scores {
  /** In this process. */
  readonly last: number | null
  readonly best: number | null
}

/** Who follows a run. */
export interface Listener {
  /** A record, JSON with its newline: a metric record after each rollout, a model record at the end. */
  record(line: string): Promise<void>
  /** Steps done in this process, of those that were left for it, and the scores so far. */
  progress(done: number, total: number, scores: Scores): void
  /** The last step is done, or the run has failed. */
  end(): void
}

/** For a run that nobody follows: its records are in its folder. */
export const silent: Listener = { record: async () => {}, progress: () => {}, end: () => {} }
