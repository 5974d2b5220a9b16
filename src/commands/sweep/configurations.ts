/** From a grid to the words of `train`: each key is one of its options, each value is read as it would be on a command line. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { policyFile } from '../../agent/run/initial.js'
import { badData, Failure, systemFailure, usage } from '../../base/errors.js'
import { nearest } from '../../base/suggest.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import type { Option, Options } from '../../cli/options.js'
import type { Axis, Cell, Combination } from '../../sweep/grid.js'
import type { Configuration, TaskInput } from '../../sweep/task.js'
import { readCurriculum, refuseSteps } from '../train/curriculum.js'
import { type Given, runningOptions, settingsOf, trainOptions } from '../train/options.js'
import { backendOf } from '../wiring/engines.js'
import { namedInputs } from '../wiring/input.js'
import { symbolPair } from '../wiring/market.js'
import { modelPath } from '../wiring/runs.js'
import { featuresOf, rulesOf } from '../wiring/strategy.js'

/** What a task says itself, what only makes sense for a run at hand, and a DSN, which may hold a password. */
const NOT_SWEPT: readonly string[] = ['output', 'run', 'resume', 'extend', 'force', 'format', 'dsn']

const OPTIONS: Options = trainOptions
const KEYS = Object.keys(OPTIONS).filter((name) => !NOT_SWEPT.includes(name))

/** Where environment and configuration may speak, as they change nothing in the weights. */
const FREE: readonly string[] = [...NOT_SWEPT, ...Object.keys(runningOptions), 'schema', 'store']

/** The tasks' common ground. */
export interface Ground {
  /** Of messages: the path of the grid. */
  readonly where: string
  readonly axes: readonly Axis[]
  readonly bars: readonly TaskInput[]
}

interface Choice {
  readonly words: readonly string[]
  readonly value: unknown
  readonly input: TaskInput | null
}

/** What makes a combination of the grid a training, or refuses it: 65 with the key. */
export type Configure = (combination: Combination) => Configuration

/** Reads the grid's keys against the options of `train`. Throws 65 for one that it has not, or that is not for a sweep. */
export function checkKeys(axes: readonly Axis[], where: string): void {
  for (const { key } of axes) {
    if (KEYS.includes(key)) continue
    if (NOT_SWEPT.includes(key)) throw badData(`${key}: is not for a sweep`, { where })
    const near = nearest(key.replace(/^--/, ''), KEYS)
    throw badData(`unknown option ${quote(key)} of train`, {
      where,
      hint: near === undefined ? 'jules help train --all has its options' : `did you mean ${near}?`,
    })
  }
}

/** A task means the same on every machine, so what decides its bytes must stand in it: the options that it names. Throws 64. */
export async function refuseSurroundings(context: Context, named: readonly string[]): Promise<void> {
  const settled: Readonly<Record<string, unknown>> = await context.settingsOf('train', OPTIONS)
  const other = KEYS.find(
    (name) => !FREE.includes(name) && !named.includes(name) && settled[name] !== OPTIONS[name]!.fallback,
  )
  if (other === undefined) return
  throw usage(`--${other} of train is set by the environment or the configuration file`, {
    hint: `a task must not depend on them: put ${other} into the grid`,
  })
}

/** The files of bars with their hashes. Throws 64 for standard input, 66 for a file that is not there. */
export async function barsOf(
  context: Context,
  operands: readonly string[],
  symbol: string | undefined,
): Promise<TaskInput[]> {
  const inputs = await namedInputs(operands, { symbol })
  return Promise.all(
    inputs.map(async ({ path, symbol: own }) => {
      if (path === '-') throw usage('a task reads its bars again: name a file, not standard input')
      const place = resolve(context.cwd, path)
      return { path: place, sha256: await hashOf(place, path), ...(own === undefined ? {} : { symbol: own }) }
    }),
  )
}

async function hashOf(path: string, name: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece)
  } catch (error) {
    throw systemFailure(error, name)
  }
  return hash.digest('hex')
}

/** Makes combinations into trainings; every value is read, and every file hashed, once. */
export async function configurer(context: Context, { where, axes, bars }: Ground): Promise<Configure> {
  const known = await Promise.all(
    axes.map(async (axis) => {
      const choices = new Map<Cell, Choice>()
      if ('values' in axis)
        for (const cell of axis.values) choices.set(cell, await chosen(context, axis.key, cell, where))
      return choices
    }),
  )
  const fallbacks = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { fallback }]) => [name, fallback]),
  )
  return (combination) => {
    const choices = combination.map((cell, i) => {
      const { key } = axes[i]!
      return [key, known[i]!.get(cell) ?? number(key, cell, where)] as const
    })
    const values = Object.fromEntries(choices.map(([key, { value }]) => [key, value]))
    try {
      check({ ...fallbacks, ...values } as Given, bars)
    } catch (error) {
      throw refused(error, where, words(axes, combination))
    }
    return {
      argv: ['train', ...choices.flatMap(([, choice]) => choice.words)],
      inputs: [...bars, ...choices.flatMap(([, { input }]) => input ?? [])],
    }
  }
}

const words = (axes: readonly Axis[], combination: Combination): string =>
  combination.map((cell, i) => `${axes[i]!.key} ${cell}`).join(', ')

/** A usage failure of a value that a file holds is one of the file. */
function refused(error: unknown, where: string, key: string): unknown {
  if (!(error instanceof Failure) || error.kind !== 'usage') return error
  return badData(`${key}: ${error.message}`, {
    where,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

async function chosen(context: Context, key: string, cell: Cell, where: string): Promise<Choice> {
  const plain = number(key, cell, where)
  if (key === 'curriculum' && cell !== 'default') {
    const path = resolve(context.cwd, String(cell))
    const { sha256 } = await readCurriculum(path, context.signal)
    return asFile(plain, key, { path, sha256 })
  }
  if (key !== 'transfer-from') return plain
  const { path, sha256 } = await policyFile(resolve(context.cwd, await modelPath(context, String(cell))))
  return asFile(plain, key, { path, sha256 })
}

const asFile = ({ value }: Choice, option: string, file: TaskInput): Choice => ({
  value,
  words: [`--${option}`, file.path],
  input: { ...file, option },
})

function number(key: string, cell: Cell, where: string): Choice {
  const spec: Option<unknown> = OPTIONS[key]!
  try {
    const value = spec.parse(String(cell))
    return { value, words: wordsOf(key, spec, cell, value), input: null }
  } catch (error) {
    throw refused(error, where, key)
  }
}

function wordsOf(key: string, { metavar }: Option<unknown>, cell: Cell, value: unknown): string[] {
  if (metavar === undefined) return value === true ? [`--${key}`] : []
  const text = String(cell)
  return text.startsWith('-') ? [`--${key}=${text}`] : [`--${key}`, text]
}

/** What `train` would refuse before it has read any bars. */
function check(given: Given, bars: readonly TaskInput[]): void {
  if (given.env !== undefined && (bars.length > 0 || given.store))
    throw usage(`--env ${given.env} reads no bars`)
  if (given.store && bars.length > 0) throw usage('--store and FILE exclude each other')
  if (given.env === undefined && !given.store && bars.length === 0) throw usage('no bars are named')
  if (given.curriculum !== undefined) refuseSteps(given.steps)
  if (typeof given.from === 'number' && typeof given.to === 'number' && given.from > given.to)
    throw usage('--from is after --to')
  backendOf(given)
  symbolPair(given.symbols, true)
  settingsOf(given, featuresOf(given.features).name)
  if (given.env === undefined && given.interval !== undefined) rulesOf(given, given.interval)
}
