/**
 * A task of a sweep: one training, told in full. Its id is a hash of what decides the bytes of the model, and of nothing else: the
 * same task has the same id in whatever folder and on whatever machine it is planned. A plan is a file with one task a line.
 */
import { resolve } from 'node:path'
import { sha256 } from '../base/digest.js'
import { badData, usage } from '../base/errors.js'
import { quote } from '../base/words.js'
import { isObject } from '../stream/json.js'

/** A file that a task reads. */
export interface TaskInput {
  /** Absolute. */
  readonly path: string
  readonly sha256: string
  /** Of bars: the symbol of rows that have none. */
  readonly symbol?: string
  /** The option that names the file, where it is no bars. */
  readonly option?: string
}

/** Where a task stands in a search by successive halving. */
export interface Rung {
  /** From 0 on. */
  readonly rung: number
  /** The task of the same configuration on the rung before; null on the first. */
  readonly after: string | null
  /** How many tasks of the rung before go on; null on the first. */
  readonly keep: number | null
}

export interface Task {
  readonly id: string
  /** Words after `jules`, the files of bars left out. */
  readonly argv: readonly string[]
  readonly inputs: readonly TaskInput[]
  /** Name of its folder. */
  readonly out: string
  /** Ids of the tasks that must have ended before. */
  readonly needs: readonly string[]
  /** The jules that planned it, and that its bytes are those of. */
  readonly version: string
  /** Null where nothing is halved. */
  readonly halving: Rung | null
}

/** What a task is made of. */
export interface Configuration {
  readonly argv: readonly string[]
  readonly inputs: readonly TaskInput[]
  readonly needs?: readonly string[]
  readonly halving?: Rung
}

const ID_DIGITS = 16
const ID = /^[0-9a-f]{16}$/
const HASH = /^[0-9a-f]{64}$/

/** Seed of a training that does not name one. */
const DEFAULT_SEED = '1'

/** The value that follows an option in words, where it is there. */
export function optionIn(argv: readonly string[], name: string): string | undefined {
  const at = argv.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
  if (at < 0) return undefined
  return argv[at]!.includes('=') ? argv[at]!.slice(name.length + 3) : argv[at + 1]
}

/** The id of a training: over its words, with files as their hashes, its inputs, the version of jules, and the seed. */
export function idOf({ argv, inputs }: Pick<Configuration, 'argv' | 'inputs'>, version: string): string {
  const words = argv.map((word, i) => {
    const file = inputs.find(
      ({ option, path }) => option !== undefined && argv[i - 1] === `--${option}` && word === path,
    )
    return file?.sha256 ?? word
  })
  const read = inputs.map(({ sha256: hash, symbol, option }) => [option ?? symbol ?? null, hash])
  const seed = optionIn(argv, 'seed') ?? DEFAULT_SEED
  return sha256(JSON.stringify([words, read, version, seed])).slice(0, ID_DIGITS)
}

/** The task of each configuration, in their order; those that are the same share one, that of the first. */
export function tasksOf(
  configurations: readonly Configuration[],
  { version }: { readonly version: string },
): Task[] {
  const tasks = new Map<string, Task>()
  return configurations.map(({ argv, inputs, needs = [], halving = null }) => {
    const id = idOf({ argv, inputs }, version)
    const task = tasks.get(id) ?? { id, argv, inputs, out: id, needs, version, halving }
    tasks.set(id, task)
    return task
  })
}

/** Tasks of configurations, in their order; of those that are the same the first alone. */
export const planTasks = (
  configurations: readonly Configuration[],
  from: { readonly version: string },
): Task[] => [...new Set(tasksOf(configurations, from))]

/** A task as a line of a plan, with its line feed. */
export const taskLine = ({ id, argv, inputs, out, needs, version, halving }: Task): string =>
  `${JSON.stringify({ type: 'task', id, argv, inputs, out, needs, version, halving })}\n`

/** Reads a plan. Throws 65 with the line for what is no task, whose id is not its own, or that needs a task which is not before it. */
export function readPlan(text: string, where: string): Task[] {
  const tasks = new Map<string, Task>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const task = taskIn(line, `${where}:${i + 1}`)
    const missing = task.needs.find((id) => !tasks.has(id))
    if (missing !== undefined)
      throw badData(`needs ${quote(missing)}, which is no task before it`, { where: `${where}:${i + 1}` })
    tasks.set(task.id, task)
  }
  if (tasks.size === 0) throw badData('holds no task', { where, hint: 'jules sweep plan writes one' })
  return [...tasks.values()]
}

function taskIn(line: string, where: string): Task {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw badData('is not JSON', { where })
  }
  if (!isObject(value) || value.type !== 'task') throw badData('expected a task record', { where })
  const { id, argv, inputs, out, needs, version, halving = null } = value
  const refused = (key: string) => badData(`${key}: is not that of a task`, { where })
  if (typeof id !== 'string' || !ID.test(id)) throw refused('id')
  // Nothing outside of the folder of the sweep is written, whoever made the plan.
  if (out !== id) throw refused('out')
  if (!isTexts(argv) || argv[0] !== 'train') throw refused('argv')
  if (!Array.isArray(inputs) || !inputs.every(isInput)) throw refused('inputs')
  if (!isTexts(needs)) throw refused('needs')
  if (typeof version !== 'string') throw refused('version')
  if (halving !== null && !isRung(halving)) throw refused('halving')
  if (idOf({ argv, inputs }, version) !== id)
    throw badData('id: its words or inputs were changed', { where, hint: 'plan it anew' })
  return { id, argv, inputs, out, needs, version, halving }
}

const isTexts = (value: unknown): value is string[] =>
  // A NUL cannot stand in the words of a command.
  Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes('\0'))

const isTextOrNone = (value: unknown): boolean => value === undefined || typeof value === 'string'

function isInput(value: unknown): value is TaskInput {
  if (!isObject(value)) return false
  const { path, sha256: hash, symbol, option } = value
  return (
    isTexts([path]) &&
    resolve('/', path as string) === path &&
    typeof hash === 'string' &&
    HASH.test(hash) &&
    [symbol, option].every(isTextOrNone)
  )
}

function isRung(value: unknown): value is Rung {
  if (!isObject(value)) return false
  const { rung, after, keep } = value
  const first = after === null && keep === null
  return (
    Number.isSafeInteger(rung) &&
    (first ||
      (typeof after === 'string' && ID.test(after) && Number.isSafeInteger(keep) && (keep as number) > 0))
  )
}

/** The plan must be of this jules: another one trains other bytes under the same ids. Throws 64. */
export function checkVersion(tasks: readonly Task[], version: string): void {
  const other = tasks.find((task) => task.version !== version)
  if (other === undefined) return
  throw usage(`the plan was made by ${other.version}, and this is ${version}`, { hint: 'plan it anew' })
}
