/** A training told in full: what is learnt from what, how, and where it is kept. Values only; options and words are elsewhere. */
import type { FeatureSet } from '../../env/feature-set.js'
import type { Market } from '../../market/market.js'
import type { Rules } from '../../trading/rules.js'
import type { TrainingSettings } from '../ppo/settings.js'
import type { RunFolder } from './folder.js'
import type { Initial } from './initial.js'
import type { Input, Manifest } from './manifest.js'
import type { Split } from './split.js'

/** Bars to learn from. */
interface TrainingBars {
  /** Both symbols are the same where one ticker is traded. */
  readonly market: Market
  /** For messages. */
  readonly name: string
  /** As the bars name them. */
  readonly sources: readonly string[]
  /** Part of the bars of both symbols that the calendar has and the input has not. */
  readonly missing: number
  /** Of times, prices and volumes. */
  readonly sha256: string
}

/** Trading on bars. */
export interface Trading {
  readonly kind: 'trading'
  readonly bars: TrainingBars
  readonly features: FeatureSet
  readonly rules: Rules
  /** Sessions that train and validate; 70 and 15 % where none is given. All may be used up: then none is left for testing. */
  readonly split?: Split
}

/** A task of `tasks/memory.ts`, by its name. */
interface Benchmark {
  readonly kind: 'benchmark'
  readonly task: string
}

/** A stretch of a curriculum. */
export interface PhasePlan {
  readonly name: string
  /** What it was told to change, as it is kept in manifest and model. */
  readonly values: Readonly<Record<string, unknown>>
  /** All of its settings; `steps` is its length. */
  readonly settings: TrainingSettings
  /** Null for a benchmark task. */
  readonly rules: Rules | null
}

/** A folder to make, or to take where it is empty or `force` is given. */
export interface NewPlace {
  readonly kind: 'new'
  /** Path; null for runs/RUN in the data folder. */
  readonly output: string | null
  /** Of the run; null for symbols and time. */
  readonly name: string | null
  /** Replaces the run that is in the folder. */
  readonly force: boolean
}

/** A run to go on with. The caller holds its lock (`RunFolder.lock`), and lets it go. */
export interface BegunPlace {
  readonly kind: 'begun'
  /** Starts over where every checkpoint is damaged; and another engine may go on with it, which the manifest tells. */
  readonly force: boolean
  /** Steps to train on after the last one; null to go on to that one. */
  readonly extend: number | null
  readonly folder: RunFolder
  readonly manifest: Manifest
}

/** One run. */
export interface TrainingPlan {
  readonly subject: Trading | Benchmark
  readonly settings: TrainingSettings
  readonly longOnly: boolean
  /** Bars before the first decision. A benchmark task has neither, but they are in the hash of its settings. */
  readonly warmup: number
  /** Null for one stretch under `settings`. */
  readonly phases: readonly PhasePlan[] | null
  /** Steps between two evaluations; null for a tenth of all. */
  readonly evaluateEvery: number | null
  /** Steps between two checkpoints; null for a tenth of all. */
  readonly checkpointEvery: number | null
  /** Evaluations without a new best after which the run ends; null for never. */
  readonly earlyStop: number | null
  /** A model to start from. */
  readonly initial: Initial | null
  readonly place: NewPlace | BegunPlace
  /** Steps of each stretch that follows the run as it was begun, the one of `place` last. */
  readonly extensions: readonly number[]
  /** When the run was asked for: Unix time in milliseconds. */
  readonly startedMs: number
  /** Of everything that the weights depend on, for the manifest: a run goes on with the same alone. */
  readonly inputs: readonly Input[]
  /** Texts for the manifest, from which a command can take the run up again. */
  readonly options: Readonly<Record<string, string>>
  readonly operands: readonly string[]
}
