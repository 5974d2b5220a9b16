import { access } from 'node:fs/promises'
import { lastMet } from '../../agent/model/model.js'
import { RunFolder } from '../../agent/run/folder.js'
import { manifestOf } from '../../agent/run/manifest.js'
import type { TrainingPlan } from '../../agent/run/plan.js'
import { sessionsThatLeave, splitSessions } from '../../agent/run/split.js'
import { trainRun } from '../../agent/run/train-run.js'
import { Failure, systemCode, usage } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import { shellWord } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { LEAST_SESSIONS } from '../../evaluate/metrics.js'
import { backendOf } from '../wiring/engines.js'
import { splitOperand } from '../wiring/input.js'
import { lockWorld } from '../wiring/lock.js'
import { barsOperand, type MarketInput, marketExits, marketInput, marketWords } from '../wiring/market.js'
import { modelPath } from '../wiring/runs.js'
import { trainingWorld } from '../wiring/training.js'
import {
  absolute,
  ENGINE,
  type Given,
  trainOptions as options,
  runningOptions,
  textsOf,
  valuesOf,
} from './options.js'
import { TrainingOutput } from './output.js'
import { planOf } from './plan.js'

/** What may differ when a run goes on: it changes nothing in the weights. */
const FREE = [...Object.keys(runningOptions), 'dsn', 'schema', 'resume', 'extend', 'format', 'force']

export const train = defineCommand({
  name: 'train',
  summary: 'train a recurrent PPO agent',
  description: [
    'Trains an agent with recurrent PPO on the environment that backtest uses, and writes a folder with the model, checkpoints, metrics and TensorBoard events. A metric record comes out after each rollout, and at the end a model record, which holds the model against sma-cross, buy-hold and random on the validation sessions.',
    marketWords,
    'The sessions are cut in the order of time: the first 70 % train, the next 15 % choose the best model, and the last 15 % are never looked at; they are for the backtest. A result on fewer than 20 sessions cannot be told from chance: train warns where fewer are left, which 131 sessions of bars are enough for. --validation-sessions and --test-sessions say how many sessions at the end do which; --exclude leaves sessions out altogether, and neither an episode nor the state of the LSTM goes across the gap.',
    'The same seed and bars give the same model, byte for byte, with any number of threads. A run that was stopped or killed goes on with --resume, and ends with the bytes it would have had. Ctrl-C writes a checkpoint first.',
    '--resume DIR --extend N trains a finished run on for N more steps: a stretch of its own, of which jules-training(7) has the schedules. It changes the models in the folder, and its bytes are those of one training whether it was stopped or not.',
    'With one symbol in --symbols it trains an agent of one ticker, from which --transfer-from starts an agent of two. A curriculum is a JSON array of phases: objects with a name, steps, and options of this page by their names.',
    'With --env it learns a small task that cannot be solved without memory: a cart-pole without velocities, a T-maze, or naming a symbol seen two steps ago.',
    'Every run is entered in runs.ndjson in the data directory, so that later statistics know how many trials a result was chosen from.',
  ],
  operands: [barsOperand],
  options,
  examples: [
    { text: 'On bars of the store', shell: 'jules train --steps 200000 -o my-run' },
    {
      text: 'On generated bars that revert to a mean',
      shell: 'jules fetch --mock --days 140 --regime mean-revert | jules train -o my-run -',
    },
    {
      text: 'Then on the sessions it has not seen',
      shell: 'jules backtest --policy model:my-run --from 2025-07-03',
    },
    { text: 'A task that needs memory', shell: 'jules train --env recall2 --steps 2e5' },
    { text: 'More of a run that has ended', shell: 'jules train --resume my-run --extend 100000' },
  ],
  exits: {
    ...marketExits,
    1: 'the run diverged: numbers are no longer finite',
    65: `${marketExits[65]}; inputs that changed since the run began; a damaged checkpoint`,
    69: `${marketExits[69]}; no GPU, or no package for it; no native kernels`,
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
    'validation.ndjson': 'what the best model earned in each session of validation',
    'events.out.tfevents.*': 'the same for TensorBoard',
    'run.lock': 'there while a process works on the run; that of a dead one is taken over',
  },
  seeAlso: ['backtest', 'bench', 'fetch'],
  run: async (context, given, operands) => {
    if (given.resume !== undefined) return resume(context, given, operands)
    if (given.extend !== undefined) throw usage('--extend: needs --resume, the folder of a finished run')
    const texts = textsOf(context, Object.keys(options))
    const { output = null, run: name = null, force, 'transfer-from': parent } = given
    // By its place: the newest run may be another one when this one goes on.
    const from = parent === undefined ? undefined : await modelPath(context, parent)
    if (from !== undefined) texts['transfer-from'] = absolute(context, from)
    const bars =
      given.env === undefined ? await marketInput(context, given, operands) : { operands, stdin: null }
    await begin(context, {
      given: { ...given, 'transfer-from': from },
      bars,
      texts,
      place: { kind: 'new', output, name, force },
    })
  },
})

async function resume(context: Context, given: Given, operands: readonly string[]): Promise<void> {
  const folder = new RunFolder(given.resume!, context)
  const manifest = await manifestOf(folder)
  // An engine that is named anew is named wholly: nothing is left of the one before.
  const another = given.force && ENGINE.some((name) => context.settings.get(name)?.origin === 'flag')
  // The native kernels are asked for each time: the run is the same without them, on whatever machine it goes on.
  const kept = without(manifest.options, another ? ['native', ...ENGINE] : ['native'])
  const values = valuesOf(context, options, kept, another ? [...FREE, ...ENGINE] : FREE)
  if (operands.length === 0) for (const bars of manifest.operands) await askAgain(given.resume!, bars)
  const release = await folder.lock(lockWorld(context))
  context.onEnd(async () => release())
  await folder.tidy()
  await begin(context, {
    given: { ...values, resume: given.resume } as Given,
    // Bars that were moved are the same bars.
    bars: { operands: operands.length > 0 ? operands : manifest.operands, stdin: null },
    texts: another ? { ...kept, ...textsOf(context, ENGINE) } : kept,
    place: { kind: 'begun', folder, manifest, force: given.force, extend: given.extend ?? null },
  })
}

const without = (texts: Readonly<Record<string, string>>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(texts).filter(([name]) => !names.includes(name)))

/** Bars that are no longer where they were, or came from a pipe, must be given again; their hash says if they are the same. */
async function askAgain(folder: string, bars: string): Promise<void> {
  if (bars === '-') {
    throw usage('the run read standard input', {
      hint: `give it the same bars again: jules train --resume ${shellWord(folder)} -`,
    })
  }
  const { path } = await splitOperand(bars)
  await access(path).catch((error) => {
    if (systemCode(error) !== 'ENOENT') return
    throw new Failure('noInput', 'no such file or directory', {
      where: path,
      hint: `say where the bars are now: jules train --resume ${shellWord(folder)} FILE`,
    })
  })
}

interface Beginning {
  readonly given: Given
  readonly bars: MarketInput
  readonly texts: Readonly<Record<string, string>>
  readonly place: TrainingPlan['place']
}

async function begin(context: Context, beginning: Beginning): Promise<void> {
  const {
    given,
    bars: { operands },
  } = beginning
  // Refused before bars are read.
  backendOf(given)
  const plan = await planOf(context, { ...beginning, startedMs: context.clock() })
  const format = given.format ?? (context.stdoutIsTTY ? 'table' : 'ndjson')
  const task = plan.subject.kind === 'benchmark'
  const output = new TrainingOutput(context, { table: format === 'table', task })
  // Called when the folder stands and the first step is near: a run that is refused has no need of the warning.
  const listen = () => {
    if (beginning.place.kind === 'new') {
      warnOfFewSessions(context, plan)
      noteSeen(context, plan)
    }
    return output.listen()
  }
  const trained = await trainRun(trainingWorld(context, given, listen), plan)
  await output.ended(trained, operands.length === 0 ? stored(plan) : operands)
}

/** Said before hours are spent: a result on so few sessions could not be told from chance. */
function warnOfFewSessions(context: Context, { subject }: TrainingPlan): void {
  if (subject.kind !== 'trading') return
  const sessions = subject.bars.market.sessions.length
  // Who says how many are left for testing needs no advice.
  if (subject.split !== undefined) return
  const split = splitSessions(sessions)
  if (split === null) return
  const left = sessions - split.validationEnd
  if (left >= LEAST_SESSIONS) return
  const needed = sessionsThatLeave(LEAST_SESSIONS)
  context.ui.warn(
    `${left} of ${sessions} sessions are left for testing, too few to believe a result on: ${needed - sessions} more sessions of bars leave ${LEAST_SESSIONS}`,
    { sessions, left, more: needed - sessions },
  )
}

/** What the models before this one were trained on is no test of it. */
function noteSeen(context: Context, { subject, initial }: TrainingPlan): void {
  if (subject.kind !== 'trading' || initial === null) return
  const { sessions } = subject.bars.market
  const split = subject.split ?? splitSessions(sessions.length)
  if (split === null) return
  const [from, to] = [sessions[split.trainEnd]!, sessions.at(-1)!].map(({ day }) => formatDate(day))
  for (const span of initial.before) {
    const seen = lastMet([span], from!, to!)
    if (span === null) {
      const words =
        'the model to start from does not say which sessions it has seen: no test of it is believed'
      context.ui.warn(words)
    } else if (seen !== null) {
      const words = `the model to start from has seen sessions up to ${seen}, some of those for validation or testing`
      context.ui.warn(words, { seen })
    }
  }
}

/** Words that select the bars of the run in the store. */
const stored = ({ subject }: TrainingPlan): string[] =>
  subject.kind === 'trading' ? ['--interval', subject.bars.market.interval] : []
