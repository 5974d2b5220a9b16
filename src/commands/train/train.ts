import { access } from 'node:fs/promises'
import { UNFUSED } from '../../agent/engines/engine.js'
import { layoutOf } from '../../agent/network/network.js'
import type { TrainingSettings } from '../../agent/ppo/settings.js'
import { type Phase, Training } from '../../agent/ppo/training.js'
import { RunFolder } from '../../agent/run/folder.js'
import { type Initial, initialFrom } from '../../agent/run/initial.js'
import { Failure, systemCode, usage } from '../../base/errors.js'
import { shellWord } from '../../base/shell.js'
import { quote } from '../../base/time.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, file, flag, option, type Values } from '../../cli/options.js'
import { version } from '../../cli/print.js'
import { backendOf, engineFor, threadsOf } from '../wiring/engines.js'
import { loadMarket, marketExits, marketOptions, marketWords } from '../wiring/market.js'
import { featuresOf, rulesOf, strategyOptions } from '../wiring/strategy.js'
import { type CurriculumPhase, readCurriculum, refuseSteps } from './curriculum.js'
import { checkSame, input, type Manifest, manifestOf } from './manifest.js'
import { keep, newRun } from './new-run.js'
import { absolute, learningOptions, runningOptions, settingsOf, textsOf, valuesOf } from './options.js'
import { work } from './run.js'
import { digest, type Setup, taskSetup, tradingSetup } from './setup.js'

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
  run: option<string | undefined>('NAME', 'name of the run', { defaultText: 'symbols and time' }, nameOf),
  resume: file('go on with the run in this folder', { completes: 'directory' }),
  force: flag('replace a run in the folder'),
  format: choice('FORMAT', ['ndjson', 'table'], 'records, or a few lines for people', {
    short: 'f',
    defaultText: 'table on a terminal, else ndjson',
  }),
}

function nameOf(word: string): string {
  if (/^[^/.][^/]*$/.test(word)) return word
  throw usage(`expected a name without "/" and no dot in front, got ${quote(word)}`)
}

type Given = Values<typeof options>

/** What may differ when a run goes on: it changes nothing in the weights. */
const FREE = [...Object.keys(runningOptions), 'dsn', 'resume', 'format', 'force']

/** Narrower than this, the launches of a GPU's kernels cost more than their arithmetic. */
const GPU_PAYS = 512

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
    75: 'another process works on the run',
    77: `${marketExits[77]}; no permission to read or write`,
  },
  files: {
    'policy.safetensors': 'the last weights; their metadata hold what determines them',
    'best.safetensors': 'the weights that were best in validation',
    'checkpoint.safetensors':
      'everything that --resume needs; the one before is kept as checkpoint-previous.safetensors',
    'manifest.json': 'options, inputs with their hashes, and the trial number; written before the first step',
    'metrics.ndjson': 'the metric records',
    'events.out.tfevents.*': 'the same for TensorBoard',
    'run.lock': 'there while a process works on the run; that of a dead one is taken over',
  },
  seeAlso: ['backtest', 'bench', 'fetch'],
  run: async (context, given, operands) => {
    if (given.resume !== undefined) return resume(context, given, operands)
    const texts = textsOf(context, Object.keys(options))
    await begin(context, { given, operands, texts, before: null })
  },
})

async function resume(context: Context, given: Given, operands: readonly string[]): Promise<void> {
  const folder = new RunFolder(given.resume!, context)
  const manifest = await manifestOf(folder)
  const values = valuesOf(context, options, manifest.options, FREE)
  const [bars] = manifest.operands
  if (operands.length === 0 && bars !== undefined) await askAgain(given.resume!, bars)
  await keep(context, folder)
  await folder.tidy()
  await begin(context, {
    given: { ...values, resume: given.resume } as Given,
    // Bars that were moved are the same bars.
    operands: operands.length > 0 ? operands : manifest.operands,
    texts: manifest.options,
    before: { manifest, folder },
  })
}

/** Bars that are no longer where they were, or came from a pipe, must be given again; their hash says if they are the same. */
async function askAgain(folder: string, bars: string): Promise<void> {
  if (bars === '-') {
    throw usage('the run read standard input', {
      hint: `give it the same bars again: jules train --resume ${shellWord(folder)} -`,
    })
  }
  await access(bars).catch((error) => {
    if (systemCode(error) !== 'ENOENT') return
    throw new Failure('noInput', 'no such file or directory', {
      where: bars,
      hint: `say where the bars are now: jules train --resume ${shellWord(folder)} FILE`,
    })
  })
}

interface Beginning {
  readonly given: Given
  readonly operands: readonly string[]
  readonly texts: Readonly<Record<string, string>>
  /** The run to go on with. */
  readonly before: { readonly manifest: Manifest; readonly folder: RunFolder } | null
}

async function begin(context: Context, { given, operands, texts, before }: Beginning): Promise<void> {
  const started = context.clock()
  if (given.env !== undefined && operands.length > 0)
    throw usage(`--env ${given.env} reads no bars: got ${operands[0]}`)
  const curriculum =
    given.curriculum === undefined ? null : await readCurriculum(given.curriculum, context.signal)
  if (curriculum !== null) refuseSteps(given.steps)
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
  const phases = curriculum?.phases ?? null
  const plan = phasesOf(shaped, { settings, setup, set: set.name, phases, interval: loaded?.market.interval })
  const start = initial?.fit(setup.shape, settings.seed) ?? null
  const inputs = [
    loaded && input('bars', operands[0] === undefined ? 'store' : absolute(context, operands[0]), loaded),
    initial && input('model', absolute(context, initial.path), initial),
    curriculum && input('curriculum', absolute(context, given.curriculum!), curriculum),
  ].filter((one) => one !== null)
  const engine = await engineFor(layoutOf(setup.shape), given)
  context.onEnd(async () => engine.dispose())
  const determining = {
    settings,
    curriculum: phases,
    rules,
    longOnly: given['long-only'],
    warmup: given.warmup,
    spec: setup.spec,
    shape: setup.shape,
    engine: engine.name,
    evaluateEvery: given['eval-every'] ?? null,
    earlyStop: given['early-stop'] ?? null,
    initial: initial?.sha256 ?? null,
    data: setup.data?.sha256 ?? null,
  }
  const identity = digest(determining)
  const code = version().trim()
  if (before !== null) checkSame(before.manifest, { inputs, identity, version: code, engine: engine.name })
  if (engine.name === UNFUSED)
    context.ui.warn(
      'this processor has no fused multiply-add: the model is no worse, but its bytes are not those of other machines',
    )
  if (backendOf(given) !== null && setup.shape.hidden < GPU_PAYS)
    context.ui.note(
      `an LSTM of ${setup.shape.hidden} is small for a GPU; jules bench says whether the CPU is faster`,
    )
  const total = plan.reduce((sum, phase) => sum + phase.settings.steps, 0)
  const training = new Training({
    engine,
    phases: plan,
    evaluate: setup.evaluate,
    evaluateEvery: given['eval-every'] ?? Math.max(1, Math.floor(total / 20)),
    checkpointEvery: given['checkpoint-every'] ?? Math.max(1, Math.floor(total / 10)),
    earlyStop: given['early-stop'] ?? null,
    initial: start,
  })
  const { manifest, folder } =
    before ??
    (await newRun(
      context,
      {
        output: given.output,
        name: given.run,
        force: given.force,
        started,
        setup,
        trial: digest({ ...determining, data: null }),
      },
      {
        version: code,
        options: texts,
        operands: operands.map((operand) => absolute(context, operand)),
        inputs,
        engine: engine.name,
        threads: threadsOf(given),
        settings: determining,
        identity,
        data: setup.data,
        test: setup.test,
      },
    ))
  await work(context, {
    table: (given.format ?? (context.stdoutIsTTY ? 'table' : 'ndjson')) === 'table',
    setup,
    settings: { ...settings, ...known({ rules, curriculum: phases, initial: determining.initial }) },
    training,
    engine,
    folder,
    run: manifest.run,
    identity,
    trial: manifest.trial,
    bars: operands[0] === undefined ? ['--interval', setup.spec.interval ?? ''] : [operands[0]],
    fresh: before === null,
  })
}

/** What is not null. */
const known = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))

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
