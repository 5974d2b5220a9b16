/** `sweep plan --walk-forward`: the trainings of an evaluation as tasks, of each combination of a grid. */
import { badData, usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { flag, under, type Values } from '../../cli/options.js'
import { type Axis, type Combination, combinations } from '../../sweep/grid.js'
import type { Configuration } from '../../sweep/task.js'
import { learningOptions } from '../train/options.js'
import { loadMarket, marketOptions } from '../wiring/market.js'
import { strategyOptions } from '../wiring/strategy.js'
import { barsOf } from './configurations.js'
import { OF_WINDOW, windowOptions, windowsOf, windowTasks } from './windows.js'

export const planWindowOptions = {
  ...under('Windows', {
    'walk-forward': flag('a training of each window, as jules evaluate has them'),
    steps: {
      ...learningOptions.steps,
      help: 'with --walk-forward, environment steps of each training',
      defaultText: 'of the grid, else 200000',
    },
  }),
  ...windowOptions,
}

/** Options that only windows have. */
const OWN: readonly string[] = Object.keys(planWindowOptions).filter((name) => name !== 'walk-forward')

/** Throws 64 for an option of windows where there are none. */
export function refuseWindows(context: Pick<Context, 'settings'>): void {
  const name = OWN.find((one) => context.settings.get(one)?.origin === 'flag')
  if (name !== undefined) throw usage(`--${name} needs --walk-forward`)
}

/** The options of the market and the warm-up, as a grid has them. Throws 65 for several values. */
function flagsOf(axes: readonly Axis[], where: string) {
  const options = { ...marketOptions, warmup: strategyOptions.warmup }
  const flags: Record<string, unknown> = {}
  for (const [name, { fallback, parse }] of Object.entries(options)) {
    const axis = axes.find(({ key }) => key === name)
    if (axis === undefined) flags[name] = fallback
    else if ('values' in axis && axis.values.length === 1) flags[name] = parse(String(axis.values[0]))
    else throw badData(`${name}: --walk-forward needs one value`, { where })
  }
  return flags as Values<typeof options>
}

interface PlanGround {
  /** Of messages: the path of the grid, or of the bars where there is none. */
  readonly where: string
  readonly axes: readonly Axis[]
  readonly operands: readonly string[]
  readonly options: Values<typeof planWindowOptions> & { readonly seed: number }
}

/** A training of each window, seed and combination. Throws as `windowsOf` and `train` do. */
export async function windowConfigurations(
  context: Context,
  { where, axes: given, operands, options }: PlanGround,
): Promise<Configuration[]> {
  const own = given.find(({ key }) => OF_WINDOW.includes(key))
  if (own !== undefined) throw badData(`${own.key}: the windows have their own`, { where })
  const { steps } = options
  if (steps !== undefined && given.some(({ key }) => key === 'steps'))
    throw usage('--steps, and steps in the grid')
  const axes = steps === undefined ? given : [...given, { key: 'steps', values: [steps] }]
  const flags = flagsOf(axes, where)
  const bars = await barsOf(context, operands, flags.symbol)
  const loaded = await loadMarket(context, flags, { operands, stdin: null }, { single: true })
  const windows = windowsOf(loaded.market, { ...options, warmup: flags.warmup }, loaded.name)
  const all: readonly Combination[] = axes.length === 0 ? [[]] : combinations(axes, where)
  const configurations: Configuration[] = []
  for (const combination of all) {
    const tasks = await windowTasks(context, {
      where,
      fixed: axes.map(({ key }, i) => [key, String(combination[i]!)] as const),
      bars,
      market: loaded.market,
      windows,
      flags: options,
    })
    configurations.push(...tasks.map(({ configuration }) => configuration))
  }
  return configurations
}
