/** The course of a run in its folder: from the newest checkpoint on, with models, checkpoints, records and words on the way. */
import type { Engine } from '../../agent/engines/engine.js'
import { encodeModel } from '../../agent/model/model.js'
import type { Training, TrainingEnd } from '../../agent/ppo/training.js'
import { FILES, type RunFolder } from '../../agent/run/folder.js'
import { badData } from '../../base/errors.js'
import { shellWord } from '../../base/shell.js'
import type { Context } from '../../cli/context.js'
import { pauses } from '../wiring/pause.js'
import { TrainingOutput } from './output.js'
import type { Setup } from './setup.js'

export interface Work {
  /** Records, or a few lines for people. */
  readonly table: boolean
  readonly setup: Setup
  /** As the metadata of the model have them. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly training: Training
  readonly engine: Engine
  readonly folder: RunFolder
  readonly run: string
  readonly identity: string
  readonly trial: number | null
  /** Words of a command line that name the bars again: an operand, or what selects them in the store. */
  readonly bars: readonly string[]
  /** The folder is new, and there is nothing to go on from. */
  readonly fresh: boolean
}

/** Trains from where the folder stands to the end, or to a signal. */
export async function work(context: Context, parts: Work): Promise<void> {
  const { table, setup, settings, training, engine, folder, run, identity, trial, bars, fresh } = parts
  if (!fresh) await restore(context, parts)
  const output = await TrainingOutput.open(context, { folder, run, from: training.step, table })
  const model = () =>
    encodeModel({
      spec: setup.spec,
      shape: setup.shape,
      parameters: Float32Array.from(engine.readParameters()),
      normaliser: training.normaliser,
      settings,
      steps: training.step,
      data: setup.data,
    })
  if (setup.data !== null && setup.test !== null) {
    const [from, to] = setup.data.train
    context.ui.note(
      `training on ${from} to ${to}, validating on ${setup.data.validation.join(' to ')}; ${setup.test.sessions} sessions from ${setup.test.from} are left for testing`,
    )
  }
  let end: TrainingEnd
  try {
    end = await training.run({
      pause: pauses(context.signal),
      iteration: async (iteration) => {
        if (iteration.best) await folder.write(FILES.best, model())
        await output.iteration(iteration, training.total)
      },
      checkpoint: async (state) => {
        await folder.write(FILES.last, model())
        await folder.writeCheckpoint({ run: identity, state })
      },
    })
  } finally {
    await output.close()
  }
  if (end === 'stopped') {
    context.ui.note(
      `stopped at step ${training.step}; go on with: jules train --resume ${shellWord(folder.path)}`,
    )
    return
  }
  const bytes = model()
  // It was written with the last checkpoint, and may have been taken away since.
  if ((await folder.read(FILES.last)) === null) await folder.write(FILES.last, bytes)
  await output.done({
    path: folder.path,
    bytes,
    step: training.step,
    best: training.best,
    trial,
    bars,
    data: setup.data,
    test: setup.test,
    early: end === 'early-stop',
  })
}

/** Puts the run back to its newest sound checkpoint; without one it starts from step 0. */
async function restore(context: Context, { folder, training, identity }: Work): Promise<void> {
  const checkpoint = await folder.readCheckpoint((words) => context.ui.warn(words))
  if (checkpoint === null) {
    context.ui.note('there is no checkpoint yet: starting from step 0')
    return
  }
  if (checkpoint.run !== identity)
    throw badData('the checkpoint is one of another run', { where: folder.path })
  try {
    training.restore(checkpoint.state)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw badData(`the checkpoint does not fit the run: ${error.message}`, {
      where: folder.path,
      cause: error,
    })
  }
  context.ui.note(`going on from step ${training.step}`)
}
