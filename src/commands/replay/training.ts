/** A training run made again: its best model over the sessions that chose it, and with `retrain` the training itself. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Actor } from '../../agent/model/actor.js'
import { decodeModel } from '../../agent/model/model.js'
import { layoutOf } from '../../agent/network/network.js'
import type { SessionResult } from '../../agent/ppo/validation.js'
import { FILES, RunFolder } from '../../agent/run/folder.js'
import { enginesOf, type Manifest, manifestOf } from '../../agent/run/manifest.js'
import type { TrainingPlan } from '../../agent/run/plan.js'
import { setupOf } from '../../agent/run/setup.js'
import { trainRun } from '../../agent/run/train-run.js'
import { validationBytes } from '../../agent/run/validated.js'
import { silent, type TrainingWorld } from '../../agent/run/world.js'
import { sha256 } from '../../base/digest.js'
import { Failure, usage } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import { shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { type Given, runningOptions, trainOptions, valuesOf } from '../train/options.js'
import { planOf } from '../train/plan.js'
import { store } from '../wiring/store.js'
import { trainingWorld } from '../wiring/training.js'
import { barsOf, refuseChanged, refuseOtherVersion } from './inputs.js'
import { type Detail, firstSession, type Replayed } from './record.js'

/** What may differ from the training: it changes nothing in the weights. */
const FREE: readonly string[] = [...Object.keys(runningOptions), ...Object.keys(store), 'format']

export interface TrainingReplay {
  readonly path: string
  /** Bars as they are named now. */
  readonly files: readonly string[]
  readonly retrain: boolean
}

/** Throws 64 for another jules, 65 for inputs that changed, 66 for files that are gone. */
export async function replayTraining(
  context: Context,
  { path, files, retrain }: TrainingReplay,
): Promise<Replayed[]> {
  const folder = new RunFolder(path, context)
  const manifest = await manifestOf(folder)
  refuseOtherVersion(manifest.version)
  const engines = enginesOf(manifest).map(({ engine }) => engine)
  if (retrain && engines.length > 1) {
    throw usage(`${engines.join(' and ')} each did a part of the run: it cannot be made again`, {
      hint: 'leave --retrain out',
    })
  }
  // The native kernels give the same bits, and may not be there.
  const { native: _, ...texts } = manifest.options
  const values = valuesOf(context, trainOptions, texts, FREE) as Given
  if (values.env !== undefined && !retrain) {
    throw usage(`the run is one of the task ${values.env}, which has no sessions`, {
      hint: `make the training again: jules replay ${shellWord(path)} --retrain`,
    })
  }
  const bars =
    values.env === undefined
      ? await barsOf(path, { given: files, operands: manifest.operands })
      : { operands: files, stdin: null }
  // What it started from, and in which phases, is in the best model already.
  const given = retrain ? values : { ...values, 'transfer-from': undefined, curriculum: undefined }
  const place = { kind: 'new', output: null, name: manifest.run, force: false } as const
  const planned = await planOf(context, { given, bars, texts, place, startedMs: context.clock() })
  refuseChanged(
    manifest.inputs.filter(({ kind }) => retrain || kind === 'bars'),
    planned.inputs,
  )
  const plan = { ...planned, extensions: (manifest.extensions ?? []).map(({ steps }) => steps) }
  const world = trainingWorld(context, given, () => silent)
  const again = { context, folder, manifest, plan, world }
  const validated = values.env === undefined ? [await validatedAgain(again)] : []
  return retrain ? [...validated, ...(await trainedAgain(again))] : validated
}

interface Again {
  readonly context: Context
  readonly folder: RunFolder
  readonly manifest: Manifest
  readonly plan: TrainingPlan
  readonly world: TrainingWorld
}

async function needed(folder: RunFolder, name: string): Promise<Uint8Array> {
  const bytes = await folder.read(name)
  if (bytes !== null) return bytes
  throw new Failure('noInput', `the folder has no ${name}`, {
    where: folder.path,
    ...(name === FILES.validation ? { hint: 'runs of older versions have none' } : {}),
  })
}

/** The best model over the validation sessions, by the arithmetic that it was trained with. */
async function validatedAgain({ context, folder, manifest, plan, world }: Again): Promise<Replayed> {
  const kept = await needed(folder, FILES.validation)
  const model = decodeModel(await needed(folder, FILES.best), folder.file(FILES.best))
  const { evaluate } = setupOf(plan)
  const engine = await world.engine(layoutOf(model.shape))
  try {
    engine.writeParameters(model.parameters)
    const { mask, holdPrior } = model.spec
    const actor = new Actor(engine, { normaliser: model.normaliser, mask: Uint8Array.from(mask), holdPrior })
    const pause = pauses(context.signal)
    const work = evaluate(actor)
    for (;;) {
      const { done, value } = work.next()
      if (done === true) return compared(manifest.run, kept, value.sessions ?? [])
      if (await pause()) context.signal.throwIfAborted()
    }
  } finally {
    engine.dispose()
  }
}

function compared(run: string, kept: Uint8Array, sessions: readonly SessionResult[]): Replayed {
  const now = validationBytes(sessions)
  const [expected, found] = [sha256(kept), sha256(now)]
  const same = expected === found
  const detail = same ? null : firstSession(kept, now)
  return { run, kind: 'training', what: FILES.validation, same, expected, found, detail }
}

/** The whole training once more, in a folder that goes when the command ends, and in no registry. */
async function trainedAgain({ context, folder, manifest, plan, world }: Again): Promise<Replayed[]> {
  const names = [FILES.last, FILES.best]
  const kept = await Promise.all(names.map((name) => needed(folder, name)))
  const temporary = await mkdtemp(join(tmpdir(), 'jules-replay-'))
  const remove = () => rmSync(temporary, { recursive: true, force: true })
  context.onForcedExit(remove)
  context.onEnd(async () => remove())
  const progress = context.ui.progress('steps')
  const listen = () => ({
    record: async () => {},
    progress: (done: number, total: number) => progress.update(done, total),
    end: () => progress.end(),
  })
  const path = join(temporary, 'run')
  const trained = await trainRun(
    { ...world, dataFolder: temporary, listen, weigh: async () => {} },
    { ...plan, place: { kind: 'new', output: path, name: manifest.run, force: false } },
  )
  context.signal.throwIfAborted()
  const made = new RunFolder(trained.path, context)
  return Promise.all(
    names.map(async (name, n) => {
      const bytes = await needed(made, name)
      const [expected, found] = [sha256(kept[n]!), sha256(bytes)]
      const same = expected === found
      const steps = [kept[n]!, bytes].map((one) => decodeModel(one, name).steps) as [number, number]
      const detail: Detail | null =
        steps[0] === steps[1] ? null : { kind: 'steps', at: null, expected: steps[0], found: steps[1] }
      return { run: manifest.run, kind: 'training', what: name, same, expected, found, detail } as const
    }),
  )
}
