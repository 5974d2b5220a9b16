/** Windows of a walk-forward or of combinatorial cross-validation as tasks: one training of each window and seed. */
import { badData, usage } from '../../base/errors.js'
import { formatDate } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { flag, integer, option, under, type Values } from '../../cli/options.js'
import { combinatorial, type Span, type Window, walkForward } from '../../evaluate/windows.js'
import type { Market } from '../../market/market.js'
import type { Axis, Cell } from '../../sweep/grid.js'
import type { Configuration, TaskInput } from '../../sweep/task.js'
import { configurer } from './configurations.js'

const SESSIONS = { min: 1, max: 100_000 }

export const windowOptions = under(
  'Windows',
  {
    'train-sessions': integer('N', 'sessions that train and validate in each window', {
      ...SESSIONS,
      min: 2,
      fallback: 120,
    }),
    'test-sessions': integer('N', 'sessions of each test', { ...SESSIONS, fallback: 20 }),
    'validation-sessions': integer('N', 'sessions that choose the best model, the last that train', {
      ...SESSIONS,
      defaultText: '15 of 85',
    }),
    anchored: flag('train from the first session on in every window'),
    purge: integer('N', 'sessions left out between training and test', {
      min: 0,
      max: 10_000,
      defaultText: 'those of the warm-up',
    }),
    embargo: integer('N', 'more sessions left out after a test, with --combinatorial', {
      min: 0,
      max: 10_000,
      fallback: 1,
    }),
    combinatorial: option<{ readonly groups: number; readonly tests: number } | undefined>(
      'N,K',
      'cut the sessions into N groups and test on every choice of K',
      {},
      (word) => {
        const [, groups, tests] = /^(\d{1,3}),(\d{1,3})$/.exec(word) ?? []
        const [n, k] = [Number(groups), Number(tests)]
        if (n >= 2 && k >= 1 && k < n && n <= 100) return { groups: n, tests: k }
        throw usage('expected N,K with 1 <= K < N <= 100, such as 6,2', { got: quote(word) })
      },
    ),
    seeds: integer('K', 'trainings of each window, of seeds one after the other', {
      min: 1,
      max: 1000,
      fallback: 1,
    }),
  },
  ['train-sessions', 'test-sessions', 'anchored', 'combinatorial', 'seeds'],
)

export type WindowFlags = Values<typeof windowOptions> & { readonly warmup: number; readonly seed: number }

/** More tasks than these are a slip of the hand. */
const MOST_WINDOWS = 10_000

/** The windows of the sessions of a market. Throws 65 where they are too few, 64 for options that go with other ones. */
export function windowsOf(market: Market, flags: WindowFlags, where: string): Window[] {
  const sessions = market.sessions.length
  const { 'validation-sessions': validation = null, combinatorial: choice, anchored, embargo } = flags
  // So many sessions as the warm-up looks back over share bars with what comes after them.
  const purge = flags.purge ?? Math.ceil((flags.warmup * sessions) / Math.max(1, market.length))
  if (choice !== undefined && anchored) throw usage('--anchored and --combinatorial exclude each other')
  try {
    const windows =
      choice === undefined
        ? walkForward({
            ...{ sessions, train: flags['train-sessions'], test: flags['test-sessions'] },
            ...{ purge, anchored, validation },
          })
        : combinatorial({ sessions, ...choice, purge, embargo, validation })
    if (windows.length * flags.seeds > MOST_WINDOWS)
      throw usage(`${windows.length} windows of ${flags.seeds} seeds are more than ${MOST_WINDOWS} trainings`)
    return windows
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw badData(error.message, { where, hint: 'give more bars, or smaller windows' })
  }
}

/** A training of a window. */
export interface WindowTask {
  readonly window: Window
  readonly seed: number
  readonly configuration: Configuration
}

/** Options of `train` that a window has values of its own for. */
export const OF_WINDOW: readonly string[] = [
  'from',
  'to',
  'exclude',
  'validation-sessions',
  'test-sessions',
  'seed',
]

export interface WindowGround {
  readonly where: string
  /** Options of `train` by their texts, the same in every window. */
  readonly fixed: readonly (readonly [name: string, text: string])[]
  readonly bars: readonly TaskInput[]
  readonly market: Market
  readonly windows: readonly Window[]
  readonly flags: Pick<WindowFlags, 'seed' | 'seeds'>
}

/** The trainings, window by window and seed by seed; each is refused as `train` would refuse it: 65. */
export async function windowTasks(
  context: Context,
  { where, fixed, bars, market, windows, flags }: WindowGround,
): Promise<WindowTask[]> {
  const date = (session: number): string => formatDate(market.sessions[session]!.day)
  const spanText = ({ from, to }: Span): string => `${date(from)}/${date(to - 1)}`
  const seeds = Array.from({ length: flags.seeds }, (_, n) => flags.seed + n)
  const trainings = windows.flatMap((window) => seeds.map((seed) => ({ window, seed })))
  const own = trainings.map(({ window: { train, gaps, validation }, seed }): [string, Cell][] => [
    ['from', date(train.from)],
    ['to', date(train.to - 1)],
    ...(gaps.length === 0 ? [] : [['exclude', gaps.map(spanText).join()] as [string, Cell]]),
    ['validation-sessions', validation],
    ['test-sessions', 0],
    ['seed', seed],
  ])
  const tasks: WindowTask[] = []
  // Windows with gaps have an option more than others.
  for (const hasGaps of [false, true]) {
    const places = trainings.flatMap(({ window }, i) => (window.gaps.length > 0 === hasGaps ? [i] : []))
    if (places.length === 0) continue
    const keys = own[places[0]!]!.map(([key]) => key)
    const axes: Axis[] = [
      ...fixed.map(([key, text]) => ({ key, values: [text] })),
      ...keys.map((key, k) => ({ key, values: [...new Set(places.map((i) => own[i]![k]![1]))] })),
    ]
    const configure = await configurer(context, { where, axes, bars })
    for (const i of places) {
      const cells = [...fixed.map(([, text]) => text), ...own[i]!.map(([, cell]) => cell)]
      tasks[i] = { ...trainings[i]!, configuration: configure(cells) }
    }
  }
  return tasks
}
