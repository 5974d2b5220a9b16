/**
 * One training run from a plan to a folder with its models. All that it knows comes in by the plan and the world, so a process
 * may do many, one after the other or side by side; each has an engine and a folder of its own.
 */
import { sha256 } from '../../base/digest.js'
import { Failure } from '../../base/errors.js'
import { storedRules } from '../../trading/rules.js'
import { type Engine, UNFUSED } from '../engines/engine.js'
import { isOutOfMemory } from '../engines/tfjs/backends.js'
import { canBeHalved, halved, twice } from '../model/transfer.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { type Phase, type Start, Training } from '../ppo/training.js'
import { follow, type TrainedRun } from './course.js'
import { checkSame, trialOf } from './manifest.js'
import { type HeldRun, type NewRun, newRun } from './new-run.js'
import type { BegunPlace, TrainingPlan } from './plan.js'
import { type Setup, setupOf } from './setup.js'
import type { TrainingWorld } from './world.js'

/**
 * Trains to the end of the plan, or until the world's signal, and leaves a folder that `model:DIR` opens. The same plan gives
 * the same models, byte for byte. Throws 65 for bars that are too few and inputs that changed, 64 for settings that are not
 * those of the run to go on with, 73 and 75 for its folder, 69 for an engine that cannot be had, 1 where it diverges.
 */
export async function trainRun(world: TrainingWorld, plan: TrainingPlan): Promise<TrainedRun> {
  const setup = setupOf(plan)
  const start = plan.initial?.fit({ ...setup, settings: plan.settings }) ?? null
  const engine = await world.engine(layoutOf(setup.shape))
  const first = aloneOf(plan, setup)
  const alone = first === null ? null : { ...first, engine: await world.engine(layoutOf(first.shape)) }
  try {
    const { place, startedMs } = plan
    // A run stays the one it began as, whoever goes on with it.
    const begunBy = place.kind === 'begun' ? place.manifest.engine : engine.name
    const determining = determiningOf(plan, setup, begunBy)
    const told = toldOf(world, plan, { setup, engine, determining })
    if (place.kind === 'begun') checkSame(place, told)
    remark(world, engine)
    if (place.kind === 'new') await world.weigh(engine, plan)
    for (const words of setup.barred) world.warn(words)
    const training = trainingOf(plan, setup, { engine, alone, start })
    const trial = trialOf(determining)
    const held =
      place.kind === 'begun' ? heldBy(place) : await newRun(world, place, { setup, startedMs, trial, told })
    try {
      const { rules, curriculum, initial } = determining
      const extensions = plan.extensions.length === 0 ? null : plan.extensions
      return await follow(world, {
        ...held,
        setup,
        settings: { ...plan.settings, ...known({ rules, curriculum, initial, extensions }) },
        training,
        engine,
        identity: told.identity,
        place,
        operands: plan.operands,
        startedMs,
        options: plan.options,
      })
    } finally {
      held.release()
    }
  } catch (error) {
    throw !(error instanceof Failure) && isOutOfMemory(error) ? tooLarge(engine, plan.settings, error) : error
  } finally {
    alone?.engine.dispose()
    engine.dispose()
  }
}

/** The steps in which each symbol is traded alone, in whole rollouts, and the network that learns them. */
interface Alone {
  readonly steps: number
  readonly shape: NetworkShape
}

/** Null where there are none, or no room for a network half as wide. */
function aloneOf({ settings, phases, initial }: TrainingPlan, { taskAlone, shape }: Setup): Alone | null {
  const rollout = settings.envs * settings.rolloutSteps
  const steps = rollout * Math.floor((settings.alone * settings.steps) / rollout)
  if (taskAlone === null || phases !== null || initial !== null || steps === 0) return null
  return canBeHalved(shape) ? { steps, shape: halved(shape) } : null
}

/** What to try where the minibatches do not fit in the memory of a device. */
function tooLarge(
  { name }: Engine,
  { batch, bptt, hidden }: TrainingPlan['settings'],
  cause: unknown,
): Failure {
  const smaller = Math.floor(batch / 2 / bptt) * bptt
  return new Failure('unavailable', `the memory of the device is full: ${name}, --batch-size ${batch}`, {
    hint:
      smaller > 0 ? `try --batch-size ${smaller}` : `try less than --hidden ${hidden}, or a smaller --bptt`,
    cause,
  })
}

const heldBy = ({ folder, manifest: { run, started, trial } }: BegunPlace): HeldRun => ({
  run,
  started,
  folder,
  trial,
  // Its lock is the caller's.
  release: () => {},
})

type Determining = ReturnType<typeof determiningOf>

/** Everything that the weights depend on. Its hash is in the checkpoints, so neither names nor order can change. */
const determiningOf = (
  { subject, settings, longOnly, warmup, phases, evaluateEvery, earlyStop, initial }: TrainingPlan,
  setup: Setup,
  engine: string,
) => ({
  settings,
  curriculum: phases?.map(({ name, values }) => ({ name, values })) ?? null,
  rules: subject.kind === 'trading' ? storedRules(subject.rules) : null,
  longOnly,
  warmup,
  spec: setup.spec,
  shape: setup.shape,
  engine,
  evaluateEvery,
  earlyStop,
  initial: initial?.sha256 ?? null,
  data: setup.data?.sha256 ?? null,
  // The one of 70 and 15 % follows from the data.
  split: subject.kind === 'trading' ? subject.split : undefined,
})

const toldOf = (
  { version, threads }: TrainingWorld,
  { options, operands, inputs }: TrainingPlan,
  { setup, engine, determining }: { setup: Setup; engine: Engine; determining: Determining },
): NewRun['told'] => ({
  version,
  options,
  operands,
  inputs,
  engine: engine.name,
  threads,
  settings: determining,
  identity: digest(determining),
  data: setup.data,
  test: setup.test,
})

const digest = (value: unknown): string => sha256(JSON.stringify(value))

/** The last stretch once more, for so many steps, in environments of its own. */
const extension = (last: Phase, { steps, n }: { readonly steps: number; readonly n: number }): Phase => ({
  ...last,
  name: `extension ${n + 1}`,
  settings: { ...last.settings, steps },
})

/** What is not null. */
const known = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))

function remark({ warn }: TrainingWorld, { name }: Engine): void {
  if (name === UNFUSED)
    warn(
      'this processor has no fused multiply-add: the model is no worse, but its bytes are not those of other machines',
    )
}

/** Who learns: the network of the run, before it perhaps the one of single symbols, and what the run starts from. */
interface Learners {
  readonly engine: Engine
  readonly alone: (Alone & { readonly engine: Engine }) | null
  readonly start: Start | null
}

/** The weights of one network serve both symbols, and in the end each has a copy of them. */
const phaseAlone = (
  { engine, shape: from, steps }: NonNullable<Learners['alone']>,
  { taskAlone, shape: to }: Setup,
  settings: TrainingPlan['settings'],
): Phase => ({
  name: 'alone',
  task: taskAlone!,
  settings: { ...settings, steps },
  own: { engine, widened: (parameters) => twice({ from, parameters, to }) },
})

function trainingOf(
  { phases, settings, evaluateEvery, checkpointEvery, earlyStop, extensions }: TrainingPlan,
  setup: Setup,
  { engine, alone, start: initial }: Learners,
): Training {
  const { steps } = settings
  const stretches: Phase[] = phases?.map(({ name, settings: own, rules }) => ({
    name,
    task: rules === null ? setup.task : setup.taskUnder(rules),
    settings: own,
  })) ?? [
    ...(alone === null ? [] : [phaseAlone(alone, setup, settings)]),
    { name: 'train', task: setup.task, settings: { ...settings, steps: steps - (alone?.steps ?? 0) } },
  ]
  const total = stretches.reduce((sum, { settings: { steps } }) => sum + steps, 0)
  // An extension is evaluated as often as the run that it extends.
  return new Training({
    engine,
    phases: [...stretches, ...extensions.map((steps, n) => extension(stretches.at(-1)!, { steps, n }))],
    evaluate: setup.evaluate,
    evaluateEvery: evaluateEvery ?? Math.max(1, Math.floor(total / 10)),
    checkpointEvery: checkpointEvery ?? Math.max(1, Math.floor(total / 10)),
    earlyStop,
    initial,
  })
}
