import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Engine } from '../agent/engine.js'
import { encodeModel } from '../agent/model.js'
import { layoutOf } from '../agent/network.js'
import { register } from '../agent/registry.js'
import { FILES, RunFolder } from '../agent/run-folder.js'
import type { TrainingSettings } from '../agent/settings.js'
import { type Phase, Training, type TrainingEnd } from '../agent/training.js'
import { badData, Failure, usage } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { choice, defineCommand, file, flag, text, type Values } from '../cli/command.js'
import type { Context } from '../cli/context.js'
import { version } from '../cli/print.js'
import { type CurriculumPhase, readCurriculum, refuseSteps } from './curriculum.js'
import { backendOf, engineFor, threadsOf } from './engines.js'
import { loadMarket, marketExits, marketOptions, marketWords } from './market.js'
import { featuresOf, rulesOf, strategyOptions } from './strategy.js'
import { learningOptions, runningOptions, settingsOf, textsOf, valuesOf } from './train-options.js'
import { TrainingOutput } from './training-output.js'
import { digest, type Setup, taskSetup, tradingSetup } from './training-setup.js'
import { type Initial, initialFrom } from './transfer.js'

const options = {
  ...learningOptions,
  ...strategyOptions,
  ...marketOptions,
  ...runningOptions,
  output: file('folder of the run', {
    short: 'o',
    completes: 'directory',
    defaultText: 'runs/RUN in the data directory',
  }),
  run: text('NAME', 'name of the run', { defaultText: 'symbols and time' }),
  resume: file('go on with the run in this folder', { completes: 'directory' }),
  force: flag('replace a run in the folder'),
  format: choice('FORMAT', ['ndjson', 'table'], 'records, or a few lines for people', {
    short: 'f',
    defaultText: 'table on a terminal, else ndjson',
  }),
}

type Given = Values<typeof options>

/** What may differ when a run goes on: it changes nothing in the weights. */
const FREE = [...Object.keys(runningOptions), 'dsn', 'resume', 'format', 'force']

/** As written before the first step. */
interface Manifest {
  readonly format: string
  readonly run: string
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly started: string
  readonly options: Readonly<Record<string, string>>
  readonly operands: readonly string[]
  readonly inputs: readonly { readonly path: string; readonly sha256: string }[]
  readonly engine: string
  readonly threads: number
  readonly settings: unknown
  readonly identity: string
  readonly data: unknown
  readonly test: Setup['test']
  readonly trial: number | null
}

/** Narrower than this, the launches of a GPU's kernels cost more than their arithmetic. */
const GPU_PAYS = 512

const MANIFEST_FORMAT = 'jules-run/1'

export const train = defineCommand({
  name: 'train',
  summary: 'train a recurrent PPO agent',
  description: [
    'Trains an agent with recurrent PPO on the environment that backtest and paper trading use, and writes a folder with the model, checkpoints, metrics and TensorBoard events. A metric record comes out after each rollout, and a model record at the end.',
    marketWords,
    'The sessions are cut in the order of time: the first 70 % train, the next 15 % choose the best model, and the last 15 % are never looked at; they are for the backtest.',
    'The same seed and bars give the same model, byte for byte, with any number of threads. A run that was stopped or killed goes on with --resume, and ends with the bytes it would have had. Ctrl-C writes a checkpoint first.',
    'With one symbol in --symbols it trains an agent of one ticker, from which --transfer-from starts an agent of two. A curriculum is a JSON array of phases: objects with a name, steps, and options of this page by their names.',
    'With --env it learns a small task that cannot be solved without memory: a cart-pole without velocities, a T-maze, or naming a symbol seen two steps ago.',
    'Every run is entered in runs.ndjson in the data directory, so that later statistics know how many trials a result was chosen from.',
  ],
  operands: [{ name: 'FILE', help: 'bars, or - for standard input', completes: 'file' }],
  options,
  examples: [
    { text: 'On bars of the store', shell: 'jules train --steps 200000 -o my-run' },
    {
      text: 'On generated bars that revert to a mean',
      shell: 'jules fetch --mock --days 60 --regime mean-revert | jules train -o my-run -',
    },
    {
      text: 'Then on the sessions it has not seen',
      shell: 'jules backtest --policy model:my-run --from 2025-07-22',
    },
    { text: 'A task that needs memory', shell: 'jules train --env recall2 --steps 2e5' },
  ],
  exits: {
    ...marketExits,
    1: 'the run diverged: numbers are no longer finite',
    65: `${marketExits[65]}; inputs that changed since the run began; a damaged checkpoint`,
    69: `${marketExits[69]}; no GPU, or no package for it`,
    73: 'the folder is not empty, or cannot be made',
    74: 'reading or writing failed',
  },
  files: {
    'policy.safetensors': 'the last weights; their metadata hold what determines them',
    'best.safetensors': 'the weights that were best in validation',
    'checkpoint.safetensors':
      'everything that --resume needs; the one before is kept as checkpoint-previous.safetensors',
    'manifest.json': 'options, inputs with their hashes, and the trial number; written before the first step',
    'metrics.ndjson': 'the metric records',
    'events.out.tfevents.*': 'the same for TensorBoard',
  },
  seeAlso: ['backtest', 'bench', 'fetch'],
  run: async (context, given, operands) => {
    if (given.resume !== undefined) return resume(context, given, operands)
    const texts = textsOf(context, Object.keys(options))
    await begin(context, { given, operands, texts, manifest: null, folder: null })
  },
})

interface Beginning {
  readonly given: Given
  readonly operands: readonly string[]
  readonly texts: Readonly<Record<string, string>>
  /** Of the run to go on with. */
  readonly manifest: Manifest | null
  readonly folder: RunFolder | null
}

async function resume(context: Context, given: Given, operands: readonly string[]): Promise<void> {
  const folder = new RunFolder(given.resume!, context)
  const manifest = await folder.readManifest<Manifest>()
  if (manifest.format !== MANIFEST_FORMAT)
    throw badData(`its format is ${manifest.format}, and this jules reads ${MANIFEST_FORMAT}`, {
      where: folder.file(FILES.manifest),
    })
  const values = valuesOf(context, options, manifest.options, FREE)
  if (operands.length > 0 && operands[0] !== manifest.operands[0])
    throw usage(`the run reads ${manifest.operands[0] ?? 'the store'}, not ${operands[0]}`)
  if (operands.length === 0 && manifest.operands[0] === '-')
    throw usage('the run read standard input', {
      hint: 'give it the same bars again: jules train --resume DIR -',
    })
  await folder.tidy()
  await begin(context, {
    given: { ...values, resume: given.resume } as Given,
    operands: manifest.operands,
    texts: manifest.options,
    manifest,
    folder,
  })
}

async function begin(
  context: Context,
  { given, operands, texts, manifest, folder }: Beginning,
): Promise<void> {
  const started = context.clock()
  const phases =
    given.curriculum === undefined ? null : await readCurriculum(given.curriculum, context.signal)
  if (phases !== null) refuseSteps(given.steps)
  if (given.env !== undefined && operands.length > 0)
    throw usage(`--env ${given.env} reads no bars: got ${operands[0]}`)
  const set = featuresOf(given.features)
  const initial = given['transfer-from'] === undefined ? null : await initialFrom(given['transfer-from'])
  const shaped = shapedBy(given, initial)
  const settings = settingsOf(shaped, set.name)
  const loaded = given.env === undefined ? await loadMarket(context, given, operands, { single: true }) : null
  const rules = loaded === null ? null : rulesOf(given, loaded.market.interval)
  const setup =
    loaded === null
      ? taskSetup(given.env!, settings)
      : tradingSetup({
          loaded,
          settings,
          features: set,
          rules: rules!,
          longOnly: given['long-only'],
          warmup: given.warmup,
        })
  const plan = phasesOf(shaped, { settings, setup, set: set.name, phases, interval: loaded?.market.interval })
  const start = initial?.fit(setup.shape, settings.seed) ?? null
  const determining = {
    settings,
    curriculum: phases,
    rules,
    longOnly: given['long-only'],
    warmup: given.warmup,
    spec: setup.spec,
    shape: setup.shape,
    engine: backendOf(given) ?? 'cpu',
    evaluateEvery: given['eval-every'] ?? null,
    earlyStop: given['early-stop'] ?? null,
    initial: start?.sha256 ?? null,
    data: setup.data?.sha256 ?? null,
  }
  const identity = digest(determining)
  if (manifest !== null) checkSame(manifest, identity, setup)
  const engine = await engineFor(layoutOf(setup.shape), given)
  if (backendOf(given) !== null && setup.shape.hidden < GPU_PAYS)
    context.ui.note(
      `an LSTM of ${setup.shape.hidden} is small for a GPU; jules bench says whether the CPU is faster`,
    )
  try {
    const total = plan.reduce((sum, phase) => sum + phase.settings.steps, 0)
    const training = new Training({
      engine,
      phases: plan,
      evaluate: setup.evaluate,
      evaluateEvery: given['eval-every'] ?? Math.max(1, Math.floor(total / 20)),
      checkpointEvery: given['checkpoint-every'] ?? Math.max(1, Math.floor(total / 10)),
      earlyStop: given['early-stop'] ?? null,
      initial: start?.parameters ?? null,
    })
    const run = manifest?.run ?? given.run ?? runName(setup, started)
    const home = folder ?? new RunFolder(given.output ?? join(context.paths.data, 'runs', run), context)
    let trial = manifest?.trial ?? null
    if (manifest === null) {
      await home.create(given.force)
      trial = await register(join(context.paths.data, 'runs.ndjson'), {
        run,
        time: formatTime(started),
        path: home.path,
        task: setup.spec.task,
        symbols: setup.data?.symbols ?? [],
        interval: setup.spec.interval,
        from: setup.data?.train[0] ?? null,
        to: setup.data?.validation[1] ?? null,
        trial: digest({ ...determining, data: null }),
      })
      const fresh: Manifest = {
        format: MANIFEST_FORMAT,
        run,
        version: version().trim(),
        node: process.versions.node,
        platform: `${context.platform}-${context.arch}`,
        started: formatTime(started),
        options: texts,
        operands,
        inputs: loaded === null ? [] : [{ path: loaded.name, sha256: loaded.sha256 }],
        engine: engine.name,
        threads: threadsOf(given),
        settings: determining,
        identity,
        data: setup.data,
        test: setup.test,
        trial,
      }
      await home.write(FILES.manifest, Buffer.from(`${JSON.stringify(fresh, null, 2)}\n`))
    }
    await work(context, {
      given,
      setup,
      settings,
      training,
      engine,
      folder: home,
      run,
      identity,
      trial,
      fresh: manifest === null,
    })
  } finally {
    engine.dispose()
  }
}

interface Work {
  readonly given: Given
  readonly setup: Setup
  readonly settings: TrainingSettings
  readonly training: Training
  readonly engine: Engine
  readonly folder: RunFolder
  readonly run: string
  readonly identity: string
  readonly trial: number | null
  readonly fresh: boolean
}

async function work(context: Context, parts: Work): Promise<void> {
  const { given, setup, settings, training, engine, folder, run, identity, trial, fresh } = parts
  if (!fresh) await restore(context, parts)
  const table = (given.format ?? (context.stdoutIsTTY ? 'table' : 'ndjson')) === 'table'
  const output = await TrainingOutput.open(context, { folder, run, from: training.step, table })
  const model = () =>
    encodeModel({
      spec: setup.spec,
      shape: setup.shape,
      parameters: Float32Array.from(engine.readParameters()),
      normaliser: training.normaliser,
      settings: { ...settings },
      steps: training.step,
      data: setup.data,
    })
  if (setup.data !== null && setup.test !== null) {
    const [from, to] = setup.data.train
    context.ui.note(
      `training on ${from} to ${to}, validating on ${setup.data.validation.join(' to ')}; ${setup.test.sessions} sessions from ${setup.test.from} are left for testing`,
    )
  }
  let looked = performance.now()
  let end: TrainingEnd
  try {
    end = await training.run({
      pause: async () => {
        const now = performance.now()
        if (now - looked > 25) {
          looked = now
          await setImmediate()
        }
        return context.signal.aborted
      },
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
    context.ui.note(`stopped at step ${training.step}; go on with: jules train --resume ${folder.path}`)
    return
  }
  await output.done({
    path: folder.path,
    bytes: (await folder.read(FILES.last))!,
    step: training.step,
    best: training.best,
    trial,
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

function checkSame(manifest: Manifest, identity: string, setup: Setup): void {
  const before = manifest.inputs[0]
  if (before !== undefined && before.sha256 !== setup.data?.sha256) {
    throw badData('the bars are not those that the run began with', {
      where: before.path,
      fields: { expected: before.sha256, found: setup.data?.sha256 ?? null },
    })
  }
  if (manifest.identity !== identity) {
    throw new Failure(
      'usage',
      `the run was made by ${manifest.version} with settings that are not the same here`,
      {
        hint: 'start a new run',
      },
    )
  }
}

/** The network of a model to start from is the default of the new one. */
function shapedBy(given: Given, initial: Initial | null): Given {
  if (initial === null) return given
  const { hidden, lstm, layers, net, activation } = initial.shape
  return {
    ...given,
    hidden: given.hidden ?? hidden,
    lstm: given.lstm ?? lstm,
    layers: given.layers ?? layers,
    net: given.net ?? net,
    activation: given.activation ?? activation ?? undefined,
  }
}

interface PhaseParts {
  readonly settings: TrainingSettings
  readonly setup: Setup
  readonly set: string
  readonly phases: readonly CurriculumPhase[] | null
  readonly interval: Parameters<typeof rulesOf>[1] | undefined
}

function phasesOf(given: Given, { settings, setup, set, phases, interval }: PhaseParts): Phase[] {
  if (phases === null) return [{ name: 'train', task: setup.task, settings }]
  return phases.map(({ name, values }) => {
    const own = { ...given, ...values } as Given
    const task = interval === undefined ? setup.task : setup.taskUnder(rulesOf(own, interval))
    return { name, task, settings: settingsOf(own, set) }
  })
}

function runName({ data, spec }: Setup, startedMs: number): string {
  const stamp = formatTime(startedMs).replace(/[-:]|\.\d+/g, '')
  return [...(data?.symbols ?? [spec.task]), stamp].join('-').toLowerCase()
}
