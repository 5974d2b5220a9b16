/** The course of a run in its folder: from the newest checkpoint on, with models, checkpoints and records on the way. */
import { resolve } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { badData, Failure, usage } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import { formatTime } from '../../base/time.js'
import { counted, shellWord } from '../../base/words.js'
import type { Engine } from '../engines/engine.js'
import { encodeModel } from '../model/model.js'
import { Diverged } from '../ppo/diverged.js'
import type { Best, Training, TrainingEnd } from '../ppo/training.js'
import type { Score } from '../ppo/validation.js'
import { FILES, type RunFolder } from './folder.js'
import { enginesOf, type Manifest, manifestBytes } from './manifest.js'
import { MetricLog } from './metrics.js'
import type { HeldRun } from './new-run.js'
import type { BegunPlace, TrainingPlan } from './plan.js'
import { type RunEnd, registerEnd, registryFile } from './registry.js'
import type { Rivals } from './rivals.js'
import type { Setup } from './setup.js'
import { validationBytes } from './validated.js'
import type { TrainingWorld } from './world.js'

/** A run that is ready to train. */
export interface Course extends Omit<HeldRun, 'release'> {
  readonly setup: Setup
  /** As the metadata of the model have them. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly training: Training
  readonly engine: Engine
  /** Hash of everything that the weights depend on: a checkpoint with another one is refused. */
  readonly identity: string
  readonly place: TrainingPlan['place']
  /** Of the bars, and of the options, as the plan has them. */
  readonly operands: TrainingPlan['operands']
  readonly options: TrainingPlan['options']
  readonly startedMs: number
}

/** How a run ended, and what it came to. */
export interface TrainedRun extends Pick<Course, 'run' | 'trial'>, Pick<Setup, 'data' | 'test'> {
  /** `stopped`: a signal came, and the run can go on from its checkpoint. */
  readonly end: TrainingEnd
  /** Of its folder. */
  readonly path: string
  readonly step: number
  readonly best: Best | null
  /** What the simple policies earned in validation; null for a benchmark task, and for a run that was stopped. */
  readonly rivals: Rivals | null
  /** Steps that this process did, and how long it took. */
  readonly steps: number
  readonly seconds: number
}

/** Trains from where the folder stands to the end, or to a signal. */
export async function follow(world: TrainingWorld, course: Course): Promise<TrainedRun> {
  const { setup, settings, training, folder, run, trial, place } = course
  if (place.kind === 'begun') {
    await restore(world, course, place)
    if (place.extend !== null) checkEnded(course)
    const manifest = await handOver(world, course, place)
    if (place.extend !== null) await extend(world, course, { manifest, steps: place.extend })
  }
  const from = training.step
  const metrics = await MetricLog.open(world, { folder, run, from })
  const listener = world.listen()
  const model = () =>
    encodeModel({
      spec: setup.spec,
      shape: setup.shape,
      parameters: Float32Array.from(training.parameters),
      normaliser: training.normaliser,
      settings,
      steps: training.step,
      data: setup.data,
    })
  sayParts(world, setup)
  let end: TrainingEnd
  let last: number | null = null
  try {
    end = await training.run({
      pause: pauses(world.signal),
      iteration: async (iteration) => {
        if (iteration.best) await keepBest(folder, model(), iteration.score)
        await listener.record(await metrics.add(iteration))
        last = iteration.score?.reward ?? last
        const best = training.best?.reward ?? null
        listener.progress(iteration.step - from, training.total - from, { last, best })
      },
      checkpoint: async (state) => {
        await folder.write(FILES.last, model())
        await folder.writeCheckpoint({ run: course.identity, state })
      },
    })
  } catch (error) {
    if (error instanceof Diverged) await registerAs(world, course, 'diverged')
    throw error
  } finally {
    listener.end()
    await metrics.close()
  }
  await registerAs(world, course, end)
  const trained = (rivals: Rivals | null): TrainedRun => ({
    end,
    run,
    path: folder.path,
    step: training.step,
    best: training.best,
    rivals,
    trial,
    data: setup.data,
    test: setup.test,
    steps: metrics.steps,
    seconds: metrics.seconds,
  })
  if (end === 'stopped') return trained(null)
  const rivals = setup.rivals?.() ?? null
  const bytes = model()
  // It was written with the last checkpoint, and may have been taken away since.
  if ((await folder.read(FILES.last)) === null) await folder.write(FILES.last, bytes)
  const best = await folder.read(FILES.best)
  const record = {
    type: 'model',
    run,
    path: folder.path,
    sha256: sha256(bytes),
    best_sha256: best === null ? null : sha256(best),
    steps: training.step,
    best: training.best,
    validation: setup.data?.validation ?? null,
    rivals,
    test: setup.test,
    trial,
    early_stop: end === 'early-stop',
    sources: setup.data?.sources ?? null,
    missing: setup.missing,
  }
  await listener.record(`${JSON.stringify(record)}\n`)
  return trained(rivals)
}

/** The best model so far, and what it came to in each session of validation. */
async function keepBest(folder: RunFolder, bytes: Uint8Array, score: Score | null): Promise<void> {
  if (score?.sessions !== undefined) await folder.write(FILES.validation, validationBytes(score.sessions))
  await folder.write(FILES.best, bytes)
}

/** The folder holds all that matters: a registry that cannot be written is told, and the run stands. */
async function registerAs(
  { cwd, clock, dataFolder, warn }: TrainingWorld,
  { run, started, folder, training: { step, best } }: Course,
  end: RunEnd,
): Promise<void> {
  const [time, path] = [formatTime(clock()), resolve(cwd, folder.path)]
  await registerEnd(registryFile(dataFolder), { run, started, time, path, end, step, best }).catch(
    (error) => {
      if (!(error instanceof Failure)) throw error
      warn(`the end of the run is not in the registry: ${error.message}`)
    },
  )
}

function sayParts({ note }: TrainingWorld, { data, test }: Setup): void {
  if (data === null) return
  const left =
    test === null ? '' : `; ${counted(test.sessions, 'session')} from ${test.from} left for testing`
  note(`training on ${data.train.join(' to ')}, validating on ${data.validation.join(' to ')}${left}`)
}

/** The manifest of the run. Where another engine than the last one goes on, it says from where, for what that computes has other last bits. */
async function handOver(
  { warn }: TrainingWorld,
  { folder, options, engine: { name: engine }, training: { step } }: Course,
  { manifest: begun }: BegunPlace,
): Promise<Manifest> {
  const before = enginesOf(begun)
  if (before.at(-1)!.engine === engine) return begun
  const manifest: Manifest = { ...begun, options, engines: [...before, { engine, step }] }
  await folder.write(FILES.manifest, manifestBytes(manifest))
  warn(`the engine ${engine} goes on where ${before.at(-1)!.engine} was: the model is that of neither alone`)
  return manifest
}

/** The command line that goes on with the run. */
const resuming = ({ folder, operands }: Course, ...options: readonly string[]): string =>
  ['jules', 'train', '--resume', folder.path, ...options, ...operands].map(shellWord).join(' ')

/** Throws 64 where there is no end to extend. */
function checkEnded(course: Course): void {
  const { folder, training } = course
  const { step } = training
  if (training.endsEarly) {
    throw usage(`the run was ended by --early-stop at step ${step}: no more of it was wanted`, {
      hint: `to start a new run from its model: jules train --transfer-from ${shellWord(folder.path)}`,
    })
  }
  if (!training.isAtLastPhase) {
    throw usage(`the run has not ended: it is at step ${step}`, {
      hint: `to finish it first: ${resuming(course)}`,
    })
  }
}

/** Enters an extension in the manifest, before its first step; from then on it is a part of the run, which goes on with it. */
async function extend(
  { note, node, platform }: TrainingWorld,
  { folder, training, startedMs }: Course,
  { manifest, steps }: { readonly manifest: Manifest; readonly steps: number },
): Promise<void> {
  const { step } = training
  const started = formatTime(startedMs)
  const extensions = [...(manifest.extensions ?? []), { steps, from: step, started, node, platform }]
  await folder.write(FILES.manifest, manifestBytes({ ...manifest, extensions }))
  note(`extending the run by ${training.total - step} steps`)
}

/** Puts the run back to its newest sound checkpoint; without one it starts from step 0. */
async function restore({ note, warn }: TrainingWorld, course: Course, { force }: BegunPlace): Promise<void> {
  const { folder, training, identity } = course
  const checkpoint = await folder.readCheckpoint(
    warn,
    force ? null : `to start over: ${resuming(course, '--force')}`,
  )
  if (checkpoint === null) {
    note('there is no checkpoint yet: starting from step 0')
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
  note(`going on from step ${training.step}`)
}
