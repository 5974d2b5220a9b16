import { TRADING } from '../../agent/ppo/settings.js'
import { badData, systemFailure, usage } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { counted } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { file, flag, integer, under } from '../../cli/options.js'
import { decodeUtf8 } from '../../stream/json.js'
import { BlockWriter } from '../../stream/sink.js'
import { type Axis, combinations, drawn, readGrid } from '../../sweep/grid.js'
import { halved } from '../../sweep/halving.js'
import { type Configuration, idOf, planTasks, taskLine } from '../../sweep/task.js'
import { openAs } from '../wiring/output.js'
import { barsOf, checkKeys, configurer, type Ground, refuseSurroundings } from './configurations.js'
import { ownVersion } from './own.js'
import { planWindowOptions, refuseWindows, windowConfigurations } from './plan-windows.js'

export const planSweep = defineCommand({
  name: 'plan',
  summary: 'write the tasks of a grid, or of some combinations of it',
  description: [
    'GRID is a JSON object of options of train without their dashes, each with a value or an array of values. Every combination is a task; a switch is true or false.',
    '  {"steps": 20000, "seed": [1, 2], "lr": [0.001, 0.002]}',
    'A task is one line: its id, its words for jules, its inputs with their sha256, and the ids of the tasks that it needs. The id is a hash of what decides the bytes of the model, so the same task has the same id in every folder and on every machine. All values are checked now, as train would.',
    'With --random N so many combinations are drawn, and an option may have a range: {"lr": {"min": 1e-4, "max": 1e-2, "scale": "log"}}, or with "step" for whole numbers.',
    'With --halving ETA the configurations are trained for few steps, the best of ETA in validation for ETA times as many, and so on; the last rung has the steps of the grid. The plan holds every rung. What does not go on is pruned where it would start, and all that was trained stays counted as trials.',
    'With --walk-forward each window of the bars has a training, in every combination of the grid, which may be left out: jules evaluate says what the windows are, and its --plan writes the same tasks into a folder that it goes on with.',
    'Without a FILE, "store": true or --store says that the bars come from the store, whose content is not in the ids.',
  ],
  operands: [
    { name: 'GRID', help: 'a JSON file; --walk-forward needs none', required: true, completes: 'file' },
    { name: 'FILE', help: 'bars: a file, a folder of files, or NAME=FILE', many: true, completes: 'file' },
  ],
  options: {
    ...under('Search', {
      random: integer('N', 'draw N combinations', { min: 1, max: 100_000, defaultText: 'all of them' }),
      seed: integer('N', 'seed of --random', { fallback: 1, min: 0, max: 4_294_967_295 }),
      halving: integer('ETA', 'successive halving: one of ETA goes on, for ETA times the steps', {
        min: 2,
        max: 100,
      }),
      rungs: integer('N', 'rungs of --halving', {
        min: 1,
        max: 32,
        defaultText: 'as many as the tasks allow',
      }),
    }),
    ...planWindowOptions,
    store: flag('the bars come from the store'),
    ...under('Output', { output: file('write to FILE, which appears whole or not at all', { short: 'o' }) }),
  },
  examples: [
    {
      text: 'Six tasks on one file of bars',
      shell: `echo '{"steps": 20000, "seed": [1, 2, 3], "lr": [0.001, 0.002]}' > grid.json\njules sweep plan grid.json bars.parquet -o plan.ndjson`,
    },
    {
      text: 'The windows of a walk-forward',
      shell: 'jules sweep plan --walk-forward --steps 50000 bars.parquet -o plan.ndjson',
    },
    {
      text: 'Twenty seven drawn ones, a third of which goes on from each rung',
      shell: 'jules sweep plan grid.json bars.parquet --random 27 --halving 3 -o plan',
    },
  ],
  exits: {
    65: 'the grid is no JSON, has an unknown key, or a value that train refuses',
    66: 'no such file',
    73: 'the output cannot be created',
    74: 'reading or writing failed',
    77: 'no permission to read or write',
  },
  run: async (context, options, words) => {
    const isForward = options['walk-forward']
    if (!isForward) refuseWindows(context)
    // Windows need no grid: the first word may be bars.
    const hasGrid = !isForward || /(\.json|^-)$/.test(words[0]!)
    const [grid, operands] = hasGrid ? [words[0]!, words.slice(1)] : [null, words]
    const where = grid ?? words[0]!
    const { random, halving: eta, rungs, store, output } = options
    if (rungs !== undefined && eta === undefined) throw usage('--rungs needs --halving')
    if (store && operands.length > 0) throw usage('--store and FILE exclude each other')
    if (isForward && (random !== undefined || eta !== undefined))
      throw usage(`--walk-forward and --${random === undefined ? 'halving' : 'random'} exclude each other`)
    const out = await openAs(context, { format: undefined, output }, { inputs: words, formats: PLAN_FORMATS })
    try {
      const axes = withStore(grid === null ? [] : await gridAt(context, grid), store)
      checkKeys(axes, where)
      await refuseSurroundings(
        context,
        axes.map(({ key }) => key),
      )
      const bars = await barsOf(context, operands, fixed(axes, 'symbol'))
      if (bars.length === 0 && !axes.some(({ key }) => key === 'store' || key === 'env')) {
        throw usage('no bars are named', { hint: 'name a FILE after the grid, or give --store' })
      }
      if (bars.length === 0 && axes.some(({ key }) => key === 'store')) {
        context.ui.note(
          'the bars come from the store: the ids stand on the options alone, not on what it holds',
        )
      }
      const configurations = isForward
        ? await windowConfigurations(context, { where, axes, operands, options })
        : await gridConfigurations(context, { where, axes, bars }, { random, seed: options.seed })
      const version = ownVersion()
      const tasks = planTasks(
        eta === undefined
          ? configurations
          : inRungs(axes, distinct(configurations, version), { eta, rungs: rungs ?? null, version }, where),
        { version },
      )
      const writer = new BlockWriter(out.sink)
      for (const task of tasks) await writer.text(taskLine(task))
      await writer.drain()
      await out.done()
      context.ui.note(counted(tasks.length, 'task'), { tasks: tasks.length })
    } catch (error) {
      await out.abort()
      throw error
    }
  },
})

/** All combinations, or some that are drawn. */
async function gridConfigurations(
  context: Context,
  ground: Ground,
  { random, seed }: { readonly random: number | undefined; readonly seed: number },
): Promise<Configuration[]> {
  const { axes, where } = ground
  const configure = await configurer(context, ground)
  const all = random === undefined ? combinations(axes, where) : drawn(axes, { count: random, seed }, where)
  if (random !== undefined && all.length < random)
    context.ui.note(`the grid has ${all.length} combinations, which are all in the plan`)
  return all.map(configure)
}

const PLAN_FORMATS = { names: ['ndjson'], byExtension: () => 'ndjson', usual: 'ndjson' } as const

/** Of a grid: one that is larger holds more than a plan may. */
const MOST_GRID = 1 << 26

async function gridAt(context: Context, path: string): Promise<Axis[]> {
  if (path === '-' && context.stdinIsTTY) throw usage('nothing to read: standard input is a terminal')
  const place = path === '-' ? '/dev/stdin' : path
  const bytes = await readAtMost(place, { most: MOST_GRID, signal: context.signal }).catch((error) => {
    context.signal.throwIfAborted()
    throw systemFailure(error, path)
  })
  const text = decodeUtf8(bytes)
  if (text === null) throw badData('is not valid UTF-8', { where: path })
  return readGrid(text, path === '-' ? 'stdin' : path)
}

const withStore = (axes: readonly Axis[], store: boolean): readonly Axis[] =>
  store && !axes.some(({ key }) => key === 'store') ? [...axes, { key: 'store', values: [true] }] : axes

/** The value of an option that has one alone. */
function fixed(axes: readonly Axis[], key: string): string | undefined {
  const axis = axes.find((one) => one.key === key)
  return axis !== undefined && 'values' in axis && axis.values.length === 1
    ? String(axis.values[0])
    : undefined
}

const distinct = (configurations: readonly Configuration[], version: string): Configuration[] => [
  ...new Map(configurations.map((one) => [idOf(one, version), one])).values(),
]

interface Rungs {
  readonly eta: number
  readonly rungs: number | null
  readonly version: string
}

function inRungs(
  axes: readonly Axis[],
  configurations: readonly Configuration[],
  halving: Rungs,
  where: string,
): Configuration[] {
  if (axes.some(({ key }) => key === 'curriculum'))
    throw badData('curriculum: has steps of its own, which --halving cannot share out', { where })
  const steps = fixed(axes, 'steps')
  if (steps === undefined && axes.some(({ key }) => key === 'steps'))
    throw badData('steps: --halving needs one number, those of the last rung', { where })
  return halved(configurations, {
    ...halving,
    steps: Number(steps ?? TRADING.steps),
    least: leastSteps(axes),
  })
}

/** A training is rounded up to whole rollouts: of the largest in the grid. */
function leastSteps(axes: readonly Axis[]): number {
  const largest = (key: string, otherwise: number): number => {
    const axis = axes.find((one) => one.key === key)
    if (axis === undefined) return otherwise
    return 'values' in axis ? Math.max(...axis.values.map(Number)) : axis.range.max
  }
  return largest('envs', TRADING.envs) * largest('n-steps', TRADING.rolloutSteps)
}
