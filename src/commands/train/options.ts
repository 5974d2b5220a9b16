/** Options of `train` and what they settle to. A default depends on what is trained, so it stands in settings.ts. */
import { resolve } from 'node:path'
import { canBeHalved } from '../../agent/model/transfer.js'
import { LSTM_USES } from '../../agent/network/network.js'
import { TASK_SETTINGS, TRADING, type TrainingSettings } from '../../agent/ppo/settings.js'
import { badData, Failure, usage } from '../../base/errors.js'
import { parseDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import {
  choice,
  file,
  flag,
  integer,
  list,
  option,
  real,
  text,
  under,
  type Values,
} from '../../cli/options.js'
import { marketOptions } from '../wiring/market.js'
import { runName } from '../wiring/run-name.js'
import { strategyOptions } from '../wiring/strategy.js'

const SCHEDULES = ['const', 'linear'] as const
const TASKS = Object.keys(TASK_SETTINGS) as [string, ...string[]]

/** `200000` or `2e5`. */
const steps = option<number | undefined>(
  'N',
  'environment steps, rounded up to whole rollouts',
  { defaultText: '200000' },
  count,
)

function count(word: string): number {
  const value = /^\d+(\.\d+)?(e\d+)?$/i.test(word) ? Number(word) : Number.NaN
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw usage('expected a whole number such as 200000 or 2e5', { got: quote(word) })
}

const widths = option<readonly number[] | undefined>(
  'LIST',
  'widths of the layers above the LSTM, such as 64,64',
  { defaultText: 'none' },
  (word) => {
    if (word === 'none') return []
    const list = word.split(',').map((part) => (/^\d{1,5}$/.test(part.trim()) ? Number(part) : Number.NaN))
    if (list.every((width) => width >= 8 && width % 8 === 0)) return list
    throw usage('expected multiples of 8 between commas, or none', { got: quote(word) })
  },
)

/** What changes the weights. */
export const learningOptions = under(
  'Algorithm',
  {
    env: choice('NAME', TASKS, 'a benchmark task instead of trading; its settings are the defaults then'),
    steps,
    envs: integer('N', 'environments side by side', { min: 1, max: 4096, defaultText: '16' }),
    'n-steps': integer('N', 'steps of each environment in a rollout', {
      min: 1,
      max: 65_536,
      defaultText: '128',
    }),
    'batch-size': integer('N', 'environment steps in a minibatch', {
      min: 1,
      max: 1e7,
      defaultText: '512, or the whole rollout',
    }),
    bptt: integer('N', 'steps that gradients go back, a divisor of --n-steps', {
      min: 1,
      max: 65_536,
      defaultText: '32 at most',
    }),
    epochs: integer('N', 'passes over a rollout', { min: 1, max: 1000, defaultText: '5' }),
    gamma: real('X', 'discount of a step', { min: 0, max: 1, defaultText: '0.95' }),
    'gae-lambda': real('X', 'trade-off of bias and variance in advantages', {
      min: 0,
      max: 1,
      defaultText: '0.9',
    }),
    clip: real('X', 'range of the probability ratio', { min: 0.001, max: 10, defaultText: '0.2' }),
    'clip-schedule': choice('HOW', SCHEDULES, 'linear: falls to 0', { defaultText: 'const' }),
    'clip-spread': real(
      'X',
      "the clip range shrinks with the deviation of the advantages below this part of the returns'",
      { min: 0, max: 10, defaultText: '0, never' },
    ),
    'ent-coef': real('X', 'weight of the entropy', {
      min: 0,
      max: 10,
      defaultText: '0.05, or 0.01 without the prior',
    }),
    'ent-schedule': choice('HOW', SCHEDULES, 'linear: falls to 0', { defaultText: 'linear with the prior' }),
    'vf-coef': real('X', 'weight of the value loss', { min: 0, max: 100, defaultText: '0.5' }),
    lr: real('X', 'learning rate', { min: 1e-9, max: 1, defaultText: '0.001' }),
    'lr-schedule': choice('HOW', SCHEDULES, 'linear: falls to --lr-end', { defaultText: 'linear' }),
    'lr-end': real('X', 'learning rate at the end of a linear schedule', {
      min: 0,
      max: 1,
      defaultText: 'a tenth of --lr',
    }),
    'max-grad-norm': real('X', 'largest norm of a gradient', { min: 1e-6, max: 1e6, defaultText: '0.5' }),
    'target-kl': real('X', 'end an update when the policy moved 1.5 times this', {
      min: 1e-6,
      max: 100,
      defaultText: 'never',
    }),
    hidden: integer('N', 'width of the LSTM, a multiple of 8', { min: 8, max: 4096, defaultText: '64' }),
    lstm: choice('HOW', LSTM_USES, 'one each for policy and value; one that both read; one that both teach', {
      defaultText: 'joint, or separate with --alone 0 or --raw-reward',
    }),
    layers: integer('N', 'LSTM layers', { min: 1, max: 8, defaultText: '1' }),
    net: widths,
    activation: choice('NAME', ['tanh', 'relu'], 'of the layers of --net', { defaultText: 'tanh' }),
    'norm-obs': flag('normalise observations; the default with --features classic'),
    'norm-reward': flag('normalise rewards; the default on bars'),
    'raw-obs': flag('take observations as they are'),
    'raw-reward': flag('take rewards as they are'),
    'no-ortho': flag('uniform instead of orthogonal first weights'),
    alone: real('PART', 'part of the steps, the first, in which each of two symbols is traded alone', {
      min: 0,
      max: 0.9,
      defaultText: '0.5, where nothing stands against it',
    }),
    'hold-prior': real('X', 'added to the logit of the action in force', {
      min: 0,
      max: 50,
      defaultText: '4',
    }),
    seed: integer('N', 'seed of everything random', { fallback: 1, min: 0, max: 4_294_967_295 }),
    'eval-every': integer('N', 'steps between two evaluations on the validation sessions', {
      min: 1,
      max: 1e12,
      defaultText: 'a tenth of --steps',
    }),
    'early-stop': integer('N', 'end after N evaluations without a new best', {
      min: 1,
      max: 1e6,
      defaultText: 'never',
    }),
    'transfer-from': file(
      'start from a model: a run folder, a .safetensors file, model:latest, or model:RUN',
    ),
    curriculum: text('FILE', 'phases with settings of their own, or default for the shipped ones'),
    gpu: flag('train on the GPU with @tensorflow/tfjs-node-gpu; --gpu=webgpu for WebGPU', {
      valued: 'gpu-backend',
    }),
    'gpu-backend': choice(
      'NAME',
      ['node-gpu', 'webgpu', 'none'],
      'train on the GPU with this backend; none: on the CPU',
    ),
    'gpu-tf32': flag(
      'let --gpu multiply with 10 bits of mantissa: faster, other results, and the manifest says so',
    ),
  },
  ['env', 'steps', 'envs', 'hidden', 'lr', 'ent-coef', 'seed', 'transfer-from', 'curriculum', 'gpu'],
)

/** What names the engine, whose last bits are its own: it may differ when a run goes on with --force, and the manifest tells. */
export const ENGINE: readonly string[] = ['gpu', 'gpu-backend', 'gpu-tf32']

/** What changes nothing in the weights, and may differ when a run goes on. */
export const runningOptions = under(
  'Output',
  {
    threads: integer('N', 'threads; any number gives the same bits', {
      min: 1,
      max: 64,
      defaultText: 'one a core, 8 at most',
    }),
    native: flag('the kernels that npm run build:native compiled: the same bits, sooner'),
    'gpu-device': integer('N', 'the GPU that --gpu takes, counted from 0', {
      min: 0,
      max: 255,
      defaultText: '0',
    }),
    'checkpoint-every': integer('N', 'steps between two checkpoints', {
      min: 1,
      max: 1e12,
      defaultText: 'a tenth of --steps',
    }),
  },
  ['threads', 'native'],
)

/** What of the bars teaches, what chooses, and what is left. */
const partOptions = under(
  'Data',
  {
    'validation-sessions': integer('N', 'sessions that choose the best model, after those that train', {
      min: 1,
      max: 1e6,
      defaultText: '15 %',
    }),
    'test-sessions': integer('N', 'sessions left for testing, the last ones', {
      min: 0,
      max: 1e6,
      defaultText: '15 %',
    }),
    exclude: list('LIST', 'sessions to leave out, as DATE or FROM/TO; no episode goes across a gap', {
      each: (word) => {
        spanOf(word)
        return word
      },
    }),
  },
  [],
)

/** `2025-03-03` or `2025-03-03/2025-03-14` as first and last day since 1970-01-01. */
function spanOf(word: string): readonly [number, number] {
  const [from, to, more] = word.split('/').map((part) => parseDate(part))
  const last = to === undefined ? from : to
  if (from != null && last != null && more === undefined && from <= last) return [from, last]
  throw usage('expected dates, or FROM/TO such as 2025-03-03/2025-03-14', { got: quote(word) })
}

/** Whether a New York date is one of those to leave out. */
export function isExcluded(words: readonly string[]): (day: number) => boolean {
  const spans = words.map(spanOf)
  return (day) => spans.some(([from, to]) => from <= day && day <= to)
}

export const trainOptions = {
  ...marketOptions,
  ...partOptions,
  ...learningOptions,
  ...strategyOptions,
  ...runningOptions,
  ...under('Output', {
    output: file('folder of the run', {
      short: 'o',
      completes: 'directory',
      defaultText: 'runs/RUN in the data directory',
    }),
    run: runName('name of the run', 'symbols and time'),
    resume: file('go on with the run in this folder', { completes: 'directory' }),
    extend: option<number | undefined>(
      'N',
      'with --resume: train a finished run on for N more steps',
      {},
      count,
    ),
    force: flag(
      'replace a run in the folder; with --resume, go on with another engine, and start over where every checkpoint is damaged',
    ),
    format: choice('FORMAT', ['ndjson', 'table'], 'records, or a few lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  }),
}

export type Given = Values<typeof trainOptions>

type Flags = {
  readonly [K in keyof typeof learningOptions]: ReturnType<(typeof learningOptions)[K]['parse']>
} & { readonly [K in 'curriculum' | 'transfer-from']?: string | undefined }

/** The settings of a training, defaults filled in. Throws 64 for options that contradict each other. */
export function settingsOf(flags: Flags, features: string): TrainingSettings {
  const from = flags.env === undefined ? TRADING : TASK_SETTINGS[flags.env]!
  const rolloutSteps = flags['n-steps'] ?? from.rolloutSteps
  const bptt = flags.bptt ?? Math.min(rolloutSteps, from.bptt)
  const holdPrior = flags['hold-prior'] ?? from.holdPrior
  const rate = flags.lr ?? from.rate[0]
  const falling = (flags['lr-schedule'] ?? (from.rate[1] < from.rate[0] ? 'linear' : 'const')) === 'linear'
  if (!falling && flags['lr-end'] !== undefined) throw usage('--lr-end: needs --lr-schedule linear')
  // The end falls with the start, in the proportion of the defaults.
  const rateEnd =
    flags['lr-end'] ?? (from.rate[1] < from.rate[0] ? (rate * from.rate[1]) / from.rate[0] : rate / 10)
  const clip = flags.clip ?? from.clip[0]
  // Without the prior the policy explores by itself, and an entropy of .05 would drown the rewards.
  const plain = from === TRADING && holdPrior === 0
  const entropy = flags['ent-coef'] ?? (plain ? 0.01 : from.entropy[0])
  const entropyFalls =
    flags['ent-schedule'] ?? (!plain && from.entropy[1] < from.entropy[0] ? 'linear' : 'const')
  const envs = flags.envs ?? from.envs
  const together: Together = {
    steps: flags.steps ?? from.steps,
    envs,
    rolloutSteps,
    batch: flags['batch-size'] ?? Math.min(from.batch, envs * rolloutSteps),
    bptt,
    epochs: flags.epochs ?? from.epochs,
    gamma: flags.gamma ?? from.gamma,
    lambda: flags['gae-lambda'] ?? from.lambda,
    clip: [
      clip,
      (flags['clip-schedule'] ?? (from.clip[1] < from.clip[0] ? 'linear' : 'const')) === 'linear' ? 0 : clip,
    ],
    clipSpread: flags['clip-spread'] ?? from.clipSpread,
    rate: [rate, falling ? rateEnd : rate],
    entropy: [entropy, entropyFalls === 'linear' ? 0 : entropy],
    valueCoefficient: flags['vf-coef'] ?? from.valueCoefficient,
    maxNorm: flags['max-grad-norm'] ?? from.maxNorm,
    targetKl: flags['target-kl'] ?? from.targetKl,
    holdPrior,
    normaliseObservations: either(
      { 'norm-obs': flags['norm-obs'], 'raw-obs': flags['raw-obs'] },
      from.normaliseObservations || (flags.env === undefined && features === 'classic'),
    ),
    normaliseRewards: either(
      { 'norm-reward': flags['norm-reward'], 'raw-reward': flags['raw-reward'] },
      from.normaliseRewards,
    ),
    orthogonal: flags['no-ortho'] ? false : from.orthogonal,
    seed: flags.seed,
    hidden: flags.hidden ?? from.hidden,
    lstm: flags.lstm ?? from.lstm,
    layers: flags.layers ?? from.layers,
    net: flags.net ?? from.net,
    activation: flags.activation ?? from.activation,
  }
  check(together)
  const alone = aloneOf(flags, together) ?? from.alone
  // Values in dollars, or of a pair from the first step on, pull an LSTM along with them that the policy needs.
  const pulls = alone === 0 || !together.normaliseRewards
  const lstm = flags.lstm === undefined && from === TRADING && pulls ? 'separate' : together.lstm
  return { ...together, lstm, alone }
}

/** What `alone` and its like are settled by. */
type Together = Omit<TrainingSettings, 'alone'>

/** The part of the steps that is asked for; undefined where none is, 0 where none can be. Throws 64 where one is and cannot be. */
function aloneOf(
  { alone, env, curriculum, 'transfer-from': model }: Flags,
  { normaliseObservations, ...network }: Together,
): number | undefined {
  const hindrances: readonly (readonly [boolean, string])[] = [
    [env !== undefined, `the task ${env} has no symbols`],
    [curriculum !== undefined, '--curriculum has phases of its own'],
    [model !== undefined, '--transfer-from starts with what another model knows'],
    [normaliseObservations, 'the symbols are normalised together'],
    [!canBeHalved(network), 'needs widths that are multiples of 16'],
  ]
  const hindrance = hindrances.find(([holds]) => holds)
  if (hindrance === undefined) return alone
  if (alone !== undefined && alone > 0) throw usage(`--alone: ${hindrance[1]}`)
  return 0
}

/** A switch and its opposite. */
function either(switches: Readonly<Record<string, boolean>>, otherwise: boolean): boolean {
  const [[on, yes], [off, no]] = Object.entries(switches) as [[string, boolean], [string, boolean]]
  if (yes && no) throw usage(`--${on} and --${off} are opposites`)
  return yes || (!no && otherwise)
}

function check({ rolloutSteps, bptt, batch, envs, hidden }: Together): void {
  if (rolloutSteps % bptt !== 0)
    throw usage(`--bptt: ${bptt} does not divide the ${rolloutSteps} steps of a rollout`)
  if (batch > envs * rolloutSteps)
    throw usage(`--batch-size: ${batch} is more than the ${envs * rolloutSteps} steps of a rollout`)
  if (batch % bptt !== 0)
    throw usage(`--batch-size: ${batch} is not a multiple of the ${bptt} steps of a sequence`)
  if (hidden % 8 !== 0) throw usage(`--hidden: expected a multiple of 8, got ${hidden}`)
}

/** Files that a run depends on. */
const INPUTS: readonly string[] = ['transfer-from', 'curriculum']

/** The path of an input, from wherever the run goes on; what is no file stays as it is. */
export const absolute = (context: Pick<Context, 'cwd'>, path: string): string =>
  path === '-' || path === 'default' ? path : resolve(context.cwd, path)

const textOf = (context: Pick<Context, 'cwd'>, name: string, raw: string): string =>
  INPUTS.includes(name) ? absolute(context, raw) : raw

/** Texts of the options that were set, wherever; a run is taken up again from these. */
export function textsOf(context: Context, names: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of names) {
    const raw = context.settings.get(name)?.raw
    if (raw !== undefined) texts[name] = textOf(context, name, raw)
  }
  return texts
}

/** The values that stored texts stand for; a flag given now must agree, unless it is one of `free`. Throws 64 where it does not, 65 where a text is none of the option. */
export function valuesOf(
  context: Pick<Context, 'settings' | 'cwd'>,
  options: Readonly<
    Record<string, { readonly fallback: unknown; readonly parse: (text: string) => unknown }>
  >,
  stored: Readonly<Record<string, string>>,
  free: readonly string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(options)) {
    const setting = context.settings.get(name)
    const text = stored[name]
    const given = setting?.raw === undefined ? undefined : textOf(context, name, setting.raw)
    const flag = setting?.origin === 'flag'
    // What the run was begun with stands for flags: environment and configuration speak only where it is silent.
    const mayChange = free.includes(name) && (flag || text === undefined)
    if (setting !== undefined && (mayChange || (flag && given === text))) values[name] = setting.value
    else if (flag) {
      throw new Failure(
        'usage',
        `--${name}: the run has ${text ?? 'the default'}, and it would not be the same run`,
        {
          hint: ENGINE.includes(name)
            ? '--force goes on with another engine, and the manifest says so'
            : 'leave it out, or start a new run',
        },
      )
    } else values[name] = text === undefined ? spec.fallback : parsed(name, spec, text)
  }
  return values
}

/** A text that no option would take was not written by jules: 65, where it would be 64 on the command line. */
function parsed(
  name: string,
  { parse }: { readonly parse: (text: string) => unknown },
  text: string,
): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof Failure
      ? badData(`the manifest of the run is damaged: --${name}: ${error.message}`)
      : error
  }
}
