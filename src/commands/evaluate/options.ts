/** The options of `evaluate`: of the bars, the windows, the training in each, and what is asked of the result. */
import { choice, file, flag, under, type Values } from '../../cli/options.js'
import { executorOptions } from '../sweep/executor.js'
import { windowOptions } from '../sweep/windows.js'
import { learningOptions, runningOptions } from '../train/options.js'
import { gateOptions } from '../wiring/gate.js'
import { marketOptions } from '../wiring/market.js'
import { execTimeout, policyOption } from '../wiring/policies.js'
import { runName } from '../wiring/run-name.js'
import { strategyOptions } from '../wiring/strategy.js'
import { leakOptions } from './leaks.js'
import { recordsOptions } from './records.js'
import { returnsOptions } from './returns.js'

// A benchmark task has no sessions, and the last bits of a GPU are its own.
const { env: _env, curriculum: _curriculum, ...learning } = learningOptions

export const evaluateOptions = {
  ...windowOptions,
  ...under('Windows', {
    policy: { ...policyOption, defaultText: 'a model that is trained in each window' },
    'exec-timeout': execTimeout,
  }),
  ...gateOptions,
  ...returnsOptions,
  ...recordsOptions,
  ...leakOptions,
  ...marketOptions,
  ...learning,
  ...strategyOptions,
  ...under('Output', {
    executor: executorOptions.executor,
    threads: runningOptions.threads,
    output: file('folder of the windows and their models', {
      short: 'o',
      completes: 'directory',
      defaultText: 'evaluations/RUN in the data directory',
    }),
    resume: file('go on with the evaluation in this folder', { completes: 'directory' }),
    plan: flag('write the folder with the plan of the trainings, for jules sweep, and train nothing'),
    run: runName('name of the evaluation in the records', 'symbols and time'),
    format: choice('FORMAT', ['ndjson', 'table'], 'records, or lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  }),
}

/** Options of `train` that go into its tasks as they are. */
export const TRAINING: readonly string[] = Object.keys({ ...marketOptions, ...learning, ...strategyOptions })

export type Given = Values<typeof evaluateOptions>
